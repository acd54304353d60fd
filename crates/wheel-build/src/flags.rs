//! The arguments for rustc: paths without the machine, and what the project itself asks for.

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use serde::Deserialize;
use toml_edit::de::Error;

use crate::error::{WheelError, cannot_read};
use crate::outside::Outside;
use crate::toolchain::Toolchain;

/// A directory, and what stands for it in what is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remap {
    /// The directory of this machine.
    pub from: Utf8PathBuf,
    /// What is written instead.
    pub to: String,
}

/// The directories that rustc would write into what it builds: of two that contain one another, the inner one
/// comes last, since rustc goes by the last that fits.
#[must_use]
pub fn remaps(
    toolchain: &Toolchain,
    source: &Utf8Path,
    target_dir: &Utf8Path,
    outside: &[Outside],
) -> Vec<Remap> {
    let remap = |from: Utf8PathBuf, to: &str| Remap {
        from,
        to: to.to_owned(),
    };
    let sysroot = &toolchain.sysroot;
    let mut remaps = vec![
        remap(sysroot.clone(), "/rust"),
        // Where the sources of the standard library are installed, rustc names them; else the path that they
        // had.
        remap(
            sysroot.join("lib/rustlib/src/rust"),
            &toolchain.standard_library,
        ),
        remap(target_dir.to_owned(), "/target"),
        remap(source.to_owned(), "/source"),
    ];
    remaps.extend(
        toolchain
            .cargo_home
            .clone()
            .map(|home| remap(home, "/cargo")),
    );
    // A manifest may name it by a path of this machine: then it is not the copy that is compiled.
    let outside = outside.iter();
    remaps.extend(outside.map(|it| remap(it.dir.clone(), &format!("/source/{}", it.name))));
    remaps.sort_by_key(|remap| remap.from.components().count());
    remaps
}

/// The arguments that make them.
#[must_use]
pub fn remap_flags(remaps: &[Remap]) -> Vec<String> {
    let flags = remaps.iter();
    flags
        .map(|remap| format!("--remap-path-prefix={}={}", remap.from, remap.to))
        .collect()
}

/// The same for C compilers, whose code may be part of an extension.
#[must_use]
pub fn c_flags(remaps: &[Remap]) -> String {
    let flags = remaps
        .iter()
        .filter(|remap| !remap.from.as_str().contains(char::is_whitespace));
    let flags = flags.map(|remap| format!("-ffile-prefix-map={}={}", remap.from, remap.to));
    flags.collect::<Vec<_>>().join(" ")
}

/// The variable that hands `flags` over.
#[must_use]
pub fn variable(flags: &[String]) -> (&'static str, String) {
    if flags.iter().any(|flag| flag.contains(char::is_whitespace)) {
        (vars::CARGO_ENCODED_RUSTFLAGS, flags.join("\u{1f}"))
    } else {
        (vars::RUSTFLAGS, flags.join(" "))
    }
}

/// `.cargo/config.toml`, as far as it has arguments for rustc.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    build: Section,
    target: std::collections::BTreeMap<String, Section>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Section {
    rustflags: Flags,
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
    fn into_list(self) -> Vec<String> {
        match self {
            Self::Words(words) => words.split_whitespace().map(str::to_owned).collect(),
            Self::List(list) => list,
        }
    }
}

/// The arguments that the project's tracked configuration has for `triple`. What else cargo's configuration
/// says holds for one machine, and a wheel is for all; so the variable is set, before which cargo passes over
/// all of it.
pub fn of_project(source: &Utf8Path, triple: &str) -> Result<Vec<String>, WheelError> {
    let path = source.join(".cargo/config.toml");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = fs_err::read_to_string(&path).map_err(cannot_read(&path))?;
    let mut config = parse(&text).map_err(|source| WheelError::Toml { path, source })?;
    let own = config
        .target
        .remove(triple)
        .map(|section| section.rustflags.into_list());
    let everywhere = config
        .target
        .remove("cfg(all())")
        .map(|section| section.rustflags.into_list());
    let of_target: Vec<_> = own.into_iter().chain(everywhere).flatten().collect();
    // As cargo has it: those of a target replace those of every build.
    Ok(if of_target.is_empty() {
        config.build.rustflags.into_list()
    } else {
        of_target
    })
}

fn parse(text: &str) -> Result<Config, Error> {
    toml_edit::de::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn the_inner_directory_comes_last() {
        let dir = TempDir::new();
        let (target, source) = (dir.path().join("target"), dir.path().join("target/source"));
        fs_err::create_dir_all(&source).unwrap();
        let toolchain = Toolchain::here(dir.path()).unwrap();
        let remaps = remaps(&toolchain, &source, &target, &[]);
        let position =
            |path: &Utf8Path| remaps.iter().position(|remap| remap.from == *path).unwrap();
        assert!(position(&target) < position(&source));
        let flags = remap_flags(&remaps);
        assert!(flags.contains(&format!("--remap-path-prefix={source}=/source")));
        assert!(remaps.iter().any(|remap| remap.to.starts_with("/rustc/")));
    }

    #[test]
    fn a_path_with_a_space_takes_the_other_variable() {
        assert_eq!(
            variable(&["-A".to_owned(), "-B".to_owned()]),
            ("RUSTFLAGS", "-A -B".to_owned())
        );
        let (name, value) = variable(&["-A b".to_owned(), "-B".to_owned()]);
        assert_eq!(
            (name, value.as_str()),
            ("CARGO_ENCODED_RUSTFLAGS", "-A b\u{1f}-B")
        );
    }

    #[test]
    fn the_flags_of_the_project_are_those_that_cargo_would_take() {
        let dir = TempDir::new();
        fs_err::create_dir(dir.path().join(".cargo")).unwrap();
        let write =
            |text: &str| fs_err::write(dir.path().join(".cargo/config.toml"), text).unwrap();
        let flags = || of_project(dir.path(), "x86_64-unknown-linux-gnu").unwrap();
        assert!(flags().is_empty());
        write("[build]\nrustflags = \"--cfg a\"\n");
        assert_eq!(flags(), ["--cfg", "a"]);
        write(
            "[build]\nrustflags = ['-x']\n[target.x86_64-unknown-linux-gnu]\nrustflags = ['-y']\nlinker = 'z'\n",
        );
        assert_eq!(flags(), ["-y"]);
        write("[build\n");
        assert!(
            of_project(dir.path(), "x")
                .unwrap_err()
                .to_string()
                .contains("config.toml")
        );
    }
}
