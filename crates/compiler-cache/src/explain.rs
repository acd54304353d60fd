//! Why two environments do not share what one of them has put into the cache.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::Recording;

/// Something by which two environments differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is.
    pub what: String,
    /// In the first environment; `None` where it is not set.
    pub a: Option<String>,
    /// In the second.
    pub b: Option<String>,
    /// What that does to the hits of one in what the other has stored.
    pub effect: Effect,
    /// Why it has that effect.
    pub because: &'static str,
}

/// What a difference does to the hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// They look into different stores.
    NoSharedStore,
    /// Every key differs.
    NoHits,
    /// It depends: the format of the store, or the way in which cargo names crates.
    Perhaps,
    /// C and C++ sources differ, Rust does not.
    NoHitsInC,
    /// Crates of the workspace differ, registry crates do not.
    NotTheWorkspace,
    /// Crates that include generated files differ, with what depends on them.
    NotGenerated,
}

impl Effect {
    /// What a person reads of it.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::NoSharedStore => "they do not look into the same store",
            Self::NoHits => "no hits at all",
            Self::Perhaps => "perhaps no hits",
            Self::NoHitsInC => "no hits in C and C++ sources",
            Self::NotTheWorkspace => "no hits in the crates of the workspace",
            Self::NotGenerated => {
                "no hits in crates that include files from OUT_DIR, and in what depends on them"
            }
        }
    }
}

/// The differences between `a` and `b`, the gravest first. None: what one stores, the other finds.
#[must_use]
pub fn explain(a: &Recording, b: &Recording) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, a: &str, b: &str, effect, because| {
        if a != b {
            differences.push(Difference {
                what: what.to_owned(),
                a: Some(a.to_owned()),
                b: Some(b.to_owned()),
                effect,
                because,
            });
        }
    };
    compare(
        "rustc",
        &a.rustc,
        &b.rustc,
        Effect::NoHits,
        "the compiler itself is part of the key",
    );
    compare(
        "cargo",
        &a.cargo,
        &b.cargo,
        Effect::Perhaps,
        "cargo names crates by hashes that may differ from version to version",
    );
    compare(
        "compiler cache",
        &a.wrapper,
        &b.wrapper,
        wrapper_effect(&a.wrapper, &b.wrapper),
        "each cache has keys and a store of its own, which may change with its version",
    );
    compare(
        "cargo's home",
        &a.cargo_home,
        &b.cargo_home,
        Effect::NoHits,
        "the directory in which a registry crate is compiled is part of the key",
    );
    compare(
        "project directory",
        &a.root,
        &b.root,
        Effect::NotGenerated,
        "the path of OUT_DIR is part of the key of a crate that reads it, and the path of a workspace crate of its own",
    );
    differences.extend(of_maps(
        &a.store,
        &b.store,
        Effect::NoSharedStore,
        "it says where the store is",
    ));
    differences.extend(of_maps(
        &a.variables,
        &b.variables,
        Effect::NoHits,
        "sccache takes every CARGO_ variable into the key, also those that change nothing (mozilla/sccache#2494)",
    ));
    differences.extend(of_flags(
        "rustc for dependencies",
        &a.dependency_flags,
        &b.dependency_flags,
        Effect::NoHits,
    ));
    differences.extend(of_flags(
        "rustc for crates of the workspace",
        &a.workspace_flags,
        &b.workspace_flags,
        Effect::NotTheWorkspace,
    ));
    differences.extend(of_maps(
        &a.c_variables,
        &b.c_variables,
        Effect::NoHitsInC,
        "it decides how C compilers are called",
    ));
    differences.sort_by_key(|difference| difference.effect);
    differences
}

/// Another cache altogether has another store; another version of the same one may have another format.
fn wrapper_effect(a: &str, b: &str) -> Effect {
    let kind = |text: &str| text.split(' ').next().map(str::to_owned);
    if kind(a) == kind(b) {
        Effect::Perhaps
    } else {
        Effect::NoSharedStore
    }
}

fn of_maps(
    a: &BTreeMap<String, String>,
    b: &BTreeMap<String, String>,
    effect: Effect,
    because: &'static str,
) -> Vec<Difference> {
    let mut names: Vec<_> = a.keys().chain(b.keys()).collect();
    names.sort();
    names.dedup();
    let differing = names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name));
    differing
        .map(|name| Difference {
            what: name.clone(),
            a: a.get(name).cloned(),
            b: b.get(name).cloned(),
            effect,
            because,
        })
        .collect()
}

