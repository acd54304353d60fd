//! What holds for every operation on every file: applied again it changes nothing, it only adds to the text,
//! and taken back it leaves the file as it was, to the byte.
#![allow(dead_code, reason = "each test file uses a part of it")]

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::{CargoConfig, CargoManifest, Change, EditError, Owner, PyprojectFile};
use testkit::TempDir;

pub(crate) const BY: Owner = Owner("cargo xtask sccache");
pub(crate) const OTHER: Owner = Owner("cargo xtask tune");
pub(crate) const LOCAL: &str = "config.local.toml";

/// An operation, and the kind of file that it is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) edit: Edit,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit {
    Config(fn(&mut CargoConfig, Owner) -> Result<(), EditError>),
    Pyproject(fn(&mut PyprojectFile, Owner) -> Result<(), EditError>),
    Manifest(fn(&mut CargoManifest, Owner) -> Result<(), EditError>),
}

pub(crate) const INCLUDE: Operation = Operation {
    name: "include",
    edit: Edit::Config(|config, by| config.include_local_config(LOCAL, by)),
};
pub(crate) const WRAPPER: Operation = Operation {
    name: "wrapper",
    edit: Edit::Config(|config, by| config.set_rustc_wrapper("/p/sccache", by)),
};
pub(crate) const ENV: Operation = Operation {
    name: "env",
    edit: Edit::Config(|config, by| config.set_env("A", "1", by)),
};
/// A number and an array, and a table three keys deep.
pub(crate) const MACHINE: Operation = Operation {
    name: "machine",
    edit: Edit::Config(|config, by| {
        // Where the user has set one of them, the other is tried: shapes with `jobs` are many.
        let jobs = config.set_jobs(2, by);
        let linker = config.set_linker("x86_64-none-any", "mold", "", by);
        jobs.or(linker)
    }),
};
/// All at once, two variables among them.
pub(crate) const SEVERAL: Operation = Operation {
    name: "several",
    edit: Edit::Config(|config, by| {
        config.set_env("SCCACHE_DIR", "/p/c", by)?;
        config.include_local_config(LOCAL, by)?;
        config.set_env("C D", "it's \"so\"", by)?;
        config.set_rustc_wrapper("C:\\p\\sccache", by)
    }),
};
pub(crate) const KEYS: Operation = Operation {
    name: "keys",
    edit: Edit::Pyproject(|file, by| file.set_cache_keys(&keys(), by)),
};
/// Keys of three kinds, at three depths.
pub(crate) const PROFILE: Operation = Operation {
    name: "profile",
    edit: Edit::Manifest(|file, by| {
        file.set_profile("dev", &["debug"], "\"line-tables-only\"", "0.9 of 2 s", by)?;
        let dependencies = ["package", "*", "debug"];
        file.set_profile("dev", &dependencies, "false", "0.5 of 4 s", by)?;
        file.set_profile("dev", &["package", "a", "codegen-units"], "16", "", by)
    }),
};
pub(crate) const ALL: [Operation; 7] = [INCLUDE, WRAPPER, ENV, MACHINE, SEVERAL, KEYS, PROFILE];

pub(crate) fn keys() -> Vec<(String, String)> {
    let keys = [
        ("file", "pyproject.toml"),
        ("file", "rust/**/*.rs"),
        ("env", "RUSTFLAGS"),
    ];
    keys.map(|(kind, name)| (kind.to_owned(), name.to_owned()))
        .into()
}

impl Operation {
    /// What it would change.
    pub(crate) fn plan(&self, path: &Utf8Path, by: Owner) -> Result<Change, EditError> {
        self.planned(path, by, false)
    }

    pub(crate) fn plan_undo(&self, path: &Utf8Path, by: Owner) -> Result<Change, EditError> {
        self.planned(path, by, true)
    }

    fn planned(&self, path: &Utf8Path, by: Owner, is_undo: bool) -> Result<Change, EditError> {
        match self.edit {
            Edit::Config(edit) => {
                let mut config = CargoConfig::read(path)?;
                if is_undo {
                    config.undo(by)?;
                } else {
                    edit(&mut config, by)?;
                }
                Ok(config.into_change())
            }
            Edit::Manifest(edit) => {
                let mut file = CargoManifest::read(path)?;
                if is_undo {
                    file.undo(by)?;
                } else {
                    edit(&mut file, by)?;
                }
                Ok(file.into_change())
            }
            Edit::Pyproject(edit) => {
                let mut file = PyprojectFile::read(path)?;
                if is_undo {
                    file.undo(by)?;
                } else {
                    edit(&mut file, by)?;
                }
                Ok(file.into_change())
            }
        }
    }
}

/// A file on disk.
pub(crate) struct File {
    _dir: TempDir,
    pub(crate) path: Utf8PathBuf,
}

impl File {
    pub(crate) fn of(text: &str) -> Self {
        let dir = TempDir::new();
        let path = dir.path().join("file.toml");
        fs_err::write(&path, text).unwrap();
        Self { _dir: dir, path }
    }

    pub(crate) fn text(&self) -> String {
        fs_err::read_to_string(&self.path).unwrap()
    }
}

/// What becomes of `old`; everything that always holds has been checked.
///
/// Nothing is applied, since syncing thousands of files would take a minute; [`Change::apply`] has its own
/// tests.
pub(crate) fn checked(operation: Operation, old: &str) -> Result<String, EditError> {
    let file = File::of(old);
    let shown = format!("{} of {old:?}", operation.name);
    let change = operation.plan(&file.path, BY);
    if let Err(error) = &change {
        assert!(error.to_string().contains("left as it was"), "{error}");
    }
    let new = change?.new.expect("a file that was there stays");
    assert!(is_added_to(old, &new), "{shown}\nis now {new:?}");
    let file = File::of(&new);
    let again = operation.plan(&file.path, BY);
    let again = again.unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert!(again.is_empty(), "{shown}, again:\n{}", again.diff());
    let undone = operation.plan_undo(&file.path, BY);
    let undone = undone.unwrap_or_else(|error| panic!("undo of {shown}: {error}\n{new}"));
    assert_eq!(
        undone.new.as_deref(),
        Some(old),
        "undo of {shown}\nwhich was {new:?}"
    );
    Ok(new)
}

/// Whether `new` holds all of `old` in its order, and beyond that whole lines, or something at the end of a
/// value.
fn is_added_to(old: &str, new: &str) -> bool {
    let mut rest = new.chars();
    old.chars().all(|c| rest.any(|d| c == d))
}

/// `text` with other line ends, with a byte order mark, and without a final newline.
pub(crate) fn variants(text: &str) -> Vec<String> {
    let crlf = text.replace('\n', "\r\n");
    let mut is_odd = false;
    let mixed = text.split_inclusive('\n').map(|line| {
        is_odd = !is_odd;
        if is_odd {
            line.replace('\n', "\r\n")
        } else {
            line.to_owned()
        }
    });
    let mixed: String = mixed.collect();
    let mut variants = vec![text.to_owned(), crlf, mixed];
    for variant in variants.clone() {
        variants.push(variant.trim_end_matches(['\r', '\n']).to_owned());
    }
    for variant in variants.clone() {
        variants.push(format!("\u{feff}{variant}"));
    }
    variants
}
