//! Finding the lines to be changed: each place that `edit` lists is tried with a build.

use camino::Utf8Path;

use crate::bench::{Bench, Outcome, broken};
use crate::edit;
use crate::error::BenchError;
use crate::files::{read, write};
use crate::marks::Marks;
use crate::results::EditRecord;
use crate::roles::roles;
use crate::scenario::{Action, Goal};
use crate::schedule::Job;
use crate::session::Stop;
use crate::workspace::{BRANCH, TRUNK};

impl Bench<'_> {
    /// Finds the lines to be changed, when the first scenario needs them, on the lane that needs them: it has built
    /// everything already.
    pub(crate) fn find_marks_for(&mut self, job: &Job) -> Outcome<()> {
        let needs = job.scenario.edits().next().is_some() || job.scenario.does(Action::Branch);
        if !needs || self.marks.is_some() {
            return Ok(());
        }
        self.settle(job.row)?;
        (self.say)(
            "Looking",
            "for a line in each crate whose change makes another library",
        );
        let mut marks = Marks::default();
        for (role, one) in roles(self.closure) {
            let mut found = None;
            for place in edit::places(one) {
                let Ok(file) = place.file.strip_prefix(&self.sources.root) else {
                    continue;
                };
                if self.try_place(job.row, file, &place)? {
                    found = Some((file.to_owned(), place));
                    break;
                }
            }
            if let Some((file, place)) = &found {
                let line = place
                    .after
                    .map_or_else(|| "at the end".to_owned(), |it| (it + 2).to_string());
                marks.records.push(EditRecord {
                    role,
                    crate_name: one.name.clone(),
                    place: format!("{file}:{line}"),
                });
            }
            marks.files.insert(role, found.map(|(file, _)| file));
        }
        self.keep_marks(&marks, job.row).map_err(broken)?;
        self.marks = Some(marks);
        self.known.entry(job.row).or_default().head = None;
        Ok(())
    }

    /// Whether another number in a line at `place` makes another library. If not, the file is as it was.
    fn try_place(&mut self, row: usize, file: &Utf8Path, place: &edit::Place) -> Outcome<bool> {
        let path = self.checkouts[row].tree().join(file);
        let first = read(&path).map_err(broken)?;
        let mut digests = Vec::new();
        for value in [self.value + 1, self.value + 2] {
            let text = place.insert(&first, value);
            write(&path, &text).map_err(broken)?;
            self.checkouts[row].forget_builds().map_err(broken)?;
            match self.build(row, Goal::Develop) {
                Ok(()) => digests.push(self.digest(row)?),
                Err(Stop::Failed(_)) if !self.is_ending() => break,
                Err(stop) => return Err(stop),
            }
        }
        self.value += 2;
        let is_good = matches!(&digests[..], [Some(one), Some(other)] if one != other);
        if !is_good {
            write(&path, &first).map_err(broken)?;
        }
        Ok(is_good)
    }

    /// Commits the lines: from now on all lanes have them. On the other branch they have another number.
    fn keep_marks(&mut self, marks: &Marks, row: usize) -> Result<(), BenchError> {
        let (tree, origin) = (self.checkouts[row].tree(), self.workspace.origin());
        let files: Vec<_> = marks.files.values().flatten().collect();
        for file in &files {
            write(&origin.join(file), &read(&tree.join(file))?)?;
        }
        self.workspace.commit("a line that changes")?;
        self.workspace
            .git(&origin, &["checkout", "--quiet", "-B", BRANCH])?;
        for file in &files {
            self.value += 1;
            let text = read(&origin.join(file))?;
            write(
                &origin.join(file),
                &edit::with_value(&text, self.value).unwrap_or(text),
            )?;
        }
        self.workspace.commit("the same line, changed")?;
        self.workspace
            .git(&origin, &["checkout", "--quiet", TRUNK])?;
        let text = serde_json::to_string(marks).unwrap_or_default();
        write(&self.workspace.root.join("marks.json"), &text)
    }
}
