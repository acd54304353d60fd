//! Texts of which it is known what they are.
//!
//! What a manifest, git or GitHub says reaches cells, command lines, file names, notes and terminals. So each
//! such text has a type that holds nothing else, and a manifest in which one is wrong cannot be read.

use std::fmt;
use std::ops::Deref;

use pep440_rs::VersionSpecifiers;
use serde::{Deserialize, Serialize};

use crate::foreign::shown;
use crate::wheel_name::{WheelName, version};

/// A text is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOne {
    field: &'static str,
    what: &'static str,
    text: String,
}

impl fmt::Display for NotOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, what, text } = self;
        write!(f, "{field} is `{}`, which is not {what}", shown(text, 100))
    }
}

impl std::error::Error for NotOne {}

/// `checked!(Type, "field in a manifest", "what it is", whether a text is one)`.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $field:literal, $what:literal, $is_one:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = NotOne;

            fn try_from(text: String) -> Result<Self, NotOne> {
                let is_one: fn(&str) -> bool = $is_one;
                if is_one(&text) {
                    return Ok(Self(text));
                }
                Err(NotOne { field: $field, what: $what, text })
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotOne;

            fn from_str(text: &str) -> Result<Self, NotOne> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> Self {
                checked.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        // So that a list of them can be joined.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked!(
    /// The name of a distribution, or of one of its extras (PEP 503, PEP 508): `My.Thing`.
    Name, "`name`", "the name of a distribution (PEP 503)", is_name
);
checked!(
    /// A version (PEP 440): `1.0+g1a2b3c4`.
    VersionText, "`version`", "a version (PEP 440)", |text| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+!".contains(&byte)) && version(text).is_some()
    }
);
checked!(
    /// `>=3.11,<4` (PEP 440).
    Specifiers, "`requires_python`", "a version specifier (PEP 440)", |text| {
        (1..=1000).contains(&text.len())
            && text.trim() == text
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" .,*+!-_<>=~".contains(&byte))
            && text.parse::<VersionSpecifiers>().is_ok()
    }
);
checked!(
    /// The file name of a wheel (PEP 427).
    WheelFile, "`file`", "the file name of a wheel (PEP 427)", |text| {
        text.len() <= 255 && !text.starts_with(['-', '.']) && WheelName::parse(text).is_ok()
    }
);
checked!(
    /// A SHA-256 in hexadecimal digits.
    Sha256, "`sha256`", "a SHA-256, 64 hexadecimal digits in lower case", |text| {
        text.len() == 64 && text.bytes().all(is_lower_hex)
    }
);
checked!(
    /// A commit of git, in full.
    CommitHash, "`hash`", "the hash of a commit, 40 or 64 hexadecimal digits", |text| {
        matches!(text.len(), 40 | 64) && text.bytes().all(is_lower_hex)
    }
);
checked!(
    /// A tag of git that also stands in addresses and on command lines: `latest`, `v1.0+g1a2b3c4`.
    Tag, "`release_tag`", "a tag of letters, digits and `._+-/`", is_tag
);
checked!(
    /// One part of the tags of a wheel, not compressed: `cp311`, `abi3`, `manylinux_2_28_x86_64`.
    TagPart, "one of `python`, `abi`, `platforms`, `keeps`", "a part of a wheel's tags (PEP 425)", |text| {
        is_of(text, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }
);
checked!(
    /// Numbers and points: `3.11`, `2.28`.
    Numbers, "one of `pythons`, `glibc`", "a number like 3.11", |text| {
        text.len() <= 50 && text.split('.').all(|part| is_of(part, |byte| byte.is_ascii_digit()))
    }
);
checked!(
    /// The version of an interpreter, as it tells it: `3.13.0rc1`.
    InterpreterVersion, "one of `tried_with`", "the version of a Python", |text| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && is_of(text, |byte| byte.is_ascii_alphanumeric() || b".+_-".contains(&byte))
    }
);
checked!(
    /// The dotted name of a module of Python: `thing._native`.
    Module, "the module", "the name of a module", |text| {
        let is_part = |part: &str| {
            part.chars().all(|c| c.is_alphanumeric() || c == '_') && !part.starts_with(|c: char| c.is_numeric())
        };
        text.len() <= 255 && text.split('.').all(|part| !part.is_empty() && is_part(part))
    }
);

