//! What is to be written, as changes to files: profile settings to the workspace's Cargo.toml, where they
//! hold for everybody, and the linker to `.cargo/config.local.toml`, since it is one of this machine.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::linker::Linkers;
use cargo_settings::{Files, local};
use config_edit::{CargoConfig, CargoManifest, Change, EditError, Owner};
use project_model::{Project, Workspace};

use crate::measurement::{Measurement, TunedProject, Winner};
use crate::{OWNER, TuneError};

/// Whose the line is that includes the local file: it is taken back when nobody needs that file any more.
const INCLUDER: Owner = local::TUNE_INCLUDER;

/// The files that settings can go to.
#[derive(Debug, Clone)]
pub struct SettingFiles {
    /// Cargo's configuration.
    pub files: Files,
    /// The workspace's Cargo.toml.
    pub manifest: Utf8PathBuf,
}

impl SettingFiles {
    /// Those of `project`.
    pub fn of(project: &Project) -> Result<Self, TuneError> {
        let workspace = Workspace::load(project)?;
        Ok(Self {
            files: Files::of(project, &workspace),
            manifest: workspace.root.join("Cargo.toml"),
        })
    }

    /// Has the files hold what won in `measurement`, and nothing else of ours.
    pub fn changes_of(
        &self,
        project: &Project,
        measurement: &Measurement,
    ) -> Result<Vec<Change>, TuneError> {
        let target = Linkers::host(&project.root)?;
        let profile = &measurement.subject.profile;
        self.changes(measurement.to_write(), profile, &target)
    }

    /// Has the files hold nothing of ours.
    pub fn undone(&self) -> Result<Vec<Change>, TuneError> {
        self.changes(&[], "dev", "")
    }

    /// What is to be said of `changes` that were made: that git does not ignore what is this machine's.
    #[must_use]
    pub fn note(&self, changes: &[Change]) -> Option<String> {
        let mut changes = changes.iter();
        let writes_local = changes.any(|change| change.path == self.files.local);
        self.files.not_ignored().filter(|_| writes_local)
    }

    /// Has the files hold `winners` and nothing else of ours. `target` is the triple that is compiled for.
    /// The changes come in the order in which they are to be written; empty ones are left out.
    pub(crate) fn changes(
        &self,
        winners: &[Winner],
        profile: &str,
        target: &str,
    ) -> Result<Vec<Change>, TuneError> {
        let mut manifest = CargoManifest::read(&self.manifest)?;
        manifest.undo(OWNER)?;
        let mut config = CargoConfig::read(&self.files.local)?;
        config.undo(OWNER)?;
        let has_linker = winners.iter().any(|it| it.choices.linker.is_some());
        for winner in winners {
            for (path, value) in &winner.choices.profile {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                manifest.set_profile(profile, &path, value, &winner.note, OWNER)?;
            }
            if let Some(linker) = &winner.choices.linker {
                config.introduce(local::INTRODUCTION, OWNER);
                config.set_linker(target, linker, &winner.note, OWNER)?;
            }
        }
        let (tracked, local) = self.config_changes(config, has_linker)?;
        let mut all = vec![manifest.into_change(), tracked, local];
        all.retain(|change| !change.is_empty());
        Ok(all)
    }

    /// The change to the local configuration, and to the tracked one, which includes it for as long as it is
    /// needed.
    fn config_changes(
        &self,
        config: CargoConfig,
        has_linker: bool,
    ) -> Result<(Change, Change), TuneError> {
        let mut tracked = CargoConfig::read(&self.files.tracked)?;
        let mut change = config.into_change();
        if has_linker {
            // What others have written below our lines since is no reason to move these.
            if lines(change.old.as_deref()) == lines(change.new.as_deref()) {
                change.new.clone_from(&change.old);
            }
            local::include(&mut tracked, INCLUDER)?;
        } else {
            local::stop_including(&mut tracked, &mut change, INCLUDER)?;
        }
        Ok((tracked.into_change(), change))
    }
}

