//! Finding the lines to be changed: each place that could be one is tried with builds.

use camino::{Utf8Path, Utf8PathBuf};
use project_model::PathCrate;
use trial::edit;
use trial::files::copy_file;

use crate::error::BenchError;
use crate::goal::Goal;
use crate::lane_builder::LaneBuilder;
use crate::marks::Marks;
use crate::results::EditRecord;
use crate::roles::roles;
use crate::scenario::Action;
use crate::schedule::Job;
use crate::scratch::{BRANCH, TRUNK};
use crate::session::Stop;

impl LaneBuilder<'_> {
    /// Finds the lines to be changed, when the first scenario needs them, on the lane that needs them: it has
    /// built everything already.
    pub(crate) fn find_marks_for(&mut self, job: &Job) -> Result<(), Stop> {
        let needs = job.scenario.edits_rust() || job.scenario.does(Action::Branch);
        if !needs || self.marks.is_some() {
            return Ok(());
        }
        self.settle(job.row)?;
        let what = "for a line in each crate whose change makes another library";
        (self.say)("Looking", what);
        let mut marks = Marks::default();
        for (role, one) in roles(self.closure) {
            let found = self.find_place(job.row, one)?;
            if let Some((file, line)) = &found {
                marks.records.push(EditRecord {
                    role,
                    crate_name: one.name.clone(),
                    place: format!("{file}:{line}"),
                });
            }
            marks.files.insert(role, found.map(|(file, _)| file));
        }
        self.keep_marks(&marks, job.row)?;
        self.marks = Some(marks);
        self.checkouts[job.row].built_from = None;
        Ok(())
    }

    /// A place in `one` where another number makes another library: the file, relative to the sources, and
    /// the line in it.
    fn find_place(
        &mut self,
        row: usize,
        one: &PathCrate,
    ) -> Result<Option<(Utf8PathBuf, String)>, Stop> {
        let tree = self.checkouts[row].tree();
        for mut place in edit::places(one) {
            let Ok(file) = place.file.strip_prefix(&self.sources.root) else {
                continue;
            };
            let file = file.to_owned();
            place.file = tree.join(&file);
            if place.makes_another(|| self.edited_library(row))? {
                return Ok(Some((file, place.line())));
            }
        }
        Ok(None)
    }

    /// What is built, after a line was put in. `None`: that cannot be built.
    fn edited_library(&mut self, row: usize) -> Result<Option<String>, Stop> {
        self.checkouts[row].forget_builds()?;
        match self.build(row, Goal::Develop) {
            Ok(()) => self.digest(row),
            Err(Stop::Failed(_)) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// Commits the lines: from now on all lanes have them. On the other branch they have another number.
    fn keep_marks(&mut self, marks: &Marks, row: usize) -> Result<(), BenchError> {
        let (tree, origin) = (self.checkouts[row].tree(), self.scratch.origin());
        let files: Vec<&Utf8Path> = marks.files.values().flatten().map(|it| &**it).collect();
        for file in &files {
            copy_file(&tree.join(file), &origin.join(file))?;
        }
        self.scratch.commit("a line that changes")?;
        let branch = ["checkout", "--quiet", "-B", BRANCH];
        self.scratch.git(&origin, &branch)?;
        for file in &files {
            edit::change(&origin.join(file))?;
        }
        self.scratch.commit("the same line, changed")?;
        self.scratch.git(&origin, &["checkout", "--quiet", TRUNK])?;
        Ok(marks.save(&self.scratch.root)?)
    }
}
