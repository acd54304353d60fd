//! The units of a package: single calls of rustc, and single runs of a build script, each with the file by
//! whose time cargo decides whether a source is newer (its module `core/compiler/fingerprint`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use crate::hash::is_hash;
use crate::{build_script, dep_info};

/// How the file begins in which cargo keeps the fingerprint of a build script's run.
pub(crate) const RUN: &str = "run-build-script-";

/// A unit that has been built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// By which it is told from others, relative to the build directory.
    pub name: String,
    /// The file whose time cargo compares with those of the unit's sources.
    reference: Utf8PathBuf,
    /// When that file says that the unit was built: just before rustc or the script was started.
    pub built: SystemTime,
    /// The file with the fingerprint.
    fingerprint: Utf8PathBuf,
    /// What rustc has noted beside the artefact, or the script has printed.
    note: Utf8PathBuf,
    /// What rustc has made. None for the run of a build script.
    artefact: Option<Utf8PathBuf>,
}

/// Files by which a unit was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    /// These files; for a build script also directories.
    Paths(Vec<Utf8PathBuf>),
    /// All of the package: its build script does not say.
    Package,
}

/// The units in `build_dir` of each of `packages` that something else may be made of: not those of tests, of
/// documentation and of `cargo check`.
#[must_use]
pub fn units_of<'p>(
    build_dir: &Utf8Path,
    packages: impl IntoIterator<Item = &'p String>,
) -> BTreeMap<String, Vec<Unit>> {
    let profiles = Profile::all(build_dir);
    let of = |package: &str| {
        let dirs = profiles
            .iter()
            .flat_map(|profile| profile.unit_dirs(package));
        dirs.flat_map(|dir| dir.units(build_dir)).collect()
    };
    let packages = packages.into_iter();
    packages
        .map(|package| (package.clone(), of(package)))
        .collect()
}

/// The directory of a profile, or of a profile for a platform: `debug`, `x86_64-unknown-linux-gnu/debug`.
pub(crate) struct Profile {
    pub(crate) dir: Utf8PathBuf,
    /// The names in `.fingerprint`.
    fingerprints: Vec<String>,
}

impl Profile {
    /// Those in `build_dir`.
    pub(crate) fn all(build_dir: &Utf8Path) -> Vec<Self> {
        let profiles = directories(build_dir);
        let below = profiles.iter().flat_map(|dir| directories(dir));
        let dirs = profiles.iter().cloned().chain(below);
        dirs.map(Self::read).collect()
    }

    /// Those of the profile whose directories are called `name`, for this machine and for other platforms.
    pub(crate) fn named(name: &str, build_dir: &Utf8Path) -> Vec<Self> {
        let own = directories(build_dir).into_iter();
        let all = own.flat_map(|dir| [dir.join(name), dir]);
        let named = all.filter(|dir| dir.file_name() == Some(name) && dir.is_dir());
        named.map(Self::read).collect()
    }

    fn read(dir: Utf8PathBuf) -> Self {
        let entries = dir.join(".fingerprint").read_dir_utf8().into_iter();
        let names = entries
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_owned());
        Self {
            fingerprints: names.collect(),
            dir,
        }
    }

    /// Where the units of all packages are, by the names of the packages.
    pub(crate) fn all_unit_dirs(&self) -> Vec<(String, UnitDir)> {
        let old = self.fingerprints.iter().filter_map(|name| {
            let (package, hash) = package_and_hash(name)?;
            Some((package.to_owned(), self.old_dir(name, hash)))
        });
        // In the older layout, what lies in here has the names of units.
        let dirs = directories(&self.dir.join("build")).into_iter();
        let dirs = dirs.filter(|dir| dir.file_name().and_then(package_and_hash).is_none());
        let new = dirs.flat_map(|dir| {
            let package = dir.file_name().unwrap_or_default().to_owned();
            let units = new_dirs(&dir).into_iter();
            units.map(move |unit| (package.clone(), unit))
        });
        old.chain(new).collect()
    }

    pub(crate) fn unit_dirs(&self, package: &str) -> Vec<UnitDir> {
        let prefix = format!("{package}-");
        let old = self.fingerprints.iter().filter_map(|name| {
            let hash = name.strip_prefix(&prefix).filter(|hash| is_hash(hash))?;
            Some(self.old_dir(name, hash))
        });
        old.chain(new_dirs(&self.dir.join("build").join(package)))
            .collect()
    }

    fn old_dir(&self, name: &str, hash: &str) -> UnitDir {
        let of_script = self.dir.join("build").join(name);
        UnitDir {
            output: of_script.join("output"),
            artefacts: [self.dir.join("deps"), of_script],
            hash: hash.to_owned(),
            fingerprints: self.dir.join(".fingerprint").join(name),
        }
    }
}

