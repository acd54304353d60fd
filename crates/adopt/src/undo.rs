//! Taking back all that any command of ours has written into a project, to the byte, and what builds have made
//! where only lines of ours kept it from git's sight.

use camino::Utf8PathBuf;
use cargo_settings::{Files, local};
use config_edit::{CargoConfig, CargoManifest, Change, EditError, Owner, PyprojectFile, TextFile};
use files::owned;
use project_model::{Project, Workspace};

use crate::OWNER;
use crate::error::AdoptError;
use crate::ignored::{checkout_of, gitignore_for};

/// Every command that writes into files of a project.
const OWNERS: [Owner; 9] = [
    OWNER,
    cache_keys::plan::OWNER,
    dev_build::uv_build::OWNER,
    local::DEV,
    local::MACHINE,
    local::SCCACHE,
    local::SCCACHE_INCLUDER,
    local::TUNE,
    local::TUNE_INCLUDER,
];

/// What is to be taken back.
#[derive(Debug)]
pub struct UndoPlan {
    /// The files.
    pub changes: Vec<Change>,
    /// What builds have made, and git would see without our lines: a target directory of cargo's, a library.
    pub made: Vec<Utf8PathBuf>,
}

/// The plan for `project`. Writes nothing.
///
/// # Errors
/// If a file cannot be read, or a block of ours in one has lost its end.
pub fn undo(project: &Project) -> Result<UndoPlan, AdoptError> {
    let workspace = Workspace::load(project)?;
    let mut changes = Vec::new();
    changes.push(without(PyprojectFile::read(
        &project.root.join("pyproject.toml"),
    )?)?);
    changes.push(without(CargoManifest::read(
        &workspace.root.join("Cargo.toml"),
    )?)?);
    let mut dirs = vec![&workspace.root, &project.root];
    dirs.dedup();
    for dir in &dirs {
        let files = Files::in_dir(&project.root, dir);
        changes.push(without(CargoConfig::read(&files.tracked)?)?);
        changes.push(without_variables(without(CargoConfig::read(
            &files.local,
        )?)?));
    }
    let mut made = Vec::new();
    for dir in dirs {
        let Some(checkout) = checkout_of(dir) else {
            continue;
        };
        let path = gitignore_for(dir, &checkout);
        if changes.iter().any(|change: &Change| change.path == path) {
            continue;
        }
        let mut file = TextFile::read(&path)?;
        let lines = file.block(OWNER)?;
        let above = path.parent().unwrap_or(dir);
        made.extend(
            lines
                .iter()
                .flat_map(|line| made_for(above, line, &workspace, project)),
        );
        file.undo(OWNER)?;
        changes.push(file.into_change());
    }
    changes.retain(|change| !change.is_empty());
    Ok(UndoPlan { changes, made })
}

impl UndoPlan {
    /// Whether nothing of ours is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.made.is_empty()
    }

    /// Removes what builds have made, before the lines go that keep it from git's sight.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn remove_made(&self) -> Result<(), AdoptError> {
        for path in &self.made {
            let above = path.parent().unwrap_or(path);
            owned::remove(above, path).map_err(|source| AdoptError::Remove {
                path: path.clone(),
                source,
            })?;
        }
        Ok(())
    }
}

/// `file` without what any command of ours has written.
fn without<K: config_edit::Kind>(mut file: config_edit::Document<K>) -> Result<Change, EditError> {
    for owner in OWNERS {
        file.undo(owner)?;
    }
    Ok(file.into_change())
}

/// The same of a file of one machine in which nothing else is left than what `dev` keeps there, without a mark.
fn without_variables(mut change: Change) -> Change {
    change.new = change.new.filter(|text| !local::is_only_of_dev(text));
    change
}

