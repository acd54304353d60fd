//! Building on import: a hook in the environment that has our program look at the extension before a process
//! imports it for the first time (`on_import/`).

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use environment::{program, vars};
use files::{owned, write};
use packaging::normalized;
use processes::Invocation;
use project_model::Project;
use python_tools::Venv;
use python_tools::tools;

use crate::install;
use crate::kept_choice::ON_IMPORT;
use crate::listed::{self, HOOK, is_of_hook};
use crate::request::DevRequest;

/// What every process of the environment has, below the values that it is told.
const FINDER: &str = include_str!("on_import/finder.py");

/// What one has that imports the extension.
const BUILD: &str = include_str!("on_import/build.py");

/// Compiles what its arguments name, and prints where to.
const COMPILE: &str =
    "import py_compile, sys\nfor it in sys.argv[1:]: print(py_compile.compile(it, doraise=True))";

const HEAD: &str = "\
# Has an extension built before it is imported, where it is older than its sources.
# By `cargo xtask dev --on-import`; `cargo xtask dev --on-import=off` takes it out.
";

/// What our program is started with, before the project and the environment.
pub const COMMAND: &str = "on-import";

/// What is known of the hook before anything is decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnImport {
    /// Whether an import is to build: by what is asked for, else by an earlier choice.
    pub is_wanted: bool,
    /// The hook in the environment.
    pub hook: Found,
}

/// The hook, as it was found in an environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Found {
    /// It is not there.
    #[default]
    Absent,
    /// It is another one: of another program, or another checkout.
    Other,
    /// It is there as it should be.
    Right,
}

/// What becomes of the hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookStep {
    /// It is put into the environment.
    PutIn,
    /// It takes the place of another one.
    Replace,
    /// It is taken out.
    TakeOut,
}

impl OnImport {
    /// Looks at the hook for `project` in `venv`; `None` where that is to be made.
    pub(crate) fn look(project: &Project, request: &DevRequest<'_>, venv: Option<&Venv>) -> Self {
        let kept = || ON_IMPORT.find(&venv?.root, project.name());
        let is_wanted = request.on_import.or_else(kept).unwrap_or_default();
        let found = venv.map(|venv| Hook::new(project, venv).find(is_wanted));
        Self {
            is_wanted,
            hook: found.unwrap_or_default(),
        }
    }

    /// The same after the package was installed anew: what the earlier install had listed is gone then.
    #[must_use]
    pub(crate) fn after_an_install(self) -> Self {
        Self {
            hook: Found::Absent,
            ..self
        }
    }

    /// What is to be done.
    #[must_use]
    pub(crate) fn step(self) -> Option<HookStep> {
        match (self.is_wanted, self.hook) {
            (true, Found::Right) | (false, Found::Absent) => None,
            (true, Found::Absent) => Some(HookStep::PutIn),
            (true, Found::Other) => Some(HookStep::Replace),
            (false, Found::Other | Found::Right) => Some(HookStep::TakeOut),
        }
    }
}

/// The hook as it should be.
pub(crate) struct Hook<'a> {
    project: &'a Project,
    venv: &'a Venv,
}

impl<'a> Hook<'a> {
    pub(crate) fn new(project: &'a Project, venv: &'a Venv) -> Self {
        Self { project, venv }
    }

    /// The names of its files: what Python reads when it starts comes last, and what that imports before.
    fn names(&self) -> [String; 3] {
        let module = module(self.project.name());
        ["__build.py", ".py", ".pth"].map(|end| format!("{module}{end}"))
    }

    /// What they hold.
    fn texts(&self) -> io::Result<[String; 3]> {
        let module = self.project.extension.full_name();
        Ok([
            with_values(&self.values(&module)?, BUILD)?,
            with_values(&[("MODULE", module)], FINDER)?,
            format!("import {}\n", self::module(self.project.name())),
        ])
    }

    fn paths(&self) -> [Utf8PathBuf; 3] {
        self.names().map(|name| self.venv.python.platlib.join(name))
    }

    fn find(&self, is_wanted: bool) -> Found {
        let paths = self.paths();
        if paths.iter().all(|path| path.symlink_metadata().is_err()) {
            return Found::Absent;
        }
        let has = |(path, text): (&Utf8PathBuf, &String)| {
            fs_err::read(path).is_ok_and(|it| it == text.as_bytes())
        };
        match self.texts() {
            Ok(texts) if is_wanted && paths.iter().zip(&texts).all(has) => Found::Right,
            _ => Found::Other,
        }
    }

