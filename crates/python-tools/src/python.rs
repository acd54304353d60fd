//! The Python interpreters of this machine: found, asked what they are, and chosen from.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;

pub use crate::interpreter::{Interpreter, PythonError, is_version};
use crate::known::Known;

/// Interpreters by descending preference: the default build before the free-threaded, CPython before
/// others, releases before pre-releases, new before old, and earlier in `found` before later.
fn by_preference(mut found: Vec<Interpreter>) -> Vec<Interpreter> {
    found.sort_by_key(|python| {
        let version = python.pep440();
        let stable = version.as_ref().is_some_and(|v| !v.any_prerelease());
        let default = !python.free_threaded && python.implementation == "CPython";
        std::cmp::Reverse((default, stable, version))
    });
    found
}

/// The best of all interpreters of this machine that `wanted` accepts; `what` says in words what that is.
///
/// # Errors
/// [`PythonError::NoneFits`] lists each that was found, and each that was passed over with the reason.
pub fn newest(
    what: &str,
    wanted: impl Fn(&Interpreter) -> bool,
) -> Result<Interpreter, PythonError> {
    choose(what, &candidates(), wanted)
}

/// All installations of this machine that `wanted` accepts, of each version of Python the best one, the
/// newest version first.
#[must_use]
pub fn installed(wanted: impl Fn(&Interpreter) -> bool) -> Vec<Interpreter> {
    let (running, _) = running(&candidates());
    let mut chosen: Vec<Interpreter> = Vec::new();
    for python in running.into_iter().filter(wanted) {
        let minor = |python: &Interpreter| {
            let parts: Vec<_> = python
                .version
                .split('.')
                .take(2)
                .map(str::to_owned)
                .collect();
            (parts, python.free_threaded, python.implementation.clone())
        };
        if chosen.iter().all(|other| minor(other) != minor(&python)) {
            chosen.push(python);
        }
    }
    chosen
}

/// [`newest`] among the programs `candidates`.
fn choose(
    what: &str,
    candidates: &[Utf8PathBuf],
    wanted: impl Fn(&Interpreter) -> bool,
) -> Result<Interpreter, PythonError> {
    let (running, mut seen) = running(candidates);
    seen.splice(
        0..0,
        running.iter().map(|p| format!("{p} at {}", p.executable)),
    );
    let fitting = running.into_iter().find(wanted);
    fitting.ok_or_else(|| PythonError::NoneFits {
        version: None,
        wanted: what.to_owned(),
        seen,
    })
}

/// The installations that the programs `candidates` belong to, by preference, and what is wrong with the
/// others.
fn running(candidates: &[Utf8PathBuf]) -> (Vec<Interpreter>, Vec<String>) {
    let mut seen = Vec::new();
    let mut running: Vec<Interpreter> = Vec::new();
    for probed in probe_all(candidates) {
        match probed {
            // An environment is somebody's: it is used where it is named, never as a base.
            Ok(python) if python.is_environment() => {}
            Ok(python) if running.iter().any(|p| p.prefix == python.prefix) => {}
            Ok(python) => running.push(python),
            Err(error) => seen.push(error.to_string()),
        }
    }
    (by_preference(running), seen)
}

/// Asks all whose answer is not known, at once: each takes some 30 ms to answer, a pyenv shim 300, and
/// there may be dozens.
fn probe_all(candidates: &[Utf8PathBuf]) -> Vec<Result<Interpreter, PythonError>> {
    let mut known = Known::read();
    let remembered: Vec<_> = candidates.iter().map(|it| known.answer(it)).collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked = candidates.iter().zip(&remembered);
        let threads: Vec<_> = asked
            .map(|(it, known)| {
                known
                    .is_none()
                    .then(|| scope.spawn(|| Interpreter::probe(it)))
            })
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().expect("a probe does not panic")
        };
        threads.into_iter().map(|thread| thread.map(join)).collect()
    });
    let mut is_news = false;
    for (candidate, answer) in candidates.iter().zip(&answers) {
        if let Some(Ok(python)) = answer {
            is_news |= known.note(candidate, python);
        }
    }
    if is_news {
        known.keep();
    }
    let all = answers.into_iter().zip(remembered);
    all.filter_map(|(asked, known)| asked.or(known.map(Ok)))
        .collect()
}

