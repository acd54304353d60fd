//! A release: everything from the sources to wheels that have been audited, tried and described.

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use files::access::keeps_from_writing;
use files::lock::Lock;
use files::owned;
use processes::Say;
use project_model::{Project, Workspace};
use python_tools::tools::cannot_keep;
use python_tools::{Interpreter, Tool, Toolbox, python};
use store::Store;
use wheel_audit::{Expected, Report};

use crate::action::{ActionInputs, Versions};
use crate::build::Builder;
use crate::built::Built;
use crate::cache::Cache;
use crate::error::{WheelError, cannot_read, cannot_write};
use crate::manifest::{BuiltWheel, Counts, Manifest, all, append_for_github};
use crate::plan::{BuildPlace, BuildPlan, BuildRequest, WheelPlan};
use crate::stage::{Stage, make_empty};
use crate::stored::Storing;
use crate::trial::{Trial, interpreters};
use crate::version::Naming;
use crate::{expected, for_colab};

/// What is asked for, and how it is gone about.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command"
)]
pub struct ReleaseRequest<'a> {
    /// Which wheels.
    pub wheels: BuildRequest,
    /// Which version they get.
    pub naming: Naming,
    /// Where the wheels go that have passed.
    pub dist: &'a Utf8Path,
    /// Whether nobody has named that directory, so that one which has to be made is to be ignored by git.
    pub dist_is_ours: bool,
    /// Use sccache, and tell its hits.
    pub sccache: bool,
    /// Do not use the network.
    pub offline: bool,
    /// The wheel has been built by maturin-action, as the plan said.
    pub is_built: bool,
    /// What maturin-action is to install.
    pub versions: Versions,
    /// What was built once on this machine.
    pub store: Option<&'a Store>,
}

/// How the user is talked to.
#[derive(Clone, Copy)]
pub struct Talk<'a> {
    /// Progress: a verb, and what it is done to.
    pub say: Say<'a>,
    /// What the user should know, with a remedy.
    pub warn: &'a dyn Fn(&str),
}

/// What every wheel of one call is built from. While it lives, no other build of the project makes another
/// copy.
pub struct Release<'a> {
    project: &'a Project,
    workspace: &'a Workspace,
    toolbox: &'a Toolbox,
    request: &'a ReleaseRequest<'a>,
    talk: Talk<'a>,
    stage: Stage,
    plan: BuildPlan,
    python: Interpreter,
    directories: Directories,
    _lock: Lock,
}

struct Directories {
    /// For what exists only during the build.
    scratch: Utf8PathBuf,
    /// Where cargo builds.
    target: Utf8PathBuf,
    /// Where maturin leaves a wheel.
    out: Utf8PathBuf,
}

impl<'a> Release<'a> {
    /// Copies the sources of `project`, and plans.
    ///
    /// # Errors
    /// If there is no Python to plan for, or something cannot be copied or planned.
    pub fn plan(
        project: &'a Project,
        workspace: &'a Workspace,
        toolbox: &'a Toolbox,
        request: &'a ReleaseRequest<'a>,
        talk: Talk<'a>,
    ) -> Result<Self, WheelError> {
        let scratch = toolbox.scratch_of(&project.root, "wheel")?;
        let lock = lock(&scratch)?;
        let stage = Stage::make(project, workspace, request.naming, &scratch.join("source"))?;
        let outside = stage.outside.iter().map(|it| it.dir.clone());
        let dirs: Vec<_> = outside.collect();
        if request.wheels.for_action && !dirs.is_empty() {
            return Err(WheelError::OutsideForAction { dirs });
        }
        let python = newest_python(project)?;
        let directories = Directories {
            target: workspace.target_dir.join("xtask-wheel"),
            out: scratch.join("out"),
            scratch,
        };
        let place = BuildPlace {
            python: &python,
            target_dir: &directories.target,
            out: &directories.out,
            versions: &request.versions,
            offline: request.offline,
        };
        let plan = BuildPlan::new(&stage, &workspace.policy.wheel, &request.wheels, &place)?;
        Ok(Self {
            project,
            workspace,
            toolbox,
            request,
            talk,
            stage,
            plan,
            python,
            directories,
            _lock: lock,
        })
    }

