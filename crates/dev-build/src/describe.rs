//! A plan in words: each step with its causes.

use std::fmt;

use crate::leftovers::{Fate, OtherBuild};
use crate::on_import::HookStep;
use crate::plan::{BuildPlan, CallStep, Cause, Causes, Delivery, DevPlan, EnvironmentStep};
use crate::situation::Situation;
use crate::units::Misjudged;

/// How many causes of a step are shown.
const SHOWN: usize = 3;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub what: String,
    /// Why.
    pub causes: Causes,
}

/// `compile thing: src/lib.rs has changed`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self
            .causes
            .iter()
            .take(SHOWN)
            .map(Cause::to_string)
            .collect();
        write!(f, "{}: {}", self.what, shown.join(", "))?;
        match self.causes.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

impl DevPlan {
    /// The steps, in the order in which they are taken.
    #[must_use]
    pub fn steps(&self, situation: &Situation) -> Vec<Step> {
        match self {
            Self::Nothing(fresh) => {
                let sharing = fresh.sharing.iter().map(sharing_step);
                sharing.chain(fresh.hook.map(hook_step)).collect()
            }
            Self::Build(plan) => plan.steps(situation),
        }
    }
}

fn hook_step(step: HookStep) -> Step {
    let (what, cause) = match step {
        HookStep::PutIn => ("put", "an import is to build the extension"),
        HookStep::Replace => (
            "put",
            "the one that is there is of another program or checkout",
        ),
        HookStep::TakeOut => ("take", "an import is not to build the extension"),
    };
    let whither = if what == "put" { "into" } else { "out of" };
    Step {
        what: format!("{what} the hook for imports {whither} the environment"),
        causes: vec![Cause::because(cause)],
    }
}

fn sharing_step(causes: &Causes) -> Step {
    Step {
        what: "share the variables of the build".to_owned(),
        causes: causes.clone(),
    }
}

impl BuildPlan {
    fn steps(&self, situation: &Situation) -> Vec<Step> {
        let step = |what: &str, causes: &Causes| Step {
            what: what.to_owned(),
            causes: causes.clone(),
        };
        let mut steps = Vec::new();
        if let EnvironmentStep::Make { root, base } = &self.environment {
            let cause = Cause::Because(format!("{} is not there", situation.shown(root)));
            steps.push(step(
                &format!("make an environment of {base}"),
                &vec![cause],
            ));
        }
        if let CallStep::AskMaturin(causes) = &self.call {
            steps.push(step("ask maturin", causes));
        }
        if let Some(causes) = &self.dependencies {
            steps.push(step("install dependencies", causes));
        }
        steps.extend(self.sharing.iter().map(sharing_step));
        steps.extend(self.build_steps(situation));
        steps.push(delivery_step(&self.delivery));
        steps.extend(
            self.others
                .iter()
                .filter_map(|other| step_for(other, situation)),
        );
        steps.extend(self.hook.map(hook_step));
        steps
    }
}

impl BuildPlan {
    /// How the library comes about.
    fn build_steps(&self, situation: &Situation) -> Vec<Step> {
        let name = &situation.crate_name;
        if self.is_stored {
            return vec![Step {
                what: format!("take {name} from the store, as it was built from these sources"),
                causes: self.compile.clone(),
            }];
        }
        let stale = self.make_stale.iter().filter(|it| it.is_news);
        let mut steps: Vec<_> = stale.map(stale_step).collect();
        steps.dedup();
        steps.extend(self.make_fresh.iter().map(|package| fresh_step(package)));
        steps.push(Step {
            what: format!("compile {name}"),
            causes: self.compile.clone(),
        });
        steps
    }
}

/// `have leaf built again: leaf/src/lib.rs is not what it was built from, and is no newer`.
fn stale_step(misjudged: &Misjudged) -> Step {
    Step {
        what: format!("have {} built again", misjudged.package),
        causes: vec![Cause::Because(misjudged.cause.clone())],
    }
}

/// `keep leaf as it is built: …`
fn fresh_step(package: &str) -> Step {
    let cause =
        Cause::because("its sources have other times, and the content that it was built from");
    Step {
        what: format!("keep {package} as it is built"),
        causes: vec![cause],
    }
}

fn delivery_step(delivery: &Delivery) -> Step {
    let (what, causes) = match delivery {
        Delivery::Install(causes) => ("install anew", causes.clone()),
        Delivery::Place(causes) if causes.is_empty() => {
            let otherwise = Cause::Because("if cargo makes another one".to_owned());
            ("put the library in place", vec![otherwise])
        }
        Delivery::Place(causes) => ("put the library in place", causes.clone()),
    };
    Step {
        what: what.to_owned(),
        causes,
    }
}

fn step_for(other: &OtherBuild, situation: &Situation) -> Option<Step> {
    let path = situation.shown(&other.path);
    let (what, cause) = match other.fate() {
        Fate::BelongsToAnother | Fate::Keep => return None,
        Fate::Remove if other.shadows => ("remove", "it is imported instead of the library"),
        Fate::Remove => ("remove", "it is another build of the same module"),
        Fate::Refuse => (
            "refuse",
            "it is imported instead of the library, and was not put there by maturin or this tool",
        ),
    };
    Some(Step {
        what: format!("{what} {path}"),
        causes: vec![Cause::Because(cause.to_owned())],
    })
}
