//! The cell that installs.

use packaging::Wheel;

use crate::wheel::Pinned;

/// The cell, with what differs from project to project as `@NAME@`.
const CELL: &str = include_str!("cell.py");
/// The part of it that asks the release.
const NEWEST: &str = include_str!("newest.py");

/// What a cell is to install, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The distribution.
    pub name: String,
    /// The package that is imported.
    pub module: String,
    /// Extras that are wanted.
    pub extras: Vec<String>,
    /// The page of the repository: `https://github.com/owner/name`.
    pub repository: String,
    /// The tag of the release that has the wheels.
    pub tag: String,
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
            .replace("@REPOSITORY@", &self.repository)
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
                    literal(&build.version),
                    wheels.concat()
                )
            }
        }
    }
}

/// What the cell chooses a wheel by, and checks it with, as a dictionary of Python.
fn chosen_by(wheel: &Wheel) -> String {
    #[derive(serde::Serialize)]
    struct ChosenBy<'a> {
        file: &'a str,
        sha256: &'a str,
        pythons: &'a [String],
        platforms: &'a [String],
        glibc: Option<&'a str>,
    }
    literal(&ChosenBy {
        file: &wheel.file,
        sha256: &wheel.sha256,
        pythons: &wheel.pythons,
        platforms: &wheel.platforms,
        glibc: wheel.glibc.as_deref(),
    })
}

/// Strings, lists and objects of JSON are literals of Python as well; `null` is not, and nothing here is.
fn literal(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value)
        .unwrap_or_default()
        .replace("\":", "\": ")
        .replace("null", "None")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::markdown;
    use crate::notebook::{Frame, notebook};
    use expect_test::expect_file;

    fn snippet(build: Build) -> Snippet {
        Snippet {
            name: "thing".to_owned(),
            module: "thing".to_owned(),
            extras: vec!["cuda".to_owned(), "fast".to_owned()],
            repository: "https://github.com/owner/things".to_owned(),
            tag: "latest".to_owned(),
            build,
        }
    }

    fn pinned() -> Build {
        let wheel = Wheel {
            file: "thing-1-cp311-abi3-manylinux_2_28_x86_64.whl".to_owned(),
            sha256: "ab".repeat(32),
            size_bytes: 1,
            python: vec!["cp311".to_owned()],
            abi: vec!["abi3".to_owned()],
            pythons: vec!["3.11".to_owned(), "3.12".to_owned()],
            platforms: vec!["manylinux_2_28_x86_64".to_owned()],
            glibc: None,
        };
        Build::This(Pinned {
            version: "1".to_owned(),
            wheels: vec![wheel],
        })
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
