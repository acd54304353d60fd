//! The commit that `--version` tells, wherever the program is built.

#[path = "../build.rs"]
#[expect(dead_code, reason = "its `main` is cargo's to call")]
mod build;

use camino::Utf8Path;
use processes::Invocation;
use project_model::{Project, Workspace};
use testkit::Fixture;
use wheel_build::Stage;
use wheel_build::version::Naming;

fn git(dir: &Utf8Path, args: &[&str]) -> String {
    let git = Invocation::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t"])
        .args(args.iter().copied())
        .cwd(dir);
    git.read().expect("git does it").trim().to_owned()
}

fn commit(dir: &Utf8Path) {
    git(dir, &["add", "."]);
    git(dir, &["commit", "--quiet", "-m", "one"]);
}

#[test]
fn the_copy_that_a_wheel_is_built_from_names_its_commit() {
    let fixture = Fixture::pure_rust("told_thing");
    let root = fixture.root();
    fixture.write(".gitignore", "Cargo.lock\n");
    git(&root, &["init", "--quiet"]);
    commit(&root);
    git(&root, &["tag", "v0.1.0"]);
    let short = git(&root, &["rev-parse", "--short=7", "HEAD"]);
    let named = |naming| {
        let project = Project::load(&root).expect("a project");
        let workspace = Workspace::load(&project).expect("a workspace");
        let dir = fixture.beside("copy");
        let stage = Stage::make(&project, &workspace, naming, &dir).expect("a copy");
        let path = stage.root.join("pyproject.toml");
        let text = fs_err::read_to_string(path).expect("it is there");
        let commit = build::of_wheel(&text).expect("a commit");
        (stage.version, commit)
    };
    let released = ("0.1.0".to_owned(), short.clone());
    assert_eq!(named(Naming::AsReleased), released);
    let built = (format!("0.1.0+g{short}"), short.clone());
    assert_eq!(named(Naming::WithCommit), built);
    fixture.write("src/more.rs", "");
    let (version, commit) = named(Naming::WithCommit);
    assert_eq!(version, format!("0.1.0+g{commit}"));
    assert!(commit.starts_with(&format!("{short}.dirty.d")), "{commit}");
}

#[test]
fn git_is_believed_of_what_it_tracks() {
    let fixture = Fixture::pure_rust("tracked_thing");
    let root = fixture.root();
    git(&root, &["init", "--quiet"]);
    commit(&root);
    let short = git(&root, &["rev-parse", "--short", "HEAD"]);
    let told = build::of_checkout(root.as_std_path()).expect("a commit");
    assert!(told.starts_with(&format!("{short} ")), "{told}");
    // A copy within the checkout.
    fixture.write("cache/Cargo.toml", "");
    let copy = root.join("cache");
    assert_eq!(build::of_checkout(copy.as_std_path()), None);
}
