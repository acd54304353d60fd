//! What is to be written, as a value.

use config_edit::{Change, EditError, Owner, PyprojectFile};
use project_model::{Closure, Project};

use crate::derive::Derived;
use crate::paths::is_too_wide;
use crate::witness;

/// Who writes the keys, as the comments around them say.
pub const OWNER: Owner = Owner("cargo xtask cache-keys");

/// What is to be written, and what the user should know.
#[derive(Debug)]
pub struct CacheKeysPlan {
    /// The change of pyproject.toml.
    pub change: Change,
    /// What the user should know of the keys.
    pub notes: Vec<String>,
}

/// The keys of `project`, beside those that the user has added.
pub fn plan(project: &Project, closure: &Closure) -> Result<CacheKeysPlan, EditError> {
    let mut file = PyprojectFile::read(&project.root.join("pyproject.toml"))?;
    let notes = edit(&mut file, project, closure)?;
    Ok(CacheKeysPlan {
        change: file.into_change(),
        notes,
    })
}

/// Sets the keys of `project` in `file`, its pyproject.toml. Gives what the user should know.
pub fn edit(
    file: &mut PyprojectFile,
    project: &Project,
    closure: &Closure,
) -> Result<Vec<String>, EditError> {
    let written = written(project);
    let derived = Derived::of(project, closure).with_remembered(&project.root, &written);
    file.set_cache_keys(&keys(&derived), OWNER)?;
    let mut notes = derived.notes;
    notes.extend(written.iter().filter_map(|key| too_wide(key)));
    Ok(notes)
}

/// Takes back what [`plan`] has written.
pub fn plan_removal(project: &Project) -> Result<Change, EditError> {
    let mut file = PyprojectFile::read(&project.root.join("pyproject.toml"))?;
    file.undo(OWNER)?;
    Ok(file.into_change())
}

/// The files and patterns that pyproject.toml names.
fn written(project: &Project) -> Vec<String> {
    let keys = project.pyproject.uv_cache_keys().unwrap_or_default();
    let files = keys.iter().filter_map(witness::file_of);
    files.map(str::to_owned).collect()
}

fn keys(derived: &Derived) -> Vec<(String, String)> {
    let files = derived.files.iter().map(|file| ("file", file));
    let dirs = derived.dirs.iter().map(|dir| ("dir", dir));
    let keys = files
        .chain(dirs)
        .chain(derived.env.iter().map(|name| ("env", name)));
    keys.map(|(kind, name)| (kind.to_owned(), name.clone()))
        .collect()
}

/// A key of the user's that makes uv walk the whole project. It stays, being the user's.
fn too_wide(key: &str) -> Option<String> {
    is_too_wide(key).then(|| {
        format!(
            "the key `{key}`, which is yours and stays, also means what cargo writes into target/: after `cargo check`, uv builds again"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;
    use testkit::Fixture;

    fn planned(fixture: &Fixture) -> CacheKeysPlan {
        let project = Project::load(&fixture.root()).unwrap();
        plan(&project, &Closure::load(&project).unwrap()).unwrap()
    }

    #[test]
    fn a_second_time_nothing_changes_and_the_removal_restores_the_bytes() {
        let fixture = Fixture::mixed("thing");
        let path = fixture.root().join("pyproject.toml");
        let before = fs_err::read_to_string(&path).unwrap();
        let first = planned(&fixture);
        let diff = first.change.diff();
        let diff = diff.replace(fixture.root().as_str(), "/PROJECT");
        expect_file!["snapshots/keys.diff"].assert_eq(&diff);
        first.change.apply().unwrap();
        assert!(planned(&fixture).change.is_empty());
        let project = Project::load(&fixture.root()).unwrap();
        plan_removal(&project).unwrap().apply().unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn the_users_keys_stay_and_one_that_means_too_much_is_told() {
        let fixture = Fixture::pure_rust("thing");
        let keys = "[tool.uv]\ncache-keys = [\"mine.txt\", { file = \"**/*.rs\" }]\n\n[project]";
        fixture.edit("pyproject.toml", "[project]", keys);
        let plan = planned(&fixture);
        let notes = plan.notes.join("\n");
        assert!(
            notes.contains("`**/*.rs`") && !notes.contains("mine.txt"),
            "{notes}"
        );
        let new = plan.change.new.unwrap();
        assert!(
            new.contains("\"mine.txt\"") && new.contains("{ file = \"**/*.rs\" }"),
            "{new}"
        );
    }

    #[test]
    fn nothing_of_this_machine_is_written() {
        let fixture = Fixture::mixed("thing");
        let new = planned(&fixture).change.new.unwrap();
        assert!(
            !new.contains(fixture.root().as_str()) && !new.contains("\"/"),
            "{new}"
        );
    }
}
