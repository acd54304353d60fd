//! What becomes of a linker call: a plain function of the call and of what is known of its files.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::call::{LinkCall, Part, args};
use crate::facts::{BUILTINS, Facts, crate_name};
use crate::obstacle::obstacle;
use crate::why::Why;

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
    format: Format,
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
            format: Format::of(call),
            parts,
        }
    }

    /// The arguments by which the library `name` is written to `output`.
    #[must_use]
    pub fn args(&self, output: &Utf8Path, name: &str) -> Vec<String> {
        let (first, last) = (self.whole.first(), self.whole.last());
        let mut parts = vec![Part::Output(output.to_owned())];
        for (index, part) in self.parts.iter().enumerate() {
            if Some(&index) == first {
                parts.extend(self.format.before_whole());
            }
            match part {
                Part::Rlib(rlib) if self.whole.contains(&index) => {
                    parts.push(self.format.whole(rlib));
                }
                Part::Rlib(_) => {}
                other => parts.push(other.clone()),
            }
            if Some(&index) == last {
                parts.extend(self.format.after_whole());
                parts.extend(self.builtins().map(|rlib| Part::Rlib(rlib.to_owned())));
            }
        }
        parts.extend(self.format.named(name));
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

/// The form of a library, on which it depends how a linker is told things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Linux and others.
    Elf,
    /// macOS.
    MachO,
}

impl Format {
    fn of(call: &LinkCall) -> Self {
        if call.has("-dynamiclib") {
            Self::MachO
        } else {
            Self::Elf
        }
    }

    fn before_whole(self) -> Option<Part> {
        (self == Self::Elf).then(|| flag("-Wl,--whole-archive"))
    }

    /// An rlib of which everything is linked.
    fn whole(self, rlib: &Utf8Path) -> Part {
        match self {
            Self::Elf => Part::Rlib(rlib.to_owned()),
            Self::MachO => Part::Flag(format!("-Wl,-force_load,{rlib}")),
        }
    }

    fn after_whole(self) -> Option<Part> {
        (self == Self::Elf).then(|| flag("-Wl,--no-whole-archive"))
    }

    /// By its own names the library means itself: loading is quick, and no name is taken from elsewhere. On
    /// macOS that is always so.
    fn named(self, name: &str) -> Vec<Part> {
        match self {
            Self::Elf => vec![
                flag("-Wl,-Bsymbolic"),
                Part::Flag(format!("-Wl,-soname,{name}")),
            ],
            Self::MachO => vec![Part::Flag(format!("-Wl,-install_name,@rpath/{name}"))],
        }
    }

    /// The library `base`, where the linker may be told to look for static libraries only.
    fn against(self, base: &Utf8Path, is_static: bool) -> Vec<Part> {
        match self {
            Self::Elf => {
                let after = is_static.then(|| flag("-Wl,-Bstatic"));
                [flag("-Wl,-Bdynamic"), flag(base.as_str())]
                    .into_iter()
                    .chain(after)
                    .collect()
            }
            Self::MachO => vec![flag(base.as_str())],
        }
    }

    /// How a run path names the directory of the library that has it.
    fn origin(self) -> &'static str {
        match self {
            Self::Elf => "$ORIGIN",
            Self::MachO => "@loader_path",
        }
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
        "-Wl,-install_name",
        // What a crate hides, and then does not need itself, is to be found when an own crate asks for it.
        "-Wl,--gc-sections",
        "-Wl,-dead_strip",
        "-Wl,-exported_symbol",
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
    format: Format,
}

/// Files that stand in for others.
pub type Instead = BTreeMap<Utf8PathBuf, Utf8PathBuf>;

/// Where the extension finds the base library, by the program that loads it.
#[derive(Debug, Clone, Copy)]
pub struct RunPaths<'a> {
    /// The directory beside the extension, by its name.
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
            format: Format::of(call),
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
        parts.extend(self.format.against(base, self.is_static));
        parts.extend(self.after.iter().cloned());
        for part in &mut parts {
            if let Part::VersionScript(path) | Part::Object(path) = part
                && let Some(other) = instead.get(path)
            {
                path.clone_from(other);
            }
        }
        let beside = format!("{}/{}", self.format.origin(), run_paths.beside);
        for dir in [&beside, run_paths.kept.as_str()] {
            // A directory may have a comma in its name, at which `-Wl` would take it apart.
            parts.extend(["-Xlinker", "-rpath", "-Xlinker", dir].map(flag));
        }
        args(&parts)
    }
}

/// rustc's version script with `more` names among those that the library offers, and without those that the
/// base library offers: unmangled names of third-party crates. `None` if it does not have the form that is
/// known.
#[must_use]
pub fn offering(
    script: &str,
    more: &[String],
    is_in_base: impl Fn(&str) -> bool,
) -> Option<String> {
    let (before, names) = script.split_once("global:")?;
    let (names, after) = names.split_once("local:")?;
    let names = names
        .split(';')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let names = names.filter(|name| !is_in_base(name));
    let names = names.chain(more.iter().map(String::as_str));
    let names: String = names.map(|name| format!("\n    {name};")).collect();
    Some(format!("{before}global:{names}\n\n  local:{after}"))
}

#[cfg(test)]
mod tests;
