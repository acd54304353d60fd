//! What the project's tracked configuration of cargo says of rustc and of the linker.
//!
//! What else cargo's configuration says holds for one machine, and a wheel is for all; so a variable is set,
//! before which cargo passes over all arguments in files. A linker is part of the machine too: zig is one
//! itself, and a container has to have it.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::cargo_platform::{Cfg, Platform};
use config_edit::CargoConfig;
use processes::Invocation;
use serde::Deserialize;

use crate::error::{WheelError, cannot_read};

/// Arguments for rustc, and the program that links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracked {
    /// All arguments.
    pub flags: Vec<String>,
    /// `linker`, and the file that names it.
    pub linker: Option<String>,
    /// The files that say something.
    pub files: Vec<Utf8PathBuf>,
}

/// `.cargo/config.toml`, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    build: Section,
    target: BTreeMap<String, Section>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Section {
    rustflags: Flags,
    linker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Flags {
    Words(String),
    List(Vec<String>),
}

impl Default for Flags {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Flags {
    fn list(&self) -> Vec<String> {
        match self {
            Self::Words(words) => words.split_whitespace().map(str::to_owned).collect(),
            Self::List(list) => list.clone(),
        }
    }
}

impl Tracked {
    /// What cargo, started in `dir` for `triple`, reads of the files in the copy `root`, in which there are
    /// no others than tracked ones.
    pub fn read(root: &Utf8Path, dir: &Utf8Path, triple: &str) -> Result<Self, WheelError> {
        let mut dirs: Vec<_> = dir
            .ancestors()
            .take_while(|it| it.starts_with(root))
            .collect();
        dirs.reverse();
        let mut configs = Vec::new();
        for dir in dirs {
            add(
                &cargo_settings::config_in(&dir.join(".cargo")),
                &mut configs,
            )?;
        }
        if configs.is_empty() {
            return Ok(Self::default());
        }
        let cfgs = Invocation::new("rustc").args(["--print", "cfg", "--target", triple]);
        let cfgs = cfgs.cwd(dir).read()?;
        let cfgs: Vec<Cfg> = cfgs.lines().filter_map(|line| line.parse().ok()).collect();
        let is_for = |name: &str| {
            let platform = name.parse::<Platform>();
            platform.is_ok_and(|platform| platform.matches(triple, &cfgs))
        };
        Ok(Self::of(configs, &is_for))
    }

    /// As cargo has it: lists are joined, and those of a target come in place of those of every build.
    fn of(configs: Vec<(Utf8PathBuf, Config)>, is_for: &dyn Fn(&str) -> bool) -> Self {
        let mut tracked = Self::default();
        let mut everywhere = Vec::new();
        for (path, config) in configs {
            let mut says = !config.build.rustflags.list().is_empty();
            everywhere.extend(config.build.rustflags.list());
            for (_, section) in config.target.iter().filter(|(name, _)| is_for(name)) {
                says |= section.linker.is_some() || !section.rustflags.list().is_empty();
                tracked.flags.extend(section.rustflags.list());
                tracked.linker = section.linker.clone().or(tracked.linker);
            }
            tracked.files.extend(says.then_some(path));
        }
        if tracked.flags.is_empty() {
            tracked.flags = everywhere;
        }
        tracked
    }

    /// The arguments but for those that choose a linker.
    #[must_use]
    pub fn flags_without_linker(&self) -> Vec<String> {
        let kept = units(&self.flags).into_iter().filter_map(|unit| {
            let rest = without_choice(&unit.value)?;
            Some(Unit {
                value: rest,
                ..unit
            })
        });
        kept.flat_map(Unit::into_words).collect()
    }

    /// The programs that linking takes and that no C compiler brings: `clang`, `lld`, `mold`.
    #[must_use]
    pub fn programs(&self) -> Vec<String> {
        let own = self
            .linker
            .as_deref()
            .map(|it| it.rsplit('/').next().unwrap_or(it).to_owned());
        let units = units(&self.flags);
        let named = units.iter().flat_map(|unit| unit.value.split_whitespace());
        let named = named.filter_map(|word| {
            let word = word
                .strip_prefix("link-arg=")
                .or(word.strip_prefix("link-args="))
                .unwrap_or(word);
            let name = word
                .strip_prefix("-fuse-ld=")
                .or(word.strip_prefix("linker="))?;
            Some(name.rsplit('/').next().unwrap_or(name).to_owned())
        });
        let common = ["cc", "gcc", "ld", "bfd", "gold", "rust-lld"];
        let mut all: Vec<_> = own.into_iter().chain(named).collect();
        all.retain(|name| !common.contains(&name.as_str()));
        all.dedup();
        all
    }
}

/// Reads the file at `path`, if it is there, and before it what it includes.
fn add(path: &Utf8Path, configs: &mut Vec<(Utf8PathBuf, Config)>) -> Result<(), WheelError> {
    if !path.is_file() || configs.iter().any(|(known, _)| known == path) {
        return Ok(());
    }
    let text = fs_err::read_to_string(path).map_err(cannot_read(path))?;
    let config = toml_edit::de::from_str(&text).map_err(|source| WheelError::Toml {
        path: path.to_owned(),
        source,
    })?;
    let dir = path.parent().unwrap_or(path);
    for included in CargoConfig::read(path)?.include_paths() {
        add(&dir.join(included), configs)?;
    }
    configs.push((path.to_owned(), config));
    Ok(())
}

/// One argument of rustc: `-C` and `link-arg=…` are two words or one.
struct Unit {
    /// `-C`, `--codegen`, `-Z`; empty for others.
    option: String,
    value: String,
    is_one_word: bool,
}

impl Unit {
    fn into_words(self) -> Vec<String> {
        if self.is_one_word || self.option.is_empty() {
            vec![self.option + &self.value]
        } else {
            vec![self.option, self.value]
        }
    }
}

fn units(flags: &[String]) -> Vec<Unit> {
    const OPTIONS: [&str; 3] = ["--codegen", "-C", "-Z"];
    let mut units = Vec::new();
    let mut flags = flags.iter().cloned();
    while let Some(flag) = flags.next() {
        let option = OPTIONS.into_iter().find(|option| flag.starts_with(option));
        let Some(option) = option else {
            units.push(Unit {
                option: String::new(),
                value: flag,
                is_one_word: true,
            });
            continue;
        };
        let joined = flag[option.len()..].to_owned();
        let (prefix, value, is_one_word) = match joined.strip_prefix('=') {
            Some(value) => (format!("{option}="), value.to_owned(), true),
            None if joined.is_empty() => {
                (option.to_owned(), flags.next().unwrap_or_default(), false)
            }
            None => (option.to_owned(), joined, true),
        };
        units.push(Unit {
            option: prefix,
            value,
            is_one_word,
        });
    }
    units
}

/// The value without what chooses a linker; `None` where nothing is left.
fn without_choice(value: &str) -> Option<String> {
    const CHOOSE: [&str; 4] = [
        "linker=",
        "linker-flavor=",
        "linker-features=",
        "link-self-contained=",
    ];
    if CHOOSE.iter().any(|start| value.starts_with(start)) {
        return None;
    }
    let Some((name @ ("link-arg" | "link-args"), words)) = value.split_once('=') else {
        return Some(value.to_owned());
    };
    let chooses = |word: &&str| {
        !["-fuse-ld=", "--ld-path=", "-B"]
            .iter()
            .any(|it| word.starts_with(it))
    };
    let kept: Vec<_> = words.split_whitespace().filter(chooses).collect();
    (!kept.is_empty()).then(|| format!("{name}={}", kept.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    const TRIPLE: &str = "x86_64-unknown-linux-gnu";

    fn read(dir: &TempDir, inner: &str) -> Result<Tracked, WheelError> {
        Tracked::read(dir.path(), &dir.path().join(inner), TRIPLE)
    }

    fn write(dir: &TempDir, name: &str, text: &str) {
        let path = dir.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    #[test]
    fn the_flags_are_those_that_cargo_would_take() {
        let config = ".cargo/config.toml";
        for (text, flags) in [
            ("[build]\nrustflags = \"--cfg a\"\n", &["--cfg", "a"][..]),
            (
                "[build]\nrustflags = ['-x']\n[target.x86_64-unknown-linux-gnu]\nrustflags = ['-y']\n",
                &["-y"],
            ),
            (
                "[target.'cfg(all(unix, not(windows)))']\nrustflags = ['-z']\n",
                &["-z"],
            ),
            ("[target.'cfg(windows)']\nrustflags = ['-z']\n", &[]),
            (
                "[target.aarch64-unknown-linux-gnu]\nrustflags = ['-z']\n",
                &[],
            ),
        ] {
            let dir = TempDir::new();
            write(&dir, config, text);
            assert_eq!(read(&dir, "").unwrap().flags, flags, "{text}");
        }
        let dir = TempDir::new();
        assert_eq!(read(&dir, "").unwrap(), Tracked::default());
        write(&dir, config, "[build\n");
        let error = read(&dir, "").unwrap_err().to_string();
        assert!(error.contains("config.toml"), "{error}");
    }

    #[test]
    fn every_directory_down_to_the_project_and_what_is_included_counts() {
        let dir = TempDir::new();
        write(
            &dir,
            ".cargo/config.toml",
            "include = ['more.toml']\n[build]\nrustflags = ['-b']\n",
        );
        write(&dir, ".cargo/more.toml", "[build]\nrustflags = ['-a']\n");
        write(
            &dir,
            "py/.cargo/config.toml",
            "[build]\nrustflags = ['-c']\n",
        );
        write(
            &dir,
            "other/.cargo/config.toml",
            "[build]\nrustflags = ['-d']\n",
        );
        assert_eq!(read(&dir, "py").unwrap().flags, ["-a", "-b", "-c"]);
    }

    #[test]
    fn what_chooses_a_linker_is_told_from_what_does_not() {
        let words = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        for (flags, kept, programs) in [
            (
                "-C|link-arg=-fuse-ld=lld|-C|target-cpu=native",
                "-C|target-cpu=native",
                "lld",
            ),
            ("-Clink-arg=-fuse-ld=/opt/bin/mold", "", "mold"),
            (
                "--codegen=link-arg=-fuse-ld=wild|--cfg|a",
                "--cfg|a",
                "wild",
            ),
            (
                "-C|linker=clang|-C|link-arg=-Wl,-z,now",
                "-C|link-arg=-Wl,-z,now",
                "clang",
            ),
            (
                "-C|link-args=-fuse-ld=lld -Wl,-s",
                "-C|link-args=-Wl,-s",
                "lld",
            ),
            ("-Clinker-flavor=gnu-lld-cc|-Zlinker-features=+lld", "", ""),
            ("-C|link-arg=-fuse-ld=bfd", "", ""),
            ("-Copt-level=3|-Dwarnings", "-Copt-level=3|-Dwarnings", ""),
        ] {
            let tracked = Tracked {
                flags: words(flags),
                ..Tracked::default()
            };
            assert_eq!(tracked.flags_without_linker().join("|"), kept, "{flags}");
            assert_eq!(tracked.programs().join("|"), programs, "{flags}");
        }
        let linker = Tracked {
            linker: Some("/usr/bin/clang".to_owned()),
            ..Tracked::default()
        };
        assert_eq!(linker.programs(), ["clang"]);
    }
}
