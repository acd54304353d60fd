//! Installing the editable wheel (PEP 660) with uv, as the editable install that it is.

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::sha256_base64;
use packaging::normalized;
use processes::{Invocation, RunError};
use project_model::Project;
use python_tools::{Tool, Venv};

use crate::listed::is_of_hook;

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
    /// A file that belongs to the installation cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
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
/// uv is told to install the project as editable, with a backend that hands over `wheel`. So uv itself writes
/// what it and others want to know of an editable install: `direct_url.json` (PEP 610), and by which inputs
/// `uv run` later decides whether the install is still fresh. Where the project's backend cannot be stood in
/// for, uv installs the wheel as a file, and we say that it is editable.
pub fn install(
    project: &Project,
    uv: &Tool,
    venv: &Venv,
    wheel: &Utf8Path,
    scratch: &Utf8Path,
) -> Result<(), InstallError> {
    let command = if uses_maturins_backend(project) {
        let path = scratch.join("maturin.py");
        fs_err::write(&path, BACKEND).map_err(|source| InstallError::Write { path, source })?;
        install_editable(project, uv, venv, wheel, scratch)
    } else {
        let name = wheel.file_name().unwrap_or_default();
        uv_pip_install(uv, venv)
            .arg(format!("./{name}"))
            .cwd(wheel.parent().unwrap_or(wheel))
    };
    command.read().map_err(|source| InstallError::Uv {
        wheel: wheel.file_name().unwrap_or_default().to_owned(),
        venv: venv.root.clone(),
        source,
    })?;
    if !uses_maturins_backend(project) {
        mark_editable(project, venv)?;
    }
    Ok(())
}

/// Whether uv would import `maturin` to build the project, from where it finds our stand-in first.
fn uses_maturins_backend(project: &Project) -> bool {
    project
        .pyproject
        .build_system
        .as_ref()
        .is_some_and(|system| {
            system.build_backend.as_deref() == Some("maturin") && system.backend_path.is_empty()
        })
}

/// What is installed is named from the working directory: in a whole path uv takes `#`, `[` and `%` for parts
/// of a requirement or of an address.
fn uv_pip_install(uv: &Tool, venv: &Venv) -> Invocation {
    Invocation::new(&uv.path)
        .args(["pip", "install", "--quiet", "--no-deps", "--no-index"])
        // uv may have a wheel of this project in its cache, from a build of its own.
        .args([
            "--no-cache",
            "--reinstall",
            "--python",
            venv.python.executable.as_str(),
        ])
}

fn install_editable(
    project: &Project,
    uv: &Tool,
    venv: &Venv,
    wheel: &Utf8Path,
    backend: &Utf8Path,
) -> Invocation {
    uv_pip_install(uv, venv)
        .args(["--no-build-isolation", "--editable", "."])
        .cwd(&project.root)
        .env("PYTHONPATH", backend.as_str())
        .env("XTASK_EDITABLE_WHEEL", wheel.as_str())
}

/// Writes `direct_url.json` as pip does for `pip install -e` and maturin for `maturin develop`; uv has
/// written there the path of the wheel, which is gone in a moment.
fn mark_editable(project: &Project, venv: &Venv) -> Result<(), InstallError> {
    let site_packages = &venv.python.platlib;
    let dist_info = dist_info(site_packages, project.name());
    let dist_info = dist_info.ok_or_else(|| InstallError::NotThere {
        name: project.name().to_owned(),
        site_packages: site_packages.clone(),
    })?;
    let path = dist_info.join("direct_url.json");
    let url = file_url(&project.root);
    let text = serde_json::json!({"dir_info": {"editable": true}, "url": url}).to_string();
    files::write::atomically(&path, &text).map_err(|source| InstallError::Write { path, source })
}

