//! `include` in cargo's configuration: an array of file names and of tables with a `path`, also as
//! `[[include]]`.

use toml_edit::{Item, Value};

use crate::array::{name_of, name_of_table};
use crate::draft::{Draft, Shared, owned};
use crate::marks::{self, Owner};
use crate::{EditError, render};

const INCLUDE: &str = "include";

/// The user and several commands add files to it. Of one that we have made the first file is ours.
pub(crate) const SHARED: Shared = Shared {
    path: &[INCLUDE],
    ours: 1,
};

impl Draft {
    /// The files that are included, as far as cargo accepts the form: it refuses a bare string.
    pub(crate) fn included(&self) -> Vec<String> {
        let document = self.document();
        let files: Vec<_> = match document.get(INCLUDE) {
            Some(Item::Value(Value::Array(array))) => array.iter().filter_map(name_of).collect(),
            Some(Item::ArrayOfTables(tables)) => {
                tables.iter().filter_map(|t| name_of_table(t)).collect()
            }
            _ => Vec::new(),
        };
        files.into_iter().map(str::to_owned).collect()
    }

    /// Has cargo read `file` too, if it is there.
    pub(crate) fn include(&mut self, file: &str, by: Owner) -> Result<(), EditError> {
        if self.included().iter().any(|included| included == file) {
            return Ok(());
        }
        let name = render::string(file);
        let element = format!("{{ path = {name}, optional = true }}");
        let splices = match self.document().get(INCLUDE) {
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
            Some(_) => {
                return Err(EditError::NotAnArray {
                    path: self.path.clone(),
                    key: INCLUDE.to_owned(),
                });
            }
        };
        self.splice(splices, &[owned(&[INCLUDE])])
    }
}
