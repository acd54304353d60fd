//! What the Pythons of this machine have answered, so that not all have to be started again to choose one of
//! them.
//!
//! An answer counts while the program and the library beside it are the files that gave it. It is kept of
//! installations alone: a shim answers for another program each time, and an environment is asked itself.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::sha256;
use files::{Stamp, write};
use serde::{Deserialize, Serialize};

use crate::interpreter::{Interpreter, PROBE};
use crate::programs;

/// Answers by the program that was started.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The digest of what they were asked.
    question: String,
    answers: BTreeMap<Utf8PathBuf, Answer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    /// Of the program and of a file of its library: an upgrade writes both, and when the installation is
    /// removed, neither stays.
    stamps: [Stamp; 2],
    python: Interpreter,
}

impl Known {
    /// Those that were kept in the user's cache.
    pub(crate) fn read() -> Self {
        file()
            .map(|file| Self::read_from(&file))
            .unwrap_or_default()
    }

    fn read_from(file: &Utf8Path) -> Self {
        let text = fs_err::read_to_string(file).unwrap_or_default();
        let known: Self = serde_json::from_str(&text).unwrap_or_default();
        let is_of_now = known.question == sha256(PROBE.as_bytes());
        if is_of_now { known } else { Self::default() }
    }

    /// The answer of `program`, if it would be the same again.
    pub(crate) fn answer(&self, program: &Utf8Path) -> Option<Interpreter> {
        let answer = self.answers.get(program)?;
        let now = stamps(program, &answer.python)?;
        (now == answer.stamps).then(|| answer.python.clone())
    }

    /// Notes what `program` has answered. Gives whether that is of any use.
    pub(crate) fn note(&mut self, program: &Utf8Path, python: &Interpreter) -> bool {
        let resolved = |path: &Utf8Path| path.canonicalize_utf8().ok();
        let is_itself = resolved(program) == resolved(&python.executable);
        if !is_itself || python.is_environment() {
            return false;
        }
        let Some(stamps) = stamps(program, python) else {
            return false;
        };
        let python = python.clone();
        let answer = Answer { stamps, python };
        self.answers.insert(program.to_owned(), answer);
        true
    }

    /// Keeps them. Where that cannot be, all are started again the next time.
    pub(crate) fn keep(self) {
        let Some(file) = file() else { return };
        let dir = file.parent().unwrap_or(&file);
        let _ = fs_err::create_dir_all(dir).and_then(|()| self.write_to(&file));
    }

    fn write_to(mut self, file: &Utf8Path) -> std::io::Result<()> {
        self.question = sha256(PROBE.as_bytes());
        write::atomically(file, serde_json::to_string(&self)?)
    }
}

fn file() -> Option<Utf8PathBuf> {
    Some(programs::cache_dir()?.join("pythons.json"))
}

fn stamps(program: &Utf8Path, python: &Interpreter) -> Option<[Stamp; 2]> {
    let mut parts = python.version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let threads = if python.free_threaded { "t" } else { "" };
    let library = format!("lib/python{major}.{minor}{threads}/os.py");
    let library = python.base_prefix.join(library);
    Some([Stamp::of(program).ok()?, Stamp::of(&library).ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    /// An installation in `dir`: its program, and what that answers.
    fn installation(dir: &Utf8Path) -> (Utf8PathBuf, Interpreter) {
        let program = dir.join("bin/python3.13");
        for path in [&program, &dir.join("lib/python3.13/os.py")] {
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        let python = serde_json::json!({
            "executable": program, "base_executable": program, "implementation": "CPython", "version": "3.13.0",
            "prefix": dir, "base_prefix": dir, "platlib": dir, "suffixes": [], "free_threaded": false,
        });
        (program, serde_json::from_value(python).unwrap())
    }

    #[test]
    fn an_answer_counts_until_the_program_or_its_library_is_replaced_or_gone() {
        let dir = TempDir::new();
        let (program, python) = installation(dir.path());
        let library = dir.path().join("lib/python3.13/os.py");
        let mut known = Known::default();
        assert_eq!(known.answer(&program), None);
        for path in [&program, &library] {
            assert!(known.note(&program, &python));
            assert_eq!(known.answer(&program), Some(python.clone()));
            // An upgrade puts another file in its place.
            let new = dir.path().join("new");
            fs_err::write(&new, "").unwrap();
            fs_err::rename(&new, path).unwrap();
            assert_eq!(known.answer(&program), None, "{path}");
        }
        assert!(known.note(&program, &python));
        fs_err::remove_file(&library).unwrap();
        assert_eq!(known.answer(&program), None);
        assert!(!known.note(&program, &python), "it cannot be told later");
    }

    #[test]
    fn shims_and_environments_are_asked_each_time() {
        let dir = TempDir::new();
        let (program, python) = installation(dir.path());
        let shim = dir.path().join("shim");
        fs_err::write(&shim, "").unwrap();
        assert!(!Known::default().note(&shim, &python));
        let prefix = dir.path().join("environment");
        let environment = Interpreter { prefix, ..python };
        assert!(!Known::default().note(&program, &environment));
    }

    #[test]
    fn answers_to_another_question_are_none() {
        let dir = TempDir::new();
        let (program, python) = installation(dir.path());
        let file = dir.path().join("pythons.json");
        let mut known = Known::default();
        known.note(&program, &python);
        known.write_to(&file).unwrap();
        assert_eq!(Known::read_from(&file).answer(&program), Some(python));
        let text = fs_err::read_to_string(&file).unwrap();
        let question = sha256(PROBE.as_bytes());
        fs_err::write(&file, text.replace(&question, "another")).unwrap();
        assert_eq!(Known::read_from(&file).answer(&program), None);
    }
}
