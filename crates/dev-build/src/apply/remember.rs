//! Writing down what was built, for the next build and for uv.

use std::collections::BTreeSet;
use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use python_tools::tools::cannot_keep;

use super::{Application, Built};
use crate::circumstances::Marks;
use crate::digest::Stamp;
use crate::error::{DevError, io_error, not_remembered};
use crate::import::Imported;
use crate::situation::Situation;
use crate::sources::{Source, digest_of};
use crate::state::{Format, Library, Provenance, State};
use crate::units::Units;
use crate::{installs, kept_call, uv_cache};

impl Application<'_> {
    /// Writes down what was built. From then on the next build can tell what has changed.
    pub(super) fn remember(
        &self,
        dist_info: &Utf8Path,
        built: &Built,
        (library, provenance): (Library, Provenance),
        imported: &Imported,
        uv_cache_understood: bool,
    ) -> Result<(), DevError> {
        let Situation {
            inputs,
            circumstances,
            workspace,
            ..
        } = &self.situation;
        let scratch = self.scratch.dir()?;
        kept_call::keep(scratch, &inputs.cargo_call, &built.call).map_err(io_error(scratch))?;
        let state = State {
            format: Format,
            project: self.project.root.clone(),
            inputs: inputs.clone(),
            circumstances: circumstances.digest.clone(),
            circumstance_marks: circumstances.marks.clone(),
            programs: circumstances.programs.clone(),
            volatile: self.volatile(built),
            python: built.venv.python.clone(),
            workspace: workspace.clone(),
            provenance,
            cargo_call: built.call.clone(),
            library,
            imported: imported.clone(),
            sources: built.sources().to_vec(),
            uv_cache_understood,
            options: self.request.build.clone(),
            packages: self.packages(),
            prelinking: self.situation.prelinking.is_on(),
            siblings: self.situation.siblings.clone(),
        };
        let is_noted = installs::note(&self.notes, &self.project.root, &built.venv.root);
        is_noted.map_err(cannot_keep(&self.notes))?;
        state.write(dist_info).map_err(not_remembered(dist_info))
    }

    /// What was installed when the dependencies were: now, or at an earlier build.
    fn packages(&self) -> Vec<String> {
        let earlier = || Some(self.situation.ours()?.state.packages.clone());
        self.packages.clone().or_else(earlier).unwrap_or_default()
    }

    /// The library is the same, but what it is made of may have changed without changing it.
    pub(super) fn remember_sources(
        &self,
        dist_info: &Utf8Path,
        earlier: &State,
        built: &Built,
    ) -> Result<(), DevError> {
        let mut state = earlier.clone();
        state.inputs = self.situation.inputs.clone();
        state.workspace.clone_from(&self.situation.workspace);
        state.options.clone_from(&self.request.build);
        state.packages = self.packages();
        state.prelinking = self.situation.prelinking.is_on();
        state.siblings.clone_from(&self.situation.siblings);
        state
            .circumstances
            .clone_from(&self.situation.circumstances.digest);
        state
            .circumstance_marks
            .clone_from(&self.situation.circumstances.marks);
        state
            .programs
            .clone_from(&self.situation.circumstances.programs);
        state.volatile = self.volatile(built);
        state.library.built_stamp = Stamp::of(&built.library).map_err(io_error(&built.library))?;
        state.cargo_call = built.call.clone();
        state.sources = built.sources().to_vec();
        state.provenance.sources_sha256 = digest_of(&state.sources);
        self.refresh_uv_cache(dist_info, state.uv_cache_understood, &state.sources)?;
        if state == *earlier {
            return Ok(());
        }
        state.write(dist_info).map_err(not_remembered(dist_info))
    }

    /// Notes what each unit was built from; the variables that they have read. Without this record everything
    /// else works: cargo then compiles the project's own crates once more where it is not sure.
    pub(super) fn remember_units(&self, built: &Built) -> BTreeSet<String> {
        let units = Units::remembered(&self.project.root, &self.situation.workspace);
        let started = built.compiled.started.unwrap_or(SystemTime::UNIX_EPOCH);
        let remembered = units.remember(&built.compiled.path_crates(), started);
        remembered.unwrap_or_else(|error| {
            let text = format!("what the crates were built from cannot be noted: {error}");
            (self.say)("Note", &text);
            BTreeSet::new()
        })
    }

    /// Notes which units of others are what their sources say. A witness is a link to a source, and sources
    /// that were linked since are not trusted. Where it cannot be noted, cargo compiles such crates once
    /// more.
    pub(super) fn remember_units_of_others(&self) {
        if cache_keys::witness::are_kept(self.project) {
            let units = Units::remembered(&self.project.root, &self.situation.workspace);
            let _ = units.remember_those_of_others();
        }
    }

    /// Variables that change all the time and that the crates have read.
    pub(super) fn volatile(&self, built: &Built) -> Marks {
        self.situation
            .circumstances
            .volatile_among(&built.variables)
    }

    /// By which uv notices that a source was deleted: see [`cache_keys::witness`]. Without them everything
    /// else works, so that they cannot be made is no reason to build nothing.
    pub(super) fn keep_witnesses(&self, settled: &[Utf8PathBuf]) {
        if let Err(error) = cache_keys::witness::keep_around(self.project, settled) {
            let dir = self.project.root.join(cache_keys::witness::DIR);
            let text = format!(
                "{dir} cannot be kept current ({}): `uv run` may not notice that a source was deleted",
                in_one_line(&error)
            );
            (self.say)("Note", &text);
        }
    }

    /// By which uv notices that the library is gone: see [`cache_keys::library`].
    pub(super) fn keep_library_link(&self) {
        if let Err(error) = cache_keys::library::keep(self.project) {
            let link = self.project.root.join(cache_keys::library::KEY);
            let text = format!(
                "{link} cannot be kept current ({}): `uv run` may not notice that the extension is gone",
                in_one_line(&error)
            );
            (self.say)("Note", &text);
        }
    }

    /// Where nothing has changed but times, as after a checkout there and back, uv is told so as well. Only
    /// where the keys are of our making: others may mean every file below the project, and reading their
    /// times takes a while.
    pub(super) fn keep_fresh_for_uv(&self) -> Result<(), DevError> {
        if !cache_keys::witness::are_kept(self.project) {
            return Ok(());
        }
        let Some(ours) = self.situation.ours() else {
            return Ok(());
        };
        self.keep_witnesses(&ours.settled);
        if !ours.state.uv_cache_understood || ours.state.sources.iter().any(Source::is_late) {
            return Ok(());
        }
        let refreshed = uv_cache::refresh(self.project, &ours.dist_info, &ours.settled);
        refreshed.map_err(not_remembered(&ours.dist_info))
    }

    /// Tells uv that the install is fresh, unless it is not: a source that was written while cargo was at
    /// work is newer than uv's note, and stays so.
    pub(super) fn refresh_uv_cache(
        &self,
        dist_info: &Utf8Path,
        understood: bool,
        sources: &[Source],
    ) -> Result<(), DevError> {
        self.keep_library_link();
        if !understood || sources.iter().any(Source::is_late) {
            return Ok(());
        }
        uv_cache::refresh(self.project, dist_info, &[]).map_err(not_remembered(dist_info))
    }
}

/// An error without its remedy.
fn in_one_line(error: &io::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}
