//! What a build has to do, and why: a plain function of the [`Situation`] and of what was asked for.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use python_tools::{Interpreter, Venv};

use crate::dependencies::Wanted;
use crate::import::Imported;
use crate::inputs::{Inputs, Named, differing};
use crate::leftovers::{Fate, OtherBuild};
use crate::on_import::HookStep;
use crate::request::DevRequest;
use crate::situation::{Environment, OurInstall, Package, Situation};
use crate::state::Placed;
use crate::units::Misjudged;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevPlan {
    /// Nothing: this is what the sources say.
    Nothing(Box<Fresh>),
    /// All of this.
    Build(Box<BuildPlan>),
}

impl DevPlan {
    /// Whether the package is installed by maturin and uv, as it is for the first time.
    pub(crate) fn installs(&self) -> bool {
        matches!(self, Self::Build(build) if matches!(build.delivery, Delivery::Install(_)))
    }
}

/// What is installed, and is what the sources say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// The environment.
    pub venv: Venv,
    /// What can be imported from it.
    pub imported: Imported,
    /// The variables of the build are written for cargo and rust-analyzer, which changes nothing of it.
    pub sharing: Option<Causes>,
    /// What becomes of the hook that builds on import.
    pub hook: Option<HookStep>,
}

/// The steps of a build, each with its causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPlan {
    /// The environment, made if it is not there.
    pub environment: EnvironmentStep,
    /// Where the call of cargo comes from.
    pub call: CallStep,
    /// Dependencies are installed.
    pub dependencies: Option<Causes>,
    /// The variables of the build are written for cargo and rust-analyzer.
    pub sharing: Option<Causes>,
    /// What cargo would wrongly take for fresh is made stale.
    pub make_stale: Vec<Misjudged>,
    /// Packages that cargo would wrongly build again are made fresh.
    pub make_fresh: Vec<String>,
    /// The store has the extension that the sources make, so that cargo is not asked.
    pub is_stored: bool,
    /// cargo is asked, and compiles what it finds changed.
    pub compile: Causes,
    /// Whether the extension is linked against a library of its third-party crates, where that can be.
    pub prelinks: bool,
    /// How the library gets to where Python finds it.
    pub delivery: Delivery,
    /// What is to become of other files for the module, as far as they are there already.
    pub others: Vec<OtherBuild>,
    /// What becomes of the hook that builds on import.
    pub hook: Option<HookStep>,
}

/// The environment of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentStep {
    /// It is there.
    Use(Venv),
    /// It is made.
    Make {
        /// Its directory.
        root: Utf8PathBuf,
        /// The interpreter it is made from.
        base: Box<Interpreter>,
    },
}

/// The call of cargo that builds the extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallStep {
    /// It is known.
    Known(Box<Invocation>),
    /// maturin is asked for it.
    AskMaturin(Causes),
}

/// How the library gets to where Python finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// maturin packs the editable wheel, and uv installs it.
    Install(Causes),
    /// The library alone is replaced, if cargo makes another one or the one in place is not as it was left.
    Place(Causes),
}

/// Why something is done.
pub type Causes = Vec<Cause>;

/// Why something is done, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// This is not what it was at the last build.
    Changed(String),
    /// Somebody has written to this file since we put it there.
    Replaced(String),
    /// Anything else, as a sentence.
    Because(String),
}

impl Cause {
    pub(crate) fn because(sentence: &str) -> Self {
        Self::Because(sentence.to_owned())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(what) => write!(f, "{what} has changed"),
            Self::Replaced(what) => write!(f, "{what} has been replaced"),
            Self::Because(sentence) => f.write_str(sentence),
        }
    }
}

/// What is to be done in `situation`. Touches nothing.
#[must_use]
pub fn plan(situation: &Situation, request: &DevRequest<'_>) -> DevPlan {
    let planner = Planner { situation, request };
    if let Some(fresh) = planner.fresh() {
        return DevPlan::Nothing(Box::new(fresh));
    }
    let call = planner.call();
    let delivery = planner.delivery();
    DevPlan::Build(Box::new(BuildPlan {
        environment: planner.environment(),
        dependencies: planner.dependencies(),
        sharing: planner.sharing(&call),
        make_stale: situation.misjudged.clone(),
        make_fresh: situation.taken_for_stale.clone(),
        is_stored: false,
        compile: planner.compile(),
        prelinks: situation.prelinking.is_on(),
        hook: match delivery {
            Delivery::Install(_) => situation.on_import.after_an_install(),
            Delivery::Place(_) => situation.on_import,
        }
        .step(),
        delivery,
        others: situation
            .ours()
            .map(|ours| ours.others.clone())
            .unwrap_or_default(),
        call,
    }))
}

