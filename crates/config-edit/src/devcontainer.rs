//! A `devcontainer.json` of somebody else's (<https://containers.dev/implementors/json_reference/>): JSON
//! with comments. What we add to it is whole lines, each with a mark at its end, so that no byte of theirs
//! changes.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::marks::Owner;
use crate::{Change, EditError, lines};

/// The keys whose commands may build what is checked out, the one that is run last first.
const LIFECYCLE: [&str; 3] = [
    "postStartCommand",
    "postCreateCommand",
    "updateContentCommand",
];

/// The file as it was read, and as it is to be.
#[derive(Debug, Clone)]
pub struct DevContainerFile {
    path: Utf8PathBuf,
    old: String,
    text: String,
}

impl DevContainerFile {
    /// Reads the file at `path`, which is there.
    ///
    /// # Errors
    /// If it cannot be read, or is no object of JSON with comments.
    pub fn read(path: &Utf8Path) -> Result<Self, EditError> {
        let text = fs_err::read_to_string(path).map_err(|source| EditError::Read {
            path: path.to_owned(),
            source,
        })?;
        let file = Self {
            path: path.to_owned(),
            old: text.clone(),
            text,
        };
        match with_object(&file.text, |_| ()) {
            Some(()) => Ok(file),
            None => Err(EditError::Read {
                path: file.path,
                source: io::Error::new(io::ErrorKind::InvalidData, "it is no JSON with comments"),
            }),
        }
    }

    /// The text of `key`.
    #[must_use]
    pub fn string(&self, key: &str) -> Option<String> {
        with_object(&self.text, |object| {
            Some(object.get_string(key)?.value.to_string())
        })
        .flatten()
    }

    /// Whether there is a value for `key`.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        with_object(&self.text, |object| object.get(key).is_some()).unwrap_or_default()
    }

    /// All texts in the commands that are run when a container is made or started and everything is there:
    /// those of the command that is run last come first.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        let found = with_object(&self.text, |object| {
            let values = LIFECYCLE.iter().filter_map(|key| object.get(key));
            values.flat_map(|property| texts(&property.value)).collect()
        });
        found.unwrap_or_default()
    }

    /// Whether something is mounted at `target`, or above it.
    #[must_use]
    pub fn mounts_at(&self, target: &str) -> bool {
        let covers = |text: &str| {
            let mut parts = text.split(',').filter_map(|part| part.split_once('='));
            let named = parts.find(|(key, _)| ["target", "dst", "destination"].contains(key));
            let place = named.map_or(text, |(_, place)| place);
            Utf8Path::new(target).starts_with(place) && place.starts_with('/')
        };
        let found = with_object(&self.text, |object| {
            let mounts = object.get_array("mounts");
            let all =
                mounts.map(|mounts| mounts.elements.iter().flat_map(texts).collect::<Vec<_>>());
            all.unwrap_or_default().iter().any(|text| covers(text))
        });
        found.unwrap_or_default()
    }

    /// Adds the element `json` to the array `key`, or the array. `false` if there is no line where it could
    /// stand by itself.
    #[must_use]
    pub fn add_element(&mut self, key: &str, json: &str, by: Owner) -> bool {
        let array = with_object(&self.text, |object| {
            object.get(key).map(|property| match &property.value {
                Value::Array(array) => Some((array.range().start, array.elements.is_empty())),
                _ => None,
            })
        });
        match array.flatten() {
            None => self.add_property(key, &format!("[{json}]"), by),
            Some(None) => false,
            Some(Some((open, is_empty))) => self.insert_line(open, json, is_empty, by),
        }
    }

    /// Adds `key`, which is not there, with the value `json`.
    #[must_use]
    pub fn add_property(&mut self, key: &str, json: &str, by: Owner) -> bool {
        let found = with_object(&self.text, |object| {
            (object.range().start, object.properties.is_empty())
        });
        let Some((open, is_empty)) = found.filter(|_| !self.has(key)) else {
            return false;
        };
        self.insert_line(open, &format!("\"{key}\": {json}"), is_empty, by)
    }

    /// Takes back all lines of `by`. `false`, and nothing is changed, where somebody has set the file
    /// otherwise since, so that it would be no JSON without these lines.
    #[must_use]
    pub fn undo(&mut self, by: Owner) -> bool {
        let is_ours = |line: &str| {
            let mark = line
                .trim_end()
                .rsplit_once(" // by `")
                .map(|(_, mark)| mark);
            mark.and_then(|mark| mark.strip_suffix('`'))
                .is_some_and(|command| by.is(command))
        };
        let kept = self
            .text
            .split_inclusive('\n')
            .filter(|line| !is_ours(line));
        let kept: String = kept.collect();
        let is_json = with_object(&kept, |_| ()).is_some();
        if is_json {
            self.text = kept;
        }
        is_json
    }

    /// What is to be written.
    #[must_use]
    pub fn into_change(self) -> Change {
        Change::new(self.path, Some(self.old), Some(self.text))
    }

    /// Puts `json` on a line of its own below that of the bracket at `open`, if that is the last thing there.
    fn insert_line(&mut self, open: usize, json: &str, is_only: bool, by: Owner) -> bool {
        let end = lines::end(&self.text, open);
        let rest = self.text[open + 1..end].trim_start();
        let at = lines::next(&self.text, open);
        if !(rest.is_empty() || rest.starts_with("//")) || !self.text[..at].ends_with('\n') {
            return false;
        }
        let line_end = lines::line_end_of(&self.text);
        let start = lines::start(&self.text, open);
        let indent: String = self.text[start..]
            .chars()
            .take_while(|c| [' ', '\t'].contains(c))
            .collect();
        let comma = if is_only { "" } else { "," };
        let line = format!("{indent}  {json}{comma} // {by}{line_end}");
        let mut text = self.text.clone();
        text.insert_str(at, &line);
        let is_json = with_object(&text, |_| ()).is_some();
        if is_json {
            self.text = text;
        }
        is_json
    }
}

