//! The causes that a unit has by itself: in what cargo has noted, in files, and in the name of the unit.

use std::collections::BTreeSet;

use build_dir::explanation::Explanation;

use super::cause::{By, Cause};
use super::change::{Change, Facts, Was};
use super::settings::Settings;

/// Why a unit was compiled, beside what it is made with.
pub(super) fn own_causes(change: &Change, facts: &Facts) -> Vec<Cause> {
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
    let if_differs = |differs: bool, cause: &dyn Fn() -> Cause| differs.then(cause);
    let platform = |it: &Explanation| (it.config, it.compile_kind);
    let of_one = [
        if_differs(old.rustflags != now.rustflags, &|| flags(old, now, facts)),
        features(old, change),
        if_differs(old.profile != now.profile, &|| profile(change, facts)),
        if_differs(platform(old) != platform(now), &|| settings(facts)),
        if_differs(old.target != now.target, &|| manifest(change, facts)),
        if_differs(old.path != now.path, &|| other_source(change, facts)),
        whole_package(old, change),
    ];
    let of_variables = variables_declared(old, now, facts);
    of_one.into_iter().flatten().chain(of_variables).collect()
}

fn flags(old: &Explanation, now: &Explanation, facts: &Facts) -> Cause {
    Cause::Flags {
        old: old.rustflags.clone(),
        new: now.rustflags.clone(),
        by: by(facts),
    }
}

fn settings(facts: &Facts) -> Cause {
    let is_config = |name: &&String| name.contains(".cargo/config");
    let files = facts.changed.iter().filter(is_config).cloned();
    Cause::Settings {
        files: files.collect(),
    }
}

/// cargo notes of a target what Cargo.toml says, with `--crate-type` in the place of what that says.
fn manifest(change: &Change, facts: &Facts) -> Cause {
    let file = "Cargo.toml".to_owned();
    match (change.is_path_crate, facts.is_unedited) {
        (true, true) => Cause::CrateTypes,
        (true, false) => Cause::Edit { file },
        (false, _) => Cause::Manifest,
    }
}

/// A file in a package whose build script declares nothing.
fn whole_package(old: &Explanation, change: &Change) -> Option<Cause> {
    let now = &change.now;
    let is_same = matches!(change.was, Was::Same(_));
    let differs = is_same && old.whole_package() != now.whole_package();
    let file = now.newest_file().filter(|_| differs)?;
    Some(undeclared(change, file))
}

/// The source lies elsewhere, and the version is the same: another commit, if Cargo.lock has changed.
fn other_source(change: &Change, facts: &Facts) -> Cause {
    let mut changed = facts.changed.iter();
    if !changed.any(|name| name.ends_with("Cargo.lock")) {
        return Cause::Moved;
    }
    let change = format!("another commit or source of {}", change.package);
    Cause::Versions {
        changes: [change].into(),
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
    let cause = |name: &String| {
        if !name.starts_with("PYO3_") {
            return variable(name, "a crate reads by `env!` or `option_env!`");
        }
        Cause::Python {
            changes: [format!("{name} has changed")].into(),
            are_shared: facts.shares_variables,
        }
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
        is_path_crate: change.is_path_crate,
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
        if change.is_path_crate {
            return Cause::Edit { file };
        }
        let package = package();
        Cause::Input { package, file }
    });
    missing.chain(future).chain(newer).collect()
}

/// A file has changed in a package whose script declares nothing. That its sources are compiled again is what
/// one expects.
fn undeclared(change: &Change, file: &str) -> Cause {
    let is_source = file.ends_with(".rs") || file.ends_with("Cargo.toml");
    let (package, file) = (change.package.clone(), file.to_owned());
    if is_source && change.is_path_crate {
        return Cause::Edit { file };
    }
    Cause::Undeclared { package, file }
}

/// Nothing differs in what was noted. The name of a unit, which is a digest, also has what cargo notes
/// nowhere.
pub(super) fn without_a_difference(change: &Change, facts: &Facts) -> Cause {
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
            let names = other.map(|it| match it.name() {
                "build_script_build" => format!("the build script of {}", change.package),
                name => name.to_owned(),
            });
            Cause::OtherBuilds {
                names: names.collect(),
            }
        }
        Was::Same(_) if !change.remade.is_empty() => Cause::Remade {
            names: change.remade.clone(),
        },
        Was::Same(_) => Cause::Removed,
        _ => Cause::Unknown,
    }
}
