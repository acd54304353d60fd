//! Virtual environments (PEP 405): which one a project is installed into, and making it.

use std::os::unix::fs::MetadataExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use pep440_rs::{Version, VersionSpecifiers};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::places::{Found, LeadsNowhere, Places, Why};
use crate::python::{self, PythonError};
use crate::{Interpreter, Tool};
use environment::vars;
use files::access::keeps_from_writing;
use processes::{Invocation, RunError, Say};

/// A virtual environment that is there and works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venv {
    /// Its directory.
    pub root: Utf8PathBuf,
    /// Its interpreter.
    pub python: Interpreter,
}

impl Venv {
    /// `command` as it would run after the environment was activated: its programs come first on `PATH`.
    #[must_use]
    pub fn activated(&self, command: Invocation) -> Invocation {
        let bin = self.root.join("bin");
        let path = match vars::var(vars::PATH) {
            Some(path) => format!("{bin}:{path}"),
            None => bin.into_string(),
        };
        let (set, unset) = if self.python.is_of_conda() {
            (vars::CONDA_PREFIX, vars::VIRTUAL_ENV)
        } else {
            (vars::VIRTUAL_ENV, vars::CONDA_PREFIX)
        };
        command
            .env(vars::PATH, path)
            .env(set, self.root.as_str())
            .env_remove(unset)
            .env_remove(vars::PYTHONHOME)
    }
}

/// What the user asked for, and what the project says.
#[derive(Debug)]
pub struct Request<'a> {
    /// Where an environment may be.
    pub places: Places<'a>,
    /// `--python`: see [`python::named`].
    pub python: Option<&'a str>,
    /// The version that a `.python-version` asks for: what a new environment is made of.
    pub pinned: Option<&'a str>,
    /// `requires-python` of the project, or of all that share the environment.
    pub requires_python: Option<&'a VersionSpecifiers>,
}

/// What is to be done to have an environment.
#[derive(Debug, PartialEq, Eq)]
pub enum VenvPlan {
    /// It is there.
    Use(Venv),
    /// It is to be made from `base`.
    Create {
        /// Its directory.
        root: Utf8PathBuf,
        /// The interpreter it is made from.
        base: Box<Interpreter>,
    },
}

/// No environment that could be used.
#[derive(Debug, thiserror::Error)]
pub enum VenvError {
    /// The interpreter is not to be had.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// What is to lead to it does not.
    #[error(transparent)]
    LeadsNowhere(#[from] LeadsNowhere),
    /// The directory is there, but its interpreter does not run.
    #[error("the virtual environment {root} is broken\n  help: {way_out}")]
    Broken {
        /// Its directory.
        root: Utf8PathBuf,
        /// How to come to another.
        way_out: String,
        /// Why.
        source: PythonError,
    },
    /// It is there, and this user may not run its interpreter.
    #[error(
        "the Python of the virtual environment {root} may not be run by you: permission denied\n  help: the environment belongs to user {owner}; use one of your own: `--venv DIR`"
    )]
    Forbidden {
        /// Its directory.
        root: Utf8PathBuf,
        /// The number of the user that it belongs to.
        owner: u32,
    },
    /// It is there and works, and this user may not install into it.
    #[error(
        "the virtual environment {root} may not be changed by you: {dir} cannot be written\n  help: it belongs to user {owner}; use one of your own: `--venv DIR`"
    )]
    ReadOnly {
        /// Its directory.
        root: Utf8PathBuf,
        /// Where packages are installed.
        dir: Utf8PathBuf,
        /// The number of the user that it belongs to.
        owner: u32,
    },
    /// There is none, and this user may not make it there.
    #[error(
        "the virtual environment {root} cannot be made: {dir} cannot be written by you\n  help: build in a copy of the project, or name another directory with `--venv DIR`"
    )]
    NoPlace {
        /// Its directory.
        root: Utf8PathBuf,
        /// What is in the way.
        dir: Utf8PathBuf,
    },
    /// The directory is there and no environment; installing into it would touch the system's Python.
    #[error(
        "{root} is not a virtual environment (its Python is {executable})\n  help: name another directory with `--venv DIR`"
    )]
    NotVirtual {
        /// The directory.
        root: Utf8PathBuf,
        /// Its interpreter.
        executable: Utf8PathBuf,
    },
    /// The environment has another Python than `--python` asks for.
    #[error(
        "the virtual environment {root} is {found}, but `--python {wanted}` was asked for\n  help: {}keep both, and add `--venv DIR`",
        removal.as_ref().map_or_else(String::new, |removal| format!("{removal}, or "))
    )]
    OtherPython {
        /// Its directory.
        root: Utf8PathBuf,
        /// The Python it has.
        found: String,
        /// The argument of `--python`.
        wanted: String,
        /// The command that makes room for a new one.
        removal: Option<String>,
    },
    /// The project does not run on this Python.
    #[error(
        "{python} of {executable} is not allowed by the project: requires-python is `{requires}`\n  help: choose another with `--python`"
    )]
    NotAllowed {
        /// The interpreter.
        python: String,
        /// Where it is.
        executable: Utf8PathBuf,
        /// `requires-python`.
        requires: String,
    },
    /// Nor on any other Python of the version that was asked for.
    #[error("`--python {wanted}` is not allowed by the project: requires-python is `{requires}`")]
    VersionNotAllowed {
        /// The version.
        wanted: String,
        /// `requires-python`.
        requires: String,
    },
    /// uv failed to make it.
    #[error("cannot make the virtual environment {root}")]
    Create {
        /// Its directory.
        root: Utf8PathBuf,
        /// What uv said.
        source: RunError,
    },
}

