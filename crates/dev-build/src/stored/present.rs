//! Whether everything that the last build was made of is still in the target directory, so that the store
//! need not be asked.

use std::collections::BTreeSet;
use std::io;
use std::time::UNIX_EPOCH;

use build_dir::{UnitId, dep_info, parts};
use camino::{Utf8Path, Utf8PathBuf};
use files::write;
use store::BuiltUnit;

/// The third-party units of the last build.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// In which context that was.
    context: String,
    /// The variables that rustc has read for them.
    pub(crate) variables: BTreeSet<String>,
    /// Their fingerprints, and when cargo wrote them, in nanoseconds since 1970.
    fingerprints: Vec<(Utf8PathBuf, u128)>,
}

impl Present {
    /// Those of `build`, as they are now.
    pub(crate) fn of(context: &str, build_dir: &Utf8Path, build: &[BuiltUnit]) -> Self {
        let third_party: Vec<_> = build.iter().filter(|unit| !unit.is_path).collect();
        let ids: Vec<_> = third_party.iter().map(|unit| unit.id.clone()).collect();
        let files = third_party.iter().flat_map(|unit| {
            let dir = unit.id.fingerprints();
            let names = unit.id.fingerprint(build_dir).into_keys();
            names.map(move |name| dir.join(name)).collect::<Vec<_>>()
        });
        let dated = files.filter_map(|file| Some((modified(&build_dir.join(&file))?, file)));
        Self {
            context: context.to_owned(),
            variables: variables(build_dir, &ids),
            fingerprints: dated.map(|(time, file)| (file, time)).collect(),
        }
    }

    /// The context and the variables, a line each, then a line for each fingerprint. It is read at every
    /// build, so it is no JSON.
    pub(crate) fn read(file: &Utf8Path) -> Option<Self> {
        let text = fs_err::read_to_string(file).ok()?;
        let mut lines = text.lines();
        let context = lines.next()?.to_owned();
        let variables = lines.next()?.split_terminator(' ').map(str::to_owned);
        let variables = variables.collect();
        let fingerprints = lines.map(|line| {
            let (time, path) = line.split_once(' ')?;
            Some((Utf8PathBuf::from(path), time.parse().ok()?))
        });
        Some(Self {
            context,
            variables,
            fingerprints: fingerprints.collect::<Option<_>>()?,
        })
    }

    pub(crate) fn write(&self, file: &Utf8Path) -> io::Result<()> {
        let lines = self.fingerprints.iter();
        let lines = lines.map(|(path, time)| format!("{time} {path}\n"));
        let variables: Vec<_> = self.variables.iter().map(String::as_str).collect();
        let variables = variables.join(" ");
        let lines: String = lines.collect();
        let text = format!("{}\n{variables}\n{lines}", self.context);
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

/// What rustc notes beside an artefact (`.d`), of all of them.
fn variables(build_dir: &Utf8Path, ids: &[UnitId]) -> BTreeSet<String> {
    let parts = parts::parts_of(build_dir, ids).unwrap_or_default();
    let notes = parts.into_values().flatten();
    let notes = notes.filter(|part| part.path.extension() == Some("d"));
    let texts = notes.filter_map(|part| fs_err::read_to_string(build_dir.join(part.path)).ok());
    texts.flat_map(|text| dep_info::variables(&text)).collect()
}

fn modified(path: &Utf8Path) -> Option<u128> {
    let modified = std::fs::metadata(path).and_then(|it| it.modified()).ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let note = file.with_file_name(format!("{name}-0123456789abcdef.d"));
            fs_err::create_dir_all(note.parent().unwrap()).unwrap();
            fs_err::write(note, format!("x: y\n\n# env-dep:OF_{name}=1\n")).unwrap();
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
        assert_eq!(
            present.variables,
            ["OF_one", "OF_two"].map(str::to_owned).into()
        );
        assert!(present.holds("here", dir.path()) && !present.holds("there", dir.path()));
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs_err::write(&file, "fedcba9876543210").unwrap();
        assert!(!present.holds("here", dir.path()));
        fs_err::remove_file(&file).unwrap();
        assert!(!present.holds("here", dir.path()));
        fs_err::write(&kept, "here\n\nno time").unwrap();
        assert_eq!(Present::read(&kept), None);
    }
}
