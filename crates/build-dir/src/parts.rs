//! The files of a unit, and which of them may be one file with those of another build directory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::hash::is_hash;

/// The units of one package with one hash, as cargo keeps them together: a library, a build script, or a run
/// of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitId {
    /// The directory of the profile, relative to the build directory: `debug`, or one deeper for a platform.
    pub profile: Utf8PathBuf,
    /// The name of the package.
    pub package: String,
    /// cargo's hash of what tells units of a package apart.
    pub hash: String,
    layout: Layout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Layout {
    /// `.fingerprint/NAME-HASH`, `deps/` and `build/NAME-HASH`.
    Flat,
    /// `build/NAME/HASH/{fingerprint,out,run}`, from cargo 1.100.
    Nested,
}

/// A file of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Relative to the build directory.
    pub path: Utf8PathBuf,
    /// Whether rustc and the linker make it anew under its name, so that another name for the same file keeps
    /// its content. cargo and build scripts write into the others.
    pub is_replaced: bool,
}

impl UnitId {
    /// The unit of `package` that `file`, which cargo says it has made in `build_dir`, belongs to: a
    /// library, a build script, or the directory of its output.
    #[must_use]
    pub fn of_file(build_dir: &Utf8Path, package: &str, file: &Utf8Path) -> Option<Self> {
        let file = file.strip_prefix(build_dir).ok()?;
        let dirs: Vec<_> = file.ancestors().skip(1).collect();
        let in_build = dirs.iter().filter(|dir| dir.file_name() == Some("build"));
        let in_build = in_build.filter_map(|build| in_build_dir(file, build, package));
        let (profile, hash, layout) = in_build.chain(in_deps(file)).next()?;
        is_hash(hash).then(|| Self {
            profile: profile.to_owned(),
            package: package.to_owned(),
            hash: hash.to_owned(),
            layout,
        })
    }

    /// The one of `package` whose fingerprints are in the directory `fingerprints` of `build_dir`.
    pub(crate) fn of_fingerprints(
        build_dir: &Utf8Path,
        package: &str,
        hash: &str,
        fingerprints: &Utf8Path,
    ) -> Option<Self> {
        let dir = fingerprints.strip_prefix(build_dir).ok()?;
        let (layout, above) = match dir.file_name() {
            Some("fingerprint") => (Layout::Nested, 4),
            _ => (Layout::Flat, 2),
        };
        Some(Self {
            profile: dir.ancestors().nth(above)?.to_owned(),
            package: package.to_owned(),
            hash: hash.to_owned(),
            layout,
        })
    }

    /// The directory with its fingerprints, relative to the build directory.
    #[must_use]
    pub fn fingerprints(&self) -> Utf8PathBuf {
        match self.layout {
            Layout::Flat => self.profile.join(".fingerprint").join(self.name()),
            Layout::Nested => self.nested().join("fingerprint"),
        }
    }

    /// What cargo keeps of a unit comes back to `build_dir` in this order: without its fingerprint, it is
    /// none.
    #[must_use]
    pub fn is_last(&self, path: &Utf8Path) -> bool {
        path.starts_with(self.fingerprints())
    }

    /// Whether cargo knows it in `build_dir`.
    #[must_use]
    pub fn is_in(&self, build_dir: &Utf8Path) -> bool {
        build_dir.join(self.fingerprints()).is_dir()
    }

    /// What cargo has decided it by: the hashes of its fingerprints, by the names of their files. Empty if it
    /// is not in `build_dir`, or not finished.
    #[must_use]
    pub fn fingerprint(&self, build_dir: &Utf8Path) -> BTreeMap<String, String> {
        let dir = build_dir.join(self.fingerprints());
        let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
        // Beside each lies its explanation.
        let names = entries.filter_map(|it| Some(it.file_name().strip_suffix(".json")?.to_owned()));
        let hashes = names.map(|name| {
            let hash = fs_err::read_to_string(dir.join(&name)).unwrap_or_default();
            (name, hash)
        });
        let hashes: BTreeMap<_, _> = hashes.collect();
        if hashes.values().any(|hash| !is_hash(hash)) {
            return BTreeMap::new();
        }
        hashes
    }