/// The flags that only one of the two has.
fn of_flags(what: &str, a: &[String], b: &[String], effect: Effect) -> Option<Difference> {
    let only = |of: &[String], other: &[String]| {
        let missing: Vec<_> = of
            .iter()
            .filter(|flag| !other.contains(flag))
            .cloned()
            .collect();
        (!missing.is_empty()).then(|| missing.join(" "))
    };
    (a != b).then(|| Difference {
        what: what.to_owned(),
        a: only(a, b),
        b: only(b, a),
        effect,
        because: "the arguments are part of the key",
    })
}

/// The table for people, ending in what is to be expected.
#[must_use]
pub fn text(differences: &[Difference]) -> String {
    let mut lines = Vec::new();
    for difference in differences {
        lines.push(format!(
            "{}: {}",
            difference.what,
            difference.effect.in_words()
        ));
        for (name, value) in [("A", &difference.a), ("B", &difference.b)] {
            let value = value.as_deref().unwrap_or("(not set)");
            let value = value.lines().collect::<Vec<_>>().join("; ");
            lines.push(format!("    {name}  {value}"));
        }
        lines.push(format!("    {}", difference.because));
    }
    lines.push(verdict(differences));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn verdict(differences: &[Difference]) -> String {
    let expected = match differences.first() {
        None => "each finds what the other has stored",
        Some(gravest) => gravest.effect.in_words(),
    };
    format!("Expected of one in the cache of the other: {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    fn recording() -> Recording {
        let text = |text: &str| text.to_owned();
        Recording {
            format: 1,
            rustc: text("rustc 1.95.0\nhost: x86_64"),
            cargo: text("cargo 1.95.0"),
            wrapper: text("sccache 0.16.0"),
            cargo_home: text("/home/u/.cargo"),
            root: text("/src/p"),
            variables: BTreeMap::new(),
            dependency_flags: vec![text("-C opt-level=3")],
            workspace_flags: vec![text("-C opt-level=0")],
            c_variables: BTreeMap::new(),
            store: BTreeMap::new(),
        }
    }

    /// The gravest effect of changing one recording by `change`.
    fn effect(change: impl FnOnce(&mut Recording)) -> Option<Effect> {
        let mut changed = recording();
        change(&mut changed);
        explain(&recording(), &changed).first().map(|it| it.effect)
    }

    fn set(map: &mut BTreeMap<String, String>, name: &str, value: &str) {
        map.insert(name.to_owned(), value.to_owned());
    }

    #[test]
    fn equal_environments_share_everything() {
        assert_eq!(effect(|_| ()), None);
        expect_file!["snapshots/same.txt"].assert_eq(&text(&[]));
    }

    #[test]
    fn each_difference_has_its_effect() {
        let no_hits = Some(Effect::NoHits);
        assert_eq!(
            effect(|it| set(&mut it.variables, "CARGO_TERM_COLOR", "always")),
            no_hits
        );
        assert_eq!(effect(|it| it.rustc.push('x')), no_hits);
        assert_eq!(effect(|it| it.cargo_home.push('x')), no_hits);
        assert_eq!(
            effect(|it| it.dependency_flags.push("-C lto".to_owned())),
            no_hits
        );
        let workspace = |it: &mut Recording| it.workspace_flags.clear();
        assert_eq!(effect(workspace), Some(Effect::NotTheWorkspace));
        assert_eq!(effect(|it| it.root.push('x')), Some(Effect::NotGenerated));
        assert_eq!(
            effect(|it| set(&mut it.c_variables, "CFLAGS", "-O2")),
            Some(Effect::NoHitsInC)
        );
        let other_store = |it: &mut Recording| set(&mut it.store, "SCCACHE_DIR", "/other");
        assert_eq!(effect(other_store), Some(Effect::NoSharedStore));
        let newer = |it: &mut Recording| it.wrapper = "sccache 0.17.0".to_owned();
        assert_eq!(effect(newer), Some(Effect::Perhaps));
        let kache = |it: &mut Recording| it.wrapper = "kache 1.2.0".to_owned();
        assert_eq!(effect(kache), Some(Effect::NoSharedStore));
    }

    #[test]
    fn the_gravest_comes_first_and_decides_the_verdict() {
        let mut other = recording();
        other.root = "/elsewhere".to_owned();
        set(&mut other.variables, "CARGO_INCREMENTAL", "0");
        let differences = explain(&recording(), &other);
        assert_eq!(differences[0].what, "CARGO_INCREMENTAL");
        assert_eq!(
            (differences[0].a.as_deref(), differences[0].b.as_deref()),
            (None, Some("0"))
        );
        expect_file!["snapshots/explanation.txt"].assert_eq(&text(&differences));
    }
}