impl Venv {
    /// The environment in `found`, if there is one and it works. An installation of Python is none, unless
    /// the user has named it for uv as the environment of the project.
    fn open(found: &Found, why: Why) -> Result<Self, VenvError> {
        let root = &found.root;
        let python = Interpreter::probe(&root.join("bin/python"))
            .map_err(|source| unusable(found, why, source))?;
        let is_for_packages = python.is_virtual() || python.is_of_conda();
        if !is_for_packages && !found.may_be_an_installation {
            return Err(VenvError::NotVirtual {
                root: root.to_owned(),
                executable: python.executable,
            });
        }
        Ok(Self {
            root: root.to_owned(),
            python,
        })
    }

    /// Fails if this user may not install into it: better now than after the build.
    pub fn require_writable(&self) -> Result<(), VenvError> {
        let dir = &self.python.platlib;
        self.allowed_by(access(dir.as_std_path(), Access::WRITE_OK))
    }

    /// The same, as the kernel has `answered`.
    fn allowed_by(&self, answered: rustix::io::Result<()>) -> Result<(), VenvError> {
        let dir = &self.python.platlib;
        match answered {
            Err(Errno::ACCESS | Errno::ROFS) => Err(VenvError::ReadOnly {
                root: self.root.clone(),
                dir: dir.clone(),
                owner: owner(dir),
            }),
            // Whatever else is wrong, the installation says better.
            _ => Ok(()),
        }
    }
}

/// What is wrong with the environment in `root`, whose interpreter did not run. To remove one of another user
/// would not help, and might do harm.
fn unusable(found: &Found, why: Why, source: PythonError) -> VenvError {
    let root = found.root.clone();
    match access(root.join("bin/python").as_std_path(), Access::EXEC_OK) {
        Err(Errno::ACCESS) => VenvError::Forbidden {
            owner: owner(&root),
            root,
        },
        _ => VenvError::Broken {
            root,
            way_out: found.way_out(why),
            source,
        },
    }
}

/// The number of the user that `path` belongs to.
fn owner(path: &Utf8Path) -> u32 {
    path.metadata().map_or(0, |it| it.uid())
}