/// Those of a package in the layout from cargo 1.100.
fn new_dirs(dir: &Utf8Path) -> Vec<UnitDir> {
    let dirs = directories(dir).into_iter().filter_map(|dir| {
        let fingerprints = dir.join("fingerprint");
        Some(UnitDir {
            output: dir.join("run/stdout"),
            artefacts: [dir.join("out"), dir.join("out")],
            hash: dir.file_name()?.to_owned(),
            fingerprints: fingerprints.is_dir().then_some(fingerprints)?,
        })
    });
    dirs.collect()
}

/// The parts of a unit's name in the older layout.
fn package_and_hash(name: &str) -> Option<(&str, &str)> {
    let parts = name.rsplit_once('-')?;
    is_hash(parts.1).then_some(parts)
}

impl Unit {
    /// Makes cargo build it again, and everything that is made of it: takes away the file by whose time cargo
    /// would find it fresh. The run of a build script that does not say what it depends on has no such
    /// time; there the fingerprint goes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make_stale(&self) -> io::Result<()> {
        if !self.is_run() || build_script::declares_inputs(&self.noted()) {
            remove(&self.reference)?;
        }
        if self.is_run() {
            remove(&self.fingerprint)
        } else {
            Ok(())
        }
    }

    /// Has cargo find it no older than what was written by `time`: that is the time of the file by which
    /// cargo goes from now on.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make_fresh(&self, time: SystemTime) -> io::Result<()> {
        set_modified(&self.reference, time)
    }

    /// Gives what rustc has made the time `time`. cargo builds a unit again if what it depends on is newer
    /// than what it has made.
    ///
    /// # Errors
    /// What the file system says.
    pub fn date_outputs(&self, time: SystemTime) -> io::Result<()> {
        let Some(artefact) = &self.artefact else {
            return Ok(());
        };
        let stem = artefact.file_stem();
        let dir = artefact.parent().unwrap_or(artefact);
        for entry in dir.read_dir_utf8()? {
            let path = entry?.into_path();
            if path.file_stem() == stem && path != self.note {
                set_modified(&path, time)?;
            }
        }
        Ok(())
    }

    /// What it was made from. Relative names are those of rustc, which cargo starts in `workspace`, and of
    /// the build script, which it starts in the directory of its package.
    #[must_use]
    pub fn inputs(&self, workspace: &Utf8Path, package: &Utf8Path) -> Inputs {
        let noted = self.noted();
        if !self.is_run() {
            return Inputs::Paths(dep_info::prerequisites(&noted, workspace));
        }
        if !build_script::declares_inputs(&noted) {
            return Inputs::Package;
        }
        let declared = build_script::inputs(&noted);
        Inputs::Paths(
            declared
                .into_iter()
                .map(|path| package.join(path))
                .collect(),
        )
    }

    /// Whether it is the run of a build script.
    #[must_use]
    pub fn is_run(&self) -> bool {
        self.artefact.is_none()
    }

    /// Whether it is a shared library that cargo leaves without a hash in its name, as an extension is.
    #[must_use]
    pub fn is_extension(&self) -> bool {
        let artefact = self.artefact.as_ref();
        let is_shared = artefact.filter(|path| matches!(path.extension(), Some("so" | "dylib")));
        let stem = is_shared.and_then(|path| path.file_stem());
        stem.is_some_and(|stem| stem.rsplit_once('-').is_none_or(|(_, hash)| !is_hash(hash)))
    }

    /// Whether what it has made may depend on a place: `is_place` tells of bytes whether they name one.
    /// Where debuggers look for the sources does not count, nor the build directory itself, whose name
    /// cargo changes in what a script has printed.
    #[must_use]
    pub fn depends_on_place(&self, is_place: &dyn Fn(&[u8]) -> bool) -> bool {
        let noted = self.noted();
        if !self.is_run() {
            let mut values = dep_info::values(&noted).into_values().flatten();
            return values.any(|value| is_place(value.as_bytes()));
        }
        let out = self.out_dir();
        let mut files = crate::parts::files_below(&out).into_iter();
        is_place(noted.replace(out.as_str(), "").as_bytes())
            || files.any(|file| fs_err::read(file).is_ok_and(|bytes| is_place(&bytes)))
    }

    /// Where a run of a build script has left what it makes.
    fn out_dir(&self) -> Utf8PathBuf {
        let dir = self.note.parent().unwrap_or(&self.note);
        if dir.file_name() == Some("run") {
            return dir.with_file_name("out");
        }
        dir.join("out")
    }

    /// Whether the artefact names `dir` as a directory that it was compiled in. Units of path crates are the
    /// same for every checkout that has this build directory; this tells whose it is.
    #[must_use]
    pub fn names(&self, dir: &Utf8Path) -> bool {
        let bytes = self
            .artefact
            .as_ref()
            .and_then(|path| fs_err::read(path).ok());
        let bytes = bytes.unwrap_or_default();
        let ends = |end: Option<&u8>| {
            end.is_none_or(|byte| !byte.is_ascii_alphanumeric() && !b"-_.".contains(byte))
        };
        let mut found = memchr::memmem::find_iter(&bytes, dir.as_str());
        found.any(|at| ends(bytes.get(at + dir.as_str().len())))
    }

    /// The variables that it depends on, beside those that cargo itself looks at.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<String> {
        let noted = self.noted();
        let mut variables = dep_info::variables(&noted);
        variables.extend(build_script::variables(&noted));
        variables
    }

    fn noted(&self) -> String {
        let bytes = fs_err::read(&self.note).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn set_modified(path: &Utf8Path, time: SystemTime) -> io::Result<()> {
    let file = fs_err::File::options().append(true).open(path)?;
    file.file().set_modified(time)
}

/// Where cargo keeps what it knows of the units of one package with one hash.
#[derive(Debug, Clone)]
pub(crate) struct UnitDir {
    pub(crate) fingerprints: Utf8PathBuf,
    /// What a run of a build script has printed.
    pub(crate) output: Utf8PathBuf,
    /// Where rustc has left its artefacts and its notes.
    pub(crate) artefacts: [Utf8PathBuf; 2],
    pub(crate) hash: String,
}

impl UnitDir {
    fn units(&self, build_dir: &Utf8Path) -> Vec<Unit> {
        let entries = self
            .fingerprints
            .read_dir_utf8()
            .into_iter()
            .flatten()
            .flatten();
        let names = entries.map(|entry| entry.file_name().to_owned());
        // Beside each fingerprint lies its explanation.
        let names = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned));
        let units = names.filter_map(|name| self.unit(build_dir, &name));
        units.collect()
    }

    fn unit(&self, build_dir: &Utf8Path, name: &str) -> Option<Unit> {
        let is_of_no_use = |start: &&str| name.starts_with(start);
        if ["test-", "doc-"].iter().any(is_of_no_use) || self.is_check(name) {
            return None;
        }
        let fingerprint = self.fingerprints.join(name);
        // Without one, cargo builds it again, or it is of a build that nobody makes any more.
        if !fingerprint.is_file() {
            return None;
        }
        let (reference, note, artefact) = if name.starts_with(RUN) {
            (self.output.clone(), self.output.clone(), None)
        } else {
            let reference = self.fingerprints.join(format!("dep-{name}"));
            let note = self.note(name);
            let artefact = artefact(name, &note);
            (reference, note, Some(artefact))
        };
        let relative = fingerprint.strip_prefix(build_dir).unwrap_or(&fingerprint);
        Some(Unit {
            name: relative.to_string(),
            built: fs_err::metadata(&reference)
                .and_then(|it| it.modified())
                .ok()?,
            reference,
            note,
            artefact,
            fingerprint,
        })
    }

    /// Whether only metadata was made, as `cargo check` does.
    fn is_check(&self, name: &str) -> bool {
        let Some(library) = name.strip_prefix("lib-") else {
            return false;
        };
        let has = |kind: &str| {
            let file = format!("lib{library}-{}.{kind}", self.hash);
            self.artefacts.iter().any(|dir| dir.join(&file).is_file())
        };
        has("rmeta") && !["rlib", "so", "dylib"].into_iter().any(has)
    }

    /// rustc's dependency file. That of a shared library has no hash in its name.
    pub(crate) fn note(&self, name: &str) -> Utf8PathBuf {
        let (kind, target) = name.split_once('-').unwrap_or(("", name));
        let target = if kind == "lib" {
            target
        } else {
            "build_script_build"
        };
        let names = [format!("{target}-{}.d", self.hash), format!("{target}.d")];
        let paths = self
            .artefacts
            .iter()
            .flat_map(|dir| names.iter().map(|name| dir.join(name)));
        let paths: Vec<_> = paths.collect();
        paths
            .iter()
            .find(|path| path.is_file())
            .unwrap_or(&paths[0])
            .clone()
    }
}

