//! The rule: from what was kept of each unit before and after, to the causes. Plain functions.

use std::collections::{BTreeMap, BTreeSet};

use build_dir::explanation::{Dependency, Explanation};
use camino::Utf8PathBuf;

use super::cause::{By, Cause};
use super::settings::{Settings, Versions};

/// A unit that was compiled, or a build script that was run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) package: String,
    pub(crate) is_path_crate: bool,
    /// `lib-NAME`, `build-script-…`, `run-build-script-…`.
    pub(crate) kind: String,
    pub(crate) was: Was,
    pub(crate) now: Explanation,
    /// By which what is made with it knows it.
    pub(crate) fingerprint: Option<u64>,
    /// Variables that rustc has read, and that had other values.
    pub(crate) variables: BTreeSet<String>,
    /// Files that it is made from and that are newer than it was, as messages show them.
    pub(crate) newer: Vec<String>,
    /// Those among them that are newer than now.
    pub(crate) future: Vec<String>,
    /// What a build script names and is not there.
    pub(crate) missing: Vec<String>,
    /// Whether its artefact was gone.
    pub(crate) is_gone: bool,
    /// Whether somebody else had built it, in a directory that checkouts share.
    pub(crate) is_foreign: bool,
}

/// What was there before.
#[derive(Debug, Clone, Default)]
pub(crate) enum Was {
    /// Nothing of its profile.
    #[default]
    First,
    /// Other units, and none of this kind.
    Nothing,
    /// The unit itself.
    Same(Explanation),
    /// One of the same package, made in another way.
    Like(Explanation),
}

/// What else is known of this build and of the one before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The package of the extension.
    pub(crate) extension: String,
    /// The names of what has changed since what is installed was built.
    pub(crate) changed: BTreeSet<String>,
    /// A file with flags that only some calls of cargo read, and the one that others read in its place.
    pub(crate) scattered: Option<(String, Option<String>)>,
    /// Variables with flags that are set.
    pub(crate) flag_variables: Vec<String>,
    /// Whether the variables of a build are shared with every cargo.
    pub(crate) shares_variables: bool,
    /// Packages that were made stale, since they were not what cargo took them for, with the cause.
    pub(crate) made_stale: BTreeMap<String, String>,
    /// The build directory, where checkouts share it.
    pub(crate) shared_dir: Option<Utf8PathBuf>,
    pub(crate) settings_before: Option<Settings>,
    pub(crate) settings: Settings,
    pub(crate) versions_before: Option<Versions>,
    pub(crate) versions: Versions,
}

/// For each of `changes`, the root causes for which it was compiled: its own, and those of what it is made
/// with.
pub(crate) fn causes(changes: &[Change], facts: &Facts) -> Vec<Found> {
    let links: Vec<_> = changes.iter().map(|it| links(it, changes)).collect();
    let mut own: Vec<_> = changes.iter().map(|it| own_causes(it, facts)).collect();
    let is_explained = |own: &[Vec<Cause>], package: &str| {
        let mut all = changes.iter().zip(own);
        all.any(|(it, causes)| it.package == package && !causes.is_empty())
    };
    let unexplained = (0..changes.len())
        .filter(|at| links[*at].is_empty() && !is_explained(&own, &changes[*at].package));
    for at in unexplained.collect::<Vec<_>>() {
        own[at].push(without_a_difference(&changes[at], facts));
    }
    let found = (0..changes.len()).map(|at| {
        let mut all = reached(at, &own, &links);
        if all.is_empty() {
            // The run of a build script has another name where its library has, and notes no reason.
            let of_package =
                (0..changes.len()).filter(|it| changes[*it].package == changes[at].package);
            all.extend(of_package.flat_map(|it| reached(it, &own, &links)));
        }
        let roots = own[at].clone();
        Found { roots, all }
    });
    found.collect()
}

/// The causes of a unit, and of all that it is made with.
fn reached(at: usize, own: &[Vec<Cause>], links: &[Vec<usize>]) -> BTreeSet<Cause> {
    let (mut seen, mut due, mut all) = (BTreeSet::new(), vec![at], BTreeSet::new());
    while let Some(at) = due.pop() {
        if seen.insert(at) {
            all.extend(own[at].iter().cloned());
            due.extend(&links[at]);
        }
    }
    all
}

/// Why a unit was compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its own causes.
    pub(crate) roots: Vec<Cause>,
    /// Those and the ones of the units that it is made with.
    pub(crate) all: BTreeSet<Cause>,
}

/// Which of `changes` the unit is made with.
fn links(change: &Change, changes: &[Change]) -> Vec<usize> {
    let of = |dependency: &Dependency| {
        let is_it = |other: &Change| other.fingerprint == Some(dependency.fingerprint());
        let found = positions(changes, is_it);
        if !found.is_empty() {
            return found;
        }
        // What a script has printed becomes part of the fingerprint of its run only later.
        let is_it = |other: &Change| match dependency.name() {
            // A library knows its script's run, and a run its script.
            "build_script_build" => {
                let is_of_package = other.package == change.package;
                is_of_package && other.is_script() && other.is_run() != change.is_run()
            }
            name => other.kind.strip_prefix("lib-") == Some(name),
        };
        positions(changes, is_it)
    };
    change.now.deps.iter().flat_map(of).collect()
}

