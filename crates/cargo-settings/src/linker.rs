//! Which linker to use. Linking is what an edit waits for; but a linker is no gain where rustc brings a fast
//! one.

use crate::layers::{Layers, Origin, Setting};
use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use processes::{Invocation, RunError};
use python_tools::tools;
use serde_json::Value;

/// The linkers that a C compiler can be told to use, the fastest first.
const KNOWN: [&str; 3] = ["wild", "mold", "lld"];

/// Those that come with every compiler, and that nobody chooses for their speed. They are there to be
/// compared with.
const SYSTEMS: [&str; 2] = ["gold", "bfd"];

/// The target for which rustc uses the lld that it brings along, since 1.90. Against it, mold 1.10 gains
/// nothing in the edit loop of this repository's extension (docs/rust-build-optimization.md).
const HAS_ITS_OWN: &str = "x86_64-unknown-linux-gnu";

/// The linker that is configured for this machine, by a variable or a file. What `rustflags` say of one is
/// not known here: they are for rustc.
#[must_use]
pub fn configured(config: &Layers) -> Option<String> {
    let arch = std::env::consts::ARCH;
    let targets = ["gnu", "musl"].map(|abi| format!("{arch}-unknown-linux-{abi}"));
    let mut configured = targets
        .iter()
        .filter_map(|target| configured_for(config, target));
    configured.next().map(|setting| setting.value)
}

/// The linker that is configured for `target`.
#[must_use]
pub fn configured_for(config: &Layers, target: &str) -> Option<Setting> {
    let variable = target.to_uppercase().replace(['-', '.'], "_");
    let given =
        environment::cargo_env::environment().remove(&format!("CARGO_TARGET_{variable}_LINKER"));
    let given = given.map(|value| Setting {
        value,
        origin: Origin::Environment,
    });
    given.or_else(|| config.string(&["target", target, "linker"]))
}

/// The program that cargo, started in `root`, calls for the linker `setting`. A path in a file is relative to
/// the directory that its `.cargo` lies in.
#[must_use]
pub fn program(setting: &Setting, root: &Utf8Path) -> Utf8PathBuf {
    let base = match &setting.origin {
        _ if !setting.value.contains('/') => return (&setting.value).into(),
        Origin::File(path) => path.ancestors().nth(2).unwrap_or(root),
        _ => root,
    };
    base.join(&setting.value)
}

/// The linkers that flags for rustc have the C compiler use, each by the file or variable that holds them.
/// Of flags only those count that cargo takes: of a variable, else for the target, else for all.
#[must_use]
pub fn named_in_flags(config: &Layers, host: &str) -> Vec<Setting> {
    let environment = environment::cargo_env::environment();
    let variables = [vars::CARGO_ENCODED_RUSTFLAGS, vars::RUSTFLAGS];
    let mut set = variables
        .into_iter()
        .filter_map(|name| Some((name, environment.get(name)?)));
    if let Some((name, flags)) = set.next() {
        let linker = linker_in(flags).map(|value| Setting {
            value,
            origin: Origin::Variable(name),
        });
        return linker.into_iter().collect();
    }
    named_in_files(config, host)
}

fn named_in_files(config: &Layers, host: &str) -> Vec<Setting> {
    let mut found = Vec::new();
    for (path, file) in config.files() {
        let value: Value = toml_edit::de::from_str(file.text()).unwrap_or_default();
        let targets = value.get("target").and_then(Value::as_object);
        let targets = targets.into_iter().flatten();
        let own = targets.filter_map(|(name, section)| match is_for(name, host) {
            Some(false) => None,
            is_certain => Some((true, is_certain.is_some(), section)),
        });
        let sections = own.chain(value.get("build").map(|section| (false, true, section)));
        for (is_of_target, is_certain, section) in sections {
            if let Some(flags) = section.get("rustflags") {
                // Flags that perhaps count have no linker, and those for all perhaps do not count.
                let linker = linker_in(&flags.to_string()).filter(|_| is_certain);
                found.push((is_of_target, path.to_owned(), linker));
            }
        }
    }
    let counts = found.iter().any(|(is_of_target, ..)| *is_of_target);
    let counting = found.into_iter().filter(|it| it.0 == counts);
    let named = counting.filter_map(|(_, path, linker)| {
        let origin = Origin::File(path);
        linker.map(|value| Setting { value, origin })
    });
    named.collect()
}

