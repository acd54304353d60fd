//! `cargo xtask doctor`: defects put into a sound project one at a time, each named, and gone when cured.

use camino::{Utf8Path, Utf8PathBuf};
use doctor::CHECKS;
use processes::{Captured, Invocation};
use serde_json::Value;
use testkit::Fixture;

/// What depends on the machine that the tests run on.
const OF_THE_MACHINE: [&str; 2] = ["disk", "jobs"];

/// A project without a defect, in git.
struct Sound(Fixture);

impl Sound {
    fn new(name: &str) -> Self {
        let sound = Self(Fixture::light(name));
        let include = "include = [{ path = \"config.local.toml\", optional = true }]\n";
        sound.0.write(".cargo/config.toml", include);
        let ignored = "/target/\n.venv\n*.so\nconfig.local.toml\n__pycache__\n";
        sound.0.write(".gitignore", ignored);
        sound.git(&["init", "-q"]);
        // What uv is to know is what is missing yet.
        let done = sound.run(&["--fix"], &[]);
        assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
        sound.git(&["add", "-A"]);
        sound.git(&["commit", "-q", "-m", "sound"]);
        sound
    }

    fn git(&self, args: &[&str]) {
        let git = Invocation::new("git").args(["-c", "user.name=n", "-c", "user.email=e"]);
        let git = git.args(args.iter().copied()).cwd(&self.0.root());
        git.read().expect("git");
    }

    /// Everything as it was before.
    fn restore(&self) {
        self.git(&["reset", "-q", "--hard"]);
        self.git(&["clean", "-fdxq", "-e", "target"]);
    }

    fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Captured {
        run(&self.0.root(), args, env)
    }

    /// The findings, with the exit code that belongs to them.
    fn findings(&self, env: &[(&str, &str)]) -> Vec<Value> {
        findings(&self.0.root(), env)
    }

    /// The names of the checks that find something.
    fn problems(&self, env: &[(&str, &str)]) -> Vec<String> {
        problems(&self.findings(env))
    }
}

/// `cargo xtask doctor` in a shell that sets `env` and nothing else.
fn run(project: &Utf8Path, args: &[&str], env: &[(&str, &str)]) -> Captured {
    let command = xtask(project).arg("doctor").args(args.iter().copied());
    let set = env.iter();
    let command = set.fold(command, |command, (name, value)| command.env(*name, *value));
    command.capture().expect("it starts")
}

fn xtask(project: &Utf8Path) -> Invocation {
    let command = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.as_str()])
        .env("XTASK_NO_STORE", "1")
        .env("XTASK_STORE_DIR", project.with_file_name("store").as_str())
        .env("CARGO_TARGET_DIR", TARGET_DIR);
    let unset = [
        "CARGO_BUILD_JOBS",
        "CARGO_INCREMENTAL",
        "CONDA_PREFIX",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
        "VIRTUAL_ENV",
    ];
    unset.into_iter().fold(command, Invocation::env_remove)
}

/// What is built in other tests as well.
const TARGET_DIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/fixtures");

fn findings(project: &Utf8Path, env: &[(&str, &str)]) -> Vec<Value> {
    let done = run(project, &["--json"], env);
    let findings: Vec<Value> = serde_json::from_str(&done.stdout).expect(&done.stderr);
    let is_problem = findings.iter().any(|it| it["verdict"] == "problem");
    assert_eq!(
        done.status.code(),
        Some(i32::from(is_problem)),
        "{}",
        done.stderr
    );
    findings
}

fn problems(findings: &[Value]) -> Vec<String> {
    let problems = findings.iter().filter(|it| it["verdict"] == "problem");
    let names = problems.map(|problem| {
        assert!(problem["cure"].is_string(), "{problem}");
        problem["name"].as_str().expect("a name").to_owned()
    });
    let mut names: Vec<_> = names.collect();
    names.retain(|name| !OF_THE_MACHINE.contains(&name.as_str()));
    names.dedup();
    names
}

