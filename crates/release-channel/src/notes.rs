//! The release notes: what stands between two marks is ours and follows from the manifest alone; the rest is
//! the user's.

use environment::program;
use project_model::Repository;

use crate::MANIFEST;
use crate::published::{Published, PublishedWheel, download_url};
use crate::text::utc;

/// The marks, as `cargo xtask` writes them; [`program::renamed`] gives those of the other program.
const BEGIN: &str = "<!-- written by `cargo xtask release finish`; what stands outside of these two lines is kept -->";
const END: &str = "<!-- end of what `cargo xtask release finish` has written -->";

/// The title of the release.
#[must_use]
pub fn title(manifest: &Published) -> String {
    format!("{} {}", manifest.name, manifest.version)
}

/// `body` with the notes for `manifest` in the place of older ones, else below.
#[must_use]
pub fn spliced(body: &str, manifest: &Published, repository: &Repository) -> String {
    let [begin, end] = [BEGIN, END].map(|mark| program::renamed(mark, program::in_files()));
    let notes = format!("{begin}\n{}{end}", rendered(manifest, repository));
    match marked(body) {
        Some((before, _, after)) => format!("{before}{notes}{after}"),
        None if body.trim().is_empty() => notes,
        None => format!("{}\n\n{notes}", body.trim_end()),
    }
}

/// Whether `body` holds the notes for `manifest`. A browser sends line ends as CR LF.
#[must_use]
pub fn are_in(body: &str, manifest: &Published, repository: &Repository) -> bool {
    let found = marked(body).map(|(_, ours, _)| ours.replace('\r', ""));
    found.is_some_and(|ours| ours.trim() == rendered(manifest, repository).trim())
}

/// What stands before the marks, between them, and after them.
fn marked(body: &str) -> Option<(&str, &str, &str)> {
    let programs = [program::XTASK, program::PYEXT].into_iter();
    let mut found = programs.filter_map(|program| marked_by(body, program));
    found.next()
}

/// The same, where `program` has written the marks.
fn marked_by<'b>(body: &'b str, program: &str) -> Option<(&'b str, &'b str, &'b str)> {
    let [begin, end] = [BEGIN, END].map(|mark| program::renamed(mark, program));
    let (head, after) = body.split_once(&*end)?;
    // The last one before it: somebody may have removed the end of another.
    let at = head.rfind(&*begin)?;
    Some((&head[..at], &head[at + begin.len()..], after))
}

fn rendered(manifest: &Published, repository: &Repository) -> String {
    let (url, commit) = (repository.url(), &manifest.commit);
    let mut lines = vec![
        format!(
            "**{} {}** was built from commit [{}]({url}/commit/{}) of {}.",
            manifest.name,
            manifest.version,
            commit.short(),
            commit.hash,
            utc(commit.time_s)
        ),
        String::new(),
        format!(
            "Python: {}",
            manifest
                .requires_python
                .as_deref()
                .map_or("any".to_owned(), |it| format!("`{it}`"))
        ),
        String::new(),
        "| wheel | platform | size | SHA-256 |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    // Not what a manifest says, which may have been downloaded.
    let url_of =
        |wheel: &PublishedWheel| download_url(repository, &manifest.release_tag, &wheel.file);
    lines.extend(
        manifest
            .wheels
            .iter()
            .map(|wheel| row(wheel, &url_of(wheel))),
    );
    lines.push("\nTo install exactly this build:\n\n```sh".to_owned());
    lines.extend(manifest.wheels.iter().map(|wheel| {
        format!(
            "uv pip install \"{} @ {}#sha256={}\"",
            manifest.name,
            url_of(wheel),
            wheel.sha256
        )
    }));
    lines.push(format!(
        "```\n\nThis release always holds the newest build; [`{MANIFEST}`]({}) names it, with addresses and checksums.",
        download_url(repository, &manifest.release_tag, MANIFEST)
    ));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn row(wheel: &PublishedWheel, url: &str) -> String {
    let glibc = wheel
        .glibc
        .as_ref()
        .map(|it| format!(", glibc {it} or newer"));
    format!(
        "| [{}]({}) | {}{} | {} kB | `{}` |",
        wheel.file,
        url,
        wheel.platforms.join(", "),
        glibc.unwrap_or_default(),
        wheel.size_bytes.div_ceil(1000),
        wheel.sha256
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::build;
    use expect_test::expect_file;

    fn repository() -> Repository {
        Repository::parse("o/r", "github.com").unwrap()
    }

    #[test]
    fn what_the_user_wrote_is_kept() {
        let (one, two) = (build(1), build(2));
        let empty = spliced("", &one, &repository());
        assert!(are_in(&empty, &one, &repository()) && !are_in(&empty, &two, &repository()));

        let body = spliced("My own words.\r\n", &one, &repository());
        let body = format!("{body}\r\n\r\nMore of them.");
        let next = spliced(&body, &two, &repository());
        assert!(
            next.starts_with("My own words.\n\n<!--") && next.ends_with("-->\r\n\r\nMore of them."),
            "{next}"
        );
        assert!(
            are_in(&next, &two, &repository()) && !next.contains(&*one.version),
            "{next}"
        );
        assert_eq!(spliced(&next, &two, &repository()), next);
    }

    #[test]
    fn line_ends_of_a_browser_make_no_difference() {
        let body = spliced("Words.", &build(1), &repository()).replace('\n', "\r\n");
        assert!(are_in(&body, &build(1), &repository()));
    }

    #[test]
    fn half_a_mark_is_not_one() {
        let body = format!("{BEGIN}\nmine");
        let next = spliced(&body, &build(1), &repository());
        let next = spliced(&next, &build(2), &repository());
        assert!(
            next.contains("\nmine\n") && are_in(&next, &build(2), &repository()),
            "{next}"
        );
    }

    #[test]
    fn they_tell_how_to_install() {
        expect_file!["snapshots/notes.txt"].assert_eq(&rendered(&build(1), &repository()));
    }
}
