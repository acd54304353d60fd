//! `cargo xtask wheel`.

mod audit;
mod cache;
mod for_colab;

use anyhow::{Context as _, ensure};
use build_env::tools::cannot_keep;
use build_env::{Interpreter, Tool, Toolbox, python, vars};
use camino::{Utf8Path, Utf8PathBuf};
use project_model::{Project, Workspace};
use wheel_audit::{Expected, Report};
use wheel_build::action::Versions;
use wheel_build::build::Builder;
use wheel_build::built::Built;
use wheel_build::manifest::{BuiltWheel, Counts, Manifest, append_for_github};
use wheel_build::plan::WheelPlan;
use wheel_build::trial::{Trial, interpreters};
use wheel_build::{Place, Plan, Request, Stage, expected};

use crate::Answer;
use crate::context::{Context, jobs_are_configured, pinned, toolbox};
use crate::ui;

/// Build wheels for release, audit them, try them, and describe them.
///
/// One wheel for each platform of `[workspace.metadata.xtask.wheel]`, which with pyo3's stable ABI serves every
/// version of Python. It is built from a copy of what git tracks; its version has the commit as its local part. On
/// any Linux the platform is kept by zig, which is fetched; in a manylinux container by the compiler there.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    build: BuildArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Tell whether wheels are what they say they are; exit code 3 if one is not
    Audit(audit::Args),
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct BuildArgs {
    /// Build with the release profile, and strip
    #[arg(long, short)]
    release: bool,
    /// A wheel for this version of CPython, such as 3.12; may be given several times [default: the policy's, else
    /// one wheel as the crate's features decide]
    #[arg(long, value_name = "VERSION", value_parser = python_version)]
    python: Vec<String>,
    /// The directory that the wheels, SHA256SUMS and manifest.json are written to [default: dist in the project]
    #[arg(long, short, value_name = "DIR")]
    out: Option<Utf8PathBuf>,
    /// A platform such as `manylinux_2_28_x86_64`; may be given several times [default: the policy's, else
    /// `manylinux_2_28` on this machine]
    #[arg(long, value_name = "TAG")]
    platform: Vec<String>,
    /// Use sccache, and tell its hits
    #[arg(long)]
    sccache: bool,
    /// Do not use the network
    #[arg(long)]
    offline: bool,
    /// Build nothing: copy the sources, and print maturin's arguments and variables as JSON; on GitHub also the inputs
    /// of maturin-action as outputs of the step
    #[arg(long)]
    plan: bool,
    /// Build nothing: audit, try and describe the wheel that maturin-action has built as `--plan` said
    #[arg(long, conflicts_with_all = ["plan", "sccache"])]
    built: bool,
}

/// `3.12`, as a wheel's tag has it: no patch version, no path.
fn python_version(text: &str) -> Result<String, String> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((major, minor)) if is_number(major) && is_number(minor) => Ok(text.to_owned()),
        _ => Err("expected a version such as 3.12".to_owned()),
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    match &args.action {
        Some(Action::Audit(args)) => audit::run(context, args),
        None => build(context, &args.build),
    }
}

/// What every wheel of one call is built from.
struct Release<'a> {
    project: Project,
    workspace: Workspace,
    toolbox: Toolbox,
    stage: Stage,
    plan: Plan,
    python: Interpreter,
    args: &'a BuildArgs,
    /// For what exists only during the build.
    scratch: Utf8PathBuf,
    target_dir: Utf8PathBuf,
    /// Where maturin leaves a wheel.
    out: Utf8PathBuf,
    /// Where the wheels go that have passed.
    dist: Utf8PathBuf,
}

