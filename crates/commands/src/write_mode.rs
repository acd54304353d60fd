//! Whether a command writes, or only shows what it would write: the same for all that change files.

use camino::Utf8PathBuf;
use config_edit::{Change, retried};

use crate::Answer;
use crate::typed::command_without;
use crate::ui;

/// What to do instead of writing.
#[derive(Debug, clap::Args)]
pub(crate) struct WriteMode {
    /// Write nothing: show what would change; exit code 3 if anything would, and the command that repairs it
    #[arg(long)]
    check: bool,
    /// Write nothing: show what would change
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
}

impl WriteMode {
    pub(crate) const fn only_shows(&self) -> bool {
        self.check || self.dry_run
    }

    /// Whether a difference is to be an exit code.
    pub(crate) const fn checks(&self) -> bool {
        self.check
    }

    /// Shows `changes`, or writes them.
    pub(crate) fn carry_out(&self, changes: &[Change]) -> anyhow::Result<Answer> {
        if self.only_shows() {
            return Ok(self.show(changes, &command_without(&["--check"])));
        }
        Change::apply_all(changes)?;
        written(changes);
        Ok(Answer::Done)
    }

    /// The same for what `plan` says, which is asked again when somebody else has written one of the files in
    /// between.
    pub(crate) fn carry_out_planned(
        &self,
        plan: impl Fn() -> anyhow::Result<Vec<Change>>,
    ) -> anyhow::Result<Answer> {
        retried(|| self.carry_out(&plan()?), anyhow::Error::downcast_ref)
    }

    /// The difference on standard output, which is data, and on standard error the command `repair`, which
    /// makes it.
    pub(crate) fn show(&self, changes: &[Change], repair: &str) -> Answer {
        show(changes);
        if changes.iter().all(Change::is_empty) {
            written(changes);
            return Answer::Done;
        }
        if !self.check {
            return Answer::Done;
        }
        ui::say("Differs", &format!("`{repair}` repairs it"));
        Answer::Differs
    }
}

/// The difference on standard output, as from the working directory.
pub(crate) fn show(changes: &[Change]) {
    let here = std::env::current_dir().ok();
    let here = here.and_then(|dir| Utf8PathBuf::try_from(dir).ok());
    let here = here.unwrap_or_else(|| "/".into());
    for change in changes {
        ui::print(&change.diff_in(&here));
    }
}

/// Tells what has become of the files.
pub(crate) fn written(changes: &[Change]) {
    for (verb, text) in lines(changes) {
        ui::say(verb, text);
    }
}

/// A verb and a file each. Where nothing has changed, the files that are there are named.
fn lines(changes: &[Change]) -> Vec<(&'static str, &str)> {
    let differing = changes.iter().filter(|change| !change.is_empty());
    let differing = differing.map(|change| {
        let verb = if change.new.is_some() {
            "Written"
        } else {
            "Removed"
        };
        (verb, change.path.as_str())
    });
    let there = changes.iter().filter(|change| change.old.is_some());
    let fresh = there.map(|change| ("Fresh", change.path.as_str()));
    let nothing = ("Fresh", "nothing is to be written");
    [differing.collect(), fresh.collect(), vec![nothing]]
        .into_iter()
        .find(|lines: &Vec<_>| !lines.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, old: Option<&str>, new: Option<&str>) -> Change {
        Change {
            path: path.into(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        }
    }

    #[test]
    fn each_file_has_its_verb_and_what_stays_is_named_where_nothing_changes() {
        let made = || change("a", None, Some("1"));
        let removed = || change("b", Some("1"), None);
        let same = || change("c", Some("1"), Some("1"));
        let absent = || change("d", None, None);
        for (changes, expected) in [
            (
                vec![made(), removed()],
                vec![("Written", "a"), ("Removed", "b")],
            ),
            (vec![same(), made(), absent()], vec![("Written", "a")]),
            (vec![same(), absent()], vec![("Fresh", "c")]),
            (vec![absent()], vec![("Fresh", "nothing is to be written")]),
            (vec![], vec![("Fresh", "nothing is to be written")]),
        ] {
            assert_eq!(lines(&changes), expected);
        }
    }

    #[test]
    fn where_somebody_else_was_faster_it_is_planned_again() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("a.toml");
        let planned = std::cell::Cell::new(0);
        let plan = || {
            let old = fs_err::read_to_string(&path).ok();
            planned.set(planned.get() + 1);
            if planned.get() <= 3 {
                fs_err::write(&path, format!("theirs = {}\n", planned.get()))?;
            }
            let new = Some(format!("{}ours = 1\n", old.as_deref().unwrap_or_default()));
            Ok(vec![Change {
                path: path.clone(),
                old,
                new,
            }])
        };
        let mode = WriteMode {
            check: false,
            dry_run: false,
        };
        assert_eq!(mode.carry_out_planned(plan).unwrap(), Answer::Done);
        let text = fs_err::read_to_string(&path).unwrap();
        assert_eq!(text, "theirs = 3\nours = 1\n");
    }

    #[test]
    fn only_a_check_that_finds_something_answers_that_it_differs() {
        let mode = |check, dry_run| WriteMode { check, dry_run };
        let (some, none) = ([change("a", None, Some("1"))], [change("a", None, None)]);
        assert_eq!(mode(true, false).show(&some, "x"), Answer::Differs);
        assert_eq!(mode(true, false).show(&none, "x"), Answer::Done);
        assert_eq!(mode(false, true).show(&some, "x"), Answer::Done);
    }
}
