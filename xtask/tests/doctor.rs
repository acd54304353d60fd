//! `cargo xtask doctor`: defects put into a sound project one at a time, each named, and gone when it is cured.

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

/// A defect: what finds it, and the words by which it is named.
type Defect<'a> = (&'a str, &'a str, &'a dyn Fn(&Fixture));

#[test]
fn what_is_safe_is_repaired_and_found_no_more() {
    let sound = Sound::new("repaired");
    let wrapper = "[build] # by `cargo xtask sccache`\nrustc-wrapper = \"/gone/sccache\" # by `cargo xtask sccache`\n";
    let defects: [Defect; 5] = [
        ("maturin-keys", "`bindings`", &|project| {
            project.edit(
                "pyproject.toml",
                "python-source",
                "binding = 'pyo3'\npython-source",
            );
        }),
        ("cache-keys", "uv", &|project| {
            project.edit(
                "pyproject.toml",
                "[tool.uv]",
                "[tool.uv]\npackage = true\n[tool.nobodys]",
            );
        }),
        ("editable", "release", &|project| {
            project.edit("pyproject.toml", "editable-profile = \"dev\"", "");
        }),
        ("local-config", "does not include it", &|project| {
            project.write(".cargo/config.toml", "[term]\nquiet = false\n");
            project.write(".cargo/config.local.toml", "[env]\nX = '/my/own'\n");
        }),
        ("wrapper", "/gone/sccache", &|project| {
            project.write(".cargo/config.local.toml", wrapper);
        }),
    ];
    for (name, says, put_in) in defects {
        put_in(&sound.0);
        let findings = sound.findings(&[]);
        assert_eq!(problems(&findings), [name], "{findings:#?}");
        let told = said(&findings, name);
        assert!(told.contains(says), "{told}");
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
    project.edit(
        "pyproject.toml",
        "python-source",
        "binding = 'pyo3'\npython-source",
    );
    project.edit("pyproject.toml", "editable-profile = \"dev\"", "");
    project.edit("pyproject.toml", "[tool.uv]", "[tool.nobodys]");
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

/// What a person does who reads the cure.
type Cure<'a> = &'a dyn Fn(&Fixture);

#[test]
fn what_is_not_safe_is_told_with_a_cure_that_works() {
    let sound = Sound::new("told");
    let remove = |name: &'static str| move |project: &Fixture| remove_all(project, name);
    let defects: [(Defect, Cure); 9] = [
        (
            ("toolchain", "for Rust 1.999", &|project| {
                let package = "[package]\nrust-version = \"1.999\"";
                project.edit("native/Cargo.toml", "[package]", package);
            }),
            &|project| project.edit("native/Cargo.toml", "1.999", "1.94"),
        ),
        (
            (
                "linker",
                "remove the flag from .cargo/config.local.toml",
                &|project| {
                    let flags = "[build]\nrustflags = ['-Clink-arg=-fuse-ld=no-such-linker']\n";
                    project.write(".cargo/config.local.toml", flags);
                },
            ),
            &|project| project.write(".cargo/config.local.toml", ""),
        ),
        (
            ("interpreter", ">=3.99", &|project| {
                project.edit("pyproject.toml", ">=3.11", ">=3.99");
            }),
            &|project| project.edit("pyproject.toml", ">=3.99", ">=3.11"),
        ),
        (
            ("environment", "rm -r", &|project| {
                project.write(".venv/bin/nothing", "");
            }),
            &remove(".venv"),
        ),
        (
            ("flags", "keep these settings in one file", &|project| {
                let flags = "[build]\nrustflags = ['-Ctarget-cpu=native']\n";
                project.write("native/.cargo/config.toml", flags);
            }),
            &|project| {
                remove_all(project, "native/.cargo");
                append(
                    project,
                    ".cargo/config.toml",
                    "[build]\nrustflags = ['-Ctarget-cpu=native']\n",
                );
            },
        ),
        (
            ("backend", "setuptools", &|project| {
                let backend = "build-backend = \"setuptools.build_meta\"";
                project.edit("pyproject.toml", "build-backend = \"maturin\"", backend);
            }),
            &|project| project.edit("pyproject.toml", "\"setuptools.build_meta\"", "\"maturin\""),
        ),
        (
            ("tracked-values", "move `build.target-dir`", &|project| {
                append(
                    project,
                    ".cargo/config.toml",
                    "[build]\ntarget-dir = \"/some/where\"\n",
                );
            }),
            &|project| {
                project.edit(
                    ".cargo/config.toml",
                    "[build]\ntarget-dir = \"/some/where\"\n",
                    "",
                );
                project.write(
                    ".cargo/config.local.toml",
                    "[build]\ntarget-dir = \"/some/where\"\n",
                );
            },
        ),
        (
            ("actions", "gh api repos/actions/checkout", &|project| {
                let workflow = "jobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n";
                project.write(".github/workflows/ci.yml", workflow);
            }),
            &|project| {
                let commit = format!("{} # v4", "0a".repeat(20));
                project.edit(".github/workflows/ci.yml", "v4", &commit);
            },
        ),
        (
            ("colab", "name their Python in `pythons`", &|project| {
                let policy = "[workspace]\n[workspace.metadata.xtask]\ncolab = {}\n[workspace.metadata.xtask.wheel]\nplatforms = [\"manylinux_2_28_x86_64\"]\npythons = [\"3.9\"]\n";
                project.edit("native/Cargo.toml", "[workspace]\n", policy);
                lock(project);
            }),
            &|project| project.edit("native/Cargo.toml", "\"3.9\"", "\"3.13\""),
        ),
    ];
    for ((name, says, put_in), cure) in defects {
        put_in(&sound.0);
        let findings = sound.findings(&[]);
        assert_eq!(problems(&findings), [name], "{findings:#?}");
        let told = said(&findings, name);
        assert!(told.contains(says), "{told}");
        cure(&sound.0);
        assert_eq!(sound.problems(&[]), [""; 0], "{name}");
        sound.restore();
    }
}

fn append(project: &Fixture, name: &str, text: &str) {
    let before = fs_err::read_to_string(project.root().join(name)).unwrap();
    project.write(name, &format!("{before}{text}"));
}

fn remove_all(project: &Fixture, name: &str) {
    fs_err::remove_dir_all(project.root().join(name)).unwrap();
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

    let jobs = "[build]\njobs = 100000\n";
    sound.0.write(".cargo/config.local.toml", jobs);
    let told = said(&sound.findings(&[]), "jobs");
    assert!(
        told.contains("under [build] in .cargo/config.local.toml"),
        "{told}"
    );
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
