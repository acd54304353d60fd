//! What is planned in invented situations. No file is touched.
#![expect(clippy::too_many_lines, reason = "a table is as long as it has rows")]

use std::collections::BTreeMap;

use camino::Utf8Path;
use project_model::{Selection, Workspace};
use serde_json::json;

use super::*;
use crate::circumstances::{Circumstances, Marks};
use crate::dependencies::{Pins, Wanted};
use crate::dev::Preview;
use crate::maturin::BuildOptions;
use crate::on_import::{Found, OnImport};
use crate::prelinking::{Off, Prelinking};
use crate::shared_env::LocalConfig;
use crate::state::{Format, Library, PlacedBase, Provenance, State};
use crate::status::{Status, Verdict};

const LIBRARY: &str = "/p/target/debug/libthing.so";
const PLACED: &str = "/p/python/thing/_thing.abi3.so";

fn named(names: &[&str]) -> Named {
    let names = names.iter();
    names
        .map(|name| ((*name).to_owned(), format!("digest of {name}")))
        .collect()
}

fn inputs() -> Inputs {
    Inputs {
        cargo_call: named(&[
            ".cargo/config.local.toml",
            ".cargo/config.toml",
            "Cargo.lock",
            "Cargo.toml",
            "native/Cargo.toml",
            "options of the command",
            "pyproject.toml [tool.maturin]",
            "rust-toolchain.toml",
            "variable CARGO_BUILD_TARGET",
            "virtual environment",
        ]),
        install: named(&[
            "LICENSE",
            "README.md",
            "features",
            "native/Cargo.toml [features] and pyo3",
            "native/Cargo.toml [package]",
            "pyproject.toml [build-system]",
            "pyproject.toml [project]",
            "pyproject.toml [tool.maturin]",
            "pyproject.toml [tool.uv.cache-keys]",
            "virtual environment",
        ]),
        dependencies: named(&["uv.lock", "virtual environment"]),
    }
}

fn python() -> Interpreter {
    serde_json::from_value(json!({
        "executable": "/p/.venv/bin/python", "base_executable": "/usr/bin/python3.13", "implementation": "CPython", "version": "3.13.0",
        "prefix": "/p/.venv", "base_prefix": "/usr", "platlib": "/p/.venv/lib/python3.13/site-packages",
        "suffixes": [".cpython-313-x86_64-linux-gnu.so", ".abi3.so", ".so"], "free_threaded": false,
    }))
    .unwrap()
}

fn workspace() -> Workspace {
    Workspace {
        root: "/p".into(),
        target_dir: "/p/target".into(),
        build_dir: "/p/target".into(),
        packages: BTreeMap::new(),
        policy: serde_json::from_value(json!({})).unwrap(),
    }
}

fn call(profile: &str) -> Invocation {
    Invocation::new("cargo")
        .args(["rustc", "--profile", profile])
        .env("PYO3_PYTHON", "/p/.venv/bin/python")
}

fn state() -> State {
    let stamp = json!({"inode": 1, "length_bytes": 2, "modified_s": 3, "modified_ns": 0, "changed_s": 3, "changed_ns": 0});
    let stamp = || serde_json::from_value(stamp.clone()).unwrap();
    let source = json!({"path": "/p/native/src/lib.rs", "stamp": null, "sha256": "00"});
    State {
        format: Format,
        project: "/p".into(),
        programs: String::new(),
        volatile: Marks::from([("COLUMNS".to_owned(), "80".to_owned())]),
        inputs: inputs(),
        circumstances: "as ever".to_owned(),
        circumstance_marks: Marks::from([("variable CC".to_owned(), "00ff".to_owned())]),
        python: python(),
        workspace: workspace(),
        cargo_call: call("dev"),
        library: Library {
            built: LIBRARY.into(),
            built_stamp: stamp(),
            base: None,
            placed: PLACED.into(),
            placed_stamp: stamp(),
            same_bytes: true,
        },
        imported: Imported {
            file: Some(PLACED.into()),
            names: vec!["answer".to_owned()],
        },
        provenance: Provenance {
            profile: "dev".to_owned(),
            features: Vec::new(),
            commit: None,
            dirty: false,
            sources_sha256: "00".to_owned(),
            toolchain: "rustc 1.95.0".to_owned(),
            placed_at_s: 0,
        },
        sources: vec![serde_json::from_value(source).unwrap()],
        uv_cache_understood: true,
        options: BuildOptions::default(),
        packages: Vec::new(),
        prelinking: true,
        siblings: Vec::new(),
    }
}

