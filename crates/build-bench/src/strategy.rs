//! How it is built: the commands that people type. A new one is another entry in [`STRATEGIES`].

use camino::Utf8PathBuf;
use environment::{program, vars};
use processes::Invocation;

use crate::goal::Goal;

/// Commands as one types them. A word in braces stands for something of the checkout: see [`Placeholders`].
type Commands = &'static [&'static str];

#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own"
)]
pub(crate) struct Strategy {
    /// As on the command line and in the results.
    pub(crate) id: &'static str,
    /// What makes a virtual environment where it is missing, unless building does.
    pub(crate) environment: Commands,
    pub(crate) develop: Commands,
    /// What builds a wheel for release. Empty: it cannot.
    pub(crate) wheel: Commands,
    /// Whether the environment is active, as after its `activate` script.
    pub(crate) activates: bool,
    pub(crate) installs: bool,
    /// Whether uv itself keeps what it has built, and installs it again.
    pub(crate) uv_keeps_builds: bool,
    /// Whether pyo3's variables have to be set for it, as maturin sets them itself.
    pub(crate) needs_pyo3_variables: bool,
}

/// Cargo alone, but for the variables.
const PLAIN: Strategy = Strategy {
    id: "cargo",
    environment: &[],
    develop: &["{cargo} build --manifest-path {manifest} {features}"],
    wheel: &[],
    activates: false,
    installs: false,
    uv_keeps_builds: false,
    needs_pyo3_variables: true,
};

const INSTALLING: Strategy = Strategy {
    installs: true,
    needs_pyo3_variables: false,
    ..PLAIN
};

pub(crate) const STRATEGIES: [Strategy; 4] = [
    Strategy {
        id: "maturin-develop",
        environment: &["{uv} venv --python {python} {venv}"],
        develop: &["{maturin} develop --uv"],
        wheel: &["{maturin} build --release --out {out}"],
        activates: true,
        ..INSTALLING
    },
    Strategy {
        id: "uv-sync",
        develop: &["{uv} sync --python {python}"],
        wheel: &["{uv} build --wheel --python {python} --out-dir {out}"],
        uv_keeps_builds: true,
        ..INSTALLING
    },
    PLAIN,
    Strategy {
        id: "xtask-dev",
        develop: &["{xtask} --project {tree} dev"],
        wheel: &["{xtask} --project {tree} wheel --release --out {out}"],
        ..INSTALLING
    },
];

/// What the words in braces stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Placeholders {
    pub(crate) uv: Utf8PathBuf,
    pub(crate) maturin: Utf8PathBuf,
    pub(crate) cargo: Utf8PathBuf,
    /// This program.
    pub(crate) xtask: Utf8PathBuf,
    /// The interpreter that environments are made from.
    pub(crate) python: Utf8PathBuf,
    pub(crate) tree: Utf8PathBuf,
    pub(crate) manifest: Utf8PathBuf,
    pub(crate) out: Utf8PathBuf,
    /// What pyproject.toml tells maturin of features, in cargo's words.
    pub(crate) features: Vec<String>,
}

impl Placeholders {
    pub(crate) fn venv(&self) -> Utf8PathBuf {
        self.tree.join(".venv")
    }

    fn expand(&self, word: &str) -> Vec<String> {
        let path = match word {
            "{uv}" => &self.uv,
            "{maturin}" => &self.maturin,
            "{cargo}" => &self.cargo,
            "{xtask}" => &self.xtask,
            "{python}" => &self.python,
            "{tree}" => &self.tree,
            "{manifest}" => &self.manifest,
            "{out}" => &self.out,
            "{venv}" => &self.venv(),
            "{features}" => return self.features.clone(),
            _ => return vec![word.to_owned()],
        };
        vec![path.to_string()]
    }

    fn invocation(&self, command: &str) -> Invocation {
        let mut words = command.split(' ').flat_map(|word| self.expand(word));
        let program = words.next().unwrap_or_default();
        Invocation::new(program).args(words).cwd(&self.tree)
    }
}

impl Strategy {
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        STRATEGIES.iter().find(|strategy| strategy.id == id)
    }

    fn build(&self, goal: Goal) -> Commands {
        match goal {
            Goal::Develop => self.develop,
            Goal::Wheel => self.wheel,
        }
    }

    /// The commands to be run one after the other in `place`.
    pub(crate) fn commands(
        &self,
        goal: Goal,
        place: &Placeholders,
        has_environment: bool,
    ) -> Vec<Invocation> {
        let before = self.environment.iter().filter(|_| !has_environment);
        let all = before.chain(self.build(goal));
        all.map(|command| self.with_variables(place.invocation(command), place))
            .collect()
    }

    fn with_variables(&self, command: Invocation, place: &Placeholders) -> Invocation {
        let command = if self.activates {
            command.env(vars::VIRTUAL_ENV, place.venv().as_str())
        } else {
            command.env_remove(vars::VIRTUAL_ENV)
        };
        if !self.needs_pyo3_variables {
            return command;
        }
        // Of those that maturin sets the two that decide what is compiled.
        command
            .env("PYO3_BUILD_EXTENSION_MODULE", "1")
            .env("PYO3_PYTHON", place.python.as_str())
    }

    pub(crate) fn shown(&self, goal: Goal) -> String {
        let shown = self.build(goal).iter().map(|command| shown(command));
        shown.collect::<Vec<_>>().join(" && ")
    }
}

/// Without what is only there because it runs in a copy.
fn shown(command: &str) -> String {
    let mut shown = Vec::new();
    let mut words = command.split(' ');
    while let Some(word) = words.next() {
        match word {
            "--python" | "--project" | "--out" | "--out-dir" | "--manifest-path" => {
                words.next();
            }
            "{features}" => {}
            "{xtask}" => shown.push(program::called()),
            word => shown.push(word.trim_matches(['{', '}'])),
        }
    }
    shown.join(" ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn place() -> Placeholders {
        Placeholders {
            uv: "/bin/uv".into(),
            maturin: "/bin/maturin".into(),
            cargo: "cargo".into(),
            xtask: "/bin/xtask".into(),
            python: "/bin/python3".into(),
            tree: "/t".into(),
            manifest: "/t/native/Cargo.toml".into(),
            out: "/o".into(),
            features: vec!["--features".to_owned(), "a".to_owned()],
        }
    }

    #[test]
    fn words_in_braces_become_what_they_stand_for() {
        let cargo = Strategy::find("cargo").unwrap();
        let commands = cargo.commands(Goal::Develop, &place(), false);
        let expected = "cargo build --manifest-path /t/native/Cargo.toml --features a";
        assert_eq!(commands[0].to_string(), expected);
        let all = STRATEGIES.iter().flat_map(|strategy| {
            let goals = [Goal::Develop, Goal::Wheel];
            goals.map(|goal| strategy.commands(goal, &place(), false))
        });
        for command in all.flatten() {
            assert!(!command.to_string().contains('{'), "{command}");
        }
    }

    #[test]
    fn an_environment_is_made_only_where_it_is_missing() {
        let maturin = Strategy::find("maturin-develop").unwrap();
        let count = |there| maturin.commands(Goal::Develop, &place(), there).len();
        assert_eq!((count(true), count(false)), (1, 2));
    }

    #[test]
    fn commands_are_shown_as_one_types_them() {
        let shown: Vec<_> = STRATEGIES
            .iter()
            .map(|it| it.shown(Goal::Develop))
            .collect();
        let expected = [
            "maturin develop --uv",
            "uv sync",
            "cargo build",
            "cargo xtask dev",
        ];
        assert_eq!(shown, expected);
    }
}
