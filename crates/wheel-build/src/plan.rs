//! What maturin is called with, as data.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use colab::runtimes::Snapshot;
use environment::vars;
use packaging::PythonVersion;
use packaging::checked::{Name, Tag, VersionText};
use project_model::{Features, WheelPolicy};
use python_tools::{Interpreter, python};
use serde::Serialize;

use crate::action::{Action, ActionInputs, Versions};
use crate::before;
use crate::bindings::Question;
use crate::choice::{self, Aim, Pythons};
use crate::error::WheelError;
use crate::flags;
use crate::platform::Platform;
use crate::stage::Stage;
use crate::toolchain::Toolchain;
use crate::tracked::Tracked;
use crate::trial::minor;

/// What the user asks for; the policy says the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildRequest {
    /// The release profile, stripped.
    pub release: bool,
    /// Versions of CPython, a wheel for each.
    pub pythons: Vec<PythonVersion>,
    /// Platform tags.
    pub platforms: Vec<String>,
    /// Whether the inputs of maturin-action are wanted too.
    pub for_action: bool,
}

/// What a build finds on this machine.
#[derive(Debug)]
pub struct BuildPlace<'a> {
    /// The interpreter that maturin looks at where no version is asked for.
    pub python: &'a Interpreter,
    /// Where cargo puts what it builds.
    pub target_dir: &'a Utf8Path,
    /// Where the wheels are left.
    pub out: &'a Utf8Path,
    /// What is pinned of the tools.
    pub versions: &'a Versions,
    /// Whether the network is not to be used.
    pub offline: bool,
}

/// All wheels of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildPlan {
    /// The distribution.
    pub name: Name,
    /// The version, with the commit.
    pub version: VersionText,
    /// The directory in which maturin runs: the project in the copy.
    pub working_directory: Utf8PathBuf,
    /// The tag of the release that the wheels are for.
    pub release_tag: Option<Tag>,
    /// Pythons that `requires-python` allows and that none of the wheels is for, with the reason.
    pub left_out: Vec<String>,
    /// The wheels.
    pub wheels: Vec<WheelPlan>,
}

/// One wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WheelPlan {
    /// The platform tag.
    pub platform: String,
    /// The version of CPython, if it is for one only.
    pub python: Option<PythonVersion>,
    /// What rustc calls the platform.
    pub target: String,
    /// The arguments of `maturin build`, without where it runs and where the results go.
    pub args: Vec<String>,
    /// The variables that it is given.
    pub env: BTreeMap<String, String>,
    /// Commands that a container runs before: on a machine whatever they bring is there.
    pub before: Vec<String>,
    /// What a container lacks, with a remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// The same for a container, in the words of maturin-action, if they are wanted.
    pub action: Option<ActionInputs>,
}

impl WheelPlan {
    /// All that decides what cargo makes of the sources, as a text: not the commit, which is in none of it.
    #[must_use]
    pub fn decisive(&self) -> String {
        let of_commit = |name: &str| name == vars::SOURCE_DATE_EPOCH;
        let env: Vec<_> = self.env.iter().filter(|it| !of_commit(it.0)).collect();
        let (platform, args, before) = (&self.platform, &self.args, &self.before);
        format!("{platform} {args:?} {env:?} {before:?}")
    }
}

impl BuildPlan {
    /// The plan for `stage`.
    pub fn new(
        stage: &Stage,
        policy: &WheelPolicy,
        request: &BuildRequest,
        place: &BuildPlace<'_>,
    ) -> Result<Self, WheelError> {
        let toolchain = Toolchain::here(&stage.root)?;
        let platforms = platforms(policy, request)?;
        let mut wheels = Vec::new();
        let mut left_out = Vec::new();
        for platform in &platforms {
            let plan = Wheel {
                stage,
                policy,
                request,
                place,
                toolchain: &toolchain,
                platform,
                aim: Aim::default(),
            };
            let (aims, others) = plan.aims()?;
            for aim in aims {
                wheels.push(Wheel { aim, ..plan }.plan()?);
            }
            left_out = others;
        }
        Ok(Self {
            name: stage.project.name().parse()?,
            version: stage.version.parse()?,
            working_directory: stage.project.root.clone(),
            release_tag: policy.release_tag.clone(),
            left_out,
            wheels,
        })
    }
}