/// What `look` finds in the object that `text` is.
fn with_object<T>(text: &str, look: impl FnOnce(&Object<'_>) -> T) -> Option<T> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    match parsed.value? {
        Value::Object(object) => Some(look(&object)),
        _ => None,
    }
}

/// The texts in `value`, however deep.
fn texts(value: &Value<'_>) -> Vec<String> {
    match value {
        Value::StringLit(text) => vec![text.value.to_string()],
        Value::Array(array) => array.elements.iter().flat_map(texts).collect(),
        Value::Object(object) => object
            .properties
            .iter()
            .flat_map(|it| texts(&it.value))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: Owner = Owner("cargo xtask init");

    fn file(text: &str) -> DevContainerFile {
        DevContainerFile {
            path: "/p/.devcontainer/devcontainer.json".into(),
            old: text.to_owned(),
            text: text.to_owned(),
        }
    }

    const THEIRS: &str = "// why\n{\n  \"name\": \"x\", /* odd */\n  \"remoteUser\": \"vscode\",\n  \"mounts\": [ // ours\n    \
                          \"source=a,target=/data,type=volume\",\n  ],\n  \"postCreateCommand\": {\"a\": [\"bash\", \"scripts/dev-init.sh\"]},\n  \"postStartCommand\": \"start\",\n}\n";

    #[test]
    fn what_is_there_is_read_through_comments_and_trailing_commas() {
        let file = file(THEIRS);
        assert_eq!(file.string("remoteUser").as_deref(), Some("vscode"));
        assert_eq!(file.commands(), ["start", "bash", "scripts/dev-init.sh"]);
        assert!(
            file.mounts_at("/data/cache") && !file.mounts_at("/dat") && !file.mounts_at("/home")
        );
        assert!(file.has("postCreateCommand") && !file.has("onCreateCommand"));
    }

    #[test]
    fn lines_are_added_and_taken_back_to_the_byte() {
        for (text, expected) in [
            (
                THEIRS,
                "  \"mounts\": [ // ours\n    {\"a\": 1}, // by `cargo xtask init`\n    \"source",
            ),
            (
                "{\r\n\t\"name\": \"x\"\r\n}",
                "{\r\n  \"mounts\": [{\"a\": 1}], // by `cargo xtask init`\r\n",
            ),
            (
                "{\n}\n",
                "{\n  \"mounts\": [{\"a\": 1}] // by `cargo xtask init`\n}",
            ),
        ] {
            let mut file = file(text);
            assert!(file.add_element("mounts", "{\"a\": 1}", BY));
            assert!(file.text.contains(expected), "{}", file.text);
            assert!(file.undo(BY));
            assert_eq!(file.text, text);
        }
    }

    #[test]
    fn what_a_formatter_has_torn_apart_is_left() {
        let text = "{\n  \"mounts\": [\n    { \"a\": 1 }\n  ], // by `cargo xtask init`\n  \"name\": \"x\"\n}\n";
        let mut file = file(text);
        assert!(!file.undo(BY));
        assert_eq!(file.text, text);
    }

    #[test]
    fn where_no_line_is_free_nothing_is_added() {
        for text in [
            "{\"name\": \"x\"}",
            "{ \"mounts\": [],\n}",
            "{\n  \"mounts\": []\n}",
            "{\n \"mounts\": \"x\"\n}",
        ] {
            let mut file = file(text);
            assert!(!file.add_element("mounts", "1", BY), "{}", file.text);
            assert_eq!(file.text, text);
        }
    }
}
