//! Publishing: in a row, with every request failing once, while somebody installs.

use processes::Invocation;
use serde_json::json;
use testkit::github::{Fault, Request, When};

use crate::downloads::Installer;
use crate::{REPOSITORY, TAG, TOKEN, World, hash, version, wheel_name};

#[test]
fn the_first_build_makes_the_release_and_can_be_installed() {
    let Some(world) = World::new() else { return };
    let (outputs, summary) = (
        world.dir.path().join("outputs"),
        world.dir.path().join("summary"),
    );
    let dist = world.dist(1);
    let done = world
        .command(&["finish", "--dist", dist.as_str()])
        .env("GITHUB_OUTPUT", outputs.as_str())
        .env("GITHUB_STEP_SUMMARY", summary.as_str())
        .capture()
        .unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    world.require_published(1, 1);
    assert_eq!(
        done.stdout.trim(),
        format!("{}/{REPOSITORY}/releases/tag/{TAG}", world.github.url())
    );
    let read = |path| fs_err::read_to_string(path).unwrap();
    let outputs = read(outputs);
    for line in [
        "published=true",
        &format!("published-version={}", version(1)),
        &format!("published-commit={}", hash(1)),
    ] {
        assert!(outputs.lines().any(|it| it == line), "{outputs}");
    }
    assert!(read(summary).contains("### Published 1.0+g0000001"));

    // As the notes tell to, with a real installer.
    let manifest = world.download_json("manifest.json").unwrap();
    let read_by_colab: colab::Pinned = serde_json::from_value(manifest.clone()).unwrap();
    assert_eq!(read_by_colab.wheels[0].pythons[0].to_string(), "3.11");
    let (url, sha256) = (
        manifest["wheels"][0]["url"].as_str().unwrap(),
        manifest["wheels"][0]["sha256"].as_str().unwrap(),
    );
    let state = world.github.state(REPOSITORY);
    let requirement = format!("thing @ {url}#sha256={sha256}");
    assert!(
        state["releases"][0]["body"]
            .as_str()
            .unwrap()
            .contains(&requirement)
    );
    let requirements =
        python_tools::PinnedRequirements::parse(include_str!("../../../requirements/tools.txt"))
            .unwrap();
    let uv = python_tools::Toolbox::new(requirements, false)
        .uv(&|_, _| {})
        .expect("uv");
    let target = world.dir.path().join("installed");
    Invocation::new(uv.path)
        .args([
            "pip",
            "install",
            "--quiet",
            "--no-cache",
            "--target",
            target.as_str(),
            &requirement,
        ])
        .env("SSL_CERT_FILE", world.github.certificate())
        .read()
        .unwrap();
    assert_eq!(
        read(target.join("thing.py")),
        format!("version = '{}'\n", version(1))
    );

    // Nothing is left to do.
    world.github.forget_requests();
    let again = world.finish_ok(1);
    assert!(again.stderr.contains("Fresh"), "{}", again.stderr);
    assert!(world.github.requests().iter().all(|it| it.method == "GET"));
    world.require_secrecy(&[done, again]);
}

fn of_the_api(world: &World) -> Vec<Request> {
    let requests = world.github.requests().into_iter();
    requests
        .filter(|request| request.path.starts_with("/api/"))
        .collect()
}

/// The requests of one publish are enumerated; then each of them fails once, before it has taken effect and
/// after. What fails ends the run, as when it is killed there; the next run repairs. All the while somebody
/// installs.
#[test]
fn wherever_a_publish_fails_the_next_run_repairs_it_and_no_download_fails() {
    let Some(world) = World::new() else { return };
    for number in 1..=4 {
        world.action_uploads(number);
        world.finish_ok(number);
    }
    let installer = Installer::start(&world);
    world.github.forget_requests();
    world.finish_ok(5);
    let requests = of_the_api(&world);
    let changes = |request: &Request| request.method != "GET";
    assert!(
        requests.iter().filter(|it| changes(it)).count() >= 8,
        "{requests:#?}"
    );
    let mut number = 5;
    let mut said = Vec::new();
    for (position, request) in requests.iter().enumerate() {
        for when in [When::Before, When::After] {
            // A look that fails changes nothing, so one of those in a row stands for all.
            let follows_a_look = position > 0 && !changes(&requests[position - 1]);
            if !changes(request) && (when == When::After || follows_a_look) {
                continue;
            }
            number += 1;
            if number % 2 == 0 {
                // Then its own upload is none of the requests; without it, it is one.
                world.action_uploads(number);
            }
            // 401 is not tried again, so the run ends here.
            let nth = u32::try_from(position + 1).unwrap();
            let fault = Fault::new(".*", "^/api/", 401).when(when).nth(nth);
            world.dist(number);
            world.github.fail(&fault);
            let failed = world.finish(number);
            let has_ended = of_the_api(&world).iter().any(|it| it.failed.is_some());
            assert_eq!(
                failed.status.success(),
                !has_ended,
                "{nth} {when:?}: {}",
                failed.stderr
            );
            world.github.heal();
            world.github.forget_requests();
            said.extend([failed, world.finish_ok(number)]);
            world.require_published(number, 3);
        }
    }
    println!("{} publishes, {} requests each", number - 5, requests.len());
    assert!(number > 20, "{number}");
    installer.require_no_failure(50);
    world.require_secrecy(&said);
}

