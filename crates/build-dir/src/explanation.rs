//! What cargo notes beside each fingerprint, to tell why it compiles a unit (its module
//! `core/compiler/fingerprint`): digests of what decides the unit, and in words its features, its flags, and
//! the files and variables that it was made from.
//!
//! cargo overwrites it when it compiles the unit. So what it was has to be read before cargo is started.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde_json::Value;

use crate::dep_info;
use crate::unit::{Profile, RUN, UnitDir};

/// What decided a unit. What a later cargo does not write any more is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// The digest of what the compiler says of itself.
    pub rustc: u64,
    features: String,
    /// The digest of what Cargo.toml says of the target.
    pub target: u64,
    /// The digest of the profile, and of arguments for this unit alone.
    pub profile: u64,
    /// The digest of where the source lies.
    pub path: u64,
    /// The units that it was made with.
    pub deps: Vec<Dependency>,
    local: Vec<Value>,
    /// The flags for rustc.
    pub rustflags: Vec<String>,
    /// The digest of a few of cargo's settings.
    pub config: u64,
    /// The digest of the platform.
    pub compile_kind: u64,
}

/// A unit that another one was made with: the digest of its package, the name by which it is known, whether
/// that is public, and its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dependency(u64, String, bool, u64);

impl Dependency {
    /// The name by which the other one knows it: of a library, or `build_script_build`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.1
    }

    /// Its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.3
    }
}

impl Explanation {
    /// Reads what cargo has written.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The features of the crate.
    #[must_use]
    pub fn features(&self) -> BTreeSet<String> {
        // cargo writes them as Rust shows a list of texts, which is JSON as well.
        serde_json::from_str(&self.features).unwrap_or_default()
    }

    /// The variables that a build script has declared, with the values that it has seen.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, Option<String>> {
        let notes = self.local.iter();
        let notes = notes.filter_map(|it| it.get("RerunIfEnvChanged"));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let variables = notes.filter_map(|it| {
            let name = it.get("var").and_then(text)?;
            Some((name, it.get("val").and_then(text)))
        });
        variables.collect()
    }

    /// The files and directories that a build script has declared, as it names them.
    #[must_use]
    pub fn paths(&self) -> Vec<Utf8PathBuf> {
        let notes = self.local.iter();
        let notes = notes.filter_map(|it| it.get("RerunIfChanged")?.get("paths")?.as_array());
        let paths = notes.flatten().filter_map(Value::as_str);
        paths.map(Utf8PathBuf::from).collect()
    }

    /// What stands for all of a package, whose build script declares nothing: of a path crate a time, and the
    /// file that has it.
    #[must_use]
    pub fn whole_package(&self) -> Option<&str> {
        let mut notes = self.local.iter();
        notes.find_map(|it| it.get("Precalculated")?.as_str())
    }

    /// That file, relative to the package.
    #[must_use]
    pub fn newest_file(&self) -> Option<&str> {
        let (_, file) = self.whole_package()?.split_once(" (")?;
        file.strip_suffix(')')
    }
}

/// A unit as cargo keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// By which it is told from others, relative to the build directory.
    pub name: String,
    /// The name of its package.
    pub package: String,
    /// What it is of its package: `lib-NAME`, `build-script-…`, `run-build-script-…`.
    pub kind: String,
    /// The directory of its profile.
    pub profile: Utf8PathBuf,
    /// When it was built: just before rustc or the script was started.
    pub built: Option<SystemTime>,
    /// What has become of its artefact.
    pub artefact: Artefact,
    /// When the explanation was written. Nobody but cargo does so, and it only when the unit is finished.
    written: Option<SystemTime>,
    dir: UnitDir,
    explanation: Vec<u8>,
    /// cargo's own form of rustc's note.
    dep_info: Vec<u8>,
}

/// What has become of the artefact of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artefact {
    /// It is there, or it is none that is looked for.
    There,
    /// It was of `cargo check`, or it is gone: metadata alone is there.
    Metadata,
}

