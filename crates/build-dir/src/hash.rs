//! cargo's hashes, as they stand in names and in files.

/// Whether `text` is one: 64 bits in hexadecimal digits.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
