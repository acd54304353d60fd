//! What goes wrong with a configuration file.
#![expect(missing_docs, reason = "the message of each error says what it is")]

use std::io;

use camino::Utf8PathBuf;

/// A file that cannot be read, understood, edited or written. Unless it says otherwise, the file has been
/// left as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("cannot read {path}; it has been left as it was")]
    Read {
        path: Utf8PathBuf,
        source: io::Error,
    },
    #[error("cannot parse {path}; it has been left as it was")]
    Toml {
        path: Utf8PathBuf,
        source: toml_edit::TomlError,
    },
    #[error("`{key}` in {path} is not a table; the file has been left as it was")]
    NotATable { path: Utf8PathBuf, key: String },
    #[error(
        "`{key}` in {path} is not an array; the file has been left as it was\n  help: write it as an array: `{key} = [...]`"
    )]
    NotAnArray { path: Utf8PathBuf, key: String },
    /// Somebody else has set the key.
    #[error(
        "`{key}` is set in {path} already, to {value}{}; the file has been left as it was\n  help: {}",
        by(owner.as_deref()), way_out(owner.as_deref())
    )]
    Taken {
        path: Utf8PathBuf,
        key: String,
        value: String,
        /// The command that has set it, if it was not the user.
        owner: Option<String>,
    },
    /// A block of ours has lost one of the two lines that enclose it.
    #[error(
        "`{key}` in {path} has a line `# by ...; run it again`, but not the line with which that block ends; the file has been left as it was\n  help: remove that line, and those below it that you have not written yourself"
    )]
    Unfinished { path: Utf8PathBuf, key: String },
    /// The same in a file of lines.
    #[error(
        "{path} has a line `# by `{owner}`; run it again`, but not the line with which that block ends; the file has been left as it was\n  help: remove that line, and those below it that you have not written yourself"
    )]
    UnfinishedText { path: Utf8PathBuf, owner: String },
    /// The edit would have changed more than it was to change. A shape of file that is not understood here.
    #[error(
        "cannot edit `{key}` in {path} without changing more than that; the file has been left as it was\n  help: make the change by hand"
    )]
    Unforeseen { path: Utf8PathBuf, key: String },
    #[error(
        "{path} has been changed by somebody else meanwhile; it has been left as they wrote it\n  help: run the command again"
    )]
    Changed { path: Utf8PathBuf },
    #[error(
        "{read_only} is read-only; {path} has been left as it was\n  help: if it may be changed, make it writable: `chmod u+w {read_only}`"
    )]
    ReadOnly {
        path: Utf8PathBuf,
        read_only: Utf8PathBuf,
    },
    #[error(
        "{path} is a symbolic link to {target}, which is not there; it has been left as it was\n  help: remove the link, or make the file that it leads to"
    )]
    DanglingLink {
        path: Utf8PathBuf,
        target: Utf8PathBuf,
    },
    #[error(
        "cannot keep the owner of {path} (user {uid}, group {gid}); it has been left as it was\n  help: run the command as that user"
    )]
    Ownership {
        path: Utf8PathBuf,
        uid: u32,
        gid: u32,
        source: io::Error,
    },
    #[error("cannot write {path}; it has been left as it was")]
    Write {
        path: Utf8PathBuf,
        source: io::Error,
    },
    /// The only error after which the file is the new one.
    #[error(
        "{path} has been written, but its directory could not be synced; after a power failure it may be the old one again"
    )]
    Unsynced {
        path: Utf8PathBuf,
        source: io::Error,
    },
}

fn by(owner: Option<&str>) -> String {
    owner.map_or_else(String::new, |owner| format!(", by `{owner}`"))
}

fn way_out(owner: Option<&str>) -> String {
    match owner {
        None => "remove it or change it by hand".to_owned(),
        Some(owner) => format!("it belongs to `{owner}`; undo it there, or remove it by hand"),
    }
}
