//! Histories that were once wrong.

use std::time::Duration;

use camino::Utf8Path;
use processes::Invocation;
use python_tools::{PinnedRequirements, Tool, Toolbox};
use testkit::TempDir;

use crate::world::{PARTS, World, text};

/// Where the xtask keeps what it uses.
pub(crate) fn toolbox() -> Toolbox {
    let file = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../requirements/tools.txt");
    let text = fs_err::read_to_string(file).expect("it can be read");
    let pins = PinnedRequirements::parse(&text).expect("it is pinned");
    Toolbox::new(pins, false)
}

/// The uv and the maturin that the xtask uses.
pub(crate) fn tools() -> (Tool, Tool) {
    let toolbox = toolbox();
    let uv = toolbox.uv(&|_, _| {}).expect("uv");
    let maturin = toolbox.maturin(&uv, &|_, _| {}).expect("maturin");
    (uv, maturin)
}

const HOUR: Duration = Duration::from_hours(1);

/// A checkout in a directory of this name, built once.
fn built(dir: &TempDir, name: &str) -> World {
    let world = World::new(&dir.path().join(name).join("project"), None);
    assert_builds(&world, "for the first time");
    world
}

/// `dev` makes the extension that the sources say, and `--status` agrees before and after.
fn assert_builds(world: &World, why: &str) -> String {
    let (is_fresh, status) = world.status();
    assert!(
        !is_fresh || world.imported() == Some(world.expected()),
        "{why}: {}",
        status.stdout
    );
    let done = world.dev().capture().unwrap();
    assert!(done.status.success(), "{why}: {}", done.stderr);
    assert_eq!(
        world.imported(),
        Some(world.expected()),
        "{why}: {}",
        done.stderr
    );
    let (is_fresh, status) = world.status();
    assert!(is_fresh, "{why}: {}\n{}", status.stdout, done.stderr);
    done.stderr
}

/// As cargo goes by time alone, it would take each of these for fresh.
#[test]
fn an_older_content_with_an_older_time_is_built() {
    let dir = TempDir::new();
    let world = built(&dir, "one");
    for (part, _) in PARTS {
        world.write(&world.path_of(part), &text(part, "later"));
        assert_builds(&world, part);
        world.move_in(&world.path_of(part), &text(part, "first"), HOUR);
        let said = assert_builds(&world, part);
        let is_built = ["Rebuilt", "Restored"].iter().any(|it| said.contains(it));
        assert!(is_built, "{part}: {said}");
        // Only the time is another: nothing has to be compiled.
        world.move_in(&world.path_of(part), &text(part, "first"), HOUR * 2);
        let said = assert_builds(&world, part);
        if part != "undeclared" {
            assert!(!said.contains("Compiling"), "{part}: {said}");
        }
    }
    // The same while a build is at work, before and after the compiler has read it.
    for delay_ms in [0, 10, 20, 30, 50, 200, 700] {
        world.write(
            "native/src/lib.rs",
            &format!("{}// {delay_ms}\n", world.read("native/src/lib.rs")),
        );
        let content = text("leaf", &format!("during {delay_ms}"));
        std::thread::scope(|scope| {
            let build = scope.spawn(|| world.dev().capture());
            std::thread::sleep(Duration::from_millis(delay_ms));
            world.move_in("leaf/src/lib.rs", &content, HOUR);
            build.join().unwrap().unwrap();
        });
        assert_builds(&world, "after a build during which an older content came");
    }
}

#[test]
fn everything_below_a_declared_directory_counts() {
    let dir = TempDir::new();
    let world = built(&dir, "one");
    let outside = dir.path().join("outside");
    fs_err::create_dir(&outside).unwrap();
    fs_err::write(outside.join("x.txt"), "linked").unwrap();
    std::os::unix::fs::symlink(&outside, world.root.join("data/tree/linked")).unwrap();
    assert_builds(&world, "a linked directory");
    for name in [
        ".hidden/a.txt",
        "node_modules/b.txt",
        "c.so",
        "d.pyc",
        "linked/x.txt",
    ] {
        world.write(&format!("data/tree/{name}"), name);
        assert_builds(&world, name);
        world.move_in(&format!("data/tree/{name}"), "older", HOUR);
        assert_builds(&world, name);
    }
    // While the script is at work, which has read it already.
    world.write("data/declared.txt", "again");
    std::thread::scope(|scope| {
        let build = scope.spawn(|| world.dev().capture());
        while !world.root.join("target/debug/build").is_dir() || !is_running(&world) {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(120));
        world.write("data/tree/a.txt", "during the script");
        build.join().unwrap().unwrap();
    });
    assert_builds(&world, "edited while the script was at work");
}

