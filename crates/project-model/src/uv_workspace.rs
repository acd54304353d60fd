//! The uv workspace that a project belongs to, found as uv finds it (its crate `uv-workspace`, 0.13):
//! environment and lock file lie in its root.

use camino::{Utf8Path, Utf8PathBuf};
use glob::{MatchOptions, Pattern};

use crate::Pyproject;
use crate::pyproject::UvWorkspaceTable;

/// `*` stands for a part of one name, as in a shell.
const AS_IN_A_SHELL: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// A project of a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its directory.
    pub(crate) root: Utf8PathBuf,
    /// Its pyproject.toml.
    pub(crate) pyproject: Pyproject,
}

/// The root of the workspace of the project in `root`: the project itself, where it cannot be read.
#[must_use]
pub fn root(root: &Utf8Path) -> Utf8PathBuf {
    let pyproject = Pyproject::read(&root.join("pyproject.toml"));
    pyproject.map_or_else(|_| root.to_owned(), |pyproject| root_of(root, &pyproject))
}

/// The root of the workspace of the project in `root`, which is the project itself where it is in none. The
/// nearest pyproject.toml above decides; a project that uv does not manage is in no workspace.
pub(crate) fn root_of(root: &Utf8Path, pyproject: &Pyproject) -> Utf8PathBuf {
    let above = root.ancestors().skip(1);
    let nearest = above
        .map(|dir| (dir, dir.join("pyproject.toml")))
        .find(|(_, file)| file.is_file());
    let is_a_root = pyproject.uv_workspace().is_some();
    let Some((dir, file)) = nearest.filter(|_| !is_a_root && pyproject.is_managed_by_uv()) else {
        return root.to_owned();
    };
    let workspace = Pyproject::read(&file).ok();
    let table = workspace.as_ref().and_then(Pyproject::uv_workspace);
    match table {
        Some(table) if is_member(table, dir, root) => dir.to_owned(),
        _ => root.to_owned(),
    }
}

/// The projects of the workspace in `root`, without the one in the root itself.
pub(crate) fn members(root: &Utf8Path) -> Vec<Member> {
    let Ok(pyproject) = Pyproject::read(&root.join("pyproject.toml")) else {
        return Vec::new();
    };
    let Some(table) = pyproject.uv_workspace() else {
        return Vec::new();
    };
    let patterns = table.members.iter().map(|pattern| {
        let pattern = normal(pattern);
        format!(
            "{}/{pattern}/pyproject.toml",
            Pattern::escape(root.as_str())
        )
    });
    let files = patterns.filter_map(|pattern| glob::glob_with(&pattern, AS_IN_A_SHELL).ok());
    let files = files.flatten().flatten();
    let dirs =
        files.filter_map(|file| Some(Utf8PathBuf::try_from(file).ok()?.parent()?.to_owned()));
    let mut members: Vec<_> = dirs
        .filter(|dir| dir != root && is_member(table, root, dir))
        .filter_map(|dir| member(&dir))
        .collect();
    members.sort_by(|one, other| one.root.cmp(&other.root));
    members.dedup_by(|one, other| one.root == other.root);
    members
}

fn member(dir: &Utf8Path) -> Option<Member> {
    let pyproject = Pyproject::read(&dir.join("pyproject.toml")).ok()?;
    let root = dir.canonicalize_utf8().ok()?;
    let is_one = pyproject.project.is_some() && pyproject.is_managed_by_uv();
    is_one.then_some(Member { root, pyproject })
}

/// The version of Python that a `.python-version` asks for, in `root` or above it, as far as `workspace`. A
/// file that names no plain version, as those of pyenv may, says nothing.
pub(crate) fn pinned_python(root: &Utf8Path, workspace: &Utf8Path) -> Option<String> {
    let dirs = root
        .ancestors()
        .take_while(|dir| dir.starts_with(workspace));
    let mut texts = dirs.filter_map(|dir| fs_err::read_to_string(dir.join(".python-version")).ok());
    let text = texts.next()?;
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let is_version = line.starts_with(|c: char| c.is_ascii_digit())
        && line.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_version.then(|| line.to_owned())
}

/// Whether the table of the workspace in `root` takes in `dir`.
fn is_member(table: &UvWorkspaceTable, root: &Utf8Path, dir: &Utf8Path) -> bool {
    let Ok(below) = dir.strip_prefix(root) else {
        return false;
    };
    let has = |patterns: &[String]| {
        patterns.iter().any(|pattern| {
            let pattern = Pattern::new(&normal(pattern));
            pattern.is_ok_and(|it| it.matches_with(below.as_str(), AS_IN_A_SHELL))
        })
    };
    has(&table.members) && !has(&table.exclude)
}

