//! Why more was compiled than the edit explains: made causes, each named with its cure, in words that agree
//! with what cargo says in its own log.

use std::time::{Duration, SystemTime};

use camino::Utf8Path;
use processes::Invocation;
use testkit::{FakePrograms, Fixture};

use crate::xtask;

/// An extension that is made with a path crate, which has a build script and a feature.
fn project(name: &str) -> Fixture {
    let project = Fixture::light(name);
    let leaf = "pyo3-ffi = { version = \"0.30\", features = [\"abi3-py311\"] }\nleaf = { path = \"leaf\" }\n";
    let manifest = "native/Cargo.toml";
    let line = "pyo3-ffi = { version = \"0.30\", features = [\"abi3-py311\"] }\n";
    project.edit(manifest, line, leaf);
    project.edit(
        "native/src/lib.rs",
        "PyLong_FromLong(42)",
        "PyLong_FromLong(42 + leaf::one())",
    );
    let package = "[package]\nname = \"leaf\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[features]\nextra = []\n";
    project.write("native/leaf/Cargo.toml", package);
    let source = "pub fn one() -> std::ffi::c_long { option_env!(\"WHY_READ\").is_some() as _ }\n";
    project.write("native/leaf/src/lib.rs", source);
    script(&project, "cargo::rerun-if-env-changed=WHY_DECLARED");
    project
}

/// The build script of `leaf`, which prints this.
fn script(project: &Fixture, prints: &str) {
    let text = format!("fn main() {{ println!(\"{prints}\"); }}\n");
    project.write("native/leaf/build.rs", &text);
}

/// `cargo xtask dev` with these variables, which must succeed, and what cargo logs: standard error.
fn dev(project: &Fixture, variables: &[(&str, &str)]) -> String {
    let command = logging(xtask(&project.root()).arg("dev"));
    let add = |command: Invocation, (name, value): &(&str, &str)| command.env(*name, *value);
    let done = variables.iter().fold(command, add).capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    done.stderr
}

fn why(project: &Fixture, args: &[&str]) -> String {
    let why = logging(xtask(&project.root()).arg("why"));
    why.args(args.iter().copied()).read().unwrap()
}

/// With a target directory of its own, and cargo's log. What is kept elsewhere would be given back, and not
/// compiled.
fn logging(command: Invocation) -> Invocation {
    let command = command
        .env("CARGO_LOG", "cargo::core::compiler::fingerprint=info")
        .env("XTASK_NO_STORE", "1")
        .env("RUST_BACKTRACE", "0");
    command
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
}

fn cargo(project: &Fixture, args: &[&str]) {
    let cargo = Invocation::new("cargo").args(args.iter().copied());
    let cargo = cargo.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
    let dir = project.root().join("native");
    cargo.cwd(&dir).read().unwrap();
}

/// What the build that said `said` has said of the cause.
fn line(said: &str) -> &str {
    let mut lines = said.lines().map(str::trim_start);
    lines
        .find_map(|line| line.strip_prefix("Why "))
        .unwrap_or_default()
}

/// That the last build has named the cause and the cure, in one line and in full, and that cargo agrees.
#[track_caller]
fn is_named(project: &Fixture, said: &str, [words, cure, of_cargo]: [&str; 3]) {
    let line = line(said);
    assert!(
        line.contains(words) && line.contains(cure),
        "{words}: {line:?}\n{said}"
    );
    let full = why(project, &[]);
    assert!(full.contains(words) && full.contains(cure), "{full}");
    assert!(said.contains(of_cargo), "{of_cargo}: {said}");
}

fn edit(project: &Fixture) {
    project.edit(
        "native/src/lib.rs",
        "PyLong_FromLong(",
        "PyLong_FromLong(0 + ",
    );
}

#[test]
fn causes_in_variables_files_and_artefacts_are_named() {
    let project = project("why_thing");
    a_first_build_and_edits_are_no_news(&project);
    variables(&project);
    artefacts(&project);
    times(&project);
    inputs(&project);
}

fn a_first_build_and_edits_are_no_news(project: &Fixture) {
    let said = dev(project, &[]);
    assert_eq!(line(&said), "", "a first build is no news: {said}");
    let full = why(project, &[]);
    assert!(full.contains("not built here before"), "{full}");
    assert!(full.contains("a build would do nothing now"), "{full}");
    edit(project);
    let preview = why(project, &[]);
    let step = "  compile why_thing: native/src/lib.rs has changed";
    assert!(preview.contains(step), "{preview}");
    assert_eq!(line(&dev(project, &[])), "", "nor is an edit");
    project.edit("native/leaf/src/lib.rs", "as _", "as std::ffi::c_long");
    assert_eq!(line(&dev(project, &[])), "", "nor what is made of it");
}