/// Whether the build script of `world` is running.
fn is_running(world: &World) -> bool {
    let native = world.root.join("native");
    processes::proc::with_variable("CARGO_MANIFEST_DIR", native.as_str())
        .into_iter()
        .any(|id| {
            let program = fs_err::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
            program.ends_with("build-script-build")
        })
}

/// The name of the directory is in what cargo says of packages, encoded.
#[test]
fn letters_in_the_path_are_no_obstacle() {
    let dir = TempDir::new();
    // In a target directory with a percent sign, the linker fails.
    let (name, target) = ("日本語 it's \"100%\" %20", dir.path().join("target"));
    let world = World::new(&dir.path().join(name).join("project"), Some(&target));
    assert_builds(&world, "for the first time");
    world.write("loose/words.txt", "later");
    assert_builds(&world, "a script that declares nothing");
    world.move_in("loose/words.txt", "older", HOUR);
    assert_builds(&world, "an older time");
}

#[test]
fn configuration_that_is_included_counts_wherever_it_is() {
    let dir = TempDir::new();
    let mut world = World::new(&dir.path().join("one/project"), None);
    let home = dir.path().join("home");
    let known = environment::cargo_env::cargo_home().unwrap();
    fs_err::create_dir(&home).unwrap();
    for name in ["registry", "git"] {
        let _ = std::os::unix::fs::symlink(known.join(name), home.join(name));
    }
    fs_err::write(home.join("config.toml"), "include = ['more.toml']\n").unwrap();
    let configure = |value: &str| {
        let text =
            format!("[build]\nrustflags = ['--cfg', 'home']\n[env]\nHX_VARIABLE = '{value}'\n");
        fs_err::write(home.join("more.toml"), text).unwrap();
    };
    // Copied, since the world says what is expected.
    configure("v0");
    world
        .variables
        .insert("CARGO_HOME".to_owned(), home.to_string());
    world.variables.remove("HX_VARIABLE");
    for value in ["v0", "v1"] {
        configure(value);
        let done = world.dev().capture().unwrap();
        assert!(done.status.success(), "{}", done.stderr);
        assert_eq!(
            world.imported().unwrap()["variable"],
            value,
            "{}",
            done.stderr
        );
    }
}

#[test]
fn dependency_files_with_relative_names_are_understood() {
    let dir = TempDir::new();
    let world = World::new(&dir.path().join("one/project"), None);
    world.write(
        ".cargo/config.toml",
        "include = ['flags.toml']\n[build]\ndep-info-basedir = '.'\n",
    );
    assert_builds(&world, "for the first time");
    for part in ["leaf", "included", "part"] {
        world.write(&world.path_of(part), &text(part, "later"));
        let elsewhere = world.dev().cwd(dir.path()).capture().unwrap();
        assert!(elsewhere.status.success(), "{}", elsewhere.stderr);
        assert_builds(&world, part);
        world.move_in(&world.path_of(part), &text(part, "first"), HOUR);
        assert_builds(&world, part);
    }
}

/// cargo has one name for the crates of both, and goes by time.
#[test]
fn two_checkouts_with_one_target_directory_have_each_their_own_extension() {
    let dir = TempDir::new();
    let shared = dir.path().join("shared");
    let checkout = |name: &str| World::new(&dir.path().join(name).join("project"), Some(&shared));
    let second = checkout("second");
    for (part, _) in PARTS {
        // Older than what the first will build.
        second.move_in(&second.path_of(part), &text(part, "of the second"), HOUR);
    }
    let first = checkout("first");
    for round in ["first", "second", "third"] {
        assert_builds(&first, round);
        assert_builds(&second, round);
        // A crate alone, which leaves the library as it was.
        let cargo = first.command("cargo").args(["build", "-q", "-p", "leaf"]);
        cargo.run().unwrap();
        second.write(
            "native/src/lib.rs",
            &format!("{}// {round}\n", second.read("native/src/lib.rs")),
        );
    }
    assert_builds(
        &second,
        "after the first has built a crate of the same name",
    );
    // Both at once, where what the first builds is newer than all that the second has.
    for round in ["one", "two"] {
        first.write("leaf/src/lib.rs", &text("leaf", round));
        second.write(
            "native/src/lib.rs",
            &(second.read("native/src/lib.rs") + "// at once\n"),
        );
        std::thread::scope(|scope| {
            let of_first = scope.spawn(|| first.dev().capture().unwrap());
            second.dev().capture().unwrap();
            of_first.join().unwrap();
        });
        assert_eq!(first.imported(), Some(first.expected()), "{round}");
        assert_eq!(second.imported(), Some(second.expected()), "{round}");
    }
}

