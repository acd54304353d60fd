//! Installing the editable wheel (PEP 660), and telling the environment that it is one (PEP 610).

use std::io::{self, Write};

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
    /// The install cannot be marked as editable.
    #[error("cannot mark the install of `{name}` in {site_packages} as editable")]
    DirectUrl {
        /// The distribution.
        name: String,
        /// Where it is installed.
        site_packages: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Installs `wheel` into `venv` in place of what is there, without its dependencies, and marks it as an
/// editable install of `project`.
pub fn install(
    project: &Project,
    uv: &Tool,
    venv: &Venv,
    wheel: &Utf8Path,
) -> Result<(), InstallError> {
    let command = uv_install(uv, venv, wheel);
    command.read().map_err(|source| InstallError::Uv {
        wheel: wheel.file_name().unwrap_or_default().to_owned(),
        venv: venv.root.clone(),
        source,
    })?;
    mark_editable(project, &venv.python.purelib, wheel).map_err(|source| InstallError::DirectUrl {
        name: project.name().to_owned(),
        site_packages: venv.python.purelib.clone(),
        source,
    })
}

fn uv_install(uv: &Tool, venv: &Venv, wheel: &Utf8Path) -> Invocation {
    Invocation::new(&uv.path)
        // The file changes while its name stays, so what uv has cached of it must not count.
        .args([
            "pip",
            "install",
            "--quiet",
            "--no-config",
            "--no-deps",
            "--reinstall",
            "--no-cache",
        ])
        .args(["--python", venv.python.executable.as_str(), wheel.as_str()])
}

/// Writes `direct_url.json` as pip does for `pip install -e` and maturin for `maturin develop`; uv has
/// written the path of the wheel there, which is gone in a moment. Import hooks and `pip list` read it.
fn mark_editable(project: &Project, site_packages: &Utf8Path, wheel: &Utf8Path) -> io::Result<()> {
    let dist_info = dist_info(site_packages, wheel)?;
    let text = serde_json::json!({
        "dir_info": {"editable": true},
        "url": file_url(&project.root),
    });
    let mut file = tempfile::NamedTempFile::new_in(&dist_info)?;
    file.write_all(text.to_string().as_bytes())?;
    file.persist(dist_info.join("direct_url.json"))?;
    Ok(())
}

/// The `.dist-info` directory of `wheel`, whose name begins with distribution and version as the directory's
/// does (PEP 427).
fn dist_info(site_packages: &Utf8Path, wheel: &Utf8Path) -> io::Result<Utf8PathBuf> {
    let mut parts = wheel.file_name().unwrap_or_default().splitn(3, '-');
    let name = (parts.next(), parts.next());
    let (Some(name), Some(version)) = name else {
        return Err(io::Error::other(format!(
            "{wheel} is not named as a wheel is"
        )));
    };
    Ok(site_packages.join(format!("{name}-{version}.dist-info")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dist_info_directory_follows_from_the_wheels_name() {
        let wheel = Utf8Path::new("/tmp/thing-0.2.0+g1a2b3c4-cp311-abi3-linux_x86_64.whl");
        let dir = dist_info("/v/site-packages".into(), wheel).unwrap();
        assert_eq!(dir, "/v/site-packages/thing-0.2.0+g1a2b3c4.dist-info");
        assert!(dist_info("/v".into(), "/tmp/wheel".into()).is_err());
    }

    #[test]
    fn spaces_and_other_letters_are_escaped_in_urls() {
        assert_eq!(file_url("/a b/木".into()), "file:///a%20b/%E6%9C%A8");
    }
}