/// `./a/b/` as `a/b`.
fn normal(pattern: &str) -> String {
    let parts = pattern.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn write(dir: &TempDir, name: &str, text: &str) {
        let path = dir.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn found(dir: &TempDir, project: &str) -> String {
        let root = dir.path().join(project);
        let pyproject = Pyproject::read(&root.join("pyproject.toml")).unwrap();
        let found = root_of(&root, &pyproject);
        found.strip_prefix(dir.path()).unwrap().to_string()
    }

    const PROJECT: &str = "[project]\nname = 'm'\n";

    /// Each as uv 0.13 answers `uv workspace dir`.
    #[test]
    fn the_root_is_where_uv_finds_it() {
        let between = [("w/mid/pyproject.toml", "[project]\nname = 'x'\n")];
        let tool = [("w/mid/pyproject.toml", "[tool.ruff]\n")];
        for (table, more, expected) in [
            ("members = ['mid/*']", &[][..], "w"),
            ("members = ['mid/*']", &between, "w/mid/m"),
            ("members = ['mid/*']", &tool, "w/mid/m"),
            ("members = ['*']", &[], "w/mid/m"),
            ("members = ['**/m']", &[], "w"),
            ("members = ['./mid/m/']", &[], "w"),
            ("members = ['mid/[lm]']", &[], "w"),
            ("members = ['{mid,other}/m']", &[], "w/mid/m"),
            ("members = ['other/*']", &[], "w/mid/m"),
            ("members = ['mid/*']\nexclude = ['mid/m']", &[], "w/mid/m"),
            ("members = ['mid/*']\nexclude = ['mid/**']", &[], "w/mid/m"),
            ("members = ['mid/*']\nexclude = ['mid']", &[], "w"),
            ("members = ['mid/*']\n[tool.uv]\nmanaged = false", &[], "w"),
            ("", &[], "w/mid/m"),
        ] {
            let dir = TempDir::new();
            write(
                &dir,
                "w/pyproject.toml",
                &format!("[tool.uv.workspace]\n{table}\n"),
            );
            write(&dir, "w/mid/m/pyproject.toml", PROJECT);
            for (name, text) in more {
                write(&dir, name, text);
            }
            assert_eq!(found(&dir, "w/mid/m"), expected, "{table} {more:?}");
        }
    }

    #[test]
    fn a_root_of_its_own_and_a_project_that_uv_does_not_manage_are_in_no_other_workspace() {
        let dir = TempDir::new();
        write(
            &dir,
            "w/pyproject.toml",
            "[tool.uv.workspace]\nmembers = ['*']\n",
        );
        write(
            &dir,
            "w/own/pyproject.toml",
            "[tool.uv.workspace]\n[project]\nname = 'm'\n",
        );
        assert_eq!(found(&dir, "w/own"), "w/own");
        write(
            &dir,
            "w/un/pyproject.toml",
            &format!("{PROJECT}[tool.uv]\nmanaged = false\n"),
        );
        assert_eq!(found(&dir, "w/un"), "w/un");
    }

    #[test]
    fn members_are_listed_once_without_those_that_are_left_out() {
        let dir = TempDir::new();
        let table =
            "[tool.uv.workspace]\nmembers = ['p/*', 'p/deep/*', 'p/a']\nexclude = ['p/out']\n";
        write(&dir, "pyproject.toml", table);
        write(&dir, "p/a/pyproject.toml", "[project]\nname = 'A_a'\n");
        write(&dir, "p/deep/b/pyproject.toml", "[project]\nname = 'b'\n");
        write(&dir, "p/out/pyproject.toml", PROJECT);
        write(
            &dir,
            "p/un/pyproject.toml",
            &format!("{PROJECT}[tool.uv]\nmanaged = false\n"),
        );
        fs_err::create_dir(dir.path().join("p/empty")).unwrap();
        let members = members(dir.path()).into_iter();
        let names: Vec<_> = members
            .map(|it| it.pyproject.project.unwrap().name)
            .collect();
        assert_eq!(names, ["A_a", "b"]);
    }

    #[test]
    fn a_pin_of_a_python_counts_as_far_as_the_root_of_the_workspace() {
        let dir = TempDir::new();
        write(&dir, ".python-version", "3.9\n");
        write(&dir, "w/m/pyproject.toml", PROJECT);
        let (workspace, member) = (dir.path().join("w"), dir.path().join("w/m"));
        assert_eq!(pinned_python(&member, &workspace), None);
        for (text, expected) in [
            ("# mine\n\n3.12\n3.11\n", Some("3.12")),
            ("3.12.1", Some("3.12.1")),
            ("my-own-environment", None),
            ("3.13t", None),
            ("", None),
        ] {
            write(&dir, "w/.python-version", text);
            assert_eq!(pinned_python(&member, &workspace).as_deref(), expected);
        }
        write(&dir, "w/m/.python-version", "3.13");
        assert_eq!(pinned_python(&member, &workspace).as_deref(), Some("3.13"));
    }
}
