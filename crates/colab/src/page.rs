//! The page of a repository, as it stands in a cell.

use std::fmt;

/// `https://github.com/owner/name`; owner and name may be left to be filled in: `{owner}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page(String);

impl Page {
    /// `text` without a slash at the end, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('/');
        let rest = text.strip_prefix("https://")?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/{}".contains(&byte);
        let mut parts = rest.split('/');
        let is_page =
            rest.bytes().all(allowed) && parts.all(|part| !matches!(part, "" | "." | ".."));
        is_page.then(|| Self(text.to_owned()))
    }

    /// Whether something in it is left to be filled in.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.0.contains('{')
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_an_address_is_one() {
        for text in [
            "https://github.com/o/r/",
            "https://h.example:8443/o/r",
            "https://github.com/{owner}/{repo}",
        ] {
            assert!(Page::parse(text).is_some(), "{text}");
        }
        for text in [
            "http://github.com/o/r",
            "https://github.com/o/../r",
            "https://github.com/o/r\"\nimport os",
            "https://h/o r",
            "https://u@h/o/r",
            "https://h/o?x",
            "",
        ] {
            assert!(Page::parse(text).is_none(), "{text}");
        }
    }
}
