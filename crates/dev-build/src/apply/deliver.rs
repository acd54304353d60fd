//! How the new library gets to where Python finds it.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use files::owned;
use project_model::Layout;
use python_tools::Venv;

use super::{Application, Built};
use crate::assets::{self, Asset};
use crate::digest::Stamp;
use crate::error::{DevError, io_error, not_remembered};
use crate::import::{self, Imported};
use crate::install::{self, InstallError};
use crate::leftovers::{Fate, OtherBuild, Search};
use crate::outcome::Installed;
use crate::packing::Packing;
use crate::plan::{Cause, Delivery};
use crate::provenance::provenance;
use crate::state::{Library, Placed, Provenance, State};
use crate::{place, uv_cache};

/// Has each asset be as the build has made it.
fn bring(assets: &[Asset]) -> Result<(), DevError> {
    for asset in assets {
        asset.bring().map_err(io_error(asset.target()))?;
    }
    Ok(())
}

impl Application<'_> {
    /// Puts the library in place; has the package installed where that was planned, or where only the build
    /// could tell that maturin has to change the library.
    pub(super) fn deliver(
        &self,
        delivery: &Delivery,
        built: &Built,
    ) -> Result<(Installed, Imported), DevError> {
        let site_packages = &built.venv.python.platlib;
        let assets = assets::stale(self.project, &built.compiled, site_packages);
        // In site-packages they belong to the installed wheel.
        let are_ours = assets.is_empty() || self.project.extension.layout != Layout::PureRust;
        match (delivery, self.situation.ours()) {
            (Delivery::Place(_), Some(ours)) if !built.compiled.needs_run_path && are_ours => {
                return self.place(&ours.dist_info, &ours.state, &assets, built);
            }
            (Delivery::Install(causes), _) => self.explain_install(causes),
            _ if !are_ours => self.explain_install(&[Cause::because(
                "a file that the build makes and the package holds has changed",
            )]),
            _ => self.explain_install(&[Cause::because(
                "a build script links a shared library that only a run path leads to",
            )]),
        }
        self.install(built)
    }

    /// With `-v`: why the package is installed again, which takes longer than to put the library in place.
    fn explain_install(&self, causes: &[Cause]) {
        if self.request.run.verbose > 0 && self.situation.ours().is_some() {
            let causes: Vec<_> = causes.iter().map(ToString::to_string).collect();
            (self.say)("Installing", &format!("anew: {}", causes.join(", ")));
        }
    }

    /// Puts the library in place, unless it is there.
    fn place(
        &self,
        dist_info: &Utf8Path,
        earlier: &State,
        assets: &[Asset],
        built: &Built,
    ) -> Result<(Installed, Imported), DevError> {
        let placed = &earlier.library.placed;
        if earlier.library.is_in_place(&built.library) {
            bring(assets)?;
            self.remove_leftovers(&built.venv, placed)?;
            self.remember_sources(dist_info, earlier, built)?;
            return Ok((Installed::Unchanged, earlier.imported.clone()));
        }
        let (imported, provenance) = self.with_provenance(built, || self.try_library(built));
        let imported = imported?;
        self.place_base(built, placed)?;
        place::place(&built.library, placed, self.scratch.dir()?).map_err(|source| {
            DevError::Place {
                library: built.library.clone(),
                place: placed.clone(),
                source,
            }
        })?;
        bring(assets)?;
        self.remove_leftovers(&built.venv, placed)?;
        self.tidy_bases(built, placed)?;
        let library = Library::of(&built.library, placed, true)?;
        let understood = earlier.uv_cache_understood;
        self.refresh_uv_cache(dist_info, understood, built.sources())?;
        let noted = (library, provenance);
        self.remember(dist_info, built, noted, &imported, understood)?;
        Ok((Installed::Placed, imported))
    }

    /// Has maturin pack the editable wheel and uv install it.
    fn install(&self, built: &Built) -> Result<(Installed, Imported), DevError> {
        self.try_library(built)?;
        built.sources();
        let tried = Tried::keep(&built.library, self.scratch.dir()?);
        let tried = tried.map_err(io_error(&built.library))?;
        let (dist_info, provenance) = self.with_provenance(built, || self.install_wheel(built));
        let dist_info = dist_info?;
        let (python, module) = (&built.venv.python, self.project.extension.full_name());
        let mut imported = import::installed(python, &module)?;
        let placed = self.placed_library(&imported, built, &tried)?;
        if self.remove_leftovers(&built.venv, &placed)? {
            imported = import::installed(python, &module)?;
        }
        self.remove_library_of_before(&placed)?;
        self.place_base(built, &placed)?;
        self.tidy_bases(built, &placed)?;
        let library = self.settle_library(built, &placed, tried)?;
        let understood = self.tell_uv_of_directories(&dist_info)?;
        let noted = (library, provenance);
        self.remember(&dist_info, built, noted, &imported, understood)?;
        Ok((Installed::Anew, imported))
    }

    /// Does `work`, and finds out meanwhile what the library is made of.
    fn with_provenance<T>(&self, built: &Built, work: impl FnOnce() -> T) -> (T, Provenance) {
        let root = &self.project.root;
        std::thread::scope(|scope| {
            let provenance = scope.spawn(|| provenance(root, &built.call, built.sources()));
            let done = work();
            (done, provenance.join().expect("it only looks"))
        })
    }

    /// What maturin has put in place as `placed` is the library that was tried, but for a run path that the
    /// library needs. Where maturin has added one that leads to nothing, the library is put there as it was
    /// built: it is what all later builds put there.
    fn settle_library(
        &self,
        built: &Built,
        placed: &Utf8Path,
        tried: Tried,
    ) -> Result<Library, DevError> {
        let mut same_bytes = place::same_bytes(placed, &tried.path);
        if !same_bytes && !built.compiled.needs_run_path {
            place::place(&tried.path, placed, self.scratch.dir()?).map_err(|source| {
                DevError::Place {
                    library: built.library.clone(),
                    place: placed.to_owned(),
                    source,
                }
            })?;
            same_bytes = true;
        }
        let stamp = tried
            .stamp(&built.library)
            .map_err(io_error(&built.library))?;
        let mut library = Library::of(&built.library, placed, same_bytes)?;
        library.built_stamp = stamp;
        Ok(library)
    }

    /// Has uv take the install for fresh until something changes. Gives whether its note can be kept current.
    fn tell_uv_of_directories(&self, dist_info: &Utf8Path) -> Result<bool, DevError> {
        let understood = uv_cache::is_understood(self.project, dist_info);
        self.keep_library_link();
        if understood {
            let noted = uv_cache::note_directories(self.project, dist_info);
            noted.map_err(not_remembered(dist_info))?;
        } else if self.project.pyproject.uv_cache_keys().is_some() {
            let text = "[tool.uv] cache-keys has a key that cannot be kept current here: after an edit, `uv run` will build again";
            (self.say)("Note", text);
        }
        Ok(understood)
    }

    /// Where the module has another name or place than before, its old library would stay importable.
    fn remove_library_of_before(&self, placed: &Utf8Path) -> Result<(), DevError> {
        let Some(ours) = self.situation.ours() else {
            return Ok(());
        };
        let old = &ours.state.library;
        if old.placed == placed || !matches!(old.look(), Placed::Same | Placed::Alone) {
            return Ok(());
        }
        place::remove(&old.placed).map_err(io_error(&old.placed))?;
        let text = format!("{}, which was the module before", old.placed);
        (self.say)("Removed", &text);
        Ok(())
    }

    /// Installs the editable wheel; the directory of its metadata.
    fn install_wheel(&self, built: &Built) -> Result<Utf8PathBuf, DevError> {
        let (scratch, venv) = (self.scratch.dir()?, &built.venv);
        let maturin = self.maturin(venv)?;
        let begun = self.packing.take();
        let packing = begun.map_or_else(|| self.start_packing(venv), Ok)?;
        let said = &built.compiled.said;
        let wheel = maturin.editable_wheel(packing, scratch, &built.call, said)?;
        install::install(self.project, self.uv()?, venv, &wheel, scratch)?;
        let (site_packages, name) = (&venv.python.platlib, self.project.name());
        let dist_info = install::dist_info(site_packages, name);
        let dist_info = dist_info.ok_or_else(|| InstallError::NotThere {
            name: name.to_owned(),
            site_packages: site_packages.clone(),
        })?;
        let stem = dist_info
            .file_name()
            .and_then(|name| name.strip_suffix(".dist-info"));
        let text = format!(
            "{} as editable into {}",
            stem.unwrap_or_default(),
            venv.root
        );
        (self.say)("Installed", &text);
        Ok(dist_info)
    }

    /// Has maturin begin with the editable wheel.
    pub(super) fn start_packing(&self, venv: &Venv) -> Result<Packing, DevError> {
        Ok(self.maturin(venv)?.start_packing(self.scratch.dir()?)?)
    }

    fn try_library(&self, built: &Built) -> Result<Imported, DevError> {
        let python = &built.venv.python;
        Ok(import::try_library(
            python,
            &self.project.extension,
            &built.library,
        )?)
    }

    /// The file that maturin has put in place: the one that is imported, or, if that is a leftover, the one
    /// beside it that has the new library's content.
    fn placed_library(
        &self,
        imported: &Imported,
        built: &Built,
        tried: &Tried,
    ) -> Result<Utf8PathBuf, DevError> {
        let file = imported
            .file
            .clone()
            .ok_or_else(|| InstallError::NotThere {
                name: self.project.extension.module.clone(),
                site_packages: built.venv.python.platlib.clone(),
            })?;
        if place::same_bytes(&file, &tried.path) {
            return Ok(file);
        }
        let beside = self
            .others(&built.venv, &file)
            .into_iter()
            .map(|other| other.path);
        let twin = beside
            .into_iter()
            .find(|other| place::same_bytes(other, &tried.path));
        // If neither has it, maturin has changed the library while it packed it, as it does to add a run
        // path.
        Ok(twin.unwrap_or(file))
    }

    fn others(&self, venv: &Venv, library: &Utf8Path) -> Vec<OtherBuild> {
        let search = Search {
            root: &self.project.root,
            name: self.project.name(),
            venv: &venv.root,
            python: &venv.python,
            notes: &self.notes,
        };
        search.others(library, &self.project.extension)
    }

    /// Removes other files for the module that maturin or we have put there, and reports the rest. Gives
    /// whether one of those removed had been imported instead of the library.
    fn remove_leftovers(&self, venv: &Venv, library: &Utf8Path) -> Result<bool, DevError> {
        let mut shadowed = false;
        for other in self.others(venv, library) {
            let path = &other.path;
            let of = other.owner.as_deref().unwrap_or(Utf8Path::new(""));
            match other.fate() {
                Fate::BelongsToAnother => (self.say)("Note", &format!("{path} belongs to {of}")),
                Fate::Keep => {
                    (self.say)(
                        "Note",
                        &format!("{path} is the same module for another Python"),
                    );
                }
                Fate::Refuse => {
                    return Err(DevError::Shadowed {
                        leftover: path.clone(),
                        library: library.to_owned(),
                    });
                }
                Fate::Remove => {
                    place::remove(path).map_err(io_error(path))?;
                    let whose = match &other.owner {
                        Some(venv) => format!(" that {venv} imports"),
                        None => String::new(),
                    };
                    let text = format!("{path}, another build of the same module{whose}");
                    (self.say)("Removed", &text);
                    shadowed |= other.shadows;
                }
            }
        }
        Ok(shadowed)
    }
}

/// The library that was tried, under a second name that nobody else knows: whoever builds meanwhile, and
/// maturin while it packs, put other files in the place of cargo's.
struct Tried {
    path: Utf8PathBuf,
    stamp: Stamp,
}

impl Tried {
    fn keep(library: &Utf8Path, scratch: &Utf8Path) -> io::Result<Self> {
        let path = scratch.join("tried");
        owned::remove(scratch, &path)?;
        let stamp = Stamp::of(library)?;
        // Not every file system has links.
        if fs_err::hard_link(library, &path).is_err() {
            fs_err::copy(library, &path)?;
        }
        Ok(Self { path, stamp })
    }

    /// Gives up the second name. The stamp by which the file `library` of cargo's is known as the one that
    /// was tried: where it has the same content, that of the file as it is now.
    fn stamp(self, library: &Utf8Path) -> io::Result<Stamp> {
        let is_it = place::same_bytes(library, &self.path);
        owned::remove(self.path.parent().unwrap_or(&self.path), &self.path)?;
        if is_it {
            Stamp::of(library)
        } else {
            Ok(self.stamp)
        }
    }
}
