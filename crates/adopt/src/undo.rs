//! Taking back all that any command of ours has written into a project, to the byte, and what builds have
//! made where only lines of ours kept it from git's sight.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::{Files, local};
use config_edit::{
    CargoConfig, CargoManifest, Change, DevContainerFile, EditError, Owner, PyprojectFile, TextFile,
};
use dev_build::situation::environment;
use dev_build::{DevRequest, installs, on_import};
use files::owned;
use project_model::{Project, Workspace};

use crate::OWNER;
use crate::container;
use crate::error::AdoptError;
use crate::ignored::{checkout_of, gitignores, is_of_another, set_block};
use crate::parts::{self, read};
use crate::subject::{WORKFLOW, option};
use crate::whole::{Found, change, found};

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
#[derive(Debug, Default)]
pub struct UndoPlan {
    /// The files.
    pub changes: Vec<Change>,
    /// What builds have made, and git would see without our lines: a target directory of cargo's, a library.
    pub made: Vec<Utf8PathBuf>,
    /// The environments with a hook of ours that builds on import, or with the choice that puts it there.
    /// Both are taken out.
    pub hooked: Vec<Utf8PathBuf>,
    /// Files that we have written as a whole, and that somebody has changed since. They stay.
    pub left: Vec<Utf8PathBuf>,
}

/// The plan for `project`, whose environments are noted in the directory `notes`. Writes nothing.
///
/// # Errors
/// If a file cannot be read, or a block of ours in one has lost its end.
pub fn undo(project: &Project, notes: &Utf8Path) -> Result<UndoPlan, AdoptError> {
    let workspace = Workspace::load(project)?;
    let mut plan = UndoPlan {
        hooked: on_import::hooked(environments(project, notes), project.name()),
        ..UndoPlan::default()
    };
    plan.tables(project, &workspace)?;
    let checkout = checkout_of(&project.root).unwrap_or_else(|| project.root.clone());
    plan.whole_files(&checkout, &option(project, &checkout))?;
    plan.changes.extend(notebook(project, &workspace)?);
    plan.ignored(project, &workspace)?;
    plan.changes.retain(|change| !change.is_empty());
    Ok(plan)
}

impl UndoPlan {
    /// Whether nothing of ours is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.made.is_empty() && self.hooked.is_empty()
    }

    /// The files of TOML.
    fn tables(&mut self, project: &Project, workspace: &Workspace) -> Result<(), AdoptError> {
        let pyproject = project.root.join("pyproject.toml");
        self.changes
            .push(without(PyprojectFile::read(&pyproject)?)?);
        for manifest in manifests(project, workspace) {
            self.changes.push(without(CargoManifest::read(&manifest)?)?);
        }
        for dir in BTreeSet::from([&workspace.root, &project.root]) {
            let files = Files::in_dir(&project.root, dir);
            let local = without(CargoConfig::read(&files.local)?)?;
            self.changes
                .push(without(CargoConfig::read(&files.tracked)?)?);
            self.changes.push(without_variables(local));
        }
        Ok(())
    }

    /// The files of ours in `checkout` go, and what is ours in those of others. Those that somebody has
    /// changed stay, and those for a project that `option` does not name.
    fn whole_files(&mut self, checkout: &Utf8Path, option: &str) -> Result<(), AdoptError> {
        let container = container::find(checkout);
        let script = container
            .as_deref()
            .and_then(|path| container::script_of(checkout, path));
        let scripts = container::SCRIPTS
            .iter()
            .map(|script| checkout.join(script));
        let paths = [checkout.join(WORKFLOW)]
            .into_iter()
            .chain(scripts)
            .chain(script);
        for path in paths.collect::<BTreeSet<_>>() {
            self.whole_file(path, option, |path| {
                let mut file = TextFile::read(path)?;
                file.undo(OWNER)?;
                Ok(Some(file.into_change()))
            })?;
        }
        let Some(container) = container else {
            return Ok(());
        };
        self.whole_file(container, option, |path| {
            let mut file = DevContainerFile::read(path)?;
            Ok(file.undo(OWNER).then(|| file.into_change()))
        })
    }

    /// The file at `path`; in one of others, `undo` takes ours back, where that can be done.
    fn whole_file(
        &mut self,
        path: Utf8PathBuf,
        option: &str,
        undo: impl Fn(&Utf8Path) -> Result<Option<Change>, EditError>,
    ) -> Result<(), AdoptError> {
        let old = read(&path)?;
        match found(old.as_deref(), option) {
            Found::Absent | Found::OfAnother => {}
            Found::Ours => self.changes.push(change(&path, old, None)),
            Found::Changed => self.left.push(path),
            Found::Theirs => match undo(&path)? {
                Some(change) => self.changes.push(change),
                None => self.left.push(path),
            },
        }
        Ok(())
    }

    /// Our lines for git, and what has been made that they hide.
    fn ignored(&mut self, project: &Project, workspace: &Workspace) -> Result<(), AdoptError> {
        let dirs = BTreeSet::from([&workspace.root, &project.root]).into_iter();
        let paths = dirs.filter_map(|dir| Some(gitignores(dir, &checkout_of(dir)?)));
        for path in paths.flatten().collect::<BTreeSet<_>>() {
            let mut file = TextFile::read(&path)?;
            let above = path.parent().unwrap_or(&project.root);
            let block = file.block(OWNER)?.into_iter();
            let (others, ours): (Vec<_>, Vec<_>) =
                block.partition(|line| is_of_another(line, above, &project.root));
            let made = ours.iter();
            self.made
                .extend(made.flat_map(|line| made_for(above, line, workspace, project)));
            set_block(&mut file, &others)?;
            self.changes.push(file.into_change());
        }
        Ok(())
    }

    /// Removes what builds have made of `project`, before the lines go that keep it from git's sight, and
    /// what builds it on import.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn remove_made(&self, project: &Project) -> Result<(), AdoptError> {
        for venv in &self.hooked {
            let forgotten = on_import::forget(venv, project.name());
            forgotten.map_err(|source| AdoptError::Hook {
                venv: venv.clone(),
                source,
            })?;
        }
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

