//! A live proof: the real uv, on a copy of the project, builds again exactly when it should.
//!
//! In a copy, each kind of input is changed, added, deleted and renamed, one at a time; after each, the real
//! `uv sync` decides by the project's own pyproject.toml, which stays as it is, byte for byte. Whether it
//! builds is told by the build backend that it starts: a stand-in for maturin on the path, which writes down
//! that it was called, and nothing can make uv build without calling it. The first build is maturin's and
//! cargo's own, so that what a build leaves behind in the project is part of the proof; after that the
//! stand-in hands over the wheel of that build, without its library, for how long cargo takes decides
//! nothing, and a source that is missing would not compile.

mod cases;
mod request;
mod scratch;
mod uv;

use std::collections::BTreeSet;
use std::fmt;

use camino::Utf8Path;
use project_model::{Closure, Project};

use crate::derive::Derived;
use crate::paths::{is_too_wide, means, relative};
use crate::witness;

use cases::{Action, Case, cases, users_keys};
use scratch::Scratch;
use uv::Uv;

use request::at;
pub use request::{ProofRequest, VerifyError};

/// One case and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRow {
    /// What was done.
    pub case: String,
    /// Whether uv should build.
    pub expected: bool,
    /// Whether it did.
    pub seen: bool,
    /// The key of the user's own that means what was touched, where uv has built and should not.
    pub blamed: Option<String>,
}

impl ProofRow {
    /// Whether it went as it should.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.expected == self.seen
    }
}

/// As a line of the table below [`HEADING`].
impl fmt::Display for ProofRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |builds: bool| if builds { "rebuild" } else { "fresh" };
        let (expected, seen) = (word(self.expected), word(self.seen));
        let verdict = if self.is_ok() { "ok" } else { "WRONG" };
        write!(f, "{expected:<9} {seen:<9} {verdict:<6} {}", self.case)?;
        match &self.blamed {
            Some(key) => write!(f, " (by the key `{key}`)"),
            None => Ok(()),
        }
    }
}

/// The head of the table of [`ProofRow`]s.
pub const HEADING: &str = "expected  seen             case";

/// Tries all cases, handing each row to `on_row` as soon as it is known.
///
/// # Errors
/// One of [`VerifyError`], also where a case goes wrong. How many went well otherwise.
pub fn verify(
    request: &ProofRequest<'_>,
    on_row: &mut dyn FnMut(&ProofRow),
) -> Result<usize, VerifyError> {
    let scratch = Scratch::make(request)?;
    let proof = Proof::prepare(request, &scratch)?;
    let (mut count, mut wrong) = (0, Vec::new());
    for case in proof.cases() {
        if (request.is_over)() {
            return Err(VerifyError::Interrupted);
        }
        let seen = proof.try_case(&case).map_err(|error| {
            // Ctrl-C reaches uv and cargo as well, and they fail of it.
            if (request.is_over)() {
                VerifyError::Interrupted
            } else {
                error
            }
        })?;
        let row = ProofRow {
            blamed: proof.blamed(&case).filter(|_| seen && !case.builds),
            case: case.name,
            expected: case.builds,
            seen,
        };
        on_row(&row);
        count += 1;
        if !row.is_ok() {
            wrong.push(row.blamed);
        }
    }
    if wrong.is_empty() {
        return Ok(count);
    }
    Err(VerifyError::Wrong {
        wrong: wrong.len(),
        count,
        help: help(wrong),
    })
}

/// What helps where the wrong cases are due to these keys of the user's, or to none of them.
fn help(blamed: Vec<Option<String>>) -> String {
    let keys: Option<BTreeSet<String>> = blamed.into_iter().collect();
    match keys {
        Some(keys) => {
            let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
            let keys = keys.join(", ");
            format!(
                "{keys} in `cache-keys` is yours and means more than what the extension is built from: remove it, or have it mean less"
            )
        }
        None => "`cargo xtask cache-keys --check` tells whether the keys are what they should be, `cargo xtask cache-keys` writes them".to_owned(),
    }
}

/// The copy, built and settled.
struct Proof<'a> {
    project: Project,
    closure: Closure,
    derived: Derived,
    uv: Uv<'a>,
    scratch: &'a Scratch,
}

