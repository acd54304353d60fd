//! Why a unit was compiled, and what cures it, in words.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

/// What a root cause is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// A source of a path crate has changed.
    Edit { file: String },
    /// It was not built here before.
    New,
    /// The extension alone got other arguments for rustc, as with `--no-prelink`.
    Arguments,
    /// rustc gets other flags.
    Flags {
        old: Vec<String>,
        new: Vec<String>,
        by: By,
    },
    /// Variables of pyo3 have other values.
    Python {
        changes: BTreeSet<String>,
        are_shared: bool,
    },
    /// Another variable has another value. It is not shown: it may be a secret.
    Variable { name: String, reader: &'static str },
    /// Crates have other features: `leaf/extra`.
    Features {
        added: BTreeSet<String>,
        removed: BTreeSet<String>,
    },
    /// Settings of the profile, where they are known: `profile.dev.debug was 1, is 0`.
    Profile { changes: BTreeSet<String> },
    /// Another compiler, by what it says of itself, where that is known.
    Toolchain {
        old: Option<String>,
        new: Option<String>,
    },
    /// Another program is called in the place of rustc for crates of the workspace.
    Wrapper,
    /// Cargo.lock has other versions: `libc 0.2.2 (before, 0.2.1)`.
    Versions { changes: BTreeSet<String> },
    /// A build script names a file or a directory that is not there.
    MissingInput {
        package: String,
        path: String,
        is_path_crate: bool,
    },
    /// A build script names none of its inputs, and a file of the package has changed.
    Undeclared { package: String, file: String },
    /// A file has changed that a third-party build script names.
    Input { package: String, file: String },
    /// A source is newer than now.
    Future { file: String },
    /// A checkout that has the same build directory has built there.
    OtherCheckout { dir: Utf8PathBuf },
    /// It is made with other builds of these libraries, which were there.
    OtherBuilds { names: BTreeSet<String> },
    /// These are the same as before, and were built once more in between.
    Remade { names: BTreeSet<String> },
    /// What was built is gone.
    Removed,
    /// It was made as other kinds of library, by `--crate-type`.
    CrateTypes,
    /// Cargo.toml says something else of a library or a build script.
    Manifest,
    /// The source of a third-party crate lies elsewhere.
    Moved,
    /// cargo's settings or the platform.
    Settings { files: BTreeSet<String> },
    /// cargo has compiled it for none of these.
    Unknown,
}

/// Where other flags come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    /// A variable of the environment, which has changed or is new.
    Variable(String),
    /// Two files of which each call of cargo reads one.
    Files(String, String),
    /// A file that only some calls of cargo read.
    OnlySome(String),
    /// A file that has changed.
    File(String),
    /// Nobody knows.
    Unknown,
}

impl Cause {
    /// Whether it is what a user expects: the edit itself, or a first build.
    pub(crate) fn is_expected(&self) -> bool {
        matches!(self, Self::Edit { .. } | Self::New | Self::Arguments)
    }

    /// Whether each build tells it anyway: of every path that its own crates name and that is missing.
    pub(crate) fn is_said_anyway(&self) -> bool {
        matches!(
            self,
            Self::MissingInput {
                is_path_crate: true,
                ..
            }
        )
    }

    /// This and `other` as one, if they are of the same kind and tell of several things at once.
    pub(crate) fn merged(&self, other: &Self) -> Option<Self> {
        let both = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.union(b).cloned().collect();
        match (self, other) {
            _ if self == other => Some(self.clone()),
            (
                Self::Python {
                    changes,
                    are_shared,
                },
                Self::Python { changes: more, .. },
            ) => Some(Self::Python {
                changes: both(changes, more),
                are_shared: *are_shared,
            }),
            (
                Self::Features { added, removed },
                Self::Features {
                    added: more,
                    removed: fewer,
                },
            ) => Some(Self::Features {
                added: both(added, more),
                removed: both(removed, fewer),
            }),
            (Self::Versions { changes }, Self::Versions { changes: more }) => {
                let changes = both(changes, more);
                Some(Self::Versions { changes })
            }
            // Flags of one crate alone come from its package's settings, or from a platform's.
            (Self::Flags { .. }, Self::Flags { .. }) => Some(self.clone()),
            _ => None,
        }
    }

