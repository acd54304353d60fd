//! Switching a cache on and off: planned as changes to cargo's configuration, and applied when all of it is
//! known to work.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::local::{self, SCCACHE};
use cargo_settings::toolchain::{FIRST_CARGO_WITH_INCLUDE, version_of_cargo};
use cargo_settings::{Files, Layers, Origin, Setting};
use config_edit::{CargoConfig, Change, EditError, Owner, retried};
use environment::cargo_env::environment;
use environment::{cargo_env, compiler_caches, vars};
use processes::Invocation;
use processes::Say;
use python_tools::tools::cannot_keep;
use python_tools::{Toolbox, tools};

use crate::backend::{Backend, Variable};
use crate::probe::probe;
use crate::scope::Scope;
use crate::settings::Settings;
use crate::stats::running_size;
use crate::{CacheError, Wrapper};
use files::size::Size;

/// Whose the line is that includes the local file: it is taken back when nobody needs that file any more.
const INCLUDER: Owner = local::SCCACHE_INCLUDER;

const USER_INTRODUCTION: &str = "\
# Cargo's settings for all projects.
";

/// What is to be switched on.
#[derive(Debug, Clone, Default)]
pub struct EnableRequest {
    /// For whom it is switched on.
    pub scope: Scope,
    /// Which cache. `None`: sccache.
    pub wrapper: Option<Wrapper>,
    /// Its program, if not the one on `PATH` or the one that was installed.
    pub program: Option<Utf8PathBuf>,
    /// What it is told.
    pub settings: Settings,
}

impl EnableRequest {
    /// With the cache at `url`. Who names a place means another one than before, also where it is the disk.
    pub fn kept_at(mut self, url: &str) -> Result<Self, CacheError> {
        self.settings.backend = Backend::parse(url)?;
        self.wrapper.get_or_insert(Wrapper::Sccache);
        Ok(self)
    }
}

/// Where a default size is noted, in the directory for locks: all projects of a machine share one server,
/// and one that was started with another size would be a problem for each of the others.
const SIZE_NOTE: &str = "sccache-size";

/// Changes to files, and what is to be said of them.
#[derive(Debug, Default)]
pub struct CachePlan {
    /// The files, in the order in which they are written.
    pub changes: Vec<Change>,
    /// What the user should know.
    pub notes: Vec<String>,
    /// The cache and its program, where one is switched on.
    pub enabled: Option<(Wrapper, Utf8PathBuf)>,
    /// What is told to it.
    pub settings: Settings,
    /// Why a file is left out that may hold something to be taken back.
    pub unreadable: Option<EditError>,
}

