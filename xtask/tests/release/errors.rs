//! Each error with its remedy, and nothing published then.

use camino::Utf8Path;
use processes::{Captured, Invocation};
use serde_json::json;
use testkit::github::Fault;

use crate::{REPOSITORY, TAG, TOKEN, World, hash, wheel_name};

/// That it failed, with each of these words, and a remedy.
fn require_error(done: &Captured, words: &[&str]) {
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    for word in words.iter().chain(&["help: "]) {
        assert!(
            done.stderr.contains(word),
            "no {word:?} in: {}",
            done.stderr
        );
    }
}

/// `finish` of the build 2, with another environment.
fn finish_with_env(world: &World, change: impl FnOnce(Invocation) -> Invocation) -> Captured {
    let dist = world.dist(2);
    change(world.command(&["finish", "--dist", dist.as_str()]))
        .capture()
        .unwrap()
}

fn world_with_one_build() -> Option<World> {
    let world = World::new()?;
    world.finish_ok(1);
    Some(world)
}

/// The manifest lies where others may have written. What a workflow publishes is told by its checkout.
#[test]
fn in_a_workflow_only_what_is_checked_out_is_published() {
    let Some(world) = World::new() else { return };
    let root = world.project("checkout");
    let manifest = "[package]\nname = 'thing'\nversion = '1.0.0'\nedition = '2024'\n[lib]\n\
                    [package.metadata.xtask.wheel]\nrelease-tag = 'latest'\n";
    fs_err::write(
        root.join("Cargo.toml"),
        manifest.replace("package.metadata", "workspace.metadata"),
    )
    .unwrap();
    let pyproject = "[project]\nname = 'thing'\nversion = '1.0'\n[build-system]\nrequires = ['maturin']\n\
                     build-backend = 'maturin'\n";
    fs_err::write(root.join("pyproject.toml"), pyproject).unwrap();
    let git = |args: &[&str]| {
        let user = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let git = Invocation::new("git").args([&user, args].concat());
        git.cwd(&root).read().unwrap().trim().to_owned()
    };
    for args in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["commit", "--quiet", "-m", "x"],
    ] {
        git(args);
    }
    let (commit, time_s) = (
        git(&["rev-parse", "HEAD"]),
        git(&["show", "-s", "--format=%ct"]),
    );
    world.github.commit(REPOSITORY, &commit, &[]);
    let finish = |dist: &Utf8Path, sha: &str| {
        let args = [
            "finish",
            "--dist",
            dist.as_str(),
            "--project",
            root.as_str(),
        ];
        world
            .command(&args)
            .env("GITHUB_SHA", sha)
            .capture()
            .unwrap()
    };
    let good = world.dist_of(&commit, time_s.parse().unwrap());
    let text = fs_err::read_to_string(good.join("manifest.json")).unwrap();
    for (from, to, what) in [
        (
            r#""release_tag":"latest""#,
            r#""release_tag":"stable""#,
            "release",
        ),
        (
            &*format!(r#""time_s":{time_s}"#),
            r#""time_s":9999999999"#,
            "time of the commit",
        ),
        (r#""version":"1.0+"#, r#""version":"2.0+"#, "version"),
    ] {
        assert!(text.contains(from), "{text}");
        fs_err::write(good.join("manifest.json"), text.replace(from, to)).unwrap();
        let done = finish(&good, &commit);
        assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
        assert!(
            done.stderr
                .contains(&format!("the {what} of what is to be published")),
            "{}",
            done.stderr
        );
    }
    fs_err::write(good.join("manifest.json"), &text).unwrap();
    let done = finish(&good, &hash(1));
    assert!(
        done.stderr.contains("and the workflow runs for 0000001"),
        "{}",
        done.stderr
    );
    assert!(
        world.github.state(REPOSITORY)["releases"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let done = finish(&good, &commit);
    assert!(done.status.success(), "{}", done.stderr);
}

#[test]
fn the_project_is_found_as_by_every_command() {
    let Some(world) = World::new() else { return };
    let (root, dist) = (world.project("thing"), world.dist(2));
    let finish = |args: &[&str]| {
        let all = [&["finish", "--dist", dist.as_str()], args].concat();
        world.command(&all).env_remove("GITHUB_REPOSITORY")
    };
    // The nearest around the working directory.
    let done = finish(&[]).cwd(&root.join("src")).capture().unwrap();
    let asked = format!("cannot tell where {root} is on GitHub");
    require_error(&done, &[&asked, "--repo OWNER/NAME"]);
    let named = finish(&["--project", root.as_str()]).capture().unwrap();
    require_error(&named, &[&asked]);
    // One that is named has to be one.
    let none = finish(&["--repo", REPOSITORY, "--project", "nowhere"]);
    let done = none.capture().unwrap();
    require_error(
        &done,
        &["nowhere is not a maturin project", "--project DIR"],
    );
}

#[test]
fn who_may_not_write_is_told_which_right_is_missing() {
    let Some(world) = world_with_one_build() else {
        return;
    };
    world
        .github
        .order("token", json!({"token": "may-only-read", "rights": "read"}));
    let with = |token: &str| finish_with_env(&world, |it| it.env("GH_ENTERPRISE_TOKEN", token));
    require_error(
        &with("may-only-read"),
        &["the token may not", "contents: write"],
    );
    require_error(
        &with("no-such-token"),
        &[
            "the token is not valid",
            "Bad credentials",
            "gh auth status",
        ],
    );
    let none = finish_with_env(&world, |it| it.env_remove("GH_ENTERPRISE_TOKEN"));
    require_error(
        &none,
        &[
            "gh has no token for localhost",
            "gh auth login",
            "GH_ENTERPRISE_TOKEN",
        ],
    );
    world.require_published(1, 1);
}

#[test]
fn without_gh_it_is_said_where_it_comes_from() {
    let Some(world) = World::new() else { return };
    let done = finish_with_env(&world, |it| it.env("PATH", "/nowhere"));
    require_error(
        &done,
        &[
            "gh, GitHub's command line, is not installed",
            "cli.github.com",
        ],
    );
}

#[test]
fn a_release_that_cannot_roll_is_refused() {
    let Some(world) = world_with_one_build() else {
        return;
    };
    world
        .github
        .release(REPOSITORY, TAG, json!({"immutable": true}));
    let done = world.finish(2);
    require_error(
        &done,
        &["is immutable", "Enable release immutability", "release-tag"],
    );
    world
        .github
        .release(REPOSITORY, TAG, json!({"immutable": false, "draft": true}));
    require_error(
        &world.finish(2),
        &["is a draft", "gh release edit latest --draft=false"],
    );
    world
        .github
        .release(REPOSITORY, TAG, json!({"draft": false}));
    world.require_published(1, 1);
}

#[test]
fn a_repository_that_is_not_there_is_named() {
    let Some(world) = World::new() else { return };
    let done = world.finish_with(1, &["--repo", "owner/other"]);
    require_error(
        &done,
        &[
            "there is no repository localhost",
            "owner/other",
            "--repo OWNER/NAME",
        ],
    );
    let done = world.finish_with(1, &["--repo", "other"]);
    require_error(&done, &["`other` is no repository", "--repo OWNER/NAME"]);
    let done = world.finish_with(1, &["--keep", "1"]);
    assert_eq!(done.status.code(), Some(2), "{}", done.stderr);
}

#[test]
fn another_wheel_under_the_same_name_stops_everything() {
    let Some(world) = world_with_one_build() else {
        return;
    };
    let other = world.dist(2).join("manifest.json");
    world.github.asset(REPOSITORY, TAG, &wheel_name(2), &other);
    let done = world.finish(2);
    require_error(
        &done,
        &[
            "instead of sha256:",
            "nothing was published",
            "gh release delete-asset",
        ],
    );
    world.github.remove(REPOSITORY, &wheel_name(2));
    world.require_published(1, 1);
    world.finish_ok(2);
    world.require_published(2, 2);
}

#[test]
fn what_was_not_built_from_a_pushed_commit_is_not_published() {
    let Some(world) = world_with_one_build() else {
        return;
    };
    let dist = world.dist_of(&"d".repeat(40), 9);
    let done = world
        .command(&["finish", "--dist", dist.as_str()])
        .capture()
        .unwrap();
    require_error(&done, &["is not on GitHub", "git push"]);
    let fresh = World::new().unwrap();
    let dist = fresh.dist_of(&"d".repeat(40), 9);
    let done = fresh
        .command(&["finish", "--dist", dist.as_str()])
        .capture()
        .unwrap();
    require_error(&done, &["is not on GitHub", "git push"]);
    let done = world
        .command(&["finish", "--dist", "nowhere"])
        .capture()
        .unwrap();
    require_error(
        &done,
        &[
            "nowhere/manifest.json",
            "`cargo xtask wheel --release --out nowhere`",
        ],
    );
}

#[test]
fn a_manifest_of_somebody_else_is_not_replaced() {
    let Some(world) = world_with_one_build() else {
        return;
    };
    let file = world.dir.path().join("strange.json");
    let put = |text: &str| {
        fs_err::write(&file, text).unwrap();
        world.github.remove(REPOSITORY, "manifest.json");
        world.github.asset(REPOSITORY, TAG, "manifest.json", &file);
    };
    let manifest = world.download_json("manifest.json").unwrap();
    put("[]");
    require_error(
        &world.finish(2),
        &[
            "cannot understand manifest.json",
            "gh release delete-asset latest manifest.json",
        ],
    );
    put(&manifest
        .to_string()
        .replace("\"name\":\"thing\"", "\"name\":\"other\""));
    require_error(
        &world.finish(2),
        &["holds the wheels of other, not of thing", "release-tag"],
    );
}

#[test]
fn rate_limits_are_waited_for_up_to_a_limit() {
    let Some(world) = world_with_one_build() else {
        return;
    };
    world
        .github
        .fail(&Fault::new("POST", "assets", 403).header("retry-after", "1"));
    world
        .github
        .fail(&Fault::new("GET", "releases/tags", 429).header("retry-after", "1"));
    let done = world.finish_ok(2);
    assert_eq!(
        done.stderr.matches("Waiting 1.0 s").count(),
        2,
        "{}",
        done.stderr
    );
    world.require_published(2, 2);

    let in_two_hours = std::time::SystemTime::now() + std::time::Duration::from_hours(2);
    let reset = in_two_hours
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .to_string();
    let fault = Fault::new("GET", "releases/tags", 403);
    world.github.fail(
        &fault
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", &reset),
    );
    require_error(
        &world.finish(3),
        &[
            "GitHub asks to wait for 7",
            "more than 600 s",
            "rate limit is reached",
        ],
    );
}

#[test]
fn what_does_not_pass_is_given_up() {
    let Some(world) = world_with_one_build() else {
        return;
    };
    world
        .github
        .fail(&Fault::new("PATCH", "git/refs", 503).times(1000));
    let done = world.finish(2);
    require_error(
        &done,
        &[
            "gave up after 6 attempts",
            "cannot move the tag",
            "HTTP status 503",
        ],
    );
    world.github.heal();
    world
        .github
        .fail(&Fault::dropped("GET", "releases/tags").times(1000));
    require_error(
        &world.finish(2),
        &["gave up after 6 attempts", "there is no answer"],
    );
    world.github.heal();
    world.finish_ok(2);
    world.require_published(2, 2);
}

/// What GitHub, or a proxy on the way, sends back.
#[test]
fn a_token_that_comes_back_is_not_said() {
    let Some(world) = world_with_one_build() else {
        return;
    };
    world.github.fail(
        &Fault::new("GET", "releases/tags", 400).message(&format!("no such thing as {TOKEN}")),
    );
    let done = world.finish(2);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("no such thing as ***"),
        "{}",
        done.stderr
    );
    world.require_secrecy(&[done]);
}
