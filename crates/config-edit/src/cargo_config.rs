//! Cargo's configuration files (<https://doc.rust-lang.org/cargo/reference/config.html>).

use environment::program;
use toml_edit::{Item, TableLike};

use crate::document::{Splice, owned};
use crate::insert::Signed;
use crate::kinds::CargoConfig;
use crate::layout::Home;
use crate::{EditError, Owner, introduction, lines, render};

const ENV: &str = "env";

impl CargoConfig {
    /// The value of `key`, given as the path to it, if it is a string.
    #[must_use]
    pub fn string(&self, key: &[&str]) -> Option<String> {
        self.item(key)?.as_str().map(str::to_owned)
    }

    /// The value of `key`, given as the path to it, if it is a whole number.
    #[must_use]
    pub fn integer(&self, key: &[&str]) -> Option<i64> {
        self.item(key)?.as_integer()
    }

    /// Whether there is a value for `key`, given as the path to it.
    #[must_use]
    pub fn has(&self, key: &[&str]) -> bool {
        self.item(key).is_some()
    }

    /// The variables that `[env]` sets, and their values.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let env = self.item(&[ENV]).and_then(Item::as_table_like);
        let variables = env.into_iter().flat_map(|env| env.iter());
        variables
            .filter_map(|(name, item)| Some((name.to_owned(), value_of(item)?)))
            .collect()
    }

    /// The command that wrote `key`, given as the path to it.
    #[must_use]
    pub fn owner_of(&self, key: &[&str]) -> Option<String> {
        let mark = self.mark_of(self.layout.find(key)?)?;
        Some(mark.owner)
    }

    /// Whether `owner` wrote `key`.
    #[must_use]
    pub fn is_by(&self, key: &[&str], owner: Owner) -> bool {
        self.owner_of(key).is_some_and(|command| owner.is(&command))
    }

    /// Sets the program that cargo starts instead of rustc: `build.rustc-wrapper`.
    ///
    /// # Errors
    /// If it is set to another by somebody else.
    pub fn set_rustc_wrapper(&mut self, program: &str, by: Owner) -> Result<(), EditError> {
        let key = ["build", "rustc-wrapper"];
        self.set(&key, &render::string(program), by)
    }

    /// Sets how many compilers cargo runs at once: `build.jobs`.
    ///
    /// # Errors
    /// If it is set to another number by somebody else.
    pub fn set_jobs(&mut self, jobs: u32, by: Owner) -> Result<(), EditError> {
        self.set(&["build", "jobs"], &jobs.to_string(), by)
    }

    /// Sets the linker that the C compiler is to use for `target`, a triple: a flag under
    /// `target.*.rustflags`. `note` says why, in a few words or none.
    ///
    /// # Errors
    /// If flags for that target are set by somebody else.
    pub fn set_linker(
        &mut self,
        target: &str,
        linker: &str,
        note: &str,
        by: Owner,
    ) -> Result<(), EditError> {
        let flag = render::string(&format!("link-arg=-fuse-ld={linker}"));
        let flags = format!("[{}, {flag}]", render::string("-C"));
        let key = ["target", target, "rustflags"];
        self.set(&key, &flags, Signed { by, note })
    }

    /// Sets the variable `name` for whatever cargo starts.
    ///
    /// # Errors
    /// If it is set to another value by somebody else.
    pub fn set_env(&mut self, name: &str, value: &str, by: Owner) -> Result<(), EditError> {
        let key = [ENV, name];
        self.require_tables(&key)?;
        if self.item(&key).is_some_and(|item| is_value(item, value)) {
            return Ok(());
        }
        self.set(&key, &render::string(value), by)
    }

    /// Removes `key`, given as the path to it, if `by` has set it.
    pub fn remove(&mut self, key: &[&str], by: Owner) -> Result<(), EditError> {
        let Some(number) = self.layout.find(key) else {
            return Ok(());
        };
        let Some(mark) = self.mark_of(number).filter(|m| m.is_by(by)) else {
            return Ok(());
        };
        let mut splices = self.entry_removal(number);
        if !mark.is_whole() {
            splices.push(self.unlisted(&mark, &owned(key)));
        }
        self.splice(splices, &[owned(key)])?;
        self.remove_empty_table(&key[..key.len().saturating_sub(1)], by)
    }

    /// Removes the header of `table`, if `by` has added it and nothing is left under it.
    fn remove_empty_table(&mut self, table: &[&str], by: Owner) -> Result<(), EditError> {
        let mut sections = self.layout.sections.iter();
        let Some(number) = sections.position(|section| section.path == table) else {
            return Ok(());
        };
        let header = self.layout.sections[number].header.end;
        let marks = self.marks_after(header);
        let is_ours = marks.iter().any(|mark| mark.is_by(by));
        match self.empty_table_step(number) {
            Some(step) if is_ours => self.splice(step.splices, &step.paths),
            _ => Ok(()),
        }
    }

    /// Sets the variable `name`, or removes it, whoever has set it before, and leaves no mark: for variables
    /// that belong to one command alone. A table with other settings of the variable, such as `force`, keeps
    /// them.
    ///
    /// # Errors
    /// If `env` is no table.
    pub fn keep_env(&mut self, name: &str, value: Option<&str>) -> Result<(), EditError> {
        let key = [ENV, name];
        let Some(value) = value else {
            return self.remove_any_env(name);
        };
        self.require_tables(&key)?;
        match self.item(&key) {
            Some(item) if is_value(item, value) => Ok(()),
            Some(item) if item.is_table_like() => {
                self.overwrite(&[ENV, name, "value"], value)?;
                // Ours are absolute.
                self.remove_entry(&[ENV, name, "relative"])
            }
            _ => self.overwrite(&key, value),
        }
    }

    fn overwrite(&mut self, key: &[&str], value: &str) -> Result<(), EditError> {
        let value = render::string(value);
        match self.layout.find(key) {
            None => self.insert(key, &value, None),
            Some(number) => {
                let at = self.layout.entries[number].value.clone();
                self.splice(vec![Splice::replace(at, value)], &[owned(key)])
            }
        }
    }

    fn remove_entry(&mut self, key: &[&str]) -> Result<(), EditError> {
        let Some(number) = self.layout.find(key) else {
            return Ok(());
        };
        let splices = self.entry_removal(number);
        self.splice(splices, &[owned(key)])
    }

    /// Removes the variable in whatever form it stands there.
    fn remove_any_env(&mut self, name: &str) -> Result<(), EditError> {
        let key = [ENV, name];
        // `[env.NAME]` with what is under it, `NAME.value = ...`, and then `NAME = ...`.
        while let Some(at) = self.lines_below(&key) {
            self.splice(vec![Splice::cut(at)], &[owned(&key)])?;
        }
        self.remove_entry(&key)
    }

    /// The lines of the first statement or table that is below `key` and not `key` itself.
    fn lines_below(&self, key: &[&str]) -> Option<std::ops::Range<usize>> {
        let text = &self.text;
        let mut sections = self.layout.sections.iter();
        if let Some(number) = sections.position(|section| section.path == key) {
            let section = &self.layout.sections[number];
            let last = self.layout.within(Home::Section(number)).last();
            let end = last.map_or(section.header.end, |last| {
                self.layout.entries[last].value.end
            });
            return Some(lines::whole(text, &(section.header.start..end)));
        }
        let mut entries = self.layout.entries.iter();
        let dotted = entries.find(|entry| {
            let is_statement = matches!(entry.home, Home::Section(_));
            is_statement && entry.is_below(key) && entry.path != key
        })?;
        Some(lines::whole(text, &dotted.range()))
    }

    /// Puts `comment` above everything, if the file is a new one. When nothing but that is left in it one
    /// day, the file goes too.
    pub fn introduce(&mut self, comment: &str, by: Owner) {
        if self.old.is_none() {
            let comment = program::renamed(comment, program::in_files());
            self.introduction = Some(introduction::of(&comment, by));
        }
    }
}

/// The value of a variable: a string, or `value` in a table.
fn value_of(item: &Item) -> Option<String> {
    let table = item.as_table_like().and_then(|table| table.get("value"));
    table.unwrap_or(item).as_str().map(str::to_owned)
}

/// Whether a variable has `value` as it stands, and not as a path relative to somewhere.
fn is_value(item: &Item, value: &str) -> bool {
    let is_relative = |table: &dyn TableLike| {
        let relative = table.get("relative").and_then(Item::as_bool);
        relative.unwrap_or_default()
    };
    value_of(item).as_deref() == Some(value) && !item.as_table_like().is_some_and(is_relative)
}