impl Kept {
    /// Whether it is the run of a build script.
    #[must_use]
    pub fn is_run(&self) -> bool {
        self.kind.starts_with(RUN)
    }

    /// Whether it is a library.
    #[must_use]
    pub fn is_library(&self) -> bool {
        self.kind.starts_with("lib-")
    }

    /// What cargo has noted of it.
    #[must_use]
    pub fn explanation(&self) -> Explanation {
        Explanation::read(&self.explanation).unwrap_or_default()
    }

    /// Whether it was compiled or run since it was `earlier`, which has the same name.
    #[must_use]
    pub fn is_other_than(&self, earlier: &Self) -> bool {
        self.written != earlier.written
    }

    /// Its fingerprint, by which what is made with it knows it.
    #[must_use]
    pub fn fingerprint(&self) -> Option<u64> {
        let text = fs_err::read_to_string(self.dir.fingerprints.join(&self.kind)).ok()?;
        // cargo writes the bytes in the order of small machines.
        u64::from_str_radix(text.trim(), 16)
            .map(u64::swap_bytes)
            .ok()
    }

    /// The files that rustc has read. Relative names are those of rustc, which cargo starts in `workspace`.
    #[must_use]
    pub fn sources(&self, workspace: &Utf8Path) -> Vec<Utf8PathBuf> {
        dep_info::prerequisites(&self.noted(), workspace)
    }

    /// The variables that rustc has read, and that had another value for `earlier`, or were not set. Those
    /// that cargo itself sets do not count.
    #[must_use]
    pub fn variables_other_than(&self, earlier: &Self) -> BTreeSet<String> {
        let read = dep_info::values(&self.noted()).into_iter();
        let other = read.filter(|(name, value)| {
            let name = with_length(name);
            let is_known = memchr::memmem::find(&earlier.dep_info, &name).is_some();
            let value = value
                .as_ref()
                .map_or(vec![0], |value| [vec![1], with_length(value)].concat());
            let same = [name, value].concat();
            is_known && memchr::memmem::find(&earlier.dep_info, &same).is_none()
        });
        other.map(|(name, _)| name).collect()
    }

    /// With its name, by which it is found.
    fn named(mut self, build_dir: &Utf8Path) -> (String, Self) {
        let path = self.dir.fingerprints.join(&self.kind);
        self.name = path.strip_prefix(build_dir).unwrap_or(&path).to_string();
        (self.name.clone(), self)
    }