fn build(context: &Context, args: &BuildArgs) -> anyhow::Result<Answer> {
    let project = context.project_to_build()?;
    let workspace = Workspace::load(&project)?;
    let dist = args.out.clone().unwrap_or_else(|| context.dist());
    let toolbox = toolbox(args.offline)?;
    let scratch = toolbox.scratch_of(&project.root, "wheel");
    fs_err::create_dir_all(&scratch).map_err(cannot_keep(&scratch))?;
    let lock = fs_err::File::create(scratch.join("lock")).map_err(cannot_keep(&scratch))?;
    // Two builds would share the copy; the second waits.
    lock.file()
        .lock()
        .context("cannot wait for another build of this project")?;
    let release = Release::plan(project, workspace, toolbox, scratch, args, dist)?;
    if args.plan {
        release.hand_to_action()?;
        println!("{}", serde_json::to_string_pretty(&release.plan)?);
        return Ok(Answer::Done);
    }
    release.build()?;
    Ok(Answer::Done)
}

impl<'a> Release<'a> {
    fn plan(
        project: Project,
        workspace: Workspace,
        toolbox: Toolbox,
        scratch: Utf8PathBuf,
        args: &'a BuildArgs,
        dist: Utf8PathBuf,
    ) -> anyhow::Result<Self> {
        let stage = Stage::make(&project, &workspace, &scratch.join("source"))?;
        let requires = project.requires_python.as_ref();
        let wanted = requires.map_or_else(
            || "any Python 3".to_owned(),
            |it| format!("requires-python `{it}`"),
        );
        let python = python::newest(&wanted, |python| python.satisfies(requires))?;
        let target_dir = workspace.target_dir.join("xtask-wheel");
        let request = Request {
            release: args.release,
            pythons: args.python.clone(),
            platforms: args.platform.clone(),
            for_action: args.plan,
        };
        let out = scratch.join("out");
        let place = Place {
            python: &python,
            target_dir: &target_dir,
            out: &out,
            versions: &versions()?,
        };
        let plan = Plan::new(&stage, &workspace.policy.wheel, &request, &place)?;
        Ok(Self {
            project,
            workspace,
            toolbox,
            stage,
            plan,
            python,
            args,
            scratch,
            target_dir,
            out,
            dist,
        })
    }

    /// On GitHub, hands the plan to the step that runs maturin-action.
    fn hand_to_action(&self) -> anyhow::Result<()> {
        let (Some(_), [wheel, others @ ..]) = (vars::var(vars::GITHUB_OUTPUT), &*self.plan.wheels)
        else {
            return Ok(());
        };
        ensure!(
            others.is_empty(),
            "the plan has {} wheels, and one call of maturin-action builds one\n  help: name one, by `--platform` and `--python`",
            self.plan.wheels.len()
        );
        let mounted = vars::var(vars::GITHUB_WORKSPACE);
        ensure!(
            mounted
                .as_ref()
                .is_none_or(|dir| self.stage.root.starts_with(dir)),
            "the copy of the sources is in {}, and the container of maturin-action sees only {}\n  help: set {} to a directory below it, outside of the checkout",
            self.stage.root,
            mounted.unwrap_or_default(),
            vars::XTASK_CACHE_DIR
        );
        // What an earlier run has left is not to be taken for what the action builds.
        let _ = fs_err::remove_dir_all(&self.out);
        fs_err::create_dir_all(&self.out)?;
        let inputs = wheel.action.as_ref().context("a plan for maturin-action")?;
        Ok(append_for_github(
            vars::GITHUB_OUTPUT,
            &inputs.github_outputs(),
        )?)
    }

    fn build(&self) -> anyhow::Result<()> {
        let commit = self.stage.commit.as_ref();
        if let (true, Some(commit)) = (self.args.release, commit.filter(|commit| commit.dirty)) {
            ui::warn(&format!(
                "files differ from commit {}; the version says so\n  help: commit them (`git status` lists them), or ignore those that do not belong to the wheel",
                commit.short()
            ));
        }
        ui::say(
            "Planned",
            &format!(
                "{} {} from {}",
                self.plan.name, self.plan.version, self.stage.root
            ),
        );
        let uv = self.toolbox.uv(&ui::say)?;
        let maturin = self.toolbox.maturin(&uv, &ui::say)?;
        let expected = self.expected()?;
        let mut wheels = Vec::new();
        for wheel in &self.plan.wheels {
            wheels.push(self.build_one(wheel, &maturin, &uv, &expected)?);
        }
        self.describe(wheels)
    }

