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

/// The pages `docs/NAME.md` that `text` names. Other projects have pages in `docs/` too, but ours have small
/// letters.
fn named_pages(text: &str) -> BTreeSet<&str> {
    let is_in_name = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    let words = text.split(|c| !is_in_name(c));
    let pages = words.map(|word| word.trim_end_matches('.'));
    pages
        .filter(|word| word.starts_with("docs/") && word.ends_with(".md"))
        .filter(|word| !word.contains(char::is_uppercase))
        .collect()
}

/// What comments and messages name.
#[test]
fn every_page_that_the_code_names_is_there() {
    let dirs = [
        ".devcontainer",
        ".github",
        "crates",
        "scripts",
        "src",
        "xtask/src",
    ];
    let files = dirs.map(|dir| WalkDir::new(root().join(dir)));
    let manifest = WalkDir::new(root().join("Cargo.toml"));
    let files = files.into_iter().flatten().chain(manifest);
    for entry in files.filter_map(Result::ok) {
        // What is no text names no page.
        let Ok(text) = fs_err::read_to_string(entry.path()) else {
            continue;
        };
        for page in named_pages(&text) {
            let path = entry.path().display();
            assert!(root().join(page).exists(), "{path} names {page}");
        }
    }
}

#[test]
fn a_page_is_told_by_its_name() {
    let text =
        "the page (docs/a.md); docs/b.md, `docs/c.mdx`, docs/x/d.md. See docs/E.md, docs/f.json";
    let pages: Vec<_> = named_pages(text).into_iter().collect();
    assert_eq!(pages, ["docs/a.md", "docs/b.md", "docs/x/d.md"]);
}

/// Lists that are looked up and not read have no limit.
fn most_lines(path: &Utf8Path) -> usize {
    match path.file_name() {
        Some("commands.md") => usize::MAX,
        Some("architecture.md" | "rust-build-optimization.md") => 300,
        _ if path.starts_with(root().join("docs")) => 150,
        _ => 300,
    }
}

/// Who looks for one thing does not read more.
#[test]
fn no_page_is_too_long() {
    for path in documents() {
        let text = fs_err::read_to_string(&path).expect("it can be read");
        let (length, most) = (text.lines().count(), most_lines(&path));
        assert!(
            length <= most,
            "{path} has {length} lines, and may have {most}"
        );
    }
}

/// Whoever looks for a page finds it in the index.
#[test]
fn the_index_has_every_page() {
    let index = root().join("docs/README.md");
    let listed = links(&fs_err::read_to_string(&index).expect("it can be read"));
    let pages = documents()
        .into_iter()
        .filter(|path| path.starts_with(root().join("docs")) && *path != index);
    for page in pages {
        let name = page.file_name().expect("it is a file");
        assert!(listed.iter().any(|link| link == name), "{name}");
    }
}
