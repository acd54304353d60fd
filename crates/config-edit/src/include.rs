//! `include` in cargo's configuration: an array of file names and of tables with a `path`, also as
//! `[[include]]`.

use toml_edit::{Item, Value};

use crate::array::{name_of, name_of_table};
use crate::document::owned;
use crate::kinds::CargoConfig;
use crate::marks::{self, Owner};
use crate::{EditError, render};

const INCLUDE: &str = "include";

impl CargoConfig {
    /// The files that `include` names, relative to the directory of this one; as far as cargo accepts the
    /// form: it refuses a bare string.
    #[must_use]
    pub fn include_paths(&self) -> Vec<String> {
        let files: Vec<_> = match self.values.get(INCLUDE) {
            Some(Item::Value(Value::Array(array))) => array.iter().filter_map(name_of).collect(),
            Some(Item::ArrayOfTables(tables)) => {
                tables.iter().filter_map(|t| name_of_table(t)).collect()
            }
            _ => Vec::new(),
        };
        files.into_iter().map(str::to_owned).collect()
    }

    /// Whether `include` names `file`.
    #[must_use]
    pub fn includes(&self, file: &str) -> bool {
        self.include_paths().iter().any(|included| included == file)
    }

    /// Has cargo read `file` too, from the same directory, if it is there.
    ///
    /// # Errors
    /// If `include` is something that cargo does not accept either.
    pub fn include_local_config(&mut self, file: &str, by: Owner) -> Result<(), EditError> {
        if self.includes(file) {
            return Ok(());
        }
        let name = render::string(file);
        let element = format!("{{ path = {name}, optional = true }}");
        let splices = match self.values.get(INCLUDE) {
            None => return self.insert(&[INCLUDE], &format!("[{element}]"), Some(by.into())),
            Some(Item::Value(Value::Array(_))) => {
                let entry = self.layout.find(&[INCLUDE]);
                let entry = entry.ok_or_else(|| self.unforeseen(&[owned(&[INCLUDE])]))?;
                self.element_insertion(entry, &element, &[INCLUDE, file], by)
            }
            Some(Item::ArrayOfTables(_)) => {
                let mark = marks::whole(by);
                let lines = [
                    format!("[[{INCLUDE}]] {mark}"),
                    format!("path = {name} {mark}"),
                    format!("optional = true {mark}"),
                ];
                vec![self.appended_table(&lines)]
            }
            Some(_) => return Err(self.not_an_array(&[INCLUDE])),
        };
        self.splice(splices, &[owned(&[INCLUDE])])
    }
}
