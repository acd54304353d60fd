//! The command: where it takes what from, and what it writes.

use testkit::Fixture;

use super::place::xtask;

fn run(project: &Fixture, args: &[&str]) -> processes::Captured {
    let args: Vec<_> = std::iter::once("colab-snippet")
        .chain(args.iter().copied())
        .collect();
    xtask(project, &args).capture().expect("it starts")
}

fn project(remote: Option<&str>) -> Fixture {
    let project = Fixture::mixed("shown");
    let git = |args: &[&str]| {
        let git = processes::Invocation::new("git").args(args.iter().copied());
        git.cwd(&project.root()).read().expect("git");
    };
    git(&["init", "--quiet"]);
    if let Some(remote) = remote {
        git(&["remote", "add", "origin", remote]);
    }
    project
}

#[test]
fn the_repository_is_that_of_the_remote() {
    let project = project(Some("git@github.com:owner/things.git"));
    let done = run(&project, &[]);
    assert!(
        done.stdout
            .contains("https://github.com/owner/things/releases/download/latest"),
        "{}",
        done.stdout
    );
    let other = run(&project, &["--repo", "else/where", "--tag", "v1"]);
    assert!(
        other
            .stdout
            .contains("https://github.com/else/where/releases/download/v1"),
        "{}",
        other.stdout
    );
}

#[test]
fn what_is_not_known_is_asked_for() {
    let done = run(&project(None), &[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("help: name it, `--repo OWNER/NAME`"),
        "{}",
        done.stderr
    );
    let done = run(&project(None), &["--repo", "nonsense"]);
    assert!(
        done.stderr.contains("`nonsense` is no repository"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_file_is_kept_current() {
    let project = project(Some("https://github.com/owner/things"));
    let path = project.root().join("docs/colab.ipynb");
    let args = ["--format", "notebook", "--output", path.as_str()];
    let with = |flag| run(&project, &[&args[..], &[flag]].concat());

    let missing = with("--check");
    assert_eq!(missing.status.code(), Some(3), "{}", missing.stderr);
    assert!(
        missing
            .stderr
            .contains("colab-snippet --format notebook --output"),
        "{}",
        missing.stderr
    );
    assert!(!path.exists());
    assert!(run(&project, &args).status.success());
    assert_eq!(with("--check").status.code(), Some(0));
    let text = fs_err::read_to_string(&path).unwrap();
    let badge =
        "(https://colab.research.google.com/github/owner/things/blob/main/docs/colab.ipynb)";
    assert!(text.contains(badge), "{text}");
    fs_err::write(
        &path,
        text.replace("Run again", "run again")
            .replace("SHA-256", "SHA-1"),
    )
    .unwrap();
    let differs = with("--dry-run");
    assert!(
        differs.status.success()
            && differs.stdout.contains("\n+")
            && differs.stdout.contains("SHA-256"),
        "{}",
        differs.stdout
    );
    assert_eq!(with("--check").status.code(), Some(3));
}

#[test]
fn a_manifest_belongs_to_a_pinned_cell() {
    let project = project(Some("https://github.com/owner/things"));
    let done = run(&project, &["--manifest", "dist/manifest.json"]);
    assert!(
        done.stderr.contains("help: add `--mode pinned`"),
        "{}",
        done.stderr
    );
    project.write("wrong.json", "{}");
    let path = project.root().join("wrong.json").into_string();
    let done = run(&project, &["--mode", "pinned", "--manifest", &path]);
    assert!(
        done.stderr.contains("is no manifest of wheels"),
        "{}",
        done.stderr
    );
}