/// The environments that `project` may be installed into: those that are noted in the directory `notes`, and
/// the one that `dev` would take now, since the notes lie in a cache.
fn environments(project: &Project, notes: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut venvs = installs::noted(notes, &project.root);
    let now = environment(project, &DevRequest::default()).found();
    let now = now.ok().map(|found| found.root);
    venvs.extend(now.filter(|now| !venvs.contains(now)));
    venvs
}

/// The manifests in which a project may say what it decides.
fn manifests(project: &Project, workspace: &Workspace) -> BTreeSet<Utf8PathBuf> {
    let own = project.extension.manifest.clone();
    BTreeSet::from([workspace.root.join("Cargo.toml"), own])
}

/// The notebook goes, if we have named it and it is what we would write.
fn notebook(project: &Project, workspace: &Workspace) -> Result<Option<Change>, AdoptError> {
    let policy = workspace.policy.colab.as_ref();
    let Some(path) = policy.and_then(|policy| policy.notebook.as_ref()) else {
        return Ok(None);
    };
    let mut is_ours = false;
    for manifest in manifests(project, workspace) {
        is_ours |= CargoManifest::read(&manifest)?.is_marked(path.as_str(), OWNER);
    }
    let planned = parts::notebook(project, &project.root.join(path)).ok();
    let change = planned.and_then(|plan| plan.change);
    let change = change.filter(|change| is_ours && change.is_empty());
    Ok(change.map(|change| Change {
        new: None,
        ..change
    }))
}

/// `file` without what any command of ours has written.
fn without<K: config_edit::Kind>(mut file: config_edit::Document<K>) -> Result<Change, EditError> {
    for owner in OWNERS {
        file.undo(owner)?;
    }
    Ok(file.into_change())
}

/// The same of a file of one machine in which nothing else is left than what `dev` keeps there, without a
/// mark.
fn without_variables(mut change: Change) -> Change {
    change.new = change.new.filter(|text| !local::is_only_of_dev(text));
    change
}

