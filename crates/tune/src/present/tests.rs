//! What is found in several places.

use super::*;
use testkit::Fixture;

const TARGET: &str = "x86_64-unknown-linux-gnu";

fn present(fixture: &Fixture, profile: &str) -> Present {
    let root = fixture.root();
    let mut present = Present::read(profile, &root, &root.join("Cargo.toml"), TARGET).unwrap();
    // Those of whoever runs the test.
    present.environment.clear();
    present
}

fn found(present: &Present, key: &[&str]) -> Option<(String, String)> {
    let found = present.find(key)?;
    Some((found.value, found.origin))
}

fn pair(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

#[test]
fn the_configuration_wins_over_the_manifest_and_the_environment_over_both() {
    let fixture = Fixture::new();
    let manifest = "[profile.dev]\ndebug = 1\nincremental = false\n\
                        [profile.dev.package.\"*\"]\ndebug = \"line-tables-only\"\n";
    fixture.write("Cargo.toml", manifest);
    fixture.write(".cargo/config.toml", "[profile.dev]\ndebug = 0\n");
    let mut present = present(&fixture, "dev");
    assert_eq!(
        found(&present, &["debug"]),
        Some(pair("0", ".cargo/config.toml"))
    );
    assert_eq!(
        found(&present, &["incremental"]),
        Some(pair("false", "Cargo.toml"))
    );
    let of_dependencies = found(&present, &["package", "*", "debug"]);
    assert_eq!(
        of_dependencies,
        Some(pair("\"line-tables-only\"", "Cargo.toml"))
    );
    assert_eq!(present.find(&["codegen-units"]), None);
    for (name, value) in [("CARGO_PROFILE_DEV_DEBUG", "2"), ("CARGO_INCREMENTAL", "1")] {
        present
            .environment
            .insert(name.to_owned(), value.to_owned());
    }
    assert_eq!(
        found(&present, &["debug"]),
        Some(pair("2", "CARGO_PROFILE_DEV_DEBUG"))
    );
    assert_eq!(
        found(&present, &["incremental"]),
        Some(pair("true", "CARGO_INCREMENTAL"))
    );
}

#[test]
fn a_profile_has_what_it_inherits() {
    let fixture = Fixture::new();
    let manifest = "[profile.fast]\ninherits = \"small\"\n[profile.small]\ninherits = \"release\"\n\
                        debug = 1\n[profile.release]\ndebug = 2\nincremental = true\n";
    fixture.write("Cargo.toml", manifest);
    let present = present(&fixture, "fast");
    assert_eq!(present.base(), "release");
    assert_eq!(found(&present, &["debug"]), Some(pair("1", "Cargo.toml")));
    assert_eq!(
        found(&present, &["incremental"]),
        Some(pair("true", "Cargo.toml"))
    );
}

#[test]
fn what_is_ours_counts_as_not_set() {
    let fixture = Fixture::new();
    fixture.write(
        "Cargo.toml",
        "[profile.dev] # by `cargo xtask tune`\ndebug = 1 # 0.5 # by `cargo xtask tune`\n",
    );
    let ours = format!(
        "[target.{TARGET}] # by `cargo xtask tune`\nrustflags = ['-Ca'] # by `cargo xtask tune`\n"
    );
    fixture.write(".cargo/config.toml", &ours);
    let present = present(&fixture, "dev");
    assert_eq!((present.find(&["debug"]), present.flags), (None, None));
}

#[test]
fn whose_flags_stand_in_the_way_is_told() {
    let by_other = format!("[target.{TARGET}]\nrustflags = ['-Ca'] # by `cargo xtask machine`\n");
    for (text, expected) in [
        ("[build]\nrustflags = ['-Ca']\n", ".cargo/config.toml"),
        (
            "[target.'cfg(unix)']\nrustflags = ['-Ca']\n",
            ".cargo/config.toml",
        ),
        (&by_other, ".cargo/config.toml, by `cargo xtask machine`"),
    ] {
        let fixture = Fixture::new();
        fixture.write("Cargo.toml", "");
        fixture.write(".cargo/config.toml", text);
        assert_eq!(present(&fixture, "dev").flags.as_deref(), Some(expected));
    }
}