#[test]
fn two_checkouts_with_one_environment_replace_each_other() {
    let dir = TempDir::new();
    let checkout = |name: &str| World::new(&dir.path().join(name).join("project"), None);
    let (first, mut second) = (built(&dir, "first"), checkout("second"));
    second.write("leaf/src/lib.rs", &text("leaf", "of the second"));
    let venv = first.root.join(".venv");
    let into_it = |world: &World| world.dev().args(["--venv", venv.as_str()]);
    let imported = || first.imported().unwrap()["leaf"].clone();
    for _ in 0..2 {
        let planned = into_it(&second).arg("--dry-run").capture().unwrap();
        let cause = format!("that of the checkout in {}", first.root);
        assert!(
            (planned.stdout.clone() + &planned.stderr).contains(&cause),
            "{planned:?}"
        );
        into_it(&second).run().unwrap();
        assert_eq!(imported(), "of the second");
        into_it(&first).run().unwrap();
        assert_eq!(imported(), "first");
    }
    second.variables.clear();
}

/// Nothing is known to be built that came after it was read.
#[test]
fn what_changes_during_the_first_build_is_seen_by_the_next() {
    let dir = TempDir::new();
    let world = World::new(&dir.path().join("one/project"), None);
    std::thread::scope(|scope| {
        let build = scope.spawn(|| world.dev().capture());
        while !world.root.join("target").is_dir() {
            std::thread::yield_now();
        }
        let pyproject = world.read("pyproject.toml");
        world.write(
            "pyproject.toml",
            &pyproject.replace("\"0.1.0\"", "\"0.2.0\""),
        );
        build.join().unwrap().unwrap();
    });
    assert!(!world.status().0, "the version has changed");
    assert_builds(&world, "the version has changed");
    let version = "import importlib.metadata; print(importlib.metadata.version('hx'))";
    let python = Invocation::new(world.root.join(".venv/bin/python")).args(["-I", "-c", version]);
    assert_eq!(python.read().unwrap().trim(), "0.2.0");
}