/// Nothing is to be done here.
fn fresh() -> Situation {
    let state = state();
    Situation {
        root: "/p".into(),
        crate_name: "thing".to_owned(),
        environment: Environment::There(Venv {
            root: "/p/.venv".into(),
            python: python(),
        }),
        workspace: workspace(),
        inputs: inputs(),
        circumstances: Circumstances {
            programs: String::new(),
            digest: state.circumstances.clone(),
            marks: state.circumstance_marks.clone(),
            volatile: state.volatile.clone(),
        },
        pins: Pins::UvLock { is_there: true },
        needs_python_to_build: false,
        selection: Selection::default(),
        siblings: Vec::new(),
        package: Package::Ours(Box::new(OurInstall {
            dist_info: "/p/.venv/lib/python3.13/site-packages/thing-0.1.0.dist-info".into(),
            state,
            is_complete: true,
            changed_sources: Vec::new(),
            settled: Vec::new(),
            is_built: true,
            placed: Placed::Same,
            others: Vec::new(),
            gone: Vec::new(),
            has_pyo3_config: true,
        })),
        kept_call: None,
        local_config: None,
        dep_info_base: "/p".into(),
        misjudged: Vec::new(),
        taken_for_stale: Vec::new(),
        prelinking: Prelinking::On {
            stand_in: "prelink-cc",
        },
        on_import: OnImport::default(),
        notes: Vec::new(),
    }
}

fn ours(situation: &mut Situation) -> &mut OurInstall {
    match &mut situation.package {
        Package::Ours(ours) => ours,
        _ => panic!("nothing of ours is installed"),
    }
}

fn other(name: &str, shadows: bool, owner: Option<&str>, is_ours: bool) -> OtherBuild {
    OtherBuild {
        path: Utf8Path::new("/p/python/thing").join(name),
        shadows,
        owner: owner.map(Into::into),
        is_ours,
    }
}