fn variables(project: &Fixture) {
    let read = [("WHY_READ", "secret")];
    let words =
        "leaf and why_thing: the variable WHY_READ has changed, which a crate reads by `env!`";
    let said = dev(project, &read);
    is_named(
        project,
        &said,
        [
            words,
            "in `[env]` of .cargo/config.toml",
            "ChangedEnv { var: \"WHY_READ\"",
        ],
    );
    let declared = [("WHY_READ", "secret"), ("WHY_DECLARED", "secret")];
    let words = "the variable WHY_DECLARED has changed, which a build script declares";
    let said = dev(project, &declared);
    is_named(
        project,
        &said,
        [
            words,
            "in every shell and editor",
            "EnvVarChanged { name: \"WHY_DECLARED\"",
        ],
    );
    assert!(!why(project, &["--json"]).contains("secret"));
    dev(project, &[]);

    // Somebody builds without pyo3's variables.
    cargo(project, &["build", "--quiet"]);
    edit(project);
    let words = "PYO3_BUILD_EXTENSION_MODULE is 1, and was not set; PYO3_CONFIG_FILE is ";
    let said = dev(project, &[]);
    is_named(
        project,
        &said,
        [words, "config.local.toml", "EnvVarChanged { name: \"PYO3_"],
    );

    // The edit explains the extension.
    assert!(line(&said).starts_with("pyo3-ffi: "), "{said}");
}

fn artefacts(project: &Fixture) {
    cargo(project, &["clean", "--quiet", "-p", "libc"]);
    edit(project);
    let said = dev(project, &[]);
    let words = "what was built of it is gone";
    is_named(
        project,
        &said,
        [
            words,
            "clears up the target directory",
            "fingerprint error for libc",
        ],
    );
    assert!(line(&said).starts_with("libc and pyo3-ffi: "), "{said}");
    let json: serde_json::Value = serde_json::from_str(&why(project, &["--json"])).unwrap();
    let first = &json["last"]["causes"][0];
    assert_eq!(first["roots"], serde_json::json!(["libc"]), "{json}");
    assert_eq!(first["only_for_this"], 2, "{json}");
    assert_eq!(json["now"], serde_json::json!([]));
}

fn times(project: &Fixture) {
    let source = project.root().join("native/leaf/src/lib.rs");
    let set_time = |time| {
        let file = fs_err::OpenOptions::new()
            .write(true)
            .open(&source)
            .unwrap();
        file.file().set_modified(time).unwrap();
    };
    set_time(SystemTime::now() + Duration::from_hours(24));
    edit(project);
    let words = "native/leaf/src/lib.rs has a time in the future";
    let said = dev(project, &[]);
    is_named(
        project,
        &said,
        [words, "`touch native/leaf/src/lib.rs`", "ChangedFile {"],
    );
    set_time(SystemTime::now());
}

fn inputs(project: &Fixture) {
    script(project, "cargo::rerun-if-changed=gone.txt");
    dev(project, &[]);
    edit(project);
    let said = dev(project, &[]);
    assert_eq!(line(&said), "", "each build says so: {said}");
    let full = why(project, &[]);
    let words = "leaf and why_thing: the build script of leaf names native/leaf/gone.txt, which is not there";
    assert!(
        full.contains(words) && full.contains("make the file"),
        "{full}"
    );

    script(project, "nothing");
    dev(project, &[]);
    project.write("native/leaf/notes.txt", "");
    let said = dev(project, &[]);
    let words = "leaf and why_thing: notes.txt has changed, and the build script of leaf declares no inputs";
    assert!(
        line(&said).contains(words) && line(&said).contains("rerun-if-changed=FILE"),
        "{said}"
    );
}

#[test]
fn causes_in_settings_are_named() {
    let project = project("why_settings_thing");
    versions_and_features(&project);
    compilers(&project);
    flags_and_profiles(&project);
}

fn versions_and_features(project: &Fixture) {
    let repository = Fixture::new();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"];
        let git = Invocation::new("git")
            .args(identity)
            .args(args.iter().copied());
        git.cwd(&repository.root()).read().unwrap();
    };
    let release = |version: &str| {
        let package =
            format!("[package]\nname = \"other\"\nversion = \"{version}\"\nedition = \"2024\"\n");
        repository.write("Cargo.toml", &package);
        repository.write("src/lib.rs", "");
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", version]);
    };
    git(&["init", "--quiet"]);
    release("0.1.0");
    let other = format!(
        "leaf = {{ path = \"leaf\" }}\nother = {{ git = \"file://{}\" }}",
        repository.root()
    );
    project.edit("native/Cargo.toml", "leaf = { path = \"leaf\" }", &other);
    dev(project, &[]);

    release("0.2.0");
    cargo(project, &["update", "--quiet", "-p", "other"]);
    let said = dev(project, &[]);
    let words = "other and why_settings_thing: Cargo.lock has other 0.2.0 (before, 0.1.0)";
    is_named(
        project,
        &said,
        [words, "`--locked`", "fingerprint error for other v0.2.0"],
    );

    project.edit(
        "native/Cargo.toml",
        "path = \"leaf\"",
        "path = \"leaf\", features = [\"extra\"]",
    );
    let said = dev(project, &[]);
    let words = "leaf and why_settings_thing: other features: now with leaf/extra";
    is_named(
        project,
        &said,
        [words, "with the same options", "fingerprint error for leaf"],
    );
}