impl CachePlan {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(Change::is_empty)
    }

    /// Writes it, all or nothing. A file that has been changed since is an error, and left alone.
    pub fn apply(&self) -> Result<(), EditError> {
        for (done, change) in self.changes.iter().enumerate() {
            if let Err(error) = change.apply() {
                for change in self.changes[..done].iter().rev() {
                    // The first error is what matters; `disable` takes back what this could not.
                    let _ = inverse(change).apply();
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// That the file which git tracks is changed as well, where that is not what was asked for.
    fn of_the_tracked_file(&self, files: &Files) -> Option<String> {
        let mut changes = self.changes.iter().filter(|change| !change.is_empty());
        let is_asked_for = self
            .changes
            .first()
            .is_some_and(|it| it.path == files.tracked);
        let change = changes.find(|change| change.path == files.tracked && !is_asked_for)?;
        let (tracked, local) = (&change.path, &files.local);
        Some(format!(
            "{local} by a line in {tracked}, which git tracks: where the file is not there, cargo passes over it"
        ))
    }

    /// What was switched on: a verb and a sentence each.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let Some((wrapper, program)) = &self.enabled else {
            return Vec::new();
        };
        let text = format!("{wrapper} at {program}: {}", wrapper.on_incremental());
        if self.is_empty() {
            return vec![("Fresh", text)];
        }
        // Whether the cache is empty is not known here: it may be a server's, or from before.
        let next =
            "what is compiled from now on fills the cache; what `target/` holds already does not";
        vec![("Enabled", text), ("Next", next.to_owned())]
    }
}

/// What takes `change` back.
fn inverse(change: &Change) -> Change {
    Change {
        path: change.path.clone(),
        old: change.new.clone(),
        new: change.old.clone(),
    }
}

/// A request that says nothing is one for what is switched on already, if that is ours: running the command
/// again must not take anybody off a cache that was chosen before.
fn as_before(request: &EnableRequest, config: &CargoConfig) -> Option<EnableRequest> {
    let says_nothing = request.wrapper.is_none()
        && request.program.is_none()
        && request.settings == Settings::default();
    let key = ["build", "rustc-wrapper"];
    let is_ours = config.is_by(&key, SCCACHE);
    let program = config.string(&key).filter(|_| says_nothing && is_ours)?;
    let wrapper = Wrapper::of_program(&program)?;
    let is_there = |path: &Utf8PathBuf| path.is_absolute() && path.is_file();
    Some(EnableRequest {
        scope: request.scope,
        wrapper: Some(wrapper),
        program: Some(Utf8PathBuf::from(program)).filter(is_there),
        settings: Settings::told_by(wrapper, &config.env()),
    })
}

/// Switches on what `request` means, once it has compiled a small crate.
///
/// # Errors
/// One of [`CacheError`]; nothing has been written then.
pub(crate) fn enable(
    files: &Files,
    toolbox: &Toolbox,
    request: &EnableRequest,
    say: Say<'_>,
) -> Result<CachePlan, CacheError> {
    let plan = plan_enable(files, toolbox, request)?;
    if let Some((wrapper, program)) = plan.enabled.as_ref().filter(|_| !plan.is_empty()) {
        say("Trying", &format!("{program} on a small crate"));
        probe(*wrapper, program, &plan.settings)?;
    }
    if let Some(text) = plan.of_the_tracked_file(files) {
        say("Including", &text);
    }
    // What was tried is not tried again where somebody else was faster.
    let plan = retried(
        || {
            let plan = plan_enable(files, toolbox, request)?;
            plan.apply()?;
            Ok(plan)
        },
        CacheError::edit_error,
    )?;
    let is_default = request.settings.size.is_none() && request.settings.dir.is_none();
    if let Some(size) = plan.settings.size.filter(|_| is_default) {
        // Without the note everything else works.
        let _ = note_size(toolbox, size);
    }
    Ok(plan)
}

/// Notes the size that nobody has asked for.
fn note_size(toolbox: &Toolbox, size: Size) -> Result<(), CacheError> {
    let locks = toolbox.locks()?;
    let path = locks.join(SIZE_NOTE);
    let noted = files::owned::make_dir(&locks, &locks)
        .and_then(|_| files::write::atomically(&path, size.to_string()));
    noted.map_err(|source| CacheError::Tool(cannot_keep(&locks)(source)))
}

/// What `request` means for a project with `files`. Writes nothing.
pub fn plan_enable(
    files: &Files,
    toolbox: &Toolbox,
    request: &EnableRequest,
) -> Result<CachePlan, CacheError> {
    let mut config = CargoConfig::read(&request.scope.path(files)?)?;
    let before = as_before(request, &config);
    let request = before.as_ref().unwrap_or(request);
    let wrapper = request.wrapper.unwrap_or(Wrapper::Sccache);
    let layers = Layers::read(&files.root)?;
    refuse_variables(wrapper, &layers, &files.root)?;
    let program = find_program(wrapper, request, toolbox)?;
    let size = || default_size(&request.settings, wrapper, &program, toolbox);
    let settings = with_size(&request.settings, wrapper, request.scope, &config, size);
    let variables = settings.variables(wrapper)?;
    refuse_machine_settings(request.scope, &settings)?;

    let named = match request.scope {
        Scope::Workspace => wrapper.program(),
        Scope::Local | Scope::User => program.as_str(),
    };
    write(&mut config, request.scope, named, &variables)?;
    // The file with the settings first: the include is of no use before.
    let mut planned = vec![config];
    if request.scope == Scope::Local {
        planned.push(including(files)?);
    }
    if request.scope != Scope::User
        && let Some(said) = must_count(&layers, &planned, files, request, &variables)?
    {
        return Ok(said);
    }
    Ok(CachePlan {
        changes: planned.into_iter().map(CargoConfig::into_change).collect(),
        notes: notes(request.scope, files, &layers, wrapper),
        enabled: Some((wrapper, program)),
        settings,
        unreadable: None,
    })
}

/// The tracked configuration, including the local one.
fn including(files: &Files) -> Result<CargoConfig, CacheError> {
    require_include(&files.root)?;
    let mut tracked = CargoConfig::read(&files.tracked)?;
    local::include(&mut tracked, INCLUDER)?;
    Ok(tracked)
}

/// What takes back what was switched on in `scopes`, wherever `places` have it. A file that is no TOML is
/// left alone, which [`CachePlan::unreadable`] says, and does not keep the others from being changed. Writes
/// nothing.
pub fn plan_disable(places: &[Files], scopes: &[Scope]) -> Result<CachePlan, CacheError> {
    let mut plan = CachePlan::default();
    if scopes.contains(&Scope::User)
        && let Some(files) = places.first()
    {
        let config = plan.read(&Scope::User.path(files)?, true)?;
        plan.changes.extend(config.map(CargoConfig::into_change));
    }
    for files in places {
        plan.disable_in(files, scopes)?;
    }
    Ok(plan)
}

/// Takes back what was switched on in the two files of a project, which are being edited: from `local`, from
/// `tracked`, and from that the line which includes the former, unless other settings need it.
pub fn undo(tracked: &mut CargoConfig, mut local: CargoConfig) -> Result<Change, EditError> {
    tracked.undo(SCCACHE)?;
    local.undo(SCCACHE)?;
    let mut local = local.into_change();
    local::stop_including(tracked, &mut local, INCLUDER)?;
    Ok(local)
}

impl CachePlan {
    fn disable_in(&mut self, files: &Files, scopes: &[Scope]) -> Result<(), EditError> {
        let [of_workspace, of_local] =
            [Scope::Workspace, Scope::Local].map(|scope| scopes.contains(&scope));
        if !of_workspace && !of_local {
            return Ok(());
        }
        let mut tracked = self.read(&files.tracked, of_workspace)?;
        let local = if of_local {
            self.read(&files.local, true)?
        } else {
            None
        };
        if let Some(local) = local {
            let mut local = local.into_change();
            if let Some(tracked) = &mut tracked
                && local::stop_including(tracked, &mut local, INCLUDER)?
            {
                let text = format!(
                    "{} has other settings, so it is still included",
                    files.local
                );
                self.notes.push(text);
            }
            self.changes.push(local);
        }
        self.changes.extend(tracked.map(CargoConfig::into_change));
        Ok(())
    }

    /// The configuration in `path`, and, if it is to be undone, without what `enable` wrote. `None`, and
    /// noted, if it is no TOML.
    fn read(&mut self, path: &Utf8Path, undone: bool) -> Result<Option<CargoConfig>, EditError> {
        let mut config = match CargoConfig::read(path) {
            Err(error @ EditError::Toml { .. }) => {
                self.unreadable.get_or_insert(error);
                return Ok(None);
            }
            config => config?,
        };
        if undone {
            config.undo(SCCACHE)?;
        }
        Ok(Some(config))
    }
}

/// What a new file begins with.
const fn introduction(scope: Scope) -> &'static str {
    match scope {
        Scope::Local => local::INTRODUCTION,
        Scope::Workspace => local::TRACKED_INTRODUCTION,
        Scope::User => USER_INTRODUCTION,
    }
}

