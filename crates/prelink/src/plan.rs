//! What becomes of a linker call: a plain function of the call and of what is known of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::call::{LinkCall, Part, args};

/// Below this size of third-party code, in bytes, a link is so quick that nothing is gained.
pub const WORTH_IT_BYTES: u64 = 24 << 20;

/// What is known of a call's files, and of the compiler that makes the call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The arguments of rustc: where all settings of a profile, of the project and of the user come together.
    pub rustc: Vec<String>,
    /// The rlibs that cargo has fetched and those of the toolchain.
    pub fetched: BTreeSet<Utf8PathBuf>,
    /// Their size together, in bytes.
    pub fetched_bytes: u64,
    /// rustc's allocator shim: a small object of each final link, which leads allocations to the allocator of
    /// the standard library, where the crates have none of their own. It goes into the base library: there is
    /// most of what allocates, and what it refers to is hidden in the standard library.
    pub shim: Option<Utf8PathBuf>,
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Third-party crates are linked once, and what is the project's own against that.
    Prelink(Box<Prelink>),
    /// The call is made as it is.
    AsRustcSays {
        /// The reason.
        why: Why,
    },
}

/// The two links that take the place of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prelink {
    /// Of all third-party crates, made once.
    pub base: BaseLink,
    /// Of what is the project's own, made each time.
    pub link: FinalLink,
}

/// Why a call is made as rustc says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It makes a program, or an object.
    NotAnExtension,
    /// There is too little third-party code: its size in bytes.
    Small(u64),
    /// The code is instrumented, or linked by other rules: the flag.
    Flag(String),
    /// rustc's call does not have the form that is known: what is missing.
    Unknown(String),
    /// An own crate uses this name, which a third-party crate keeps to itself.
    Hidden(String),
    /// What all crates put into this section is collected there when they are linked.
    Collected(String),
    /// An own crate and a third-party crate both have this name, and would each use their own.
    Twice(String),
    /// The linker refuses: what it says.
    Refused(String),
    /// Python refuses what was linked: what it says.
    NotImported(String),
    /// A build script links a shared library that only a run path leads to, which maturin adds.
    RunPath,
    /// The base library is not there any more.
    Gone,
}

impl Why {
    /// Whether the user may wonder. That a project is small, or that the user has asked for something that
    /// does not go with it, needs no words.
    #[must_use]
    pub fn is_news(&self) -> bool {
        !matches!(self, Self::NotAnExtension | Self::Small(_) | Self::Flag(_))
    }

    /// Whether another try would end the same way.
    #[must_use]
    pub fn lasts(&self) -> bool {
        *self != Self::Gone
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnExtension => f.write_str("no shared library is linked"),
            Self::Small(bytes) => write!(
                f,
                "{} MB of third-party crates are linked quickly",
                bytes >> 20
            ),
            Self::Flag(flag) => write!(f, "`{flag}` does not go with it"),
            Self::Unknown(what) => write!(f, "rustc links in a way that is not known here: {what}"),
            Self::Hidden(name) => {
                write!(
                    f,
                    "a crate of the project uses `{name}`, which a third-party crate keeps to itself"
                )
            }
            Self::Collected(section) => {
                write!(
                    f,
                    "the section `{section}` is collected from all crates at once, as `linkme` does"
                )
            }
            Self::Twice(name) => {
                write!(
                    f,
                    "a crate of the project and a third-party crate both have `{name}`"
                )
            }
            Self::Refused(says) => write!(f, "the linker refuses: {says}"),
            Self::NotImported(says) => write!(f, "Python refuses the library: {says}"),
            Self::RunPath => {
                f.write_str("a build script links a shared library that only a run path leads to")
            }
            Self::Gone => f.write_str("the library of its third-party crates has been removed"),
        }
    }
}

