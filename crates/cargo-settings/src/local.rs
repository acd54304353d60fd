//! This machine's own configuration, `.cargo/config.local.toml`: where it lies, who writes to it, and how the
//! tracked configuration comes to include it and no longer does.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::{CargoConfig, Change, EditError, Owner};
use environment::cargo_env::cargo_home;
use environment::vars;
use processes::{Invocation, quoted};
use project_model::{Project, Workspace};
use serde_json::Value;

use crate::layers::{Layers, config_in};

pub use environment::cargo_env::LOCAL_CONFIG;

/// Writes what a project is taken over with.
pub const INIT: Owner = Owner("cargo xtask init");
/// Writes jobs and a linker.
pub const MACHINE: Owner = Owner("cargo xtask machine");
/// Writes a compiler cache and what that is told.
pub const SCCACHE: Owner = Owner("cargo xtask sccache");
/// Writes the linker that was measured.
pub const TUNE: Owner = Owner("cargo xtask tune");
/// Writes the variables of pyo3, without a mark: nobody else sets them there.
pub const DEV: Owner = Owner("cargo xtask dev");
/// Who has the local file included for a compiler cache.
pub const SCCACHE_INCLUDER: Owner = Owner("cargo xtask sccache --scope local");
/// Who has it included for settings that were measured.
pub const TUNE_INCLUDER: Owner = Owner("cargo xtask tune --apply");

/// What a new local file begins with.
pub const INTRODUCTION: &str = "\
# Settings of this machine only: git is to ignore this file.
";

/// What a new tracked file begins with.
pub const TRACKED_INTRODUCTION: &str = "\
# Cargo's settings for everybody. Those of one machine are in the file that is included, where there is one.
";

/// The files in which settings for a project can stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The directory that cargo is started in: where reading of its configuration begins.
    pub root: Utf8PathBuf,
    /// The tracked configuration.
    pub tracked: Utf8PathBuf,
    /// This machine's own, beside it.
    pub local: Utf8PathBuf,
}

impl Files {
    /// Those of `project`: in the directory whose configuration includes a local one already, else in the
    /// upper one of the project's and its Cargo workspace's, where both find it.
    #[must_use]
    pub fn of(project: &Project, workspace: &Workspace) -> Self {
        let included = Self::that_include(&Layers::default(), project, workspace);
        included.ok().flatten().unwrap_or_else(|| {
            let is_below = project.root.starts_with(&workspace.root);
            let upper = if is_below {
                workspace.root.as_path()
            } else {
                &project.root
            };
            Self::in_dir(&project.root, upper)
        })
    }

    /// The same, if the tracked configuration includes the local one. What `layers` have read is not read
    /// again.
    pub fn that_include(
        layers: &Layers,
        project: &Project,
        workspace: &Workspace,
    ) -> Result<Option<Self>, EditError> {
        for dir in [&workspace.root, &project.root] {
            let files = Self::in_dir(&project.root, dir);
            if layers.file(&files.tracked)?.includes(LOCAL_CONFIG) {
                return Ok(Some(files));
            }
        }
        Ok(None)
    }

    /// All that [`Files::of`] could give for a project in `root`, where neither that nor its workspace can be
    /// read: those in the directory, in each above it that has a Cargo.toml or is still in the same git
    /// checkout, and in those crates of two levels below it that have a configuration.
    #[must_use]
    pub fn possible(root: &Utf8Path) -> Vec<Self> {
        let home = cargo_home();
        let is_cargos_home = |dir: &Utf8Path| Some(dir.join(".cargo")) == home;
        let checkout = root.ancestors().find(|dir| dir.join(".git").exists());
        let above = root.ancestors().skip(1).filter(|dir| {
            let in_checkout = checkout.is_some_and(|checkout| dir.starts_with(checkout));
            in_checkout || dir.join("Cargo.toml").is_file()
        });
        let below = directories_in(root).into_iter();
        let below = below.flat_map(|dir| [directories_in(&dir), vec![dir]].concat());
        let crates = below.filter(|dir| dir.join(".cargo").is_dir());
        let dirs = [root].into_iter().chain(above).map(Utf8Path::to_owned);
        let dirs = dirs.chain(crates).filter(|dir| !is_cargos_home(dir));
        dirs.map(|dir| Self::in_dir(root, &dir)).collect()
    }

    /// Those in `dir`, for cargo started in `root`.
    #[must_use]
    pub fn in_dir(root: &Utf8Path, dir: &Utf8Path) -> Self {
        let cargo_dir = dir.join(".cargo");
        Self {
            root: root.to_owned(),
            tracked: config_in(&cargo_dir),
            local: cargo_dir.join(LOCAL_CONFIG),
        }
    }