/// Sets what is wanted, and takes back what an earlier call set and this one does not.
fn write(
    config: &mut CargoConfig,
    scope: Scope,
    named: &str,
    variables: &[Variable],
) -> Result<(), EditError> {
    config.introduce(introduction(scope), SCCACHE);
    config.set_rustc_wrapper(named, SCCACHE)?;
    for (name, _) in config.env() {
        let is_wanted = variables.iter().any(|(wanted, _)| *wanted == name);
        if compiler_caches::is_variable(&name) && !is_wanted {
            config.remove(&["env", &name], SCCACHE)?;
        }
    }
    for (name, value) in variables {
        config.set_env(name, value, SCCACHE)?;
    }
    Ok(())
}

/// A size, where none is asked for and the environment says none: the one that is set already, so that a
/// second call changes nothing; else one that follows the free disk. For everybody's file there is none:
/// machines differ.
fn with_size(
    settings: &Settings,
    wrapper: Wrapper,
    scope: Scope,
    config: &CargoConfig,
    default: impl FnOnce() -> Option<Size>,
) -> Settings {
    let mut settings = settings.clone();
    let is_on_disk = settings.backend.is_disk();
    let is_said = environment().contains_key(wrapper.size_variable());
    if settings.size.is_none() && !is_said && is_on_disk && scope != Scope::Workspace {
        let set = config.string(&["env", wrapper.size_variable()]);
        let set = set.and_then(|text| text.parse().ok());
        settings.size = set.or_else(default);
    }
    settings
}