/// The lines of a text, whatever their order.
fn lines(text: Option<&str>) -> Vec<&str> {
    let lines = text.unwrap_or_default().lines();
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines
}

/// What becomes of a file that somebody has changed while it was being built with `change`: our lines go, and
/// so does a file of ours to which only `cargo xtask dev` has added anything.
pub(crate) fn without_ours(change: &Change) -> Result<Change, EditError> {
    if change.path.file_name() == Some("Cargo.toml") {
        let mut manifest = CargoManifest::read(&change.path)?;
        manifest.undo(OWNER)?;
        return Ok(manifest.into_change());
    }
    let mut config = CargoConfig::read(&change.path)?;
    config.undo(OWNER)?;
    let mut back = config.into_change();
    if change.old.is_none() && back.new.as_deref().is_some_and(local::is_only_of_dev) {
        back.new = None;
    }
    Ok(back)
}

/// Refuses a measurement of another project, or on another machine, than `now` speaks of. `path` is where it
/// comes from.
pub(crate) fn require_same(
    measured: &Measurement,
    now: &TunedProject,
    path: &Utf8Path,
) -> Result<(), TuneError> {
    let then = &measured.subject;
    let pairs = [
        ("project", &then.root, &now.root),
        ("profile", &then.profile, &now.profile),
        ("toolchain", &then.toolchain, &now.toolchain),
        ("Cargo.lock", &then.lock_sha256, &now.lock_sha256),
    ];
    let Some((what, then, now)) = pairs.into_iter().find(|(_, then, now)| then != now) else {
        return Ok(());
    };
    Err(TuneError::OtherSubject {
        path: path.to_owned(),
        what,
        then: then.clone(),
        now: now.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choices::{Choices, Setting};
    use testkit::Fixture;

    const TARGET: &str = "x86_64-unknown-linux-gnu";

    fn places(fixture: &Fixture) -> SettingFiles {
        let root = fixture.root();
        SettingFiles {
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
        // It has settings of the user's, who had not included it: as long as they are there, nobody is to
        // miss them.
        assert!(text(&fixture, ".cargo/config.toml").contains(tracked));
        fs_err::remove_file(fixture.root().join(".cargo/config.local.toml")).unwrap();
        apply(&fixture, &winners());
        let with_dev = format!(
            "{}\n[env]\nPYO3_PYTHON = \"/p\"\n",
            text(&fixture, ".cargo/config.local.toml")
        );
        fixture.write(".cargo/config.local.toml", &with_dev);
        // What is written already stays where it is, above what was added.
        assert_eq!(apply(&fixture, &winners()), 0);
        apply(&fixture, &[]);
        assert!(!fixture.root().join(".cargo/config.local.toml").exists());
        assert_eq!(text(&fixture, ".cargo/config.toml"), tracked);
    }

    #[test]
    fn a_new_file_that_only_dev_has_added_to_goes_with_our_lines() {
        let with_dev = "[env]\nPYO3_PYTHON = \"/p\"\n";
        for (old, added, is_left) in [
            (None, with_dev, false),
            (None, "[build]\njobs = 2\n", true),
            (Some("# mine\n"), with_dev, true),
        ] {
            let fixture = Fixture::new();
            fixture.write("Cargo.toml", MANIFEST);
            if let Some(old) = old {
                fixture.write(".cargo/config.local.toml", old);
            }
            let files = places(&fixture);
            let changes = files.changes(&winners(), "dev", TARGET).unwrap();
            let local = changes.iter().find(|it| it.path == files.files.local);
            let local = local.unwrap();
            let new = local.new.clone().unwrap();
            fixture.write(".cargo/config.local.toml", &format!("{new}{added}"));
            let back = without_ours(local).unwrap();
            assert_eq!(back.new.is_some(), is_left, "{back:?}");
            assert!(!back.new.unwrap_or_default().contains("mold"));
        }
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