    /// The fingerprints of the units that it was made with, as [`Self::fingerprint`] has them, from the
    /// explanation that cargo keeps.
    #[must_use]
    pub fn made_with(&self, build_dir: &Utf8Path) -> BTreeSet<String> {
        let dir = build_dir.join(self.fingerprints());
        let names = self.fingerprint(build_dir).into_keys();
        let texts = names.filter_map(|name| fs_err::read(dir.join(format!("{name}.json"))).ok());
        let explanations =
            texts.filter_map(|text| serde_json::from_slice::<Explanation>(&text).ok());
        explanations
            .flat_map(|it| it.deps)
            .map(|(_, _, _, fingerprint)| in_hex(fingerprint))
            .collect()
    }

    fn name(&self) -> String {
        format!("{}-{}", self.package, self.hash)
    }

    fn nested(&self) -> Utf8PathBuf {
        let build = self.profile.join("build");
        build.join(&self.package).join(&self.hash)
    }
}

#[derive(Deserialize)]
struct Explanation {
    /// The id of a package, the name, whether it is public, and the fingerprint.
    deps: Vec<(u64, String, bool, u64)>,
}

/// As cargo writes a hash into a file (its `util::hex`).
fn in_hex(hash: u64) -> String {
    let bytes = hash.to_le_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The profile and the hash of a file of `package` below `build`.
fn in_build_dir<'f>(
    file: &'f Utf8Path,
    build: &'f Utf8Path,
    package: &str,
) -> Option<(&'f Utf8Path, &'f str, Layout)> {
    let mut parts = file.strip_prefix(build).ok()?.components();
    let first = parts.next()?.as_str();
    let second = parts.next().map(|part| part.as_str());
    match second.filter(|hash| first == package && is_hash(hash)) {
        Some(hash) => Some((build.parent()?, hash, Layout::Nested)),
        None => Some((build.parent()?, hash_after(first, package)?, Layout::Flat)),
    }
}

/// The same of a library in `deps`.
fn in_deps(file: &Utf8Path) -> Option<(&Utf8Path, &str, Layout)> {
    let deps = file
        .parent()
        .filter(|dir| dir.file_name() == Some("deps"))?;
    let (_, hash) = file.file_stem()?.rsplit_once('-')?;
    Some((deps.parent()?, hash, Layout::Flat))
}

/// The hash in `name`, the name of a directory of `package`.
fn hash_after<'n>(name: &'n str, package: &str) -> Option<&'n str> {
    name.strip_prefix(package)?.strip_prefix('-')
}

/// The files of each of `units` in `build_dir`. One with a symbolic link, or something else that is no file,
/// is left out: where the link leads is no part of it.
///
/// # Errors
/// What the file system says.
pub fn parts_of(build_dir: &Utf8Path, units: &[UnitId]) -> io::Result<BTreeMap<UnitId, Vec<Part>>> {
    let profiles: BTreeSet<_> = units
        .iter()
        .filter(|unit| unit.layout == Layout::Flat)
        .map(|unit| &unit.profile)
        .collect();
    let mut libraries: BTreeMap<(&Utf8Path, String), Vec<Utf8PathBuf>> = BTreeMap::new();
    for profile in profiles {
        let deps = profile.join("deps");
        for entry in build_dir.join(&deps).read_dir_utf8().into_iter().flatten() {
            let entry = entry?;
            let stem = entry.path().file_stem().unwrap_or_default();
            if let Some((_, hash)) = stem.rsplit_once('-') {
                let files = libraries.entry((profile, hash.to_owned())).or_default();
                files.push(deps.join(entry.file_name()));
            }
        }
    }
    let mut all = BTreeMap::new();
    for unit in units {
        let key = (unit.profile.as_path(), unit.hash.clone());
        let mut files = match libraries.get(&key) {
            Some(files) => files.clone(),
            None => match without_hash(build_dir, unit) {
                WithoutHash::Files(files) => files,
                WithoutHash::OfSeveral => continue,
            },
        };
        let dirs = match unit.layout {
            Layout::Flat => vec![
                unit.profile.join("build").join(unit.name()),
                unit.fingerprints(),
            ],
            Layout::Nested => vec![unit.nested()],
        };
        let is_plain = dirs
            .iter()
            .map(|dir| below(build_dir, dir, &mut files))
            .collect::<io::Result<Vec<_>>>()?;
        if is_plain.into_iter().all(|it| it) {
            let parts = files.into_iter().map(|path| unit.part(path));
            all.insert(unit.clone(), parts.collect());
        }
    }
    Ok(all)
}

