//! Which of the optional dependencies of a project are installed, in uv's words.

use packaging::normalized;
use serde::{Deserialize, Serialize};

/// A choice of extras and dependency groups, as `uv sync` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Selection {
    /// `--extra`.
    pub extras: Vec<String>,
    /// `--all-extras`.
    pub all_extras: bool,
    /// `--no-extra`: not among all of them.
    pub no_extras: Vec<String>,
    /// `--group`: beside the default groups.
    pub groups: Vec<String>,
    /// `--all-groups`.
    pub all_groups: bool,
    /// `--no-group`.
    pub no_groups: Vec<String>,
    /// `--no-default-groups`.
    pub no_default_groups: bool,
}

impl Selection {
    /// The same in one spelling (PEP 685, PEP 735) and one order, for comparing.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let names = |names: &[String]| {
            let mut names: Vec<_> = names.iter().map(|name| normalized(name)).collect();
            names.sort();
            names.dedup();
            names
        };
        Self {
            extras: names(&self.extras),
            no_extras: names(&self.no_extras),
            groups: names(&self.groups),
            no_groups: names(&self.no_groups),
            ..*self
        }
    }

    /// The options of `uv sync`.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        let flags = [
            (self.all_extras, "--all-extras"),
            (self.all_groups, "--all-groups"),
            (self.no_default_groups, "--no-default-groups"),
        ];
        let flags = flags.iter().filter(|(given, _)| *given);
        let names = [
            ("--extra", &self.extras),
            ("--no-extra", &self.no_extras),
            ("--group", &self.groups),
            ("--no-group", &self.no_groups),
        ];
        let names = names
            .iter()
            .flat_map(|(option, names)| names.iter().map(move |name| format!("{option}={name}")));
        flags
            .map(|(_, flag)| (*flag).to_owned())
            .chain(names)
            .collect()
    }

    /// Those of the extras `all` that are chosen.
    #[must_use]
    pub fn extras_among(&self, all: &[&str]) -> Vec<String> {
        let all = all.iter().copied().filter(|_| self.all_extras);
        let extras = all.chain(self.extras.iter().map(String::as_str));
        without(extras, &self.no_extras)
    }

    /// Those of the dependency groups `all` that are chosen, where `default` are those that uv takes unless
    /// it is told otherwise.
    #[must_use]
    pub fn groups_among(&self, all: &[&str], default: &[&str]) -> Vec<String> {
        let all = all.iter().copied().filter(|_| self.all_groups);
        let default = default.iter().copied().filter(|_| !self.no_default_groups);
        let groups = all.chain(default);
        let groups = groups.chain(self.groups.iter().map(String::as_str));
        without(groups, &self.no_groups)
    }
}

/// `names` in one spelling, each once, without those that are `left_out`.
fn without<'a>(names: impl Iterator<Item = &'a str>, left_out: &[String]) -> Vec<String> {
    let left_out: Vec<_> = left_out.iter().map(|name| normalized(name)).collect();
    let mut names: Vec<_> = names.map(normalized).collect();
    names.retain(|name| !left_out.contains(name));
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn one_choice_has_one_form_however_it_is_spelled() {
        let one = Selection {
            extras: names(&["My_Extra", "b"]),
            groups: names(&["Lint.All"]),
            ..Selection::default()
        };
        let other = Selection {
            extras: names(&["b", "my-extra", "my.extra"]),
            groups: names(&["lint-all"]),
            ..Selection::default()
        };
        assert_ne!(one, other);
        assert_eq!(one.normalized(), other.normalized());
        let args = "--extra=b --extra=my-extra --group=lint-all";
        assert_eq!(one.normalized().args().join(" "), args);
    }

    #[test]
    fn the_words_mean_what_they_mean_to_uv() {
        let extras = ["a", "B_b"];
        let of_extras = |selection: &Selection| selection.extras_among(&extras).join(" ");
        let groups = |selection: &Selection| {
            selection
                .groups_among(&["dev", "lint", "Docs"], &["dev"])
                .join(" ")
        };
        let mut selection = Selection::default();
        assert_eq!(
            (of_extras(&selection), groups(&selection)),
            (String::new(), "dev".into())
        );
        selection.extras = names(&["A", "unknown"]);
        selection.groups = names(&["docs"]);
        assert_eq!(of_extras(&selection), "a unknown");
        assert_eq!(groups(&selection), "dev docs");
        selection = Selection {
            all_extras: true,
            no_extras: names(&["b.b"]),
            all_groups: true,
            no_groups: names(&["Lint"]),
            ..Selection::default()
        };
        assert_eq!(of_extras(&selection), "a");
        assert_eq!(groups(&selection), "dev docs");
        selection = Selection {
            no_default_groups: true,
            ..Selection::default()
        };
        assert_eq!(groups(&selection), "");
        assert_eq!(selection.args(), ["--no-default-groups"]);
    }
}