fn local_config(variables: &[(&str, &str)]) -> LocalConfig {
    let variables = variables.iter();
    LocalConfig {
        path: "/p/.cargo/config.local.toml".into(),
        variables: variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn misjudged(package: &str, cause: &str) -> Misjudged {
    Misjudged {
        package: package.to_owned(),
        cause: cause.to_owned(),
        is_news: true,
    }
}

type Change = fn(&mut Situation, &mut DevRequest<'static>);

/// The situation after `change`, and what was asked for.
fn changed(change: Change) -> (Situation, DevRequest<'static>) {
    let (mut situation, mut request) = (fresh(), DevRequest::default());
    change(&mut situation, &mut request);
    (situation, request)
}

fn steps(change: Change) -> Vec<String> {
    let (situation, request) = changed(change);
    let steps = plan(&situation, &request).steps(&situation);
    steps.iter().map(ToString::to_string).collect()
}

/// One row of a table: what it shows, how the situation differs from the fresh one, and the steps.
type Row = (&'static str, Change, &'static [&'static str]);

fn check(rows: &[Row]) {
    for (name, change, expected) in rows {
        assert_eq!(steps(*change), *expected, "{name}");
    }
}

const PLACE: &str = "put the library in place: if cargo makes another one";
const ASKED: &str = "compile thing: cargo is to say whether the library is current";

/// Something that decides the call of cargo has changed.
fn change_call(situation: &mut Situation, name: &str) {
    let digest = "another".to_owned();
    situation.inputs.cargo_call.insert(name.to_owned(), digest);
}

/// It is not there any more.
fn lose_call(situation: &mut Situation, name: &str) {
    situation.inputs.cargo_call.remove(name);
}

fn change_dependencies(situation: &mut Situation, name: &str) {
    let digest = "another".to_owned();
    situation
        .inputs
        .dependencies
        .insert(name.to_owned(), digest);
}

fn lose_install(situation: &mut Situation, name: &str) {
    situation.inputs.install.remove(name);
}

fn change_install(situation: &mut Situation, name: &str) {
    let digest = "another".to_owned();
    situation.inputs.install.insert(name.to_owned(), digest);
}

#[test]
fn sources() {
    check(&[
        ("nothing has changed", |_, _| {}, &[]),
        (
            "one source",
            |s, _| ours(s).changed_sources = vec!["native/src/lib.rs".into()],
            &["compile thing: native/src/lib.rs has changed", PLACE],
        ),
        (
            "five sources",
            |s, _| ours(s).changed_sources = ["a", "b", "c", "d", "e"].map(str::to_owned).into(),
            &[
                "compile thing: a has changed, b has changed, c has changed, and 2 more",
                PLACE,
            ],
        ),
        (
            "a source elsewhere",
            |s, _| ours(s).changed_sources = vec!["/shared/leaf/src/lib.rs".into()],
            &["compile thing: /shared/leaf/src/lib.rs has changed", PLACE],
        ),
        (
            "a manifest of a crate in the closure is a source too",
            |s, _| ours(s).changed_sources = vec!["leaf/Cargo.toml".into()],
            &["compile thing: leaf/Cargo.toml has changed", PLACE],
        ),
        (
            "a source with an older content and an older time",
            |s, _| {
                ours(s).changed_sources = vec!["leaf/src/lib.rs".into()];
                // Its build script and itself.
                s.misjudged = vec![misjudged("leaf", "leaf/src/lib.rs is no newer"); 2];
            },
            &[
                "have leaf built again: leaf/src/lib.rs is no newer",
                "compile thing: leaf/src/lib.rs has changed",
                PLACE,
            ],
        ),
        (
            "a crate that cargo compiles anyway, whose script declares nothing",
            |s, _| {
                ours(s).changed_sources = vec!["leaf/src/lib.rs".into()];
                let mut script = misjudged("leaf", "leaf is no newer");
                script.is_news = false;
                s.misjudged = vec![script];
            },
            &["compile thing: leaf/src/lib.rs has changed", PLACE],
        ),
        (
            "sources were never known",
            |s, _| ours(s).state.sources.clear(),
            &[ASKED, PLACE],
        ),
        (
            "the installed library needs a run path, so maturin packs it",
            |s, _| {
                ours(s).state.library.same_bytes = false;
                ours(s).changed_sources = vec!["native/src/lib.rs".into()];
            },
            &[
                "compile thing: native/src/lib.rs has changed",
                "install anew: maturin changes the library when it packs it",
            ],
        ),
        (
            "such a library does no harm where nothing has changed",
            |s, _| ours(s).state.library.same_bytes = false,
            &[],
        ),
    ]);
}

#[test]
fn what_decides_the_call_of_cargo() {
    check(&[
        (
            "cargo's configuration",
            |s, _| change_call(s, ".cargo/config.toml"),
            &[
                "ask maturin: .cargo/config.toml has changed",
                "compile thing: .cargo/config.toml has changed",
                PLACE,
            ],
        ),
        (
            "the configuration of this machine",
            |s, _| change_call(s, ".cargo/config.local.toml"),
            &[
                "ask maturin: .cargo/config.local.toml has changed",
                "compile thing: .cargo/config.local.toml has changed",
                PLACE,
            ],
        ),
        (
            "the lock file",
            |s, _| change_call(s, "Cargo.lock"),
            &[
                "ask maturin: Cargo.lock has changed",
                "compile thing: Cargo.lock has changed",
                PLACE,
            ],
        ),
        (
            "the manifest of the workspace",
            |s, _| change_call(s, "Cargo.toml"),
            &[
                "ask maturin: Cargo.toml has changed",
                "compile thing: Cargo.toml has changed",
                PLACE,
            ],
        ),
        (
            "the manifest of the extension",
            |s, _| change_call(s, "native/Cargo.toml"),
            &[
                "ask maturin: native/Cargo.toml has changed",
                "compile thing: native/Cargo.toml has changed",
                PLACE,
            ],
        ),
        (
            "a toolchain file that is gone",
            |s, _| lose_call(s, "rust-toolchain.toml"),
            &[
                "ask maturin: rust-toolchain.toml has changed",
                "compile thing: rust-toolchain.toml has changed",
                PLACE,
            ],
        ),
        (
            "a toolchain file that is new",
            |s, _| {
                let known = &mut ours(s).state.inputs.cargo_call;
                known.remove("rust-toolchain.toml");
            },
            &[
                "ask maturin: rust-toolchain.toml has changed",
                "compile thing: rust-toolchain.toml has changed",
                PLACE,
            ],
        ),
        (
            "a variable that was set",
            |s, _| change_call(s, "variable RUSTFLAGS"),
            &[
                "ask maturin: variable RUSTFLAGS has changed",
                "compile thing: variable RUSTFLAGS has changed",
                PLACE,
            ],
        ),
        (
            "a variable that is no longer set",
            |s, _| lose_call(s, "variable CARGO_BUILD_TARGET"),
            &[
                "ask maturin: variable CARGO_BUILD_TARGET has changed",
                "compile thing: variable CARGO_BUILD_TARGET has changed",
                PLACE,
            ],
        ),
        (
            "maturin has answered for the new inputs before",
            |s, _| {
                change_call(s, ".cargo/config.toml");
                s.kept_call = Some(call("dev"));
            },
            &["compile thing: .cargo/config.toml has changed", PLACE],
        ),
        (
            "another profile",
            |s, r| {
                r.build.profile = Some("release".to_owned());
                change_call(s, "options of the command");
            },
            &[
                "ask maturin: options of the command has changed",
                "compile thing: options of the command has changed",
                PLACE,
            ],
        ),
        (
            "back to a profile that maturin was asked about",
            |s, _| {
                change_call(s, "options of the command");
                s.kept_call = Some(call("release"));
            },
            &["compile thing: options of the command has changed", PLACE],
        ),
        (
            "other features concern the metadata as well",
            |s, _| {
                change_call(s, "options of the command");
                change_install(s, "features");
            },
            &[
                "ask maturin: options of the command has changed",
                "compile thing: options of the command has changed",
                "install anew: features has changed",
            ],
        ),
        (
            "pyo3's file was cleaned up",
            |s, _| {
                ours(s).has_pyo3_config = false;
                ours(s).is_built = false;
            },
            &[
                "ask maturin: the file that it writes for pyo3 is gone",
                "compile thing: target/debug/libthing.so is not the library that was built",
                PLACE,
            ],
        ),
        (
            "pyo3's file is gone, and nothing else: plain cargo would miss it",
            |s, _| ours(s).has_pyo3_config = false,
            &[
                "ask maturin: the file that it writes for pyo3 is gone",
                "compile thing: cargo is to say whether the library is current",
                PLACE,
            ],
        ),
        (
            "the answer that is kept does, where the file is there for it",
            |s, _| {
                ours(s).has_pyo3_config = false;
                ours(s).is_built = false;
                s.kept_call = Some(call("dev"));
            },
            &[
                "compile thing: target/debug/libthing.so is not the library that was built",
                PLACE,
            ],
        ),
    ]);
}

#[test]
fn what_is_installed_beside_the_library() {
    check(&[
        (
            "metadata",
            |s, _| change_install(s, "pyproject.toml [project]"),
            &[ASKED, "install anew: pyproject.toml [project] has changed"],
        ),
        (
            "requirements of the build",
            |s, _| change_install(s, "pyproject.toml [build-system]"),
            &[
                ASKED,
                "install anew: pyproject.toml [build-system] has changed",
            ],
        ),
        (
            "the settings of maturin decide the call as well",
            |s, _| {
                change_call(s, "pyproject.toml [tool.maturin]");
                change_install(s, "pyproject.toml [tool.maturin]");
            },
            &[
                "ask maturin: pyproject.toml [tool.maturin] has changed",
                "compile thing: pyproject.toml [tool.maturin] has changed",
                "install anew: pyproject.toml [tool.maturin] has changed",
            ],
        ),
        (
            "uv notes its keys when it installs",
            |s, _| change_install(s, "pyproject.toml [tool.uv.cache-keys]"),
            &[
                ASKED,
                "install anew: pyproject.toml [tool.uv.cache-keys] has changed",
            ],
        ),
        (
            "a dynamic version",
            |s, _| change_install(s, "native/Cargo.toml [package]"),
            &[
                ASKED,
                "install anew: native/Cargo.toml [package] has changed",
            ],
        ),
        (
            "the stable ABI or one Python: the library gets another name",
            |s, _| change_install(s, "native/Cargo.toml [features] and pyo3"),
            &[
                ASKED,
                "install anew: native/Cargo.toml [features] and pyo3 has changed",
            ],
        ),
        (
            "the README",
            |s, _| change_install(s, "README.md"),
            &[ASKED, "install anew: README.md has changed"],
        ),
        (
            "a licence that is gone",
            |s, _| lose_install(s, "LICENSE"),
            &[ASKED, "install anew: LICENSE has changed"],
        ),
        (
            "a notice that is new",
            |s, _| change_install(s, "NOTICE"),
            &[ASKED, "install anew: NOTICE has changed"],
        ),
        (
            "a file of the install is gone",
            |s, _| ours(s).is_complete = false,
            &[ASKED, "install anew: a file of the install is gone"],
        ),
        (
            "nothing is installed",
            |s, _| s.package = Package::Missing,
            &[
                "ask maturin: its answer for this environment is not known",
                "install dependencies: what is installed is not known",
                "compile thing: nothing of ours is installed",
                "install anew: it is not installed",
            ],
        ),
        (
            "another checkout has installed it into the same environment",
            |s, _| s.package = Package::OfAnotherCheckout("/q".into()),
            &[
                "ask maturin: its answer for this environment is not known",
                "install dependencies: what is installed is not known",
                "compile thing: nothing of ours is installed",
                "install anew: what is installed is that of the checkout in /q",
            ],
        ),
        (
            "another tool has installed it",
            |s, _| s.package = Package::Foreign,
            &[
                "ask maturin: its answer for this environment is not known",
                "install dependencies: what is installed is not known",
                "compile thing: nothing of ours is installed",
                "install anew: another tool has installed it",
            ],
        ),
        (
            "another tool has installed it, and maturin was asked before",
            |s, _| {
                s.package = Package::Foreign;
                s.kept_call = Some(call("dev"));
            },
            &[
                "install dependencies: what is installed is not known",
                "compile thing: nothing of ours is installed",
                "install anew: another tool has installed it",
            ],
        ),
        (
            "there is no environment",
            |s, _| {
                s.package = Package::Missing;
                s.environment = Environment::Absent {
                    root: "/p/.venv".into(),
                    base: Box::new(python()),
                };
            },
            &[
                "make an environment of CPython 3.13.0: .venv is not there",
                "ask maturin: its answer for this environment is not known",
                "install dependencies: what is installed is not known",
                "compile thing: nothing of ours is installed",
                "install anew: it is not installed",
            ],
        ),
        (
            "an environment of another Python in the same place",
            |s, _| {
                change_call(s, "virtual environment");
                change_install(s, "virtual environment");
                change_dependencies(s, "virtual environment");
            },
            &[
                "ask maturin: virtual environment has changed",
                "install dependencies: virtual environment has changed",
                "compile thing: virtual environment has changed",
                "install anew: virtual environment has changed",
            ],
        ),
    ]);
}

#[test]
fn dependencies() {
    check(&[
        (
            "the lock file of uv",
            |s, _| {
                change_dependencies(s, "uv.lock");
            },
            &["install dependencies: uv.lock has changed", ASKED, PLACE],
        ),
        (
            "requirements files of the policy",
            |s, _| {
                s.pins = Pins::Requirements(vec!["/p/requirements/dev.txt".into()]);
                change_dependencies(s, "requirements/dev.txt");
            },
            &[
                "install dependencies: requirements/dev.txt has changed",
                ASKED,
                PLACE,
            ],
        ),
        (
            "requirements that are not pinned",
            |s, _| {
                s.pins = Pins::Unpinned;
                change_dependencies(s, "pyproject.toml");
            },
            &[
                "install dependencies: pyproject.toml has changed",
                ASKED,
                PLACE,
            ],
        ),
        (
            "other extras than before",
            |s, _| {
                change_dependencies(s, "choice of extras and groups");
            },
            &[
                "install dependencies: choice of extras and groups has changed",
                ASKED,
                PLACE,
            ],
        ),
        (
            "another tool has removed one",
            |s, _| ours(s).gone = vec!["onnx".to_owned()],
            &["install dependencies: onnx is gone", ASKED, PLACE],
        ),
        (
            "another tool has removed one, and they are to be left alone",
            |s, r| {
                ours(s).gone = vec!["onnx".to_owned()];
                r.dependencies = Wanted::Leave;
            },
            &[],
        ),
        (
            "they are to be left alone, and nothing is known of them",
            |s, r| {
                s.package = Package::Foreign;
                s.kept_call = Some(call("dev"));
                r.dependencies = Wanted::Leave;
            },
            &[
                "compile thing: nothing of ours is installed",
                "install anew: another tool has installed it",
            ],
        ),
        (
            "a project without any",
            |s, _| {
                s.pins = Pins::None;
                s.package = Package::Missing;
            },
            &[
                "ask maturin: its answer for this environment is not known",
                "compile thing: nothing of ours is installed",
                "install anew: it is not installed",
            ],
        ),
    ]);
}

#[test]
fn circumstances_and_what_was_asked_for() {
    check(&[
        (
            "a variable that changes all the time and that a crate has read",
            |s, _| s.circumstances.volatile.clear(),
            &["compile thing: variable COLUMNS has changed", PLACE],
        ),
        (
            "one that no crate has read",
            |s, _| {
                s.circumstances.volatile.insert("PWD".into(), "00".into());
            },
            &[],
        ),
        (
            "a variable that compilers read",
            |s, _| {
                s.circumstances.digest = "other".to_owned();
                s.circumstances
                    .marks
                    .insert("variable CC".into(), "1234".into());
            },
            &["compile thing: variable CC has changed", PLACE],
        ),
        (
            "a variable that is new",
            |s, _| {
                s.circumstances.digest = "other".to_owned();
                s.circumstances
                    .marks
                    .insert("variable CFLAGS".into(), "1234".into());
            },
            &["compile thing: variable CFLAGS has changed", PLACE],
        ),
        (
            "an updated toolchain",
            |s, _| {
                s.circumstances.digest = "other".to_owned();
                let marks = &mut s.circumstances.marks;
                marks.insert("/home/u/.rustup/update-hashes".into(), "1234".into());
            },
            &[
                "compile thing: /home/u/.rustup/update-hashes has changed",
                PLACE,
            ],
        ),
        (
            "a manifest above the crate is named as other files are",
            |s, _| {
                s.circumstances.digest = "other".to_owned();
                let marks = &mut s.circumstances.marks;
                marks.insert("/p/Cargo.toml".into(), "1234".into());
                change_call(s, "Cargo.toml");
                s.kept_call = Some(call("dev"));
            },
            &["compile thing: Cargo.toml has changed", PLACE],
        ),
        (
            "something that cannot be named",
            |s, _| s.circumstances.digest = "other".to_owned(),
            &[
                "compile thing: a variable or the toolchain has changed",
                PLACE,
            ],
        ),
        (
            "-v",
            |_, r| r.run.verbose = 1,
            &["compile thing: cargo's own answer was asked for", PLACE],
        ),
        (
            "--timings",
            |_, r| r.run.timings = true,
            &["compile thing: cargo's own answer was asked for", PLACE],
        ),
        (
            "--jobs is no reason to build",
            |_, r| r.run.jobs = Some(1),
            &[],
        ),
        (
            "--offline is no reason to build",
            |_, r| r.run.offline = true,
            &[],
        ),
        (
            "--engine maturin",
            |_, r| r.maturin_installs = true,
            &[ASKED, "install anew: maturin was asked to"],
        ),
    ]);
}

#[test]
fn libraries_that_are_not_as_they_were_left() {
    check(&[
        (
            "what it is linked with is gone",
            |s, _| {
                let library = &mut ours(s).state.library;
                library.base = Some(PlacedBase::at("/p/python/thing/.prelinked/x.so"));
                ours(s).placed = Placed::Alone;
            },
            &[
                ASKED,
                "put the library in place: python/thing/.prelinked/x.so, which it is linked with, is not there as it was",
            ],
        ),
        (
            "third-party crates are not to be linked apart any more",
            |s, _| s.prelinking = Prelinking::Off(Off::AskedFor),
            &["compile thing: prelinking has changed", PLACE],
        ),
        (
            "cargo clean, or another build in the target directory",
            |s, _| ours(s).is_built = false,
            &[
                "compile thing: target/debug/libthing.so is not the library that was built",
                PLACE,
            ],
        ),
        (
            "somebody has written to the placed one",
            |s, _| ours(s).placed = Placed::Replaced,
            &[
                ASKED,
                "put the library in place: python/thing/_thing.abi3.so has been replaced",
            ],
        ),
        (
            "the placed one is gone",
            |s, _| ours(s).placed = Placed::Gone,
            &[
                ASKED,
                "put the library in place: python/thing/_thing.abi3.so is gone",
            ],
        ),
        (
            "its package is gone",
            |s, _| ours(s).placed = Placed::Nowhere,
            &[ASKED, "install anew: the directory of the library is gone"],
        ),
        (
            "the library of another environment",
            |s, _| ours(s).others = vec![other("_thing.so", false, Some("/p/.venv-312"), true)],
            &[],
        ),
        (
            "a library of another environment that is imported instead",
            |s, _| ours(s).others = vec![other("_thing.so", true, Some("/p/.venv-312"), true)],
            &[
                ASKED,
                PLACE,
                "remove python/thing/_thing.so: it is imported instead of the library",
            ],
        ),
        (
            "a leftover of ours",
            |s, _| ours(s).others = vec![other("_thing.so", false, None, true)],
            &[
                ASKED,
                PLACE,
                "remove python/thing/_thing.so: it is another build of the same module",
            ],
        ),
        (
            "a leftover of ours that is imported instead",
            |s, _| ours(s).others = vec![other("_thing.so", true, None, true)],
            &[
                ASKED,
                PLACE,
                "remove python/thing/_thing.so: it is imported instead of the library",
            ],
        ),
        (
            "somebody else's file for another Python is told at each build",
            |s, _| ours(s).others = vec![other("_thing.so", false, None, false)],
            &[ASKED, PLACE],
        ),
        (
            "somebody else's file that is imported instead",
            |s, _| ours(s).others = vec![other("_thing.so", true, None, false)],
            &[
                ASKED,
                PLACE,
                "refuse python/thing/_thing.so: it is imported instead of the library, and was not put there by maturin or this tool",
            ],
        ),
    ]);
}

#[test]
fn sharing() {
    const VARIABLES: [(&str, &str); 1] = [("PYO3_PYTHON", "/p/.venv/bin/python")];
    const SHARE: &str = "share the variables of the build: .cargo/config.local.toml does not have what plain cargo needs";
    check(&[
        (
            "the variables are there",
            |s, _| {
                s.local_config = Some(local_config(&VARIABLES));
                ours(s).changed_sources = vec!["a".into()];
            },
            &["compile thing: a has changed", PLACE],
        ),
        (
            "the file is included since the last build",
            |s, _| {
                s.local_config = Some(local_config(&[]));
                change_call(s, ".cargo/config.toml");
                s.kept_call = Some(call("dev"));
            },
            &[
                SHARE,
                "compile thing: .cargo/config.toml has changed",
                PLACE,
            ],
        ),
        (
            "a variable of another kind of build is there",
            |s, _| {
                s.local_config = Some(local_config(&[VARIABLES[0], ("PYO3_CONFIG_FILE", "/old")]));
                ours(s).changed_sources = vec!["a".into()];
            },
            &[SHARE, "compile thing: a has changed", PLACE],
        ),
        (
            "the user's own variables do not count",
            |s, _| {
                s.local_config = Some(local_config(&[VARIABLES[0], ("CC", "clang")]));
                ours(s).changed_sources = vec!["a".into()];
            },
            &["compile thing: a has changed", PLACE],
        ),
        (
            "what maturin will answer is not known yet",
            |s, _| {
                s.local_config = Some(local_config(&VARIABLES));
                s.package = Package::Missing;
                s.pins = Pins::None;
            },
            &[
                "ask maturin: its answer for this environment is not known",
                "share the variables of the build: cargo and rust-analyzer need what maturin answers",
                "compile thing: nothing of ours is installed",
                "install anew: it is not installed",
            ],
        ),
        (
            "another environment than everybody's is not shared",
            |s, r| {
                s.local_config = Some(local_config(&[]));
                r.venv = Some(Utf8Path::new("/p/.venv-other"));
                ours(s).changed_sources = vec!["a".into()];
            },
            &["compile thing: a has changed", PLACE],
        ),
    ]);
}

#[test]
fn the_hook_for_imports() {
    const PUT: &str =
        "put the hook for imports into the environment: an import is to build the extension";
    const TAKE: &str =
        "take the hook for imports out of the environment: an import is not to build the extension";
    fn hook(situation: &mut Situation, is_wanted: bool, hook: Found) {
        situation.on_import = OnImport { is_wanted, hook };
    }
    check(&[
        ("as it should be", |s, _| hook(s, true, Found::Right), &[]),
        ("asked for", |s, _| hook(s, true, Found::Absent), &[PUT]),
        (
            "of another program",
            |s, _| hook(s, true, Found::Other),
            &[
                "put the hook for imports into the environment: the one that is there is of another program or checkout",
            ],
        ),
        (
            "not wanted any more",
            |s, _| hook(s, false, Found::Right),
            &[TAKE],
        ),
        (
            "beside a build",
            |s, _| {
                hook(s, false, Found::Other);
                ours(s).changed_sources = vec!["a".into()];
            },
            &["compile thing: a has changed", PLACE, TAKE],
        ),
        (
            "an install takes out what the earlier one has listed",
            |s, _| {
                hook(s, true, Found::Right);
                change_install(s, "README.md");
            },
            &[
                "compile thing: cargo is to say whether the library is current",
                "install anew: README.md has changed",
                PUT,
            ],
        ),
    ]);
}

#[test]
fn several_causes_at_once_each_belong_to_their_step() {
    check(&[(
        "an edit, new metadata, a new lock file and a written-over library",
        |s, _| {
            ours(s).changed_sources = vec!["native/src/lib.rs".into()];
            ours(s).placed = Placed::Replaced;
            change_install(s, "pyproject.toml [project]");
            change_dependencies(s, "uv.lock");
        },
        &[
            "install dependencies: uv.lock has changed",
            "compile thing: native/src/lib.rs has changed",
            "install anew: pyproject.toml [project] has changed",
        ],
    )]);
}

/// The verdict and the list of changes for `change`.
fn status(change: Change) -> (Verdict, Vec<String>) {
    let (situation, request) = changed(change);
    let preview = Preview {
        plan: plan(&situation, &request),
        situation,
        steps: Vec::new(),
    };
    let status = Status::of("thing._thing", &preview);
    (status.verdict, status.changed)
}

#[test]
fn the_verdict_of_the_status_is_that_of_the_plan() {
    let rows: [(Change, Verdict, &[&str]); 9] = [
        (|_, _| {}, Verdict::Fresh, &[]),
        (
            |s, _| ours(s).changed_sources = vec!["a".into()],
            Verdict::Stale,
            &["a"],
        ),
        (
            |s, _| s.circumstances.digest = "other".to_owned(),
            Verdict::Stale,
            &["a variable or the toolchain"],
        ),
        (|s, _| ours(s).is_complete = false, Verdict::Stale, &[]),
        (
            |s, _| ours(s).placed = Placed::Replaced,
            Verdict::Stale,
            &["python/thing/_thing.abi3.so (replaced since)"],
        ),
        (
            |s, _| ours(s).placed = Placed::Gone,
            Verdict::Missing,
            &["python/thing/_thing.abi3.so (replaced since)"],
        ),
        (
            |s, _| ours(s).others = vec![other("_thing.so", true, None, false)],
            Verdict::Shadowed,
            &[],
        ),
        (|s, _| s.package = Package::Foreign, Verdict::Foreign, &[]),
        (|s, _| s.package = Package::Missing, Verdict::Missing, &[]),
    ];
    for (change, verdict, names) in rows {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(status(change), (verdict, names));
        assert_eq!(verdict == Verdict::Fresh, steps(change).is_empty());
    }
}

#[test]
fn the_status_can_be_asked_about_the_build_that_there_is() {
    let (situation, request) = changed(|s, _| {
        change_call(s, "options of the command");
        change_install(s, "features");
    });
    assert_eq!(request.build, BuildOptions::default());
    assert!(matches!(plan(&situation, &request), DevPlan::Build(_)));
    let situation = situation.with_options_of_the_last_build();
    assert!(matches!(plan(&situation, &request), DevPlan::Nothing(_)));
}
