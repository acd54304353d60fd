//! What the last build compiled, and why: by root causes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::change::Change;
use super::rule::Found;

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
            text.push_str(&format!("  {}\n", root.line()));
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
    /// Which crates, and why.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}: {}", self.names(|_| true), self.cause)
    }

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
            is_said: self.cause.is_said_anyway(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn change(package: &str) -> Change {
        Change {
            package: package.to_owned(),
            ..Change::default()
        }
    }

    fn found(roots: &[&Cause], all: &[&Cause]) -> Found {
        Found {
            roots: roots.iter().map(|it| (*it).clone()).collect(),
            all: all.iter().map(|it| (*it).clone()).collect(),
        }
    }

    fn report(of: &[(&str, Found)]) -> Report {
        let changes: Vec<_> = of.iter().map(|(package, _)| change(package)).collect();
        let compiled = of
            .iter()
            .map(|(package, _)| (*package).to_owned())
            .collect();
        let found: Vec<_> = of.iter().map(|(_, found)| found.clone()).collect();
        Report::new(9, compiled, &changes, &found)
    }

    fn python(change: &str) -> Cause {
        Cause::Python {
            changes: [change.to_owned()].into(),
            are_shared: true,
        }
    }

    fn edit() -> Cause {
        Cause::Edit {
            file: "src/lib.rs".to_owned(),
        }
    }

    #[test]
    fn an_edit_and_a_first_build_are_no_news() {
        let edit = edit();
        let report = report(&[
            ("leaf", found(&[&edit], &[&edit])),
            ("top", found(&[], &[&edit])),
            ("new", found(&[&Cause::New], &[&Cause::New])),
        ]);
        assert_eq!(report.line(), None);
        let text = report.text();
        assert!(
            text.starts_with(
                "the last build compiled 3 of 9 crates, as the edit or a first build explains\n"
            ),
            "{text}"
        );
        assert!(
            Report::default()
                .text()
                .starts_with("the last build compiled 0 of 0 crates\n")
        );
    }

    #[test]
    fn root_causes_come_first_with_what_was_compiled_for_each_alone() {
        let (edit, one, two) = (edit(), python("A is 1"), python("B is 2"));
        let removed = Cause::Removed;
        let report = report(&[
            ("pyo3-ffi", found(&[&one, &two], &[&one, &two])),
            ("pyo3", found(&[], &[&one])),
            ("libc", found(&[&removed], &[&removed])),
            ("top", found(&[&edit], &[&edit, &one, &removed])),
        ]);
        let text = report.text();
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.contains("help: "))
            .collect();
        let expected = [
            "the last build compiled 4 of 9 crates, 3 more than the edit explains",
            "  pyo3-ffi and 2 more: A is 1; B is 2",
            "    compiled for this alone: 2",
            "  libc and top: what was built of it is gone, as after `cargo clean -p`",
            "    compiled for this alone: 1",
            "  top: src/lib.rs has changed",
            "    compiled for this alone: 0",
        ];
        assert_eq!(lines, expected);
        // `top` would have been compiled anyway.
        let line = report.line().unwrap();
        assert!(
            line.starts_with("pyo3-ffi and pyo3: A is 1; B is 2; build for one Python"),
            "{line}"
        );
        assert!(
            line.ends_with("; another cause: `cargo xtask why`"),
            "{line}"
        );
    }

    #[test]
    fn what_each_build_says_anyway_is_not_said_twice() {
        for is_path_crate in [true, false] {
            let missing = Cause::MissingInput {
                package: "leaf".to_owned(),
                path: "gone".to_owned(),
                is_path_crate,
            };
            let report = report(&[("leaf", found(&[&missing], &[&missing]))]);
            assert_eq!(report.line().is_none(), is_path_crate);
            assert!(report.text().contains("names gone, which is not there"));
        }
    }
}