    /// Puts it into the environment and into the `RECORD` of the install in `dist_info`, so that whoever
    /// removes or replaces the install removes the hook as well.
    pub(crate) fn put_in(&self, dist_info: &Utf8Path) -> io::Result<()> {
        let mut files = self.names().map(Utf8PathBuf::from).to_vec();
        listed::change(dist_info, &files, is_of_hook)?;
        for (path, text) in self.paths().iter().zip(self.texts()?) {
            write::atomically(path, text)?;
        }
        files.extend(self.compile());
        listed::change(dist_info, &files, is_of_hook)
    }

    /// Has its modules be compiled: each process would do so that may not keep what it compiles
    /// (`PYTHONDONTWRITEBYTECODE`). Gives what was written, relative to site-packages.
    fn compile(&self) -> Vec<Utf8PathBuf> {
        let site_packages = &self.venv.python.platlib;
        let [build, finder, _] = self.names();
        let compile = Invocation::new(&self.venv.python.executable)
            .args(["-I", "-S", "-c", COMPILE, &build, &finder])
            .cwd(site_packages);
        let written = compile.read().unwrap_or_default();
        written.lines().map(Utf8PathBuf::from).collect()
    }

    /// Takes it out of both.
    pub(crate) fn take_out(&self, dist_info: &Utf8Path) -> io::Result<()> {
        let names = self.names().map(Utf8PathBuf::from);
        for file in names.into_iter().rev() {
            owned::remove(&self.venv.python.platlib, file)?;
        }
        take_out(dist_info)
    }

