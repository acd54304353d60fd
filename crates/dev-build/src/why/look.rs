//! Looking at what cargo keeps, before it is started and after.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::SystemTime;

use build_dir::explanation::{Artefact, Explanation, Kept, kept};
use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Layers;
use cargo_settings::scattered::scattered;
use environment::cargo_env;
use processes::Invocation;
use project_model::{Project, Workspace};

use super::change::{Change, Facts, Was};
use super::record::Record;
use super::report::Report;
use super::rule::causes;
use super::settings::Settings;
use crate::compile::Compiled;
use crate::provenance::profile;
use crate::shown::shown;
use crate::situation::Situation;
use crate::units::is_shared;

/// What cargo had kept before it was started.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// What the directories of the profile are called.
    profile: String,
    before: BTreeMap<String, Kept>,
}

/// A look that goes on while cargo starts. cargo first finds out what is due, for longer than this takes, and
/// writes nothing meanwhile.
pub(crate) struct Looking(JoinHandle<Look>);

impl Looking {
    /// At the build directory of `workspace`, before cargo is called in this way.
    pub(crate) fn start(workspace: &Workspace, call: &Invocation) -> Self {
        let (profile, dir) = (dir_of(profile(call)), workspace.build_dir.clone());
        let look = move || Look {
            before: kept(&dir, &profile, None),
            profile,
        };
        if !is_shared(workspace) {
            return Self(std::thread::spawn(look));
        }
        // The times tell who has built there, until units are made stale.
        let seen = look();
        Self(std::thread::spawn(|| seen))
    }

    /// What was seen.
    pub(crate) fn end(self) -> Look {
        self.0.join().unwrap_or_default()
    }
}

/// What the directory of a profile is called
/// (<https://doc.rust-lang.org/cargo/reference/build-cache.html>).
fn dir_of(profile: String) -> String {
    match profile.as_str() {
        "dev" | "test" => "debug".to_owned(),
        "bench" => "release".to_owned(),
        _ => profile,
    }
}

impl Look {
    /// Why it was compiled what cargo has `compiled`, as far as that can be told. Remembers it.
    pub(crate) fn compare(
        &self,
        project: &Project,
        situation: &Situation,
        config: Option<&Layers>,
        compiled: &Compiled,
    ) -> Report {
        let workspace = &situation.workspace;
        let record = Record::read(&project.root, workspace);
        let names: BTreeSet<_> = compiled.rebuilt().map(str::to_owned).collect();
        let after = kept(&workspace.build_dir, &self.profile, Some(&names));
        let read = config.is_none().then(|| Layers::read(&project.root).ok());
        let read = read.flatten();
        let settings = config.or(read.as_ref());
        let settings = settings.map(|it| Settings::read(workspace, it));
        let facts = facts(
            project,
            situation,
            compiled,
            record.as_ref(),
            settings.unwrap_or_default(),
        );
        let dirs = compiled.dirs();
        let evidence = Evidence {
            before: &self.before,
            record: record.as_ref(),
            workspace,
            root: &project.root,
            path_crates: compiled.path_crates(),
            dirs: &dirs,
            now: SystemTime::now(),
        };
        let whole = after.values().filter(|it| it.artefact == Artefact::There);
        let changes: Vec<_> = whole.filter_map(|it| evidence.change(it)).collect();
        let found = causes(&changes, &facts);
        let report = Report::new(compiled.crates(), names, &changes, &found);
        let record = Record {
            report: report.clone(),
            settings: facts.settings,
            versions: facts.versions,
            built: evidence.built(&after),
            ..Record::default()
        };
        // What cannot be remembered is explained in fewer words the next time.
        let _ = record.write(&project.root, workspace);
        report
    }
}

fn facts(
    project: &Project,
    situation: &Situation,
    compiled: &Compiled,
    record: Option<&Record>,
    settings: Settings,
) -> Facts {
    let (root, workspace) = (&project.root, &situation.workspace);
    let crate_dir = project.extension.manifest.parent().unwrap_or(root);
    let scattered = scattered(root, crate_dir);
    let of_flags = scattered.iter().filter_map(|it| it.with_flags());
    let named = |path: &Utf8Path| shown(root, path).to_owned();
    let mut of_flags = of_flags.map(|(one, other)| (named(one), other.map(named)));
    let stale = situation.misjudged.iter();
    let variables = cargo_env::environment().into_keys();
    Facts {
        is_unedited: false,
        extension: situation.crate_name.clone(),
        changed: situation.changes().into_iter().collect(),
        scattered: of_flags.next(),
        flag_variables: variables.filter(|it| it.ends_with("RUSTFLAGS")).collect(),
        shares_variables: situation.local_config.is_some(),
        made_stale: stale
            .map(|it| (it.package.clone(), it.cause.clone()))
            .collect(),
        shared_dir: is_shared(workspace).then(|| workspace.build_dir.clone()),
        settings_before: record.map(|it| it.settings.clone()),
        settings,
        versions_before: record.map(|it| it.versions.clone()),
        versions: compiled.versions(),
    }
}

