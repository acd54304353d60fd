//! The cell that installs.

use packaging::Wheel;
use packaging::checked::{Module, Name, Tag};
use serde_json::{Value, json};

use crate::page::Page;
use crate::wheel::Pinned;

/// The cell, with what differs from project to project as `@NAME@`.
const CELL: &str = include_str!("cell.py");
/// The part of it that asks the release.
const NEWEST: &str = include_str!("newest.py");

/// What a cell is to install, and from where. The cell is a program that people run: nothing stands in it but
/// what has one of these types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The distribution.
    pub name: Name,
    /// The package that is imported.
    pub module: Module,
    /// Extras that are wanted.
    pub extras: Vec<Name>,
    /// The page of the repository: `https://github.com/owner/name`.
    pub repository: Page,
    /// The tag of the release that has the wheels.
    pub tag: Tag,
    /// Which build the cell installs.
    pub build: Build,
}

/// Which build a cell installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Build {
    /// Whichever the release has as its newest when the cell is run.
    Newest,
    /// This one, whatever the release has become.
    This(Pinned),
}

impl Snippet {
    /// The cell: plain Python, which also runs as a script.
    #[must_use]
    pub fn cell(&self) -> String {
        let extras = if self.extras.is_empty() {
            String::new()
        } else {
            format!("[{}]", self.extras.join(","))
        };
        let text = CELL
            .replace("@WHAT@", &self.what())
            .replace("@SOURCE@\n", &self.source());
        text.replace("@NAME@", &self.name)
            .replace("@MODULE@", &self.module)
            .replace("@EXTRAS@", &extras)
            .replace("@REPOSITORY@", &self.repository.to_string())
            .replace("@TAG@", &self.tag)
    }

    fn what(&self) -> String {
        match &self.build {
            Build::Newest => "as last built from @REPOSITORY@; run it again to update".to_owned(),
            Build::This(build) => format!(
                "{}, this build and no other, from @REPOSITORY@",
                build.version
            ),
        }
    }

    /// The function `newest`, which gives the build.
    fn source(&self) -> String {
        match &self.build {
            Build::Newest => NEWEST.to_owned(),
            Build::This(build) => {
                let wheels: Vec<_> = build
                    .wheels
                    .iter()
                    .map(|wheel| format!("        {},\n", chosen_by(wheel)))
                    .collect();
                format!(
                    "def newest():\n    return {{\"version\": {}, \"wheels\": [\n{}    ]}}\n",
                    literal(&json!(build.version)),
                    wheels.concat()
                )
            }
        }
    }
}

/// What the cell chooses a wheel by, and checks it with, as a dictionary of Python.
fn chosen_by(wheel: &Wheel) -> String {
    let entries = [
        ("file", json!(wheel.file)),
        ("sha256", json!(wheel.sha256)),
        ("pythons", json!(wheel.pythons)),
        ("platforms", json!(wheel.platforms)),
        ("glibc", json!(wheel.glibc)),
    ];
    let entries = entries.map(|(name, value)| format!("\"{name}\": {}", literal(&value)));
    format!("{{{}}}", entries.join(", "))
}

/// A string, a list or nothing as a literal of Python. Strings of JSON are literals of Python too.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::markdown;
    use crate::notebook::{Frame, notebook};
    use expect_test::expect_file;

    fn snippet(build: Build) -> Snippet {
        Snippet {
            name: "thing".parse().unwrap(),
            module: "thing".parse().unwrap(),
            extras: vec!["cuda".parse().unwrap(), "fast".parse().unwrap()],
            repository: Page::parse("https://github.com/owner/things").unwrap(),
            tag: "latest".parse().unwrap(),
            build,
        }
    }

    fn pinned() -> Build {
        let wheel = Wheel {
            file: "thing-1-cp311-abi3-manylinux_2_28_x86_64.whl"
                .parse()
                .unwrap(),
            sha256: "ab".repeat(32).try_into().unwrap(),
            size_bytes: 1,
            python: vec!["cp311".parse().unwrap()],
            abi: vec!["abi3".parse().unwrap()],
            pythons: vec!["3.11".parse().unwrap(), "3.12".parse().unwrap()],
            platforms: vec!["manylinux_2_28_x86_64".parse().unwrap()],
            glibc: None,
        };
        Build::This(Pinned {
            version: "1".parse().unwrap(),
            wheels: vec![wheel],
        })
    }

    #[test]
    fn nothing_is_none_and_a_name_with_null_in_it_is_a_name() {
        assert_eq!(literal(&json!(null)), "None");
        assert_eq!(
            literal(&json!(["nullable", "a\": null"])),
            r#"["nullable", "a\": null"]"#
        );
        let Build::This(mut build) = pinned() else {
            unreachable!("it is pinned")
        };
        build.wheels[0].file = "nullable-1-py3-none-any.whl".parse().unwrap();
        let cell = snippet(Build::This(build)).cell();
        assert!(cell.contains("\"nullable-1-py3-none-any.whl\""), "{cell}");
        assert!(cell.contains("\"glibc\": None"), "{cell}");
    }

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        expect_file!["snapshots/cell.py"].assert_eq(&snippet(Build::Newest).cell());
    }

    #[test]
    fn it_fits_on_a_screen() {
        let cell = snippet(Build::Newest).cell();
        assert!(cell.lines().count() <= 50, "{}", cell.lines().count());
        assert!(
            cell.lines().all(|line| line.chars().count() <= 130),
            "{cell}"
        );
    }

    #[test]
    fn a_pinned_cell_asks_nobody() {
        let cell = snippet(pinned()).cell();
        assert!(!cell.contains("urlopen"), "{cell}");
        expect_file!["snapshots/pinned.py"].assert_eq(&cell);
    }

    #[test]
    fn in_a_notebook_and_in_a_readme_it_has_the_badge() {
        let snippet = snippet(Build::Newest);
        let url = "https://colab.research.google.com/github/owner/things/blob/main/a.ipynb";
        let frame = Frame {
            colab_url: Some(url.to_owned()),
            check: None,
        };
        expect_file!["snapshots/notebook.json"].assert_eq(&notebook(&snippet, &frame));
        expect_file!["snapshots/readme.txt"].assert_eq(&markdown(&snippet, Some(url)));
    }
}
