//! Whether everything that the last build was made of is still in the target directory, so that the store
//! need not be asked.

use std::io;
use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use files::write;
use store::BuiltUnit;

/// The third-party units of the last build.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// In which context that was.
    context: String,
    /// Their fingerprints, and when cargo wrote them, in nanoseconds since 1970.
    fingerprints: Vec<(Utf8PathBuf, u128)>,
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

    /// The context on the first line, then a line for each. It is read at every build, so it is no JSON.
    pub(crate) fn read(file: &Utf8Path) -> Option<Self> {
        let text = fs_err::read_to_string(file).ok()?;
        let mut lines = text.lines();
        let context = lines.next()?.to_owned();
        let fingerprints = lines.map(|line| {
            let (time, path) = line.split_once(' ')?;
            Some((Utf8PathBuf::from(path), time.parse().ok()?))
        });
        Some(Self {
            context,
            fingerprints: fingerprints.collect::<Option<_>>()?,
        })
    }

    pub(crate) fn write(&self, file: &Utf8Path) -> io::Result<()> {
        let lines = self.fingerprints.iter();
        let lines = lines.map(|(path, time)| format!("{time} {path}\n"));
        let text = format!("{}\n{}", self.context, lines.collect::<String>());
        fs_err::create_dir_all(file.parent().unwrap_or(file))?;
        write::atomically(file, text)
    }

    /// Whether all of them are there as they were, and the build is in the same context.
    pub(crate) fn holds(&self, context: &str, build_dir: &Utf8Path) -> bool {
        let mut files = self.fingerprints.iter();
        self.context == context
            && files.all(|(file, time)| modified(&build_dir.join(file)) == Some(*time))
    }
}

fn modified(path: &Utf8Path) -> Option<u128> {
    let modified = std::fs::metadata(path).and_then(|it| it.modified()).ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use build_dir::UnitId;

    #[test]
    fn it_holds_until_a_fingerprint_is_gone_or_another() {
        let dir = testkit::TempDir::new();
        let built = |name: &str| {
            let file = dir
                .path()
                .join(format!("debug/deps/lib{name}-0123456789abcdef.rlib"));
            let id = UnitId::of_file(dir.path(), name, &file).unwrap();
            let fingerprints = dir.path().join(id.fingerprints());
            fs_err::create_dir_all(&fingerprints).unwrap();
            let fingerprint = fingerprints.join(format!("lib-{name}"));
            fs_err::write(&fingerprint, "0123456789abcdef").unwrap();
            fs_err::write(fingerprint.with_extension("json"), "{}").unwrap();
            let unit = BuiltUnit {
                id,
                version: "1.0.0".to_owned(),
                is_path: false,
                is_new: true,
            };
            (unit, fingerprint)
        };
        let ((one, file), (two, _)) = (built("one"), built("two"));
        let kept = dir.path().join("deep/kept");
        Present::of("here", dir.path(), &[one, two])
            .write(&kept)
            .unwrap();
        let present = Present::read(&kept).unwrap();
        assert_eq!(present.fingerprints.len(), 2);
        assert!(present.holds("here", dir.path()) && !present.holds("there", dir.path()));
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs_err::write(&file, "fedcba9876543210").unwrap();
        assert!(!present.holds("here", dir.path()));
        fs_err::remove_file(&file).unwrap();
        assert!(!present.holds("here", dir.path()));
        fs_err::write(&kept, "here\nno time").unwrap();
        assert_eq!(Present::read(&kept), None);
    }
}
