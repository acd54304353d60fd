//! What a cell can be asked for, with the names by which it is.

use camino::Utf8Path;
use packaging::checked::{Name, Tag};
use project_model::Project;

/// What is asked for; what is left out, the project says.
#[derive(Debug)]
pub struct SnippetRequest<'a> {
    /// The project whose wheel is to be installed.
    pub project: &'a Project,
    /// Which build the cell installs.
    pub mode: Mode,
    /// As what the cell is wanted.
    pub format: Format,
    /// Extras to install with it.
    pub extras: &'a [Name],
    /// Where it is on GitHub.
    pub repository: Option<&'a str>,
    /// The tag of the release that has the wheels.
    pub tag: Option<&'a Tag>,
    /// The manifest of a pinned build.
    pub manifest: Option<&'a Utf8Path>,
    /// The file to write.
    pub output: Option<&'a Utf8Path>,
    /// Where wheels are put.
    pub dist: &'a Utf8Path,
}

/// Which build a cell installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Whichever is the newest when the cell is run.
    Latest,
    /// One build and no other.
    Pinned,
}

/// As what a cell is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text of the cell.
    Cell,
    /// A notebook with it.
    Notebook,
    /// For a README.
    Markdown,
}

impl Mode {
    /// Each with its name, and what it means to a reader.
    pub const CHOICES: &'static [(&'static str, &'static str, Self)] = &[
        (
            "latest",
            "Whichever is the newest when the cell is run",
            Self::Latest,
        ),
        (
            "pinned",
            "One build and no other, for papers and runs that are to be repeated",
            Self::Pinned,
        ),
    ];
}

impl Format {
    /// Each with its name, and what it means to a reader.
    pub const CHOICES: &'static [(&'static str, &'static str, Self)] = &[
        ("cell", "The text of the cell", Self::Cell),
        (
            "notebook",
            "A notebook with the cell, and one that shows that the install works",
            Self::Notebook,
        ),
        (
            "markdown",
            "The cell for a README, with the badge of the notebook",
            Self::Markdown,
        ),
    ];
}
