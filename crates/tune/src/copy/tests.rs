//! Copies of small projects.

use super::*;
use processes::Invocation;
use testkit::Fixture;

fn copied(fixture: &Fixture) -> ProjectCopy {
    let project = Project::load(&fixture.root()).unwrap();
    let closure = Closure::load(&project).unwrap();
    ProjectCopy::make(&project, &closure, &fixture.beside("copy")).unwrap()
}

#[test]
fn the_copy_is_the_project_without_what_was_written_before_and_goes_again() {
    let fixture = Fixture::mixed("thing");
    let git = Invocation::new("git").args(["init", "--quiet"]);
    git.cwd(&fixture.root()).read().unwrap();
    let local = ".cargo/config.local.toml";
    fixture.write(".gitignore", &format!("{local}\nbig\n"));
    fixture.write("big", "");
    fixture.write(
        ".cargo/config.toml",
        "include = [{ path = \"config.local.toml\", optional = true }]\n",
    );
    fixture.write(
        local,
        "[build]\njobs = 1\n[env] # by `cargo xtask tune`\nA = '1' # by `cargo xtask tune`\n",
    );
    let manifest = fs_err::read_to_string(fixture.root().join("native/Cargo.toml")).unwrap();
    let tuned = format!(
        "{manifest}\n[profile.dev] # by `cargo xtask tune`\ndebug = 1 # 0.5 # by `cargo xtask tune`\n"
    );
    fixture.write("native/Cargo.toml", &tuned);
    let copy = copied(&fixture);
    let text = |name: &str| fs_err::read_to_string(copy.tree.join(name)).unwrap();
    assert_eq!(text(local), "[build]\njobs = 1\n");
    assert_eq!(text("native/Cargo.toml"), manifest);
    assert!(!copy.tree.join("big").exists());
    assert!(copy.tree.join(".git/HEAD").is_file());
    // The project has what it had.
    assert_eq!(
        fs_err::read_to_string(fixture.root().join("native/Cargo.toml")).unwrap(),
        tuned
    );
    let root = copy.root.clone();
    drop(copy);
    assert!(!root.exists());
}

#[test]
fn of_a_target_directory_the_dependencies_are_taken_over_with_their_times() {
    let fixture = Fixture::mixed("thing");
    for name in [
        "deps/libserde-0123.rlib",
        "deps/libderive-0123.so",
        "deps/libthing.so",
        "deps/thing-4567",
        "build/a/out/x.txt",
        ".fingerprint/a/dep",
        "incremental/a/b",
    ] {
        fixture.write(format!("target/debug/{name}"), name);
    }
    let old = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_500_000_000_123);
    let target = fixture.root().join("target");
    for name in [
        "deps/libderive-0123.so",
        ".fingerprint/a/dep",
        "deps/libserde-0123.rlib",
    ] {
        let file = fs_err::File::open(target.join("debug").join(name)).unwrap();
        file.file().set_modified(old).unwrap();
    }
    let copy = copied(&fixture);
    copy.seed(&target, "debug", "thing").unwrap();
    let files = WalkDir::new(copy.target())
        .sort_by_file_name()
        .into_iter()
        .flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    let found: Vec<_> = files
        .map(|entry| {
            entry
                .path()
                .strip_prefix(copy.target().join("debug"))
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    let expected = [
        ".fingerprint/a/dep",
        "build/a/out/x.txt",
        "deps/libderive-0123.so",
        "deps/libserde-0123.rlib",
    ];
    assert_eq!(found, expected);
    for name in [
        "deps/libderive-0123.so",
        ".fingerprint/a/dep",
        "deps/libserde-0123.rlib",
    ] {
        let taken = copy.target().join("debug").join(name);
        assert_eq!(
            fs_err::metadata(taken).unwrap().modified().unwrap(),
            old,
            "{name}"
        );
    }
    // What a linker makes is not the same file.
    fs_err::write(copy.target().join("debug/deps/libderive-0123.so"), "other").unwrap();
    let theirs = fs_err::read_to_string(target.join("debug/deps/libderive-0123.so")).unwrap();
    assert_eq!(theirs, "deps/libderive-0123.so");
}
