//! The syntax of `RECORD`: lines of CSV with a path, a hash and a size (PEP 376).

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
pub(crate) fn parse(text: &str) -> Vec<Line> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(line).collect()
}

fn line(text: &str) -> Line {
    let mut fields = fields(text).into_iter();
    let count = fields.len();
    let mut next = || fields.next().unwrap_or_default();
    Line {
        path: next(),
        hash: next(),
        size: next(),
        fields: count,
    }
}

fn fields(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            // Two quotation marks in a quoted field are one; the second opens again what the first has
            // closed.
            '"' => {
                let field = fields.last_mut().expect("there is one");
                if !quoted && !field.is_empty() {
                    field.push('"');
                }
                quoted = !quoted;
            }
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("there is one").push(c),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_have_commas_and_quotation_marks() {
        let lines = parse("\"a,b \"\"c\"\".py\",sha256=x,1\r\na.py,,\n\nb\n");
        assert_eq!(lines[0].path, "a,b \"c\".py");
        assert_eq!(lines[0].algorithm(), Some("sha256"));
        assert_eq!((lines[1].fields, lines[2].fields), (3, 1));
    }
}
