//! Importing the extension: the new library before it replaces anything, and the installed module after.

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Invocation, RunError};
use project_model::{Extension, Layout};
use python_tools::Interpreter;
use serde::{Deserialize, Serialize};

/// Loads a library from where cargo left it as the module that it is to become: by itself, without the
/// package around it, which may take long to import. If the module wants its package, that is imported as it
/// stands in the source tree, with the new library in the old one's place. Arguments: module, library,
/// directory of the Python sources or nothing.
const TRY: &str = r"
import importlib, importlib.machinery, importlib.util, json, sys
name, library, sources = sys.argv[1:4]

class NewLibrary:
    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname == name:
            loader = importlib.machinery.ExtensionFileLoader(name, library)
            return importlib.util.spec_from_file_location(name, library, loader=loader)

try:
    spec = NewLibrary.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
except ModuleNotFoundError:
    if not sources:
        raise
    sys.path.insert(0, sources)
    sys.meta_path.insert(0, NewLibrary)
    module = importlib.import_module(name)
";

/// Imports a module.
const IMPORT: &str = r"
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
";

/// Prints where `module` came from and what it offers.
const SHOW: &str = r#"
public = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
print(json.dumps({"file": getattr(module, "__file__", None), "names": sorted(public)}))
"#;

/// A module that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The file it came from.
    pub file: Option<Utf8PathBuf>,
    /// Its public names.
    pub names: Vec<String>,
}

/// The module does not import.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The new library does not load; the old one is still in place.
    #[error(
        "{library} was built but does not import as `{module}`; what is installed has been left as it was{}",
        help(module, source)
    )]
    NewLibrary {
        /// The library in cargo's target directory.
        library: Utf8PathBuf,
        /// The module that it should be.
        module: String,
        /// What Python said.
        source: RunError,
    },
    /// The installed module does not import.
    #[error("`{module}` was installed but cannot be imported with {python}")]
    Installed {
        /// The module.
        module: String,
        /// The interpreter.
        python: Utf8PathBuf,
        /// What Python said.
        source: RunError,
    },
    /// Python answered something else than it was asked for.
    #[error(
        "`{module}` prints to standard output when it is imported, so what it offers cannot be read: {output}"
    )]
    Answer {
        /// The module.
        module: String,
        /// What came.
        output: String,
    },
}

/// The remedy for the one mistake that has one.
fn help(module: &str, source: &RunError) -> String {
    if !source
        .to_string()
        .contains("does not define module export function")
    {
        return String::new();
    }
    let name = module.rsplit('.').next().unwrap_or(module);
    format!(
        "\n  help: call what is under #[pymodule] `{name}`, or have `name = \"…\"` in its attributes say so; or have Python look for another module: `module-name` under [tool.maturin] in pyproject.toml"
    )
}

/// Loads `library` with `python` as the module that `extension` is to become. The installed one is not
/// touched.
pub fn try_library(
    python: &Interpreter,
    extension: &Extension,
    library: &Utf8Path,
) -> Result<Imported, ImportError> {
    let module = extension.full_name();
    let sources = python_sources(extension, &module);
    let command = isolated(python, &format!("{TRY}{SHOW}"));
    let answer = command
        .args([module.as_str(), library.as_str(), &sources])
        .read();
    let answer = answer.map_err(|source| ImportError::NewLibrary {
        library: library.to_owned(),
        module: module.clone(),
        source: without_traceback(source),
    })?;
    parse(&answer, &module)
}

/// Imports `module` as a user of `python` would.
pub fn installed(python: &Interpreter, module: &str) -> Result<Imported, ImportError> {
    let answer = isolated(python, &format!("{IMPORT}{SHOW}"))
        .arg(module)
        .read();
    let answer = answer.map_err(|source| ImportError::Installed {
        module: module.to_owned(),
        python: python.executable.clone(),
        source: without_traceback(source),
    })?;
    parse(&answer, module)
}

/// Reads what [`SHOW`] printed. A module may print while it is imported; ours is the last line.
fn parse(answer: &str, module: &str) -> Result<Imported, ImportError> {
    let line = answer.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|_| ImportError::Answer {
        module: module.to_owned(),
        output: answer.to_owned(),
    })
}

