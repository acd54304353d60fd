//! What a user asks for.

use camino::Utf8Path;
use cargo_settings::Layers;

use prelink::Bases;
use store::Store;

use crate::dependencies::Wanted;
use crate::maturin::{BuildOptions, RunOptions};

/// A development build, as it was asked for.
#[derive(Debug, Default, Clone)]
pub struct DevRequest<'a> {
    /// `--python`: see [`python_tools::python::named`].
    pub python: Option<&'a str>,
    /// `--venv`: an environment other than `.venv`.
    pub venv: Option<&'a Utf8Path>,
    /// What is to be built.
    pub build: BuildOptions,
    /// How cargo is to go about it.
    pub run: RunOptions,
    /// cargo's configuration, where it has just been read. Without it, it is read when the build begins.
    pub config: Option<&'a Layers>,
    /// Which dependencies are to be installed.
    pub dependencies: Wanted,
    /// Whether an import is to build from now on. `None`: as it was chosen before.
    pub on_import: Option<bool>,
    /// Whether it is an import that asks. What counts then is the build that there is: its options, and the
    /// variables of the shell that it was made in.
    pub is_of_import: bool,
    /// Whether it is built because another project needs it.
    pub is_sibling: bool,
    /// Where libraries of third-party crates are kept, against which an extension is linked. `None`: each
    /// link is made as rustc says.
    pub prelink: Option<&'a Bases>,
    /// What was built once on this machine. `None`: it is not asked, and nothing is kept.
    pub store: Option<&'a Store>,
    /// Let maturin install every time, instead of putting the library in place ourselves.
    pub maturin_installs: bool,
}

impl<'a> DevRequest<'a> {
    /// What is asked for where a process is about to import the extension: the build that there is, and
    /// nothing but the extension.
    #[must_use]
    pub(crate) fn of_import(&self) -> Self {
        Self {
            is_of_import: true,
            dependencies: Wanted::Leave,
            ..self.clone()
        }
    }

    /// What is asked for of a sibling in the same environment: the same profile, and features of its own. Its
    /// dependencies are among those of the project that needs it.
    #[must_use]
    pub fn of_sibling<'v>(&self, venv: &'v Utf8Path) -> DevRequest<'v>
    where
        'a: 'v,
    {
        let build = BuildOptions {
            profile: self.build.profile.clone(),
            ..BuildOptions::default()
        };
        DevRequest {
            python: None,
            venv: Some(venv),
            build,
            run: self.run.clone(),
            config: None,
            dependencies: Wanted::Leave,
            on_import: None,
            is_of_import: false,
            is_sibling: true,
            prelink: self.prelink,
            store: self.store,
            maturin_installs: self.maturin_installs,
        }
    }
}
