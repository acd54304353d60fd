//! Programs that stand in for real ones.

use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};

use crate::TempDir;

/// A directory of shell scripts, to be called by path or put on `PATH`.
#[derive(Debug)]
pub struct FakePrograms(TempDir);

impl FakePrograms {
    /// An empty directory.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "making a directory is no default"
    )]
    pub fn new() -> Self {
        Self(TempDir::new())
    }

    /// Adds a program that runs `script` with `sh`, and gives its path.
    pub fn add(&self, name: &str, script: &str) -> Utf8PathBuf {
        let path = self.0.path().join(name);
        // Written under another name: a concurrent fork of the test process may hold the file open for
        // writing, and the kernel refuses to run such a file (ETXTBSY).
        let draft = self.0.path().join(format!(".{name}"));
        fs_err::write(&draft, format!("#!/bin/sh\n{script}\n")).expect("it can be written");
        let executable = std::fs::Permissions::from_mode(0o755);
        fs_err::set_permissions(&draft, executable).expect("its mode can be set");
        let copied = xshell::Shell::new()
            .and_then(|sh| xshell::cmd!(sh, "cp -p {draft} {path}").quiet().run());
        copied.expect("it can be copied");
        path
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Utf8Path {
        self.0.path()
    }
}
