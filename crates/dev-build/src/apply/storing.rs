//! What is taken from the store, and what is kept in it. It only saves time: where it cannot be used, that is
//! said once, and the build goes on.

use std::fmt::Display;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use camino::Utf8PathBuf;
use processes::Invocation;
use python_tools::Venv;
use store::{Needed, Saved, Store, units};

use super::{Application, Built, linking};
use crate::compile::Compiled;
use crate::digest::Stamp;
use crate::error::{DevError, target_error};
use crate::prelinking::outcome_file;
use crate::sources::Before;
use crate::stored::asking::is_kept_whole;
use crate::stored::extension::ToKeep;
use crate::stored::present::Present;
use crate::stored::{Asking, own};
use crate::units::Units;

impl<'a> Application<'a> {
    /// `None` if there is no store.
    pub(super) fn asking(&self, venv: &Venv, call: &Invocation) -> Option<Asking<'a>> {
        let (situation, request) = (&self.situation, self.request);
        let build = (venv.root.as_path(), call);
        Asking::of(self.project, situation, request, &self.notes, build)
    }

    /// The extension as it was once built from what the sources are now.
    pub(super) fn take_from_store(
        &self,
        asking: &Asking<'_>,
        venv: &Venv,
        call: &Invocation,
    ) -> Result<Option<Built>, DevError> {
        let hit = asking.extension(self.project, &self.situation, self.request);
        let Some(hit) = hit else {
            return Ok(None);
        };
        let start = Instant::now();
        let note = hit.found.note();
        let library = Utf8PathBuf::from(asking.places.local(&note.library));
        let is_put = hit.found.put(asking.store, &library);
        if !is_put.map_err(target_error(&self.situation.workspace.target_dir))? {
            return Ok(None);
        }
        self.remember_linking(note.linked.as_deref())?;
        let local = |text: &str| asking.places.local(text);
        let mut compiled =
            Compiled::replayed(&note.replay, &self.project.extension.manifest, local);
        compiled.elapsed = start.elapsed();
        asking.store.note_saved(Saved {
            extensions: 1,
            extensions_s: note.cargo_s,
            units: 0,
        });
        let workspace = &self.situation.workspace;
        Ok(Some(Built {
            base: linking::base_of(&library),
            venv: venv.clone(),
            call: call.clone(),
            compiled,
            before: Before::look_at(&[], &workspace.build_dir, None),
            lock: None,
            look: None,
            sources: OnceLock::from(hit.sources),
            variables: hit.variables,
            dep_info_base: self.situation.dep_info_base.clone(),
            stamp: Stamp::of(&library).ok(),
            library,
        }))
    }

    fn remember_linking(&self, linked: Option<&str>) -> Result<(), DevError> {
        let file = outcome_file(self.scratch.dir()?);
        match linked {
            Some(linked) if !file.is_file() => files::write::atomically(&file, linked),
            _ => Ok(()),
        }
        .map_err(target_error(&self.situation.workspace.target_dir))
    }

    /// Gives cargo the third-party units that it would have to compile. Gives whether it has all already.
    pub(super) fn give_units(&self, asking: &Asking<'_>) -> bool {
        let start = Instant::now();
        let build_dir = &self.situation.workspace.build_dir;
        let present = Present::read(&self.present_file());
        if present.is_some_and(|it| it.holds(&asking.context.units, build_dir)) {
            return true;
        }
        let packages = units::packages(&self.lock_file());
        match asking.store.give_units(&self.needed(asking, &packages)) {
            Ok(given) if given.units > 0 => {
                let text = format!(
                    "{} artefacts of third-party crates from the store ({} MB) in {:.2} s",
                    given.units,
                    given.bytes.div_ceil(1 << 20),
                    start.elapsed().as_secs_f64()
                );
                (self.say)("Restored", &text);
                asking.store.note_saved(Saved {
                    units: given.units as u64,
                    ..Saved::default()
                });
            }
            Ok(_) => {}
            Err(error) => self.tell_of_store(asking.store, &error),
        }
        false
    }

    /// Gives cargo the units of path crates that were built from what their sources are, where it has none.
    pub(super) fn give_own_units(&self, asking: &Asking<'_>) {
        let now = SystemTime::now();
        let mut units = Units::remembered(&self.project.root, &self.situation.workspace);
        if units.are_there() {
            return;
        }
        let context = &asking.context.units;
        let given = own::give(asking.store, context, &asking.places, &mut units, now);
        if let Err(error) = given {
            self.tell_of_store(asking.store, &error);
        }
    }

    /// Keeps the units of path crates, as they are remembered.
    pub(super) fn keep_own_units(&self, asking: &Asking<'_>, compiled: &Compiled) {
        let units = Units::remembered(&self.project.root, &self.situation.workspace);
        let build = compiled.units(units.build_dir());
        let context = &asking.context.units;
        let kept = own::keep(
            asking.store,
            context,
            &asking.places,
            &self.project.root,
            &units,
            &build,
        );
        if let Err(error) = kept {
            self.tell_of_store(asking.store, &error);
        }
    }

    /// Keeps the third-party units of a build. `had_all` says whether they were all there before it.
    pub(super) fn keep_units(&self, asking: &Asking<'_>, compiled: &Compiled, had_all: bool) {
        let (build_dir, file) = (&self.situation.workspace.build_dir, self.present_file());
        let units = compiled.units(build_dir);
        let context = &asking.context.units;
        if had_all && !units.iter().any(|unit| unit.is_new && !unit.is_path) {
            return;
        }
        let present = Present::of(context, build_dir, &units);
        let packages = units::packages(&self.lock_file());
        let kept = asking
            .store
            .keep_units(&self.needed(asking, &packages), &units);
        let kept = kept.and_then(|_| present.write(&file));
        if let Err(error) = kept {
            self.tell_of_store(asking.store, &error);
        }
    }

    /// Keeps the extension that has been put in place.
    pub(super) fn keep_extension(&self, asking: &Asking<'_>, built: &Built) {
        let is_same = || {
            built
                .stamp
                .is_some_and(|stamp| stamp.holds_but_for_links(&built.library))
        };
        let situation = &self.situation;
        // Versions that cargo has just chosen are not those of the lock file that the context tells of.
        let has_lock = situation
            .inputs
            .have_lock_file(&self.project.root, &situation.workspace);
        let is_whole = has_lock && is_kept_whole(self.project, situation) && is_same();
        if built.compiled.is_from_store || built.compiled.needs_run_path || !is_whole {
            return;
        }
        let linked = self
            .scratch
            .dir()
            .ok()
            .and_then(|dir| fs_err::read_to_string(outcome_file(dir)).ok());
        let of_others = Present::read(&self.present_file()).map(|it| it.variables);
        let of_own = &built.variables | &built.compiled.variables;
        let variables = &of_own | &of_others.unwrap_or_default();
        let to_keep = ToKeep {
            context: &asking.context.extension,
            project: &self.project.root,
            build_dir: &self.situation.workspace.build_dir,
            places: &asking.places,
            library: &built.library,
            sources: built.sources(),
            variables: &variables,
            replay: built.compiled.replay(|text| asking.places.portable(text)),
            base: built.base.clone(),
            linked,
            cargo_s: built.compiled.elapsed.as_secs_f64(),
        };
        let kept = to_keep
            .keep(asking.store)
            .and_then(|()| asking.store.prune_daily());
        if let Err(error) = kept {
            self.tell_of_store(asking.store, &error);
        }
    }

    fn needed<'n>(
        &'n self,
        asking: &'n Asking<'_>,
        packages: &'n std::collections::BTreeSet<(String, String)>,
    ) -> Needed<'n> {
        Needed {
            build_dir: &self.situation.workspace.build_dir,
            lane: &asking.context.lane,
            context: &asking.context.units,
            packages,
            project: &self.project.root,
        }
    }

    fn lock_file(&self) -> Utf8PathBuf {
        self.situation.workspace.root.join("Cargo.lock")
    }

    /// Beside what is known of the project's own units.
    fn present_file(&self) -> Utf8PathBuf {
        let dir = self.situation.workspace.build_dir.join("xtask-dev");
        let name = files::digest::short_name(self.project.root.as_str());
        dir.join(format!("{name}.third-party.json"))
    }

    fn tell_of_store(&self, store: &Store, error: &dyn Display) {
        let text = format!("the store in {} cannot be used: {error}", store.root());
        (self.say)("Note", &text);
    }
}