    /// What was planned.
    #[must_use]
    pub fn planned(&self) -> &BuildPlan {
        &self.plan
    }

    /// On GitHub, hands the plan to the step that runs maturin-action. Everywhere, says what the container
    /// lacks.
    ///
    /// # Errors
    /// If maturin-action cannot do what was planned.
    pub fn hand_to_action(&self) -> Result<(), WheelError> {
        let mut needs: Vec<_> = self
            .plan
            .wheels
            .iter()
            .filter_map(|it| it.needs.as_ref())
            .collect();
        needs.dedup();
        for needs in needs {
            (self.talk.warn)(needs);
        }
        let (Some(_), [wheel, others @ ..]) = (vars::var(vars::GITHUB_OUTPUT), &*self.plan.wheels)
        else {
            return Ok(());
        };
        if !others.is_empty() {
            let count = self.plan.wheels.len();
            return Err(WheelError::SeveralForAction { count });
        }
        let stage = &self.stage.root;
        if let Some(mounted) = vars::var(vars::GITHUB_WORKSPACE)
            && !stage.starts_with(&mounted)
        {
            let stage = stage.clone();
            return Err(WheelError::OutOfSight { stage, mounted });
        }
        // What an earlier run has left is not to be taken for what the action builds.
        let out = &self.directories.out;
        make_empty(out)?;
        self.give_units(wheel);
        let inputs = wheel.action.iter().map(ActionInputs::github_outputs);
        append_for_github(vars::GITHUB_OUTPUT, &inputs.collect::<String>())
    }

    /// Builds all wheels. Their paths, each audited, tried and in its place.
    ///
    /// # Errors
    /// If one of them does not pass; those before it are in their place then.
    pub fn build(&self) -> Result<Vec<Utf8PathBuf>, WheelError> {
        if let Some(dir) = keeps_from_writing(self.request.dist) {
            return Err(WheelError::Out { dir });
        }
        self.warn_of_changes();
        let (name, version) = (&self.plan.name, &self.plan.version);
        (self.talk.say)(
            "Planned",
            &format!("{name} {version} from {}", self.stage.root),
        );
        if !self.plan.left_out.is_empty() {
            let left_out = self.plan.left_out.join(", ");
            (self.talk.warn)(&format!("no wheel is for CPython {left_out}"));
        }
        let uv = self.toolbox.uv(self.talk.say)?;
        let maturin = self.toolbox.maturin(&uv, self.talk.say)?;
        let mut wheels = Vec::new();
        for wheel in &self.plan.wheels {
            wheels.push(self.build_one(wheel, &maturin, &uv)?);
        }
        self.describe(wheels)
    }

    fn warn_of_changes(&self) {
        let commit = self.stage.commit.as_ref();
        if let (true, Some(commit)) = (
            self.request.wheels.release,
            commit.filter(|commit| commit.dirty),
        ) {
            (self.talk.warn)(&format!(
                "files differ from commit {}; the version says so\n  help: commit them (`git status` lists them), or ignore those that do not belong to the wheel",
                commit.short()
            ));
        }
        for outside in self.stage.outside.iter().filter(|it| it.is_built) {
            (self.talk.warn)(&format!(
                "{} ({}) lies outside of the repository: the commit does not determine the wheel\n  help: the version tells what it was ({}); in the repository, as a submodule or by `git`, the commit would",
                outside.dir, outside.name, outside.state
            ));
        }
        let ignored = self.stage.ignored;
        if ignored > 0 {
            let text = format!(
                "{ignored} files that git ignores, since they are packed or compiled; no commit holds them"
            );
            (self.talk.say)("Copied", &text);
        }
    }

    /// Builds, audits, tries and hands over one wheel; nothing reaches the output directory that has not
    /// passed.
    fn build_one(
        &self,
        wheel: &WheelPlan,
        maturin: &Tool,
        uv: &Tool,
    ) -> Result<BuiltWheel, WheelError> {
        let (built, cache) = if self.request.is_built {
            let built = Built::by_action(&self.directories.out, &wheel.platform)?;
            (built, None)
        } else {
            self.run_maturin(wheel, maturin)?
        };
        let report = self.audited(&built, &expected::built_by(wheel, &self.expected()?))?;
        let tried_with = self.try_it(&built.path, &report, uv)?;
        self.hand_over(&built.path)?;
        self.keep_units(wheel);
        Ok(BuiltWheel {
            build_time_ms: u64::try_from(built.elapsed.as_millis()).unwrap_or(u64::MAX),
            cache,
            tried_with: all(tried_with)?,
            ..BuiltWheel::of(&report, self.project.requires_python.as_ref())?
        })
    }

