//! Building.

use camino::Utf8Path;
use testkit::Fixture;

use super::{command, git, project, wheel, wheel_ok};

fn tag(python: &str) -> String {
    format!("{python}-manylinux_2_28_{}.whl", std::env::consts::ARCH)
}

/// One test for all that takes a release build: pyo3 is compiled anew for every directory, whose path is
/// among rustc's arguments.
#[test]
fn a_wheel_is_built_audited_tried_and_described() {
    let project = project("whole");
    let (outputs, summary) = (project.beside("outputs"), project.beside("summary"));
    let done = command(&project, &["--release"])
        .env("GITHUB_OUTPUT", outputs.as_str())
        .env("GITHUB_STEP_SUMMARY", summary.as_str())
        .capture()
        .unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    assert!(done.stderr.contains("Trying"), "{}", done.stderr);

    let short = &git(&project, &["rev-parse", "HEAD"])[..7];
    let name = format!("whole-0.1.0+g{short}-{}", tag("cp311-abi3"));
    let path = project.root().join("dist").join(&name);
    assert_eq!(done.stdout.trim(), path);
    let sha256 = described(&project, &name);
    let outputs = fs_err::read_to_string(outputs).unwrap();
    assert!(
        outputs.contains(&format!("version=0.1.0+g{short}\n")),
        "{outputs}"
    );
    assert!(fs_err::read_to_string(summary).unwrap().contains(&name));

    // The working tree is as it was, and what is announced is what the audit says of the file.
    assert_eq!(git(&project, &["status", "--porcelain"]), "");
    let args = ["audit", "--json", "--against-project", path.as_str()];
    let audited = wheel(&project, &args);
    assert!(audited.status.success(), "{}", audited.stdout);
    let reports: serde_json::Value = serde_json::from_str(&audited.stdout).unwrap();
    assert_eq!(reports[0]["sha256"].as_str(), Some(&*sha256));

    the_same_commit_in_another_directory_gives_the_same_bytes(&path);
    a_wheel_that_fails_its_trial_is_not_handed_over(&project, &path);
}

/// What `SHA256SUMS` and `manifest.json` say; the hash of the wheel.
fn described(project: &Fixture, name: &str) -> String {
    let read = |file| fs_err::read_to_string(project.root().join("dist").join(file)).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&read("manifest.json")).unwrap();
    let wheel = &manifest["wheels"][0];
    let hash = git(project, &["rev-parse", "HEAD"]);
    assert_eq!(manifest["commit"]["hash"].as_str(), Some(&*hash));
    assert_eq!(wheel["abi"][0], "abi3");
    assert!(!wheel["tried_with"].as_array().unwrap().is_empty());
    let sha256 = wheel["sha256"].as_str().unwrap();
    assert_eq!(read("SHA256SUMS"), format!("{sha256}  {name}\n"));
    sha256.to_owned()
}

fn the_same_commit_in_another_directory_gives_the_same_bytes(one: &Utf8Path) {
    let twin = project("whole");
    let other = wheel_ok(&twin, &["--release"]);
    assert_ne!(one, other);
    let same = fs_err::read(one).unwrap() == fs_err::read(other).unwrap();
    assert!(same, "the bytes differ");
}

fn a_wheel_that_fails_its_trial_is_not_handed_over(project: &Fixture, before: &Utf8Path) {
    let to = "raise SystemExit('out of cheese')";
    project.edit("python/whole/__init__.py", "print(answer())", to);
    let done = wheel(project, &["--release"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("out of cheese"), "{}", done.stderr);
    assert!(
        done.stderr.contains("files differ from commit"),
        "{}",
        done.stderr
    );
    let dist = before.parent().unwrap().read_dir_utf8().unwrap();
    let wheels = dist
        .flatten()
        .filter(|entry| entry.path().extension() == Some("whl"));
    assert_eq!(wheels.count(), 1, "the one from before");
}

#[test]
fn a_wheel_for_one_python_is_for_that_one() {
    if python_tools::python::named("3.12").is_err() {
        return;
    }
    let project = project("single");
    let path = wheel_ok(&project, &["--release", "--python", "3.12"]);
    assert!(path.as_str().ends_with(&tag("cp312-cp312")), "{path}");
}

#[test]
fn uncommitted_changes_are_said_in_the_version() {
    let project = project("changed");
    project.edit("native/src/lib.rs", "42", "43");
    let done = wheel(&project, &["--plan"]);
    assert!(done.status.success(), "{}", done.stderr);
    let plan: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let version = plan["version"].as_str().unwrap();
    assert!(version.contains(".dirty.d"), "{version}");
}

#[test]
fn the_version_as_it_is_takes_a_commit_with_a_tag_that_says_so() {
    let project = project("tagged");
    let args = ["--release", "--release-version", "--plan"];
    let done = wheel(&project, &args);
    assert_eq!(done.status.code(), Some(1), "{}", done.stdout);
    assert!(done.stderr.contains("git tag v0.1.0"), "{}", done.stderr);
    git(&project, &["tag", "v0.1.0"]);
    let version = |args: &[&str]| {
        let done = wheel(&project, args);
        assert!(done.status.success(), "{}", done.stderr);
        let plan: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        plan["version"].as_str().unwrap().to_owned()
    };
    assert_eq!(version(&args), "0.1.0");
    assert!(version(&["--release", "--plan"]).starts_with("0.1.0+g"));
    let policy = "[workspace.metadata.xtask.wheel]\nrelease-version = true";
    project.edit(
        "native/Cargo.toml",
        "[workspace.metadata.xtask.wheel]",
        policy,
    );
    let done = wheel(&project, &["--release", "--plan"]);
    assert!(done.stderr.contains("files differ"), "{}", done.stderr);
    git(&project, &["commit", "--quiet", "-am", "two"]);
    git(&project, &["tag", "--force", "v0.1.0"]);
    assert_eq!(version(&["--release", "--plan"]), "0.1.0");
}

#[test]
fn a_plan_is_data_and_builds_nothing() {
    let project = project("planned");
    let done = wheel(
        &project,
        &[
            "--release",
            "--plan",
            "--platform",
            "manylinux_2_28_aarch64",
        ],
    );
    assert!(done.status.success(), "{}", done.stderr);
    let plan: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let wheel = &plan["wheels"][0];
    assert_eq!(wheel["target"], "aarch64-unknown-linux-gnu");
    assert_eq!(wheel["action"]["manylinux"], "2_28");
    let args: Vec<_> = wheel["args"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it.as_str())
        .collect();
    assert!(
        args.starts_with(&["--release", "--strip", "--locked", "--target"]),
        "{args:?}"
    );
    assert_eq!(wheel["env"]["SOURCE_DATE_EPOCH"], "1704164645");
    assert!(!project.root().join("dist").exists());
}

#[test]
fn a_platform_that_cannot_be_built_for_is_refused() {
    let project = project("elsewhere");
    let done = wheel(&project, &["--platform", "win_amd64"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("manylinux_2_28_x86_64"),
        "{}",
        done.stderr
    );
    let done = wheel(&project, &["--python", "three"]);
    assert_eq!(done.status.code(), Some(2), "{}", done.stderr);
}
