//! A directory for what exists only during a build.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use project_model::{Project, Workspace};

use crate::digest::sha256;
use crate::error::{DevError, target_error};

/// An empty directory of ours below the target directory: on the same file system as what is built, and
/// ignored by git. What a killed build left in it is gone afterwards.
pub(crate) fn scratch(project: &Project, workspace: &Workspace) -> Result<Utf8PathBuf, DevError> {
    let name = &sha256(project.root.as_str().as_bytes())[..16];
    let dir = workspace.target_dir.join("xtask-dev").join(name);
    let failed = target_error(&workspace.target_dir);
    match fs_err::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(target_error(&dir)(error));
        }
        _ => {}
    }
    fs_err::create_dir_all(&dir).map_err(&failed)?;
    tag_as_cache(&workspace.target_dir).map_err(failed)?;
    Ok(dir)
}

/// Marks the target directory as one that backups may skip, as cargo does when it makes it
/// (<https://bford.info/cachedir/>).
fn tag_as_cache(target_dir: &Utf8Path) -> io::Result<()> {
    let path = target_dir.join("CACHEDIR.TAG");
    if path.exists() {
        return Ok(());
    }
    let text =
        "Signature: 8a477f597d28d172789f06886806bc55\n# This is a cache directory of cargo.\n";
    fs_err::write(path, text)
}
