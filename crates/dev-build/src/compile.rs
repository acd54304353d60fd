//! Running cargo, and what it says of itself while it runs
//! (<https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use build_dir::{UnitId, build_script};
use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Artifact, BuildScript, CrateType, Message, PackageId};
use processes::Peak;
use processes::Say;
use processes::memory::{self, Unfinished};
use processes::{Invocation, RunError};
use serde::{Deserialize, Serialize};
use store::BuiltUnit;

use crate::maturin::RunOptions;

/// What cargo did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// For each package of the build, whether anything of it was compiled.
    packages: BTreeMap<String, bool>,
    /// What it has written to standard output, line by line.
    pub said: Vec<String>,
    /// The shared library of the extension.
    library: Option<Utf8PathBuf>,
    /// Whether a build script links against a shared library in a directory of its own, to which maturin then
    /// adds a run path.
    pub needs_run_path: bool,
    /// The directories of the packages, by their ids.
    dirs: BTreeMap<String, Utf8PathBuf>,
    /// The ids of path crates whose build script does not say what it depends on, so that cargo runs it again
    /// when anything in them has changed.
    undeclared: BTreeSet<String>,
    /// The variables that build scripts have declared.
    pub(crate) variables: BTreeSet<String>,
    /// Where the build scripts of the packages, by name, have left what they make.
    out_dirs: BTreeMap<String, Utf8PathBuf>,
    /// When cargo was started. `None` if it was not asked.
    pub started: Option<SystemTime>,
    /// From cargo's start to its end, all attempts together.
    pub elapsed: Duration,
    /// The most memory that was held at once, in bytes, where that was measured.
    pub peak_bytes: Option<u64>,
    /// What cargo has named, unit by unit.
    made: Vec<Made>,
    /// Whether cargo was not asked, since the store had the library.
    pub is_from_store: bool,
}

/// A file or directory that a unit has made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    package: PackageId,
    file: Utf8PathBuf,
}

/// What cargo has said of a build, as far as somebody has to hear it again who finds its library in the
/// store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Lines of path crates, and of build scripts that link something.
    lines: Vec<String>,
    /// The ids of path crates whose build script does not say what it depends on.
    undeclared: BTreeSet<String>,
    /// The names of path crates, by their ids: how an id is written depends on the name of the directory.
    names: BTreeMap<String, String>,
}

impl Replay {
    /// `text` of this checkout, as `local` makes it, with the ids that cargo has for the crates here.
    fn here(&self, text: &str, local: impl Fn(&str) -> String) -> String {
        let mut here = local(text);
        for (id, name) in &self.names {
            let id = local(id);
            here = here.replace(&format!("\"{id}\""), &format!("\"{}\"", id_of(&id, name)));
        }
        here
    }
}

/// The id of a path crate: its name stands in it unless the directory has it
/// (<https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>).
fn id_of(id: &str, name: &str) -> String {
    let (source, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    let version = fragment
        .rsplit_once('@')
        .map_or(fragment, |(_, version)| version);
    if source.rsplit('/').next() == Some(name) {
        return format!("{source}#{version}");
    }
    format!("{source}#{name}@{version}")
}

/// There is no new library.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// cargo could not be started.
    #[error(transparent)]
    Run(#[from] RunError),
    /// cargo failed, and has said why.
    #[error("cargo has not built the extension{}", left(*is_installed))]
    Failed {
        /// Whether something is installed, which has been left as it was.
        is_installed: bool,
    },
    /// The kernel has killed a compiler that ran alone.
    #[error(
        "a compiler was killed by the kernel for want of memory, though it was the only one{}{}\n  help: give the machine more memory or swap, or let the compiler take less: `debug = false` in the profile, more `codegen-units`",
        of_how_much(),
        left(*is_installed)
    )]
    OutOfMemory {
        /// Whether something is installed, which has been left as it was.
        is_installed: bool,
    },
    /// cargo built no shared library for the crate.
    #[error(
        "cargo built no shared library from {manifest}\n  help: an extension needs `crate-type = [\"cdylib\"]` under [lib]"
    )]
    NoLibrary {
        /// The Cargo.toml of the extension.
        manifest: Utf8PathBuf,
    },
}