impl<'a> Proof<'a> {
    fn prepare(request: &'a ProofRequest<'_>, scratch: &'a Scratch) -> Result<Self, VerifyError> {
        let project = Project::load(&scratch.project)?;
        let mut closure = Closure::load(&project)?;
        // cargo may have been told in the environment, and then it is not that of the copy.
        closure.target_dir = request.closure.target_dir.clone();
        let derived = Derived::of(&project, &closure);
        let uv = Uv::new(request, &project, scratch)?;
        let proof = Self {
            project,
            closure,
            derived,
            uv,
            scratch,
        };
        proof.first_build(request)?;
        Ok(proof)
    }

    fn cases(&self) -> Vec<Case> {
        let Self {
            project,
            closure,
            derived,
            scratch,
            ..
        } = self;
        cases(project, closure, derived, &scratch.tree)
    }

    /// The one build that is maturin's and cargo's own.
    fn first_build(&self, request: &ProofRequest<'_>) -> Result<(), VerifyError> {
        self.keep_witnesses()?;
        (request.say)(
            "Building",
            "a copy of the project, once, with maturin and cargo",
        );
        let built = self.uv.sync_for_real().map_err(|error| {
            if (request.is_over)() {
                VerifyError::Interrupted
            } else {
                error
            }
        })?;
        if !built {
            return Err(VerifyError::NeverBuilt {
                project: request.project.root.clone(),
            });
        }
        self.settle(&request.project.root)
    }

    /// The key of the user's own that means what `case` touches.
    fn blamed(&self, case: &Case) -> Option<String> {
        let root = &self.project.root;
        let touched = case.action.touches().into_iter();
        let touched: Vec<_> = touched.map(|path| relative(root, path)).collect();
        let own = users_keys(&self.project, &self.derived).into_iter();
        let mut own = own.filter(|key| touched.iter().any(|path| means(key, path)));
        own.next().map(str::to_owned)
    }

    /// Tries one case and puts everything back.
    fn try_case(&self, case: &Case) -> Result<bool, VerifyError> {
        if case.is_no_newest_file() {
            // So that it is not noticed merely because the latest time is gone with it.
            rewrite(&self.project.root.join("pyproject.toml"))?;
            self.settle(&self.project.root)?;
        }
        let undo = case.action.apply(&self.uv, self.scratch)?;
        let seen = match &case.action {
            Action::Variable(name) => self.uv.sync_with(name)?,
            _ => self.uv.sync()?,
        };
        undo.run(self.scratch)?;
        self.settle(&self.project.root)?;
        Ok(seen)
    }

    /// Has uv build until it finds nothing to do. A build may write an input, such as a missing lock file.
    fn settle(&self, project: &Utf8Path) -> Result<(), VerifyError> {
        self.keep_witnesses()?;
        for _ in 0..3 {
            if !self.uv.sync()? {
                return Ok(());
            }
        }
        let own = users_keys(&self.project, &self.derived).into_iter();
        let wide: Vec<_> = own.filter(|key| is_too_wide(key)).collect();
        Err(VerifyError::AlwaysBuilt {
            project: project.to_owned(),
            help: match wide.first() {
                Some(key) => help(vec![Some((*key).to_owned())]),
                None => "a key names a file that the build writes: look for patterns that mean too much in `cache-keys`, and write them anew with `cargo xtask cache-keys`".to_owned(),
            },
        })
    }

    fn keep_witnesses(&self) -> Result<(), VerifyError> {
        let kept = witness::keep(&self.project);
        kept.map(drop)
            .map_err(at(&self.project.root.join(witness::DIR)))
    }
}

/// Writes a file as it is.
fn rewrite(path: &Utf8Path) -> Result<(), VerifyError> {
    let bytes = fs_err::read(path).map_err(at(path))?;
    fs_err::write(path, bytes).map_err(at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_users_is_what_helps_where_all_is_due_to_it() {
        let wide = || Some("**/*.rs".to_owned());
        assert!(help(vec![wide(), wide()]).starts_with("`**/*.rs` in `cache-keys` is yours"));
        assert!(help(vec![wide(), None]).contains("cache-keys --check"));
    }

    #[test]
    fn rows_stand_below_their_heads() {
        let row = |expected, seen| ProofRow {
            case: "edit src/lib.rs".to_owned(),
            expected,
            seen,
            blamed: (!expected && seen).then(|| "**/*.rs".to_owned()),
        };
        let (good, wrong) = (row(true, true).to_string(), row(false, true).to_string());
        let table = [HEADING, &good, &wrong].join("\n") + "\n";
        expect_test::expect_file!["../snapshots/proof.txt"].assert_eq(&table);
    }
}