/// What a unit is judged by.
pub(super) struct Evidence<'a> {
    pub(super) before: &'a BTreeMap<String, Kept>,
    pub(super) record: Option<&'a Record>,
    pub(super) workspace: &'a Workspace,
    pub(super) root: &'a Utf8Path,
    pub(super) path_crates: BTreeMap<String, Utf8PathBuf>,
    /// The directories of all packages, by name.
    pub(super) dirs: &'a BTreeMap<String, Vec<Utf8PathBuf>>,
    pub(super) now: SystemTime,
}

impl Evidence<'_> {
    /// What has become of a unit, if it was compiled now.
    pub(super) fn change(&self, now: &Kept) -> Option<Change> {
        let same = self.before.get(&now.name);
        if same.is_some_and(|it| !now.is_other_than(it)) {
            return None;
        }
        let explanation = now.explanation();
        let is_path_crate = self.path_crates.contains_key(&now.package);
        let mut change = Change {
            package: now.package.clone(),
            is_path_crate,
            kind: now.kind.clone(),
            was: self.was(now, &explanation),
            fingerprint: now.fingerprint(),
            now: explanation,
            ..Change::default()
        };
        if let Some(same) = same {
            change.variables = now.variables_other_than(same);
            change.is_gone = same.artefact != now.artefact;
            change.remade = self.remade(&change.now, same);
            change.is_foreign = is_path_crate && self.is_foreign(same);
            self.note_files(&mut change, now, same);
        }
        Some(change)
    }

    fn was(&self, now: &Kept, explanation: &Explanation) -> Was {
        if let Some(same) = self.before.get(&now.name) {
            return Was::Same(same.explanation());
        }
        let of_profile = || self.before.values().filter(|it| it.profile == now.profile);
        let is_like = |it: &&Kept| {
            let is_it = it.package == now.package && it.kind == now.kind;
            is_it && it.artefact == now.artefact
        };
        let like = of_profile().filter(is_like);
        let like = like.map(|it| (likeness(&it.explanation(), explanation), it.built, it));
        let nearest = like.max_by_key(|(likeness, built, _)| (*likeness, *built));
        let is_first = || !of_profile().any(|it| it.is_library() && it.artefact == Artefact::There);
        match nearest {
            Some((_, _, nearest)) => Was::Like(nearest.explanation()),
            None if is_first() => Was::First,
            None => Was::Nothing,
        }
    }

    /// The packages of what a unit is made with and that was there before, built after the unit.
    fn remade(&self, now: &Explanation, same: &Kept) -> BTreeSet<String> {
        let Some(built) = same.built else {
            return BTreeSet::new();
        };
        let is_made_with = |it: &&Kept| {
            let fingerprint = it.fingerprint();
            let mut deps = now.deps.iter();
            deps.any(|dependency| Some(dependency.fingerprint()) == fingerprint)
        };
        let later = self.before.values().filter(|it| it.built > Some(built));
        let made_with = later.filter(is_made_with);
        made_with.map(|it| it.package.clone()).collect()
    }

    /// Whether somebody else has built it since we did, where checkouts share the directory.
    fn is_foreign(&self, before: &Kept) -> bool {
        let ours = self.record.and_then(|it| it.built.get(&before.name));
        is_shared(self.workspace) && ours.copied() != before.built
    }

    /// When the units of path crates were built, as far as that is of use.
    fn built(&self, after: &BTreeMap<String, Kept>) -> BTreeMap<String, SystemTime> {
        if !is_shared(self.workspace) {
            return BTreeMap::new();
        }
        let units = self.before.iter().chain(after);
        let ours = units.filter(|(_, it)| self.path_crates.contains_key(&it.package));
        ours.filter_map(|(name, it)| Some((name.clone(), it.built?)))
            .collect()
    }

    /// The files by whose time, or absence, cargo finds that a unit is stale.
    fn note_files(&self, change: &mut Change, now: &Kept, before: &Kept) {
        let files: Vec<_> = if now.is_run() {
            let dirs = self.dirs.get(&now.package);
            let [dir] = dirs.map(Vec::as_slice).unwrap_or_default() else {
                return;
            };
            change
                .now
                .paths()
                .iter()
                .map(|path| dir.join(path))
                .collect()
        } else if change.is_path_crate {
            now.sources(&self.workspace.root)
        } else {
            // cargo takes what lies in its own directories for unchangeable.
            return;
        };
        // Without a time it was made stale, or never finished.
        let Some(built) = before.built else {
            return;
        };
        for file in &files {
            let shown = shown(self.root, file).to_owned();
            match crate::units::newest(file) {
                None if now.is_run() => change.missing.push(shown),
                Some(time) if time > built => {
                    change.newer.push(shown.clone());
                    change.future.extend((time > self.now).then_some(shown));
                }
                _ => {}
            }
        }
    }
}

/// How much two units have in common.
fn likeness(one: &Explanation, other: &Explanation) -> usize {
    let same = [
        one.rustc == other.rustc,
        one.features() == other.features(),
        one.profile == other.profile,
        one.path == other.path,
        one.target == other.target,
        one.rustflags == other.rustflags,
        one.compile_kind == other.compile_kind,
        one.config == other.config,
    ];
    same.into_iter().filter(|it| *it).count()
}