    fn run_maturin(
        &self,
        wheel: &WheelPlan,
        maturin: &Tool,
    ) -> Result<(Built, Option<Counts>), WheelError> {
        let wanted = self.request.sccache;
        let find = || Cache::find(&self.project.root, self.toolbox, self.talk.say);
        let cache = wanted.then(find).transpose()?;
        let commit = self.stage.commit.as_ref();
        let builder = Builder {
            toolbox: self.toolbox,
            maturin,
            manifest: &self.stage.project.extension.manifest,
            target_dir: &self.directories.target,
            out: &self.directories.out,
            wrapper: cache.as_ref().map(Cache::wrapper),
            python: &self.python,
            git_dir: commit.map(|commit| commit.git_dir.as_path()),
            offline: self.request.offline,
            memory_record: &self.toolbox.memory_record(&self.project.root)?,
        };
        self.give_units(wheel);
        let built = builder.build(&self.plan, wheel, self.talk.say)?;
        Ok((built, cache.map(|cache| cache.counted()).transpose()?))
    }

    fn storing(&self, wheel: &WheelPlan) -> Option<Storing<'_>> {
        let store = self.request.store?;
        let target = &self.directories.target;
        // The compilers there are others, though the plan is the same.
        let is_in_container = self.request.wheels.for_action || self.request.is_built;
        Storing::of(store, &self.stage, target, wheel, is_in_container)
    }

    /// Gives cargo what it would compile again. The store only saves time: the build goes on without it.
    fn give_units(&self, wheel: &WheelPlan) {
        let Some(storing) = self.storing(wheel) else {
            return;
        };
        match storing.give() {
            Ok(0) => {}
            Ok(count) => {
                (self.talk.say)("Restored", &format!("{count} artefacts from the store"));
            }
            Err(error) => self.tell_of_store(&storing, &error),
        }
    }

    /// Keeps what a wheel was built of that has passed.
    fn keep_units(&self, wheel: &WheelPlan) {
        let Some(storing) = self.storing(wheel) else {
            return;
        };
        let kept = storing.keep().and_then(|()| storing.store.prune_daily());
        if let Err(error) = kept {
            self.tell_of_store(&storing, &error);
        }
    }

    fn tell_of_store(&self, storing: &Storing<'_>, error: &std::io::Error) {
        (self.talk.warn)(&format!(
            "the store in {} cannot be used: {error}\n  help: cargo xtask store clear",
            storing.store.root()
        ));
    }

    fn expected(&self) -> Result<Expected, WheelError> {
        let mut forbidden = vec![
            self.stage.root.clone(),
            self.project.root.clone(),
            self.workspace.root.clone(),
            self.directories.target.clone(),
        ];
        forbidden.extend(self.stage.outside.iter().map(|it| it.dir.clone()));
        let policy = &self.workspace.policy.wheel;
        let mut expected = expected::of_build(&self.stage, policy, &forbidden)?;
        if !self.request.wheels.release {
            // Nobody is to get it, and its debug information names the sources of what zig has linked in.
            expected.forbidden_paths.clear();
        }
        Ok(expected)
    }

    /// The report on a wheel, which has to pass.
    fn audited(&self, built: &Built, expected: &Expected) -> Result<Report, WheelError> {
        let bytes = fs_err::read(&built.path).map_err(cannot_read(&built.path))?;
        let name = built.path.file_name().unwrap_or_default();
        let report = wheel_audit::audit(name, &bytes, Some(expected));
        if !report.passes() {
            return Err(WheelError::Audit {
                report: report.text(),
                path: built.path.clone(),
            });
        }
        for finding in &report.findings {
            (self.talk.warn)(&format!("{}: {}", finding.path, finding.message));
        }
        Ok(report)
    }

    /// Installs the wheel with every Python here that takes it; their versions.
    fn try_it(
        &self,
        wheel: &Utf8Path,
        report: &Report,
        uv: &Tool,
    ) -> Result<Vec<String>, WheelError> {
        let requires = self.project.requires_python.as_ref();
        let name = report.name.as_ref();
        let pythons = name.map_or_else(Vec::new, |name| interpreters(name, requires));
        if pythons.is_empty() {
            let file = &report.file_name;
            (self.talk.warn)(&format!("{file} was not tried: no Python here takes it"));
        }
        let scratch = self.directories.scratch.join("trial");
        fs_err::create_dir_all(&scratch).map_err(cannot_write(&scratch))?;
        let trial = Trial {
            uv,
            project: &self.stage.project,
            smoke: &self.workspace.policy.wheel.smoke,
            scratch: &scratch,
            offline: self.request.offline,
        };
        for python in &pythons {
            trial.run(wheel, report, python, self.talk.say)?;
        }
        let above = &self.directories.scratch;
        owned::remove(above, &scratch).map_err(cannot_write(&scratch))?;
        Ok(pythons.into_iter().map(|python| python.version).collect())
    }

    /// Puts a wheel into the output directory under its name, whole or not at all.
    fn hand_over(&self, wheel: &Utf8Path) -> Result<(), WheelError> {
        let out = self.request.dist;
        let name = wheel.file_name().unwrap_or_default();
        let draft = out.join(format!(".{name}"));
        self.make_dist()?;
        // Written through, were it a link.
        owned::remove(out, &draft).map_err(cannot_write(&draft))?;
        fs_err::copy(wheel, &draft).map_err(cannot_write(&draft))?;
        fs_err::rename(&draft, out.join(name)).map_err(cannot_write(out))
    }

    /// The output directory. One that is made in the project is ignored by git: the next build would copy the
    /// wheels with the sources, and its version would say that files differ from the commit.
    fn make_dist(&self) -> Result<(), WheelError> {
        let dist = self.request.dist;
        let is_new = !dist.exists();
        fs_err::create_dir_all(dist).map_err(cannot_write(dist))?;
        if is_new && self.request.dist_is_ours {
            let ignore = dist.join(".gitignore");
            fs_err::write(&ignore, "*\n").map_err(cannot_write(&ignore))?;
        }
        Ok(())
    }

    /// Writes the files beside the wheels, and what GitHub wants to know.
    fn describe(&self, wheels: Vec<BuiltWheel>) -> Result<Vec<Utf8PathBuf>, WheelError> {
        let dist = self.request.dist;
        if self.workspace.policy.colab.is_some() {
            for_colab::check(&wheels, self.talk.warn)?;
        }
        for wheel in &wheels {
            (self.talk.say)("Built", &wheel.described());
        }
        let requires = self.project.requires_python.as_ref();
        let requires = requires
            .map(ToString::to_string)
            .filter(|it| !it.is_empty());
        let manifest = Manifest {
            name: self.plan.name.clone(),
            version: self.plan.version.clone(),
            commit: self.stage.commit.clone(),
            requires_python: requires.map(TryInto::try_into).transpose()?,
            release_tag: self.plan.release_tag.clone(),
            wheels,
        };
        manifest.write(dist)?;
        append_for_github(vars::GITHUB_OUTPUT, &manifest.github_outputs(dist))?;
        append_for_github(vars::GITHUB_STEP_SUMMARY, &manifest.github_summary())?;
        let wheels = manifest.wheels.iter();
        Ok(wheels.map(|wheel| dist.join(&*wheel.file)).collect())
    }
}

/// Two builds would share the copy; the second waits.
fn lock(scratch: &Utf8Path) -> Result<Lock, WheelError> {
    let above = scratch.parent().unwrap_or(scratch);
    owned::make_dir(above, scratch).map_err(cannot_keep(scratch))?;
    let path = scratch.join("lock");
    Ok(Lock::take(&path).map_err(cannot_keep(scratch))?)
}

fn newest_python(project: &Project) -> Result<Interpreter, WheelError> {
    let requires = project.requires_python.as_ref();
    let wanted = match requires {
        Some(requires) => format!("requires-python `{requires}`"),
        None => "any Python 3".to_owned(),
    };
    Ok(python::newest(&wanted, |python| {
        python.satisfies(requires)
    })?)
}