impl Request<'_> {
    /// Where the environment is, or is to be made, unless `--python` is an interpreter of another one.
    pub fn found(&self) -> Result<Found, VenvError> {
        self.found_because().map(|(found, _)| found)
    }

    /// The same, and why that place counts.
    pub fn found_because(&self) -> Result<(Found, Why), VenvError> {
        Ok(self.places.chosen(self.python.is_some())?)
    }

    /// Chooses the environment, without making it: the one that `--python` belongs to, else that in
    /// [`Request::found`]; where that is missing, a new one of the Python that `--python` names or of the
    /// newest that the project allows.
    ///
    /// # Errors
    /// See [`VenvError`]; nothing has been touched then.
    pub fn plan(&self) -> Result<VenvPlan, VenvError> {
        let (found, why) = self.found_because()?;
        let is_there = found.is_there();
        if let (true, Some(version)) = (is_there, self.python.filter(|p| python::is_a_version(p))) {
            // No need to look for that version on the whole machine.
            let venv = self.checked(Venv::open(&found, why)?)?;
            self.refuse_version(version)?;
            if venv.python.is_of(version) {
                return Ok(VenvPlan::Use(venv));
            }
            return Err(self.other_python(&venv, found.removal(why)));
        }
        let named = self.python.map(python::named).transpose()?;
        let named_one = named.as_ref().filter(|python| python.is_environment());
        if let (None, Some(python)) = (self.places.venv, named_one) {
            let venv = Venv {
                root: python.prefix.clone(),
                python: python.clone(),
            };
            return self.checked(venv).map(VenvPlan::Use);
        }
        if is_there {
            let venv = self.checked(Venv::open(&found, why)?)?;
            return match named {
                Some(named) if !same_installation(&named, &venv.python) => {
                    Err(self.other_python(&venv, found.removal(why)))
                }
                _ => Ok(VenvPlan::Use(venv)),
            };
        }
        let base = match named {
            Some(python) => self.allowed(python)?,
            None => self.base()?,
        };
        Ok(VenvPlan::Create {
            root: found.root,
            base: Box::new(base),
        })
    }

    /// Refuses a version such as `3.9` if requires-python allows none of it. The last possible one is looked
    /// at, since `>=3.11.4` allows some 3.11.
    fn refuse_version(&self, version: &str) -> Result<(), VenvError> {
        let last: Option<Version> = format!("{version}.999").parse().ok();
        match (self.requires_python, last) {
            (Some(requires), Some(last)) if !requires.contains(&last) => {
                Err(VenvError::VersionNotAllowed {
                    wanted: version.to_owned(),
                    requires: requires.to_string(),
                })
            }
            _ => Ok(()),
        }
    }

    fn other_python(&self, venv: &Venv, removal: Option<String>) -> VenvError {
        VenvError::OtherPython {
            root: venv.root.clone(),
            found: venv.python.to_string(),
            wanted: self.python.unwrap_or_default().to_owned(),
            removal,
        }
    }

    /// The Python that a new environment is made of, where none was asked for.
    fn base(&self) -> Result<Interpreter, PythonError> {
        match self.pinned {
            Some(version) if self.refuse_version(version).is_ok() => python::pinned(version),
            _ => self.newest_allowed(),
        }
    }

    fn newest_allowed(&self) -> Result<Interpreter, PythonError> {
        let what = self.requires_python.map_or_else(
            || "any Python 3".to_owned(),
            |requires| format!("requires-python `{requires}`"),
        );
        python::newest(&what, |python| python.satisfies(self.requires_python))
    }

    fn checked(&self, venv: Venv) -> Result<Venv, VenvError> {
        let python = self.allowed(venv.python)?;
        Ok(Venv {
            root: venv.root,
            python,
        })
    }

    fn allowed(&self, python: Interpreter) -> Result<Interpreter, VenvError> {
        match self.requires_python {
            Some(requires) if !python.satisfies(Some(requires)) => Err(VenvError::NotAllowed {
                python: python.to_string(),
                executable: python.executable,
                requires: requires.to_string(),
            }),
            _ => Ok(python),
        }
    }
}

