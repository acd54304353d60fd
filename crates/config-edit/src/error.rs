//! What goes wrong with a configuration file.

use std::io;

use camino::Utf8PathBuf;

/// A file that cannot be read, understood, edited or written. Unless it says otherwise, the file has been
/// left as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error("cannot read {path}; it has been left as it was")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is not TOML.
    #[error("cannot parse {path}; it has been left as it was")]
    Toml {
        /// The file.
        path: Utf8PathBuf,
        /// Where, and what was expected.
        source: toml_edit::TomlError,
    },
    /// A key that should be a table is something else.
    #[error("`{key}` in {path} is not a table; the file has been left as it was")]
    NotATable {
        /// The file.
        path: Utf8PathBuf,
        /// The key.
        key: String,
    },
    /// A key that should be an array is something else.
    #[error(
        "`{key}` in {path} is not an array; the file has been left as it was\n  help: write it as an array: `{key} = [...]`"
    )]
    NotAnArray {
        /// The file.
        path: Utf8PathBuf,
        /// The key.
        key: String,
    },
    /// Somebody else has set the key.
    #[error(
        "`{key}` is set in {path} already, to {value}{}; the file has been left as it was\n  help: {}",
        by(owner.as_deref()), way_out(owner.as_deref())
    )]
    Taken {
        /// The file.
        path: Utf8PathBuf,
        /// The key.
        key: String,
        /// Its value, as it stands there.
        value: String,
        /// The command that has set it, if it was not the user.
        owner: Option<String>,
    },
    /// A block of ours has lost one of the two lines that enclose it.
    #[error(
        "`{key}` in {path} has a line `# by ...; run it again`, but not the line with which that block ends; the file has been left as it was\n  help: remove that line, and those below it that you have not written yourself"
    )]
    Unfinished {
        /// The file.
        path: Utf8PathBuf,
        /// The key.
        key: String,
    },
    /// The edit would have changed more than it was to change. A shape of file that is not understood here.
    #[error(
        "cannot edit `{key}` in {path} without changing more than that; the file has been left as it was\n  help: make the change by hand"
    )]
    Unforeseen {
        /// The file.
        path: Utf8PathBuf,
        /// The key.
        key: String,
    },
    /// Somebody has written the file since it was read.
    #[error(
        "{path} has been changed by somebody else meanwhile; it has been left as they wrote it\n  help: run the command again"
    )]
    Changed {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The file, or its directory, has been made read-only.
    #[error(
        "{read_only} is read-only; {path} has been left as it was\n  help: if it may be changed, make it writable: `chmod u+w {read_only}`"
    )]
    ReadOnly {
        /// The file.
        path: Utf8PathBuf,
        /// What is read-only: the file itself or its directory.
        read_only: Utf8PathBuf,
    },
    /// A symbolic link that leads nowhere.
    #[error(
        "{path} is a symbolic link to {target}, which is not there; it has been left as it was\n  help: remove the link, or make the file that it leads to"
    )]
    DanglingLink {
        /// The link.
        path: Utf8PathBuf,
        /// Where it leads.
        target: Utf8PathBuf,
    },
    /// The new file could not be given to the user and group that the old one belongs to.
    #[error(
        "cannot keep the owner of {path} (user {uid}, group {gid}); it has been left as it was\n  help: run the command as that user"
    )]
    Ownership {
        /// The file.
        path: Utf8PathBuf,
        /// Its user's number.
        uid: u32,
        /// Its group's number.
        gid: u32,
        /// What the operating system said.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {path}; it has been left as it was")]
    Write {
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The only error after which the file is the new one.
    #[error(
        "{path} has been written, but its directory could not be synced; after a power failure it may be the old one again"
    )]
    Unsynced {
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
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
