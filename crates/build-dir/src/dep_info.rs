//! Dependency files, which are makefiles
//! (<https://doc.rust-lang.org/cargo/reference/build-cache.html#dep-info-files>).

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

/// The prerequisites in the first rule of a dependency file. Spaces in names are escaped with a backslash.
/// Names that are relative, as `build.dep-info-basedir` makes them, are taken from `base`.
#[must_use]
pub fn prerequisites(text: &str, base: &Utf8Path) -> Vec<Utf8PathBuf> {
    let line = text.lines().next().unwrap_or_default();
    let Some((_, names)) = line.split_once(": ") else {
        return Vec::new();
    };
    // No file name contains a NUL.
    let names = names.replace("\\ ", "\0");
    let names = names.split(' ').filter(|name| !name.is_empty());
    let paths = names.map(|name| base.join(name.replace('\0', " ")));
    paths.collect()
}

/// The variables that rustc has read for `env!` and `option_env!`, which it notes as comments
/// (`# env-dep:NAME=value`).
#[must_use]
pub fn variables(text: &str) -> BTreeSet<String> {
    let notes = text
        .lines()
        .filter_map(|line| line.strip_prefix("# env-dep:"));
    let names = notes.map(|note| note.split_once('=').map_or(note, |(name, _)| name));
    names.map(str::to_owned).collect()
}

/// The same with their values; `None` for what was not set. rustc escapes the end of a line.
#[must_use]
pub fn values(text: &str) -> BTreeMap<String, Option<String>> {
    let notes = text
        .lines()
        .filter_map(|line| line.strip_prefix("# env-dep:"));
    let values = notes.map(|note| match note.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(unescaped(value))),
        None => (note.to_owned(), None),
    });
    values.collect()
}

fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let escaped = (c == '\\').then(|| chars.next()).flatten();
        text.push(match escaped {
            Some('n') => '\n',
            Some('r') => '\r',
            Some(other) => other,
            None => c,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_are_read_and_relative_ones_are_completed() {
        let text = "/t/lib_x.so: /p/a.rs /p/with\\ space/b.rs src/c.rs\n\n/p/a.rs:\n";
        let expected = ["/p/a.rs", "/p/with space/b.rs", "/base/src/c.rs"];
        assert_eq!(prerequisites(text, "/base".into()), expected);
        assert!(prerequisites("", "/base".into()).is_empty());
    }

    #[test]
    fn variables_are_read_whether_they_were_set_or_not() {
        let text = "x.d: a.rs\n\n# env-dep:COLUMNS\n# env-dep:X=a=b\n#env-dep:no\n";
        let expected = ["COLUMNS", "X"].map(str::to_owned);
        assert_eq!(variables(text), expected.into());
        let values = values("# env-dep:X=a=b\n# env-dep:Y=a\\nb\\\\c\n# env-dep:Z\n");
        let expected = [("X", Some("a=b")), ("Y", Some("a\nb\\c")), ("Z", None)];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        assert_eq!(values, expected.into());
    }
}