impl CompileError {
    /// Whether the sources are at fault, or what they need, and not the machine.
    pub(crate) fn is_of_the_sources(&self) -> bool {
        match self {
            Self::Failed { .. } | Self::NoLibrary { .. } => true,
            Self::Run(_) | Self::OutOfMemory { .. } => false,
        }
    }
}

/// Makes the call `cargo`, with its errors and its progress on our standard error, and notes what it built
/// for the crate of `manifest`. Compilers that do not fit into the memory wait; `record` is the file that
/// remembers what they take. `is_installed` is for the error: whether there is an older build that stays.
pub fn compile(
    cargo: &Invocation,
    run: &RunOptions,
    manifest: &Utf8Path,
    record: &Utf8Path,
    is_installed: bool,
    say: Say<'_>,
) -> Result<Compiled, CompileError> {
    let start = Instant::now();
    let peak = run.asks_for_details().then(Peak::start);
    let mut compiled = Compiled {
        started: Some(SystemTime::now()),
        ..Compiled::default()
    };
    let done = processes::within_memory(run.jobs, record, say, |jobs| {
        let cargo = run.with_jobs(jobs).added_to(cargo.clone());
        let status = cargo.stream(|line| compiled.note(line, manifest))?;
        let failed = CompileError::Failed { is_installed };
        status.success().then_some(()).ok_or(failed)
    });
    done.map_err(|unfinished| match unfinished {
        Unfinished::Failed(error) => error,
        Unfinished::OutOfMemory => CompileError::OutOfMemory { is_installed },
    })?;
    compiled.elapsed = start.elapsed();
    compiled.peak_bytes = peak.and_then(Peak::bytes);
    Ok(compiled)
}

/// What an error says of an older build.
fn left(is_installed: bool) -> &'static str {
    if is_installed {
        "; what is installed has been left as it was"
    } else {
        ""
    }
}

fn of_how_much() -> String {
    memory::limit().map_or_else(String::new, |limit| format!(" ({limit})"))
}

