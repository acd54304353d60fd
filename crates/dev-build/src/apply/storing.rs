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
use crate::stored::context::{self, Basis};
use crate::stored::extension::{self, Hit, ToKeep};
use crate::stored::present::Present;
use crate::stored::{Context, Places, own};
use crate::units::Units;

/// The store, and where this build is in it.
pub(super) struct Storing<'a> {
    store: &'a Store,
    context: Context,
    places: Places,
}

impl Application<'_> {
    /// `None` if there is no store, or what rustc is cannot be told.
    pub(super) fn storing(&self, venv: &Venv, call: &Invocation) -> Option<Storing<'_>> {
        let store = self.request.store?;
        let situation = &self.situation;
        let compiler =
            context::compiler(&self.project.root, &situation.circumstances, &self.notes).ok()?;
        let places = Places::of(&self.project.root, &situation.workspace, &venv.root);
        let module = self.project.extension.full_name();
        let basis = Basis {
            call,
            inputs: &situation.inputs,
            compiler: &compiler,
            module: &module,
            linking: &format!("{:?}", situation.prelinking),
            places: &places,
        };
        Some(Storing {
            store,
            context: Context::of(basis),
            places,
        })
    }

    /// The extension as it was once built from what the sources are now. What a build script imports from
    /// Python is not known, nor what of its output is packed; and whoever wants to see what cargo does, sees it.
    pub(super) fn take_from_store(
        &self,
        storing: &Storing<'_>,
        venv: &Venv,
        call: &Invocation,
    ) -> Result<Option<Built>, DevError> {
        let asks_for_cargo = self.request.run.asks_for_details() || self.request.maturin_installs;
        if asks_for_cargo || !self.is_kept_whole() {
            return Ok(None);
        }
        let known = self
            .situation
            .ours()
            .map(|ours| ours.state.sources.as_slice());
        let known = known.unwrap_or_default();
        let hit = extension::find(
            storing.store,
            &storing.context.extension,
            &storing.places,
            known,
        );
        let Some(hit) = hit.filter(|hit| self.has_base(hit)) else {
            return Ok(None);
        };
        let start = Instant::now();
        let note = hit.found.note();
        let library = Utf8PathBuf::from(storing.places.local(&note.library));
        let is_put = hit.found.put(storing.store, &library);
        if !is_put.map_err(target_error(&self.situation.workspace.target_dir))? {
            return Ok(None);
        }
        self.remember_linking(note.linked.as_deref())?;
        let local = |text: &str| storing.places.local(text);
        let mut compiled =
            Compiled::replayed(&note.replay, &self.project.extension.manifest, local);
        compiled.elapsed = start.elapsed();
        storing.store.note_saved(Saved {
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

    /// Whether its library and its sources are all that a build is made of and comes to.
    fn is_kept_whole(&self) -> bool {
        let packs_output = project_model::packed::names_out_dir(self.project);
        !self.situation.needs_python_to_build && !packs_output
    }

    fn has_base(&self, hit: &Hit) -> bool {
        let base = hit.found.note().base.as_deref();
        base.is_none_or(|base| {
            self.request
                .prelink
                .is_some_and(|bases| bases.find(base).is_some())
        })
    }

    fn remember_linking(&self, linked: Option<&str>) -> Result<(), DevError> {
        let file = outcome_file(self.scratch.dir()?);
        match linked {
            Some(linked) if !file.is_file() => files::write::atomically(&file, linked),
            _ => Ok(()),
        }
        .map_err(target_error(&self.situation.workspace.target_dir))
    }

    /// Gives cargo the third-party units that it would have to compile.
    pub(super) fn give_units(&self, storing: &Storing<'_>) {
        let start = Instant::now();
        let build_dir = &self.situation.workspace.build_dir;
        let present = Present::read(&self.present_file());
        if present.is_some_and(|it| it.holds(&storing.context.units, build_dir)) {
            return;
        }
        let packages = units::packages(&self.lock_file());
        match storing.store.give_units(&self.needed(storing, &packages)) {
            Ok(given) if given.units > 0 => {
                let text = format!(
                    "{} artefacts of third-party crates from the store ({} MB) in {:.2} s",
                    given.units,
                    given.bytes.div_ceil(1 << 20),
                    start.elapsed().as_secs_f64()
                );
                (self.say)("Restored", &text);
                storing.store.note_saved(Saved {
                    units: given.units as u64,
                    ..Saved::default()
                });
            }
            Ok(_) => {}
            Err(error) => self.tell_of_store(storing.store, &error),
        }
    }

    /// Gives cargo the units of path crates that were built from what their sources are, where it has none.
    pub(super) fn give_own_units(&self, storing: &Storing<'_>) {
        let now = SystemTime::now();
        let mut units = Units::remembered(&self.project.root, &self.situation.workspace);
        let context = &storing.context.units;
        let given = own::give(storing.store, context, &storing.places, &mut units, now);
        if let Err(error) = given {
            self.tell_of_store(storing.store, &error);
        }
    }

    /// Keeps the units of path crates, as they are remembered.
    pub(super) fn keep_own_units(&self, storing: &Storing<'_>, compiled: &Compiled) {
        let units = Units::remembered(&self.project.root, &self.situation.workspace);
        let build = compiled.units(units.build_dir());
        let context = &storing.context.units;
        let kept = own::keep(
            storing.store,
            context,
            &storing.places,
            &self.project.root,
            &units,
            &build,
        );
        if let Err(error) = kept {
            self.tell_of_store(storing.store, &error);
        }
    }

    /// Keeps the third-party units of a build.
    pub(super) fn keep_units(&self, storing: &Storing<'_>, compiled: &Compiled) {
        let (build_dir, file) = (&self.situation.workspace.build_dir, self.present_file());
        let units = compiled.units(build_dir);
        let present = Present::of(&storing.context.units, build_dir, &units);
        if Present::read(&file).is_some_and(|known| known == present) {
            return;
        }
        let packages = units::packages(&self.lock_file());
        let kept = storing
            .store
            .keep_units(&self.needed(storing, &packages), &units);
        let kept = kept.and_then(|_| present.write(&file));
        if let Err(error) = kept {
            self.tell_of_store(storing.store, &error);
        }
    }

    /// Keeps the extension that has been put in place.
    pub(super) fn keep_extension(&self, storing: &Storing<'_>, built: &Built) {
        let is_same = || {
            built
                .stamp
                .is_some_and(|stamp| stamp.holds_but_for_links(&built.library))
        };
        if built.compiled.is_from_store
            || built.compiled.needs_run_path
            || !self.is_kept_whole()
            || !is_same()
        {
            return;
        }
        let linked = self
            .scratch
            .dir()
            .ok()
            .and_then(|dir| fs_err::read_to_string(outcome_file(dir)).ok());
        let variables = &built.variables | &built.compiled.variables;
        let to_keep = ToKeep {
            context: &storing.context.extension,
            project: &self.project.root,
            build_dir: &self.situation.workspace.build_dir,
            places: &storing.places,
            library: &built.library,
            sources: built.sources(),
            variables: &variables,
            replay: built.compiled.replay(|text| storing.places.portable(text)),
            base: built.base.clone(),
            linked,
            cargo_s: built.compiled.elapsed.as_secs_f64(),
        };
        let kept = to_keep
            .keep(storing.store)
            .and_then(|()| storing.store.prune_daily());
        if let Err(error) = kept {
            self.tell_of_store(storing.store, &error);
        }
    }

    fn needed<'n>(
        &'n self,
        storing: &'n Storing<'_>,
        packages: &'n std::collections::BTreeSet<(String, String)>,
    ) -> Needed<'n> {
        Needed {
            build_dir: &self.situation.workspace.build_dir,
            lane: &storing.context.lane,
            context: &storing.context.units,
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