/// Whether the table `target.NAME` is for `host`; `None` where its condition is not understood here.
fn is_for(name: &str, host: &str) -> Option<bool> {
    let Some(condition) = name
        .strip_prefix("cfg(")
        .and_then(|it| it.strip_suffix(')'))
    else {
        return Some(name == host);
    };
    let system = match host {
        _ if host.contains("windows") => "windows",
        _ if host.contains("apple-darwin") => "macos",
        _ if host.contains("-linux-") && !host.contains("android") => "linux",
        _ => return None,
    };
    match condition.trim() {
        "unix" => Some(system != "windows"),
        "windows" => Some(system == "windows"),
        condition => {
            let value = condition
                .strip_prefix("target_os")?
                .trim_start()
                .strip_prefix('=')?;
            let named = value.trim_start().strip_prefix('"')?.strip_suffix('"')?;
            Some(named == system).filter(|_| !named.contains('"'))
        }
    }
}

/// What follows `-fuse-ld=` in flags.
fn linker_in(flags: &str) -> Option<String> {
    let (_, after) = flags.split_once("-fuse-ld=")?;
    let ends = |c: char| c.is_whitespace() || c == '"' || c == '\u{1f}' || c == ',';
    after.split(ends).next().map(str::to_owned)
}

/// A choice of linker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linker {
    /// The triple that is compiled for.
    pub target: String,
    /// What the C compiler is to be told. `None`: nothing.
    pub name: Option<String>,
    /// Why it is told nothing.
    pub reason: String,
}

/// The linkers of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linkers {
    /// The triple that is compiled for.
    pub target: String,
    /// What is used where nothing is said.
    pub own: &'static str,
    /// What the C compiler can be told to use instead, each having linked a small program.
    pub others: Vec<&'static str>,
}

impl Linkers {
    /// Tries all that are installed.
    pub fn look(root: &Utf8Path) -> Result<Self, LinkerError> {
        let target = Self::host(root)?;
        let has_its_own = target == HAS_ITS_OWN;
        let known = KNOWN.into_iter().chain(SYSTEMS);
        // Where rustc names the directory of its own lld, `lld` is that one.
        let other = known.filter(|name| !(has_its_own && *name == "lld"));
        let is_chosen_by_name = target.contains("linux");
        let installed = other.filter(|name| is_chosen_by_name && is_installed(name));
        Ok(Self {
            others: installed.filter(|name| links(root, name)).collect(),
            own: own(&target),
            target,
        })
    }

    /// The triple that rustc compiles for in `root` where nothing is said.
    pub fn host(root: &Utf8Path) -> Result<String, LinkerError> {
        let printed = Invocation::new("rustc").arg("-vV").cwd(root).read();
        let printed = printed.map_err(LinkerError::Rustc)?;
        let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(host.unwrap_or_default().to_owned())
    }
}

/// What links for `target` where nothing is said.
#[must_use]
pub fn own(target: &str) -> &'static str {
    if target == HAS_ITS_OWN {
        "rust-lld"
    } else {
        "the system's"
    }
}

/// The compiler cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum LinkerError {
    /// It does not run.
    #[error("cannot ask rustc for the platform it compiles for")]
    Rustc(#[source] RunError),
}

impl Linker {
    /// The fastest linker that is installed and links a small program, where rustc has none of its own.
    pub fn choose(root: &Utf8Path) -> Result<Self, LinkerError> {
        let target = Linkers::host(root)?;
        let none = |reason: &str| Self {
            target: target.clone(),
            name: None,
            reason: reason.to_owned(),
        };
        if target == HAS_ITS_OWN {
            return Ok(none(
                "lld, which comes with the toolchain; `cargo xtask tune` tells whether another gains anything",
            ));
        }
        if !target.contains("linux") {
            return Ok(none("the system's own"));
        }
        let installed = KNOWN.into_iter().filter(|name| is_installed(name));
        let works = installed.into_iter().find(|name| links(root, name));
        Ok(match works {
            Some(name) => Self {
                name: Some(name.to_owned()),
                ..none("")
            },
            None => none("the system's own; mold would be faster: `apt install mold`"),
        })
    }
}

/// Whether the linker `name`, as `-fuse-ld` takes it, is on this machine: a name, or the path of a program.
#[must_use]
pub fn is_installed(name: &str) -> bool {
    if name.contains('/') {
        return Utf8Path::new(name).is_file();
    }
    tools::find(&format!("ld.{name}")).is_some() || tools::find(name).is_some()
}

