//! A directory for what exists only during a build.

use std::cell::OnceCell;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use project_model::Workspace;

use crate::error::{DevError, target_error};
use files::digest::short_name;
use files::{owned, write};

/// Where the scratch directory of the project in `root` is: below the target directory, on the same file
/// system as what is built, and ignored by git.
pub(crate) fn path(root: &Utf8Path, workspace: &Workspace) -> Utf8PathBuf {
    let name = short_name(root.as_str());
    workspace.target_dir.join("xtask-dev").join(name)
}

/// The scratch directory, made when it is first needed.
pub(crate) struct Scratch {
    path: Utf8PathBuf,
    target_dir: Utf8PathBuf,
    made: OnceCell<()>,
}

impl Scratch {
    pub(crate) fn new(root: &Utf8Path, workspace: &Workspace) -> Self {
        Self {
            path: path(root, workspace),
            target_dir: workspace.target_dir.clone(),
            made: OnceCell::new(),
        }
    }

    /// The directory, empty when it is asked for the first time. What a killed build left in it is gone then.
    pub(crate) fn dir(&self) -> Result<&Utf8Path, DevError> {
        if self.made.get().is_none() {
            self.make()?;
            let _ = self.made.set(());
        }
        Ok(&self.path)
    }

    fn make(&self) -> Result<(), DevError> {
        let failed = target_error(&self.target_dir);
        owned::remove(&self.target_dir, &self.path).map_err(target_error(&self.path))?;
        owned::make_dir(&self.target_dir, &self.path).map_err(&failed)?;
        tag_as_cache(&self.target_dir).map_err(failed)
    }
}

/// Marks the target directory as one that backups may skip, as cargo does when it makes it
/// (<https://bford.info/cachedir/>).
fn tag_as_cache(target_dir: &Utf8Path) -> io::Result<()> {
    let path = target_dir.join("CACHEDIR.TAG");
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let text =
        "Signature: 8a477f597d28d172789f06886806bc55\n# This is a cache directory of cargo.\n";
    write::atomically(&path, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use project_model::Project;
    use testkit::Fixture;

    #[test]
    fn what_is_behind_a_link_in_its_place_survives() {
        for depth in [0, 1] {
            let fixture = Fixture::pure_rust("thing");
            let workspace = Workspace {
                target_dir: fixture.root().join("target"),
                ..Workspace::load(&Project::load(&fixture.root()).unwrap()).unwrap()
            };
            let foreign = fixture.beside("foreign");
            let scratch = Scratch::new(&fixture.root(), &workspace);
            let link = scratch.path.ancestors().nth(depth).unwrap();
            let behind = scratch.path.strip_prefix(link).unwrap();
            let thesis = foreign.join(behind).join("thesis.txt");
            fixture.write(&thesis, "mine");
            fs_err::create_dir_all(link.parent().unwrap()).unwrap();
            fs_err::os::unix::fs::symlink(&foreign, link).unwrap();
            // The link itself has our name, and goes; that of a directory above it is refused.
            assert_eq!(scratch.dir().is_ok(), depth == 0);
            assert_eq!(fs_err::read_to_string(&thesis).unwrap(), "mine");
        }
    }
}