/// Dropped connections and faults of the server pass, and a run gets through all of them by itself.
#[test]
fn what_passes_is_waited_for() {
    let Some(world) = World::new() else { return };
    for number in 1..=4 {
        world.finish_ok(number);
    }
    let changing = "POST|PATCH|DELETE";
    let installer = Installer::start(&world);
    let mut number = 4;
    for (when, status) in [(When::Before, Some(502)), (When::After, None)] {
        // Every other request that changes something, and every third that does not.
        for nth in (1..30).step_by(2) {
            world.github.fail(&Fault {
                status,
                ..Fault::new(changing, "^/api/", 0).when(when).nth(nth)
            });
        }
        for nth in (1..30).step_by(3) {
            world.github.fail(&Fault {
                status,
                ..Fault::new("GET", "^/api/", 0).nth(nth)
            });
        }
        number += 1;
        let done = world.finish_ok(number);
        assert!(done.stderr.contains("Waiting"), "{}", done.stderr);
        world.github.heal();
        world.require_published(number, 3);
    }
    installer.require_no_failure(5);
}

#[test]
fn half_an_upload_is_done_again() {
    let Some(world) = World::new() else { return };
    world.finish_ok(1);
    world
        .github
        .fail(&Fault::new("POST", "name=thing", 502).when(When::Half));
    world
        .github
        .fail(&Fault::new("POST", "name=manifest", 502).when(When::Half));
    let done = world.finish_ok(2);
    assert_eq!(
        done.stderr.matches("its upload broke off").count(),
        2,
        "{}",
        done.stderr
    );
    world.require_published(2, 2);
}

#[test]
fn what_the_user_has_added_stays() {
    let Some(world) = World::new() else { return };
    world.finish_ok(1);
    let file = world.dist(1).join("manifest.json");
    for name in ["manual.pdf", "thing-1.0-py3-none-any.whl"] {
        world.github.asset(REPOSITORY, TAG, name, &file);
    }
    // More than a page of assets.
    for number in 0..120 {
        world
            .github
            .asset(REPOSITORY, TAG, &format!("data-{number}"), &file);
    }
    world.github.release(
        REPOSITORY,
        TAG,
        json!({"body": "My own words.\r\n", "prerelease": true}),
    );
    for number in 2..=5 {
        world.finish_ok(number);
    }
    let names = world.asset_names();
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("data-"))
            .count(),
        120
    );
    assert!(
        names.contains(&"manual.pdf".to_owned())
            && names.contains(&"thing-1.0-py3-none-any.whl".to_owned())
    );
    assert!(
        !names.contains(&wheel_name(2)) && names.contains(&wheel_name(3)),
        "{names:?}"
    );
    let state = world.github.state(REPOSITORY);
    let release = &state["releases"][0];
    assert!(
        release["body"]
            .as_str()
            .unwrap()
            .starts_with("My own words.\n\n<!--")
    );
    assert_eq!(release["prerelease"], true);
}

#[test]
fn a_dry_run_changes_nothing() {
    let Some(world) = World::new() else { return };
    world.finish_ok(1);
    world.github.forget_requests();
    let done = world.finish_with(2, &["--dry-run"]);
    assert!(done.status.success(), "{}", done.stderr);
    assert!(
        done.stdout
            .starts_with(&format!("upload {}\n", wheel_name(2))),
        "{}",
        done.stdout
    );
    assert!(world.github.requests().iter().all(|it| it.method == "GET"));
    world.require_published(1, 1);
}

/// A token in Actions on a server of one's own is in `GITHUB_TOKEN`, where gh does not look for that
/// server's.
#[test]
fn the_token_of_a_workflow_is_enough() {
    let Some(world) = World::new() else { return };
    let dist = world.dist(1);
    let command = world.command(&["finish", "--dist", dist.as_str()]);
    let done = command
        .env_remove("GH_ENTERPRISE_TOKEN")
        .env("GITHUB_TOKEN", TOKEN)
        .capture()
        .unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    world.require_published(1, 1);
    world.require_secrecy(&[done]);
}