/// What becomes of `call`.
#[must_use]
pub fn plan(call: &LinkCall, facts: &Facts) -> Plan {
    if let Some(why) = obstacle(call, facts) {
        return Plan::AsRustcSays { why };
    }
    Plan::Prelink(Box::new(Prelink {
        base: BaseLink::of(call, facts),
        link: FinalLink::of(call, facts),
    }))
}

fn obstacle(call: &LinkCall, facts: &Facts) -> Option<Why> {
    if !call.has("-shared") || call.output().is_none() {
        return Some(Why::NotAnExtension);
    }
    let flags = call.flags().find(|flag| is_linker_obstacle(flag));
    let flags = flags
        .map(str::to_owned)
        .or_else(|| compiler_obstacle(&facts.rustc));
    if let Some(flag) = flags {
        return Some(Why::Flag(flag));
    }
    if facts.fetched_bytes < WORTH_IT_BYTES {
        return Some(Why::Small(facts.fetched_bytes));
    }
    let missing = |what: &str| Some(Why::Unknown(format!("there is no {what}")));
    if !facts
        .fetched
        .iter()
        .any(|rlib| crate_name(rlib) == BUILTINS)
    {
        return missing(BUILTINS);
    }
    if !call
        .parts
        .iter()
        .any(|part| matches!(part, Part::VersionScript(_)))
    {
        return missing("version script");
    }
    if facts.shim.is_none() {
        return missing("allocator shim");
    }
    None
}

/// Flags of the linker by which code is instrumented, taken from another place than the rlibs, or hidden.
fn is_linker_obstacle(flag: &str) -> bool {
    let starts = [
        "-fsanitize",
        "-flto",
        "-fprofile",
        "--coverage",
        "-Wl,-plugin",
        "-Wl,--plugin",
        "-Wl,--exclude-libs",
        "-static",
        "-Wl,-r",
        "-Wl,--dynamic-list",
        "-Wl,--export-dynamic-symbol",
    ];
    // A library without a symbol table cannot be checked.
    let strips = [
        "-Wl,--strip-all",
        "-Wl,-s",
        "-s",
        "-Wl,--retain-symbols-file",
    ];
    let is_run_path = flag.starts_with("-Wl,-rpath");
    !is_run_path && starts.iter().any(|start| flag.starts_with(start)) || strips.contains(&flag)
}

/// The argument of rustc for which all code has to be linked at once.
fn compiler_obstacle(args: &[String]) -> Option<String> {
    let values = args.iter().zip(args.iter().skip(1));
    let separate =
        values.filter(|(flag, _)| *flag == "-C" || *flag == "-Z" || *flag == "--codegen");
    let separate = separate.map(|(_, value)| value.as_str());
    let joined = args
        .iter()
        .filter_map(|arg| arg.strip_prefix("-C").or(arg.strip_prefix("-Z")));
    let mut options = separate.chain(joined);
    let is_obstacle = |option: &&str| {
        let (name, value) = option.split_once('=').unwrap_or((option, "yes"));
        let is_off = ["off", "no", "n", "false", "0"].contains(&value);
        match name {
            "lto" | "instrument-coverage" | "linker-plugin-lto" => !is_off,
            "profile-generate" | "sanitizer" | "instrument-xray" | "instrument-mcount" => !is_off,
            "split-debuginfo" => value == "packed",
            "prefer-dynamic" => !is_off,
            "strip" => value == "symbols",
            _ => false,
        }
    };
    let found = options.find(is_obstacle);
    found.map(|option| format!("-C {option}"))
}

const BUILTINS: &str = "compiler_builtins";

/// The name of the crate in the file name of its rlib, `lib{name}-{hash}.rlib`.
fn crate_name(rlib: &Utf8Path) -> &str {
    let stem = rlib.file_stem().unwrap_or_default();
    let name = stem.strip_prefix("lib").unwrap_or(stem);
    name.rsplit_once('-').map_or(name, |(name, _)| name)
}

