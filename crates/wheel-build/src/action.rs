//! The same build by `PyO3/maturin-action`, in a container of manylinux.
//!
//! What the action does with its inputs is in its source (`src/index.ts`): it mounts `GITHUB_WORKSPACE` and
//! nothing else, at the same path; joins `args` with spaces into a line of a shell script, runs
//! `before-script-linux` in the same shell before, hands over variables with certain prefixes only, and
//! `docker-options` last, which therefore win.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::error::WheelError;

/// What the script leaves beside the wheel: how long the build took, in seconds.
pub const SECONDS: &str = "seconds";

/// The inputs of the action, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ActionInputs {
    /// The arguments of `maturin build`.
    pub args: String,
    /// `2_28`: which container, and what the wheel has to keep.
    pub manylinux: String,
    /// The project in the copy of the sources.
    pub working_directory: Utf8PathBuf,
    /// The variables.
    pub docker_options: String,
    /// The tag of maturin's release: `v1.16.0`.
    pub maturin_version: String,
    /// The toolchain, as rustup calls it.
    pub rust_toolchain: String,
    /// Runs what the policy has to run before, and leaves [`SECONDS`].
    pub before_script_linux: String,
}

/// The versions of what the action installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// maturin's.
    pub maturin: String,
}

/// What the inputs are made of.
#[derive(Debug)]
pub struct Action<'a> {
    /// The arguments of `maturin build`, all but those below.
    pub args: &'a [String],
    /// The variables, with the paths of the container.
    pub env: &'a BTreeMap<String, String>,
    /// Commands that run before.
    pub before: &'a [String],
    /// `manylinux_2_28`.
    pub policy: &'a str,
    /// Where maturin runs.
    pub working_directory: &'a Utf8Path,
    /// Where cargo puts what it builds.
    pub target_dir: &'a Utf8Path,
    /// Where the wheel is left.
    pub out: &'a Utf8Path,
    /// The toolchain, as rustup calls it.
    pub toolchain: &'a str,
    /// What else is installed.
    pub versions: &'a Versions,
}

impl Action<'_> {
    /// The inputs.
    ///
    /// # Errors
    /// If an argument or a value cannot be written so that it arrives as it is.
    pub fn inputs(&self) -> Result<ActionInputs, WheelError> {
        let places = [
            "--out",
            self.out.as_str(),
            "--target-dir",
            self.target_dir.as_str(),
        ];
        let args = self.args.iter().map(String::as_str).chain(places);
        let args = args.map(word).collect::<Result<Vec<_>, _>>()?;
        let options = self.env.iter().map(|(name, value)| option(name, value));
        Ok(ActionInputs {
            args: args.join(" "),
            manylinux: word(self.policy.trim_start_matches("manylinux_"))?.to_owned(),
            working_directory: word(self.working_directory.as_str())?.into(),
            docker_options: options.collect::<Result<Vec<_>, _>>()?.join(" "),
            maturin_version: format!("v{}", word(&self.versions.maturin)?),
            rust_toolchain: word(self.toolchain)?.to_owned(),
            before_script_linux: self.before_script()?,
        })
    }

    /// One line: the outputs of a step are easier to hand on so.
    fn before_script(&self) -> Result<String, WheelError> {
        let out = word(self.out.as_str())?;
        let before: String = self.before.iter().map(|it| format!("{it}; ")).collect();
        Ok(format!(
            "{before}SECONDS=0; trap 'echo \"$SECONDS\" >{out}/{SECONDS}' EXIT"
        ))
    }
}

/// A word that a shell leaves as it is.
fn word(text: &str) -> Result<&str, WheelError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=,:+@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Ok(text);
    }
    Err(WheelError::Unquotable {
        text: text.to_owned(),
    })
}

/// `-e NAME=value`, in quotes, between which the action takes everything as it stands.
fn option(name: &str, value: &str) -> Result<String, WheelError> {
    let quote = ['\'', '"']
        .into_iter()
        .find(|quote| !value.contains(*quote));
    match quote {
        Some(quote) if !value.contains(['\n', '\r']) => {
            Ok(format!("-e {quote}{name}={value}{quote}"))
        }
        _ => Err(WheelError::Unquotable {
            text: format!("{name}={value}"),
        }),
    }
}

