//! What a command has compiled that is not ours: of an editor, of maturin, of uv, or cargo as one types it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use build_dir::explanation::{Kept, all_kept};
use camino::Utf8PathBuf;
use cargo_metadata::MetadataCommand;
use cargo_settings::Layers;
use cargo_settings::scattered::scattered;
use environment::cargo_env;
use processes::Invocation;
use project_model::{Project, Workspace};
use serde::Serialize;

use super::cause::Cause;
use super::change::{Change, Facts, Was};
use super::look::Evidence;
use super::report::{Report, Root};
use super::rule::{Found, causes};
use super::settings::Settings;
use crate::shown::shown;

/// All units that cargo keeps in a build directory.
#[derive(Debug, Default)]
pub struct Units(BTreeMap<String, Kept>);

impl Units {
    /// Those of `workspace`.
    #[must_use]
    pub fn look(workspace: &Workspace) -> Self {
        Self(all_kept(&workspace.build_dir))
    }
}

/// How a unit that was compiled stands to what had been compiled before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Again {
    /// Nothing of its kind was there.
    First,
    /// It was there made in another way, with other flags or features, and stays there.
    OtherWay,
    /// It is the extension, which was there, linked with other arguments: `dev` links it against its
    /// third-party crates, and nobody else does.
    Relinked,
    /// It was there, and what was there is overwritten.
    Rebuilt,
}

/// A unit that was compiled, or a build script that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompiledUnit {
    /// The name of its package.
    pub package: String,
    /// What it is of its package: `lib-NAME`, `test-lib-NAME`, `run-build-script-…`.
    pub kind: String,
    /// How it stands to what was there.
    pub again: Again,
}

/// What one command has compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The units.
    pub units: Vec<CompiledUnit>,
    /// The root causes for which units were rebuilt.
    pub of_rebuilt: Vec<Root>,
    /// Those for which units were made in another way, or linked so.
    pub of_other_way: Vec<Root>,
}

impl Observed {
    /// How many units stand so to what was there.
    #[must_use]
    pub fn count(&self, again: Again) -> usize {
        self.units.iter().filter(|it| it.again == again).count()
    }
}

/// Compares what cargo kept in the build directory `before` a command with what it keeps `after` it.
#[must_use]
pub fn observed(
    project: &Project,
    workspace: &Workspace,
    before: &Units,
    after: &Units,
) -> Observed {
    let packages = Packages::read(workspace);
    let evidence = Evidence {
        before: &before.0,
        record: None,
        workspace,
        root: &project.root,
        path_crates: packages.of_paths,
        dirs: &packages.dirs,
        now: SystemTime::now(),
    };
    let after = after.0.values();
    let changes: Vec<_> = after.filter_map(|it| evidence.change(it)).collect();
    if changes.is_empty() {
        return Observed::default();
    }
    judged(&changes, &facts(project, workspace))
}

fn judged(changes: &[Change], facts: &Facts) -> Observed {
    let found = causes(changes, facts);
    let all = || changes.iter().zip(&found);
    let of = |wanted: &[Again]| {
        roots(all().filter(|(change, why)| wanted.contains(&standing(change, why))))
    };
    let units = all().map(|(change, why)| CompiledUnit {
        package: change.package.clone(),
        kind: change.kind.clone(),
        again: standing(change, why),
    });
    Observed {
        units: units.collect(),
        of_rebuilt: of(&[Again::Rebuilt]),
        of_other_way: of(&[Again::OtherWay, Again::Relinked]),
    }
}

fn standing(change: &Change, why: &Found) -> Again {
    match &change.was {
        Was::Same(_) if why.all == [Cause::Arguments].into() => Again::Relinked,
        Was::Same(_) => Again::Rebuilt,
        // Another version, or another package of this name, is something else.
        Was::Like(old) if old.path == change.now.path => Again::OtherWay,
        Was::First | Was::Nothing | Was::Like(_) => Again::First,
    }
}

fn roots<'a>(of: impl Iterator<Item = (&'a Change, &'a Found)>) -> Vec<Root> {
    let (mut changes, mut found) = (Vec::new(), Vec::new());
    for (change, why) in of {
        let mut why = why.clone();
        // What it is made with may be new for a cause that is told as well.
        why.all.remove(&Cause::New);
        changes.push(change.clone());
        found.push(why);
    }
    let packages: BTreeSet<_> = changes.iter().map(|it| it.package.clone()).collect();
    Report::new(packages.len(), packages, &changes, &found).causes
}