/// What a build has made for which `line` stands in the `.gitignore` of `dir`: cargo's target directory, if it is
/// marked as one; the library that is placed, and what it needs beside it.
fn made_for(
    dir: &camino::Utf8Path,
    line: &str,
    workspace: &Workspace,
    project: &Project,
) -> Vec<Utf8PathBuf> {
    let path = dir.join(line.trim_start_matches('/').trim_end_matches('/'));
    if path == workspace.target_dir {
        let is_cargos = path.join("CACHEDIR.TAG").is_file();
        return is_cargos.then_some(path).into_iter().collect();
    }
    let Some(package) = path.parent().filter(|_| line.ends_with(".*so")) else {
        return Vec::new();
    };
    let begin = format!("{}.", project.extension.library_name());
    let entries = package.read_dir_utf8().into_iter().flatten().flatten();
    let is_made = |name: &str| {
        name == files::made::PRELINKED || name.starts_with(&begin) && name.ends_with("so")
    };
    let made = entries.filter(|entry| is_made(entry.file_name()));
    made.map(camino::Utf8DirEntry::into_path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use processes::Invocation;
    use std::collections::BTreeMap;
    use testkit::Fixture;

    fn load(fixture: &Fixture) -> Project {
        Project::load(&fixture.root()).unwrap()
    }

    /// Every file and its bytes.
    fn files(fixture: &Fixture) -> BTreeMap<String, Vec<u8>> {
        let git = ["ls-files", "--cached", "--others", "--full-name"];
        let list = Invocation::new("git")
            .args(git)
            .cwd(&fixture.root())
            .read()
            .unwrap();
        let read = |name: &str| {
            (
                name.to_owned(),
                fs_err::read(fixture.root().join(name)).unwrap(),
            )
        };
        list.lines().map(read).collect()
    }

    fn in_git(fixture: Fixture) -> Fixture {
        let git = Invocation::new("git")
            .args(["init", "--quiet"])
            .cwd(&fixture.root());
        git.run().unwrap();
        fixture
    }

    fn adopt(fixture: &Fixture) {
        for change in plan(&load(fixture)).unwrap().changes {
            change.apply().unwrap();
        }
    }

    #[test]
    fn what_is_adopted_twice_is_adopted_once_and_undone_to_the_byte() {
        let crooked = Fixture::mixed("crooked_thing");
        crooked.edit(
            "pyproject.toml",
            "python-source = \"python\"\n",
            "python-source = \"python\" # mine",
        );
        crooked.write(".gitignore", "/dist");
        crooked.write(".cargo/config.toml", "# mine\n[build]\njobs = 2 # few\n");
        for fixture in [
            Fixture::pure_rust("plain_thing"),
            Fixture::mixed("mixed_thing"),
            crooked,
        ] {
            let fixture = in_git(fixture);
            let before = files(&fixture);
            adopt(&fixture);
            assert_ne!(files(&fixture), before);
            assert!(plan(&load(&fixture)).unwrap().is_empty());
            fixture.write(
                ".cargo/config.local.toml",
                "# by us\n[env]\nPYO3_PYTHON = \"/p\"\n",
            );
            let undo = undo(&load(&fixture)).unwrap();
            undo.remove_made().unwrap();
            for change in &undo.changes {
                change.apply().unwrap();
            }
            assert_eq!(files(&fixture), before);
        }
    }

    #[test]
    fn what_builds_have_made_goes_only_where_our_lines_hid_it() {
        let fixture = in_git(Fixture::mixed("built_thing"));
        fixture.write("native/target/CACHEDIR.TAG", "");
        fixture.write("python/built_thing/_built_thing.abi3.so", "");
        fixture.write("python/built_thing/_built_thing_data.so", "theirs");
        let before = files(&fixture).keys().cloned().collect::<Vec<_>>();
        adopt(&fixture);
        undo(&load(&fixture)).unwrap().remove_made().unwrap();
        let made = [
            "native/target/CACHEDIR.TAG",
            "python/built_thing/_built_thing.abi3.so",
        ];
        for name in before {
            assert_eq!(
                fixture.root().join(&name).exists(),
                !made.contains(&&*name),
                "{name}"
            );
        }
        fixture.write(".gitignore", "target/\n*.so\n");
        fixture.write("native/target/CACHEDIR.TAG", "");
        adopt(&fixture);
        assert!(undo(&load(&fixture)).unwrap().made.is_empty());
    }

    #[test]
    fn the_marks_of_every_command_are_known() {
        let fixture = in_git(Fixture::pure_rust("marked_thing"));
        let before = files(&fixture);
        let mut text = String::from("[build]\n");
        for (number, owner) in OWNERS.iter().enumerate() {
            text.push_str(&format!("k{number} = 1 # {owner}\n"));
        }
        fixture.write(".cargo/config.toml", &text);
        for change in undo(&load(&fixture)).unwrap().changes {
            change.apply().unwrap();
        }
        let left = fs_err::read_to_string(fixture.root().join(".cargo/config.toml")).unwrap();
        assert_eq!(left, "[build]\n");
        fs_err::remove_file(fixture.root().join(".cargo/config.toml")).unwrap();
        assert_eq!(files(&fixture), before);
    }
}