    fn noted(&self) -> String {
        let bytes = fs_err::read(self.dir.note(&self.kind)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A text as cargo keeps it in its own form of a note.
fn with_length(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes(), text.as_bytes()].concat()
}

/// All units in `build_dir`, or those of `packages`, by name. `profile` is what the directories of the
/// profile are called, such as `debug`.
#[must_use]
pub fn kept(
    build_dir: &Utf8Path,
    profile: &str,
    packages: Option<&BTreeSet<String>>,
) -> BTreeMap<String, Kept> {
    let mut found = BTreeMap::new();
    for profile in Profile::named(profile, build_dir) {
        // What is looked for by name has just been compiled.
        let libraries = match packages {
            None => libraries(&profile.dir.join("deps")),
            Some(_) => BTreeMap::new(),
        };
        let dirs = match packages {
            None => profile.all_unit_dirs(),
            Some(packages) => {
                let of = |name: &String| {
                    let dirs = profile.unit_dirs(name).into_iter();
                    dirs.map(|dir| (name.clone(), dir)).collect::<Vec<_>>()
                };
                packages.iter().flat_map(of).collect()
            }
        };
        for (package, dir) in dirs {
            let mut units = units(&dir, &profile.dir, &package, &libraries);
            units.retain(|unit| !is_of_no_use(&unit.kind));
            found.extend(units.into_iter().map(|unit| unit.named(build_dir)));
        }
    }
    found
}

/// All units in `build_dir`, of every profile, by name: also those of tests and of `cargo check`.
#[must_use]
pub fn all_kept(build_dir: &Utf8Path) -> BTreeMap<String, Kept> {
    let mut found = BTreeMap::new();
    for profile in Profile::all(build_dir) {
        let libraries = libraries(&profile.dir.join("deps"));
        for (package, dir) in profile.all_unit_dirs() {
            let units = units(&dir, &profile.dir, &package, &libraries);
            found.extend(units.into_iter().map(|unit| unit.named(build_dir)));
        }
    }
    found
}

/// Whether nothing is made of a unit of this kind.
fn is_of_no_use(kind: &str) -> bool {
    kind.starts_with("test-") || kind.starts_with("doc-")
}

/// The hashes of the libraries in a directory, each with whether more than metadata is there.
fn libraries(dir: &Utf8Path) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
    for entry in entries {
        let Some((stem, kind)) = entry.file_name().rsplit_once('.') else {
            continue;
        };
        let hash = stem.rsplit_once('-').map(|(_, hash)| hash.to_owned());
        let is_whole = matches!(kind, "rlib" | "so" | "dylib");
        if let Some(hash) = hash.filter(|_| is_whole || kind == "rmeta") {
            *found.entry(hash).or_default() |= is_whole;
        }
    }
    found
}

/// The length of cargo's own form of a note that has neither files nor variables.
const EMPTY_BYTES: u64 = 14;

fn units(
    dir: &UnitDir,
    profile: &Utf8Path,
    package: &str,
    libraries: &BTreeMap<String, bool>,
) -> Vec<Kept> {
    let entries = dir.fingerprints.read_dir_utf8();
    let entries = entries.into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_owned());
    let kinds = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned));
    let unit = |kind| unit(dir, profile, package, kind, libraries);
    kinds.map(unit).collect()
}

