//! A wheel that was built, and nothing more.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::action;
use crate::error::{WheelError, cannot_read};

/// The wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The file.
    pub path: Utf8PathBuf,
    /// How long that took.
    pub elapsed: Duration,
}

impl Built {
    /// The wheel that maturin-action has left in `out`, with what its script has noted.
    ///
    /// # Errors
    /// If the action has not run, or not to its end.
    pub fn by_action(out: &Utf8Path, platform: &str) -> Result<Self, WheelError> {
        let note = out.join(action::SECONDS);
        let not_built = || WheelError::NotBuilt {
            platform: platform.to_owned(),
            dir: out.to_owned(),
        };
        if !note.is_file() {
            return Err(not_built());
        }
        let text = fs_err::read_to_string(&note).map_err(cannot_read(&note))?;
        let elapsed_s = text.trim().parse().map_err(|_| not_built())?;
        Ok(Self {
            path: only_wheel(out)?,
            elapsed: Duration::from_secs(elapsed_s),
        })
    }
}

/// The one wheel in `dir`.
pub(crate) fn only_wheel(dir: &Utf8Path) -> Result<Utf8PathBuf, WheelError> {
    let entries = dir.read_dir_utf8().map_err(cannot_read(dir))?;
    let paths = entries.flatten().map(camino::Utf8DirEntry::into_path);
    let mut wheels: Vec<_> = paths
        .filter(|path| path.extension() == Some("whl"))
        .collect();
    match (wheels.pop(), wheels.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (_, others) => Err(WheelError::NotOneWheel {
            count: others + usize::from(others > 0),
            dir: dir.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn a_build_that_did_not_end_is_none() {
        let out = TempDir::new();
        let built = || Built::by_action(out.path(), "manylinux_2_28_x86_64");
        assert!(built().unwrap_err().to_string().contains("--plan"));
        fs_err::write(out.path().join(action::SECONDS), "61\n").unwrap();
        assert!(matches!(
            built(),
            Err(WheelError::NotOneWheel { count: 0, .. })
        ));
        fs_err::write(out.path().join("a.whl"), "").unwrap();
        assert_eq!(built().unwrap().elapsed, Duration::from_secs(61));
        fs_err::write(out.path().join("b.whl"), "").unwrap();
        assert!(matches!(
            built(),
            Err(WheelError::NotOneWheel { count: 2, .. })
        ));
    }
}