/// The size of the cache that is in use, where a server of sccache is running; else the one that another
/// project of this machine got; else one that follows the free disk.
fn default_size(
    settings: &Settings,
    wrapper: Wrapper,
    program: &Utf8Path,
    toolbox: &Toolbox,
) -> Option<Size> {
    let dir = settings.dir.clone().or_else(|| default_dir(wrapper))?;
    let noted = || {
        let path = toolbox.locks().ok()?.join(SIZE_NOTE);
        fs_err::read_to_string(path).ok()?.trim().parse().ok()
    };
    let running = (wrapper == Wrapper::Sccache).then(|| running_size(program, &dir));
    let noted = || settings.dir.is_none().then(noted).flatten();
    let of_disk = || Size::for_dir(&dir).filter(|size| size.bytes > 0);
    running.flatten().or_else(noted).or_else(of_disk)
}

/// Where the wrapper keeps its cache if it is not told.
fn default_dir(wrapper: Wrapper) -> Option<Utf8PathBuf> {
    let environment = environment();
    let variable = |name: &str| environment.get(name).map(Utf8PathBuf::from);
    let caches = variable("XDG_CACHE_HOME").filter(|dir| dir.is_absolute());
    let caches = caches.or_else(|| Some(variable("HOME")?.join(".cache")));
    variable(wrapper.dir_variable()).or_else(|| Some(caches?.join(wrapper.program())))
}

fn find_program(
    wrapper: Wrapper,
    request: &EnableRequest,
    toolbox: &Toolbox,
) -> Result<Utf8PathBuf, CacheError> {
    let on_path = tools::find(wrapper.program());
    if request.scope == Scope::Workspace {
        // Only its name can be written.
        return on_path.ok_or(CacheError::NotOnPath(wrapper));
    }
    if let Some(path) = &request.program {
        return match path.canonicalize_utf8() {
            Ok(_) if path.is_file() => {
                Ok(camino::absolute_utf8(path).unwrap_or_else(|_| path.clone()))
            }
            _ => Err(CacheError::NoProgram(path.clone())),
        };
    }
    let found = match wrapper {
        Wrapper::Sccache => toolbox.find(wrapper.program()).map(|tool| tool.path),
        Wrapper::Kache => on_path,
    };
    found.ok_or(CacheError::NotInstalled(wrapper))
}

/// A variable that makes the wrapper refuse every call.
pub(crate) fn refuse_variables(
    wrapper: Wrapper,
    layers: &Layers,
    root: &Utf8Path,
) -> Result<(), CacheError> {
    for name in wrapper.refuses() {
        if let Some(setting) = layers.variable(name)
            && setting.value == "1"
        {
            return Err(CacheError::Refused {
                name: (*name).to_owned(),
                origin: setting.origin.shown(root),
                wrapper,
            });
        }
    }
    Ok(())
}

fn refuse_machine_settings(scope: Scope, settings: &Settings) -> Result<(), CacheError> {
    match (&settings.dir, scope) {
        (Some(dir), Scope::Workspace) => Err(CacheError::MachineSetting(dir.clone())),
        _ => Ok(()),
    }
}

/// What is written, the first of `planned`, counts for cargo in this project. Where nothing but a wrapper was
/// asked for, and the user has switched that on already in a file that wins, there is only something to be
/// said.
fn must_count(
    layers: &Layers,
    planned: &[CargoConfig],
    files: &Files,
    request: &EnableRequest,
    variables: &[Variable],
) -> Result<Option<CachePlan>, CacheError> {
    let layers = layers.with(&planned.iter().collect::<Vec<_>>())?;
    let loser = planned[0].path();
    let wrapper = layers.configured_wrapper();
    let wanted = request.wrapper.unwrap_or(Wrapper::Sccache);
    let is_same = |setting: &Setting| Wrapper::of_program(&setting.value) == Some(wanted);
    let says_no_more = request.settings == Settings::default();
    let wins = |setting: &Setting| setting.origin != Origin::File(loser.to_owned());
    if let Some(same) = wrapper
        .as_ref()
        .filter(|it| says_no_more && wins(it) && is_same(it))
    {
        let origin = same.origin.shown(&files.root);
        let note = format!("`{wanted}` is in force already, from {origin}; nothing was written");
        return Ok(Some(CachePlan {
            notes: vec![note],
            ..CachePlan::default()
        }));
    }
    let wrapper = ("build.rustc-wrapper".to_owned(), wrapper);
    let variables = variables
        .iter()
        .map(|(name, _)| (format!("env.{name}"), layers.configured_variable(name)));
    let mut settings = std::iter::once(wrapper).chain(variables);
    let lost = settings.find_map(|(key, setting)| Some((key, setting.filter(wins)?.origin)));
    match lost {
        Some((key, Origin::File(winner))) => Err(CacheError::WouldNotCount {
            winner,
            key,
            loser: loser.to_owned(),
        }),
        _ => Ok(None),
    }
}