/// What was asked for, else what the policy says, else this machine.
fn platforms(policy: &WheelPolicy, request: &BuildRequest) -> Result<Vec<Platform>, WheelError> {
    let tags = chosen(&request.platforms, &policy.platforms);
    if tags.is_empty() {
        return Ok(vec![Platform::default_here()]);
    }
    tags.iter().map(|tag| tag.parse()).collect()
}

fn chosen<'a, T>(asked: &'a [T], policy: &'a [T]) -> &'a [T] {
    if asked.is_empty() { policy } else { asked }
}

/// What one wheel depends on.
#[derive(Clone, Copy)]
struct Wheel<'a> {
    stage: &'a Stage,
    policy: &'a WheelPolicy,
    request: &'a BuildRequest,
    place: &'a BuildPlace<'a>,
    toolchain: &'a Toolchain,
    platform: &'a Platform,
    aim: Aim,
}

impl Wheel<'_> {
    /// The wheels for the platform: those that are named, else one; of a release what serves all Pythons that
    /// are known of.
    fn aims(&self) -> Result<(Vec<Aim>, Vec<String>), WheelError> {
        let named = chosen(&self.request.pythons, &self.policy.pythons);
        if !named.is_empty() {
            return Ok((named.iter().copied().map(Aim::one).collect(), Vec::new()));
        }
        // Programs are for every Python.
        let is_program = !self.stage.project.extension.programs.is_empty();
        if !self.request.release || is_program {
            return Ok((vec![Aim::default()], Vec::new()));
        }
        let question = Question {
            project: &self.stage.project,
            features: &self.policy.features,
            triple: &self.platform.triple(),
            offline: self.place.offline,
            locked: false,
        };
        let (bindings, requires) = (question.ask()?, self.stage.project.requires_python.as_ref());
        let here = python::installed(|it| it.implementation == "CPython" && it.satisfies(requires));
        let here: Vec<_> = here.iter().filter_map(minor).collect();
        let colab = Snapshot::built_in().runtimes.into_iter();
        let colab: Vec<_> = colab
            .filter_map(|runtime| runtime.python.parse().ok())
            .collect();
        let pythons = Pythons {
            here: &here,
            colab: &colab,
            requires,
        };
        let (aims, left_out) = choice::aims(&bindings, &pythons);
        if aims.is_empty() {
            return Err(WheelError::NoPython { left_out });
        }
        Ok((aims, left_out))
    }

    fn plan(&self) -> Result<WheelPlan, WheelError> {
        let args = self.args();
        let (root, dir) = (&self.stage.root, &self.stage.project.root);
        let tracked = Tracked::read(root, dir, &self.platform.triple())?;
        // zig links by itself, and knows no other linker.
        let flags = if self.platform.is_here() {
            tracked.flags.clone()
        } else {
            tracked.flags_without_linker()
        };
        Ok(WheelPlan {
            platform: self.platform.to_string(),
            python: self.aim.one,
            target: self.platform.triple(),
            env: self.env(self.toolchain, flags),
            before: before::commands(&self.policy.before)?,
            needs: self.needs(&tracked),
            action: self
                .request
                .for_action
                .then(|| self.action(&args, &tracked))
                .transpose()?,
            args,
        })
    }

    /// What a container has to have for the project's own linker, unless the policy installs something.
    fn needs(&self, tracked: &Tracked) -> Option<String> {
        let programs = tracked.programs();
        if programs.is_empty() || !self.policy.before.is_empty() {
            return None;
        }
        let files = tracked.files.iter();
        let files = files.map(|it| it.strip_prefix(&self.stage.root).unwrap_or(it).to_string());
        Some(format!(
            "{} links with {}, which a container of manylinux does not have\n  help: name what installs it: `before = [{}]` in [workspace.metadata.xtask.wheel], by package or as a command",
            files.collect::<Vec<_>>().join(" and "),
            programs.join(" and "),
            programs
                .iter()
                .map(|it| format!("{it:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        ))
    }

    fn action(&self, args: &[String], tracked: &Tracked) -> Result<ActionInputs, WheelError> {
        let mut env = self.env(&self.toolchain.in_container(), tracked.flags.clone());
        let before = before::commands(&self.policy.before)?;
        // Build scripts that ask git for the commit: the copy is no repository.
        let commit = self.stage.commit.as_ref();
        env.extend(commit.map(|commit| ("GIT_DIR".to_owned(), commit.git_dir.to_string())));
        let action = Action {
            args,
            env: &env,
            before: &before,
            policy: &self.platform.policy,
            working_directory: &self.stage.project.root,
            target_dir: self.place.target_dir,
            out: self.place.out,
            toolchain: &self.toolchain.name,
            versions: self.place.versions,
        };
        action.inputs()
    }

    fn args(&self) -> Vec<String> {
        let mut args: Vec<String> = Vec::new();
        if self.request.release {
            args.extend(["--release", "--strip"].map(str::to_owned));
        }
        if self.has_lock() {
            args.push("--locked".to_owned());
        }
        let python = self.aim.interpreter.or_else(|| minor(self.place.python));
        let python = python.map_or_else(|| "3".to_owned(), |python| python.to_string());
        for (name, value) in [
            ("--target", self.platform.triple()),
            // A name, not a path: the same in every place. Who runs it puts the interpreter onto PATH.
            ("--interpreter", format!("python{python}")),
            ("--config", self.stage.settings.to_string()),
        ] {
            args.extend([name.to_owned(), value]);
        }
        let features = self.features();
        if features.no_default_features {
            args.push("--no-default-features".to_owned());
        }
        for feature in &features.features {
            args.extend(["--features".to_owned(), feature.clone()]);
        }
        args
    }

    fn features(&self) -> &Features {
        let of_one = self
            .policy
            .one_python
            .as_ref()
            .filter(|_| self.aim.one.is_some());
        of_one.unwrap_or(&self.policy.features)
    }

    fn has_lock(&self) -> bool {
        let above = self.stage.project.extension.manifest.ancestors();
        let mut inside = above.take_while(|dir| dir.starts_with(&self.stage.root));
        inside.any(|dir| dir.join("Cargo.lock").is_file())
    }

    /// The variables, with the paths of `toolchain` and the arguments that the project's configuration has.
    fn env(
        &self,
        toolchain: &Toolchain,
        flags_of_project: Vec<String>,
    ) -> BTreeMap<String, String> {
        let (source, outside) = (&self.stage.root, &self.stage.outside);
        let remaps = flags::remaps(toolchain, source, self.place.target_dir, outside);
        let mut rustflags = flags_of_project;
        rustflags.extend(
            vars::var(vars::RUSTFLAGS)
                .iter()
                .flat_map(|it| it.split_whitespace())
                .map(str::to_owned),
        );
        rustflags.extend(flags::remap_flags(&remaps));
        let (name, value) = flags::variable(&rustflags);
        let env = [
            (name, value),
            ("CFLAGS", with_own("CFLAGS", &flags::c_flags(&remaps))),
            ("CXXFLAGS", with_own("CXXFLAGS", &flags::c_flags(&remaps))),
            (vars::SOURCE_DATE_EPOCH, self.stage.time_s().to_string()),
            // Caches of compilers keep nothing of what is compiled incrementally, and it differs from run to
            // run.
            ("CARGO_INCREMENTAL", "0".to_owned()),
        ];
        env.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// What the user's shell has set, and then ours.
fn with_own(name: &str, flags: &str) -> String {
    let own = vars::var(name).map(|own| format!("{own} "));
    format!("{}{flags}", own.unwrap_or_default())
}
