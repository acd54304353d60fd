//! A linker that the project's tracked configuration names.

use testkit::Fixture;

use super::{git, wheel, wheel_ok};

fn linking_with_clang() -> Fixture {
    let project = Fixture::light("linking");
    let config = format!(
        "[target.{0}-unknown-linux-gnu]\nlinker = \"no-such-clang\"\n\n\
         [target.'cfg(target_os = \"linux\")']\nrustflags = [\"-C\", \"link-arg=-fuse-ld=no-such-lld\"]\n",
        std::env::consts::ARCH
    );
    project.write(".cargo/config.toml", &config);
    git(&project, &["init", "--quiet"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    project
}

/// Neither of them is on this machine.
#[test]
fn zig_links_by_itself() {
    wheel_ok(&linking_with_clang(), &["--release"]);
}

#[test]
fn what_a_container_needs_for_it_is_said_until_the_policy_brings_it() {
    let project = linking_with_clang();
    let done = wheel(&project, &["--release", "--plan"]);
    assert!(done.status.success(), "{}", done.stderr);
    let expected = ".cargo/config.toml links with no-such-clang and no-such-lld";
    assert!(done.stderr.contains(expected), "{}", done.stderr);
    assert!(
        done.stdout.contains("-fuse-ld=no-such-lld"),
        "{}",
        done.stdout
    );

    let policy =
        "[workspace.metadata.xtask.wheel]\nbefore = [\"clang\", \"lld --version\"]\n\n[workspace]";
    project.edit("native/Cargo.toml", "[workspace]", policy);
    let done = wheel(&project, &["--release", "--plan"]);
    assert!(!done.stderr.contains("links with"), "{}", done.stderr);
    let plan: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let script = plan["wheels"][0]["action"]["before-script-linux"]
        .as_str()
        .unwrap();
    assert!(script.contains("dnf install -y clang;"), "{script}");
    assert!(script.contains("; lld --version; "), "{script}");
}

/// In a container of manylinux, whose compiler links by itself, that is done here.
#[test]
fn in_a_container_the_policy_prepares_a_native_build() {
    let project = Fixture::light("prepared");
    let policy =
        "[workspace.metadata.xtask.wheel]\nbefore = [\"echo prepared; exit 7\"]\n\n[workspace]";
    project.edit("native/Cargo.toml", "[workspace]", policy);
    let platform = format!("manylinux_2_28_{}", std::env::consts::ARCH);
    let done = super::command(&project, &["--release"]);
    let done = done.env("AUDITWHEEL_PLAT", platform).capture().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("`echo prepared; exit 7`"),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("Compiling"), "{}", done.stderr);
}
