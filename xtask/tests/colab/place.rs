//! A project, its releases, and Pythons to install them into.

use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use python_tools::{Interpreter, PinnedRequirements, Toolbox, python};
use serde_json::{Value, json};
use testkit::{Fixture, GitHub, TempDir};

/// The repository on the GitHub of the tests.
pub(crate) const REPOSITORY: &str = "owner/thing";

/// A project of which two builds have been made.
pub(crate) struct Builds {
    pub(crate) project: Fixture,
    /// The output directories of both builds.
    dir: Utf8PathBuf,
}

/// The builds, which are made once for each xtask: every test is a process of its own.
pub(crate) fn builds() -> &'static Builds {
    static BUILDS: OnceLock<Builds> = OnceLock::new();
    BUILDS.get_or_init(|| {
        let all = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("colab");
        fs_err::create_dir_all(&all).unwrap();
        let lock = fs_err::File::create(all.join("lock")).unwrap();
        lock.file().lock().unwrap();
        let dir = all.join(age_of_xtask().to_string());
        let project = Fixture::mixed("thing");
        let extra = "[project.optional-dependencies]\nold = [\"other<2\"]\n\n[project.scripts]";
        project.edit("pyproject.toml", "[project.scripts]", extra);
        if !dir.join("second/manifest.json").is_file() {
            make(&project, &all, &dir);
        }
        Builds { project, dir }
    })
}

/// When it was compiled, in nanoseconds since 1970.
fn age_of_xtask() -> u128 {
    let modified = fs_err::metadata(env!("CARGO_BIN_EXE_xtask"))
        .unwrap()
        .modified()
        .unwrap();
    modified
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos()
}

/// Builds into `dir`, and removes what others have left in `all`.
fn make(project: &Fixture, all: &Utf8Path, dir: &Utf8Path) {
    for old in all
        .read_dir_utf8()
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
    {
        fs_err::remove_dir_all(old.path()).unwrap();
    }
    project.write(".gitignore", "/target\nCargo.lock\n");
    git(project, &["init", "--quiet"]);
    build(project, &dir.join("first"));
    project.write("python/thing/second.py", "");
    build(project, &dir.join("second"));
}

fn build(project: &Fixture, dist: &Utf8Path) {
    git(project, &["add", "."]);
    git(project, &["commit", "--quiet", "-m", "one more"]);
    let wheel = xtask(project, &["wheel", "--out", dist.as_str()])
        .env(
            "CARGO_TARGET_DIR",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/wheels"),
        )
        .capture()
        .expect("it starts");
    assert!(wheel.status.success(), "{}", wheel.stderr);
}

fn git(project: &Fixture, args: &[&str]) {
    let git = Invocation::new("git").args(["-c", "user.name=t", "-c", "user.email=t@t"]);
    git.args(args.iter().copied())
        .cwd(&project.root())
        .read()
        .expect("git");
}

/// `cargo xtask` with `args`.
pub(crate) fn xtask(project: &Fixture, args: &[&str]) -> Invocation {
    Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.root().as_str()])
        .args(args.iter().copied())
        .env_remove("VIRTUAL_ENV")
        .env_remove("GITHUB_OUTPUT")
        .env_remove("GITHUB_STEP_SUMMARY")
        .env_remove("GITHUB_REPOSITORY")
        .cwd(&project.root())
}

