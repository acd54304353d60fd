//! TOML as text: keys and strings, always in one line.

/// A dotted key.
pub(crate) fn key<S: AsRef<str>>(path: &[S]) -> String {
    let simple: Vec<_> = path.iter().map(|key| simple_key(key.as_ref())).collect();
    simple.join(".")
}

fn simple_key(key: &str) -> String {
    if !key.is_empty() && key.chars().all(is_bare) {
        key.to_owned()
    } else {
        string(key)
    }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// A string.
pub(crate) fn string(text: &str) -> String {
    let awkward = text.contains(['"', '\\']);
    if awkward && !text.contains('\'') && !text.contains(char::is_control) {
        // As people write paths with backslashes.
        return format!("'{text}'");
    }
    let escaped: String = text.chars().map(escaped).collect();
    format!("\"{escaped}\"")
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    }
}

/// The dotted key, as [`key`] writes it, at the beginning of `text`, and what follows it.
pub(crate) fn leading_key(text: &str) -> Option<(Vec<String>, &str)> {
    let mut path = Vec::new();
    let mut rest = text;
    loop {
        let (simple, after) = leading_simple_key(rest)?;
        path.push(simple);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None => return Some((path, after)),
        }
    }
}

fn leading_simple_key(text: &str) -> Option<(String, &str)> {
    let length = match text.chars().next()? {
        '"' => quoted_length(text)?,
        '\'' => text[1..].find('\'')? + 2,
        _ => text.find(|c| !is_bare(c)).unwrap_or(text.len()),
    };
    let keys = toml_edit::Key::parse(&text[..length]).ok()?;
    Some((keys.first()?.get().to_owned(), &text[length..]))
}

/// How long the basic string at the beginning of `text` is.
fn quoted_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_mean_what_was_given() {
        let texts = [
            "",
            "a b",
            "it's",
            "C:\\x",
            "\"",
            "a\\'b",
            "\n\t\r\u{7f}\u{1}",
            "ä#",
        ];
        for text in texts {
            let document: toml_edit::Document<String> =
                format!("a = {}", string(text)).parse().unwrap();
            assert_eq!(document["a"].as_str(), Some(text));
            let path = ["env", text];
            let keys = format!("{} = 1", key(&path));
            let (read, rest) = leading_key(&keys).unwrap();
            assert_eq!(
                (read.as_slice(), rest),
                (path.map(str::to_owned).as_slice(), " = 1")
            );
        }
    }
}