/// Whether both interpreters are of one installation: a virtual environment and what it was made from.
fn same_installation(one: &Interpreter, other: &Interpreter) -> bool {
    let resolved = |path: &Utf8Path| path.canonicalize_utf8().unwrap_or(path.to_owned());
    one.version == other.version
        && one.free_threaded == other.free_threaded
        && resolved(&one.base_prefix) == resolved(&other.base_prefix)
}

impl VenvPlan {
    /// Makes the environment, if it is not there.
    pub fn apply(self, uv: &Tool, say: Say<'_>) -> Result<Venv, VenvError> {
        match self {
            Self::Use(venv) => Ok(venv),
            Self::Create { root, base } => {
                if let Some(dir) = keeps_from_writing(&root) {
                    return Err(VenvError::NoPlace { root, dir });
                }
                say(
                    "Creating",
                    &format!("{root} with {base}; `--python` names another"),
                );
                let command = create(uv, &root, &base);
                command.read().map_err(|source| VenvError::Create {
                    root: root.clone(),
                    source,
                })?;
                Venv::open(&Found::at(root), Why::Own)
            }
        }
    }
}

fn create(uv: &Tool, root: &Utf8Path, base: &Interpreter) -> Invocation {
    Invocation::new(&uv.path)
        .args(["venv", "--quiet", "--no-project", "--no-python-downloads"])
        .args(["--python", base.executable.as_str(), root.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Active;
    use testkit::TempDir;

    /// Makes `root` with the standard library's `venv`, without pip.
    fn make(root: &Utf8Path) -> Venv {
        let base = python::newest("any", |_| true).unwrap();
        let command = Invocation::new(&base.executable);
        let command = command.args(["-m", "venv", "--without-pip", root.as_str()]);
        command.read().unwrap();
        open(root).unwrap()
    }

    fn open(root: &Utf8Path) -> Result<Venv, VenvError> {
        Venv::open(&Found::at(root.to_owned()), Why::Own)
    }

    fn request(project: &TempDir) -> Request<'_> {
        Request {
            places: Places::of(project.path()),
            python: None,
            pinned: None,
            requires_python: None,
        }
    }

    #[test]
    fn the_projects_environment_comes_before_the_active_one() {
        let project = TempDir::new();
        let active = make(&project.path().join("active"));
        let mut request = request(&project);
        request.places.active = vec![Active::venv(active.root.clone())];
        assert_eq!(request.plan().unwrap(), VenvPlan::Use(active));

        let own = make(&project.path().join(".venv"));
        assert_eq!(request.plan().unwrap(), VenvPlan::Use(own));
    }

    #[test]
    fn without_any_a_new_one_is_planned_and_nothing_is_made() {
        let project = TempDir::new();
        let plan = request(&project).plan().unwrap();
        let root = project.path().join(".venv");
        assert!(matches!(&plan, VenvPlan::Create { root: planned, .. } if *planned == root));
        assert!(!root.exists());
    }

    #[test]
    fn a_pinned_python_is_what_a_new_environment_is_made_of() {
        let project = TempDir::new();
        let mut request = request(&project);
        request.pinned = Some("3.77");
        let text = request.plan().unwrap_err().to_string();
        assert!(
            text.contains("`.python-version`, which says 3.77"),
            "{text}"
        );
        // As uv has it: a pin that the project does not allow says nothing.
        let requires = "<3.70".parse().unwrap();
        request.requires_python = Some(&requires);
        assert!(matches!(request.plan(), Ok(VenvPlan::Create { .. })));
    }

    #[test]
    fn an_interpreter_of_an_environment_means_that_environment() {
        let project = TempDir::new();
        make(&project.path().join(".venv"));
        let other = make(&project.path().join("other"));
        let mut request = request(&project);
        request.python = Some(other.python.executable.as_str());
        let VenvPlan::Use(chosen) = request.plan().unwrap() else {
            panic!("plans a new one");
        };
        assert_eq!(chosen.root.file_name(), Some("other"));
    }

    #[test]
    fn a_python_that_the_project_does_not_allow_is_refused() {
        let project = TempDir::new();
        make(&project.path().join(".venv"));
        let requires = "<3".parse().unwrap();
        let mut request = request(&project);
        request.requires_python = Some(&requires);
        let text = request.plan().unwrap_err().to_string();
        assert!(text.contains("requires-python is `<3`"), "{text}");
    }

    #[test]
    fn an_environment_of_another_python_is_not_replaced() {
        let project = TempDir::new();
        let venv = make(&project.path().join(".venv"));
        let mut other = venv.python.clone();
        assert!(same_installation(&venv.python, &other));
        other.version = "3.99.0".to_owned();
        assert!(!same_installation(&venv.python, &other));

        let mut request = request(&project);
        request.python = Some("3.99");
        let error = request.plan().unwrap_err();
        assert!(matches!(error, VenvError::OtherPython { .. }), "{error}");
        let removal = format!("help: `rm -r {}`, or keep both", venv.root);
        assert!(error.to_string().contains(&removal), "{error}");
        request.python = Some("3");
        assert!(matches!(request.plan(), Ok(VenvPlan::Use(_))));

        // To remove the environment would not help.
        let requires = ">=3.9".parse().unwrap();
        request.requires_python = Some(&requires);
        request.python = Some("3.7");
        let error = request.plan().unwrap_err();
        assert!(
            matches!(error, VenvError::VersionNotAllowed { .. }),
            "{error}"
        );
    }

    #[test]
    fn a_broken_environment_and_a_plain_directory_are_told_apart_and_kept() {
        let project = TempDir::new();
        let root = project.path().join(".venv");
        fs_err::create_dir_all(root.join("lib")).unwrap();
        let text = request(&project).plan().unwrap_err().to_string();
        assert!(
            text.contains("is broken") && text.contains("rm -r"),
            "{text}"
        );
        assert!(root.is_dir());

        // What a link leads to is not the project's to remove.
        let shared = project.path().join("shared env");
        fs_err::rename(&root, &shared).unwrap();
        fs_err::os::unix::fs::symlink(&shared, &root).unwrap();
        let text = request(&project).plan().unwrap_err().to_string();
        let link = format!("or `rm {root}`, which leads there");
        assert!(text.contains(&link) && !text.contains("rm -r"), "{text}");
    }

    #[test]
    fn an_environment_of_somebody_else_is_not_called_broken() {
        let project = TempDir::new();
        let bin = project.path().join(".venv/bin");
        fs_err::create_dir_all(&bin).unwrap();
        // No bit to execute it: not even root may.
        fs_err::write(bin.join("python"), "").unwrap();
        let text = request(&project).plan().unwrap_err().to_string();
        assert!(
            text.contains("permission denied") && text.contains("--venv DIR"),
            "{text}"
        );
        assert!(!text.contains("rm -r"), "{text}");
    }

    #[test]
    fn an_environment_that_may_not_be_changed_is_told_before_the_build() {
        let project = TempDir::new();
        let venv = make(&project.path().join(".venv"));
        venv.require_writable().unwrap();
        // Root may write everywhere, so the kernel's answer is given.
        for refused in [Errno::ACCESS, Errno::ROFS] {
            let text = venv.allowed_by(Err(refused)).unwrap_err().to_string();
            let dir = venv.python.platlib.as_str();
            assert!(text.contains(dir) && text.contains("--venv DIR"), "{text}");
        }
        venv.allowed_by(Err(Errno::NOENT)).unwrap();
    }

    #[test]
    fn the_systems_python_is_never_taken_for_an_environment() {
        let project = TempDir::new();
        let base = python::newest("any", |_| true).unwrap();
        let mut request = request(&project);
        request.places.active = vec![Active::venv(base.prefix.clone())];
        let error = request.plan().unwrap_err();
        assert!(matches!(error, VenvError::NotVirtual { .. }), "{error}");

        // Unless the user has told uv to.
        request.places.active = Vec::new();
        request.places.for_uv = Some(base.prefix.clone());
        let VenvPlan::Use(chosen) = request.plan().unwrap() else {
            panic!("plans a new one");
        };
        assert_eq!(chosen.root, base.prefix);
    }
}