/// `python -I`: without the working directory, `PYTHONPATH` and the user's own packages, any of which may
/// hold another module of the same name. `.pyc` files are not for a check to write.
fn isolated(python: &Interpreter, script: &str) -> Invocation {
    Invocation::new(&python.executable).args(["-I", "-B", "-c", script])
}

/// The directory that holds the outermost package of `module`; empty without Python sources.
fn python_sources(extension: &Extension, module: &str) -> String {
    match &extension.layout {
        Layout::PureRust => String::new(),
        Layout::Mixed { package } => {
            let depth = module.matches('.').count();
            package
                .ancestors()
                .nth(depth)
                .unwrap_or(package)
                .to_string()
        }
    }
}

/// Of a traceback through our own script, only the exception is of use. What stands before it, such as where
/// Rust panicked, stays.
fn without_traceback(error: RunError) -> RunError {
    match error {
        RunError::Failed { status, stderr, .. } => RunError::Failed {
            command: "import".to_owned(),
            status,
            stderr: before_and_last(stderr.trim_end()),
        },
        other => other,
    }
}

fn before_and_last(stderr: &str) -> String {
    let before = stderr.lines().take_while(|line| *line != TRACEBACK);
    let last = stderr.lines().last().filter(|_| stderr.contains(TRACEBACK));
    before.chain(last).collect::<Vec<_>>().join("\n")
}

/// How Python begins one.
const TRACEBACK: &str = "Traceback (most recent call last):";

#[cfg(test)]
mod tests {
    use super::*;
    use python_tools::python;

    fn extension(module: &str, layout: Layout) -> Extension {
        Extension {
            manifest: "/p/Cargo.toml".into(),
            crate_name: "thing".to_owned(),
            module: module.to_owned(),
            programs: Vec::new(),
            layout,
        }
    }

    #[test]
    fn of_a_traceback_the_exception_is_told_and_what_was_said_before() {
        let traceback = "Traceback (most recent call last):\n  File \"<string>\", line 1\nA: b";
        let panic = "thread '<unnamed>' panicked at src/lib.rs:9:5:\nboom";
        for (stderr, told) in [
            (traceback, "A: b".to_owned()),
            (&format!("{panic}\n{traceback}"), format!("{panic}\nA: b")),
            (panic, panic.to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(before_and_last(stderr), told);
        }
    }

    #[test]
    fn the_sources_are_above_the_outermost_package() {
        let mixed = |package: &str| Layout::Mixed {
            package: package.into(),
        };
        let of = |module: &str, layout| {
            let extension = extension(module, layout);
            python_sources(&extension, &extension.full_name())
        };
        assert_eq!(of("thing._rust", mixed("/p/src/thing")), "/p/src");
        assert_eq!(of("a.b._c", mixed("/p/python/a/b")), "/p/python");
        assert_eq!(of("a", mixed("/p/a")), "/p");
        assert_eq!(of("a", Layout::PureRust), "");
    }

    #[test]
    fn a_file_that_is_no_library_is_refused_with_pythons_reason() {
        let python = python::newest("any", |_| true).unwrap();
        let dir = testkit::TempDir::new();
        let library = dir.path().join("libthing.so");
        fs_err::write(&library, "not a library").unwrap();
        let error = try_library(&python, &extension("thing", Layout::PureRust), &library);
        let error = error.unwrap_err();
        assert!(error.to_string().contains("left as it was"), "{error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("ImportError"), "{cause}");
    }

    #[test]
    fn an_installed_module_tells_its_file_and_names() {
        let python = python::newest("any", |_| true).unwrap();
        let imported = installed(&python, "json.decoder").unwrap();
        assert!(imported.file.unwrap().as_str().ends_with("decoder.py"));
        assert!(imported.names.contains(&"JSONDecoder".to_owned()));
    }

    #[test]
    fn a_missing_module_is_an_error_with_pythons_reason() {
        let python = python::newest("any", |_| true).unwrap();
        let error = installed(&python, "no_such_module").unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("ModuleNotFoundError"), "{cause}");
    }
}
