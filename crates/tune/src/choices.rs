//! What is set differently: as arguments for a call of cargo, and as what is to be written.

use processes::Invocation;
use serde::{Deserialize, Serialize};

/// What can be tried, in the order in which it is: what gains most comes first, and the linkers after what
/// decides how much there is to be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// How much the compiler tells debuggers of the crates from registries.
    DependencyDebug,
    /// What makes a library of the compiled crates.
    Linker,
    /// How much the compiler tells debuggers of the crates of the workspace.
    OwnDebug,
    /// Whether it tells that in the library, or in files beside the objects.
    SplitDebuginfo,
    /// Into how many parts a crate of the workspace is cut.
    CodegenUnits,
    /// Whether the compiler keeps what it knows of such a crate.
    Incremental,
}

pub(crate) const SETTINGS: [Setting; 6] = [
    Setting::DependencyDebug,
    Setting::Linker,
    Setting::OwnDebug,
    Setting::SplitDebuginfo,
    Setting::CodegenUnits,
    Setting::Incremental,
];

impl Setting {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::DependencyDebug => "debug info of dependencies",
            Self::Linker => "linker",
            Self::OwnDebug => "debug info of own crates",
            Self::SplitDebuginfo => "split debug info",
            Self::CodegenUnits => "codegen units",
            Self::Incremental => "incremental",
        }
    }

    /// Whether all dependencies have to be compiled for another value.
    pub(crate) const fn compiles_dependencies(self) -> bool {
        matches!(self, Self::DependencyDebug)
    }
}

/// A key below `profile.NAME`, as a path, and its value as TOML in one line.
pub type ProfileKey = (Vec<String>, String);

/// What differs from what the project says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// The name by which the C compiler is told the linker.
    pub linker: Option<String>,
    /// Keys of the profile, each once.
    pub profile: Vec<ProfileKey>,
}

impl Choices {
    /// A linker, and nothing else.
    #[must_use]
    pub fn linker(name: &str) -> Self {
        Self {
            linker: Some(name.to_owned()),
            profile: Vec::new(),
        }
    }

    /// One key of the profile, and nothing else.
    #[must_use]
    pub fn key(path: &[&str], value: &str) -> Self {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        Self {
            linker: None,
            profile: vec![(path, value.to_owned())],
        }
    }

    /// These and `more`, which wins.
    #[must_use]
    pub fn with(&self, more: &Self) -> Self {
        let is_kept = |(path, _): &&ProfileKey| more.profile.iter().all(|(it, _)| it != path);
        let kept = self.profile.iter().filter(is_kept);
        Self {
            linker: more.linker.clone().or_else(|| self.linker.clone()),
            profile: kept.chain(&more.profile).cloned().collect(),
        }
    }

    pub(crate) fn get(&self, path: &[&str]) -> Option<&str> {
        let found = self.profile.iter().find(|(known, _)| known == path);
        found.map(|(_, value)| value.as_str())
    }

    /// The keys of `profile` in cargo's configuration, each as a line of TOML.
    fn profile_settings(&self, profile: &str) -> impl Iterator<Item = String> {
        self.profile.iter().map(move |(path, value)| {
            let path: Vec<_> = path.iter().map(|part| quoted(part)).collect();
            format!("profile.{profile}.{}={value}", path.join("."))
        })
    }

    /// The flag by which rustc is told the linker.
    fn linker_flag(&self) -> Option<String> {
        let linker = self.linker.as_ref();
        linker.map(|name| format!("link-arg=-fuse-ld={name}"))
    }

    /// All of it as cargo's configuration, for what is compiled for `target` with `profile`.
    pub(crate) fn config(&self, profile: &str, target: &str) -> String {
        let target = quoted(target);
        let flag = self.linker_flag().into_iter();
        let linker = flag.map(|it| format!("target.{target}.rustflags=[\"-C\", \"{it}\"]"));
        let lines = self.profile_settings(profile).chain(linker);
        lines.map(|line| line + "\n").collect()
    }

    /// `cargo`, which builds with `profile`, with the choices. The linker is told to the extension's
    /// compilation alone: as a flag for all, which is how it is written, it would have all dependencies
    /// compiled again.
    pub(crate) fn added_to(&self, cargo: Invocation, profile: &str) -> Invocation {
        let settings = self.profile_settings(profile);
        let settings = settings.flat_map(|setting| ["--config".to_owned(), setting]);
        let mut cargo = after_subcommand(cargo, settings);
        let Some(flag) = self.linker_flag() else {
            return cargo;
        };
        // What comes last wins.
        if !cargo.args.iter().any(|arg| arg == "--") {
            cargo.args.push("--".to_owned());
        }
        cargo.arg("-C").arg(flag)
    }
}

/// A key as `--config` takes it.
fn quoted(part: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !part.is_empty() && part.chars().all(is_bare) {
        part.to_owned()
    } else {
        format!("\"{part}\"")
    }
}

/// `cargo rustc …` with `options` for cargo.
pub(crate) fn after_subcommand(
    mut cargo: Invocation,
    options: impl IntoIterator<Item = String>,
) -> Invocation {
    let at = cargo.args.len().min(1);
    cargo.args.splice(at..at, options);
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(choices: &Choices, args: &[&str]) -> String {
        let cargo = Invocation::new("cargo").args(args.iter().copied());
        choices.added_to(cargo, "dev").to_string()
    }

    #[test]
    fn they_are_options_of_cargo_and_flags_of_the_last_compilation() {
        let choices = Choices::key(&["package", "*", "debug"], "false")
            .with(&Choices::linker("mold"))
            .with(&Choices::key(&["codegen-units"], "16"));
        assert_eq!(
            call(&choices, &["rustc", "--lib"]),
            "cargo rustc --config 'profile.dev.package.\"*\".debug=false' \
             --config profile.dev.codegen-units=16 --lib -- -C link-arg=-fuse-ld=mold"
        );
        let with_flags = call(&choices, &["rustc", "--", "-C", "strip=none"]);
        assert!(with_flags.ends_with("-- -C strip=none -C link-arg=-fuse-ld=mold"));
        assert_eq!(call(&Choices::default(), &["rustc"]), "cargo rustc");
    }

    #[test]
    fn they_are_lines_of_cargos_configuration() {
        let choices = Choices::key(&["package", "*", "debug"], "false")
            .with(&Choices::key(&["codegen-units"], "16"))
            .with(&Choices::linker("mold"));
        let text = choices.config("dev", "x86_64-unknown-linux-gnu");
        let config: serde_json::Value = toml_edit::de::from_str(&text).unwrap();
        let flags = ["-C", "link-arg=-fuse-ld=mold"];
        let expected = serde_json::json!({
            "profile": { "dev": { "package": { "*": { "debug": false } }, "codegen-units": 16 } },
            "target": { "x86_64-unknown-linux-gnu": { "rustflags": flags } },
        });
        assert_eq!(config, expected);
        assert_eq!(Choices::default().config("dev", "t"), "");
    }

    #[test]
    fn the_later_choice_wins() {
        let first = Choices::key(&["debug"], "1").with(&Choices::linker("mold"));
        let both = first.with(&Choices::key(&["debug"], "false"));
        assert_eq!(both.get(&["debug"]), Some("false"));
        assert_eq!(both.profile.len(), 1);
        assert_eq!(both.linker.as_deref(), Some("mold"));
    }
}
