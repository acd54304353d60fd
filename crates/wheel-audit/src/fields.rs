//! The syntax of `WHEEL` and `METADATA`: fields in the manner of a mail (the core metadata specifications,
//! PEP 427).

use pep440_rs::VersionSpecifiers;

use crate::budget::{Budget, Counted, Exceeded};

/// The fields, in their order.
#[derive(Debug, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// Reads the fields; what follows the first empty line is the description.
    pub(crate) fn parse(text: &str, budget: &Budget<'_>) -> Result<Self, Exceeded> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            if line.is_empty() {
                break;
            }
            budget.spend(Counted::Fields, 1)?;
            let continues = line.starts_with([' ', '\t']);
            match (line.split_once(':'), fields.last_mut()) {
                (_, Some((_, value))) if continues => {
                    value.push('\n');
                    value.push_str(line.trim());
                }
                (Some((name, value)), _) => {
                    fields.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                (None, _) => {}
            }
        }
        Ok(Self(fields))
    }

    /// The values of all fields `name`, whose case does not count.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self
            .0
            .iter()
            .filter(move |(it, _)| it.eq_ignore_ascii_case(name));
        fields.map(|(_, value)| value.as_str())
    }

    /// The value of the first.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }
}

/// `cp312`: major and minor version.
pub(crate) fn version_of(python: &str) -> Option<(u64, u64)> {
    let digits = python.strip_prefix("cp")?;
    let (major, minor) = digits.split_at_checked(1)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// As long as `Requires-Python` gets, and some.
const LONGEST_SPECIFIERS: usize = 1000;

/// `>=3.11,<4`.
pub(crate) fn specifiers(text: &str) -> Option<VersionSpecifiers> {
    (text.len() <= LONGEST_SPECIFIERS).then(|| text.parse().ok())?
}
