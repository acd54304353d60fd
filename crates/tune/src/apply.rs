//! Writing changes, and taking them back if what they are for does not build.

use camino::Utf8PathBuf;
use config_edit::{Change, EditError};
use dev_build::{DevError, DevRequest, Outcome, dev};
use processes::Say;
use project_model::Project;
use python_tools::Toolbox;

use crate::changes::without_ours;

/// The changes are not in force. Unless it says otherwise, all files are what they were.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each error says what it is")]
pub enum ApplyError {
    #[error(transparent)]
    Edit(#[from] Box<EditError>),
    /// Or what it builds does not import.
    #[error(
        "the project does not build with these settings; {} as before",
        listed(restored)
    )]
    DoesNotBuild {
        restored: Vec<Utf8PathBuf>,
        source: Box<DevError>,
    },
    #[error("ended before the project was built; {} as before", listed(restored))]
    Interrupted { restored: Vec<Utf8PathBuf> },
    #[error(
        "the settings in {path} are to be taken back, and that failed\n  help: `cargo xtask tune --undo` tries again"
    )]
    NotRestored {
        path: Utf8PathBuf,
        source: Box<EditError>,
    },
}

fn listed(files: &[Utf8PathBuf]) -> String {
    let files: Vec<_> = files.iter().map(|file| file.as_str()).collect();
    let verb = if files.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", files.join(" and "))
}

/// Writes `changes`, and builds as `cargo xtask dev` does: only what builds and imports stays.
pub fn apply(
    project: &Project,
    toolbox: &Toolbox,
    changes: &[Change],
    is_over: &dyn Fn() -> bool,
    say: Say<'_>,
) -> Result<Outcome, ApplyError> {
    let request = DevRequest::default();
    let build = || {
        let what =
            "the project with these settings; the dependencies may have to be compiled once more";
        say("Building", what);
        dev(&Project::load(&project.root)?, toolbox, &request, say)
    };
    built_with(changes, build, is_over, &without_ours)
}

/// Writes `changes` and builds. If a file cannot be written, if the build fails, or if the user ends it
/// (`is_over`), all is put back, byte for byte; `restore` says what a file is to be put back to that somebody
/// else has changed meanwhile.
fn built_with<T>(
    changes: &[Change],
    build: impl FnOnce() -> Result<T, DevError>,
    is_over: &dyn Fn() -> bool,
    restore: &dyn Fn(&Change) -> Result<Change, EditError>,
) -> Result<T, ApplyError> {
    for (number, change) in changes.iter().enumerate() {
        if let Err(error) = change.apply() {
            put_back(&changes[..number], restore)?;
            return Err(Box::new(error).into());
        }
    }
    let done = (!is_over()).then(build);
    let Some(done) = done.filter(|_| !is_over()) else {
        let restored = put_back(changes, restore)?;
        return Err(ApplyError::Interrupted { restored });
    };
    done.or_else(|source| {
        let restored = put_back(changes, restore)?;
        let source = Box::new(source);
        Err(ApplyError::DoesNotBuild { restored, source })
    })
}

