//! `[tool.maturin]`, as far as it says what an editable build makes.

use toml_edit::Value;

use crate::document::{Splice, owned};
use crate::kinds::PyprojectFile;
use crate::marks::Owner;
use crate::{EditError, render};

const FEATURES: [&str; 3] = ["tool", "maturin", "features"];

impl PyprojectFile {
    /// Sets the profile of cargo's that an editable build has.
    ///
    /// # Errors
    /// If it is set to another by somebody else.
    pub fn set_editable_profile(&mut self, profile: &str, by: Owner) -> Result<(), EditError> {
        let key = ["tool", "maturin", "editable-profile"];
        self.set(&key, &render::string(profile), by)
    }

    /// Switches `all-features` or `no-default-features` on.
    ///
    /// # Errors
    /// If it is switched off by somebody else.
    pub fn switch_on(&mut self, key: &str, by: Owner) -> Result<(), EditError> {
        self.set(&["tool", "maturin", key], "true", by)
    }

    /// Gives the value of the misspelt key `from` of `[tool.maturin]` the key `to`. Nothing else changes.
    ///
    /// # Errors
    /// If there is `to` already, or `from` is no key with a value of its own.
    pub fn rename_maturin_key(&mut self, from: &str, to: &str) -> Result<(), EditError> {
        let [old, new] = [from, to].map(|key| ["tool", "maturin", key]);
        if self.item(&new).is_some() {
            return Err(self.taken(&new, None));
        }
        let paths = [owned(&old), owned(&new)];
        let number = self.layout.find(&old);
        let number = number.ok_or_else(|| self.unforeseen(&paths[..1]))?;
        let key = self.layout.entries[number].key.clone();
        let last = key.start + last_part(&self.text[key.clone()]);
        self.splice(
            vec![Splice::replace(last..key.end, render::key(&[to]))],
            &paths,
        )
    }

    /// Has every build have these features of the crate. Those that the user has listed stay.
    ///
    /// # Errors
    /// If the list is no array.
    pub fn set_features(&mut self, features: &[String], by: Owner) -> Result<(), EditError> {
        let features: Vec<_> = features.iter().map(|it| render::string(it)).collect();
        self.set_elements(&FEATURES, &features, normal, by)
    }
}

/// Where the last part of a dotted key begins.
fn last_part(key: &str) -> usize {
    let quote = key.chars().last().filter(|last| ['"', '\''].contains(last));
    match quote {
        Some(quote) => key[..key.len() - 1].rfind(quote).unwrap_or_default(),
        None => key.rfind(['.', ' ', '\t']).map_or(0, |before| before + 1),
    }
}

fn normal(element: &str) -> Option<String> {
    let value: Value = element.parse().ok()?;
    Some(render::string(value.as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: Owner = Owner("cargo xtask editable");

    #[test]
    fn a_profile_and_features_are_written_once_and_taken_back_to_the_byte() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("pyproject.toml");
        for (old, expected) in [
            (
                "[project]\nname = 'a'\n",
                &[
                    "[tool.maturin] # by",
                    "editable-profile = \"dev\" # by",
                    "    \"onnx\",\n",
                ][..],
            ),
            (
                "[tool.maturin]\nfeatures = [\"pyo3/x\"] # mine\n",
                &["\"pyo3/x\"", "    \"onnx\"\n"],
            ),
            (
                "[tool.maturin]\nfeatures = [\n  'onnx', # mine\n  { feature = 'z', python-version = '>=3.12' },\n]\n",
                &["'onnx', # mine\n  { feature = 'z', python-version = '>=3.12' },\n]\n"],
            ),
        ] {
            fs_err::write(&path, old).unwrap();
            let edit = || {
                PyprojectFile::update(&path, |file| {
                    file.set_editable_profile("dev", BY)?;
                    file.switch_on("no-default-features", BY)?;
                    file.set_features(&["onnx".to_owned()], BY)
                })
            };
            let new = edit().unwrap().new.unwrap();
            for part in expected {
                assert!(new.contains(part), "{part} is not in {new}");
            }
            assert!(edit().unwrap().is_empty(), "a second time changes nothing");
            PyprojectFile::update(&path, |file| file.undo(BY)).unwrap();
            assert_eq!(fs_err::read_to_string(&path).unwrap(), old);
        }
        fs_err::write(&path, "[tool.maturin]\neditable-profile = 'release'\n").unwrap();
        let error = PyprojectFile::update(&path, |file| file.set_editable_profile("dev", BY));
        assert!(error.unwrap_err().to_string().contains("editable-profile"));
    }

    #[test]
    fn a_misspelt_key_is_renamed_and_every_other_byte_stays() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("pyproject.toml");
        let renamed = |text: &str| {
            fs_err::write(&path, text).unwrap();
            let mut file = PyprojectFile::read(&path).unwrap();
            file.rename_maturin_key("binding", "bindings")?;
            Ok::<_, EditError>(file.text().to_owned())
        };
        for (text, expected) in [
            (
                "[tool.maturin] # a\r\n  binding   = 'pyo3' # mine\r\n",
                "[tool.maturin] # a\r\n  bindings   = 'pyo3' # mine\r\n",
            ),
            (
                "[tool]\nmaturin . \"binding\" = 'pyo3'\n",
                "[tool]\nmaturin . bindings = 'pyo3'\n",
            ),
            (
                "tool.maturin = { strip = true, 'binding' = 'x' }",
                "tool.maturin = { strip = true, bindings = 'x' }",
            ),
            (
                "tool.maturin.binding = 1\n[tool.binding]\nbinding = 2\n",
                "tool.maturin.bindings = 1\n[tool.binding]\nbinding = 2\n",
            ),
        ] {
            assert_eq!(renamed(text).unwrap(), expected);
        }
        for refused in [
            "[tool.maturin]\nbinding = 'a'\nbindings = 'b'\n",
            "[tool.maturin.binding]\na = 1\n",
            "[tool.maturin]\n",
        ] {
            assert!(renamed(refused).is_err(), "{refused}");
        }
    }
}
