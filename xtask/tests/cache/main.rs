//! `cargo xtask sccache` with the real sccache, cargo and, where it is installed, Redis.

mod explain;
mod install;
mod loops;
mod refuse;
mod share;
mod switch;

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use python_tools::{PinnedRequirements, Toolbox};
use testkit::{Fixture, TempDir};

/// A project with two registry crates and nothing that is slow to compile.
fn project(name: &str) -> Fixture {
    let fixture = Fixture::pure_rust(name);
    let cargo_toml = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\ncfg-if = \"=1.0.4\"\nmemchr = \"=2.7.6\"\n\n[workspace]\n"
    );
    fixture.write("Cargo.toml", &cargo_toml);
    fixture.write("src/lib.rs", "pub use memchr::memchr;\n");
    // pyo3 would take its time, and is not what these tests are about.
    let bindings = "[tool.maturin]\nbindings = \"pyo3\"\n\n[project]";
    fixture.edit("pyproject.toml", "[project]", bindings);
    fixture
}

/// How many registry crates that is.
const REGISTRY_CRATES: u64 = 2;

/// What a test has for itself: a server of sccache, a store, and a directory of tools.
struct Cache {
    dir: TempDir,
    sccache: Utf8PathBuf,
}

impl Cache {
    fn new() -> Self {
        let toolbox = Toolbox::new(requirements(), false);
        let sccache = toolbox.fetch_pinned("sccache", &|_, _| {});
        Self {
            dir: TempDir::new(),
            sccache: sccache.expect("sccache").path,
        }
    }

    fn store(&self) -> Utf8PathBuf {
        self.dir.path().join("store")
    }

    /// `command`, which finds this server and nobody else's settings.
    fn with(&self, command: Invocation) -> Invocation {
        let names = std::env::vars().map(|(name, _)| name);
        let others = names.filter(|name| {
            name.starts_with("SCCACHE_") || name.starts_with("CARGO_") && name.contains("WRAPPER")
        });
        let command = others.fold(command, Invocation::env_remove);
        command
            .env("SCCACHE_SERVER_UDS", self.dir.path().join("s").as_str())
            .env_remove("RUSTC_WRAPPER")
            .env_remove("CARGO_INCREMENTAL")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("VIRTUAL_ENV")
    }

    /// `cargo xtask` for `project`.
    fn xtask(&self, project: &Fixture, args: &[&str]) -> Captured {
        let command = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["--project", project.root().as_str()])
            .args(args.iter().copied())
            // What the compiler cache keeps is compiled.
            .env("XTASK_NO_STORE", "1");
        self.with(command).capture().expect("it starts")
    }

    fn xtask_ok(&self, project: &Fixture, args: &[&str]) -> Captured {
        let done = self.xtask(project, args);
        assert!(done.status.success(), "{args:?}: {}", done.stderr);
        done
    }

    /// `cargo xtask sccache enable`, on disk, with this sccache.
    fn enable(&self, project: &Fixture, args: &[&str]) -> Captured {
        let (program, store) = (self.sccache.as_str(), self.store());
        let fixed = [
            "sccache",
            "enable",
            "--program",
            program,
            "--dir",
            store.as_str(),
        ];
        self.xtask_ok(project, &[&fixed, args].concat())
    }

    /// `cargo build` in the project, as anybody would call it.
    fn cargo_build(&self, project: &Fixture) -> Captured {
        let command = Invocation::new("cargo").arg("build").cwd(&project.root());
        self.with(command).capture().expect("it starts")
    }

    /// What the cache has counted since the last call.
    fn counted(&self, project: &Fixture) -> Counted {
        let done = self.xtask_ok(project, &["sccache", "stats", "--json", "--zero"]);
        let stats: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
        let rust = |of: &str| stats[of]["Rust"].as_u64().unwrap_or(0);
        Counted {
            hits: rust("hits"),
            misses: rust("misses"),
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let stop = Invocation::new(&self.sccache).arg("--stop-server");
        let _ = self.with(stop).capture();
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Counted {
    hits: u64,
    misses: u64,
}

fn requirements() -> PinnedRequirements {
    let file = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../requirements/tools.txt");
    let text = fs_err::read_to_string(file).expect("it can be read");
    PinnedRequirements::parse(&text).expect("it is pinned")
}

/// The configuration files of a project, by name, with their bytes.
fn configuration(project: &Fixture) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = project.root().join(".cargo").read_dir_utf8() else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| {
            let bytes = fs_err::read(entry.path()).expect("it can be read");
            (entry.file_name().to_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

/// Removes what cargo has built.
fn clean(project: &Fixture) {
    let target = project.root().join("target");
    if target.exists() {
        fs_err::remove_dir_all(target).expect("it can be removed");
    }
}
