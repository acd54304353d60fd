//! Whether everything that the last build was made of is still in the target directory, so that the store
//! need not be asked.

use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use files::write;
use serde::{Deserialize, Serialize};
use store::BuiltUnit;

/// The third-party units of the last build.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Present {
    /// In which context that was.
    context: String,
    /// Their fingerprints, and when cargo wrote them.
    fingerprints: Vec<(Utf8PathBuf, SystemTime)>,
}

impl Present {
    /// Those of `build`, as they are now.
    pub(crate) fn of(context: &str, build_dir: &Utf8Path, build: &[BuiltUnit]) -> Self {
        let third_party = build.iter().filter(|unit| !unit.is_path);
        let files = third_party.flat_map(|unit| {
            let dir = unit.id.fingerprints();
            let names = unit.id.fingerprint(build_dir).into_keys();
            names.map(move |name| dir.join(name)).collect::<Vec<_>>()
        });
        let dated = files.filter_map(|file| Some((modified(&build_dir.join(&file))?, file)));
        Self {
            context: context.to_owned(),
            fingerprints: dated.map(|(time, file)| (file, time)).collect(),
        }
    }

    pub(crate) fn read(file: &Utf8Path) -> Option<Self> {
        serde_json::from_slice(&fs_err::read(file).ok()?).ok()
    }

    pub(crate) fn write(&self, file: &Utf8Path) -> io::Result<()> {
        fs_err::create_dir_all(file.parent().unwrap_or(file))?;
        write::atomically(file, serde_json::to_vec(self)?)
    }

    /// Whether all of them are there as they were, and the build is in the same context.
    pub(crate) fn holds(&self, context: &str, build_dir: &Utf8Path) -> bool {
        let mut files = self.fingerprints.iter();
        self.context == context
            && files.all(|(file, time)| modified(&build_dir.join(file)) == Some(*time))
    }
}

fn modified(path: &Utf8Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|it| it.modified()).ok()
}
