//! What git is not to see: this machine's own settings, and what builds make where the project has not
//! thought of it yet. Directories that bring a `.gitignore` of their own (`.venv`, `dist`, `.xtask`) need
//! no line.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Files;
use cargo_settings::local::is_ignored;
use config_edit::{Change, EditError, TextFile};
use project_model::{Layout, Project, Workspace};

use crate::OWNER;

/// The lines of ours in a `.gitignore`, as they are to be.
#[derive(Debug)]
pub(crate) struct Ignored {
    pub(crate) change: Change,
    /// The lines.
    pub(crate) lines: Vec<String>,
}

/// Those for `project`; `None` outside of a git checkout.
pub(crate) fn ignored(
    project: &Project,
    workspace: &Workspace,
    files: &Files,
) -> Result<Option<Ignored>, EditError> {
    let upper = if project.root.starts_with(&workspace.root) {
        &workspace.root
    } else {
        &project.root
    };
    let Some(checkout) = checkout_of(upper) else {
        return Ok(None);
    };
    let path = gitignore_for(upper, &checkout);
    let dir = path.parent().unwrap_or(upper);
    let mut file = TextFile::read(&path)?;
    let present = file.block(OWNER)?;
    let places = places(project, workspace, files);
    let wanted = places.into_iter().filter_map(|place| {
        let line = line_for(&place, dir)?;
        (present.contains(&line) || !is_ignored(&place.probe)).then_some(line)
    });
    let lines: Vec<_> = wanted.collect();
    // Lines keep their order: else those of two projects would take turns.
    let mut block = present.clone();
    block.retain(|line| lines.contains(line) || is_of_another(line, dir, &project.root));
    block.extend(lines.iter().filter(|line| !present.contains(line)).cloned());
    set_block(&mut file, &block)?;
    let change = file.into_change();
    Ok(Some(Ignored { change, lines }))
}

/// Has our block hold `lines`; without any there is none.
pub(crate) fn set_block(file: &mut TextFile, lines: &[String]) -> Result<(), EditError> {
    if lines.is_empty() {
        return file.undo(OWNER);
    }
    file.set_block(lines, OWNER)
}

/// Whether a line of our block in the `.gitignore` of `dir` stands there for another project of the checkout
/// than the one in `root`: what it hides lies in that one's directory.
pub(crate) fn is_of_another(line: &str, dir: &Utf8Path, root: &Utf8Path) -> bool {
    let path = dir.join(line.trim_matches('/'));
    let mut above = path
        .ancestors()
        .skip(1)
        .take_while(|it| it.starts_with(dir));
    let project = above.find(|dir| dir.join("pyproject.toml").is_file());
    project.is_some_and(|project| project != root)
}

/// The `.gitignore` that our lines go to: the one that has some, else the nearest one at `dir` or above, in
/// the `checkout`; else a new one.
fn gitignore_for(dir: &Utf8Path, checkout: &Utf8Path) -> Utf8PathBuf {
    let there = gitignores(dir, checkout);
    let is_ours = |path: &&Utf8PathBuf| {
        let lines = TextFile::read(path).and_then(|file| file.block(OWNER));
        lines.is_ok_and(|lines| !lines.is_empty())
    };
    let found = there.iter().find(is_ours).or(there.first());
    found.cloned().unwrap_or_else(|| dir.join(".gitignore"))
}

/// Those at `dir` and above, in the `checkout`, the nearest first.
pub(crate) fn gitignores(dir: &Utf8Path, checkout: &Utf8Path) -> Vec<Utf8PathBuf> {
    let above = dir.ancestors().take_while(|dir| dir.starts_with(checkout));
    let paths = above.map(|dir| dir.join(".gitignore"));
    paths.filter(|path| path.is_file()).collect()
}

/// The git checkout around `dir`.
pub(crate) fn checkout_of(dir: &Utf8Path) -> Option<Utf8PathBuf> {
    let found = dir.ancestors().find(|dir| dir.join(".git").exists());
    found.map(Utf8Path::to_owned)
}

/// Something that is not to be seen.
struct Place {
    /// A path that git is asked about.
    probe: Utf8PathBuf,
    /// What follows the directory in the line: a file name, a pattern, or a name with `/` for a directory.
    parent: Utf8PathBuf,
    name: String,
}

fn places(project: &Project, workspace: &Workspace, files: &Files) -> Vec<Place> {
    let place = |probe: Utf8PathBuf, parent: Option<&Utf8Path>, name: &str| {
        Some(Place {
            probe,
            parent: parent?.to_owned(),
            name: name.to_owned(),
        })
    };
    let local = place(
        files.local.clone(),
        files.local.parent(),
        files.local.file_name().unwrap_or_default(),
    );
    let target = &workspace.target_dir;
    let name = format!("{}/", target.file_name().unwrap_or_default());
    let target = place(target.join("x"), target.parent(), &name);
    let library = match &project.extension.layout {
        Layout::Mixed { package } => {
            let name = project.extension.library_name();
            place(
                package.join(format!("{name}.abi3.so")),
                Some(package),
                &format!("{name}.*so"),
            )
        }
        Layout::PureRust => None,
    };
    [local, target, library].into_iter().flatten().collect()
}

/// The line for `place` in the `.gitignore` of `dir`; `None` if it lies outside.
fn line_for(place: &Place, dir: &Utf8Path) -> Option<String> {
    let below = place.parent.strip_prefix(dir).ok()?;
    let slash = if below.as_str().is_empty() { "" } else { "/" };
    Some(format!("/{below}{slash}{}", place.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use processes::Invocation;
    use testkit::Fixture;

    fn lines(project: &Fixture) -> Vec<String> {
        let project = Project::load(&project.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        let files = Files::of(&project, &workspace);
        let ignored = ignored(&project, &workspace, &files).unwrap();
        ignored.map(|ignored| ignored.lines).unwrap_or_default()
    }

    #[test]
    fn what_git_would_see_gets_a_line_and_nothing_else_does() {
        let project = Fixture::mixed("hidden_thing");
        assert!(lines(&project).is_empty(), "no checkout");
        let git = Invocation::new("git")
            .args(["init", "--quiet"])
            .cwd(&project.root());
        git.run().unwrap();
        let all = [
            "/.cargo/config.local.toml",
            "/native/target/",
            "/python/hidden_thing/_hidden_thing.*so",
        ];
        assert_eq!(lines(&project), all);
        project.write(".gitignore", "target/\n*.so\n");
        assert_eq!(lines(&project), all[..1]);
    }

    #[test]
    fn a_line_is_for_the_project_in_whose_directory_it_hides_something() {
        let dir = testkit::TempDir::new();
        let root = dir.path();
        for project in ["", "a"] {
            fs_err::create_dir_all(root.join(project)).unwrap();
            fs_err::write(root.join(project).join("pyproject.toml"), "").unwrap();
        }
        for (line, project, expected) in [
            ("/target/", "", false),
            ("/target/", "a", true),
            ("/a/target/", "a", false),
            ("/a/python/a/_a.*so", "", true),
            ("/b/target/", "", false),
        ] {
            let project = root.join(project);
            let project = project.as_str().trim_end_matches('/');
            assert_eq!(
                is_of_another(line, root, project.into()),
                expected,
                "{line}"
            );
        }
    }
}
