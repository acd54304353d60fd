//! What a TOML text says, regardless of how it says it.

use std::collections::BTreeMap;

use toml_edit::{Document, Item, TableLike, Value};

/// Every value by its path; elements of arrays under their number. Empty arrays and tables count as values.
pub(crate) type Meaning = BTreeMap<Vec<String>, String>;

const EMPTY_TABLE: &str = "{}";

/// What `document` says.
pub(crate) fn of(document: &Document<String>) -> Meaning {
    let mut meaning = Meaning::new();
    add_table(&mut meaning, &mut Vec::new(), document.as_table());
    meaning
}

/// What the single value `text` says.
pub(crate) fn of_value(text: &str) -> Option<Meaning> {
    let mut meaning = Meaning::new();
    add_value(&mut meaning, &mut Vec::new(), &text.parse().ok()?);
    Some(meaning)
}

/// What `item` says.
pub(crate) fn of_item(item: &Item) -> Meaning {
    let mut meaning = Meaning::new();
    add_item(&mut meaning, &mut Vec::new(), item);
    meaning
}

/// Whether `new` differs from `old` nowhere but at and below `paths`. That an empty table above them appears
/// or is no longer empty is no difference.
pub(crate) fn differ_only_below(old: &Meaning, new: &Meaning, paths: &[Vec<String>]) -> bool {
    let intended = |path: &[String], value: &str| {
        let above = |wanted: &Vec<String>| value == EMPTY_TABLE && wanted.starts_with(path);
        paths
            .iter()
            .any(|wanted| path.starts_with(wanted) || above(wanted))
    };
    let stays = |a: &Meaning, b: &Meaning| {
        a.iter()
            .all(|(path, value)| b.get(path) == Some(value) || intended(path, value))
    };
    stays(old, new) && stays(new, old)
}

fn add_table(meaning: &mut Meaning, path: &mut Vec<String>, table: &dyn TableLike) {
    if table.is_empty() && !path.is_empty() {
        meaning.insert(path.clone(), EMPTY_TABLE.to_owned());
    }
    for (key, item) in table.iter() {
        path.push(key.to_owned());
        add_item(meaning, path, item);
        path.pop();
    }
}

fn add_item(meaning: &mut Meaning, path: &mut Vec<String>, item: &Item) {
    match item {
        Item::None => {}
        Item::Value(value) => add_value(meaning, path, value),
        Item::Table(table) => add_table(meaning, path, table),
        Item::ArrayOfTables(tables) => {
            let tables = tables.iter().map(|table| table as &dyn TableLike);
            add_elements(meaning, path, tables, add_table);
        }
    }
}

fn add_value(meaning: &mut Meaning, path: &mut Vec<String>, value: &Value) {
    let scalar = match value {
        Value::String(text) => format!("{:?}", text.value()),
        Value::Integer(number) => number.value().to_string(),
        Value::Float(number) => format!("{:?}", number.value()),
        Value::Boolean(yes) => yes.value().to_string(),
        Value::Datetime(time) => time.value().to_string(),
        Value::Array(array) => return add_elements(meaning, path, array.iter(), add_value),
        Value::InlineTable(table) => return add_table(meaning, path, table),
    };
    meaning.insert(path.clone(), scalar);
}

fn add_elements<T>(
    meaning: &mut Meaning,
    path: &mut Vec<String>,
    elements: impl Iterator<Item = T>,
    add: impl Fn(&mut Meaning, &mut Vec<String>, T),
) {
    // The number of elements, so that an empty array is something too.
    let mut count = 0;
    for element in elements {
        path.push(format!("[{count}]"));
        add(meaning, path, element);
        path.pop();
        count += 1;
    }
    path.push("[]".to_owned());
    meaning.insert(path.clone(), count.to_string());
    path.pop();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_anywhere_else_is_seen() {
        let differ = |old: &str, new: &str, path: &str| {
            let [old, new] = [old, new].map(|text| of(&text.parse().unwrap()));
            let path = path.split('.').map(str::to_owned).collect();
            differ_only_below(&old, &new, &[path])
        };
        assert!(differ("a = 1", "a = 0x1 # other words", "x"));
        assert!(differ("[x]", "[x]\ny.z = 1", "x.y"));
        assert!(differ("", "[x]\ny = 1", "x.y"));
        assert!(differ("x = [1]", "x = [1, 2]", "x"));
        assert!(!differ("a = 1", "a = 2", "x"));
        assert!(!differ("a = 1", "a = '1'", "x"));
        assert!(!differ("a = 1", "x = 1", "x"));
        assert!(!differ("a = []", "a = {}", "x"));
        assert!(!differ("a = [1]", "a = [[1]]", "x"));
        assert!(!differ("x = 1", "x.y = 1", "x.y"));
        assert!(!differ("[x]\na = 1", "[x]\na = 1\nb = 1", "x.a"));
    }
}
