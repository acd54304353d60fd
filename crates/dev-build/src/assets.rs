//! Files of `OUT_DIR` that `include` in `[tool.maturin]` names, in an editable install: maturin copies them
//! into the package when it installs, and whoever places only the library has to keep them current.

use camino::{Utf8Path, Utf8PathBuf};
use project_model::packed::out_dir_files;
use project_model::{Layout, Project};

use crate::compile::Compiled;

/// A file, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asset {
    source: Utf8PathBuf,
    target: Utf8PathBuf,
}

/// Those that are not as the build has made them. `site_packages` is where they lie if the project has no
/// Python sources.
pub(crate) fn stale(
    project: &Project,
    compiled: &Compiled,
    site_packages: &Utf8Path,
) -> Vec<Asset> {
    let root = match project.extension.layout {
        Layout::Mixed { .. } => project.python_source(),
        Layout::PureRust => site_packages.to_owned(),
    };
    let files = out_dir_files(project, &|package| compiled.out_dir(package));
    let assets = files.into_iter().map(|file| Asset {
        target: root.join(&file.path),
        source: file.source,
    });
    let differs = |asset: &Asset| match (fs_err::read(&asset.source), fs_err::read(&asset.target)) {
        (Ok(new), Ok(old)) => new != old,
        _ => true,
    };
    assets.filter(differs).collect()
}

impl Asset {
    /// Copies it to where it belongs, whole.
    pub(crate) fn bring(&self) -> std::io::Result<()> {
        let bytes = fs_err::read(&self.source)?;
        fs_err::create_dir_all(self.target.parent().unwrap_or(&self.target))?;
        files::write::atomically(&self.target, bytes)
    }

    pub(crate) fn target(&self) -> &Utf8Path {
        &self.target
    }
}