/// Programs that may be interpreters: `python3*` and `python` in each directory of `PATH`, in its order, then
/// what pyenv and uv installed. pyenv's shims, which take ten times as long to answer, are for the same ones.
fn candidates() -> Vec<Utf8PathBuf> {
    let path = vars::var(vars::PATH).unwrap_or_default();
    let shims = pyenv_root().map(|root| root.join("shims"));
    let directories = std::env::split_paths(&path)
        .filter_map(|dir| Utf8PathBuf::from_path_buf(dir).ok())
        .flat_map(|dir| {
            if Some(&dir) == shims.as_ref() {
                pyenv_installations()
            } else {
                vec![dir]
            }
        })
        .chain(pyenv_installations())
        .chain(uv_installations());
    let mut programs = BTreeSet::new();
    directories
        .flat_map(|dir| pythons_in(&dir))
        .filter(|program| programs.insert(program.clone()))
        .collect()
}

/// The interpreters in `dir` by name, the plainest first; of several names for one program that. (A link from
/// another directory may be a virtual environment, which is not the program that it leads to.)
fn pythons_in(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(entries) = dir.read_dir_utf8() else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .flatten()
        .map(|entry| entry.file_name().to_owned())
        .filter(|name| is_python_name(name))
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let mut programs = BTreeSet::new();
    let paths = names.into_iter().map(|name| dir.join(name));
    let is_new = |path: &Utf8PathBuf| {
        programs.insert(path.canonicalize_utf8().unwrap_or_else(|_| path.clone()))
    };
    paths.filter(is_new).collect()
}

/// Where pyenv is.
fn pyenv_root() -> Option<Utf8PathBuf> {
    let named = vars::var(vars::PYENV_ROOT).map(Utf8PathBuf::from);
    named.or_else(|| Some(Utf8PathBuf::from(vars::var(vars::HOME)?).join(".pyenv")))
}

/// `python`, `python3`, `python3.12`, `python3.13t`; not `python3-config`, not `python2`.
fn is_python_name(name: &str) -> bool {
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let Some(version) = name.strip_prefix("python") else {
        return false;
    };
    match version.strip_prefix('3') {
        Some("") => true,
        Some(rest) => rest.strip_prefix('.').is_some_and(|minor| {
            let minor = minor.strip_suffix('t').unwrap_or(minor);
            !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit())
        }),
        None => version.is_empty(),
    }
}

/// `bin` directories of the versions that pyenv keeps.
fn pyenv_installations() -> Vec<Utf8PathBuf> {
    let versions = pyenv_root().map(|root| root.join("versions"));
    versions
        .map(|dir| bin_directories(&dir))
        .unwrap_or_default()
}

/// Those of the versions that uv keeps.
fn uv_installations() -> Vec<Utf8PathBuf> {
    let named = vars::var(vars::UV_PYTHON_INSTALL_DIR).map(Utf8PathBuf::from);
    let data = || Some(vars::dir(vars::XDG_DATA_HOME)?.join("uv/python"));
    let home = || Some(Utf8PathBuf::from(vars::var(vars::HOME)?).join(".local/share/uv/python"));
    let dir = named.or_else(data).or_else(home);
    dir.map(|dir| bin_directories(&dir)).unwrap_or_default()
}

/// `bin` in each directory in `dir`.
fn bin_directories(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
    entries.map(|entry| entry.path().join("bin")).collect()
}

/// The interpreter that the user named: a path to one, a directory of a virtual environment, a program
/// on `PATH`, or a version such as `3.12`.
///
/// # Errors
/// [`PythonError::Named`], with the reason as its source.
pub fn named(request: &str) -> Result<Interpreter, PythonError> {
    probe_named(request).map_err(|source| PythonError::Named {
        request: request.to_owned(),
        source: Box::new(source),
    })
}