    /// The cause, as a sentence without its subject.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Edit { file } => format!("{file} has changed"),
            Self::New => "not built here before".to_owned(),
            Self::Arguments => "the extension is linked with other arguments".to_owned(),
            Self::Flags { old, new, by } => flags(old, new, by),
            Self::Variable { name, reader } => {
                format!("the variable {name} has changed, which {reader}")
            }
            Self::Features { added, removed } => features(added, removed),
            Self::Profile { changes } if changes.is_empty() => {
                "settings of the profile have changed".to_owned()
            }
            Self::Python { changes, .. } | Self::Profile { changes } => joined(changes, "; "),
            Self::Toolchain { old, new } => toolchain(old.as_deref(), new.as_deref()),
            Self::Wrapper => "RUSTC_WORKSPACE_WRAPPER has changed".to_owned(),
            Self::Versions { changes } => format!("Cargo.lock has {}", listed(changes)),
            Self::MissingInput { package, path, .. } => {
                format!("the build script of {package} names {path}, which is not there")
            }
            Self::Undeclared { package, file } => {
                format!("{file} has changed, and the build script of {package} declares no inputs")
            }
            Self::Input { package, file } => {
                format!("{file} has changed, which the build script of {package} names")
            }
            Self::Future { file } => {
                format!("{file} has a time in the future, so cargo takes it for newer each time")
            }
            Self::OtherCheckout { dir } => {
                format!("another checkout has built into {dir} since")
            }
            Self::OtherBuilds { names } => {
                format!(
                    "made with another build of {} that was there",
                    listed(names)
                )
            }
            Self::Remade { names } => {
                format!("made with {}, built once more since", listed(names))
            }
            Self::Removed => "what was built of it is gone, as after `cargo clean -p`".to_owned(),
            Self::CrateTypes => {
                "it was made as other kinds of library, by `--crate-type`".to_owned()
            }
            Self::Manifest => "Cargo.toml says something else of its library".to_owned(),
            Self::Moved => "its source lies in another directory than before".to_owned(),
            Self::Settings { files } if files.is_empty() => {
                "cargo's settings have changed".to_owned()
            }
            Self::Settings { files } => format!("{} changed", listed(files)),
            Self::Unknown => "for a cause that only cargo knows".to_owned(),
        }
    }

    /// What cures it, if anything is to be cured.
    pub(crate) fn cure(&self) -> Option<String> {
        let text = match self {
            Self::Edit { .. }
            | Self::New
            | Self::Manifest
            | Self::OtherBuilds { .. }
            | Self::Remade { .. } => return None,
            Self::CrateTypes => {
                "`crate-type = [\"cdylib\"]` under [lib] is what maturin asks for; what needs a Rust library of it, such as its tests, can have a crate of its own"
            }
            Self::Arguments => {
                "`prelink = false` under [workspace.metadata.xtask] has `dev` link as all others do; its edits then take longer"
            }
            Self::Flags { by, .. } => cure_of_flags(by),
            Self::Python { changes, .. } if is_another_path(changes) => {
                "build with the stable ABI (pyo3's feature `abi3-py3…`), which reads no path; without it `use-base-python = true` under [tool.maturin] has uv and pip name the Python that `dev` names, and `maturin develop` names another one"
            }
            Self::Python {
                are_shared: true,
                changes,
            } if changes.iter().any(|it| it.contains(" not set")) => {
                "`cargo xtask dev` writes these variables to .cargo/config.local.toml: run it before an editor or cargo builds"
            }
            Self::Python {
                are_shared: true, ..
            } => {
                "build for one Python at a time; another environment with the same Python shares what is compiled"
            }
            Self::Python { .. } => {
                "let every cargo read the variables of this build: `include = [{ path = \"config.local.toml\", optional = true }]` in .cargo/config.toml"
            }
            Self::Variable { .. } => {
                "give it the same value in every shell and editor, or set it in `[env]` of .cargo/config.toml"
            }
            Self::Features { .. } => {
                "build with the same options each time; a feature that every build needs can stand in Cargo.toml"
            }
            Self::Profile { .. } => {
                "settings for few crates can stand in `[profile.dev.package.NAME]`, which leaves the others compiled"
            }
            Self::Toolchain { .. } => {
                "name one toolchain for all in rust-toolchain.toml, for the editor as well"
            }
            Self::Wrapper => {
                "set it for every call of cargo or for none, and give a tool that needs it a target directory of its own"
            }
            Self::Versions { .. } => "`--locked` keeps Cargo.lock as it is",
            Self::MissingInput { .. } => {
                "make the file, or take its `rerun-if-changed` out of the build script"
            }
            Self::Undeclared { .. } => {
                "have the build script print `cargo::rerun-if-changed=FILE` for each file that it reads; `build.rs` if it reads none"
            }
            Self::Input { .. } => {
                "have whatever writes that file leave it alone where nothing changes"
            }
            Self::Future { file } => {
                return Some(format!("`touch {file}`, and set the clock right"));
            }
            Self::OtherCheckout { .. } => {
                "give each checkout a target directory of its own, by CARGO_TARGET_DIR or `build.target-dir`"
            }
            Self::Removed => "keep whatever clears up the target directory from what is in use",
            Self::Moved => "use one CARGO_HOME for every build",
            Self::Settings { .. } => {
                "keep the settings in one .cargo/config.toml that every call of cargo reads"
            }
            Self::Unknown => {
                "`CARGO_LOG=cargo::core::compiler::fingerprint=info cargo build` has cargo tell more the next time"
            }
        };
        Some(text.to_owned())
    }
}

