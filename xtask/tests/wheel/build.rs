//! Building.

use testkit::Fixture;

use super::{command, commit, git, project, wheel, wheel_ok};

fn tag(python: &str) -> String {
    format!("{python}-manylinux_2_28_{}.whl", std::env::consts::ARCH)
}

/// The one test that shows everything at once, since it takes a release build.
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

    let short = &git(&project, &["rev-parse", "HEAD"])[..7];
    let name = format!("whole-0.1.0+g{short}-{}", tag("cp311-abi3"));
    let dist = project.beside("dist");
    assert_eq!(done.stdout.trim(), dist.join(&name));
    assert!(done.stderr.contains("Trying"), "{}", done.stderr);

    let sums = fs_err::read_to_string(dist.join("SHA256SUMS")).unwrap();
    assert!(sums.ends_with(&format!("  {name}\n")), "{sums}");
    let manifest = fs_err::read_to_string(dist.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let wheel = &manifest["wheels"][0];
    assert_eq!(
        manifest["commit"]["hash"],
        git(&project, &["rev-parse", "HEAD"])
    );
    assert_eq!(wheel["abi"][0], "abi3");
    assert!(!wheel["tried_with"].as_array().unwrap().is_empty());
    assert!(sums.starts_with(wheel["sha256"].as_str().unwrap()));
    assert!(
        fs_err::read_to_string(outputs)
            .unwrap()
            .contains(&format!("version=0.1.0+g{short}\n"))
    );
    assert!(fs_err::read_to_string(summary).unwrap().contains(&name));

    // The working tree is as it was.
    assert_eq!(git(&project, &["status", "--porcelain"]), "");
    // What is announced is what the audit says of the file.
    let audited = super::wheel(
        &project,
        &[
            "audit",
            "--json",
            "--against-project",
            dist.join(&name).as_str(),
        ],
    );
    assert!(audited.status.success(), "{}", audited.stdout);
    let reports: serde_json::Value = serde_json::from_str(&audited.stdout).unwrap();
    assert_eq!(reports[0]["sha256"], wheel["sha256"]);
}

#[test]
fn the_same_commit_in_another_directory_gives_the_same_bytes() {
    let (one, other) = (project("twins"), project("twins"));
    assert_ne!(one.root(), other.root());
    let read = |project: &Fixture| fs_err::read(wheel_ok(project, &["--release"])).unwrap();
    assert!(read(&one) == read(&other), "the bytes differ");
}

#[test]
fn a_wheel_for_one_python_is_for_that_one() {
    if build_env::python::named("3.12").is_err() {
        return;
    }
    let project = project("single");
    let path = wheel_ok(&project, &["--release", "--python", "3.12"]);
    assert!(path.as_str().ends_with(&tag("cp312-cp312")), "{path}");
}

#[test]
fn uncommitted_changes_are_built_and_said() {
    let project = project("changed");
    project.edit("native/src/lib.rs", "42", "43");
    let done = wheel(&project, &["--release"]);
    assert!(done.status.success(), "{}", done.stderr);
    assert!(done.stdout.contains(".dirty.d"), "{}", done.stdout);
    assert!(
        done.stderr.contains("files differ from commit"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_wheel_that_fails_its_trial_is_not_handed_over() {
    let project = Fixture::mixed("failing");
    project.edit(
        "python/failing/__init__.py",
        "print(answer())",
        "raise SystemExit('out of cheese')",
    );
    let policy = "[workspace.metadata.xtask.wheel]\nsmoke = [[\"failing\"]]\n";
    project.edit(
        "native/Cargo.toml",
        "[workspace]\n",
        &format!("[workspace]\n{policy}"),
    );
    commit(&project);
    let done = wheel(&project, &["--release"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("out of cheese"), "{}", done.stderr);
    assert!(!project.beside("dist").exists());
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
    assert_eq!(wheel["manylinux"], "2_28");
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
    assert!(!project.beside("dist").exists());
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