fn probe_named(request: &str) -> Result<Interpreter, PythonError> {
    let path = Utf8Path::new(request);
    if path.is_dir() {
        return Interpreter::probe(&path.join("bin/python"));
    }
    if path.components().count() > 1 || path.is_file() {
        return Interpreter::probe(path);
    }
    if is_a_version(request) {
        let newest = newest(&format!("`--python {request}`"), |it| it.is_of(request));
        return newest.map_err(|error| of_version(error, request));
    }
    Interpreter::probe(path)
}

/// The installation of `version` that a `.python-version` asks for.
///
/// # Errors
/// [`PythonError::NoneFits`], with the command that gets one.
pub fn pinned(version: &str) -> Result<Interpreter, PythonError> {
    let what = format!("`.python-version`, which says {version}");
    let newest = newest(&what, |python| is_version(&python.version, version));
    newest.map_err(|error| of_version(error, version))
}

/// The error, which tells how to get `wanted`.
fn of_version(error: PythonError, wanted: &str) -> PythonError {
    match error {
        PythonError::NoneFits {
            wanted: what, seen, ..
        } => PythonError::NoneFits {
            version: Some(wanted.to_owned()),
            wanted: what,
            seen,
        },
        other => other,
    }
}

/// Whether `request` is a version rather than a path or a program.
#[must_use]
pub fn is_a_version(request: &str) -> bool {
    request.starts_with(|c: char| c.is_ascii_digit()) && !request.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::FakePrograms;

    fn python(version: &str, free_threaded: bool) -> Interpreter {
        Interpreter {
            executable: format!("/opt/{version}/bin/python").into(),
            base_executable: format!("/opt/{version}/bin/python").into(),
            implementation: "CPython".to_owned(),
            version: version.to_owned(),
            prefix: format!("/opt/{version}").into(),
            base_prefix: format!("/opt/{version}").into(),
            platlib: format!("/opt/{version}/lib").into(),
            suffixes: vec![".abi3.so".to_owned(), ".so".to_owned()],
            free_threaded,
        }
    }

    /// A program that answers the probe as `python` would.
    fn answering(fakes: &FakePrograms, name: &str, python: &Interpreter) -> Utf8PathBuf {
        let answer = serde_json::json!({
            "executable": python.executable, "base_executable": python.base_executable,
            "implementation": python.implementation,
            "version": python.version, "prefix": python.prefix, "base_prefix": python.base_prefix,
            "platlib": python.platlib,
            "suffixes": python.suffixes, "free_threaded": python.free_threaded,
        });
        fakes.add(name, &format!("echo '{answer}'"))
    }

    #[test]
    fn where_no_python_fits_there_is_one_remedy() {
        let error = named("3.1.99").unwrap_err();
        assert!(!error.to_string().contains("help: "), "{error}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source.matches("help: ").count(), 1, "{source}");
        let error = named("/no/python").unwrap_err();
        assert!(error.to_string().contains("help: "), "{error}");
    }

    #[test]
    fn python_names_are_told_from_their_neighbours() {
        for name in [
            "python",
            "python3",
            "python3.9",
            "python3.13",
            "python3.13t",
        ] {
            assert!(is_python_name(name), "{name}");
        }
        for name in [
            "python2",
            "python2.7",
            "python3-config",
            "python3.",
            "pythonw",
            "ipython3",
        ] {
            assert!(!is_python_name(name), "{name}");
        }
    }

    #[test]
    fn several_names_for_one_program_are_asked_once() {
        let dir = testkit::TempDir::new();
        let link =
            |to: &str, name: &str| std::os::unix::fs::symlink(to, dir.path().join(name)).unwrap();
        fs_err::write(dir.path().join("python3.12"), "").unwrap();
        link("python3.12", "python3");
        link("python3", "python");
        link("/elsewhere/python3.13", "python3.13");
        let names: Vec<_> = pythons_in(dir.path())
            .into_iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["python", "python3.13"]);
    }

    #[test]
    fn a_release_beats_a_newer_prerelease_and_the_free_threaded_build() {
        let found = ["3.12.1", "3.13.0", "3.14.0rc1"].map(|v| python(v, false));
        let found = found.into_iter().chain([python("3.13.1", true)]).collect();
        let order: Vec<_> = by_preference(found)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            "CPython 3.13.0",
            "CPython 3.12.1",
            "CPython 3.14.0rc1",
            "CPython 3.13.1t",
        ];
        assert_eq!(order, expected);
    }

    #[test]
    fn minor_versions_are_compared_as_numbers() {
        let order = by_preference(vec![python("3.9.18", false), python("3.11.7", false)]);
        assert_eq!(order[0].version, "3.11.7");
        assert!(is_version("3.12.1", "3.12"));
        assert!(is_version("3.12", "3.12"));
        assert!(!is_version("3.12.1", "3.1"));
        let (with_gil, without) = (python("3.14.2", false), python("3.14.2", true));
        assert!(with_gil.is_of("3.14") && without.is_of("3.14"));
        assert!(without.is_of("3.14t") && !with_gil.is_of("3.14t") && !without.is_of("3.13t"));
    }

    #[test]
    fn requires_python_is_applied_to_the_release() {
        let requires: pep440_rs::VersionSpecifiers = ">=3.11,<3.14".parse().unwrap();
        assert!(python("3.13.0", false).satisfies(Some(&requires)));
        assert!(python("3.13.0rc2", false).satisfies(Some(&requires)));
        assert!(!python("3.10.13", false).satisfies(Some(&requires)));
        assert!(!python("3.14.0", false).satisfies(Some(&requires)));
        assert!(python("3.10.13", false).satisfies(None));
    }

    #[test]
    fn a_shim_that_exits_with_an_error_is_passed_over() {
        let fakes = FakePrograms::new();
        let shim = fakes.add(
            "python3.13",
            "echo 'pyenv: python3.13: command not found' >&2; exit 127",
        );
        let real = answering(&fakes, "python3.12", &python("3.12.1", false));
        let chosen = choose("any", &[shim, real], |_| true).unwrap();
        assert_eq!(chosen.version, "3.12.1");
    }

    #[test]
    fn where_none_fits_each_is_listed_with_its_reason() {
        let fakes = FakePrograms::new();
        let shim = fakes.add("python3.13", "echo 'pyenv: not selected' >&2; exit 127");
        let old = answering(&fakes, "python3.10", &python("3.10.13", false));
        let error = choose("requires-python >=3.11", &[shim, old], |_| false).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("requires-python >=3.11"), "{text}");
        assert!(
            text.contains("CPython 3.10.13 at /opt/3.10.13/bin/python"),
            "{text}"
        );
        assert!(
            text.contains("pyenv: not selected (exit status: 127)"),
            "{text}"
        );
        assert!(text.contains("--python PATH"), "{text}");
    }

    #[test]
    fn a_virtual_environment_is_never_a_base() {
        let fakes = FakePrograms::new();
        let mut virtual_python = python("3.13.0", false);
        virtual_python.prefix = "/somewhere/.venv".into();
        let program = answering(&fakes, "python3", &virtual_python);
        assert!(choose("any", &[program], |_| true).is_err());
    }

    #[test]
    fn something_else_called_python_is_refused() {
        let fakes = FakePrograms::new();
        let program = fakes.add("python3", "echo Monty");
        let error = Interpreter::probe(&program).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("does not answer as a Python does"),
            "{error}"
        );
    }

    #[test]
    fn a_real_interpreter_answers() {
        let python = newest("any Python 3", |_| true).unwrap();
        assert!(python.executable.is_file());
        assert!(!python.is_virtual());
        assert_eq!(Interpreter::probe(&python.executable).unwrap(), python);
    }
}