/// What rustc has made, beside its note.
fn artefact(name: &str, note: &Utf8Path) -> Utf8PathBuf {
    let stem = note.file_stem().unwrap_or_default();
    if !name.starts_with("lib-") {
        return note.with_file_name(stem);
    }
    let kinds =
        ["rlib", "so", "dylib"].map(|kind| note.with_file_name(format!("lib{stem}.{kind}")));
    kinds
        .iter()
        .find(|path| path.is_file())
        .unwrap_or(&kinds[0])
        .clone()
}

/// A hash as cargo writes it.
fn directories(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
    let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    dirs.map(camino::Utf8DirEntry::into_path).collect()
}

fn remove(path: &Utf8Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use processes::Invocation;
    use testkit::Fixture;

    /// A shared library with a build script, made of a crate that has one as well.
    fn workspace() -> Fixture {
        let fixture = Fixture::new();
        let leaf = "[dependencies]\nleaf = { path = 'leaf' }\n[workspace]\n[profile.dev]\ndebug = false\n[lib]\ncrate-type = ['cdylib']\n";
        for (dir, name, rest) in [("", "top", leaf), ("leaf/", "leaf", "")] {
            let package =
                format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2024'\n{rest}");
            fixture.write(format!("{dir}Cargo.toml"), &package);
        }
        fixture.write("src/lib.rs", "pub fn f() -> bool { leaf::g() }\n");
        fixture.write(
            "build.rs",
            "fn main() { println!(\"cargo:rerun-if-changed=data.txt\"); }\n",
        );
        fixture.write("data.txt", "");
        fixture.write(
            "leaf/src/lib.rs",
            "pub fn g() -> bool { option_env!(\"COLUMNS\").is_some() }\n",
        );
        fixture.write(
            "leaf/build.rs",
            "fn main() { println!(\"cargo:rustc-cfg=x\"); }\n",
        );
        fixture
    }

    /// What was compiled or run, by the messages of the real cargo.
    fn rebuilt(fixture: &Fixture, layout: &[&str], command: &str) -> Vec<String> {
        let cargo = Invocation::new("cargo").args([command, "--message-format=json", "--quiet"]);
        let cargo = cargo.args(layout.iter().copied()).cwd(&fixture.root());
        let cargo = cargo
            .env_remove("CARGO_TARGET_DIR")
            .env("RUSTC_BOOTSTRAP", "1");
        let text = cargo.read().unwrap();
        let names = text.lines().filter(|line| line.contains("\"fresh\":false"));
        let names = names.map(|line| {
            let of_leaf = line.contains("/leaf#");
            let script = line.contains("custom-build");
            format!(
                "{}{}",
                if of_leaf { "leaf" } else { "top" },
                if script { "'s script" } else { "" }
            )
        });
        names.collect()
    }

    fn of(build_dir: &Utf8Path, package: &str) -> Vec<Unit> {
        let mut units = units_of(build_dir, [&package.to_owned()]);
        units.remove(package).unwrap()
    }

    const LAYOUTS: [&[&str]; 2] = [&[], &["-Zbuild-dir-new-layout"]];

    #[test]
    fn a_unit_that_is_made_stale_is_built_again_with_what_is_made_of_it() {
        for layout in LAYOUTS {
            let fixture = workspace();
            let target = fixture.root().join("target");
            rebuilt(&fixture, layout, "build");
            assert!(rebuilt(&fixture, layout, "build").is_empty());
            let units = of(&target, "leaf");
            let kind = |unit: &Unit| unit.fingerprint.file_name().unwrap().to_owned();
            let mut kinds: Vec<_> = units.iter().map(kind).collect();
            kinds.sort();
            let script = [
                "build-script-build-script-build",
                "lib-leaf",
                "run-build-script-build-script-build",
            ];
            assert_eq!(kinds, script, "{layout:?}");
            let made_stale = |names: &str| {
                let wanted = units.iter().filter(|unit| kind(unit).starts_with(names));
                wanted.for_each(|unit| unit.make_stale().unwrap());
                rebuilt(&fixture, layout, "build")
            };
            assert_eq!(made_stale("lib-"), ["leaf", "top"], "{layout:?}");
            assert_eq!(
                made_stale(""),
                ["leaf's script", "leaf", "top"],
                "{layout:?}"
            );
            let of_top = of(&target, "top");
            for unit in of_top {
                unit.make_stale().unwrap();
            }
            assert_eq!(
                rebuilt(&fixture, layout, "build"),
                ["top's script", "top"],
                "{layout:?}"
            );
            // Scripts that declare nothing lose their fingerprint, and are no units until they run again.
            for unit in of(&target, "leaf") {
                unit.make_stale().unwrap();
            }
            assert!(!of(&target, "leaf").iter().any(Unit::is_run), "{layout:?}");
        }
    }

    #[test]
    fn the_inputs_of_a_unit_are_known_and_who_compiled_it() {
        for layout in LAYOUTS {
            let fixture = workspace();
            rebuilt(&fixture, layout, "build");
            let root = fixture.root();
            let inputs = |package: &str| {
                let dir = if package == "top" {
                    root.clone()
                } else {
                    root.join(package)
                };
                let units = of(&root.join("target"), package);
                let mut all: Vec<_> = units.iter().map(|unit| unit.inputs(&root, &dir)).collect();
                all.sort_by_key(|inputs| format!("{inputs:?}"));
                // A shared library without debug info names nothing.
                for unit in units.iter().filter(|unit| unit.name.ends_with("lib-leaf")) {
                    let (almost, _) = root.as_str().split_at(root.as_str().len() - 1);
                    assert!(unit.names(&root) && !unit.names(almost.into()), "{unit:?}");
                }
                all
            };
            let paths =
                |names: &[&str]| Inputs::Paths(names.iter().map(|name| root.join(name)).collect());
            let of_top = [
                paths(&["build.rs"]),
                paths(&["data.txt"]),
                paths(&["src/lib.rs"]),
            ];
            assert_eq!(inputs("top"), of_top, "{layout:?}");
            let of_leaf = [
                Inputs::Package,
                paths(&["leaf/build.rs"]),
                paths(&["leaf/src/lib.rs"]),
            ];
            assert_eq!(inputs("leaf"), of_leaf, "{layout:?}");
        }
    }

    #[test]
    fn what_cargo_check_has_made_is_left_alone() {
        for layout in LAYOUTS {
            let fixture = workspace();
            rebuilt(&fixture, layout, "check");
            let units = of(&fixture.root().join("target"), "leaf");
            let of_scripts = |unit: &Unit| unit.name.contains("build-script");
            assert!(
                !units.is_empty() && units.iter().all(of_scripts),
                "{units:?}"
            );
        }
    }

    #[test]
    fn the_variables_of_a_unit_are_known() {
        for layout in LAYOUTS {
            let fixture = workspace();
            let script = "fn main() { println!(\"cargo:rerun-if-env-changed=SHLVL\"); }\n";
            fixture.write("leaf/build.rs", script);
            rebuilt(&fixture, layout, "build");
            let units = of(&fixture.root().join("target"), "leaf");
            let variables: BTreeSet<_> = units.iter().flat_map(Unit::variables).collect();
            assert_eq!(
                variables,
                ["COLUMNS", "SHLVL"].map(str::to_owned).into(),
                "{layout:?}"
            );
        }
    }
}
