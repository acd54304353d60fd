//! What a platform tag promises, as data (`data/policies.txt`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// What everybody who takes a wheel of this tag has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// `manylinux_2_17`.
    pub(crate) name: &'static str,
    /// Of the C library.
    pub(crate) major: u32,
    /// Of the C library.
    pub(crate) minor: u32,
    /// The architectures for which it is defined.
    architectures: BTreeSet<&'static str>,
    libraries: BTreeSet<&'static str>,
    /// By architecture and prefix (`GLIBC`), the versions.
    symbols: BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>,
    /// By library, symbols that not every build of it has.
    forbidden: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

/// The two families, which have nothing in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// glibc.
    Manylinux,
    /// musl.
    Musllinux,
}

/// The policies of `family`, the oldest first: those that the most systems keep.
pub(crate) fn policies(family: Family) -> impl Iterator<Item = &'static Policy> {
    static ALL: OnceLock<Vec<Policy>> = OnceLock::new();
    let prefix = match family {
        Family::Manylinux => "manylinux_",
        Family::Musllinux => "musllinux_",
    };
    let all = ALL.get_or_init(|| read(include_str!("../data/policies.txt")));
    all.iter()
        .filter(move |policy| policy.name.starts_with(prefix))
}

/// Reads the table. It is a part of the program, and a test reads it.
fn read(text: &'static str) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (Some(key), Some(first)) = (words.next(), words.next()) else {
            continue;
        };
        if key == "policy" {
            policies.push(next(policies.last(), first));
            continue;
        }
        let same = policies.iter().find(|policy| policy.name == first);
        let same = same.map(|policy| policy.forbidden.clone());
        let policy = policies.last_mut().expect("the first line names a policy");
        match key {
            "libs" => policy.libraries.extend([first].into_iter().chain(words)),
            "architectures" => policy
                .architectures
                .extend([first].into_iter().chain(words)),
            "symbols" => policy.add_symbols(first, words),
            "forbid" => policy.forbidden.entry(first).or_default().extend(words),
            "forbid-as" => policy.forbidden = same.expect("it stands above"),
            _ => unreachable!("no such key: {key}"),
        }
    }
    policies
}

/// A policy that begins as the one before it, if that is of its family.
fn next(before: Option<&Policy>, name: &'static str) -> Policy {
    let mut parts = name.split('_');
    let family = parts.next().unwrap_or_default();
    let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let (major, minor) = (number(), number());
    let before = before.filter(|before| before.name.starts_with(family));
    let before = before.cloned().unwrap_or_default();
    Policy {
        name,
        major,
        minor,
        architectures: BTreeSet::new(),
        forbidden: BTreeMap::new(),
        ..before
    }
}

impl Policy {
    fn add_symbols(
        &mut self,
        architectures: &'static str,
        mut words: std::str::SplitWhitespace<'static>,
    ) {
        let prefix = words.next().unwrap_or_default();
        let versions: BTreeSet<_> = words.collect();
        for architecture in architectures.split(',') {
            let known = self.symbols.entry((architecture, prefix)).or_default();
            known.extend(&versions);
        }
    }

    /// Whether it is defined for `architecture`.
    pub(crate) fn has(&self, architecture: &str) -> bool {
        self.architectures.contains(architecture)
    }

    /// Whether it promises the library `name`.
    pub(crate) fn promises(&self, name: &str, architecture: &str) -> bool {
        let is_loader = name.contains("ld-linux") || matches!(name, "ld64.so.1" | "ld64.so.2");
        let musl = format!("libc.musl-{}.so.1", musl_architecture(architecture));
        let is_musl = name == musl && self.libraries.contains("libc.so");
        is_loader || is_musl || self.libraries.contains(name)
    }

    /// Whether it promises the version `GLIBC_2.17` of symbols; of a prefix that it does not know, every
    /// version.
    pub(crate) fn promises_version(&self, version: &str, architecture: &str) -> bool {
        let (prefix, number) = version.split_once('_').unwrap_or((version, ""));
        // The table has no keys with other lifetimes than its own.
        let known = self
            .symbols
            .iter()
            .find(|((arch, it), _)| *arch == architecture && *it == prefix);
        known.is_none_or(|(_, versions)| versions.contains(number))
    }

    /// The symbols that are used and that it does not promise, though the libraries that have them are
    /// promised.
    pub(crate) fn forbidden_among<'a>(
        &self,
        needed: &[String],
        undefined: &'a BTreeSet<String>,
    ) -> Vec<&'a str> {
        let libraries = self
            .forbidden
            .iter()
            .filter(|(library, _)| needed.iter().any(|it| it == *library));
        let symbols = libraries.flat_map(|(_, symbols)| symbols);
        let used = symbols.filter_map(|symbol| undefined.get(*symbol));
        used.map(String::as_str).collect()
    }
}

/// musl's name for an architecture, where it has its own.
fn musl_architecture(architecture: &str) -> &str {
    match architecture {
        "i686" => "x86",
        "armv7l" => "armv7",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(family: Family, name: &str) -> &'static Policy {
        policies(family).find(|policy| policy.name == name).unwrap()
    }

    #[test]
    fn a_policy_holds_what_those_before_it_hold() {
        let policy = policy(Family::Manylinux, "manylinux_2_28");
        assert_eq!((policy.major, policy.minor), (2, 28));
        for version in ["GLIBC_2.2.5", "GLIBC_2.28", "GLIBCXX_3.4.24", "FOO_9"] {
            assert!(policy.promises_version(version, "x86_64"), "{version}");
        }
        for version in ["GLIBC_2.29", "GLIBC_PRIVATE", "GLIBCXX_3.4.25"] {
            assert!(!policy.promises_version(version, "x86_64"), "{version}");
        }
        assert!(
            policy.promises("libz.so.1", "x86_64")
                && policy.promises("ld-linux-x86-64.so.2", "x86_64")
        );
        assert!(
            !policy.promises("libssl.so.3", "x86_64")
                && !policy.promises("libc.musl-x86_64.so.1", "x86_64")
        );
        assert!(policy.has("aarch64") && !policy.has("riscv64"));
    }

    #[test]
    fn the_families_do_not_mix() {
        let policy = policy(Family::Musllinux, "musllinux_1_2");
        assert!(
            policy.promises("libc.musl-x86_64.so.1", "x86_64")
                && policy.promises("libc.musl-x86.so.1", "i686")
        );
        assert!(!policy.promises("libc.so.6", "x86_64"));
        assert_eq!(
            policies(Family::Manylinux).next().unwrap().name,
            "manylinux_2_5"
        );
    }

    #[test]
    fn private_symbols_of_a_promised_library_are_found() {
        let policy = policy(Family::Manylinux, "manylinux_2_17");
        let used = BTreeSet::from(["inflate".to_owned(), "inflate_fast".to_owned()]);
        assert_eq!(
            policy.forbidden_among(&["libz.so.1".to_owned()], &used),
            ["inflate_fast"]
        );
        assert!(
            policy
                .forbidden_among(&["libc.so.6".to_owned()], &used)
                .is_empty()
        );
    }
}
