//! Cargo's configuration files (<https://doc.rust-lang.org/cargo/reference/config.html>).

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{DocumentMut, Item, Table, Value};

use crate::{Change, EditError};

/// A `config.toml`, read, and edited in memory.
#[derive(Debug, Clone)]
pub struct CargoConfig {
    path: Utf8PathBuf,
    old: Option<String>,
    document: DocumentMut,
}

impl CargoConfig {
    /// Reads the file at `path`; one that is not there counts as empty.
    pub fn read(path: &Utf8Path) -> Result<Self, EditError> {
        let old = match fs_err::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => {
                return Err(EditError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let text = old.as_deref().unwrap_or_default();
        let document = text.parse().map_err(|source| EditError::Toml {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            old,
            document,
        })
    }

    /// Whether `include` names `file`, as a string or in the `path` of a table.
    #[must_use]
    pub fn includes(&self, file: &str) -> bool {
        let names = |value: &Value| match value {
            Value::String(text) => text.value() == file,
            Value::InlineTable(table) => table.get("path").and_then(Value::as_str) == Some(file),
            _ => false,
        };
        match self.document.get("include") {
            Some(Item::Value(Value::Array(array))) => array.iter().any(names),
            Some(Item::Value(value)) => names(value),
            Some(Item::ArrayOfTables(tables)) => tables
                .iter()
                .any(|table| table.get("path").and_then(Item::as_str) == Some(file)),
            _ => false,
        }
    }

    /// Sets the variable `name` for whatever cargo starts, or removes it. A table with other settings of the
    /// variable, such as `force`, keeps them.
    pub fn set_env(&mut self, name: &str, value: Option<&str>) -> Result<(), EditError> {
        let not_a_table = || EditError::NotATable {
            path: self.path.clone(),
            key: "env".to_owned(),
        };
        let Some(value) = value else {
            let env = self
                .document
                .get_mut("env")
                .and_then(Item::as_table_like_mut);
            env.and_then(|env| env.remove(name));
            return Ok(());
        };
        let env = self
            .document
            .entry("env")
            .or_insert(Item::Table(Table::new()));
        let env = env.as_table_like_mut().ok_or_else(not_a_table)?;
        match env.get_mut(name) {
            Some(item) if item.as_str() == Some(value) => {}
            Some(item) if item.is_table_like() => set_value_of(item, value),
            Some(Item::Value(old)) => {
                let decor = old.decor().clone();
                *old = value.into();
                *old.decor_mut() = decor;
            }
            _ => {
                env.insert(name, toml_edit::value(value));
            }
        }
        Ok(())
    }

    /// Puts `comment` above everything, if the file is a new one.
    pub fn introduce(&mut self, comment: &str) {
        if self.old.is_none() {
            self.document.decor_mut().set_prefix(comment);
        }
    }

    /// What is to be written.
    #[must_use]
    pub fn into_change(self) -> Change {
        Change {
            path: self.path,
            new: self.document.to_string(),
            old: self.old,
        }
    }
}

/// Sets the `value` of `{ value = …, relative = … }`, where it is another.
fn set_value_of(item: &mut Item, value: &str) {
    let Some(table) = item.as_table_like_mut() else {
        return;
    };
    if table.get("value").and_then(Item::as_str) != Some(value) {
        table.insert("value", toml_edit::value(value));
        // Ours are absolute.
        table.remove("relative");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    /// The text that `old` becomes.
    fn edited(old: Option<&str>, edit: impl Fn(&mut CargoConfig)) -> String {
        let dir = TempDir::new();
        let path = dir.path().join("config.toml");
        if let Some(old) = old {
            fs_err::write(&path, old).unwrap();
        }
        let mut config = CargoConfig::read(&path).unwrap();
        edit(&mut config);
        let change = config.into_change();
        change.apply().unwrap();

        // Applied to its own result, the edit changes nothing.
        let mut again = CargoConfig::read(&path).unwrap_or_else(|error| panic!("{error}"));
        edit(&mut again);
        assert!(again.into_change().is_empty());
        change.new
    }

    fn set(config: &mut CargoConfig) {
        config.set_env("A", Some("1")).unwrap();
    }

    #[test]
    fn a_variable_is_set_in_a_file_of_every_shape() {
        let cases = [
            (None, "[env]\nA = \"1\"\n"),
            (Some(""), "[env]\nA = \"1\"\n"),
            (Some("[env]\nA = \"0\" # why\n"), "[env]\nA = \"1\" # why\n"),
            (
                Some("[env]\n# A = \"0\"\nB = \"2\"\n"),
                "[env]\n# A = \"0\"\nB = \"2\"\nA = \"1\"\n",
            ),
            (
                Some("env.B = '2' # single\n"),
                "env.B = '2' # single\nenv.A = \"1\"\n",
            ),
            (
                Some("env = { B = \"2\" }\n"),
                "env = { B = \"2\" , A = \"1\" }\n",
            ),
            (
                Some("[env]\nA = { value = \"0\", force = true }\n"),
                "[env]\nA = { value = \"1\", force = true }\n",
            ),
            (
                Some("[build]\njobs = 1"),
                "[build]\njobs = 1\n\n[env]\nA = \"1\"\n",
            ),
        ];
        for (old, expected) in cases {
            let spaceless = |text: &str| text.replace(' ', "");
            let new = edited(old, set);
            assert_eq!(spaceless(&new), spaceless(expected), "from {old:?}");
        }
    }

    #[test]
    fn a_variable_that_is_removed_leaves_the_rest() {
        let old = "# mine\n[env]\nA = \"0\"\nB = \"2\" # keep\n";
        let new = edited(Some(old), |config| config.set_env("A", None).unwrap());
        assert_eq!(new, "# mine\n[env]\nB = \"2\" # keep\n");
    }

    #[test]
    fn what_is_not_toml_or_not_a_table_is_refused_and_kept() {
        let dir = TempDir::new();
        let path = dir.path().join("config.toml");
        fs_err::write(&path, "[env\n").unwrap();
        assert!(matches!(
            CargoConfig::read(&path),
            Err(EditError::Toml { .. })
        ));
        fs_err::write(&path, "env = 1\n").unwrap();
        let mut config = CargoConfig::read(&path).unwrap();
        assert!(matches!(
            config.set_env("A", Some("1")),
            Err(EditError::NotATable { .. })
        ));
    }

    #[test]
    fn includes_are_found_in_every_form() {
        let has = |text: &str| {
            let document = text.parse().unwrap();
            let config = CargoConfig {
                path: "c".into(),
                old: None,
                document,
            };
            config.includes("config.local.toml")
        };
        assert!(has("include = 'config.local.toml'"));
        assert!(has("include = ['other.toml', 'config.local.toml']"));
        assert!(has(
            "include = [{ path = 'config.local.toml', optional = true }]"
        ));
        assert!(has("[[include]]\npath = 'config.local.toml'"));
        assert!(!has("include = ['other.toml']"));
        assert!(!has("[build]\njobs = 1"));
    }
}