fn compilers(project: &Fixture) {
    let fakes = FakePrograms::new();
    fakes.add("wrapper", "exec \"$@\"");
    let wrapper = fakes.dir().join("wrapper");
    let said = dev(project, &[("RUSTC_WORKSPACE_WRAPPER", wrapper.as_str())]);
    let words = "leaf and why_settings_thing: RUSTC_WORKSPACE_WRAPPER has changed";
    is_named(
        project,
        &said,
        [
            words,
            "a target directory of its own",
            "fingerprint error for leaf",
        ],
    );
    dev(project, &[]);

    // The same compiler, which says that it is another one.
    let rustc = Invocation::new("rustc")
        .args(["--print", "sysroot"])
        .read()
        .unwrap();
    let rustc = Utf8Path::new(rustc.trim()).join("bin/rustc");
    let script = format!(
        "case \"$*\" in *-vV*) '{rustc}' \"$@\" | sed 's/^commit-date: .*/commit-date: 2000-01-01/; s/^\\(rustc [^ ]*\\).*/\\1 (another)/' ;; *) exec '{rustc}' \"$@\" ;; esac"
    );
    fakes.add("rustc", &script);
    let other = fakes.dir().join("rustc");
    let said = dev(project, &[("RUSTC", other.as_str())]);
    is_named(
        project,
        &said,
        [
            "another toolchain: rustc ",
            "rust-toolchain.toml",
            "RustcChanged",
        ],
    );
    assert!(line(&said).contains(" (another), before rustc "), "{said}");
    dev(project, &[]);
}

fn flags_and_profiles(project: &Fixture) {
    let flags = [("RUSTFLAGS", "-Cdebuginfo=0")];
    let said = dev(project, &flags);
    let words = "the variable RUSTFLAGS gives rustc other flags: `-Cdebuginfo=0`, before none";
    is_named(project, &said, [words, "holds for all", "RustflagsChanged"]);
    dev(project, &[]);

    project.edit(
        "native/Cargo.toml",
        "[workspace]",
        "[profile.dev]\ndebug = 0\n\n[workspace]",
    );
    let said = dev(project, &[]);
    let words = "profile.dev.debug is 0, and was not set";
    is_named(
        project,
        &said,
        [
            words,
            "[profile.dev.package.NAME]",
            "ProfileConfigurationChanged",
        ],
    );

    // Somebody builds in the directory of the crate, which has flags of its own.
    project.write(
        "native/.cargo/config.toml",
        "[build]\nrustflags = [\"-Copt-level=1\"]\n",
    );
    project.write(
        ".cargo/config.toml",
        "[build]\nrustflags = [\"-Copt-level=2\"]\n",
    );
    cargo(project, &["build", "--quiet"]);
    let said = dev(project, &[]);
    let words = "RUSTFLAGS differ between .cargo/config.toml and native/.cargo/config.toml";
    is_named(
        project,
        &said,
        [
            words,
            "one file that both directories read",
            "fingerprint error for libc",
        ],
    );
    // Each has its own now, and keeps it.
    edit(project);
    assert_eq!(line(&dev(project, &[])), "");
}

/// Two checkouts with one target directory: the second has the units of the first in front of it.
#[test]
fn a_target_directory_that_another_checkout_uses_is_named() {
    let (one, other) = (project("why_shared_thing"), project("why_shared_thing"));
    let target = one.beside("target");
    let dev = |project: &Fixture| {
        let command = logging(xtask(&project.root()).arg("dev"));
        let done = command
            .env("CARGO_TARGET_DIR", target.as_str())
            .capture()
            .unwrap();
        assert!(done.status.success(), "{}", done.stderr);
        done.stderr
    };
    assert_eq!(line(&dev(&one)), "");
    let words = format!("another checkout has built into {target} since");
    for project in [&other, &one] {
        edit(project);
        let said = dev(project);
        let line = line(&said);
        assert!(
            line.contains(&words) && line.contains("by CARGO_TARGET_DIR"),
            "{line:?}: {said}"
        );
    }
    edit(&one);
    assert_eq!(line(&dev(&one)), "");
}
