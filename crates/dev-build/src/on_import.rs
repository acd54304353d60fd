//! Building on import: a hook in the environment that has our program look at the extension before a process
//! imports it for the first time (`on_import.py`).

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use files::{owned, write};
use packaging::normalized;
use processes::Invocation;
use project_model::Project;
use python_tools::Venv;
use python_tools::tools;

use crate::kept_choice::ON_IMPORT;
use crate::listed::{self, HOOK, is_of_hook};
use crate::request::DevRequest;

/// What the hook does, below what it is told in the lines before.
const SOURCE: &str = include_str!("on_import.py");

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

    /// The names of its files: what Python reads when it starts, and the module that this imports.
    fn files(&self) -> [String; 2] {
        ["pth", "py"].map(|end| format!("{}.{end}", module(self.project.name())))
    }

    fn find(&self, is_wanted: bool) -> Found {
        let site_packages = &self.venv.python.platlib;
        let [pth, source] = self.files().map(|name| site_packages.join(name));
        let is_there = |path: &Utf8Path| path.symlink_metadata().is_ok();
        if !is_there(&pth) && !is_there(&source) {
            return Found::Absent;
        }
        let has = |path, text: &str| fs_err::read(path).is_ok_and(|it| it == text.as_bytes());
        let is_right =
            |text: &str| is_wanted && has(pth, &line(self.project.name())) && has(source, text);
        match self.source() {
            Ok(text) if is_right(&text) => Found::Right,
            _ => Found::Other,
        }
    }

    /// Puts it into the environment and into the `RECORD` of the install in `dist_info`, so that whoever
    /// removes or replaces the install removes the hook as well.
    pub(crate) fn put_in(&self, dist_info: &Utf8Path) -> io::Result<()> {
        let [pth, source] = self.files();
        let site_packages = &self.venv.python.platlib;
        let files = [pth.clone().into(), source.clone().into()];
        listed::change(dist_info, &files, is_of_hook)?;
        // The module first: a Python that starts meanwhile would not find it.
        write::atomically(&site_packages.join(source), self.source()?)?;
        write::atomically(&site_packages.join(pth), line(self.project.name()))
    }

    /// Takes it out of both.
    pub(crate) fn take_out(&self, dist_info: &Utf8Path) -> io::Result<()> {
        for name in self.files() {
            owned::remove(&self.venv.python.platlib, name)?;
        }
        listed::change(dist_info, &[], is_of_hook)
    }

    /// The text of the module.
    fn source(&self) -> io::Result<String> {
        let program = std::env::current_exe()?;
        let program = Utf8PathBuf::try_from(program).map_err(io::Error::other)?;
        let cargo = tools::find("cargo");
        let cargo = cargo.as_deref().and_then(Utf8Path::parent);
        let root = self.project.root.as_str();
        let command = Invocation::new("cargo").args(["xtask", "--project", root]);
        let told = [
            ("MODULE", self.project.extension.full_name()),
            ("PROGRAM", program.into_string()),
            ("PROJECT", root.to_owned()),
            ("VENV", self.venv.root.to_string()),
            ("CARGO", cargo.map_or_else(String::new, Utf8Path::to_string)),
            ("ASK", COMMAND.to_owned()),
            ("XTASK", command.to_string()),
            ("VARIABLE", vars::XTASK_ON_IMPORT.to_owned()),
        ];
        let mut text =
            "# Has an extension built before it is imported, where it is older than its sources.\n\
             # By `cargo xtask dev --on-import`; `cargo xtask dev --on-import=off` takes it out.\n"
                .to_owned();
        for (name, value) in told {
            // A string of JSON is one of Python.
            text.push_str(&format!("{name} = {}\n", serde_json::to_string(&value)?));
        }
        Ok(text + SOURCE)
    }
}

/// The name of the module that is the hook for the project `name`.
fn module(name: &str) -> String {
    format!("{HOOK}{}", normalized(name).replace('-', "_"))
}

/// What Python does when it starts.
fn line(name: &str) -> String {
    format!("import {}\n", module(name))
}
