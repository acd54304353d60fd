//! scripts/dev-init.sh: for real in a fresh clone, and with stand-ins where a toolchain would have to be
//! downloaded.

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use testkit::{FakePrograms, TempDir};

fn repository() -> Utf8PathBuf {
    let xtask = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("it lies in the workspace").to_owned()
}

/// The contents of all files below `dir`, by path.
fn contents(dir: &Utf8Path) -> Vec<(Utf8PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter();
    let files = entries
        .flatten()
        .filter(|entry| entry.file_type().is_file());
    files
        .filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
        .map(|path| (path.clone(), fs_err::read(&path).expect("it can be read")))
        .collect()
}

#[test]
fn a_fresh_clone_is_set_up_and_a_second_run_changes_nothing() {
    let (dir, home) = (TempDir::new(), TempDir::new());
    let clone = dir.path().join("clone");
    let git = |args: &[&str]| {
        let command = Invocation::new("git").args(args.iter().copied());
        command.read().expect("git")
    };
    git(&["clone", "--quiet", repository().as_str(), clone.as_str()]);
    let mine = home.path().join(".bashrc");
    fs_err::write(&mine, "# mine\n").expect("it can be written");
    cargo_with_the_automation(home.path());
    let init = |offline: bool| {
        let command = Invocation::new("scripts/dev-init.sh")
            .env("HOME", home.path().as_str())
            .env_remove("CARGO_HOME")
            .env("RUSTUP_HOME", rustup_home().as_str())
            // Kept from one run of this test to the next.
            .env(
                "CARGO_TARGET_DIR",
                concat!(env!("CARGO_TARGET_TMPDIR"), "/dev-init"),
            )
            .env("SCCACHE_SERVER_UDS", home.path().join("s").as_str())
            .env("CARGO_NET_OFFLINE", if offline { "true" } else { "false" })
            // What other builds of this machine have made is made once.
            .env("XTASK_STORE_DIR", store().as_str())
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XTASK_CACHE_DIR")
            .env_remove("VIRTUAL_ENV")
            .cwd(&clone);
        let done = command.capture().expect("it starts");
        assert!(done.status.success(), "{}", done.stderr);
        done.stderr
    };
    let first = init(false);
    assert!(
        first.contains("Importable") && first.contains("dev-init: ready in"),
        "{first}"
    );
    let local = clone.join(".cargo/config.local.toml");
    let settings = fs_err::read(&local).expect("this machine's settings");
    let second = init(true);
    // The environment is another one, and there is nothing to compile.
    let is_done = ["Rebuilt nothing", "Restored the extension"];
    assert!(is_done.iter().any(|it| second.contains(it)), "{second}");
    assert_eq!(fs_err::read(&local).expect("they are there"), settings);
    assert_eq!(git(&["-C", clone.as_str(), "status", "--porcelain"]), "");
    assert_eq!(
        fs_err::read_to_string(mine).expect("it is there"),
        "# mine\n"
    );
    // Nothing has been put into a shell's profile, and nothing beside the cargo that was there.
    let at_home = contents(home.path());
    let outside_caches = at_home.iter().filter(|(path, _)| {
        !path.starts_with(home.path().join(".cache")) && !path.as_str().ends_with("/s")
    });
    let outside_caches: Vec<_> = outside_caches.map(|(path, _)| path.file_name()).collect();
    assert_eq!(outside_caches, [Some(".bashrc"), Some("cargo")]);
    let stop = Invocation::new("sh")
        .args([
            "-c",
            "\"$(find \"$HOME/.cache\" -path '*/bin/sccache' | head -n 1)\" --stop-server",
        ])
        .env("HOME", home.path().as_str())
        .env("SCCACHE_SERVER_UDS", home.path().join("s").as_str());
    let _ = stop.capture();
}