impl Compiled {
    /// Takes in one line of cargo's standard output.
    fn note(&mut self, line: &str, manifest: &Utf8Path) {
        // Lines that are no message are what a macro or a compiler wrapper printed.
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            eprintln!("{line}");
            return;
        };
        self.said.push(line.to_owned());
        match message {
            Message::CompilerArtifact(artifact) => self.note_artifact(artifact, manifest),
            Message::BuildScriptExecuted(script) => {
                self.needs_run_path |= needs_run_path(&script);
                let name = package_name(&script.package_id);
                self.made.push(Made {
                    package: script.package_id.clone(),
                    file: script.out_dir.clone(),
                });
                self.out_dirs.insert(name, script.out_dir.clone());
                let printed = printed(&script);
                self.variables.extend(build_script::variables(&printed));
                // What cannot be read declares nothing: then all of the crate counts.
                if !build_script::declares_inputs(&printed) {
                    self.undeclared.insert(script.package_id.repr);
                }
            }
            _ => {}
        }
    }

    fn note_artifact(&mut self, artifact: Artifact, manifest: &Utf8Path) {
        let id = &artifact.package_id.repr;
        if let Some(dir) = artifact.manifest_path.parent() {
            self.dirs.insert(id.clone(), dir.to_owned());
        }
        let rebuilt = self
            .packages
            .entry(package_name(&artifact.package_id))
            .or_default();
        *rebuilt |= !artifact.fresh;
        let made = artifact.filenames.iter().map(|file| Made {
            package: artifact.package_id.clone(),
            file: file.clone(),
        });
        self.made.extend(made);
        if artifact.manifest_path == manifest {
            self.library = library(artifact).or(self.library.take());
        }
    }

    /// The units of the build in `build_dir`.
    pub(crate) fn units(&self, build_dir: &Utf8Path) -> Vec<BuiltUnit> {
        let units = self.made.iter().filter_map(|made| {
            let name = package_name(&made.package);
            Some(BuiltUnit {
                id: UnitId::of_file(build_dir, &name, &made.file)?,
                version: package_version(&made.package).to_owned(),
                is_path: made.package.repr.starts_with("path+"),
                is_new: self.packages.get(&name).copied().unwrap_or_default(),
            })
        });
        // A library is named with each of its files.
        let units: BTreeMap<_, _> = units.map(|unit| (unit.id.clone(), unit)).collect();
        units.into_values().collect()
    }

    /// What is to be kept of it with the library, with `portable` paths.
    pub(crate) fn replay(&self, portable: impl Fn(&str) -> String) -> Replay {
        let is_needed =
            |line: &&String| line.contains("\"path+") || line.contains("\"linked_libs\":[\"");
        Replay {
            lines: self
                .said
                .iter()
                .filter(is_needed)
                .map(|line| portable(line))
                .collect(),
            undeclared: self.undeclared.iter().map(|id| portable(id)).collect(),
            names: self
                .dirs
                .keys()
                .filter(|id| id.starts_with("path+"))
                .map(|id| (portable(id), name_in(id)))
                .collect(),
        }
    }

    /// The build of which `replay` tells, without cargo: nothing is compiled. `local` gives paths of this
    /// checkout.
    pub(crate) fn replayed(
        replay: &Replay,
        manifest: &Utf8Path,
        local: impl Fn(&str) -> String,
    ) -> Self {
        let mut compiled = Self {
            is_from_store: true,
            ..Self::default()
        };
        for line in &replay.lines {
            compiled.note(&replay.here(line, &local), manifest);
        }
        for rebuilt in compiled.packages.values_mut() {
            *rebuilt = false;
        }
        let ids = replay.undeclared.iter();
        compiled.undeclared = ids
            .map(|id| {
                replay
                    .here(&format!("\"{id}\""), &local)
                    .trim_matches('"')
                    .to_owned()
            })
            .collect();
        compiled
    }

    /// The library, or the reason why there is none.
    pub fn library(&self, manifest: &Utf8Path) -> Result<&Utf8Path, CompileError> {
        let library = self.library.as_deref();
        library.ok_or_else(|| CompileError::NoLibrary {
            manifest: manifest.to_owned(),
        })
    }

    /// Both this and what `earlier` did, in this order.
    #[must_use]
    pub(crate) fn after(mut self, earlier: &Self) -> Self {
        for (name, rebuilt) in &earlier.packages {
            *self.packages.entry(name.clone()).or_default() |= rebuilt;
        }
        self.started = earlier.started.or(self.started);
        self.elapsed += earlier.elapsed;
        self.peak_bytes = self.peak_bytes.max(earlier.peak_bytes);
        self
    }

    /// Whether anything was compiled.
    #[must_use]
    pub(crate) fn has_rebuilt(&self) -> bool {
        self.rebuilt().next().is_some()
    }

    /// Whether anything of a path crate was compiled.
    #[must_use]
    pub(crate) fn has_rebuilt_a_path_crate(&self) -> bool {
        let crates = self.path_crates();
        self.rebuilt().any(|name| crates.contains_key(name))
    }

    /// Whether path crates were compiled and nothing else.
    #[must_use]
    pub(crate) fn is_of_an_edit(&self) -> bool {
        let crates = self.path_crates();
        self.has_rebuilt() && self.rebuilt().all(|name| crates.contains_key(name))
    }

    /// Whether `package` was compiled, and not all others were.
    pub(crate) fn is_part_with(&self, package: &str) -> bool {
        let is_rebuilt = self.packages.get(package).is_some_and(|rebuilt| *rebuilt);
        is_rebuilt && self.packages.values().any(|rebuilt| !rebuilt)
    }

    /// `OUT_DIR` of a package, by its name.
    #[must_use]
    pub fn out_dir(&self, package: &str) -> Option<Utf8PathBuf> {
        self.out_dirs.get(package).cloned()
    }

    /// The directories of path crates, by name.
    #[must_use]
    pub fn path_crates(&self) -> BTreeMap<String, Utf8PathBuf> {
        let dirs = self.dirs.iter();
        let dirs = dirs.filter(|(id, _)| is_path_crate(id));
        dirs.map(|(id, dir)| (name_of(id), dir.clone())).collect()
    }

    /// The directories of all packages, by name.
    #[must_use]
    pub(crate) fn dirs(&self) -> BTreeMap<String, Vec<Utf8PathBuf>> {
        let mut named: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, dir) in &self.dirs {
            named.entry(name_of(id)).or_default().push(dir.clone());
        }
        named
    }

    /// The versions of all packages, by name.
    #[must_use]
    pub(crate) fn versions(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut named: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for id in self.dirs.keys() {
            named
                .entry(name_of(id))
                .or_default()
                .insert(version_of(id).to_owned());
        }
        named
    }

    /// How many crates the build is made of.
    #[must_use]
    pub(crate) fn crates(&self) -> usize {
        self.packages.len()
    }

    /// The directories of path crates whose build script does not say what it depends on.
    #[must_use]
    pub fn whole_directories(&self) -> BTreeSet<Utf8PathBuf> {
        let undeclared = self.undeclared.iter();
        undeclared
            .filter_map(|id| self.dirs.get(id).filter(|_| is_path_crate(id)).cloned())
            .collect()
    }

    /// The packages of which something was compiled, by name.
    pub fn rebuilt(&self) -> impl Iterator<Item = &str> {
        let rebuilt = self.packages.iter().filter(|(_, rebuilt)| **rebuilt);
        rebuilt.map(|(name, _)| name.as_str())
    }

    /// What was rebuilt, in a few words: `nothing`, `a and b`, `87 of 93 crates`.
    #[must_use]
    pub fn summary(&self) -> String {
        let names: Vec<_> = self.rebuilt().collect();
        match names[..] {
            [] => "nothing".to_owned(),
            [one] => one.to_owned(),
            [one, two] => format!("{one} and {two}"),
            [one, two, three] => format!("{one}, {two} and {three}"),
            _ => format!("{} of {} crates", names.len(), self.packages.len()),
        }
    }
}

