//! Where things stand in a TOML text, in bytes.
//!
//! `toml_edit` knows the positions of keys and values, but not those of commas, nor which `#` begins a
//! comment and which stands in a string. So this reads the events of the parser that `toml_edit` itself uses.

use std::ops::Range;

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind};

/// The positions in one text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// The tables with a header, after the root, which has none.
    pub(crate) sections: Vec<Section>,
    /// Every `key = value`, also in inline tables, but not in tables that are elements of an array.
    pub(crate) entries: Vec<Entry>,
    /// From the `#` to the end of the line.
    pub(crate) comments: Vec<Range<usize>>,
    /// The commas of arrays and inline tables.
    pub(crate) commas: Vec<usize>,
}

/// The root, or a table with a header.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) path: Vec<String>,
    /// Whether it is an element of an array of tables.
    pub(crate) is_element: bool,
    /// From `[` to `]`; empty for the root.
    pub(crate) header: Range<usize>,
}

/// A `key = value`.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// From the root.
    pub(crate) path: Vec<String>,
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
    pub(crate) shape: Shape,
    pub(crate) home: Home,
}

/// What a value is made of.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Scalar,
    /// The positions of its elements.
    Array(Vec<Range<usize>>),
    /// Its entries name it as their home.
    Table,
}

/// What an entry stands in directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// The section of this number.
    Section(usize),
    /// The inline table that is the value of the entry of this number.
    Inline(usize),
}

impl Layout {
    /// The positions in `text`, which is known to be TOML.
    pub(crate) fn of(text: &str) -> Self {
        let tokens = Source::new(text).lex().into_vec();
        let mut events: Vec<Event> = Vec::with_capacity(tokens.len());
        toml_parser::parser::parse_document(&tokens, &mut events, &mut ());
        let mut reader = Reader {
            text,
            events: events.into_iter(),
            layout: Self::default(),
        };
        reader.document();
        reader.layout
    }

    /// The number of the entry at exactly `path`.
    pub(crate) fn find(&self, path: &[&str]) -> Option<usize> {
        self.entries.iter().position(|entry| entry.path == path)
    }

    /// The entry that begins the statement in which the entry `number` stands: itself, unless that is within
    /// an inline table.
    pub(crate) fn statement(&self, number: usize) -> usize {
        match self.entries[number].home {
            Home::Section(_) => number,
            Home::Inline(table) => self.statement(table),
        }
    }

    /// The numbers of the entries that stand directly in `home`.
    pub(crate) fn within(&self, home: Home) -> impl DoubleEndedIterator<Item = usize> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(move |(number, entry)| (entry.home == home).then_some(number))
    }

    /// The path of `home`.
    pub(crate) fn path_of(&self, home: Home) -> &[String] {
        match home {
            Home::Section(number) => &self.sections[number].path,
            Home::Inline(number) => &self.entries[number].path,
        }
    }

    /// The first comma in `range`.
    pub(crate) fn comma_in(&self, range: Range<usize>) -> Option<usize> {
        let mut commas = self.commas.iter().copied();
        commas.find(|comma| range.contains(comma))
    }

    /// The positions of what `entry` contains: the elements of an array, the entries of an inline table.
    pub(crate) fn items(&self, entry: usize) -> Vec<Range<usize>> {
        match &self.entries[entry].shape {
            Shape::Scalar => Vec::new(),
            Shape::Array(elements) => elements.clone(),
            Shape::Table => {
                let inner = self.within(Home::Inline(entry));
                inner.map(|inner| self.entries[inner].range()).collect()
            }
        }
    }
}

impl Entry {
    /// From the key to the end of the value.
    pub(crate) fn range(&self) -> Range<usize> {
        self.key.start..self.value.end
    }

    /// Whether it is at `path` or below.
    pub(crate) fn is_below<S: AsRef<str>>(&self, path: &[S]) -> bool {
        let starts = self.path.iter().zip(path).all(|(a, b)| a == b.as_ref());
        starts && self.path.len() >= path.len()
    }
}

/// Goes through the events once.
struct Reader<'t> {
    text: &'t str,
    events: std::vec::IntoIter<Event>,
    layout: Layout,
}