/// What cargo has left of a unit without a hash in its name, as it does with a shared library.
enum WithoutHash {
    Files(Vec<Utf8PathBuf>),
    /// Several units of the package have this name, and which of them the library is of is not known.
    OfSeveral,
}

fn without_hash(build_dir: &Utf8Path, unit: &UnitId) -> WithoutHash {
    let libraries = unit.fingerprint(build_dir).into_keys();
    let mut libraries = libraries.filter(|name| name.starts_with("lib-"));
    let (Layout::Flat, Some(name)) = (unit.layout, libraries.next()) else {
        return WithoutHash::Files(Vec::new());
    };
    let deps = unit.profile.join("deps");
    let target = name.trim_start_matches("lib-").replace('-', "_");
    let names = ["so", "dylib", "rlib", "rmeta"].map(|kind| format!("lib{target}.{kind}"));
    let names = names.into_iter().chain([format!("{target}.d")]);
    let files = names.map(|name| deps.join(name));
    let files: Vec<_> = files
        .filter(|file| build_dir.join(file).is_file())
        .collect();
    let fingerprints = build_dir.join(unit.profile.join(".fingerprint"));
    let dirs = fingerprints.read_dir_utf8().into_iter().flatten().flatten();
    let of_package = dirs.filter(|dir| {
        let hash = hash_after(dir.file_name(), &unit.package);
        hash.is_some_and(is_hash) && dir.path().join(&name).is_file()
    });
    if !files.is_empty() && of_package.count() > 1 {
        return WithoutHash::OfSeveral;
    }
    WithoutHash::Files(files)
}

/// All files below `dir`.
pub(crate) fn files_below(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut files = Vec::new();
    let _ = below(dir, "".into(), &mut files);
    files.into_iter().map(|file| dir.join(file)).collect()
}

/// Adds all files below `dir` to `files`. Gives whether there is nothing else.
fn below(build_dir: &Utf8Path, dir: &Utf8Path, files: &mut Vec<Utf8PathBuf>) -> io::Result<bool> {
    let entries = match build_dir.join(dir).read_dir_utf8() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        entries => entries?,
    };
    let mut is_plain = true;
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = dir.join(entry.file_name());
        if kind.is_dir() {
            is_plain &= below(build_dir, &path, files)?;
        } else {
            is_plain &= kind.is_file();
            files.push(path);
        }
    }
    Ok(is_plain)
}

impl Part {
    /// The same, for a file of its own.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self {
            path: self.path.clone(),
            is_replaced: false,
        }
    }
}