impl DevPlan {
    /// The same, where the store was asked for what it comes to.
    #[must_use]
    pub(crate) fn with_store(mut self, is_stored: bool) -> Self {
        if let Self::Build(build) = &mut self {
            build.is_stored = is_stored;
        }
        self
    }
}

struct Planner<'a> {
    situation: &'a Situation,
    request: &'a DevRequest<'a>,
}

impl Planner<'_> {
    /// What is installed, if nothing at all has changed, so that cargo is not even asked. It is with `-v` or
    /// `--timings`, by which the user asks to see what it does.
    fn fresh(&self) -> Option<Fresh> {
        let ours = self.situation.ours()?;
        let Environment::There(venv) = &self.situation.environment else {
            return None;
        };
        let asks_for_cargo = self.request.run.asks_for_details() || self.request.maturin_installs;
        let is_alone = ours
            .others
            .iter()
            .all(|it| it.fate() == Fate::BelongsToAnother);
        let is_fresh = !asks_for_cargo
            && is_alone
            && self.dependencies().is_none()
            && ours.is_complete
            && ours.is_built
            && ours.has_pyo3_config
            && ours.placed == Placed::Same
            && !ours.state.sources.is_empty()
            && self.situation.changes().is_empty();
        is_fresh.then(|| Fresh {
            venv: venv.clone(),
            imported: ours.state.imported.clone(),
            hook: self.situation.on_import.step(),
            sharing: self.sharing(&CallStep::Known(Box::new(ours.state.cargo_call.clone()))),
        })
    }

    fn environment(&self) -> EnvironmentStep {
        match &self.situation.environment {
            Environment::There(venv) => EnvironmentStep::Use(venv.clone()),
            Environment::Absent { root, base } => EnvironmentStep::Make {
                root: root.clone(),
                base: base.clone(),
            },
        }
    }

    /// The call that is remembered, or kept, unless something that decides it has changed.
    fn call(&self) -> CallStep {
        let known = |call: &Invocation| CallStep::Known(Box::new(call.clone()));
        let kept = self.situation.kept_call.as_ref();
        let Some(ours) = self.situation.ours() else {
            return kept.map_or_else(
                || {
                    CallStep::AskMaturin(vec![Cause::because(
                        "its answer for this environment is not known",
                    )])
                },
                known,
            );
        };
        let changed = differing(
            &self.situation.inputs.cargo_call,
            &ours.state.inputs.cargo_call,
        );
        if changed.is_empty() && ours.has_pyo3_config {
            return known(&ours.state.cargo_call);
        }
        if let Some(call) = kept {
            return known(call);
        }
        if changed.is_empty() {
            return CallStep::AskMaturin(vec![Cause::because(
                "the file that it writes for pyo3 is gone",
            )]);
        }
        CallStep::AskMaturin(all_changed(changed))
    }

    fn dependencies(&self) -> Option<Causes> {
        let are_left = self.request.dependencies == Wanted::Leave;
        let needs_any = self.situation.pins.has_any() || self.situation.needs_python_to_build;
        if are_left || !needs_any {
            return None;
        }
        let Some(ours) = self.situation.ours() else {
            return Some(vec![Cause::because("what is installed is not known")]);
        };
        let mut causes = self
            .changed(|inputs| &inputs.dependencies, ours)
            .unwrap_or_default();
        let gone = ours.gone.iter().map(|name| format!("{name} is gone"));
        causes.extend(gone.map(Cause::Because));
        (!causes.is_empty()).then_some(causes)
    }

    /// Only for the environment that everybody else works with as well.
    fn sharing(&self, call: &CallStep) -> Option<Causes> {
        let config = self.situation.local_config.as_ref()?;
        if self.request.venv.is_some() {
            return None;
        }
        match call {
            CallStep::Known(call) if config.has_variables_of(call) => None,
            CallStep::Known(_) => {
                let path = self.situation.shown(&config.path);
                let cause = format!("{path} does not have what plain cargo needs");
                Some(vec![Cause::Because(cause)])
            }
            CallStep::AskMaturin(_) => Some(vec![Cause::because(
                "cargo and rust-analyzer need what maturin answers",
            )]),
        }
    }

    fn compile(&self) -> Causes {
        let Some(ours) = self.situation.ours() else {
            return vec![Cause::because("nothing of ours is installed")];
        };
        let mut causes = all_changed(self.situation.what_cargo_sees(ours));
        if !ours.is_built {
            let library = self.situation.shown(&ours.state.library.built);
            causes.push(Cause::Because(format!(
                "{library} is not the library that was built"
            )));
        }
        if self.request.run.asks_for_details() {
            causes.push(Cause::because("cargo's own answer was asked for"));
        }
        if causes.is_empty() {
            causes.push(Cause::because(
                "cargo is to say whether the library is current",
            ));
        }
        causes
    }

    fn delivery(&self) -> Delivery {
        let install = match &self.situation.package {
            Package::Missing => vec![Cause::because("it is not installed")],
            Package::Foreign => vec![Cause::because("another tool has installed it")],
            Package::OfAnotherCheckout(root) => vec![Cause::Because(format!(
                "what is installed is that of the checkout in {root}"
            ))],
            Package::Ours(ours) => self.reinstall(ours),
        };
        if install.is_empty() {
            Delivery::Place(
                self.situation
                    .ours()
                    .map(|ours| self.replaced(ours))
                    .unwrap_or_default(),
            )
        } else {
            Delivery::Install(install)
        }
    }

    /// Why more than the library has to be installed again.
    fn reinstall(&self, ours: &OurInstall) -> Causes {
        let mut causes = self
            .changed(|inputs| &inputs.install, ours)
            .unwrap_or_default();
        let others = [
            (self.request.maturin_installs, "maturin was asked to"),
            (!ours.is_complete, "a file of the install is gone"),
            (
                !ours.state.library.same_bytes,
                "maturin changes the library when it packs it",
            ),
            (
                ours.placed == Placed::Nowhere,
                "the directory of the library is gone",
            ),
        ];
        let others = others.iter().filter(|(holds, _)| *holds);
        causes.extend(others.map(|(_, sentence)| Cause::because(sentence)));
        causes
    }

    /// Why the library is put in place also where cargo makes no other one.
    fn replaced(&self, ours: &OurInstall) -> Causes {
        let library = self.situation.shown(&ours.state.library.placed);
        match ours.placed {
            Placed::Same => Vec::new(),
            Placed::Alone => {
                let base = ours.state.library.base.as_ref();
                let base = base.map_or("", |base| self.situation.shown(&base.path));
                let text = format!("{base}, which it is linked with, is not there as it was");
                vec![Cause::Because(text)]
            }
            Placed::Replaced => vec![Cause::Replaced(library.to_string())],
            Placed::Gone | Placed::Nowhere => vec![Cause::Because(format!("{library} is gone"))],
        }
    }

    /// What has changed of one part of the inputs.
    fn changed(&self, part: impl Fn(&Inputs) -> &Named, ours: &OurInstall) -> Option<Causes> {
        let changed = differing(part(&self.situation.inputs), part(&ours.state.inputs));
        (!changed.is_empty()).then(|| all_changed(changed))
    }
}