    /// Builds, audits, tries and hands over one wheel; nothing reaches the output directory that has not passed.
    fn build_one(
        &self,
        wheel: &WheelPlan,
        maturin: &Tool,
        uv: &Tool,
        expected: &Expected,
    ) -> anyhow::Result<BuiltWheel> {
        let (built, cache) = if self.args.built {
            let built = Built::by_action(&self.out, &wheel.platform)?;
            (built, Some(cache::counted_by_action(&self.out)?))
        } else {
            self.run_maturin(wheel, maturin)?
        };
        let report = audited(&built, &expected::built_by(wheel, expected))?;
        let tried_with = self.try_it(&built.path, &report, uv)?;
        self.hand_over(&built.path)?;
        Ok(BuiltWheel {
            build_time_ms: u64::try_from(built.elapsed.as_millis()).unwrap_or(u64::MAX),
            cache,
            tried_with,
            ..BuiltWheel::of(&report, self.project.requires_python.as_ref())
        })
    }

    fn run_maturin(
        &self,
        wheel: &WheelPlan,
        maturin: &Tool,
    ) -> anyhow::Result<(Built, Option<Counts>)> {
        let cache = self
            .args
            .sccache
            .then(|| cache::Cache::find(&self.project.root, &self.toolbox))
            .transpose()?;
        let commit = self.stage.commit.as_ref();
        let builder = Builder {
            toolbox: &self.toolbox,
            maturin,
            manifest: &self.stage.project.extension.manifest,
            target_dir: &self.target_dir,
            out: &self.out,
            wrapper: cache.as_ref().map(cache::Cache::wrapper),
            python: &self.python,
            git_dir: commit.map(|commit| commit.git_dir.as_path()),
            offline: self.args.offline,
            jobs_are_configured: jobs_are_configured(&self.project.root),
        };
        let built = builder.build(&self.plan, wheel, &ui::say)?;
        Ok((built, cache.map(|cache| cache.counted()).transpose()?))
    }

    fn expected(&self) -> anyhow::Result<Expected> {
        let forbidden = [
            self.stage.root.clone(),
            self.project.root.clone(),
            self.workspace.root.clone(),
            self.target_dir.clone(),
        ];
        let mut expected = expected::of(
            &self.stage.project,
            &self.workspace.policy.wheel,
            &forbidden,
        )?;
        if !self.args.release {
            // Nobody is to get it, and its debug information names the sources of what zig has linked in.
            expected.forbidden_paths.clear();
        }
        Ok(expected)
    }

    fn try_it(&self, wheel: &Utf8Path, report: &Report, uv: &Tool) -> anyhow::Result<Vec<String>> {
        let name = report
            .name
            .as_ref()
            .context("an audited wheel has a name")?;
        let pythons = interpreters(name, self.project.requires_python.as_ref());
        if pythons.is_empty() {
            ui::warn(&format!(
                "{} was not tried: no Python here takes it",
                report.file_name
            ));
        }
        let scratch = self.scratch.join("trial");
        fs_err::create_dir_all(&scratch)?;
        let trial = Trial {
            uv,
            project: &self.stage.project,
            smoke: &self.workspace.policy.wheel.smoke,
            scratch: &scratch,
            offline: self.args.offline,
        };
        for python in &pythons {
            trial.run(wheel, report, python, &ui::say)?;
        }
        fs_err::remove_dir_all(&scratch)?;
        Ok(pythons.into_iter().map(|python| python.version).collect())
    }

