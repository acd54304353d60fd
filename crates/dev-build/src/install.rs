//! Installing the editable wheel (PEP 660) with uv, as the editable install that it is.

use build_env::{Invocation, RunError, Tool, Venv};
use camino::{Utf8Path, Utf8PathBuf};
use project_model::Project;

/// The wheel is not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// uv refused it.
    #[error("cannot install {wheel} into {venv}")]
    Uv {
        /// The name of the wheel.
        wheel: String,
        /// The environment.
        venv: Utf8PathBuf,
        /// What uv said.
        source: RunError,
    },
    /// The build backend that hands over the wheel cannot be written.
    #[error("cannot write {path}")]
    Backend {
        /// Its file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// uv reports success, but there is no trace of it.
    #[error("`{name}` is not to be found in {site_packages} after its installation")]
    NotThere {
        /// The distribution.
        name: String,
        /// Where it should be.
        site_packages: Utf8PathBuf,
    },
}

/// A PEP 660 backend that builds nothing and hands over the wheel that maturin has just packed.
const BACKEND: &str = r#"import os, shutil

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    wheel = os.environ["XTASK_EDITABLE_WHEEL"]
    shutil.copy(wheel, wheel_directory)
    return os.path.basename(wheel)
"#;

/// Installs `wheel` into `venv` in place of what is there, without its dependencies.
///
/// uv is told to install the project as editable, with a backend that hands over `wheel`. So uv itself
/// writes what it and others want to know of an editable install: `direct_url.json` (PEP 610), and by
/// which inputs `uv run` later decides whether the install is still fresh.
pub fn install(
    project: &Project,
    uv: &Tool,
    venv: &Venv,
    wheel: &Utf8Path,
    scratch: &Utf8Path,
) -> Result<(), InstallError> {
    let backend = backend_name(project);
    let path = scratch.join(format!("{backend}.py"));
    fs_err::write(&path, BACKEND).map_err(|source| InstallError::Backend { path, source })?;
    let command = uv_install(project, uv, venv, wheel, scratch);
    command.read().map_err(|source| InstallError::Uv {
        wheel: wheel.file_name().unwrap_or_default().to_owned(),
        venv: venv.root.clone(),
        source,
    })?;
    Ok(())
}

/// The name by which uv imports the backend of the project.
fn backend_name(project: &Project) -> String {
    let backend = project.pyproject.build_system.build_backend.as_deref();
    // Without `[build-system]`, uv takes the one that PEP 517 prescribes.
    let backend = backend.unwrap_or("setuptools.build_meta");
    backend
        .split([':', '.'])
        .next()
        .unwrap_or(backend)
        .to_owned()
}

fn uv_install(
    project: &Project,
    uv: &Tool,
    venv: &Venv,
    wheel: &Utf8Path,
    backend: &Utf8Path,
) -> Invocation {
    Invocation::new(&uv.path)
        .args([
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
        ])
        // uv may have a wheel of this project in its cache, from a build of its own.
        .args([
            "--no-cache",
            "--reinstall",
            "--python",
            venv.python.executable.as_str(),
        ])
        .args(["--editable", project.root.as_str()])
        .env("PYTHONPATH", backend.as_str())
        .env("XTASK_EDITABLE_WHEEL", wheel.as_str())
        .cwd(&project.root)
}

/// The `.dist-info` directory of `name` in `site_packages` (PEP 376, names compared as PEP 503 says).
#[must_use]
pub fn dist_info(site_packages: &Utf8Path, name: &str) -> Option<Utf8PathBuf> {
    let wanted = normalized(name);
    let entries = site_packages.read_dir_utf8().ok()?.flatten();
    let mut paths = entries.map(camino::Utf8DirEntry::into_path);
    paths.find(|path| {
        let stem = path
            .file_name()
            .and_then(|name| name.strip_suffix(".dist-info"));
        let name = stem
            .and_then(|stem| stem.split_once('-'))
            .map(|(name, _)| name);
        name.is_some_and(|name| normalized(name) == wanted)
    })
}

/// The name in lower case, with runs of `-`, `_` and `.` as one `-`.
fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn a_distribution_is_found_under_every_spelling() {
        let dir = TempDir::new();
        let path = dir.path().join("Rpds_Py-0.1.0+g1a2b3c4.dist-info");
        fs_err::create_dir(&path).unwrap();
        fs_err::create_dir(dir.path().join("rpds-1.0.dist-info")).unwrap();
        assert_eq!(dist_info(dir.path(), "rpds-py"), Some(path.clone()));
        assert_eq!(dist_info(dir.path(), "rpds.py"), Some(path));
        assert_eq!(dist_info(dir.path(), "rpds-pypy"), None);
    }
}
