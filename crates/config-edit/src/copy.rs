//! A copy of `pyproject.toml` that a build is made from, and nobody reads. It is written anew as a whole.

use camino::Utf8Path;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, value};

use crate::EditError;

/// The copy, read from the original, and edited in memory. Nothing here writes.
#[derive(Debug, Clone)]
pub struct PyprojectCopy(DocumentMut);

impl PyprojectCopy {
    /// Reads the original.
    pub fn read(path: &Utf8Path) -> Result<Self, EditError> {
        let text = fs_err::read_to_string(path).map_err(|source| EditError::Read {
            path: path.to_owned(),
            source,
        })?;
        // Editors on Windows may begin a file with a byte order mark.
        let parsed = text.trim_start_matches('\u{feff}').parse();
        parsed.map(Self).map_err(|source| EditError::Toml {
            path: path.to_owned(),
            source,
        })
    }

    /// Gives the project a version of its own, wherever it came from before. A file without `[project]`,
    /// whose metadata all come from Cargo.toml, gets one with `name`.
    pub fn set_version(&mut self, name: &str, version: &str) {
        let Some(project) = table(self.0.as_table_mut(), "project") else {
            return;
        };
        if !project.contains_key("name") {
            project.insert("name", value(name));
        }
        project.insert("version", value(version));
        let Some(dynamic) = project.get_mut("dynamic").and_then(Item::as_array_mut) else {
            return;
        };
        dynamic.retain(|field| field.as_str() != Some("version"));
        if dynamic.is_empty() {
            project.remove("dynamic");
        }
    }

    /// Names what the copy was made of, in a comment at the end: for build scripts, which see no git there.
    pub fn set_commit(&mut self, commit: &str) {
        let end = self.0.trailing().as_str().unwrap_or_default();
        self.0.set_trailing(format!("{end}\n# commit: {commit}\n"));
    }

    /// Has maturin leave out the lists of dependencies (SBOM) that it puts into wheels.
    pub fn leave_out_sboms(&mut self) {
        let root: &mut dyn TableLike = self.0.as_table_mut();
        let tool = table(root, "tool").and_then(|tool| table(tool, "maturin"));
        if let Some(sbom) = tool.and_then(|maturin| table(maturin, "sbom")) {
            sbom.insert("rust", value(false));
            sbom.insert("auditwheel", value(false));
            sbom.insert("include", value(Array::new()));
        }
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0.to_string()
    }
}

/// The table `key` of `above`, made if it is missing. `None` if it is something else.
fn table<'a>(above: &'a mut dyn TableLike, key: &str) -> Option<&'a mut dyn TableLike> {
    if !above.contains_key(key) {
        above.insert(key, Item::Table(Table::new()));
    }
    above.get_mut(key)?.as_table_like_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(text: &str) -> String {
        let mut copy = PyprojectCopy(text.parse().unwrap());
        copy.set_version("thing", "1.0+g1");
        copy.set_commit("1a2b3c4");
        copy.leave_out_sboms();
        let text = copy.into_text();
        assert!(text.ends_with("\n# commit: 1a2b3c4\n"), "{text}");
        text
    }

    fn parsed(text: &str) -> toml_edit::DocumentMut {
        copy(text).parse().unwrap()
    }

    #[test]
    fn a_version_is_set_whether_it_was_static_dynamic_or_missing() {
        for text in [
            "[project]\nname = 'thing'\nversion = '1.0'\n",
            "[project]\nname = 'thing'\ndynamic = ['version']\n[tool.maturin]\nstrip = true\n",
            "project = {name = 'thing'}\ntool = {maturin = {strip = true}}\n",
            "project.name = 'thing'\ntool.maturin.strip = true\n",
            "[build-system]\nrequires = ['maturin']\n",
            "[build-system]\nrequires = ['maturin'] # no end of line",
            "[build-system]\nrequires = ['maturin']\n# the end",
        ] {
            let copy = parsed(text);
            assert_eq!(
                copy["project"]["version"].as_str(),
                Some("1.0+g1"),
                "{text}"
            );
            assert_eq!(copy["project"]["name"].as_str(), Some("thing"), "{text}");
            assert!(copy["project"].get("dynamic").is_none(), "{text}");
            assert_eq!(
                copy["tool"]["maturin"]["sbom"]["rust"].as_bool(),
                Some(false),
                "{text}"
            );
        }
    }

    #[test]
    fn what_else_is_dynamic_stays_so() {
        let copy = parsed("[project]\nname = 'thing'\ndynamic = ['version', 'description']\n");
        assert_eq!(copy["project"]["dynamic"].as_array().unwrap().len(), 1);
    }
}