impl UnitId {
    fn part(&self, path: Utf8PathBuf) -> Part {
        let name = path.file_name().unwrap_or_default();
        let is_library = ["rlib", "rmeta", "so", "dylib", "a"]
            .iter()
            .any(|kind| path.extension() == Some(kind));
        let is_script = name.starts_with("build-script-") || name.starts_with("build_script_");
        let parent = path.parent().map(Utf8Path::to_owned).unwrap_or_default();
        // What a build script makes lies deeper, and it may write into that.
        let is_of_rustc = match self.layout {
            Layout::Flat if is_script => parent.parent() == Some(&self.profile.join("build")),
            Layout::Flat => parent == self.profile.join("deps"),
            Layout::Nested => parent == self.nested().join("out") && path.extension() != Some("a"),
        };
        Part {
            is_replaced: is_of_rustc && (is_library || is_script) && path.extension() != Some("d"),
            path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_file_is_known_in_both_layouts() {
        let hash = "0123456789abcdef";
        let unit = |package: &str, file: &str| {
            let file = file.replace("HASH", hash);
            let file = Utf8Path::new("/t").join(file);
            let unit = UnitId::of_file("/t".into(), package, &file)?;
            Some(unit.fingerprints().into_string().replace(hash, "HASH"))
        };
        for (package, file, expected) in [
            (
                "a-b",
                "debug/deps/liba_b-HASH.rlib",
                Some("debug/.fingerprint/a-b-HASH"),
            ),
            (
                "a",
                "x86/debug/deps/liba-HASH.rmeta",
                Some("x86/debug/.fingerprint/a-HASH"),
            ),
            (
                "a",
                "debug/build/a-HASH/build-script-build",
                Some("debug/.fingerprint/a-HASH"),
            ),
            (
                "a",
                "debug/build/a-HASH/out",
                Some("debug/.fingerprint/a-HASH"),
            ),
            (
                "a",
                "debug/build/a/HASH/out/liba-HASH.rlib",
                Some("debug/build/a/HASH/fingerprint"),
            ),
            (
                "a",
                "debug/build/a/HASH/out",
                Some("debug/build/a/HASH/fingerprint"),
            ),
            (
                "build",
                "debug/build/build/HASH/out",
                Some("debug/build/build/HASH/fingerprint"),
            ),
            ("a", "debug/liba.so", None),
            ("a", "debug/deps/liba.so", None),
            ("a", "debug/build/b-HASH/out", None),
        ] {
            assert_eq!(unit(package, file).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn only_what_rustc_makes_anew_may_be_shared() {
        let unit = |layout| UnitId {
            profile: "debug".into(),
            package: "a".into(),
            hash: "0123456789abcdef".into(),
            layout,
        };
        let shared = |layout, path: &str| {
            let path = path.replace("HASH", "0123456789abcdef");
            unit(layout).part(path.into()).is_replaced
        };
        for (path, expected) in [
            ("debug/deps/liba-HASH.rlib", true),
            ("debug/deps/liba-HASH.rmeta", true),
            ("debug/deps/liba-HASH.so", true),
            ("debug/deps/a-HASH.d", false),
            ("debug/build/a-HASH/build-script-build", true),
            ("debug/build/a-HASH/build_script_build-HASH", true),
            ("debug/build/a-HASH/build_script_build-HASH.d", false),
            ("debug/build/a-HASH/out/libc.a", false),
            ("debug/build/a-HASH/out/build-script-x", false),
            ("debug/build/a-HASH/output", false),
            ("debug/.fingerprint/a-HASH/lib-a", false),
        ] {
            assert_eq!(shared(Layout::Flat, path), expected, "{path}");
        }
        for (path, expected) in [
            ("debug/build/a/HASH/out/liba-HASH.rlib", true),
            ("debug/build/a/HASH/out/libc.a", false),
            ("debug/build/a/HASH/out/deep/libx.so", false),
            ("debug/build/a/HASH/run/stdout", false),
            ("debug/build/a/HASH/fingerprint/lib-a", false),
        ] {
            assert_eq!(shared(Layout::Nested, path), expected, "{path}");
        }
    }

    #[test]
    fn hashes_are_written_as_cargo_does() {
        assert_eq!(in_hex(0x0102_0304_0506_0708), "0807060504030201");
    }
}
