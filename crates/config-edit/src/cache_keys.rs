//! `cache-keys` in `[tool.uv]`: the inputs by which uv decides whether an install is fresh.
//!
//! What we write is a block between two comments, so that it can be replaced without touching the user's own:
//!
//! ```toml
//! cache-keys = [
//!     "mine.txt",
//!     # by `cargo xtask cache-keys`; run it again instead of editing these lines
//!     { file = "src/**/*.rs" },
//!     # end of what `cargo xtask cache-keys` wrote
//! ]
//! ```

use toml_edit::Value;

use crate::kinds::PyprojectFile;
use crate::marks::Owner;
use crate::{EditError, render};

const PATH: [&str; 3] = ["tool", "uv", "cache-keys"];

impl PyprojectFile {
    /// Sets by what uv decides whether an install is fresh. What the user has listed there stays, and is not
    /// repeated. Each key is `file`, `dir` or `env`, and which.
    ///
    /// # Errors
    /// If it is no array, or another command has made it.
    pub fn set_cache_keys(
        &mut self,
        keys: &[(String, String)],
        by: Owner,
    ) -> Result<(), EditError> {
        let keys: Vec<_> = keys
            .iter()
            .map(|(kind, name)| rendered(kind, name))
            .collect();
        self.set_elements(&PATH, &keys, normal, by)
    }
}

fn rendered(kind: &str, name: &str) -> String {
    format!("{{ {kind} = {} }}", render::string(name))
}

/// uv takes a string for a file.
fn normal(element: &str) -> Option<String> {
    let table = match element.parse().ok()? {
        Value::String(file) => return Some(rendered("file", file.value())),
        Value::InlineTable(table) if table.len() == 1 => table,
        _ => return None,
    };
    let (kind, name) = table.iter().next()?;
    Some(rendered(kind, name.as_str()?))
}