    /// What is to be said if git would commit the local file, or does not tell; with the remedy.
    #[must_use]
    pub fn not_ignored(&self) -> Option<String> {
        let root = self.local.parent().and_then(Utf8Path::parent);
        let name = root.and_then(|root| self.local.strip_prefix(root).ok());
        let name = name.unwrap_or(&self.local);
        match ask_git(&self.local) {
            Ok(true) => None,
            Ok(false) => Some(format!(
                "git does not ignore {name}, which is for this machine only\n  help: add the line `{LOCAL_CONFIG}` to {}",
                self.local.with_file_name(".gitignore")
            )),
            Err(said) => Some(format!(
                "git does not tell whether it ignores {name}, which is for this machine only: {said}\n  help: `git -C {} status` says what helps",
                quoted(root.unwrap_or(&self.local).as_str())
            )),
        }
    }
}

/// The directories in `dir`; a link is none.
fn directories_in(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
    let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    dirs.map(camino::Utf8DirEntry::into_path).collect()
}

/// Has `tracked` include the local file, unless it does. `by` is who takes the line back when nobody needs it
/// any more.
pub fn include(tracked: &mut CargoConfig, by: Owner) -> Result<(), EditError> {
    if tracked.includes(LOCAL_CONFIG) {
        return Ok(());
    }
    tracked.introduce(TRACKED_INTRODUCTION, by);
    tracked.include_local_config(LOCAL_CONFIG, by)
}

/// Takes back the line of `by` that includes the local file, unless `local`, the change that is planned to
/// that file, leaves settings in it: then the answer is `true`. What `cargo xtask dev` keeps there, because
/// it is included, goes with the line.
pub fn stop_including(
    tracked: &mut CargoConfig,
    local: &mut Change,
    by: Owner,
) -> Result<bool, EditError> {
    let mut without = tracked.clone();
    without.undo(by)?;
    if !tracked.includes(LOCAL_CONFIG) || without.includes(LOCAL_CONFIG) {
        // Not included, or not by `by`.
        return Ok(false);
    }
    if local
        .new
        .as_deref()
        .is_some_and(|text| !is_only_of_dev(text))
    {
        return Ok(true);
    }
    local.new = None;
    *tracked = without;
    Ok(false)
}

/// Whether `text` has no other settings than those that `cargo xtask dev` keeps: then nobody else needs the
/// file.
#[must_use]
pub fn is_only_of_dev(text: &str) -> bool {
    let tables: BTreeMap<String, Value> = toml_edit::de::from_str(text).unwrap_or_default();
    tables.iter().all(|(name, table)| {
        let mut keys = table.as_object().into_iter().flat_map(|table| table.keys());
        name == "env" && keys.all(|key| vars::PYO3.contains(&key.as_str()))
    })
}

/// Whether git leaves the file alone. True as well where there is no git, or no repository; not where git
/// refuses to tell.
#[must_use]
pub fn is_ignored(path: &Utf8Path) -> bool {
    ask_git(path).unwrap_or(false)
}