/// Puts back the files of `changes`, the last first.
fn put_back(
    changes: &[Change],
    restore: &dyn Fn(&Change) -> Result<Change, EditError>,
) -> Result<Vec<Utf8PathBuf>, ApplyError> {
    let mut restored = Vec::new();
    for change in changes.iter().rev() {
        let back = Change {
            path: change.path.clone(),
            old: change.new.clone(),
            new: change.old.clone(),
        };
        let done = match back.apply() {
            // Whatever has been added meanwhile is not to be lost.
            Err(EditError::Changed { .. }) => restore(change).and_then(|change| change.apply()),
            done => done,
        };
        done.map_err(|source| ApplyError::NotRestored {
            path: change.path.clone(),
            source: Box::new(source),
        })?;
        restored.push(change.path.clone());
    }
    restored.reverse();
    Ok(restored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use config_edit::CargoConfig;
    use dev_build::compile::CompileError;
    use std::cell::Cell;
    use testkit::TempDir;

    use crate::OWNER;

    struct Files(TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(TempDir::new());
            fs_err::write(files.path("a.toml"), "a = 1\r\n").unwrap();
            files
        }

        fn path(&self, name: &str) -> Utf8PathBuf {
            self.0.path().join(name)
        }

        /// To a file that is there and to one that is not.
        fn changes(&self) -> Vec<Change> {
            let change = |name| {
                let mut config = CargoConfig::read(&self.path(name)).unwrap();
                config.set_jobs(2, OWNER).unwrap();
                config.into_change()
            };
            vec![change("a.toml"), change("dir/b.toml")]
        }

        fn are_as_before(&self) {
            assert_eq!(
                fs_err::read_to_string(self.path("a.toml")).unwrap(),
                "a = 1\r\n"
            );
            assert!(!self.path("dir/b.toml").exists());
        }
    }

    fn undone(change: &Change) -> Result<Change, EditError> {
        let mut config = CargoConfig::read(&change.path)?;
        config.undo(OWNER)?;
        Ok(config.into_change())
    }

    fn failed() -> Result<(), DevError> {
        Err(CompileError::Failed { is_installed: true }.into())
    }

    #[test]
    fn what_builds_stays() {
        let files = Files::new();
        let changes = files.changes();
        let built = || {
            assert!(
                files.path("dir/b.toml").exists(),
                "written before it is built"
            );
            Ok(7)
        };
        assert_eq!(built_with(&changes, built, &|| false, &undone).unwrap(), 7);
        for change in &changes {
            assert_eq!(fs_err::read_to_string(&change.path).ok(), change.new);
        }
    }

    #[test]
    fn what_does_not_build_is_put_back_to_the_byte() {
        let files = Files::new();
        let error = built_with(&files.changes(), failed, &|| false, &undone).unwrap_err();
        files.are_as_before();
        let text = error.to_string();
        assert!(
            text.contains("a.toml and ") && text.ends_with("b.toml are as before"),
            "{text}"
        );
    }

    #[test]
    fn so_is_what_the_user_ends_whenever_that_is() {
        // Before the build, and during it.
        for looks in [0, 1] {
            let files = Files::new();
            let looked = Cell::new(0);
            let is_over = || looked.replace(looked.get() + 1) >= looks;
            let error = built_with(&files.changes(), || Ok(()), &is_over, &undone).unwrap_err();
            assert!(matches!(error, ApplyError::Interrupted { .. }), "{error}");
            files.are_as_before();
        }
        let files = Files::new();
        let error = built_with(&files.changes(), failed, &|| true, &undone).unwrap_err();
        assert!(matches!(error, ApplyError::Interrupted { .. }), "{error}");
        files.are_as_before();
    }

    #[test]
    fn a_file_that_cannot_be_written_takes_the_others_back() {
        let files = Files::new();
        let changes = files.changes();
        fs_err::create_dir(files.path("dir")).unwrap();
        fs_err::write(files.path("dir/b.toml"), "somebody's").unwrap();
        let never = || -> Result<(), DevError> { panic!("not built") };
        let error = built_with(&changes, never, &|| false, &undone).unwrap_err();
        assert!(
            matches!(&error, ApplyError::Edit(it) if matches!(**it, EditError::Changed { .. })),
            "{error}"
        );
        assert_eq!(
            fs_err::read_to_string(files.path("a.toml")).unwrap(),
            "a = 1\r\n"
        );
        assert_eq!(
            fs_err::read_to_string(files.path("dir/b.toml")).unwrap(),
            "somebody's"
        );
    }

    #[test]
    fn what_others_have_written_meanwhile_is_not_lost() {
        let files = Files::new();
        let path = files.path("a.toml");
        let build = || {
            let text = fs_err::read_to_string(&path).unwrap();
            fs_err::write(&path, format!("# mine\r\n{text}")).unwrap();
            failed()
        };
        built_with(&files.changes(), build, &|| false, &undone).unwrap_err();
        assert_eq!(
            fs_err::read_to_string(&path).unwrap(),
            "# mine\r\na = 1\r\n"
        );
        assert!(!files.path("dir/b.toml").exists());
    }
}