/// What a build has made for which `line` stands in the `.gitignore` of `dir`: cargo's target directory, if
/// it is marked as one; the library that is placed, and what it needs beside it.
fn made_for(
    dir: &Utf8Path,
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
    use crate::decision::Verdict;
    use crate::parts::Part;
    use crate::plan::{AdoptionPlan, AdoptionRequest, plan};
    use crate::subject::{DEV_INIT, DEVCONTAINER, NOTEBOOK};
    use processes::Invocation;
    use std::collections::BTreeMap;
    use testkit::Fixture;

    const ALL: [Part; 3] = [Part::DevContainer, Part::Workflow, Part::Colab];

    fn load(fixture: &Fixture) -> Project {
        Project::load(&fixture.root()).unwrap()
    }

    fn git(fixture: &Fixture, args: &[&str]) -> String {
        let git = Invocation::new("git").args(args.iter().copied());
        git.cwd(&fixture.root()).read().unwrap()
    }

    fn in_git(fixture: Fixture) -> Fixture {
        git(&fixture, &["init", "--quiet"]);
        git(
            &fixture,
            &["remote", "add", "origin", "https://github.com/o/r"],
        );
        fixture
    }

    /// Every file that git sees, and its bytes.
    fn files(fixture: &Fixture) -> BTreeMap<String, Vec<u8>> {
        let list = git(fixture, &["ls-files", "--cached", "--others"]);
        let read = |name: &str| {
            let bytes = fs_err::read(fixture.root().join(name)).unwrap();
            (name.to_owned(), bytes)
        };
        list.lines().map(read).collect()
    }

    fn planned(fixture: &Fixture, parts: &[Part]) -> AdoptionPlan {
        let uv_version = "0.13.9";
        let request = AdoptionRequest { parts, uv_version };
        plan(&load(fixture), &request).unwrap()
    }

    fn adopt(fixture: &Fixture, parts: &[Part]) {
        for change in planned(fixture, parts).changes {
            change.apply().unwrap();
        }
    }

    /// Takes everything back.
    fn leave(fixture: &Fixture) -> UndoPlan {
        let project = load(fixture);
        let undo = undo(&project, &fixture.beside("notes")).unwrap();
        undo.remove_made(&project).unwrap();
        for change in &undo.changes {
            change.apply().unwrap();
        }
        undo
    }

    #[test]
    fn what_is_adopted_twice_is_adopted_once_and_undone_to_the_byte() {
        let crooked = Fixture::mixed("crooked_thing");
        let line = "python-source = \"python\"";
        crooked.edit(
            "pyproject.toml",
            &format!("{line}\n"),
            &format!("{line} # mine"),
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
            adopt(&fixture, &[]);
            assert_ne!(files(&fixture), before);
            assert!(planned(&fixture, &[]).is_empty());
            let local = "# by us\n[env]\nPYO3_PYTHON = \"/p\"\n";
            fixture.write(".cargo/config.local.toml", local);
            leave(&fixture);
            assert_eq!(files(&fixture), before);
        }
    }

    #[test]
    fn every_part_is_written_once_and_taken_back() {
        let workspace = Fixture::mixed("whole_thing");
        workspace.edit("native/Cargo.toml", "\n[workspace]\n", "\n");
        workspace.write("Cargo.toml", "[workspace]\nmembers = ['native']\n");
        for fixture in [Fixture::pure_rust("whole_thing"), workspace] {
            let fixture = in_git(fixture);
            let before = files(&fixture);
            adopt(&fixture, &ALL);
            let after = files(&fixture);
            for name in [DEVCONTAINER, DEV_INIT, WORKFLOW, NOTEBOOK] {
                assert!(after.contains_key(name), "{name}");
            }
            let again = planned(&fixture, &ALL);
            assert!(again.is_empty() && again.drifted.is_empty());
            leave(&fixture);
            assert_eq!(files(&fixture), before);
            assert!(!fixture.root().join(".devcontainer").exists());
        }
    }

    #[test]
    fn what_somebody_has_changed_is_theirs() {
        let fixture = in_git(Fixture::pure_rust("changed_thing"));
        adopt(&fixture, &ALL);
        fixture.edit(WORKFLOW, "ubuntu", "debian");
        fixture.edit(DEVCONTAINER, "vscode", "dev");
        fixture.edit(NOTEBOOK, "changed_thing", "mine");
        let changed = files(&fixture);
        let again = planned(&fixture, &ALL);
        assert!(again.is_empty());
        assert_eq!(again.drifted.len(), 3, "{:?}", again.drifted);
        let left = leave(&fixture).left;
        assert_eq!(left.len(), 2, "{left:?}");
        for name in [WORKFLOW, DEVCONTAINER, NOTEBOOK] {
            assert_eq!(files(&fixture)[name], changed[name], "{name}");
        }
    }

    #[test]
    fn a_container_that_is_there_is_built_upon() {
        let theirs = "{\n  // theirs\n  \"image\": \"x\",\n  \"remoteUser\": \"dev\",\n  \
                      \"postCreateCommand\": \"bash tools/init.sh\",\n}\n";
        let fixture = in_git(Fixture::pure_rust("contained_thing"));
        fixture.write(DEVCONTAINER, theirs);
        let before = files(&fixture);
        let now = |name: &str| String::from_utf8(files(&fixture)[name].clone()).unwrap();
        adopt(&fixture, &[Part::DevContainer]);
        let text = now(DEVCONTAINER);
        assert!(text.contains("/home/dev/.cache/xtask-build"), "{text}");
        assert!(
            text.contains("\"onCreateCommand\": \"sudo -n chown"),
            "{text}"
        );
        let again = planned(&fixture, &[Part::DevContainer]);
        let added = again
            .decisions
            .iter()
            .find(|it| it.verdict == Verdict::Adds);
        assert!(again.is_empty() && added.is_none(), "{added:?}");
        assert!(
            text.contains("cargo-pyext dev\", // by `cargo xtask init"),
            "{text}"
        );
        leave(&fixture);
        assert_eq!(files(&fixture), before);
        fixture.write("tools/init.sh", "set -e\nmake");
        let before = files(&fixture);
        adopt(&fixture, &[Part::DevContainer]);
        let text = now("tools/init.sh");
        assert!(text.contains("make\n# by `cargo xtask init`"), "{text}");
        assert!(!now(DEVCONTAINER).contains("postStartCommand"));
        assert!(planned(&fixture, &[Part::DevContainer]).is_empty());
        leave(&fixture);
        assert_eq!(files(&fixture), before);
    }

    #[test]
    fn a_script_is_extended_only_in_the_checkout_and_where_its_end_is_reached() {
        let fixture = in_git(Fixture::pure_rust("outside_thing"));
        let outside = fixture.beside("outside.sh");
        fs_err::write(&outside, "make\n").unwrap();
        fixture.write("ends.sh", "make\nexit 0\n");
        fixture.write("first.sh", "apt-get install x\n");
        fixture.write("last.sh", "make\n");
        for (commands, extended) in [
            (format!("\"postCreateCommand\": \"{outside}\""), None),
            ("\"postCreateCommand\": \"../outside.sh\"".to_owned(), None),
            ("\"postCreateCommand\": \"./ends.sh\"".to_owned(), None),
            ("\"onCreateCommand\": \"./first.sh\"".to_owned(), None),
            (
                "\"updateContentCommand\": \"./first.sh\",\n  \"postCreateCommand\": \"./last.sh\""
                    .to_owned(),
                Some("last.sh"),
            ),
        ] {
            fixture.write(DEVCONTAINER, &format!("{{\n  {commands}\n}}\n"));
            let changes = planned(&fixture, &[Part::DevContainer]).changes;
            let changes = changes.iter().filter(|change| !change.is_empty());
            let scripts: Vec<_> = changes
                .filter(|it| it.path.extension() == Some("sh"))
                .collect();
            let names: Vec<_> = scripts
                .iter()
                .filter_map(|it| it.path.file_name())
                .collect();
            assert_eq!(
                names,
                extended.into_iter().collect::<Vec<_>>(),
                "{commands}"
            );
        }
    }

    #[test]
    fn what_a_volume_needs_that_is_not_ours_to_change_is_told() {
        let fixture = in_git(Fixture::pure_rust("owned_thing"));
        let text = "{\n  \"remoteUser\": \"dev\",\n  \"onCreateCommand\": \"make\"\n}\n";
        fixture.write(DEVCONTAINER, text);
        let decisions = planned(&fixture, &[Part::DevContainer]).decisions;
        let mounts = decisions.iter().find(|it| it.what.starts_with("mounts"));
        let mounts = mounts.unwrap();
        assert_eq!(mounts.verdict, Verdict::Leaves);
        assert!(mounts.reason.contains("belongs to root"), "{mounts:?}");
    }

    #[test]
    fn two_projects_of_a_checkout_leave_each_other_alone() {
        let one = Fixture::pure_rust("one_thing");
        let top = one.root().parent().unwrap().to_owned();
        for file in ["pyproject.toml", "Cargo.toml", "src/lib.rs"] {
            let text = fs_err::read_to_string(one.root().join(file)).unwrap();
            one.write(format!("../two/{file}"), &text);
        }
        one.write("../.gitignore", "*.log\n");
        let init = Invocation::new("git").args(["init", "--quiet"]).cwd(&top);
        init.run().unwrap();
        let other = Project::load(&top.join("two")).unwrap();
        let request = AdoptionRequest {
            parts: &ALL,
            uv_version: "0.13.9",
        };
        let text = |file: &str| fs_err::read_to_string(top.join(file)).unwrap();

        adopt(&one, &ALL);
        let workflow = text(WORKFLOW);
        let plan_of_other = plan(&other, &request).unwrap();
        Change::apply_all(&plan_of_other.changes).unwrap();
        assert_eq!(text(WORKFLOW), workflow);
        let ignored = text(".gitignore");
        let name = one.root();
        let own = format!("/{}/target/", name.file_name().unwrap());
        assert!(ignored.contains(&own), "{ignored}");
        assert!(ignored.contains("/two/target/"), "{ignored}");
        assert!(planned(&one, &ALL).is_empty() && plan(&other, &request).unwrap().is_empty());

        let undo_of_other = undo(&other, &one.beside("notes")).unwrap();
        Change::apply_all(&undo_of_other.changes).unwrap();
        assert_eq!(text(WORKFLOW), workflow);
        assert!(!text(".gitignore").contains("/two/") && planned(&one, &ALL).is_empty());
        leave(&one);
        assert_eq!(text(".gitignore"), "*.log\n");
        assert!(!top.join(WORKFLOW).exists());
    }

    #[test]
    fn a_script_that_is_there_without_a_container_is_built_upon() {
        let fixture = in_git(Fixture::pure_rust("scripted_thing"));
        fixture.write(DEV_INIT, "set -e\napt-get install x\n");
        let before = files(&fixture);
        adopt(&fixture, &[Part::DevContainer]);
        let text = String::from_utf8(files(&fixture)[DEV_INIT].clone()).unwrap();
        let ours = "install x\n# by `cargo xtask init`; run it again";
        assert!(
            text.contains(ours) && text.contains(" cargo-pyext dev\n"),
            "{text}"
        );
        assert!(planned(&fixture, &[Part::DevContainer]).is_empty());
        leave(&fixture);
        assert_eq!(files(&fixture), before);
    }

    #[test]
    fn a_project_below_the_top_of_its_checkout_is_named_in_what_stands_there() {
        let fixture = Fixture::pure_rust("below_thing");
        let top = fixture.root().parent().unwrap().to_owned();
        let git = Invocation::new("git").args(["init", "--quiet"]).cwd(&top);
        git.run().unwrap();
        fixture.write("Cargo.lock", "");
        adopt(&fixture, &ALL);
        let name = fixture.root();
        let name = name.file_name().unwrap();
        for (file, part) in [
            (WORKFLOW, format!("cargo-pyext --project {name} wheel")),
            (WORKFLOW, format!("hashFiles('checkout/{name}/Cargo.lock')")),
            (DEV_INIT, format!("\n  cargo-pyext --project {name} dev")),
            (DEVCONTAINER, format!("Folder}}/{name}/.venv/bin/python")),
        ] {
            let text = fs_err::read_to_string(top.join(file)).unwrap();
            assert!(text.contains(&part), "{part}\n{text}");
        }
        leave(&fixture);
        for dir in [".github", ".devcontainer", "scripts", "docs"] {
            assert!(!top.join(dir).exists(), "{dir}");
        }
    }

    #[test]
    fn what_builds_have_made_goes_only_where_our_lines_hid_it() {
        let fixture = in_git(Fixture::mixed("built_thing"));
        fixture.write("native/target/CACHEDIR.TAG", "");
        fixture.write("python/built_thing/_built_thing.abi3.so", "");
        fixture.write("python/built_thing/_built_thing_data.so", "theirs");
        let before: Vec<_> = files(&fixture).into_keys().collect();
        adopt(&fixture, &[]);
        leave(&fixture);
        let made = [
            "native/target/CACHEDIR.TAG",
            "python/built_thing/_built_thing.abi3.so",
        ];
        for name in before {
            let is_there = fixture.root().join(&name).exists();
            assert_eq!(is_there, !made.contains(&&*name), "{name}");
        }
        fixture.write(".gitignore", "target/\n*.so\n");
        fixture.write("native/target/CACHEDIR.TAG", "");
        adopt(&fixture, &[]);
        assert!(leave(&fixture).made.is_empty());
    }

    /// `uv sync` takes the hook out, and the choice is kept; the notes may be gone with the cache.
    #[test]
    fn a_choice_to_build_on_import_is_forgotten_in_the_environment_that_no_note_names() {
        let fixture = in_git(Fixture::pure_rust("chosen_thing"));
        fixture.write(".gitignore", ".venv\n");
        fixture.write(".venv/pyvenv.cfg", "");
        fixture.write(".venv/xtask-on-import.json", "{\"chosen-thing\":true}");
        let venv = fixture.root().join(".venv");
        assert_eq!(leave(&fixture).hooked, [venv]);
        assert!(leave(&fixture).hooked.is_empty());
    }

    #[test]
    fn the_marks_of_every_command_are_known() {
        let fixture = in_git(Fixture::pure_rust("marked_thing"));
        let lines = OWNERS.iter().enumerate();
        let lines = lines.map(|(number, owner)| format!("k{number} = 1 # {owner}\n"));
        let text = format!("[build]\n{}", lines.collect::<String>());
        fixture.write(".cargo/config.toml", &text);
        leave(&fixture);
        let left = fs_err::read_to_string(fixture.root().join(".cargo/config.toml")).unwrap();
        assert_eq!(left, "[build]\n");
    }
}
