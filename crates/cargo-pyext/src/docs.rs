//! `cargo pyext docs`: the pages of the documentation, as the version has them that is installed.

use clap::builder::{PossibleValue, PossibleValuesParser};
use commands::{Answer, ui};
use environment::program;

/// Print a page of the documentation, in Markdown
///
/// It is the page of the version that is installed. Without a name, the pages are listed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The page
    #[arg(value_parser = pages())]
    page: Option<String>,
}

macro_rules! pages {
    ($($name:literal)*) => {
        [
            $(($name, include_str!(concat!("../../../docs/", $name, ".md"))),)*
            (OF_A_CRATE, include_str!("../../cache-keys/README.md")),
        ]
    };
}

/// The names and texts of the pages that tell of any project, in the order in which they are to be read.
const PAGES: [(&str, &str); 20] = pages! {
    "first-steps" "edit-loop" "on-import" "environments" "caches" "devcontainer" "wheels" "colab" "measuring"
    "trouble" "commands" "environment" "doctor" "measuring-json" "prelinking" "store" "rebuilds"
    "rust-build-optimization" "architecture"
};

/// The page that lies with its crate, and names the commands as this workspace has them.
const OF_A_CRATE: &str = "cache-keys";

fn pages() -> PossibleValuesParser {
    let values = PAGES.map(|(name, text)| {
        let title = program::renamed(title(text), program::PYEXT).into_owned();
        PossibleValue::new(name).help(title)
    });
    PossibleValuesParser::new(values)
}

/// The first heading.
fn title(page: &'static str) -> &'static str {
    let first = page.lines().next().unwrap_or_default();
    first.trim_start_matches(['#', ' '])
}

/// What is asked for.
fn text(args: &Args) -> String {
    let Some(name) = &args.page else {
        let width = PAGES.map(|(name, _)| name.len()).into_iter().max();
        let width = width.unwrap_or_default();
        let lines = PAGES.map(|(name, text)| {
            let title = program::renamed(title(text), program::PYEXT);
            format!("{name:width$}  {title}\n")
        });
        return lines.concat() + LINKS;
    };
    let page = PAGES.iter().find(|(known, _)| known == name);
    let text = page.map_or("", |(_, text)| *text);
    if name == OF_A_CRATE {
        return program::renamed(text, program::PYEXT).into_owned();
    }
    text.to_owned()
}

/// What is to be known of a page that is read as text.
const LINKS: &str = "\nA link such as [the store](store.md) leads to the page `store`.\n";

pub(crate) fn run(args: &Args) -> Answer {
    ui::print(&text(args));
    Answer::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages of this repository's own package, and of who works on it.
    const NOT_SHOWN: [&str; 5] = [
        "README",
        "first-steps-here",
        "records",
        "rust-backend",
        "rust-backend.ja",
    ];

    #[test]
    fn every_page_can_be_printed() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        let files = fs_err::read_dir(docs).unwrap().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let mut there: Vec<_> = names
            .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
            .collect();
        let shown = PAGES.map(|(name, _)| name).into_iter().chain(NOT_SHOWN);
        let shown = shown.filter(|name| *name != OF_A_CRATE);
        let mut expected: Vec<_> = shown.map(str::to_owned).collect();
        there.sort();
        expected.sort();
        assert_eq!(there, expected);
    }

    #[test]
    fn a_page_is_found_by_its_name_and_listed_with_its_title() {
        let page = |page: Option<&str>| {
            let page = page.map(str::to_owned);
            text(&Args { page })
        };
        assert!(page(Some("caches")).starts_with("# Caches\n"));
        let list = page(None);
        assert!(list.contains("caches                   Caches\n"), "{list}");
        assert_eq!(list.lines().count(), PAGES.len() + 2);
        assert!(!page(Some(OF_A_CRATE)).contains("cargo xtask") && !list.contains("xtask"));
    }
}
