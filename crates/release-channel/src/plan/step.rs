//! What a plan consists of.

use std::fmt;

use crate::snapshot::Asset;

/// One request that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make the release, and its tag if there is none.
    Create {
        /// Where the tag is to point.
        commit: String,
    },
    /// Upload the wheel with this place among ours.
    UploadWheel {
        /// From 0.
        index: usize,
        /// Its name.
        name: String,
    },
    /// Upload the manifest under the name under which it waits.
    UploadManifest {
        /// That name.
        name: String,
    },
    /// Remove an asset.
    Delete {
        /// Its number.
        id: u64,
        /// Its name.
        name: String,
        /// Why nobody needs it any more.
        why: Why,
    },
    /// Give an asset another name.
    Rename {
        /// Its number.
        id: u64,
        /// What it is called now.
        from: String,
        /// What it is to be called.
        to: String,
    },
    /// Let the tag point to another commit.
    MoveTag {
        /// That commit.
        commit: String,
        /// Whether there is a tag.
        exists: bool,
    },
    /// Write title and notes.
    Describe {
        /// The title.
        title: String,
        /// The whole text.
        body: String,
        /// What the release says it was made from; without meaning where the tag exists.
        commit: String,
    },
}

/// Why an asset is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its upload broke off.
    Half,
    /// It is not what it is to be.
    Outdated,
    /// It makes place for the manifest that follows it.
    Place,
    /// Newer builds have taken its place.
    Old,
    /// It is of a build that is not published any more.
    Superseded,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { commit } => write!(f, "create the release on commit {}", short(commit)),
            Self::UploadWheel { name, .. } | Self::UploadManifest { name } => {
                write!(f, "upload {name}")
            }
            Self::Delete { name, why, .. } => write!(f, "delete {name} ({why})"),
            Self::Rename { from, to, .. } => write!(f, "rename {from} to {to}"),
            Self::MoveTag { commit, .. } => write!(f, "move the tag to commit {}", short(commit)),
            Self::Describe { title, .. } => write!(f, "write the release notes of {title}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Half => "its upload broke off",
            Self::Outdated => "it is not what is to be published",
            Self::Place => "another one follows",
            Self::Old => "of an old build",
            Self::Superseded => "of a build that comes before the published one",
        })
    }
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

pub(super) fn delete(asset: &Asset, why: Why) -> Step {
    Step::Delete {
        id: asset.id,
        name: asset.name.clone(),
        why,
    }
}

pub(super) fn rename(asset: &Asset, to: &str) -> Step {
    Step::Rename {
        id: asset.id,
        from: asset.name.clone(),
        to: to.to_owned(),
    }
}