impl Reader<'_> {
    /// The next event that is not just space. Comments and commas are noted on the way.
    fn next(&mut self) -> Option<Event> {
        loop {
            let event = self.events.next()?;
            match event.kind() {
                EventKind::Whitespace | EventKind::Newline | EventKind::KeySep => {}
                EventKind::Comment => self.layout.comments.push(range(event)),
                EventKind::ValueSep => self.layout.commas.push(event.span().start()),
                _ => return Some(event),
            }
        }
    }

    fn document(&mut self) {
        self.section(Vec::new(), false, 0..0);
        while let Some(event) = self.next() {
            match event.kind() {
                EventKind::StdTableOpen | EventKind::ArrayTableOpen => self.header(event),
                EventKind::SimpleKey => {
                    let section = self.layout.sections.len() - 1;
                    let path = self.layout.sections[section].path.clone();
                    self.entry(event, path, Home::Section(section));
                }
                _ => {}
            }
        }
    }

    fn section(&mut self, path: Vec<String>, is_element: bool, header: Range<usize>) {
        self.layout.sections.push(Section {
            path,
            is_element,
            header,
        });
    }

    fn header(&mut self, open: Event) {
        let mut path = Vec::new();
        while let Some(event) = self.next() {
            if event.kind() != EventKind::SimpleKey {
                let is_element = open.kind() == EventKind::ArrayTableOpen;
                self.section(path, is_element, open.span().start()..event.span().end());
                return;
            }
            path.push(self.key(event));
        }
    }

    /// The entry whose key begins with `first`.
    fn entry(&mut self, first: Event, mut path: Vec<String>, home: Home) {
        let mut key = range(first);
        path.push(self.key(first));
        while let Some(event) = self.next() {
            if event.kind() != EventKind::SimpleKey {
                break;
            }
            path.push(self.key(event));
            key.end = event.span().end();
        }
        let number = self.layout.entries.len();
        // Its number must be known before its inner entries are read.
        self.layout.entries.push(Entry {
            path: path.clone(),
            key,
            value: 0..0,
            shape: Shape::Scalar,
            home,
        });
        if let Some((value, shape)) = self.value(&path, number) {
            self.layout.entries[number].value = value;
            self.layout.entries[number].shape = shape;
        }
    }

    fn value(&mut self, path: &[String], number: usize) -> Option<(Range<usize>, Shape)> {
        let event = self.next()?;
        let start = event.span().start();
        match event.kind() {
            EventKind::ArrayOpen => {
                let (elements, end) = self.elements()?;
                Some((start..end, Shape::Array(elements)))
            }
            EventKind::InlineTableOpen => {
                let end = self.inline_table(path, number)?;
                Some((start..end, Shape::Table))
            }
            _ => Some((range(event), Shape::Scalar)),
        }
    }

    fn elements(&mut self) -> Option<(Vec<Range<usize>>, usize)> {
        let mut elements = Vec::new();
        loop {
            let event = self.next()?;
            match event.kind() {
                EventKind::ArrayClose => return Some((elements, event.span().end())),
                EventKind::ArrayOpen | EventKind::InlineTableOpen => {
                    elements.push(event.span().start()..self.skipped_to()?);
                }
                _ => elements.push(range(event)),
            }
        }
    }

    /// Where the bracket or brace closes that has just been opened.
    fn skipped_to(&mut self) -> Option<usize> {
        let mut depth = 1;
        // The commas in there belong to nothing that is noted.
        let commas = self.layout.commas.len();
        loop {
            let event = self.next()?;
            match event.kind() {
                EventKind::ArrayOpen | EventKind::InlineTableOpen => depth += 1,
                EventKind::ArrayClose | EventKind::InlineTableClose => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.layout.commas.truncate(commas);
                return Some(event.span().end());
            }
        }
    }

    fn inline_table(&mut self, path: &[String], number: usize) -> Option<usize> {
        loop {
            let event = self.next()?;
            match event.kind() {
                EventKind::InlineTableClose => return Some(event.span().end()),
                EventKind::SimpleKey => self.entry(event, path.to_vec(), Home::Inline(number)),
                _ => {}
            }
        }
    }

    /// A key without its quotes.
    fn key(&self, event: Event) -> String {
        let mut key = std::borrow::Cow::Borrowed("");
        if let Some(raw) = Source::new(self.text).get(event) {
            raw.decode_key(&mut key, &mut ());
        }
        key.into_owned()
    }
}

fn range(event: Event) -> Range<usize> {
    event.span().start()..event.span().end()
}