impl Builds {
    /// The manifest of the first build, or of the second.
    pub(crate) fn manifest(&self, is_second: bool) -> Value {
        let text = fs_err::read_to_string(self.manifest_path(is_second)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) fn manifest_path(&self, is_second: bool) -> Utf8PathBuf {
        self.dist(is_second).join("manifest.json")
    }

    fn dist(&self, is_second: bool) -> Utf8PathBuf {
        self.dir.join(if is_second { "second" } else { "first" })
    }

    /// The text of the cell for this GitHub.
    pub(crate) fn cell(&self, github: &GitHub, args: &[&str]) -> String {
        let repository = format!("{}/{REPOSITORY}", github.url());
        let snippet = xtask(&self.project, &["colab-snippet", "--repo", &repository]);
        snippet.args(args.iter().copied()).read().expect("a cell")
    }
}

/// A GitHub with the repository; none, with the reason said, where it cannot be started.
pub(crate) fn github() -> Option<GitHub> {
    let python = python::newest("any Python", |_| true).expect("a Python");
    let github = GitHub::start(python.executable.as_str())?;
    github.repository(REPOSITORY, "token");
    github.commit(REPOSITORY, &"a".repeat(40), &[]);
    github.release(REPOSITORY, "latest", json!({}));
    Some(github)
}

/// Puts a build into the release, as `cargo xtask release finish` leaves it.
pub(crate) fn publish(github: &GitHub, is_second: bool) {
    let builds = builds();
    let manifest = builds.manifest(is_second);
    let file = manifest["wheels"][0]["file"].as_str().unwrap();
    github.remove(REPOSITORY, file);
    github.asset(
        REPOSITORY,
        "latest",
        file,
        &builds.dist(is_second).join(file),
    );
    publish_manifest(github, &manifest);
}

pub(crate) fn publish_manifest(github: &GitHub, manifest: &Value) {
    let dir = TempDir::new();
    let path = dir.path().join("manifest.json");
    fs_err::write(&path, manifest.to_string()).unwrap();
    github.remove(REPOSITORY, "manifest.json");
    github.asset(REPOSITORY, "latest", "manifest.json", &path);
}

/// uv, fetched if it is missing.
pub(crate) fn uv() -> Utf8PathBuf {
    let text = include_str!("../../../requirements/tools.txt");
    let toolbox = Toolbox::new(PinnedRequirements::parse(text).unwrap(), false);
    toolbox.uv(&|_, _| {}).expect("uv").path
}

/// A fresh environment.
pub(crate) struct Runtime {
    pub(crate) dir: TempDir,
}

impl Runtime {
    /// One for `python`.
    pub(crate) fn of(python: &Interpreter) -> Self {
        let dir = TempDir::new();
        let venv = dir.path().join("venv");
        let make =
            Invocation::new(uv()).args(["venv", "--quiet", "--no-project", "--seed", "--python"]);
        make.args([python.executable.as_str(), venv.as_str()])
            .read()
            .expect("an environment");
        Self { dir }
    }

    /// One for the newest Python that the wheels are for.
    pub(crate) fn new() -> Self {
        let in_range = |python: &Interpreter| {
            python.pep440().is_some_and(|version| {
                version.release() >= &[3, 11] && version.release() < &[3, 14]
            })
        };
        Self::of(&python::newest("3.11 to 3.13", in_range).expect("a Python"))
    }

    pub(crate) fn python(&self) -> Utf8PathBuf {
        self.dir.path().join("venv/bin/python")
    }

    /// Runs Python code there, with the variables for `github`. `PATH` is uv's directory and the system's.
    pub(crate) fn run(&self, github: &GitHub, code: &str) -> Captured {
        self.command(github, code).capture().expect("Python starts")
    }

    pub(crate) fn command(&self, github: &GitHub, code: &str) -> Invocation {
        let script = self.dir.path().join("cell.py");
        fs_err::write(&script, code).unwrap();
        let uv = uv();
        let mut command = Invocation::new(self.python())
            .arg(script.as_str())
            .cwd(self.dir.path())
            .env("PATH", format!("{}:/usr/bin:/bin", uv.parent().unwrap()))
            .env_remove("PYTHONPATH");
        for (name, value) in github.env() {
            command = command.env(name, value);
        }
        command
    }

    /// The version of the project that is installed.
    pub(crate) fn installed(&self) -> Option<String> {
        let code = "import importlib.metadata as m; print(next((d.version for d in m.distributions(name='thing')), ''))";
        let version = Invocation::new(self.python())
            .args(["-c", code])
            .read()
            .unwrap();
        Some(version.trim().to_owned()).filter(|version| !version.is_empty())
    }
}
