//! What the last build compiled, and why: by root causes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::rule::{Change, Found};

/// Of one build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How many crates the extension is made of.
    pub crates: usize,
    /// Those that were compiled.
    pub compiled: BTreeSet<String>,
    /// Those among them that the edit does not explain, nor that they were not built before.
    pub unexpected: BTreeSet<String>,
    /// The root causes: first those that are not expected, by how much was compiled for them.
    pub causes: Vec<Root>,
}

/// A root cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The cause, in words.
    pub cause: String,
    /// What cures it.
    pub cure: Option<String>,
    /// Whether it is what one expects: an edit, or a first build.
    pub is_expected: bool,
    /// Whether each build says it already.
    pub is_said: bool,
    /// The crates that it is the cause of by themselves.
    pub roots: BTreeSet<String>,
    /// Those that were compiled for it: these, and what is made of them.
    pub crates: BTreeSet<String>,
    /// How many of them were compiled for no other cause.
    pub only_for_this: usize,
}

impl Report {
    /// Of a build of `crates` crates, of which `compiled` were compiled. `found` tells why, for each of the
    /// `changes`.
    pub(crate) fn new(
        crates: usize,
        compiled: BTreeSet<String>,
        changes: &[Change],
        found: &[Found],
    ) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (change, found) in changes.iter().zip(found) {
            for cause in &found.all {
                let group = group_of(cause, &mut groups);
                group.crates.insert(change.package.clone());
                if found.roots.contains(cause) {
                    group.roots.insert(change.package.clone());
                }
            }
        }
        let expected = groups.iter().filter(|it| it.cause.is_expected());
        let expected: BTreeSet<_> = expected.flat_map(|it| it.crates.iter().cloned()).collect();
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for package in groups.iter().flat_map(|it| &it.crates) {
            *counts.entry(package).or_default() += 1;
        }
        let roots = groups.iter().map(|it| it.root(&counts));
        let mut causes: Vec<_> = roots.collect();
        let weight = |it: &Root| Reverse((it.crates.len(), it.roots.len()));
        causes.sort_by_key(|it| (it.is_expected, weight(it)));
        Self {
            crates,
            unexpected: compiled.difference(&expected).cloned().collect(),
            compiled,
            causes,
        }
    }

    /// What a build says of itself, where more was compiled than the edit explains.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let is_news =
            |it: &&Root| !it.is_expected && !it.is_said && !it.crates.is_disjoint(&self.unexpected);
        let mut news = self.causes.iter().filter(is_news);
        let first = news.next()?;
        let more = match news.count() {
            0 => String::new(),
            1 => "; another cause: `cargo xtask why`".to_owned(),
            more => format!("; {more} more causes: `cargo xtask why`"),
        };
        let cure = first.cure.as_ref();
        let cure = cure.map_or_else(String::new, |it| format!("; {it}"));
        let names = first.names(|name| self.unexpected.contains(name));
        Some(format!("{names}: {}{cure}{more}", first.cause))
    }

    /// All of it, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "the last build compiled {} of {} crates",
            self.compiled.len(),
            self.crates
        );
        match self.unexpected.len() {
            _ if self.compiled.is_empty() => {}
            0 => text.push_str(", as the edit or a first build explains"),
            more => text.push_str(&format!(", {more} more than the edit explains")),
        }
        text.push('\n');
        for root in &self.causes {
            text.push_str(&format!("  {}: {}\n", root.names(|_| true), root.cause));
            let only = root.only_for_this;
            text.push_str(&format!("    compiled for this alone: {only}\n"));
            if let Some(cure) = &root.cure {
                text.push_str(&format!("    help: {cure}\n"));
            }
        }
        text
    }
}

impl Root {
    /// `pyo3-ffi and 3 more`, of those that `count`: first what it is the cause of by itself.
    fn names(&self, count: impl Fn(&str) -> bool) -> String {
        let others = self.crates.difference(&self.roots);
        let all = self.roots.iter().chain(others).map(String::as_str);
        let all: Vec<_> = all.filter(|name| count(name)).collect();
        match all[..] {
            [] => String::new(),
            [one] => one.to_owned(),
            [one, two] => format!("{one} and {two}"),
            [one, ..] => format!("{one} and {} more", all.len() - 1),
        }
    }
}

/// A root cause and its crates, while they are gathered.
struct Group {
    cause: Cause,
    roots: BTreeSet<String>,
    crates: BTreeSet<String>,
}

impl Group {
    fn root(&self, counts: &BTreeMap<&String, usize>) -> Root {
        let alone = self
            .crates
            .iter()
            .filter(|name| counts.get(name) == Some(&1));
        Root {
            cause: self.cause.words(),
            cure: self.cause.cure(),
            is_expected: self.cause.is_expected(),
            // The outcome of each build tells it of every path that is missing.
            is_said: matches!(self.cause, Cause::MissingInput { .. }),
            roots: self.roots.clone(),
            only_for_this: alone.count(),
            crates: self.crates.clone(),
        }
    }
}

/// The group that `cause` belongs to, which then tells of it as well.
fn group_of<'g>(cause: &Cause, groups: &'g mut Vec<Group>) -> &'g mut Group {
    let known = groups
        .iter()
        .position(|it| it.cause.merged(cause).is_some());
    let at = known.unwrap_or_else(|| {
        groups.push(Group {
            cause: cause.clone(),
            roots: BTreeSet::new(),
            crates: BTreeSet::new(),
        });
        groups.len() - 1
    });
    let group = &mut groups[at];
    group.cause = group.cause.merged(cause).unwrap_or_else(|| cause.clone());
    group
}