/// Whether an rlib goes whole into the base library. What the compiler's own helpers offer is hidden, so both
/// libraries take of them what they need.
fn is_whole(facts: &Facts, rlib: &Utf8Path) -> bool {
    facts.fetched.contains(rlib) && crate_name(rlib) != BUILTINS
}

/// Links all third-party crates into one shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseLink {
    /// What is left of rustc's call.
    parts: Vec<Part>,
    /// Where the rlibs stand that go in whole.
    whole: BTreeSet<usize>,
}

impl BaseLink {
    fn of(call: &LinkCall, facts: &Facts) -> Self {
        let is_kept = |part: &&Part| match part {
            Part::Object(path) => facts.shim.as_ref() == Some(path),
            Part::Rlib(path) => facts.fetched.contains(path),
            Part::VersionScript(_) | Part::Output(_) => false,
            Part::Search(_) | Part::Library(_) => true,
            Part::Flag(flag) => !concerns_the_extension(flag),
        };
        let parts: Vec<_> = call.parts.iter().filter(is_kept).cloned().collect();
        let is_whole = |part: &Part| matches!(part, Part::Rlib(rlib) if is_whole(facts, rlib));
        let whole = parts.iter().enumerate().filter(|(_, part)| is_whole(part));
        Self {
            whole: whole.map(|(index, _)| index).collect(),
            parts,
        }
    }

    /// The arguments by which the library `name` is written to `output`.
    #[must_use]
    pub fn args(&self, output: &Utf8Path, name: &str) -> Vec<String> {
        let (first, last) = (self.whole.first(), self.whole.last());
        let mut parts = vec![Part::Output(output.to_owned())];
        for (index, part) in self.parts.iter().enumerate() {
            let is_rlib = matches!(part, Part::Rlib(_));
            if Some(&index) == first {
                parts.push(flag("-Wl,--whole-archive"));
            }
            if !is_rlib || self.whole.contains(&index) {
                parts.push(part.clone());
            }
            if Some(&index) == last {
                parts.push(flag("-Wl,--no-whole-archive"));
                parts.extend(self.builtins().map(|rlib| Part::Rlib(rlib.to_owned())));
            }
        }
        // By its own names it means itself: loading is quick, and no name is taken from elsewhere.
        parts.extend([
            flag("-Wl,-Bsymbolic"),
            Part::Flag(format!("-Wl,-soname,{name}")),
        ]);
        args(&parts)
    }

    fn builtins(&self) -> impl Iterator<Item = &Utf8Path> {
        self.rlibs().filter(|rlib| crate_name(rlib) == BUILTINS)
    }

    /// The rlibs that it is made of.
    pub fn rlibs(&self) -> impl Iterator<Item = &Utf8Path> {
        self.parts.iter().filter_map(|part| match part {
            Part::Rlib(path) => Some(path.as_path()),
            _ => None,
        })
    }

    /// The libraries of other languages, and the directories where they are looked for.
    #[must_use]
    pub fn libraries(&self) -> (Vec<&str>, Vec<&Utf8Path>) {
        let names = self.parts.iter().filter_map(|part| match part {
            Part::Library(name) => Some(name.as_str()),
            _ => None,
        });
        let dirs = self.parts.iter().filter_map(|part| match part {
            Part::Search(dir) => Some(dir.as_path()),
            _ => None,
        });
        (names.collect(), dirs.collect())
    }

    /// What decides the library beside the content of its files: the order, and everything that the linker is
    /// told.
    #[must_use]
    pub fn recipe(&self) -> String {
        let parts = self.parts.iter().filter_map(|part| match part {
            Part::Rlib(rlib) => rlib.file_name().map(str::to_owned),
            Part::Library(name) => Some(format!("-l{name}")),
            Part::Flag(flag) => Some(flag.clone()),
            _ => None,
        });
        parts.collect::<Vec<_>>().join("\n")
    }
}

