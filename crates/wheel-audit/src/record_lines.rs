//! The syntax of `RECORD`: lines of CSV with a path, a hash and a size (PEP 376).

use crate::budget::{Budget, Counted, Exceeded};

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: String,
    /// `sha256=…`; empty for the record itself.
    pub(crate) hash: String,
    /// In bytes; empty for the record itself.
    pub(crate) size: String,
    /// How many fields it has: 3 is right.
    pub(crate) fields: usize,
}

impl Line {
    /// `sha256`.
    pub(crate) fn algorithm(&self) -> Option<&str> {
        self.hash.split_once('=').map(|(algorithm, _)| algorithm)
    }
}

/// Reads the lines, which are CSV: a path with a comma is in quotation marks.
pub(crate) fn parse(text: &str, budget: &Budget<'_>) -> Result<Vec<Line>, Exceeded> {
    let mut lines = Vec::new();
    for text in text.lines().filter(|line| !line.is_empty()) {
        budget.spend(Counted::Lines, 1)?;
        lines.push(line(text));
    }
    Ok(lines)
}

fn line(text: &str) -> Line {
    let (mut path, mut hash, mut size) = (String::new(), String::new(), String::new());
    // Of fields that do not belong there only the number is of interest.
    let mut rest = String::new();
    let mut fields = 1;
    let mut quoted = false;
    for c in text.chars() {
        let field = match fields {
            1 => &mut path,
            2 => &mut hash,
            3 => &mut size,
            _ => &mut rest,
        };
        match c {
            // Two quotation marks in a quoted field are one; the second opens again what the first has
            // closed.
            '"' => {
                if !quoted && !field.is_empty() {
                    field.push('"');
                }
                quoted = !quoted;
            }
            ',' if !quoted => {
                fields += 1;
                rest.clear();
            }
            _ => field.push(c),
        }
    }
    Line {
        path,
        hash,
        size,
        fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    #[test]
    fn a_path_may_have_commas_and_quotation_marks() {
        let limits = Limits::default();
        let parse = |text| super::parse(text, &Budget::new(&limits)).unwrap();
        let lines = parse("\"a,b \"\"c\"\".py\",sha256=x,1\r\na.py,,\n\nb\n");
        assert_eq!(lines[0].path, "a,b \"c\".py");
        assert_eq!(lines[0].algorithm(), Some("sha256"));
        assert_eq!((lines[1].fields, lines[2].fields), (3, 1));
        assert_eq!(parse("a,b,c,d,\"e,\",f")[0].fields, 6);
    }
}