/// Whether the library finds what the script has linked only by a run path: a shared library that lies in
/// one of the directories that the script names. maturin adds the run path wherever a script links a shared
/// library and names a directory (its `compile.rs`, 1.16), so also where a static library lies in the
/// directory and the shared one is the system's, such as the C++ runtime.
fn needs_run_path(script: &BuildScript) -> bool {
    let linked = script.linked_libs.iter().filter_map(|library| {
        let (kind, name) = library
            .as_str()
            .split_once('=')
            .unwrap_or(("dylib", library.as_str()));
        kind.starts_with("dylib").then_some((kind, name))
    });
    let files: Vec<_> = linked
        .flat_map(|(kind, name)| shared_library_files(kind, name))
        .collect();
    let dirs = script.linked_paths.iter().filter_map(|path| {
        let (kind, dir) = path
            .as_str()
            .split_once('=')
            .unwrap_or(("all", path.as_str()));
        matches!(kind, "native" | "all").then_some(Utf8Path::new(dir))
    });
    dirs.into_iter()
        .any(|dir| files.iter().any(|file| dir.join(file).exists()))
}

/// The names of the files that `-l` with this name may mean. `kind` may have modifiers: `dylib:+verbatim`
/// (<https://doc.rust-lang.org/rustc/command-line-arguments.html#option-l-link-lib>).
fn shared_library_files(kind: &str, name: &str) -> Vec<String> {
    // The name that the crate knows it by may follow a colon.
    let name = name.rsplit(':').next().unwrap_or(name);
    if kind.contains("+verbatim") {
        return vec![name.to_owned()];
    }
    ["so", "dylib"]
        .map(|extension| format!("lib{name}.{extension}"))
        .into()
}

