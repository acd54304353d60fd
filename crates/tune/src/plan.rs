//! What is to be written, as changes to files: profile settings to the workspace's Cargo.toml, where they hold for
//! everybody, and the linker to `.cargo/config.local.toml`, since it is one of this machine.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::{Files, local};
use config_edit::{CargoConfig, CargoManifest, Change, Owner};
use project_model::Workspace;

use crate::measurement::{Measurement, Subject, Winner};
use crate::{OWNER, TuneError};

/// Whose the line is that includes the local file: it is taken back when nobody needs that file any more.
const INCLUDER: Owner = Owner("cargo xtask tune --apply");

/// The files that settings can go to.
#[derive(Debug, Clone)]
pub struct Places {
    /// Cargo's configuration.
    pub files: Files,
    /// The workspace's Cargo.toml.
    pub manifest: Utf8PathBuf,
}

impl Places {
    /// Those of a project with `files`.
    #[must_use]
    pub fn of(files: Files, workspace: &Workspace) -> Self {
        Self {
            files,
            manifest: workspace.root.join("Cargo.toml"),
        }
    }

    /// Has the files hold `winners` and nothing else of ours. `target` is the triple that is compiled for. The changes
    /// come in the order in which they are to be written; empty ones are left out.
    ///
    /// # Errors
    /// If a key has come to be set by somebody else since it was measured, or a file cannot be read.
    pub fn changes(
        &self,
        winners: &[Winner],
        profile: &str,
        target: &str,
    ) -> Result<Vec<Change>, TuneError> {
        let mut manifest = CargoManifest::read(&self.manifest)?;
        manifest.undo(OWNER)?;
        let mut config = CargoConfig::read(&self.files.local)?;
        config.undo(OWNER)?;
        let mut has_linker = false;
        for winner in winners {
            for (path, value) in &winner.choices.profile {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                manifest.set_profile(profile, &path, value, &winner.note, OWNER)?;
            }
            if let Some(linker) = &winner.choices.linker {
                config.introduce(local::INTRODUCTION, OWNER);
                config.set_linker(target, linker, &winner.note, OWNER)?;
                has_linker = true;
            }
        }
        let (tracked, local) = self.config_changes(config, has_linker)?;
        let all = [manifest.into_change(), tracked, local];
        Ok(all
            .into_iter()
            .filter(|change| !change.is_empty())
            .collect())
    }

    /// The change to the local configuration, and to the tracked one, which includes it for as long as it is needed.
    fn config_changes(
        &self,
        config: CargoConfig,
        has_linker: bool,
    ) -> Result<(Change, Change), TuneError> {
        let mut tracked = CargoConfig::read(&self.files.tracked)?;
        let mut change = config.into_change();
        if has_linker {
            local::include(&mut tracked, INCLUDER)?;
        } else {
            local::stop_including(&mut tracked, &mut change, INCLUDER)?;
        }
        Ok((tracked.into_change(), change))
    }
}