fn unit(
    dir: &UnitDir,
    profile: &Utf8Path,
    package: &str,
    kind: String,
    libraries: &BTreeMap<String, bool>,
) -> Kept {
    let is_run = kind.starts_with(RUN);
    let reference = if is_run {
        dir.output.clone()
    } else {
        dir.fingerprints.join(format!("dep-{kind}"))
    };
    // In the newer layout each unit has a directory of its own.
    let has_own = dir.fingerprints.file_name() == Some("fingerprint");
    let own = has_own.then(|| self::libraries(&dir.artefacts[0]));
    let whole = own.as_ref().unwrap_or(libraries).get(&dir.hash);
    let is_metadata = !is_run && whole == Some(&false);
    let read = |path: &Utf8Path| fs_err::read(path).unwrap_or_default();
    let explanation = dir.fingerprints.join(format!("{kind}.json"));
    let metadata = fs_err::metadata(&reference).ok();
    // Of most third-party crates cargo notes no file, and no variable.
    let says_anything = metadata.as_ref().is_some_and(|it| it.len() > EMPTY_BYTES);
    Kept {
        name: String::new(),
        package: package.to_owned(),
        profile: profile.to_owned(),
        built: metadata.and_then(|it| it.modified().ok()),
        artefact: if is_metadata {
            Artefact::Metadata
        } else {
            Artefact::There
        },
        written: fs_err::metadata(&explanation)
            .and_then(|it| it.modified())
            .ok(),
        explanation: read(&explanation),
        dep_info: if is_run || !says_anything {
            Vec::new()
        } else {
            read(&reference)
        },
        dir: dir.clone(),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use processes::Invocation;
    use testkit::Fixture;

    #[test]
    fn what_cargo_has_written_is_read_and_what_it_has_not_is_empty() {
        let text = r#"{"rustc":7,"features":"[\"a\", \"b\"]","deps":[[1,"leaf",false,2]],"local":[
            {"RerunIfChanged":{"output":"o","paths":["gone.txt"]}},{"RerunIfEnvChanged":{"var":"A","val":null}},
            {"RerunIfEnvChanged":{"var":"B","val":"1"}}],"rustflags":["-O"]}"#;
        let read = Explanation::read(text.as_bytes()).unwrap();
        assert_eq!(read.features(), ["a", "b"].map(str::to_owned).into());
        assert_eq!(read.paths(), ["gone.txt"]);
        let b = Some("1".to_owned());
        assert_eq!(
            read.variables(),
            [("A".to_owned(), None), ("B".to_owned(), b)].into()
        );
        assert_eq!(
            (read.deps[0].name(), read.deps[0].fingerprint()),
            ("leaf", 2)
        );
        assert_eq!((read.rustc, read.profile, read.newest_file()), (7, 0, None));
        let text = br#"{"features":"","local":[{"Precalculated":"17.5s (data/a (1).txt)"}]}"#;
        let read = Explanation::read(text).unwrap();
        assert_eq!(read.newest_file(), Some("data/a (1).txt"));
        assert!(read.features().is_empty() && Explanation::read(b"half a fi").is_none());
    }

    /// In both layouts: what has changed of a unit is told by what was kept before.
    #[test]
    fn what_the_real_cargo_keeps_tells_units_and_variables_apart() {
        for layout in [&[][..], &["-Zbuild-dir-new-layout"]] {
            let fixture = Fixture::new();
            let package =
                "[package]\nname = 'leaf'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n";
            fixture.write("Cargo.toml", package);
            fixture.write(
                "build.rs",
                "fn main() { println!(\"cargo:rerun-if-env-changed=KEPT_B\"); }\n",
            );
            fixture.write(
                "src/lib.rs",
                "pub const A: Option<&str> = option_env!(\"KEPT_A\");\n",
            );
            let build = |variable: &str, command: &str| {
                let cargo = Invocation::new("cargo").args([command, "--quiet"]);
                let cargo = cargo.args(layout.iter().copied()).cwd(&fixture.root());
                let cargo = cargo
                    .env_remove("CARGO_TARGET_DIR")
                    .env("RUSTC_BOOTSTRAP", "1");
                cargo.env(variable, "1").read().unwrap();
                kept(&fixture.root().join("target"), "debug", None)
            };
            let first = build("KEPT_C", "build");
            assert_eq!(first.len(), 3, "{layout:?}: {first:?}");
            let of = |units: &BTreeMap<String, Kept>, kind: &str| {
                units
                    .values()
                    .find(|it| it.kind.starts_with(kind))
                    .unwrap()
                    .clone()
            };
            let same = build("KEPT_C", "build");
            assert!(
                same.iter()
                    .all(|(name, it)| !it.is_other_than(&first[name]))
            );
            let (run, library) = (of(&first, RUN), of(&first, "lib-"));
            assert_eq!(
                run.explanation().variables(),
                [("KEPT_B".to_owned(), None)].into()
            );
            assert_eq!(library.explanation().deps[0].name(), "build_script_build");

            // Whoever sets the times of other files has compiled nothing.
            let dep_info = library
                .dir
                .fingerprints
                .join(format!("dep-{}", library.kind));
            let file = fs_err::OpenOptions::new()
                .write(true)
                .open(dep_info)
                .unwrap();
            file.file().set_modified(SystemTime::now()).unwrap();
            let touched = kept(&fixture.root().join("target"), "debug", None);
            assert!(
                touched
                    .iter()
                    .all(|(name, it)| !it.is_other_than(&first[name]))
            );

            let second = build("KEPT_A", "build");
            let now = of(&second, "lib-");
            assert!(now.is_other_than(&library) && !of(&second, RUN).is_other_than(&run));
            let variables = now.variables_other_than(&library);
            assert_eq!(variables, ["KEPT_A".to_owned()].into(), "{layout:?}");
            let sources = now.sources(&fixture.root());
            assert_eq!(sources, [fixture.root().join("src/lib.rs")]);

            let script = of(&second, "build-script-");
            let known = &run.explanation().deps[0];
            assert_eq!(script.fingerprint(), Some(known.fingerprint()));
            let checked = build("KEPT_A", "check");
            let metadata = checked
                .values()
                .filter(|it| it.artefact == Artefact::Metadata);
            assert_eq!(metadata.count(), 1, "{layout:?}");
        }
    }
}