/// `path` as a `file:` URL (RFC 8089).
fn file_url(path: &Utf8Path) -> String {
    let mut url = "file://".to_owned();
    for byte in path.as_str().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                url.push(byte.into());
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// The names of all distributions in `site_packages`, in one spelling (PEP 503), sorted.
#[must_use]
pub fn distributions(site_packages: &Utf8Path) -> Vec<String> {
    let entries = site_packages
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.filter_map(|entry| Some(normalized(distribution(entry.file_name())?)));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The name of the distribution whose `.dist-info` directory is called `file_name`.
fn distribution(file_name: &str) -> Option<&str> {
    let stem = file_name.strip_suffix(".dist-info")?;
    stem.split_once('-').map(|(name, _)| name)
}

/// The `.dist-info` directory of `name` in `site_packages` (PEP 376, names compared as PEP 503 says).
#[must_use]
pub fn dist_info(site_packages: &Utf8Path, name: &str) -> Option<Utf8PathBuf> {
    let wanted = normalized(name);
    let entries = site_packages.read_dir_utf8().ok()?.flatten();
    let mut paths = entries.map(camino::Utf8DirEntry::into_path);
    paths.find(|path| {
        let name = path.file_name().and_then(distribution);
        name.is_some_and(|name| normalized(name) == wanted)
    })
}

/// Whether any tool has installed `name` into the environment `venv`.
#[must_use]
pub fn is_installed(venv: &Utf8Path, name: &str) -> bool {
    installed_as(venv, name).is_some()
}

/// The tool that has installed `name` into the environment `venv`, as it calls itself (PEP 376).
#[must_use]
pub fn installer(venv: &Utf8Path, name: &str) -> Option<String> {
    let text = fs_err::read_to_string(installed_as(venv, name)?.join("INSTALLER"));
    Some(text.ok()?.trim().to_owned())
}

/// The `.dist-info` directory of `name` in the environment `venv`.
pub(crate) fn installed_as(venv: &Utf8Path, name: &str) -> Option<Utf8PathBuf> {
    let pythons = venv
        .join("lib")
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten();
    let mut site_packages = pythons.map(|python| python.path().join("site-packages"));
    site_packages.find_map(|dir| dist_info(&dir, name))
}

/// Whether every file that `RECORD` lists is still there (PEP 376), and what leads Python to the sources is
/// as it was installed; compiled Python may come and go.
#[must_use]
pub fn is_complete(dist_info: &Utf8Path) -> bool {
    let Ok(record) = fs_err::read_to_string(dist_info.join("RECORD")) else {
        return false;
    };
    let site_packages = dist_info.parent().unwrap_or(dist_info);
    // A name with a comma is in quotation marks; none of those that maturin writes has one.
    let mut lines = record.lines().filter(|line| !line.starts_with('"'));
    lines.all(|line| {
        let (name, rest) = line.split_once(',').unwrap_or((line, ""));
        let path = site_packages.join(name);
        match path.extension() {
            Some("pyc") => true,
            // It is put back by itself.
            _ if is_of_hook(Utf8Path::new(name)) => true,
            Some("pth") => is_as_recorded(&path, rest),
            _ => path.exists(),
        }
    })
}

/// Whether a file has the size and the digest that its line of `RECORD` has (PEP 376), if it has any.
fn is_as_recorded(path: &Utf8Path, recorded: &str) -> bool {
    let Ok(bytes) = fs_err::read(path) else {
        return false;
    };
    let (digest, size) = recorded.split_once(',').unwrap_or((recorded, ""));
    let same_size = size.parse().is_ok_and(|size: usize| size == bytes.len());
    let same_digest = digest
        .strip_prefix("sha256=")
        .is_some_and(|digest| digest == sha256_base64(&bytes));
    recorded == "," || (same_size && same_digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn spaces_and_other_letters_are_escaped_in_urls() {
        assert_eq!(file_url("/a b/木".into()), "file:///a%20b/%E6%9C%A8");
    }

    #[test]
    fn an_install_without_one_of_its_files_is_not_complete() {
        let dir = TempDir::new();
        let dist_info = dir.path().join("thing-0.1.0.dist-info");
        fs_err::create_dir(&dist_info).unwrap();
        let record =
            "thing.py,sha256=x,1\nthing-0.1.0.dist-info/RECORD,,\n__pycache__/thing.pyc,,\n";
        fs_err::write(dist_info.join("RECORD"), record).unwrap();
        assert!(!is_complete(&dist_info));
        fs_err::write(dir.path().join("thing.py"), "").unwrap();
        assert!(is_complete(&dist_info));
        // The hook for imports is put back by itself.
        let hook = format!("{record}_on_import_thing.py,,\n");
        fs_err::write(dist_info.join("RECORD"), hook).unwrap();
        assert!(is_complete(&dist_info));
    }

    #[test]
    fn a_distribution_is_found_under_every_spelling() {
        let dir = TempDir::new();
        let path = dir.path().join("Rpds_Py-0.1.0+g1a2b3c4.dist-info");
        fs_err::create_dir(&path).unwrap();
        fs_err::create_dir(dir.path().join("rpds-1.0.dist-info")).unwrap();
        assert_eq!(dist_info(dir.path(), "rpds-py"), Some(path.clone()));
        assert_eq!(dist_info(dir.path(), "rpds.py"), Some(path));
        assert_eq!(dist_info(dir.path(), "rpds-pypy"), None);
        assert_eq!(distributions(dir.path()), ["rpds", "rpds-py"]);
    }
}
