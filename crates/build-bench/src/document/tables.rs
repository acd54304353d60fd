//! Where in a Markdown file the figures, their commands and the legend stand.

use std::ops::Range;

use super::Problem;

/// What stands before a table with figures.
pub(super) const FIGURES: &str = "<!-- bench-build: figures -->";
/// What stands before the legend.
pub(super) const LEGEND: &str = "<!-- bench-build: legend -->";
/// What stands behind both.
pub(super) const END: &str = "<!-- bench-build: end -->";

/// The columns that a table must have.
const COLUMNS: [&str; 2] = ["figure", "command"];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<RawRow>,
    pub(super) legend: Option<(Range<usize>, usize)>,
    pub(super) problems: Vec<Problem>,
}

/// A row that has a figure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawRow {
    pub(super) line: usize,
    pub(super) figure: Range<usize>,
    pub(super) command: String,
}

/// A line of the file.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    start: usize,
    text: &'a str,
}

pub(super) fn find(text: &str) -> Found {
    let mut found = Found::default();
    let mut lines = lines(text);
    let mut is_code = false;
    while let Some(line) = lines.next() {
        // What stands in a block of code is an example.
        is_code ^= line.text.starts_with("```");
        if is_code {
            continue;
        }
        if ![FIGURES, LEGEND].contains(&line.text.trim()) {
            continue;
        }
        let block: Vec<_> = lines
            .by_ref()
            .take_while(|it| it.text.trim() != END)
            .collect();
        let end = block.last().map_or(line, |last| *last);
        let end = end.start + end.text.len();
        if !text[end..].trim_start().starts_with(END) {
            found.problem(line, &format!("there is no `{END}` after it"));
        } else if line.text.trim() == LEGEND {
            found.legend = Some((line.start + line.text.len()..end, line.number));
        } else {
            found.table(line, &block);
        }
    }
    found
}

impl Found {
    fn problem(&mut self, line: Line<'_>, what: &str) {
        self.problems.push(Problem {
            line: line.number,
            what: what.to_owned(),
        });
    }

    fn table(&mut self, marker: Line<'_>, block: &[Line<'_>]) {
        let mut rows = block.iter().filter(|line| line.text.starts_with('|'));
        let head = rows.next().map(|line| cells(*line)).unwrap_or_default();
        let column = |name| head.iter().position(|(_, text)| text.trim() == name);
        let [Some(figure), Some(command)] = COLUMNS.map(column) else {
            let what = "the table after it needs a column `figure` and a column `command`";
            return self.problem(marker, what);
        };
        for line in rows.skip(1) {
            let cells = cells(*line);
            if cells.len() != head.len() {
                let what = format!("{} cells, and the head has {}", cells.len(), head.len());
                self.problem(*line, &what);
                continue;
            }
            self.rows.push(RawRow {
                line: line.number,
                figure: cells[figure].0.clone(),
                command: cells[command].1.trim().to_owned(),
            });
        }
    }
}

/// The lines without what ends them.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n')
        .enumerate()
        .map(move |(index, whole)| {
            let line = Line {
                number: index + 1,
                start,
                text: whole.trim_end_matches(['\n', '\r']),
            };
            start += whole.len();
            line
        })
}

/// What stands between the bars of a row, and where; a bar behind a backslash is none.
fn cells(line: Line<'_>) -> Vec<(Range<usize>, &str)> {
    let mut bars = Vec::new();
    let mut before = ' ';
    for (at, letter) in line.text.char_indices() {
        if letter == '|' && before != '\\' {
            bars.push(at);
        }
        before = letter;
    }
    let between = bars.windows(2).map(|pair| pair[0] + 1..pair[1]);
    let cells = between.map(|place| {
        let text = &line.text[place.clone()];
        (line.start + place.start..line.start + place.end, text)
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_with_their_places() {
        let text = "# x\r\n<!-- bench-build: figures -->\r\n\r\n| a\\|b | figure | command |\r\n|---|---|---|\r\n| é | 1 s | `c` |\r\n<!-- bench-build: end -->\r\n";
        let found = find(text);
        assert_eq!(found.problems, []);
        assert_eq!(found.rows.len(), 1);
        let row = &found.rows[0];
        assert_eq!((row.line, row.command.as_str()), (6, "`c`"));
        assert_eq!(&text[row.figure.clone()], " 1 s ");
    }

    #[test]
    fn the_legend_is_all_between_its_markers() {
        let text = "<!-- bench-build: legend -->\nold\n\nolder\n<!-- bench-build: end -->\nrest\n";
        let (place, line) = find(text).legend.unwrap();
        assert_eq!((&text[place], line), ("\nold\n\nolder", 1));
        let empty = "<!-- bench-build: legend -->\n<!-- bench-build: end -->\n";
        assert_eq!(&empty[find(empty).legend.unwrap().0], "");
    }

    #[test]
    fn an_example_is_left_alone() {
        let example = "<!-- bench-build: figures -->\n| a |\n|---|\n<!-- bench-build: end -->\n";
        let found = find(&format!("```markdown\n{example}```\n"));
        assert_eq!((found.rows, found.problems), (Vec::new(), Vec::new()));
        assert_eq!(find(&format!("```\n```\n{example}")).problems.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let unclosed = find("x\n<!-- bench-build: figures -->\n| figure | command |\n");
        assert_eq!(unclosed.problems[0].line, 2);
        let no_column =
            "<!-- bench-build: figures -->\n| a |\n|---|\n| b |\n<!-- bench-build: end -->\n";
        assert!(find(no_column).problems[0].what.contains("`figure`"));
        let short = "<!-- bench-build: figures -->\n| figure | command |\n|---|---|\n| b |\n<!-- bench-build: end -->\n";
        assert_eq!(find(short).problems[0].line, 4);
    }
}