    /// What [`BUILD`] is told.
    fn values(&self, module: &str) -> io::Result<[(&'static str, String); 8]> {
        let program = Utf8PathBuf::try_from(std::env::current_exe()?).map_err(io::Error::other)?;
        let cargo = tools::find("cargo");
        let cargo = cargo.as_deref().and_then(Utf8Path::parent);
        let root = self.project.root.as_str();
        let mut words = program::in_files().split(' ');
        let command = Invocation::new(words.next().unwrap_or_default());
        let command = command.args(words).args(["--project", root]);
        Ok([
            ("MODULE", module.to_owned()),
            ("PROGRAM", program.into_string()),
            ("ASK", COMMAND.to_owned()),
            ("PROJECT", root.to_owned()),
            ("VENV", self.venv.root.to_string()),
            ("CARGO", cargo.map_or_else(String::new, Utf8Path::to_string)),
            ("XTASK", command.to_string()),
            ("VARIABLE", vars::XTASK_ON_IMPORT.to_owned()),
        ])
    }
}

/// Those of the environments `venvs` in which an import of the project `name` builds, or would after the next
/// `dev`: another tool may have taken the hook out with the install, and the choice is kept.
#[must_use]
pub fn hooked(venvs: Vec<Utf8PathBuf>, name: &str) -> Vec<Utf8PathBuf> {
    let is_hooked = |venv: &Utf8PathBuf| {
        if ON_IMPORT.find(venv, name) == Some(true) {
            return true;
        }
        let dist_info = install::installed_as(venv, name);
        let files = dist_info.map(|it| listed::files(&it, is_of_hook));
        files.is_some_and(|files| files.is_ok_and(|it| !it.is_empty()))
    };
    venvs.into_iter().filter(is_hooked).collect()
}

/// Takes the hook for the project `name` out of the environment `venv`, and forgets that it was chosen.
///
/// # Errors
/// If a file cannot be removed or written.
pub fn forget(venv: &Utf8Path, name: &str) -> io::Result<()> {
    ON_IMPORT.keep(venv, name, &false)?;
    install::installed_as(venv, name).map_or(Ok(()), |it| take_out(&it))
}

/// Removes what the install in `dist_info` lists of a hook, and takes it off the list.
fn take_out(dist_info: &Utf8Path) -> io::Result<()> {
    let site_packages = dist_info.parent().unwrap_or(dist_info);
    for file in listed::files(dist_info, is_of_hook)? {
        owned::remove(site_packages, file)?;
    }
    listed::change(dist_info, &[], is_of_hook)
}

/// `source` below assignments of `values`.
fn with_values(values: &[(&str, String)], source: &str) -> io::Result<String> {
    let mut text = program::renamed(HEAD, program::in_files()).into_owned();
    for (name, value) in values {
        // A string of JSON is one of Python.
        text.push_str(&format!("{name} = {}\n", serde_json::to_string(value)?));
    }
    Ok(text + source)
}

/// The name of the module that is the hook for the project `name`.
fn module(name: &str) -> String {
    format!("{HOOK}{}", normalized(name).replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    #[test]
    fn a_hook_is_put_in_known_and_taken_out() {
        let fixture = Fixture::mixed("A_b_c");
        let project = Project::load(&fixture.root()).unwrap();
        let mut python = python_tools::python::newest("any", |_| true).unwrap();
        let root = fixture.beside("venv \"1\"");
        python.platlib = root.join("lib/python3/site-packages");
        let dist_info = python.platlib.join("a_b_c-0.1.0.dist-info");
        fs_err::create_dir_all(&dist_info).unwrap();
        let record = dist_info.join("RECORD");
        fs_err::write(&record, "a.py,,\n").unwrap();
        let venv = Venv { root, python };
        let hook = Hook::new(&project, &venv);

        assert_eq!(hook.find(true), Found::Absent);
        hook.put_in(&dist_info).unwrap();
        let names = [
            "_on_import_a_b_c__build.py",
            "_on_import_a_b_c.py",
            "_on_import_a_b_c.pth",
        ];
        assert_eq!(hook.names(), names);
        let listed = format!("a.py,,\n{},,\n", names.join(",,\n"));
        let text = fs_err::read_to_string(&record).unwrap();
        assert!(text.starts_with(&listed), "{text}");
        let compiled: Vec<_> = text.lines().skip(4).collect();
        assert_eq!(compiled.len(), 2, "{text}");
        for line in compiled {
            let file = line.strip_suffix(",,").unwrap();
            assert!(file.starts_with("__pycache__/_on_import_a_b_c"), "{file}");
            assert!(venv.python.platlib.join(file).is_file(), "{file}");
        }
        assert_eq!(
            [true, false].map(|it| hook.find(it)),
            [Found::Right, Found::Other]
        );
        fs_err::write(&hook.paths()[1], "").unwrap();
        assert_eq!(hook.find(true), Found::Other);

        let hooked = || super::hooked(vec![venv.root.clone()], project.name());
        assert_eq!(hooked(), std::slice::from_ref(&venv.root));
        ON_IMPORT.keep(&venv.root, project.name(), &true).unwrap();
        forget(&venv.root, project.name()).unwrap();
        assert_eq!(ON_IMPORT.find(&venv.root, project.name()), Some(false));
        assert_eq!(hook.find(false), Found::Absent);
        assert!(hooked().is_empty());
        // What another tool has left of it.
        ON_IMPORT.keep(&venv.root, project.name(), &true).unwrap();
        assert_eq!(hooked(), std::slice::from_ref(&venv.root));
        forget(&venv.root, project.name()).unwrap();
        assert!(hooked().is_empty());

        hook.put_in(&dist_info).unwrap();
        hook.take_out(&dist_info).unwrap();
        assert_eq!(hook.find(false), Found::Absent);
        let compiled = venv.python.platlib.join("__pycache__");
        assert_eq!(compiled.read_dir_utf8().unwrap().count(), 0);
        assert_eq!(fs_err::read_to_string(&record).unwrap(), "a.py,,\n");
    }

    #[test]
    fn where_the_program_cannot_be_asked_the_import_goes_on_with_a_warning() {
        let names = [
            "MODULE", "PROGRAM", "ASK", "PROJECT", "VENV", "CARGO", "XTASK",
        ];
        let mut values: Vec<_> = names.iter().map(|it| (*it, "/none".to_owned())).collect();
        values.push(("VARIABLE", "UNSET".to_owned()));
        let build = with_values(&values, BUILD).unwrap();
        let full = "def full(*_): raise OSError(24, 'Too many open files')\nos.pipe = full";
        for (before, why) in [
            ("", "/none: No such file or directory"),
            ("del os.posix_spawn", "/none: module 'os' has no attribute"),
            (full, "/none: Too many open files"),
        ] {
            let code = format!("{build}\n{before}\nbring()\nprint('imported')");
            let python = Invocation::new("python3").args(["-I", "-S", "-c", &code]);
            let done = python.capture().unwrap();
            assert_eq!(done.stdout, "imported\n", "{before}: {}", done.stderr);
            let warned = format!("cannot be brought up to date\n{why}");
            assert!(done.stderr.contains(&warned), "{before}: {}", done.stderr);
        }
    }

    #[test]
    fn what_is_told_is_what_python_reads() {
        let value = "a\"b'c\\d 木 \u{1f600}";
        let text = with_values(&[("A", value.to_owned())], "print(ascii(A))").unwrap();
        let python = Invocation::new("python3").args(["-I", "-S", "-c", &text]);
        let ascii = "'a\"b\\'c\\\\d \\u6728 \\U0001f600'";
        assert_eq!(python.read().unwrap().trim(), ascii);
    }
}
