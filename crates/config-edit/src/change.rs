//! A planned edit.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};

/// What a file holds and what it is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: Utf8PathBuf,
    /// Its text. `None` if it is not there.
    pub old: Option<String>,
    /// The text that it is to have.
    pub new: String,
}

/// A file that cannot be read, understood or written. It has been left as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is not TOML.
    #[error("cannot parse {path}; it has been left as it was")]
    Toml {
        /// The file.
        path: Utf8PathBuf,
        /// Where, and what was expected.
        source: toml_edit::TomlError,
    },
    /// A key that should be a table is something else.
    #[error("`{key}` in {path} is not a table; the file has been left as it was")]
    NotATable {
        /// The file.
        path: Utf8PathBuf,
        /// The key.
        key: String,
    },
    /// It cannot be written.
    #[error("cannot write {path}; it has been left as it was")]
    Write {
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Change {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.old.as_deref() == Some(&self.new) || (self.old.is_none() && self.new.is_empty())
    }

    /// Writes the new text, so that at every moment there is either the old file or the new one: beside it,
    /// synced, and renamed. A symbolic link stays one, and the mode stays what it was.
    pub fn apply(&self) -> Result<(), EditError> {
        if self.is_empty() {
            return Ok(());
        }
        self.write().map_err(|source| EditError::Write {
            path: self.path.clone(),
            source,
        })
    }

    fn write(&self) -> io::Result<()> {
        let target = self
            .path
            .canonicalize_utf8()
            .unwrap_or_else(|_| self.path.clone());
        let dir = target.parent().unwrap_or(Utf8Path::new("."));
        fs_err::create_dir_all(dir)?;
        let mode =
            fs_err::metadata(&target).map_or(0o644, |metadata| metadata.permissions().mode());
        let mut draft = tempfile::NamedTempFile::new_in(dir)?;
        draft.write_all(self.new.as_bytes())?;
        draft
            .as_file()
            .set_permissions(std::fs::Permissions::from_mode(mode))?;
        draft.as_file().sync_all()?;
        draft.persist(&target)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn change(path: Utf8PathBuf, old: Option<&str>, new: &str) -> Change {
        Change {
            path,
            old: old.map(str::to_owned),
            new: new.to_owned(),
        }
    }

    #[test]
    fn a_missing_file_is_made_with_its_directory() {
        let dir = TempDir::new();
        let path = dir.path().join(".cargo/config.toml");
        change(path.clone(), None, "a = 1\n").apply().unwrap();
        assert_eq!(fs_err::read_to_string(path).unwrap(), "a = 1\n");
    }

    #[test]
    fn mode_and_symbolic_link_stay() {
        let dir = TempDir::new();
        let real = dir.path().join("real.toml");
        let link = dir.path().join("link.toml");
        fs_err::write(&real, "a = 1\n").unwrap();
        fs_err::set_permissions(&real, std::fs::Permissions::from_mode(0o600)).unwrap();
        fs_err::os::unix::fs::symlink(&real, &link).unwrap();
        change(link.clone(), Some("a = 1\n"), "a = 2\n")
            .apply()
            .unwrap();
        assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs_err::read_to_string(&real).unwrap(), "a = 2\n");
        let mode = fs_err::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_is_a_file_is_an_error_and_nothing_is_left() {
        let dir = TempDir::new();
        fs_err::write(dir.path().join(".cargo"), "a file").unwrap();
        let error = change(dir.path().join(".cargo/config.toml"), None, "a = 1").apply();
        assert!(error.unwrap_err().to_string().contains("left as it was"));
        assert_eq!(dir.path().read_dir_utf8().unwrap().count(), 1);
    }
}