fn positions(changes: &[Change], is_it: impl Fn(&Change) -> bool) -> Vec<usize> {
    let all = changes.iter().enumerate();
    all.filter(|(_, it)| is_it(it)).map(|(at, _)| at).collect()
}

impl Change {
    fn is_run(&self) -> bool {
        self.kind.starts_with("run-")
    }

    /// Whether it is a build script, or the run of one.
    fn is_script(&self) -> bool {
        self.kind.contains("build-script-")
    }
}

fn own_causes(change: &Change, facts: &Facts) -> Vec<Cause> {
    if change.is_path_crate && change.is_foreign {
        let dir = facts.shared_dir.clone().unwrap_or_default();
        return vec![Cause::OtherCheckout { dir }];
    }
    let mut causes = match &change.was {
        Was::First => return vec![Cause::New],
        Was::Nothing => return vec![of_nothing(change, facts)],
        Was::Same(old) => differences(old, change, facts),
        // What it was is told by the nearest of its package.
        Was::Like(old) => match other_version(&change.package, facts) {
            Some(_) if change.is_path_crate => {
                let file = "Cargo.toml".to_owned();
                return vec![Cause::Edit { file }];
            }
            Some(version) => return vec![version],
            None => differences(old, change, facts),
        },
    };
    causes.extend(variables_read(change, facts));
    causes.extend(of_files(change));
    if causes.is_empty() && change.is_gone {
        causes.push(Cause::Removed);
    }
    causes
}

/// The file that a sentence of `units` begins with.
fn cause_of_stale(cause: &str) -> String {
    cause.split(' ').next().unwrap_or(cause).to_owned()
}

/// Of what no unit was there, though others were.
fn of_nothing(change: &Change, facts: &Facts) -> Cause {
    let before = facts.versions_before.as_ref();
    let was_there = before.is_some_and(|it| it.contains_key(&change.package));
    match other_version(&change.package, facts) {
        Some(version) => version,
        None if was_there => Cause::Removed,
        None => Cause::New,
    }
}

/// That a package has another version than before, if it has.
fn other_version(package: &str, facts: &Facts) -> Option<Cause> {
    let before = facts.versions_before.as_ref()?.get(package)?;
    let now = facts.versions.get(package)?;
    let new: Vec<_> = now.difference(before).cloned().collect();
    let old: Vec<_> = before.difference(now).cloned().collect();
    if new.is_empty() {
        return None;
    }
    let before = match &old[..] {
        [] => String::new(),
        old => format!(" (before, {})", old.join(" and ")),
    };
    let change = format!("{package} {}{before}", new.join(" and "));
    Some(Cause::Versions {
        changes: [change].into(),
    })
}

/// In what cargo has noted.
fn differences(old: &Explanation, change: &Change, facts: &Facts) -> Vec<Cause> {
    let now = &change.now;
    if old.rustc != now.rustc {
        let version = |settings: &Settings| settings.rustc.clone();
        return vec![Cause::Toolchain {
            old: facts.settings_before.as_ref().and_then(version),
            new: version(&facts.settings),
        }];
    }
    let mut causes = Vec::new();
    if old.rustflags != now.rustflags {
        causes.push(Cause::Flags {
            old: old.rustflags.clone(),
            new: now.rustflags.clone(),
            by: by(facts),
        });
    }
    causes.extend(features(old, change));
    if old.profile != now.profile {
        causes.push(profile(change, facts));
    }
    if (old.config, old.compile_kind) != (now.config, now.compile_kind) {
        let is_config = |name: &&String| name.contains(".cargo/config");
        let files = facts.changed.iter().filter(is_config).cloned();
        let files = files.collect();
        causes.push(Cause::Settings { files });
    }
    if old.target != now.target {
        let file = "Cargo.toml".to_owned();
        causes.push(match change.is_path_crate {
            true => Cause::Edit { file },
            false => Cause::Manifest,
        });
    }
    if old.path != now.path {
        causes.push(other_source(change, facts));
    }
    causes.extend(variables_declared(old, now, facts));
    let is_same = matches!(change.was, Was::Same(_));
    if is_same && old.whole_package() != now.whole_package() {
        causes.extend(now.newest_file().map(|file| undeclared(change, file)));
    }
    causes
}

/// The source lies elsewhere, and the version is the same: another commit, if Cargo.lock has changed.
fn other_source(change: &Change, facts: &Facts) -> Cause {
    let mut changed = facts.changed.iter();
    match changed.any(|name| name.ends_with("Cargo.lock")) {
        true => Cause::Versions {
            changes: [format!("another commit or source of {}", change.package)].into(),
        },
        false => Cause::Moved,
    }
}

fn features(old: &Explanation, change: &Change) -> Option<Cause> {
    let (old, new) = (old.features(), change.now.features());
    let named = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let only = one.difference(other);
        only.map(|feature| format!("{}/{feature}", change.package))
            .collect()
    };
    (old != new).then(|| Cause::Features {
        added: named(&new, &old),
        removed: named(&old, &new),
    })
}