fn is_of(text: &str, allowed: fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= 100 && text.bytes().all(allowed)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_name(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    is_of(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
    }) && is_end(text.bytes().next())
        && is_end(text.bytes().last())
}

/// What git takes (`git check-ref-format`), without what an address, a shell or an option would be read from.
fn is_tag(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && !part.ends_with(".lock")
    };
    is_of(text, |byte| {
        byte.is_ascii_alphanumeric() || b"._+-/".contains(&byte)
    }) && text.split('/').all(is_part)
        && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes<T: TryFrom<String, Error = NotOne>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(T::try_from((*text).to_owned()).is_ok(), "{text:?}");
        }
        let everywhere = [
            "",
            " ",
            "-x",
            "a b",
            "a\n",
            "\na",
            "a\"b",
            "a'b",
            "a`b",
            "a\\b",
            "a$b",
            "a;b",
            "../a",
            "a/../b",
            "\u{1b}[2J",
            "a\u{202e}b",
            "a\0",
            "@TAG@",
            "{a}",
        ];
        for text in bad.iter().chain(&everywhere) {
            assert!(T::try_from((*text).to_owned()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn each_type_takes_what_it_is_called() {
        takes::<Name>(&["a", "My-Thing", "a.b_c"], &["a-", "_a", "a/b", "日本"]);
        takes::<VersionText>(
            &["1.0", "1!2.0rc1+g1a2b3c4.dirty.d0123456", "1.0.0-alpha.1"],
            &[
                "1.0 ",
                " 1.0",
                "1.0\n",
                "one",
                "1.0\nimport os",
                &"1.".repeat(500),
            ],
        );
        takes::<Specifiers>(
            &[">=3.11", ">=3.11, <4", "==3.*", "~=3.11"],
            &["3.11\n", ">=x", ">=1`"],
        );
        takes::<WheelFile>(
            &["thing-1.0+g1a2b3c4-cp311-abi3-manylinux_2_28_x86_64.whl"],
            &[
                "../outside.txt",
                "../a-1-py3-none-any.whl",
                "a/b-1-py3-none-any.whl",
                "a.whl",
                "-a-1-py3-none-any.whl",
            ],
        );
        takes::<Sha256>(
            &[&"0a".repeat(32)],
            &[&"0A".repeat(32), &"0a".repeat(31), &"0g".repeat(32)],
        );
        takes::<CommitHash>(
            &[&"0a".repeat(20), &"0a".repeat(32)],
            &["HEAD", "main", "--all", "0a0a0a0"],
        );
        takes::<Tag>(
            &["latest", "v1.0+g1a2b3c4", "a/b"],
            &[
                "a..b", "a.lock", "/a", "a//b", "a:b", "a~1", "a@{1}", "日本", "a/-b",
            ],
        );
        takes::<TagPart>(&["cp311", "manylinux_2_28_x86_64"], &["cp311.cp312", "a-b"]);
        takes::<Numbers>(&["3.11", "2.28", "3"], &["3.", ".3", "3.x", "3.11+"]);
        takes::<InterpreterVersion>(&["3.13.0", "3.14.0rc1+"], &["3 13"]);
        takes::<Module>(&["thing._native", "日本"], &["a.", "a..b", "1a", "a-b"]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let error = serde_json::from_str::<WheelFile>("\"../out\\u001b[2Jside\"").unwrap_err();
        let expected =
            "`file` is `../out\\u{1b}[2Jside`, which is not the file name of a wheel (PEP 427)";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