/// Whether a small program can be linked with it, and runs.
fn links(root: &Utf8Path, name: &str) -> bool {
    let Ok(dir) = tempfile::tempdir() else {
        return false;
    };
    let Some(dir) = Utf8Path::from_path(dir.path()) else {
        return false;
    };
    let (source, program) = (dir.join("small.rs"), dir.join("small"));
    let linked = fs_err::write(&source, "fn main() {}\n").is_ok()
        && Invocation::new("rustc")
            .args(["-C", &format!("link-arg=-fuse-ld={name}")])
            .args(["-o", program.as_str(), source.as_str()])
            .cwd(root)
            .read()
            .is_ok();
    linked && Invocation::new(program).read().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_links_is_taken() {
        let dir = testkit::TempDir::new();
        assert!(!links(dir.path(), "no-such-linker"));
        assert!(links(dir.path(), "bfd"), "every C compiler has it");
    }

    #[test]
    fn what_is_offered_links() {
        let dir = testkit::TempDir::new();
        let linkers = Linkers::look(dir.path()).unwrap();
        if linkers.target.contains("linux") {
            assert!(linkers.others.contains(&"bfd"), "{linkers:?}");
        }
        assert!(!(linkers.own == "rust-lld" && linkers.others.contains(&"lld")));
    }

    #[test]
    fn the_host_is_a_triple() {
        let dir = testkit::TempDir::new();
        assert!(Linkers::host(dir.path()).unwrap().split('-').count() >= 3);
    }

    #[test]
    fn the_linker_of_one_target_is_no_others_and_a_path_is_where_cargo_takes_it() {
        let fixture = testkit::Fixture::new();
        let root = fixture.root();
        let (gnu, musl) = (
            "riscv64gc-unknown-linux-gnu",
            "riscv64gc-unknown-linux-musl",
        );
        let called = |text: &str, target: &str| {
            fixture.write(".cargo/config.toml", text);
            let layers = Layers::read(&root.join("below")).unwrap();
            let setting = configured_for(&layers, target)?;
            Some(program(&setting, &root.join("below")))
        };
        for (linker, expected) in [
            ("clang", "clang".into()),
            ("/opt/ld", "/opt/ld".into()),
            ("tools/ld.sh", root.join("tools/ld.sh")),
        ] {
            let text = format!("[target.{musl}]\nlinker = '{linker}'\n");
            assert_eq!(called(&text, musl), Some(expected));
            assert_eq!(called(&text, gnu), None);
        }
    }

    #[test]
    fn the_linker_that_flags_name_is_found_where_it_counts() {
        let fixture = testkit::Fixture::new();
        let named = |text: &str| {
            fixture.write(".cargo/config.toml", text);
            let layers = Layers::read(&fixture.root()).unwrap();
            let named = named_in_files(&layers, "x86_64-unknown-linux-gnu");
            named.into_iter().map(|it| it.value).collect::<Vec<_>>()
        };
        for (text, expected) in [
            (
                "[build]\nrustflags = '-C link-arg=-fuse-ld=mold -C x'",
                &["mold"][..],
            ),
            (
                "[target.x86_64-unknown-linux-gnu]\nrustflags = ['-C', 'link-arg=-fuse-ld=/opt/wild']",
                &["/opt/wild"],
            ),
            (
                "[target.'cfg(unix)']\nrustflags = ['-Clink-arg=-fuse-ld=lld']",
                &["lld"],
            ),
            (
                "[target.aarch64-apple-darwin]\nrustflags = ['-Clink-arg=-fuse-ld=lld']",
                &[],
            ),
            (
                "[build]\nrustflags = '-Clink-arg=-fuse-ld=mold'\n[target.'cfg(unix)']\nrustflags = ['-Cx']",
                &[],
            ),
            (
                "[target.'cfg(windows)']\nrustflags = ['-Clink-arg=-fuse-ld=lld']",
                &[],
            ),
            (
                "[target.'cfg(target_os = \"linux\")']\nrustflags = ['-Clink-arg=-fuse-ld=lld']",
                &["lld"],
            ),
            (
                "[target.'cfg(target_os=\"macos\")']\nrustflags = ['-Clink-arg=-fuse-ld=lld']\n[build]\nrustflags = '-Clink-arg=-fuse-ld=mold'",
                &["mold"],
            ),
            (
                "[target.'cfg(all(unix, windows))']\nrustflags = ['-Clink-arg=-fuse-ld=lld']\n[build]\nrustflags = '-Clink-arg=-fuse-ld=mold'",
                &[],
            ),
            ("[build]\njobs = 1", &[]),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
        assert!(!is_installed("/no/such/linker") && !is_installed("no-such-linker"));
    }
}