/// A cargo below `home` for which the automation is compiled already: the one that is tested. That the
/// alias compiles it is the test of `alias.rs`, and takes two minutes. All else is that of whoever runs the
/// tests.
fn cargo_with_the_automation(home: &Utf8Path) {
    let theirs = environment::cargo_env::cargo_home().expect("cargo has a home");
    let real = Invocation::new("sh").args(["-c", "command -v cargo"]);
    let real = real.read().expect("there is a cargo");
    let script = format!(
        "#!/bin/sh\nexport CARGO_HOME={theirs}\nfirst=$1\n[ \"$first\" != --quiet ] || shift\n\
         [ \"$1\" != xtask ] || {{ shift; exec {} \"$@\"; }}\n\
         [ \"$first\" != --quiet ] || set -- --quiet \"$@\"\nexec {} \"$@\"\n",
        env!("CARGO_BIN_EXE_xtask"),
        real.trim()
    );
    let bin = home.join(".cargo/bin");
    fs_err::create_dir_all(&bin).expect("a new directory");
    let cargo = bin.join("cargo");
    fs_err::write(&cargo, script).expect("it can be written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(cargo, executable).expect("it is ours");
}

/// The store of whoever runs the tests.
fn store() -> Utf8PathBuf {
    let set = environment::vars::var("XTASK_STORE_DIR").map(Utf8PathBuf::from);
    let home = environment::vars::var("HOME").map(Utf8PathBuf::from);
    set.or_else(|| Some(home?.join(".cache/xtask-build/store")))
        .expect("there is a home")
}

fn rustup_home() -> Utf8PathBuf {
    let set = environment::vars::var("RUSTUP_HOME").map(Utf8PathBuf::from);
    let home = environment::vars::var("HOME").map(Utf8PathBuf::from);
    set.or_else(|| Some(home?.join(".rustup")))
        .expect("rustup has a home")
}

/// What rustup's installer leaves: a cargo that writes down how it is called.
const INSTALLER: &str = r#"mkdir -p "$HOME/.cargo/bin"
for program in rustup cargo; do
  printf '#!/bin/sh\n[ "$1" = --version ] && { echo "cargo ${FAKE_CARGO:-1.95.0}"; exit; }\necho "%s $*" >> "$HOME/calls"\n' "$program" > "$HOME/.cargo/bin/$program"
  chmod +x "$HOME/.cargo/bin/$program"
done
echo "installer $*" >> "$HOME/calls""#;

/// Runs the script on a machine that has no Rust, with `curl` as the stand-in for the network.
fn without_rust(curl: &str, cargo: &str) -> (Captured, String) {
    let (home, fakes, checkout) = (TempDir::new(), FakePrograms::new(), TempDir::new());
    fs_err::write(home.path().join("installer"), INSTALLER).expect("it can be written");
    fakes.add("curl", curl);
    fakes.add("python3", "exit 0");
    for dir in ["scripts", "requirements"] {
        fs_err::create_dir(checkout.path().join(dir)).expect("a new directory");
    }
    for file in ["scripts/dev-init.sh", "requirements/tools.txt"] {
        fs_err::copy(repository().join(file), checkout.path().join(file))
            .expect("it can be copied");
    }
    let command = Invocation::new("bash")
        .arg("scripts/dev-init.sh")
        .env("HOME", home.path().as_str())
        .env("PATH", format!("{}:/usr/bin:/bin", fakes.dir()))
        .env("FAKE_CARGO", cargo)
        .env_remove("CARGO_HOME")
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XTASK_CACHE_DIR")
        .cwd(checkout.path());
    let done = command.capture().expect("it starts");
    let calls = fs_err::read_to_string(home.path().join("calls")).unwrap_or_default();
    (done, calls)
}

const GIVES_THE_INSTALLER: &str = r#"echo "curl $*" >> "$HOME/calls"; cat "$HOME/installer""#;

#[test]
fn a_missing_toolchain_is_installed_and_then_everything_in_order() {
    let (done, calls) = without_rust(GIVES_THE_INSTALLER, "1.95.0");
    assert!(done.status.success(), "{}", done.stderr);
    let calls: Vec<_> = calls.lines().collect();
    let curl = "curl --proto =https --tlsv1.2 --fail --silent --show-error --location https://sh.rustup.rs";
    let installer =
        "installer -y --profile minimal --component clippy --component rustfmt --no-modify-path";
    let expected = [
        curl,
        installer,
        "cargo xtask --version",
        "cargo --quiet xtask sccache install",
        "cargo --quiet xtask sccache enable",
        "cargo --quiet xtask machine",
        "cargo --quiet xtask dev --locked",
    ];
    assert_eq!(calls, expected);
}

#[test]
fn what_fails_says_what_and_what_helps() {
    let (done, _) = without_rust("echo 'Could not resolve host' >&2; exit 6", "");
    assert!(!done.status.success());
    let text = done.stderr;
    assert!(
        text.contains("failed while installing the Rust toolchain"),
        "{text}"
    );
    assert!(
        text.contains("help: install it yourself, from https://rustup.rs"),
        "{text}"
    );
}

#[test]
fn a_toolchain_that_is_too_old_is_named() {
    let (done, calls) = without_rust(GIVES_THE_INSTALLER, "1.90.0");
    assert!(!done.status.success());
    assert!(
        done.stderr.contains("cargo 1.90.0 is older than 1.94"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("help: rustup update stable"),
        "{}",
        done.stderr
    );
    assert!(!calls.contains("xtask"), "{calls}");
}

/// Stands in for cargo: it compiles the automation where there is none.
const COMPILES: &str = r#"[ "$1" = --version ] && { echo "cargo 1.95.0"; exit; }
[ -e target/xtask/xtask ] && exit
mkdir -p target/xtask/incremental; touch target/xtask/xtask target/xtask/incremental/x; echo compiled >> "$HOME/calls""#;

/// When the automation says that it was compiled, in a DevContainer that has a clone and the home directory.
fn automation_in_a_new_container(repository: &Utf8Path, home: &Utf8Path, dir: &Utf8Path) -> u64 {
    let clone = dir.join("clone");
    let _ = fs_err::remove_dir_all(&clone);
    let git = Invocation::new("git").args(["clone", "--quiet", repository.as_str()]);
    git.arg(clone.as_str()).read().expect("git");
    let fakes = FakePrograms::new();
    fakes.add("cargo", COMPILES);
    fakes.add("rustc", "echo 1.95.0");
    fakes.add("python3", "exit 0");
    let command = Invocation::new("bash").arg("scripts/dev-init.sh");
    let command = command
        .env("HOME", home.as_str())
        .env("PATH", format!("{}:/usr/bin:/bin", fakes.dir()))
        .env("DEV_INIT_KEEPS_AUTOMATION", "1")
        .env_remove("CARGO_HOME")
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XTASK_CACHE_DIR")
        .cwd(&clone);
    let done = command.capture().expect("it starts");
    assert!(done.status.success(), "{}", done.stderr);
    let compiled = fs_err::metadata(clone.join("target/xtask/xtask")).expect("the automation");
    let time = compiled.modified().expect("a time");
    let since = time.duration_since(std::time::UNIX_EPOCH).expect("a time");
    since.as_secs()
}

#[test]
fn a_container_made_anew_has_the_automation_and_another_commit_looks_older_than_its_sources() {
    let (repo, home, dir) = (TempDir::new(), TempDir::new(), TempDir::new());
    let commit = || {
        for args in [
            &["init", "--quiet"][..],
            &["add", "."],
            &["commit", "--quiet", "-m", "x"],
        ] {
            let git = Invocation::new("git").args(["-c", "user.name=t", "-c", "user.email=t@t"]);
            let git = git.args(args.iter().copied()).cwd(repo.path());
            git.read().expect("git");
        }
    };
    for file in ["scripts/dev-init.sh", "requirements/tools.txt"] {
        let to = repo.path().join(file);
        fs_err::create_dir_all(to.parent().expect("a directory")).expect("a new directory");
        fs_err::copy(repository().join(file), to).expect("it can be copied");
    }
    fs_err::write(repo.path().join(".gitignore"), "/target\n").expect("it can be written");
    commit();
    let container = || automation_in_a_new_container(repo.path(), home.path(), dir.path());
    let calls = || fs_err::read_to_string(home.path().join("calls")).expect("calls");
    let first = container();
    assert!(container() >= first);
    assert_eq!(calls(), "compiled\n");
    assert!(!dir.path().join("clone/target/xtask/incremental").exists());
    fs_err::write(repo.path().join("source.rs"), "").expect("it can be written");
    commit();
    assert_eq!(container(), 1, "cargo compiles what is newer");
    assert_eq!(calls(), "compiled\n");
}