fn all_changed(names: Vec<String>) -> Causes {
    names.into_iter().map(Cause::Changed).collect()
}

impl Situation {
    /// The names of all that is not what it was at the last build of ours.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let Some(ours) = self.ours() else {
            return Vec::new();
        };
        let mut names = self.what_cargo_sees(ours);
        names.extend(self.inputs.changed_since(&ours.state.inputs));
        names.sort();
        names.dedup();
        names
    }

    /// The names of all that has changed and that cargo or maturin could look at.
    fn what_cargo_sees(&self, ours: &OurInstall) -> Vec<String> {
        let state = &ours.state;
        let mut names = ours.changed_sources.clone();
        names.extend(differing(&self.inputs.cargo_call, &state.inputs.cargo_call));
        let (digest, marks) = (&state.circumstances, &state.circumstance_marks);
        let mut circumstances = self.circumstances.changed_since(digest, marks);
        let read = state.volatile.keys().cloned().collect();
        let volatile = differing(&self.circumstances.volatile_among(&read), &state.volatile);
        circumstances.extend(volatile.into_iter().map(|name| format!("variable {name}")));
        let shown = |name: String| self.shown(Utf8Path::new(&name)).to_string();
        names.extend(circumstances.into_iter().map(shown));
        if self.prelinking.is_on() != state.prelinking {
            names.push("prelinking".to_owned());
        }
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests;
