//! Every relative link in the documentation leads to a file, and every `#fragment` to a heading.

use std::collections::BTreeSet;

use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use walkdir::WalkDir;

fn root() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("it lies in the workspace")
}

/// The Markdown files at the top and in the directories that hold documentation.
fn documents() -> Vec<Utf8PathBuf> {
    let deep =
        ["crates", "docs", "requirements", "scripts"].map(|dir| WalkDir::new(root().join(dir)));
    let files = deep
        .into_iter()
        .flatten()
        .chain(WalkDir::new(root()).max_depth(1));
    let paths = files.filter_map(|entry| Utf8PathBuf::try_from(entry.ok()?.into_path()).ok());
    paths
        .filter(|path| path.extension() == Some("md"))
        .collect()
}

/// The targets of all links and pictures in `text`.
fn links(text: &str) -> Vec<String> {
    let targets = Parser::new_ext(text, Options::all()).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url),
        _ => None,
    });
    targets.map(|target| target.to_string()).collect()
}

/// The fragments by which the headings of `text` are reached, as GitHub makes them: lower case, without
/// punctuation, spaces as hyphens.
fn fragments(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => found.extend(heading.take()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.extend(text.chars().filter_map(fragment_char));
                }
            }
            _ => {}
        }
    }
    found
}

fn fragment_char(c: char) -> Option<char> {
    match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ if c.is_alphanumeric() => c.to_lowercase().next(),
        _ => None,
    }
}

/// Why `link` in `document` leads nowhere, if it does.
fn broken(document: &Utf8Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => document.to_owned(),
        path => document.parent()?.join(path),
    };
    if !target.exists() {
        return Some(format!("{document}: `{link}` leads to no file"));
    }
    if fragment.is_empty() {
        return None;
    }
    let text = fs_err::read_to_string(&target).ok()?;
    let missing = !fragments(&text).contains(fragment);
    missing.then(|| format!("{document}: `{link}` leads to no heading"))
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() > 3, "{documents:?}");
    let mut all = Vec::new();
    for document in documents {
        let text = fs_err::read_to_string(&document).expect("it can be read");
        all.extend(
            links(&text)
                .iter()
                .filter_map(|link| broken(&document, link)),
        );
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_broken_link_is_noticed() {
    let document = root().join("README.md");
    assert!(broken(&document, "no-such-file.md").is_some());
    assert!(broken(&document, "#no-such-heading").is_some());
    assert!(broken(&document, "LICENSE-MIT").is_none());
    assert_eq!(links("[a](b.md) ![c](d.svg)"), ["b.md", "d.svg"]);
    assert!(fragments("# The `dev` loop, fast").contains("the-dev-loop-fast"));
}

/// Who looks for one thing does not read more. The list of all commands is looked up, and not read.
#[test]
fn no_page_is_longer_than_300_lines() {
    let read = documents()
        .into_iter()
        .filter(|path| !path.ends_with("docs/commands.md"));
    for path in read {
        let text = fs_err::read_to_string(&path).expect("it can be read");
        let length = text.lines().count();
        assert!(length <= 300, "{path} has {length} lines");
    }
}