/// cargo, as it is chosen in `root`, reads the local file.
fn require_include(root: &Utf8Path) -> Result<(), CacheError> {
    let command = Invocation::new(cargo_env::cargo())
        .arg("--version")
        .cwd(root);
    let version = command.read().map_err(CacheError::Cargo)?;
    match version_of_cargo(&version) {
        Some(found) if found < FIRST_CARGO_WITH_INCLUDE => {
            Err(CacheError::OldCargo(version.trim().to_owned()))
        }
        _ => Ok(()),
    }
}

/// What stands in the way of what is written, or is put aside by it.
fn notes(scope: Scope, files: &Files, layers: &Layers, wrapper: Wrapper) -> Vec<String> {
    let mut notes = Vec::new();
    if vars::even_empty(vars::RUSTC_WRAPPER).is_some_and(|value| value.is_empty()) {
        let name = vars::RUSTC_WRAPPER;
        notes.push(format!(
            "{name} is set to nothing in the environment, which switches every wrapper off there"
        ));
    }
    if let Some(setting) = layers.rustc_wrapper()
        && !matches!(setting.origin, Origin::File(_))
    {
        let origin = setting.origin.shown(&files.root);
        notes.push(format!(
            "{origin} is set to `{}`, which wins over every file",
            setting.value
        ));
    }
    if scope == Scope::Workspace {
        notes.push(format!(
            "everybody who builds this project needs `{wrapper}` on PATH from now on: without it cargo does not work"
        ));
    }
    if scope == Scope::Local {
        notes.extend(files.not_ignored());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_says_nothing_means_what_is_ours_already() {
        let fixture = testkit::Fixture::new();
        let path = fixture.root().join("config.toml");
        let before = |text: &str, request: &EnableRequest| {
            fixture.write("config.toml", text);
            let before = as_before(request, &CargoConfig::read(&path).unwrap());
            before.map(|it| it.settings.backend.name())
        };
        let ours = "[build]\nrustc-wrapper = \"sccache\" # by `cargo xtask sccache`\n\
                    [env]\nSCCACHE_REDIS_ENDPOINT = \"redis://h\"\n";
        let nothing = EnableRequest::default();
        assert_eq!(before(ours, &nothing), Some("redis"));
        assert_eq!(before(&ours.replace("# by", "# not by"), &nothing), None);
        // `--backend disk` is said, and is what nothing means elsewhere.
        let disk = EnableRequest::default().kept_at("disk").unwrap();
        assert_eq!(before(ours, &disk), None);
    }

    #[test]
    fn half_of_a_plan_is_taken_back() {
        let fixture = testkit::Fixture::new();
        let change = |name: &str, old: &str, new: &str| Change {
            path: fixture.root().join(name),
            old: Some(old.to_owned()),
            new: Some(new.to_owned()),
        };
        fixture.write("first.toml", "a = 1\n");
        fixture.write("second.toml", "somebody has changed it\n");
        let plan = CachePlan {
            changes: vec![
                change("first.toml", "a = 1\n", "a = 2\n"),
                change("second.toml", "b = 1\n", "b = 2\n"),
            ],
            ..CachePlan::default()
        };
        plan.apply().unwrap_err();
        let text = |name: &str| fs_err::read_to_string(fixture.root().join(name)).unwrap();
        assert_eq!(text("first.toml"), "a = 1\n");
        assert_eq!(text("second.toml"), "somebody has changed it\n");
    }
}