impl ActionInputs {
    /// The outputs of a step on GitHub: `name=value` lines. No value has a line break.
    #[must_use]
    pub fn github_outputs(&self) -> String {
        let lines = [
            ("args", self.args.as_str()),
            ("manylinux", &self.manylinux),
            ("working-directory", self.working_directory.as_str()),
            ("docker-options", &self.docker_options),
            ("maturin-version", &self.maturin_version),
            ("rust-toolchain", &self.rust_toolchain),
            ("before-script-linux", &self.before_script_linux),
        ];
        lines
            .map(|(name, value)| format!("{name}={value}\n"))
            .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action<'a>(
        args: &'a [String],
        env: &'a BTreeMap<String, String>,
        versions: &'a Versions,
    ) -> Action<'a> {
        Action {
            args,
            env,
            before: &[],
            policy: "manylinux_2_28",
            working_directory: "/w/copy".into(),
            target_dir: "/w/target".into(),
            out: "/w/out".into(),
            toolchain: "1.95.0",
            versions,
        }
    }

    fn versions() -> Versions {
        Versions {
            maturin: "1.16.0".to_owned(),
        }
    }

    #[test]
    fn the_inputs_are_those_of_the_action() {
        let args = ["--release", "--interpreter", "python3.12"].map(str::to_owned);
        let env = BTreeMap::from([(
            "RUSTFLAGS".to_owned(),
            "-C x --remap-path-prefix=/a=/b".to_owned(),
        )]);
        let inputs = action(&args, &env, &versions()).inputs().unwrap();
        assert_eq!(
            inputs.github_outputs(),
            "args=--release --interpreter python3.12 --out /w/out --target-dir /w/target\n\
             manylinux=2_28\n\
             working-directory=/w/copy\n\
             docker-options=-e 'RUSTFLAGS=-C x --remap-path-prefix=/a=/b'\n\
             maturin-version=v1.16.0\n\
             rust-toolchain=1.95.0\n\
             before-script-linux=SECONDS=0; trap 'echo \"$SECONDS\" >/w/out/seconds' EXIT\n"
        );
        let json = serde_json::to_value(&inputs).unwrap();
        let lines = inputs.github_outputs();
        let names: Vec<_> = lines
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0))
            .collect();
        assert!(
            names.iter().all(|name| json[name].is_string())
                && json.as_object().unwrap().len() == names.len()
        );
    }

    #[test]
    fn what_the_policy_runs_before_comes_first_and_stays_on_one_line() {
        let (env, versions) = (BTreeMap::new(), versions());
        let before = [
            "dnf install -y clang".to_owned(),
            "clang --version".to_owned(),
        ];
        let action = Action {
            before: &before,
            ..action(&[], &env, &versions)
        };
        let script = action.inputs().unwrap().before_script_linux;
        let start = "dnf install -y clang; clang --version; SECONDS=0";
        assert!(
            script.starts_with(start) && !script.contains('\n'),
            "{script}"
        );
    }

    #[test]
    fn what_a_shell_would_read_otherwise_is_refused() {
        let env = BTreeMap::new();
        for wrong in ["a b", "$(x)", "", "a;b", "*"] {
            let args = [wrong.to_owned()];
            let error = action(&args, &env, &versions()).inputs().unwrap_err();
            assert!(error.to_string().contains("help: "), "{error}");
            let versions = versions();
            let good = || action(&[], &env, &versions);
            for bad in [
                Action {
                    toolchain: wrong,
                    ..good()
                },
                Action {
                    policy: wrong,
                    ..good()
                },
                Action {
                    working_directory: wrong.into(),
                    ..good()
                },
                Action {
                    out: wrong.into(),
                    ..good()
                },
            ] {
                assert!(bad.inputs().is_err(), "{bad:?}");
            }
        }
    }

    #[test]
    fn a_value_is_quoted_by_what_it_does_not_contain() {
        assert_eq!(option("A", "b c").unwrap(), "-e 'A=b c'");
        assert_eq!(option("A", "it's").unwrap(), "-e \"A=it's\"");
        assert!(option("A", "'\"").is_err() && option("A", "b\nc").is_err());
    }
}