/// Arguments that are for the extension alone.
fn concerns_the_extension(flag: &str) -> bool {
    let starts = [
        "-Wl,--no-undefined-version",
        "-Wl,-soname",
        "-Wl,--soname",
        "-Wl,-h,",
        "-Wl,-Map",
        "-Wl,--Map",
        "-Wl,--build-id",
        "-Wl,--no-undefined",
        "-Wl,-z,defs",
    ];
    starts.iter().any(|start| flag.starts_with(start))
}

fn flag(text: &str) -> Part {
    Part::Flag(text.to_owned())
}

/// Links what is the project's own against the base library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalLink {
    /// Before the place of the base library.
    before: Vec<Part>,
    /// After it.
    after: Vec<Part>,
    /// Whether the linker is to look for static libraries only, at that place.
    is_static: bool,
}

/// Files that stand in for others.
pub type Instead = BTreeMap<Utf8PathBuf, Utf8PathBuf>;

/// Where the extension finds the base library, by the program that loads it.
#[derive(Debug, Clone, Copy)]
pub struct RunPaths<'a> {
    /// The directory beside the extension.
    pub beside: &'a str,
    /// The directory where it is kept.
    pub kept: &'a Utf8Path,
}

impl FinalLink {
    fn of(call: &LinkCall, facts: &Facts) -> Self {
        let mut link = Self {
            before: Vec::new(),
            after: Vec::new(),
            is_static: false,
        };
        let mut has_base = false;
        for part in &call.parts {
            match part {
                Part::Rlib(rlib) if is_whole(facts, rlib) => has_base = true,
                Part::Object(path) if facts.shim.as_ref() == Some(path) => {}
                Part::Flag(flag) if !has_base && flag.starts_with("-Wl,-B") => {
                    link.is_static = flag == "-Wl,-Bstatic";
                    link.before.push(part.clone());
                }
                _ if has_base => link.after.push(part.clone()),
                _ => link.before.push(part.clone()),
            }
        }
        link
    }

    /// The file that names what the library offers.
    #[must_use]
    pub fn version_script(&self) -> Option<&Utf8Path> {
        let parts = self.before.iter().chain(&self.after);
        parts.into_iter().find_map(|part| match part {
            Part::VersionScript(path) => Some(path.as_path()),
            _ => None,
        })
    }

    /// The objects, among which the one may be that has the allocator.
    pub fn objects(&self) -> impl Iterator<Item = &Utf8Path> {
        let parts = self.before.iter().chain(&self.after);
        parts.filter_map(|part| match part {
            Part::Object(path) => Some(path.as_path()),
            _ => None,
        })
    }

    /// The arguments, with the library `base`, which is found again by `run_paths`, and with what stands in
    /// for some of the files.
    #[must_use]
    pub fn args(&self, base: &Utf8Path, run_paths: RunPaths<'_>, instead: &Instead) -> Vec<String> {
        let mut parts = self.before.clone();
        parts.extend([flag("-Wl,-Bdynamic"), flag(base.as_str())]);
        parts.extend(self.is_static.then(|| flag("-Wl,-Bstatic")));
        parts.extend(self.after.iter().cloned());
        for part in &mut parts {
            if let Part::VersionScript(path) | Part::Object(path) = part
                && let Some(other) = instead.get(path)
            {
                path.clone_from(other);
            }
        }
        let RunPaths { beside, kept } = run_paths;
        for dir in [beside, kept.as_str()] {
            // A directory may have a comma in its name, at which `-Wl` would take it apart.
            parts.extend(["-Xlinker", "-rpath", "-Xlinker", dir].map(flag));
        }
        args(&parts)
    }
}

/// rustc's version script with `names` among those that the library offers. `None` if it does not have the
/// form that is known.
#[must_use]
pub fn offering(script: &str, names: &[String]) -> Option<String> {
    let (before, after) = script.split_once("global:")?;
    let names: String = names.iter().map(|name| format!("\n    {name};")).collect();
    Some(format!("{before}global:{names}{after}"))
}

#[cfg(test)]
mod tests;