/// What the script has printed, which lies beside its output directory.
fn printed(script: &BuildScript) -> String {
    let dir = script.out_dir.parent().unwrap_or(&script.out_dir);
    let names = ["output", "run/stdout"].map(|name| dir.join(name));
    let printed = names.iter().find_map(|path| fs_err::read(path).ok());
    String::from_utf8_lossy(&printed.unwrap_or_default()).into_owned()
}

/// The shared library among an artifact's files.
fn library(artifact: Artifact) -> Option<Utf8PathBuf> {
    if !artifact.target.crate_types.contains(&CrateType::CDyLib) {
        return None;
    }
    let is_library = |path: &Utf8PathBuf| matches!(path.extension(), Some("so" | "dylib" | "dll"));
    artifact.filenames.into_iter().find(is_library)
}

/// The name in a package id such as `registry+…#pyo3@0.30.1`, `path+file:///a/b#name@0.1.0`, or, where the
/// directory has the package's name, `path+file:///a/name#0.1.0`
/// (<https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>).
fn package_name(id: &PackageId) -> String {
    name_of(&id.repr)
}

fn is_path_crate(id: &str) -> bool {
    id.starts_with("path+")
}

fn version_of(id: &str) -> &str {
    let (_, fragment) = id.rsplit_once('#').unwrap_or(("", id));
    fragment
        .rsplit_once('@')
        .map_or(fragment, |(_, version)| version)
}

fn name_of(id: &str) -> String {
    let (source, fragment) = id.rsplit_once('#').unwrap_or(("", id));
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => source.rsplit('/').next().unwrap_or(fragment).to_owned(),
    }
}

fn name_in(id: &str) -> String {
    package_name(&PackageId {
        repr: id.to_owned(),
    })
}

