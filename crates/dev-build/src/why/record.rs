//! What is remembered of the last build, beside what cargo keeps: its report, and what the next one is
//! compared with.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::short_name;
use files::write;
use project_model::Workspace;
use serde::{Deserialize, Serialize};

use super::report::Report;
use super::settings::{Settings, Versions};
use crate::state::Format;
use crate::units::is_shared;

/// Of one project in one build directory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) format: Format,
    pub(super) report: Report,
    pub(super) settings: Settings,
    pub(super) versions: Versions,
    /// When the units of path crates were built, where checkouts share the directory.
    pub(super) built: BTreeMap<String, SystemTime>,
}

impl Record {
    pub(super) fn read(root: &Utf8Path, workspace: &Workspace) -> Option<Self> {
        let text = fs_err::read_to_string(path(root, workspace)).ok()?;
        serde_json::from_str(&text).ok()
    }

    pub(super) fn write(&self, root: &Utf8Path, workspace: &Workspace) -> io::Result<()> {
        let path = path(root, workspace);
        fs_err::create_dir_all(path.parent().unwrap_or(&path))?;
        write::atomically(&path, serde_json::to_string(self)?)
    }
}

/// Beside what is remembered of units. Relative, so that a copied checkout has it too, unless checkouts share
/// the directory.
fn path(root: &Utf8Path, workspace: &Workspace) -> Utf8PathBuf {
    let below = root.strip_prefix(&workspace.root).unwrap_or(root);
    let name = if is_shared(workspace) { root } else { below };
    let name = format!("{}.why.json", short_name(name.as_str()));
    workspace.build_dir.join("xtask-dev").join(name)
}
