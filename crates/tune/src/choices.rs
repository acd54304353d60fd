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

/// All settings.
pub const SETTINGS: [Setting; 6] = [
    Setting::DependencyDebug,
    Setting::Linker,
    Setting::OwnDebug,
    Setting::SplitDebuginfo,
    Setting::CodegenUnits,
    Setting::Incremental,
];

impl Setting {
    /// In words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::DependencyDebug => "debug info of dependencies",
            Self::Linker => "linker",
            Self::OwnDebug => "debug info of own crates",
            Self::SplitDebuginfo => "split debug info",
            Self::CodegenUnits => "codegen units",
            Self::Incremental => "incremental",
        }
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
        let mut both = self.clone();
        both.linker = more.linker.clone().or(both.linker);
        for (path, value) in &more.profile {
            both.profile.retain(|(known, _)| known != path);
            both.profile.push((path.clone(), value.clone()));
        }
        both
    }

    /// What is chosen for a key.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<&str> {
        let mut keys = self.profile.iter();
        let found = keys.find(|(known, _)| known == path);
        found.map(|(_, value)| value.as_str())
    }

    /// The keys of `profile` in cargo's configuration, each as a line of TOML.
    fn profile_settings(&self, profile: &str) -> impl Iterator<Item = String> {
        self.profile.iter().map(move |(path, value)| {
            let path: Vec<_> = path.iter().map(|part| quoted(part)).collect();
            format!("profile.{profile}.{}={value}", path.join("."))
        })
    }

    /// All of it as cargo's configuration, for what is compiled for `target` with `profile`.
    #[must_use]
    pub fn config(&self, profile: &str, target: &str) -> String {
        let linker = self.linker.iter().map(|name| {
            let target = quoted(target);
            format!("target.{target}.rustflags=[\"-C\", \"link-arg=-fuse-ld={name}\"]")
        });
        let lines = self.profile_settings(profile).chain(linker);
        lines.map(|line| line + "\n").collect()
    }

    /// `cargo`, which builds with `profile`, with the choices. The linker is told to the extension's
    /// compilation alone: as a flag for all, which is how it is written, it would have all dependencies
    /// compiled again.
    #[must_use]
    pub fn added_to(&self, cargo: Invocation, profile: &str) -> Invocation {
        let settings = self.profile_settings(profile);
        let settings = settings.flat_map(|setting| ["--config".to_owned(), setting]);
        let cargo = after_subcommand(cargo, settings);
        match &self.linker {
            Some(name) => for_rustc(cargo, &["-C", &format!("link-arg=-fuse-ld={name}")]),
            None => cargo,
        }
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

/// `cargo rustc …` with `flags` for the compilation of the extension. They come last, and so win.
fn for_rustc(mut cargo: Invocation, flags: &[&str]) -> Invocation {
    if !cargo.args.iter().any(|arg| arg == "--") {
        cargo.args.push("--".to_owned());
    }
    cargo.args(flags.iter().copied())
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