/// The version in a package id.
fn package_version(id: &PackageId) -> &str {
    let (_, fragment) = id.repr.rsplit_once('#').unwrap_or_default();
    fragment
        .split_once('@')
        .map_or(fragment, |(_, version)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message such as cargo 1.95 prints.
    fn artifact(id: &str, crate_type: &str, file: &str, fresh: bool) -> String {
        serde_json::json!({
            "reason": "compiler-artifact", "package_id": id, "manifest_path": "/p/Cargo.toml",
            "target": {"kind": [crate_type], "crate_types": [crate_type], "name": "x",
                       "src_path": "/p/src/lib.rs", "edition": "2024", "doc": true, "doctest": true, "test": true},
            "profile": {"opt_level": "0", "debuginfo": 1, "debug_assertions": true,
                        "overflow_checks": true, "test": false},
            "features": [], "filenames": [file], "executable": null, "fresh": fresh,
        })
        .to_string()
    }

    fn noted(lines: &[String]) -> Compiled {
        let mut compiled = Compiled::default();
        for line in lines {
            compiled.note(line, "/p/Cargo.toml".into());
        }
        compiled
    }

    #[test]
    fn a_package_counts_as_rebuilt_if_any_part_of_it_was() {
        let id = "registry+https://example.invalid/index#pyo3@0.30.1";
        let compiled = noted(&[
            artifact(id, "custom-build", "/t/build-script", true),
            artifact(id, "lib", "/t/libpyo3.rlib", false),
            artifact(
                "path+file:///a/thing_io#0.2.0",
                "lib",
                "/t/libthing_io.rlib",
                true,
            ),
        ]);
        assert_eq!(compiled.rebuilt().collect::<Vec<_>>(), ["pyo3"]);
    }

    #[test]
    fn the_library_is_the_shared_one() {
        let id = "path+file:///p#thing@0.1.0";
        let manifest = Utf8Path::new("/p/Cargo.toml");
        let compiled = noted(&[
            artifact(id, "custom-build", "/t/build-script", false),
            artifact(id, "cdylib", "/t/libthing.so", false),
        ]);
        assert_eq!(compiled.library(manifest).unwrap(), "/t/libthing.so");
        let text = noted(&[]).library(manifest).unwrap_err().to_string();
        assert!(text.contains("cdylib"), "{text}");
    }

    /// A message about a build script that has linked and printed this.
    fn script(dir: &Utf8Path, linked: (&str, &str), printed: &str) -> String {
        fs_err::create_dir_all(dir.join("out")).unwrap();
        fs_err::write(dir.join("output"), printed).unwrap();
        serde_json::json!({
            "reason": "build-script-executed", "package_id": "path+file:///%E6%9C%A8#thing@0.1.0",
            "linked_libs": [linked.0], "linked_paths": [linked.1], "cfgs": [], "env": [], "out_dir": dir.join("out"),
        })
        .to_string()
    }

    #[test]
    fn a_script_that_declares_nothing_depends_on_all_of_its_crate() {
        let dir = testkit::TempDir::new();
        let of_crate = artifact(
            "path+file:///%E6%9C%A8#thing@0.1.0",
            "custom-build",
            "/t/build-script",
            false,
        );
        for (printed, expected) in [
            ("cargo:rustc-cfg=x\n", BTreeSet::from(["/p".into()])),
            (
                "note: cargo:rerun-if-changed=x\n",
                BTreeSet::from(["/p".into()]),
            ),
            ("cargo:rerun-if-changed=data\n", BTreeSet::new()),
        ] {
            let message = script(dir.path(), ("static=a", "native=/t"), printed);
            let compiled = noted(&[of_crate.clone(), message]);
            assert_eq!(compiled.whole_directories(), expected, "{printed}");
            assert_eq!(
                compiled.path_crates(),
                BTreeMap::from([("thing".to_owned(), "/p".into())])
            );
        }
    }

    #[test]
    fn a_shared_library_in_a_directory_of_its_own_needs_a_run_path() {
        let dir = testkit::TempDir::new();
        for file in ["liba.so", "libstdc++.a", "libb.a", "odd.so.1"] {
            fs_err::write(dir.path().join(file), "").unwrap();
        }
        for (library, kind, expected) in [
            ("dylib=a", "native=", true),
            ("a", "", true),
            ("dylib=a", "all=", true),
            ("dylib:+verbatim=odd.so.1", "native=", true),
            ("static=a", "native=", false),
            ("dylib=a", "framework=", false),
            ("dylib=a", "dependency=", false),
            // A C++ compiler's runtime, beside the static library that was compiled.
            ("dylib=stdc++", "native=", false),
            ("stdc++", "native=", false),
            ("dylib=b", "native=", false),
        ] {
            let path = format!("{kind}{}", dir.path());
            let compiled = noted(&[script(dir.path(), (library, &path), "")]);
            assert_eq!(compiled.needs_run_path, expected, "{library} {kind}");
        }
    }

    #[test]
    fn the_summary_names_few_and_counts_many() {
        let of = |rebuilt: usize, all: usize| Compiled {
            packages: (0..all).map(|n| (format!("p{n}"), n < rebuilt)).collect(),
            ..Compiled::default()
        };
        assert_eq!(of(0, 9).summary(), "nothing");
        assert_eq!(of(1, 9).summary(), "p0");
        assert_eq!(of(3, 9).summary(), "p0, p1 and p2");
        assert_eq!(of(4, 9).summary(), "4 of 9 crates");
    }

    #[test]
    fn package_ids_of_every_form_give_the_name() {
        let name = |repr: &str| {
            package_name(&PackageId {
                repr: repr.to_owned(),
            })
        };
        assert_eq!(
            name("registry+https://example.invalid/index#serde@1.0.0"),
            "serde"
        );
        assert_eq!(name("path+file:///a/b#name@0.1.0"), "name");
        assert_eq!(name("path+file:///a/name#0.1.0"), "name");
        for (id, version) in [
            (
                "registry+https://example.invalid/index#serde@1.0.0",
                "1.0.0",
            ),
            ("path+file:///a/name#0.1.0", "0.1.0"),
        ] {
            assert_eq!(version_of(id), version);
        }
    }
}