/// The same, or what git said instead of an answer.
fn ask_git(path: &Utf8Path) -> Result<bool, String> {
    let dir = path.ancestors().skip(1).find(|dir| dir.is_dir());
    // A link may lead out of the repository, and git asks where it leads.
    let real = dir.and_then(|dir| {
        dir.canonicalize_utf8()
            .ok()
            .zip(path.strip_prefix(dir).ok())
    });
    let Some((dir, name)) = real else {
        return Ok(true);
    };
    let command = Invocation::new("git").args(["check-ignore", "--quiet", "--", name.as_str()]);
    let Ok(done) = command.cwd(&dir).capture() else {
        return Ok(true);
    };
    match done.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ if !dir.ancestors().any(|dir| dir.join(".git").exists()) => Ok(true),
        _ => {
            let said = done.stderr.lines().next().unwrap_or_default();
            Err(said.trim_start_matches("fatal: ").to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    const INCLUDER: Owner = Owner("cargo xtask tune --apply");

    #[test]
    fn the_line_is_taken_back_when_nobody_but_dev_needs_the_file() {
        let cases = [
            ("", false),
            ("[env]\nPYO3_PYTHON = '/p'\n", false),
            ("[env]\nPYO3_PYTHON = '/p'\nCC = 'clang'\n", true),
            ("[build]\njobs = 2\n", true),
        ];
        for (text, stays) in cases {
            let fixture = Fixture::new();
            fixture.write(".cargo/config.local.toml", text);
            let files = Files::in_dir(&fixture.root(), &fixture.root());
            let mut tracked = CargoConfig::read(&files.tracked).unwrap();
            include(&mut tracked, INCLUDER).unwrap();
            let local = CargoConfig::read(&files.local).unwrap();
            let mut local = local.into_change();
            let answer = stop_including(&mut tracked, &mut local, INCLUDER).unwrap();
            assert_eq!(answer, stays, "{text}");
            assert_eq!(tracked.includes(LOCAL_CONFIG), stays, "{text}");
            assert_eq!(local.new.is_some(), stays, "{text}");
        }
    }

    #[test]
    fn a_line_of_somebody_elses_stays() {
        let fixture = Fixture::new();
        fixture.write(".cargo/config.toml", "include = ['config.local.toml']\n");
        let files = Files::in_dir(&fixture.root(), &fixture.root());
        let mut tracked = CargoConfig::read(&files.tracked).unwrap();
        let local = CargoConfig::read(&files.local).unwrap();
        stop_including(&mut tracked, &mut local.into_change(), INCLUDER).unwrap();
        assert!(tracked.includes(LOCAL_CONFIG));
    }

    #[test]
    fn what_git_refuses_to_tell_is_not_taken_for_ignored() {
        let fixture = Fixture::new();
        let files = Files::in_dir(&fixture.root(), &fixture.root());
        fixture.write(".cargo/config.local.toml", "");
        assert_eq!(files.not_ignored(), None, "no repository");
        // As for a checkout of another user, git ends with 128.
        fixture.write(".git", "gitdir: /nowhere\n");
        let told = files.not_ignored().unwrap();
        assert!(
            told.contains("does not tell") && told.contains("/nowhere"),
            "{told}"
        );
        assert!(!is_ignored(&files.local));

        fs_err::remove_file(fixture.root().join(".git")).unwrap();
        let git = Invocation::new("git")
            .args(["init", "--quiet"])
            .cwd(&fixture.root());
        git.run().unwrap();
        let told = files.not_ignored().unwrap();
        let remedy = format!(
            "add the line `config.local.toml` to {}/.cargo/.gitignore",
            fixture.root()
        );
        assert!(told.ends_with(&remedy), "{told}");
        fixture.write(".cargo/.gitignore", "config.local.toml\n");
        assert_eq!(files.not_ignored(), None);

        let outside = testkit::TempDir::new();
        fs_err::os::unix::fs::symlink(outside.path(), fixture.root().join("target")).unwrap();
        assert!(
            is_ignored(&fixture.root().join("target/x")),
            "it is not in the repository"
        );
    }

    #[test]
    fn where_nothing_can_be_read_all_places_are_possible() {
        let fixture = Fixture::new();
        let project = fixture.root().join("py");
        for name in [
            "Cargo.toml",
            "py/native/.cargo/config.toml",
            "py/other/x",
            "py/crates/a/.cargo/config.local.toml",
        ] {
            fixture.write(name, "[");
        }
        let found = Files::possible(&project);
        let mut dirs: Vec<_> = found
            .iter()
            .map(|files| files.tracked.parent().unwrap().parent().unwrap())
            .map(|dir| dir.strip_prefix(fixture.root()).unwrap().as_str())
            .collect();
        dirs.sort_unstable();
        assert_eq!(dirs, ["", "py", "py/crates/a", "py/native"]);
        assert!(found.iter().all(|files| files.root == project));
    }

    #[test]
    fn the_files_are_those_where_a_local_one_is_included_already() {
        let fixture = Fixture::pure_rust("thing");
        let project = Project::load(&fixture.root()).unwrap();
        let below = fixture.root().join("native");
        let workspace = Workspace {
            root: below.clone(),
            ..Workspace::load(&project).unwrap()
        };
        let upper = Files::in_dir(&project.root, &project.root);
        assert_eq!(Files::of(&project, &workspace), upper);
        let that_include = || Files::that_include(&Layers::default(), &project, &workspace);
        assert_eq!(that_include().unwrap(), None);
        // The older name counts as well.
        fixture.write("native/.cargo/config", "include = ['config.local.toml']\n");
        let files = Files::of(&project, &workspace);
        assert_eq!(files.tracked, below.join(".cargo/config"));
        assert_eq!(files.local, below.join(".cargo/config.local.toml"));
        assert_eq!(that_include().unwrap(), Some(files));
    }
}
