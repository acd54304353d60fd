//! Text of others on a terminal, in a log or in a note.

/// `text` in one line, of at most `limit` characters, so that it cannot act on what shows it: what would move
/// the cursor, end the line or turn the direction of writing is written as an escape (`\u{1b}`).
#[must_use]
pub fn shown(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            let left = text.chars().count() - limit;
            return shown + &format!("… ({left} more characters)");
        }
        if acts(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether `text` has nothing that acts on what shows it.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(acts)
}

/// `text` for one segment of the path of an address, or one value in its query: everything but what never
/// needs an escape. A plus sign in a query would be read as a space.
#[must_use]
pub fn escaped(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

/// Control characters, line and paragraph separators, marks of direction (as in "Trojan Source"), and
/// characters that take no place.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_as_an_escape() {
        for (text, expected) in [
            ("plain, 日本語, \"quoted\"", "plain, 日本語, \"quoted\""),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("user\u{202e}txt.exe", "user\\u{202e}txt.exe"),
            ("a\u{200b}\u{2028}b", "a\\u{200b}\\u{2028}b"),
        ] {
            assert_eq!(shown(text, 100), expected);
            assert_eq!(is_plain(text), text == expected);
            assert!(is_plain(&shown(text, 100)));
        }
    }

    #[test]
    fn what_is_special_in_an_address_is_escaped() {
        assert_eq!(escaped("a-1.0+g1_x~y.whl"), "a-1.0%2Bg1_x~y.whl");
        assert_eq!(escaped("a b/ü?#"), "a%20b%2F%C3%BC%3F%23");
    }

    #[test]
    fn no_text_is_longer_than_its_limit() {
        assert_eq!(shown("ああああ", 4), "ああああ");
        assert_eq!(shown("あああああ", 2), "ああ… (3 more characters)");
    }
}