    /// Puts a wheel into the output directory under its name, whole or not at all.
    fn hand_over(&self, wheel: &Utf8Path) -> anyhow::Result<()> {
        let out = &self.dist;
        let name = wheel.file_name().context("a wheel has a name")?;
        let draft = out.join(format!(".{name}"));
        self.make_dist()?;
        fs_err::copy(wheel, &draft)?;
        fs_err::rename(&draft, out.join(name))?;
        Ok(())
    }

    /// The output directory. One that is made in the project is ignored by git, as uv does it: the next build would
    /// copy the wheels with the sources, and its version would say that files differ from the commit.
    fn make_dist(&self) -> anyhow::Result<()> {
        let is_new = !self.dist.exists();
        fs_err::create_dir_all(&self.dist)?;
        if is_new && self.args.out.is_none() {
            fs_err::write(self.dist.join(".gitignore"), "*\n")?;
        }
        Ok(())
    }

    /// Writes the files beside the wheels, and what GitHub wants to know.
    fn describe(&self, wheels: Vec<BuiltWheel>) -> anyhow::Result<()> {
        let out = &self.dist;
        if self.workspace.policy.colab.is_some() {
            for_colab::check(&wheels)?;
        }
        for wheel in &wheels {
            ui::say("Built", &described(wheel));
        }
        let requires = self.project.requires_python.as_ref();
        let manifest = Manifest {
            name: self.plan.name.clone(),
            version: self.plan.version.clone(),
            commit: self.stage.commit.clone(),
            requires_python: requires.map(ToString::to_string),
            release_tag: self.plan.release_tag.clone(),
            wheels,
        };
        manifest.write(out)?;
        append_for_github(vars::GITHUB_OUTPUT, &manifest.github_outputs(out))?;
        append_for_github(vars::GITHUB_STEP_SUMMARY, &manifest.github_summary())?;
        for wheel in &manifest.wheels {
            println!("{}", out.join(&wheel.file));
        }
        Ok(())
    }
}

/// What maturin-action is to install: what is installed here where nothing is on `PATH`.
fn versions() -> anyhow::Result<Versions> {
    let pinned = pinned()?;
    Ok(Versions {
        maturin: pinned.version("maturin")?.to_owned(),
        sccache: pinned.version("sccache")?.to_owned(),
    })
}

/// The report on a wheel, which has to pass.
fn audited(built: &Built, expected: &Expected) -> anyhow::Result<Report> {
    let bytes = fs_err::read(&built.path)?;
    let report = wheel_audit::audit(
        built.path.file_name().unwrap_or_default(),
        &bytes,
        Some(expected),
    );
    ensure!(
        report.passes(),
        "the wheel that was built does not pass the audit:\n{}  help: it lies in {}",
        report.text(),
        built.path
    );
    for finding in &report.findings {
        ui::warn(&format!("{}: {}", finding.path, finding.message));
    }
    Ok(report)
}

/// `thing-1.0-….whl, 1234 kB, glibc 2.28, in 12.3 s, 9 of 10 from the cache; works with 3.13.0`.
fn described(wheel: &BuiltWheel) -> String {
    let tenths_s = wheel.build_time_ms / 100;
    let mut text = format!("{}, {} kB", wheel.file, wheel.size_bytes / 1000);
    if let Some(glibc) = &wheel.glibc {
        text.push_str(&format!(", glibc {glibc}"));
    }
    text.push_str(&format!(", in {}.{} s", tenths_s / 10, tenths_s % 10));
    if let Some(cache) = wheel.cache {
        text.push_str(&format!(
            ", {} of {} from the cache",
            cache.hits,
            cache.hits + cache.misses
        ));
    }
    if !wheel.tried_with.is_empty() {
        text.push_str(&format!("; works with {}", wheel.tried_with.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_python_is_a_minor_version() {
        assert_eq!(python_version("3.12").as_deref(), Ok("3.12"));
        for wrong in ["3", "3.12.1", "3.x", "/usr/bin/python3", "3."] {
            assert!(python_version(wrong).is_err(), "{wrong}");
        }
    }
}