/// Refuses a measurement of another project, or on another machine, than `now` speaks of. `path` is where it comes from.
///
/// # Errors
/// [`TuneError::OtherSubject`], with the first difference.
pub fn require_same(
    measured: &Measurement,
    now: &Subject,
    path: &Utf8Path,
) -> Result<(), TuneError> {
    let then = &measured.subject;
    let pairs = [
        ("project", &then.root, &now.root),
        ("profile", &then.profile, &now.profile),
        ("toolchain", &then.toolchain, &now.toolchain),
        ("Cargo.lock", &then.lock_sha256, &now.lock_sha256),
    ];
    match pairs.into_iter().find(|(_, then, now)| then != now) {
        None => Ok(()),
        Some((what, then, now)) => Err(TuneError::OtherSubject {
            path: path.to_owned(),
            what,
            then: then.clone(),
            now: now.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choices::{Choices, Setting};
    use testkit::Fixture;

    const TARGET: &str = "x86_64-unknown-linux-gnu";

    fn places(fixture: &Fixture) -> Places {
        let root = fixture.root();
        Places {
            files: Files::in_dir(&root, &root),
            manifest: root.join("Cargo.toml"),
        }
    }

    fn winner(setting: Setting, choices: Choices) -> Winner {
        Winner {
            setting,
            note: "0.52 [0.49, 0.55] of 4.60 s after an edit".to_owned(),
            choices,
        }
    }

    fn winners() -> [Winner; 2] {
        let debug = Choices::key(&["package", "*", "debug"], "false");
        [
            winner(Setting::DependencyDebug, debug),
            winner(Setting::Linker, Choices::linker("mold")),
        ]
    }

    fn apply(fixture: &Fixture, winners: &[Winner]) -> usize {
        let changes = places(fixture).changes(winners, "dev", TARGET).unwrap();
        for change in &changes {
            change.apply().unwrap();
        }
        changes.len()
    }

    fn text(fixture: &Fixture, name: &str) -> String {
        fs_err::read_to_string(fixture.root().join(name)).unwrap()
    }

    const MANIFEST: &str = "[package]\nname = \"a\" # mine\n";

    #[test]
    fn what_holds_for_all_goes_to_the_manifest_and_what_holds_here_beside_it() {
        let fixture = Fixture::new();
        fixture.write("Cargo.toml", MANIFEST);
        assert_eq!(apply(&fixture, &winners()), 3);
        let reason = "# 0.52 [0.49, 0.55] of 4.60 s after an edit # by `cargo xtask tune`";
        let expected = format!(
            "{MANIFEST}\n[profile.dev.package.\"*\"] # by `cargo xtask tune`\ndebug = false {reason}\n"
        );
        assert_eq!(text(&fixture, "Cargo.toml"), expected);
        let local = text(&fixture, ".cargo/config.local.toml");
        let flags = format!("rustflags = [\"-C\", \"link-arg=-fuse-ld=mold\"] {reason}\n");
        assert!(local.ends_with(&flags), "{local}");
        assert!(
            text(&fixture, ".cargo/config.toml")
                .contains("include = [{ path = \"config.local.toml\"")
        );
        // Again: nothing. With other figures: those, in the same places.
        assert_eq!(apply(&fixture, &winners()), 0);
        let others = winners().map(|it| Winner {
            note: "0.5".to_owned(),
            ..it
        });
        assert_eq!(apply(&fixture, &others), 2);
        assert_eq!(
            text(&fixture, "Cargo.toml"),
            expected.replace("0.52 [0.49, 0.55] of 4.60 s after an edit", "0.5")
        );
        // And back, to the byte.
        apply(&fixture, &[]);
        assert_eq!(text(&fixture, "Cargo.toml"), MANIFEST);
        assert!(!fixture.root().join(".cargo").exists());
    }

    #[test]
    fn a_configuration_of_the_users_stays_and_dev_does_not_hold_ours() {
        let fixture = Fixture::new();
        fixture.write("Cargo.toml", MANIFEST);
        let (tracked, local) = ("[alias]\nx = \"y\"\n", "[build]\njobs = 2\n");
        fixture.write(".cargo/config.toml", tracked);
        fixture.write(".cargo/config.local.toml", local);
        apply(&fixture, &winners());
        apply(&fixture, &[]);
        assert_eq!(text(&fixture, ".cargo/config.local.toml"), local);
        // It has settings of the user's, who had not included it: as long as they are there, nobody is to miss them.
        assert!(text(&fixture, ".cargo/config.toml").contains(tracked));
        fs_err::remove_file(fixture.root().join(".cargo/config.local.toml")).unwrap();
        apply(&fixture, &winners());
        let with_dev = format!(
            "{}\n[env]\nPYO3_PYTHON = \"/p\"\n",
            text(&fixture, ".cargo/config.local.toml")
        );
        fixture.write(".cargo/config.local.toml", &with_dev);
        apply(&fixture, &[]);
        assert!(!fixture.root().join(".cargo/config.local.toml").exists());
        assert_eq!(text(&fixture, ".cargo/config.toml"), tracked);
    }

    #[test]
    fn what_somebody_has_set_since_is_an_error_and_nothing_is_planned() {
        let fixture = Fixture::new();
        let manifest = "[profile.dev.package.\"*\"]\ndebug = 1\n";
        fixture.write("Cargo.toml", manifest);
        let error = places(&fixture)
            .changes(&winners(), "dev", TARGET)
            .unwrap_err();
        assert!(error.to_string().contains("is set in"), "{error}");
        assert_eq!(text(&fixture, "Cargo.toml"), manifest);
        fixture.write("Cargo.toml", MANIFEST);
        let of_machine =
            format!("[target.{TARGET}]\nrustflags = [\"-Ca\"] # by `cargo xtask machine`\n");
        fixture.write(".cargo/config.local.toml", &of_machine);
        let error = places(&fixture)
            .changes(&winners(), "dev", TARGET)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("belongs to `cargo xtask machine`; undo it there"),
            "{error}"
        );
    }
}