/// The profile's digest also has arguments that cargo was given for the extension alone.
fn profile(change: &Change, facts: &Facts) -> Cause {
    let before = facts.settings_before.as_ref();
    let changes = before.map(|it| facts.settings.changes_of_profiles(it));
    let changes = changes.unwrap_or_default();
    if change.package == facts.extension && changes.is_empty() {
        return Cause::Arguments;
    }
    Cause::Profile { changes }
}

/// Where flags come from that are others.
fn by(facts: &Facts) -> By {
    let has_changed = |name: &&String| facts.changed.contains(&format!("variable {name}"));
    let names = [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
    ]
    .map(str::to_owned);
    if let Some(name) = names.iter().chain(&facts.flag_variables).find(has_changed) {
        return By::Variable(name.clone());
    }
    match &facts.scattered {
        Some((file, Some(other))) => return By::Files(other.clone(), file.clone()),
        Some((file, None)) => return By::OnlySome(file.clone()),
        None => {}
    }
    let mut files = facts
        .changed
        .iter()
        .filter(|name| name.contains(".cargo/config"));
    if let Some(file) = files.next() {
        return By::File(file.clone());
    }
    let set = facts.flag_variables.first();
    set.map_or(By::Unknown, |name| By::Variable(name.clone()))
}

/// Variables that a build script has declared.
fn variables_declared(old: &Explanation, now: &Explanation, facts: &Facts) -> Vec<Cause> {
    let (old, now) = (old.variables(), now.variables());
    let both = now
        .iter()
        .filter_map(|(name, value)| Some((name, old.get(name)?, value)));
    let other = both.filter(|(_, old, new)| old != new);
    let cause = |(name, old, new): (&String, &Option<String>, &Option<String>)| {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
        if !name.starts_with("PYO3_") {
            return variable(name, "a build script declares");
        }
        let change = format!("{name} is {}, and was {}", shown(new), shown(old));
        Cause::Python {
            changes: [change].into(),
            are_shared: facts.shares_variables,
        }
    };
    other.map(cause).collect()
}

/// Variables that rustc has read.
fn variables_read(change: &Change, facts: &Facts) -> Vec<Cause> {
    let names = change.variables.iter();
    let cause = |name: &String| match name.starts_with("PYO3_") {
        true => Cause::Python {
            changes: [format!("{name} has changed")].into(),
            are_shared: facts.shares_variables,
        },
        false => variable(name, "a crate reads by `env!` or `option_env!`"),
    };
    names.map(cause).collect()
}

fn variable(name: &str, reader: &'static str) -> Cause {
    let name = name.to_owned();
    Cause::Variable { name, reader }
}

/// In the files that a unit was made from.
fn of_files(change: &Change) -> Vec<Cause> {
    let package = || change.package.clone();
    let missing = change.missing.iter().map(|path| Cause::MissingInput {
        package: package(),
        path: path.clone(),
    });
    let future = change
        .future
        .iter()
        .map(|file| Cause::Future { file: file.clone() });
    let newer = change
        .newer
        .iter()
        .filter(|file| !change.future.contains(file));
    let newer = newer.map(|file| {
        let file = file.clone();
        match change.is_path_crate {
            true => Cause::Edit { file },
            false => Cause::Input {
                package: package(),
                file,
            },
        }
    });
    missing.chain(future).chain(newer).collect()
}

/// A file has changed in a package whose script declares nothing. That its sources are compiled again is what
/// one expects.
fn undeclared(change: &Change, file: &str) -> Cause {
    let is_source = file.ends_with(".rs") || file.ends_with("Cargo.toml");
    let (package, file) = (change.package.clone(), file.to_owned());
    match is_source && change.is_path_crate {
        true => Cause::Edit { file },
        false => Cause::Undeclared { package, file },
    }
}

/// Nothing differs in what was noted. The name of a unit, which is a digest, also has what cargo notes
/// nowhere.
fn without_a_difference(change: &Change, facts: &Facts) -> Cause {
    let names = [
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    ];
    let mut names = names.iter();
    let by_variable = names.any(|name| facts.changed.contains(&format!("variable {name}")));
    let before = facts.settings_before.as_ref();
    let by_file = before.is_some_and(|it| it.workspace_wrapper != facts.settings.workspace_wrapper);
    if let Some(cause) = facts.made_stale.get(&change.package) {
        return Cause::Edit {
            file: cause_of_stale(cause),
        };
    }
    if change.is_path_crate && (by_variable || by_file) {
        return Cause::Wrapper;
    }
    match &change.was {
        Was::Same(old) | Was::Like(old) if old.deps != change.now.deps => {
            let old = &old.deps;
            let other = change.now.deps.iter().filter(|it| !old.contains(it));
            let names = other.map(|it| it.name().to_owned());
            Cause::OtherBuilds {
                names: names.collect(),
            }
        }
        Was::Same(_) => Cause::Removed,
        _ => Cause::Unknown,
    }
}

#[cfg(test)]
mod tests;