/// The names of the checks that still find something after a repair.
fn left(fixed: &Captured) -> Vec<&str> {
    let lines = fixed.stdout.lines();
    let problems = lines.filter_map(|line| line.strip_prefix("problem ")?.split(':').next());
    let problems = problems.filter(|name| !OF_THE_MACHINE.contains(name));
    problems.collect()
}

/// What the check `name` says, with the cure.
fn said(findings: &[Value], name: &str) -> String {
    let of_check = findings.iter().filter(|it| it["name"] == name);
    let said = of_check.map(|it| format!("{} {}\n", it["text"], it["cure"]));
    said.collect()
}

/// What is done to a file of the project.
enum Edit {
    Replace(&'static str, &'static str, &'static str),
    Append(&'static str, &'static str),
    Write(&'static str, &'static str),
    Remove(&'static str),
    /// Has cargo resolve the dependencies.
    Lock,
}
use Edit::{Append, Lock, Remove, Replace, Write};

impl Edit {
    fn make(&self, project: &Fixture) {
        let path = |name| project.root().join(name);
        match self {
            Replace(name, from, to) => project.edit(name, from, to),
            Append(name, text) => {
                let before = fs_err::read_to_string(path(name)).unwrap();
                project.write(name, &format!("{before}{text}"));
            }
            Write(name, text) => project.write(name, text),
            Remove(name) => fs_err::remove_dir_all(path(name)).unwrap(),
            Lock => lock(project),
        }
    }
}

fn make(edits: &[Edit], project: &Fixture) {
    for edit in edits {
        edit.make(project);
    }
}

/// A defect: the check that finds it, the words by which it is named, and how it is put in.
type Defect<'a> = (&'a str, &'a str, &'a [Edit]);

impl Sound {
    /// Puts `defect` in, which alone is found.
    fn put_in(&self, (name, says, edits): Defect<'_>) {
        make(edits, &self.0);
        let findings = self.findings(&[]);
        assert_eq!(problems(&findings), [name], "{findings:#?}");
        let told = said(&findings, name);
        assert!(told.contains(says), "{told}");
    }