/// Nothing is known of a build before: whoever compiled there has left no record.
fn facts(project: &Project, workspace: &Workspace) -> Facts {
    let root = &project.root;
    let layers = Layers::read(root).ok();
    let settings = layers.as_ref().map(|it| Settings::read(workspace, it));
    let settings = settings.unwrap_or_default();
    let crate_dir = project.extension.manifest.parent().unwrap_or(root);
    let scattered = scattered(root, crate_dir);
    let mut of_flags = scattered.iter().filter_map(|it| it.with_flags());
    let of_flags = of_flags.next().map(|(one, other)| {
        let named = |path: &_| shown(root, path).to_owned();
        (named(one), other.map(named))
    });
    let variables = cargo_env::environment().into_keys();
    let included = layers
        .as_ref()
        .map(|it| crate::shared_env::look(it, project, workspace));
    Facts {
        extension: project.extension.crate_name.clone(),
        is_unedited: true,
        scattered: of_flags,
        flag_variables: variables.filter(|it| it.ends_with("RUSTFLAGS")).collect(),
        shares_variables: matches!(included, Some(Ok(Some(_)))),
        settings_before: Some(settings.clone()),
        settings,
        ..Facts::default()
    }
}

/// Where the packages of a build lie.
#[derive(Default)]
struct Packages {
    of_paths: BTreeMap<String, Utf8PathBuf>,
    dirs: BTreeMap<String, Vec<Utf8PathBuf>>,
}

impl Packages {
    /// What cargo tells; where it does not, its workspace alone.
    fn read(workspace: &Workspace) -> Self {
        let cargo = Invocation::new(cargo_env::cargo());
        let cargo = cargo.args(["metadata", "--format-version=1", "--offline"]);
        let told = cargo.cwd(&workspace.root).read().ok();
        let told = told.and_then(|text| MetadataCommand::parse(text).ok());
        let mut found = Self::default();
        for package in told.into_iter().flat_map(|it| it.packages) {
            let name = package.name.to_string();
            let dir = package.manifest_path.parent().map(Utf8PathBuf::from);
            let dir = dir.unwrap_or_default();
            if package.source.is_none() {
                found.of_paths.insert(name.clone(), dir.clone());
            }
            found.dirs.entry(name).or_default().push(dir);
        }
        if found.dirs.is_empty() {
            found.of_paths.clone_from(&workspace.packages);
            let dirs = workspace.packages.clone().into_iter();
            found.dirs = dirs.map(|(name, dir)| (name, vec![dir])).collect();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use build_dir::explanation::Explanation;
    use serde_json::{Value, json};

    fn explanation(key: &str, value: &Value) -> Explanation {
        let mut text = json!({"features": "[]", "profile": 1, "path": 1});
        text[key] = value.clone();
        Explanation::read(text.to_string().as_bytes()).unwrap()
    }

    /// A library of which `key` is other than before, when it was 1.
    fn library(package: &str, key: &str, was: fn(Explanation) -> Was) -> Change {
        Change {
            package: package.to_owned(),
            kind: format!("lib-{package}"),
            was: was(explanation("rustc", &json!(0))),
            now: explanation(
                key,
                &json!(if key == "features" {
                    json!("[\"x\"]")
                } else {
                    json!(2)
                }),
            ),
            ..Change::default()
        }
    }

    #[test]
    fn each_unit_stands_in_its_own_way_to_what_was_there() {
        use Again::{First, OtherWay, Rebuilt, Relinked};
        let facts = Facts {
            extension: "top".to_owned(),
            ..Facts::default()
        };
        let table = [
            (library("leaf", "rustc", |_| Was::First), First, None),
            (library("leaf", "rustc", |_| Was::Nothing), First, None),
            // Another version of the package, in another directory.
            (library("leaf", "path", Was::Like), First, None),
            (
                library("leaf", "features", Was::Like),
                OtherWay,
                Some("leaf: other features: now with leaf/x"),
            ),
            (
                library("leaf", "rustc", Was::Same),
                Rebuilt,
                Some("leaf: another toolchain"),
            ),
            // Arguments for the extension alone; of any other crate it is the profile.
            (
                library("top", "profile", Was::Same),
                Relinked,
                Some("top: the extension is linked with other arguments"),
            ),
            (
                library("leaf", "profile", Was::Same),
                Rebuilt,
                Some("leaf: settings of the profile have changed"),
            ),
        ];
        for (change, again, cause) in table {
            let seen = judged(&[change], &facts);
            assert_eq!(seen.units[0].again, again, "{seen:?}");
            assert_eq!(seen.count(again), 1);
            let causes = if again == Rebuilt {
                seen.of_rebuilt
            } else {
                seen.of_other_way
            };
            let causes: Vec<_> = causes.iter().map(Root::line).collect();
            assert_eq!(causes, cause.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_extension_that_is_compiled_for_what_it_is_made_of_is_rebuilt() {
        let facts = Facts {
            extension: "top".to_owned(),
            ..Facts::default()
        };
        let mut leaf = library("leaf", "rustc", Was::Same);
        leaf.fingerprint = Some(7);
        let mut top = library("top", "profile", Was::Same);
        top.now = explanation("deps", &json!([[1, "leaf", false, 7]]));
        let seen = judged(&[leaf, top], &facts);
        assert_eq!(seen.count(Again::Rebuilt), 2, "{seen:?}");
        let causes: Vec<_> = seen.of_rebuilt.iter().map(Root::line).collect();
        assert_eq!(causes, ["leaf and top: another toolchain"]);
    }
}