/// Whether the same Python is named by another path. Of another Python more than that would differ.
fn is_another_path(changes: &BTreeSet<String>) -> bool {
    let is_path = |it: &String| it.starts_with("PYO3_PYTHON is /") && it.contains(", and was /");
    changes.iter().all(is_path)
}

fn flags(old: &[String], new: &[String], by: &By) -> String {
    let quoted = |flags: &[String]| match flags {
        [] => "none".to_owned(),
        flags => format!("`{}`", flags.join(" ")),
    };
    let (old, new) = (quoted(old), quoted(new));
    match by {
        By::Variable(name) => {
            format!("the variable {name} gives rustc other flags: {new}, before {old}")
        }
        By::Files(one, other) => format!("RUSTFLAGS differ between {one} and {other}"),
        By::OnlySome(file) => format!("only some calls of cargo read the RUSTFLAGS in {file}"),
        By::File(file) => format!("{file} gives rustc other flags: {new}, before {old}"),
        By::Unknown => format!("rustc gets other flags: {new}, before {old}"),
    }
}

fn cure_of_flags(by: &By) -> &'static str {
    match by {
        By::Files(..) | By::OnlySome(_) => "keep them in one file that both directories read",
        By::Variable(_) => {
            "have the same flags in every shell and editor: `rustflags` under [build] in .cargo/config.toml holds for all"
        }
        By::File(_) | By::Unknown => {
            "have the same flags for every call of cargo; each set of flags is compiled once and kept"
        }
    }
}

fn features(added: &BTreeSet<String>, removed: &BTreeSet<String>) -> String {
    let with = (!added.is_empty()).then(|| format!("with {}", listed(added)));
    let without = (!removed.is_empty()).then(|| format!("without {}", listed(removed)));
    let parts: Vec<_> = with.into_iter().chain(without).collect();
    format!("other features: now {}", parts.join(", and "))
}

fn toolchain(old: Option<&str>, new: Option<&str>) -> String {
    match (old, new) {
        (Some(old), Some(new)) if old != new => format!("another toolchain: {new}, before {old}"),
        (_, Some(new)) => format!("another toolchain: {new}"),
        (_, None) => "another toolchain".to_owned(),
    }
}

/// How many of a list are named.
const SHOWN: usize = 4;

fn listed(items: &BTreeSet<String>) -> String {
    joined(items, ", ")
}

fn joined(items: &BTreeSet<String>, between: &str) -> String {
    let shown: Vec<_> = items.iter().take(SHOWN).map(String::as_str).collect();
    match items.len().saturating_sub(SHOWN) {
        0 => shown.join(between),
        more => format!("{} and {more} more", shown.join(between)),
    }
}