    /// Puts defects in, one at a time, and cures each as its cure says.
    fn cure(&self, defects: &[(Defect<'_>, &[Edit])]) {
        for (defect, cure) in defects {
            self.put_in(*defect);
            make(cure, &self.0);
            assert_eq!(self.problems(&[]), [""; 0], "{}", defect.0);
            self.restore();
        }
    }
}

const PYPROJECT: &str = "pyproject.toml";
const MANIFEST: &str = "native/Cargo.toml";
const TRACKED: &str = ".cargo/config.toml";
const LOCAL: &str = ".cargo/config.local.toml";

/// A misspelt key, a profile that uv does not know of, and no keys for uv.
const REPAIRED: [Edit; 3] = [
    Replace(
        PYPROJECT,
        "python-source",
        "binding = 'pyo3'\npython-source",
    ),
    Replace(PYPROJECT, "editable-profile = \"dev\"", ""),
    Replace(PYPROJECT, "[tool.uv]", "[tool.nobodys]"),
];

#[test]
fn what_is_safe_is_repaired_and_found_no_more() {
    let sound = Sound::new("repaired");
    let wrapper = "[build] # by `cargo xtask sccache`\n\
                   rustc-wrapper = \"/gone/sccache\" # by `cargo xtask sccache`\n";
    let [key, profile, keys] = &REPAIRED;
    for (name, says, edits) in [
        ("maturin-keys", "`bindings`", std::slice::from_ref(key)),
        ("editable", "release", std::slice::from_ref(profile)),
        ("cache-keys", "uv", std::slice::from_ref(keys)),
        (
            "local-config",
            "does not include it",
            &[
                Write(TRACKED, "[term]\nquiet = false\n"),
                Write(LOCAL, "[env]\nX = '/my/own'\n"),
            ],
        ),
        ("wrapper", "/gone/sccache", &[Write(LOCAL, wrapper)]),
    ] {
        sound.put_in((name, says, edits));
        let fixed = sound.run(&["--fix"], &[]);
        assert!(fixed.stdout.contains("\n+++ "), "{}", fixed.stdout);
        assert_eq!(left(&fixed), [""; 0], "{name}: {}", fixed.stdout);
        sound.restore();
    }
}

#[test]
fn repairs_of_one_file_come_together_in_one_diff() {
    let sound = Sound::new("together");
    let project = &sound.0;
    make(&REPAIRED, project);
    assert_eq!(
        sound.problems(&[]),
        ["cache-keys", "editable", "maturin-keys"]
    );
    let path = project.root().join("pyproject.toml");
    let before = fs_err::read_to_string(&path).unwrap();
    let shown = sound.run(&["--fix", "--dry-run"], &[]);
    let after = fs_err::read_to_string(path).unwrap();
    assert_eq!(after, before, "only shown");
    let fixed = sound.run(&["--fix"], &[]);
    assert!(fixed.stdout.starts_with(&shown.stdout), "{}", fixed.stdout);
    assert_eq!(
        fixed.stdout.matches("\n+++ ").count(),
        1,
        "{}",
        fixed.stdout
    );
    assert_eq!(sound.problems(&[]), [""; 0], "{}", fixed.stdout);
}

#[test]
fn what_is_wrong_with_the_machine_is_told_with_a_cure_that_works() {
    const FLAGS: &str = "[build]\nrustflags = ['-Ctarget-cpu=native']\n";
    const LINKER: &str = "[build]\nrustflags = ['-Clink-arg=-fuse-ld=no-such-linker']\n";
    Sound::new("machine").cure(&[
        (
            (
                "toolchain",
                "for Rust 1.999",
                &[Replace(
                    MANIFEST,
                    "[package]",
                    "[package]\nrust-version = \"1.999\"",
                )],
            ),
            &[Replace(MANIFEST, "1.999", "1.94")],
        ),
        (
            (
                "linker",
                "remove the flag from .cargo/config.local.toml",
                &[Write(LOCAL, LINKER)],
            ),
            &[Write(LOCAL, "")],
        ),
        (
            (
                "interpreter",
                ">=3.99",
                &[Replace(PYPROJECT, ">=3.11", ">=3.99")],
            ),
            &[Replace(PYPROJECT, ">=3.99", ">=3.11")],
        ),
        (
            ("environment", "rm -r", &[Write(".venv/bin/nothing", "")]),
            &[Remove(".venv")],
        ),
        (
            (
                "flags",
                "in one file",
                &[Write("native/.cargo/config.toml", FLAGS)],
            ),
            &[Remove("native/.cargo"), Append(TRACKED, FLAGS)],
        ),
    ]);
}

#[test]
fn what_is_wrong_with_the_project_is_told_with_a_cure_that_works() {
    const TARGET: &str = "[build]\ntarget-dir = \"/some/where\"\n";
    const WORKFLOW: &str = ".github/workflows/ci.yml";
    const POLICY: &str = "[workspace]\n[workspace.metadata.xtask]\ncolab = {}\n\
                          [workspace.metadata.xtask.wheel]\n\
                          platforms = [\"manylinux_2_28_x86_64\"]\npythons = [\"3.9\"]\n";
    Sound::new("project").cure(&[
        (
            (
                "backend",
                "setuptools",
                &[Replace(
                    PYPROJECT,
                    "backend = \"maturin\"",
                    "backend = \"setuptools.build_meta\"",
                )],
            ),
            &[Replace(
                PYPROJECT,
                "\"setuptools.build_meta\"",
                "\"maturin\"",
            )],
        ),
        (
            (
                "tracked-values",
                "move `build.target-dir`",
                &[Append(TRACKED, TARGET)],
            ),
            &[Replace(TRACKED, TARGET, ""), Write(LOCAL, TARGET)],
        ),
        (
            (
                "actions",
                "gh api repos/actions/checkout",
                &[Write(WORKFLOW, "steps:\n  - uses: actions/checkout@v4\n")],
            ),
            &[Replace(
                WORKFLOW,
                "v4",
                "3d3c42e5aac5ba805825da76410c181273ba90b1 # v4",
            )],
        ),
        (
            (
                "colab",
                "name their Python in `pythons`",
                &[Replace(MANIFEST, "[workspace]\n", POLICY), Lock],
            ),
            &[Replace(MANIFEST, "\"3.9\"", "\"3.13\"")],
        ),
    ]);
}

/// Has cargo resolve the dependencies, without the network where it can.
fn lock(project: &Fixture) {
    let manifest = project.root().join("native/Cargo.toml");
    let cargo = Invocation::new("cargo").args(["generate-lockfile", "--manifest-path"]);
    let cargo = cargo.arg(manifest.as_str());
    if cargo.clone().arg("--offline").read().is_err() {
        cargo.read().expect("cargo");
    }
}

#[test]
fn what_only_the_lock_file_or_the_shell_tells_is_found() {
    let sound = Sound::new("shell");
    for (name, variable, value) in [
        ("variables", "CARGO_INCREMENTAL", "0"),
        ("variables", "RUSTFLAGS", "-Ctarget-cpu=native"),
        ("pyo3-variables", "PYO3_PYTHON", "/somewhere/python"),
        ("caches", "XTASK_CACHE_DIR", "relative"),
    ] {
        let in_cache = variable == "XTASK_CACHE_DIR";
        let env = [(variable, value), ("XTASK_STORE_DIR", "")];
        let env = if in_cache { &env[..] } else { &env[..1] };
        let findings = sound.findings(env);
        assert_eq!(problems(&findings), [name], "{variable}");
        let told = said(&findings, name);
        assert!(told.contains(variable), "{told}");
    }
    lock(&sound.0);
    assert_eq!(sound.problems(&[]), [""; 0]);
    sound.0.edit("pyproject.toml", ">=3.11", ">=3.9");
    assert_eq!(sound.problems(&[]), ["abi"]);
    let told = said(&sound.findings(&[]), "abi");
    assert!(told.contains("requires-python = \\\">=3.11\\\""), "{told}");
}

/// No machine has the memory for so many.
#[test]
#[cfg(target_os = "linux")]
fn more_jobs_than_the_memory_bears_are_told_and_ours_are_corrected() {
    let sound = Sound::new("jobs");
    let local = sound.0.root().join(LOCAL);
    sound.0.write(LOCAL, "[build]\njobs = 100000\n");
    let told = said(&sound.findings(&[]), "jobs");
    assert!(
        told.contains("under [build] in .cargo/config.local.toml"),
        "{told}"
    );
    let by = "# by `cargo xtask machine`";
    sound
        .0
        .write(LOCAL, &format!("[build] {by}\njobs = 100000 {by}\n"));
    let told = said(&sound.findings(&[]), "jobs");
    assert!(told.contains("`cargo xtask machine`"), "{told}");
    let fixed = sound.run(&["--fix"], &[]);
    assert!(!fixed.stdout.contains("problem jobs"), "{}", fixed.stdout);
    let text = fs_err::read_to_string(local).unwrap_or_default();
    assert!(!text.contains("100000"), "{text}");
}

#[test]
fn what_is_installed_is_compared_with_the_sources_and_with_uv() {
    let sound = Sound::new("installed");
    let root = sound.0.root();
    let dev = || {
        let done = xtask(&root).arg("dev").capture().expect("it starts");
        assert!(done.status.success(), "{}", done.stderr);
    };
    dev();
    assert_eq!(sound.problems(&[]), [""; 0], "{:#?}", sound.findings(&[]));
    // Plain cargo and `dev` give pyo3 the same, or it is said.
    let local = ".cargo/config.local.toml";
    sound.0.write(local, "[env]\nPYO3_PYTHON = '/another'\n");
    assert_eq!(sound.problems(&[]), ["pyo3-variables"]);
    dev();

    sound.0.edit("native/src/lib.rs", "42", "43");
    assert_eq!(sound.problems(&[]), ["extension"]);
    let told = said(&sound.findings(&[]), "extension");
    assert!(told.contains("native/src/lib.rs has changed"), "{told}");
    dev();
    assert_eq!(sound.problems(&[]), [""; 0]);

    let library = library(&root.join("python/installed"));
    let version = Invocation::new(root.join(".venv/bin/python"));
    let suffix = "import importlib.machinery as m; print(m.EXTENSION_SUFFIXES[0])";
    let suffix = version.args(["-c", suffix]).read().expect("Python");
    let other = library.with_file_name(format!("_installed{}", suffix.trim()));
    fs_err::copy(&library, &other).unwrap();
    assert_eq!(sound.problems(&[]), ["extension"]);
    let told = said(&sound.findings(&[]), "extension");
    assert!(told.contains(other.file_name().unwrap()), "{told}");
    dev();
    assert_eq!(sound.problems(&[]), [""; 0]);
}

/// The extension in `dir`.
fn library(dir: &Utf8Path) -> Utf8PathBuf {
    let entries = dir.read_dir_utf8().expect("it is there").flatten();
    let mut paths = entries.map(camino::Utf8DirEntry::into_path);
    let library = paths.find(|path| path.as_str().ends_with(".so"));
    library.expect("it was built")
}

#[test]
fn a_project_that_cannot_be_read_ends_none_of_the_other_checks() {
    for (file, text, says) in [
        ("pyproject.toml", Some("[project"), "cannot parse"),
        ("pyproject.toml", None, "no pyproject.toml"),
        ("native/Cargo.toml", None, "native/Cargo.toml"),
        (
            "native/Cargo.toml",
            Some("[package]\nname = 'x'\nversion = 'no'"),
            "version",
        ),
        (".cargo/config.toml", Some("[build"), ".cargo/config.toml"),
        ("native/src/lib.rs", None, "no such file"),
        (
            "native/src/lib.rs",
            Some("#[pyo3::pymodule]\nmod core {}"),
            "the module under #[pymodule] is called `core`",
        ),
    ] {
        let project = Fixture::light("broken");
        match text {
            Some(text) => project.write(file, text),
            None => fs_err::remove_file(project.root().join(file)).unwrap(),
        }
        let findings = findings(&project.root(), &[]);
        assert_eq!(problems(&findings)[0], "project", "{file} {findings:#?}");
        let told = said(&findings, "project");
        assert!(told.contains(says), "{told}");
        let ran = CHECKS
            .iter()
            .all(|check| findings.iter().any(|it| it["name"] == check.name));
        assert!(ran, "{findings:#?}");
        let is_ok = |name: &str| {
            findings
                .iter()
                .any(|it| it["name"] == name && it["verdict"] == "ok")
        };
        assert!(
            is_ok("variables") && is_ok("caches") && is_ok("actions"),
            "{findings:#?}"
        );
    }
}

#[test]
fn people_read_a_line_for_each_check_and_the_way_to_repair() {
    let project = Fixture::light("read");
    let before = fs_err::read_to_string(project.root().join("pyproject.toml")).unwrap();
    let done = run(&project.root(), &[], &[]);
    assert_eq!(done.status.code(), Some(1));
    for part in [
        "     ok project: read, whose",
        "problem cache-keys: ",
        "help: `cargo xtask --project",
    ] {
        assert!(
            done.stdout.contains(part),
            "{part} is not in {}",
            done.stdout
        );
    }
    assert!(
        done.stderr.contains("doctor --fix` repairs 2 of them"),
        "{}",
        done.stderr
    );
    let after = fs_err::read_to_string(project.root().join("pyproject.toml")).unwrap();
    assert_eq!(after, before, "nothing is written");
    assert!(!project.root().join("native/Cargo.lock").exists());
}

/// The page lists every check, in the words of the program.
#[test]
fn the_manual_has_every_check() {
    let page = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    let page = fs_err::read_to_string(page).expect("docs/doctor.md");
    for check in &CHECKS {
        let row = format!("| `{}` | {} |", check.name, check.about);
        assert!(page.contains(&row), "docs/doctor.md lacks the row {row}");
    }
}