#[test]
fn whatever_stands_in_the_way_of_the_extension_is_noticed() {
    let dir = TempDir::new();
    let mut world = built(&dir, "one");
    world
        .variables
        .insert("COLUMNS".to_owned(), "80".to_owned());
    assert_builds(&world, "a variable that changes all the time");

    // A source that is a link.
    world.write("leaf/src/other.rs", &text("leaf", "other"));
    let old = std::time::SystemTime::now() - HOUR;
    let other = fs_err::OpenOptions::new()
        .write(true)
        .open(world.root.join("leaf/src/other.rs"))
        .unwrap();
    other.file().set_modified(old).unwrap();
    fs_err::rename(
        world.root.join("leaf/src/lib.rs"),
        world.root.join("leaf/src/first.rs"),
    )
    .unwrap();
    for target in ["first.rs", "other.rs"] {
        let link = world.root.join("leaf/src/lib.rs");
        let _ = fs_err::remove_file(&link);
        std::os::unix::fs::symlink(target, &link).unwrap();
        assert_builds(&world, target);
    }

    // The library in the target directory.
    let library = world.root.join("target/debug/lib_hx.so");
    let mut bytes = fs_err::read(&library).unwrap();
    let at = bytes.windows(8).position(|it| it == b"included").unwrap();
    bytes[at] = b'I';
    fs_err::write(&library, bytes).unwrap();
    assert_builds(&world, "a library that somebody has written to");

    // What leads Python to the sources.
    let site_packages = site_packages(&world.root.join(".venv"));
    fs_err::write(site_packages.join("hx.pth"), "/nowhere\n").unwrap();
    assert_builds(&world, "a damaged .pth");

    // Another package of the same name.
    world.write("../foreign/__init__.py", "made_of = dict\n");
    let foreign = site_packages.join("hx");
    fs_err::rename(world.root.join("../foreign"), &foreign).unwrap();
    assert!(!world.status().0);
    let refused = world.dev().capture().unwrap();
    assert!(
        !refused.status.success() && refused.stderr.contains(foreign.as_str()),
        "{}",
        refused.stderr
    );
    fs_err::remove_dir_all(foreign).unwrap();
    assert_builds(&world, "without it");

    // A variable that is no text.
    let status = world.dev().arg("--status");
    let script = format!("HX_ANY=$(printf '\\377\\376') exec {status}");
    let status = world.command("sh").args(["-c", &script]).capture().unwrap();
    assert!(
        !status.status.success() && status.stdout.contains("HX_ANY"),
        "{}",
        status.stdout
    );

    // The module gets another name.
    let native = world
        .read("native/src/lib.rs")
        .replace("PyInit__hx", "PyInit__renamed");
    world.write("native/src/lib.rs", &native);
    let pyproject = world
        .read("pyproject.toml")
        .replace("hx._hx", "hx._renamed");
    world.write("pyproject.toml", &pyproject);
    let manifest = world
        .read("native/Cargo.toml")
        .replace("\"_hx\"", "\"_renamed\"");
    world.write("native/Cargo.toml", &manifest);
    world.write("python/hx/__init__.py", "from ._renamed import made_of\n");
    assert_builds(&world, "a renamed module");
    assert!(!world.root.join("python/hx/_hx.abi3.so").exists());
}

#[test]
fn a_path_that_a_script_names_and_that_is_not_there_gives_the_same_answer_each_time() {
    let dir = TempDir::new();
    let world = World::new(&dir.path().join("one/project"), None);
    let script = world.read("native/build.rs");
    let missing = "fn main() {\n    println!(\"cargo:rerun-if-changed=../data/missing.txt\");";
    world.write("native/build.rs", &script.replace("fn main() {", missing));
    assert_builds(&world, "for the first time");
    for _ in 0..2 {
        let said = assert_builds(&world, "again");
        assert!(
            said.contains("Fresh") && said.contains("missing.txt"),
            "{said}"
        );
    }
    world.write("data/missing.txt", "");
    let said = assert_builds(&world, "it is there");
    assert!(said.contains("Rebuilt"), "{said}");
}

/// The site-packages directory of an environment.
fn site_packages(venv: &Utf8Path) -> camino::Utf8PathBuf {
    let lib = venv.join("lib").read_dir_utf8().unwrap();
    lib.flatten().next().unwrap().path().join("site-packages")
}

/// As after a checkout there and back, and in a fresh clone with a restored cache: cargo alone would compile
/// all of them.
#[test]
fn what_has_only_new_times_is_not_compiled() {
    let dir = TempDir::new();
    let world = built(&dir, "one");
    let touch_all = || {
        for (part, _) in PARTS.iter().filter(|(part, _)| *part != "undeclared") {
            let path = world.path_of(part);
            world.move_in(&path, &world.read(&path), Duration::from_secs(1));
        }
    };
    touch_all();
    world.write("native/src/part.rs", &text("part", "later"));
    let said = assert_builds(&world, "an edit beside new times");
    let compiled = |said: &str| {
        let lines = said
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Compiling "));
        let names = lines.filter_map(|line| line.split(' ').next());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(compiled(&said), ["hx"], "{said}");
    // Nothing but new times, and cargo is asked.
    touch_all();
    let done = world.dev().arg("-v").capture().unwrap();
    assert_eq!(compiled(&done.stderr), [""; 0], "{}", done.stderr);
    // One of the sources is dated after the build: cargo decides.
    let path = world.path_of("leaf");
    touch_all();
    let file = fs_err::File::options()
        .append(true)
        .open(world.root.join(path))
        .unwrap();
    file.file()
        .set_modified(std::time::SystemTime::now() + HOUR)
        .unwrap();
    let said = world.dev().arg("-v").capture().unwrap().stderr;
    assert!(compiled(&said).contains(&"leaf".to_owned()), "{said}");
    assert_builds(&world, "after a time in the future");
}
