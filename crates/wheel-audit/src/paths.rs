//! Paths of the machine that built it.

use memchr::memmem;

/// What only a build leaves behind, wherever it ran: the sources of crates and of the toolchain, and the
/// checkouts of GitHub's machines. With `|` for `/`: else they would be found in the wheel of this program.
const TRACES: [&str; 4] = [
    "|.cargo|registry|",
    "|.cargo|git|",
    "|.rustup|toolchains|",
    "|home|runner|work|",
];

/// The longest path that is shown, in bytes.
const SHOWN: usize = 120;

/// Paths in `content` that begin with one of `forbidden` or hold the traces of a build: one for each. Nothing
/// is looked for where nothing is forbidden: others build as they like.
pub(crate) fn of_the_builder(content: &[u8], forbidden: &[String]) -> Vec<String> {
    if forbidden.is_empty() {
        return Vec::new();
    }
    let traces = TRACES.map(|trace| trace.replace('|', "/"));
    let own = forbidden.iter().map(|path| (path, false));
    let found = own.chain(traces.iter().map(|path| (path, true)));
    let found = found.filter_map(|(path, begins_anywhere)| {
        let mut finder = memmem::find_iter(content, path.as_bytes());
        finder.find_map(|at| path_around(content, at, path, begins_anywhere))
    });
    found.collect()
}

/// The path that has `part` at `at`; `None` where `part` is only the beginning of another name, or, unless it
/// `begins_anywhere`, stands within a longer path.
fn path_around(content: &[u8], at: usize, part: &str, begins_anywhere: bool) -> Option<String> {
    let is_path = |byte: &u8| byte.is_ascii_graphic() && !b"\"'`<>|:;,()".contains(byte);
    let next = content.get(at + part.len());
    let ends = part.ends_with('/')
        || next.is_none_or(|next| !next.is_ascii_alphanumeric() && !b"-_.".contains(next));
    // `/srv/root/x` does not begin with `/root`.
    let before = content[..at].last().filter(|byte| is_path(byte));
    let begins = begins_anywhere || before.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    // Most of a file may be places that are none, so that only of one that is the whole path is looked for.
    if !(ends && begins) {
        return None;
    }
    let before = content[..at].iter().rev().take(SHOWN);
    let before = before.take_while(|byte| is_path(byte)).count();
    let after = content[at..].iter().take(SHOWN);
    let after = after.take_while(|byte| is_path(byte)).count();
    Some(String::from_utf8_lossy(&content[at - before..at + after]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_anywhere_and_shown_whole() {
        let forbidden = ["/src/thing".to_owned()];
        let content = b"\0panicked at /src/thing/native/src/lib.rs:3\0";
        assert_eq!(
            of_the_builder(content, &forbidden),
            ["/src/thing/native/src/lib.rs"]
        );
        let content = b"\0/x/.cargo/registry/src/a-1.0/lib.rs\0";
        assert_eq!(
            of_the_builder(content, &forbidden),
            ["/x/.cargo/registry/src/a-1.0/lib.rs"]
        );
        assert!(of_the_builder(content, &[]).is_empty());
    }

    #[test]
    fn a_path_that_only_looks_alike_is_not() {
        let forbidden = ["/src/thing".to_owned()];
        for content in ["/src/things/x", "/usr/src/thing-2", "my/src/thing/x"] {
            assert!(
                of_the_builder(content.as_bytes(), &forbidden).is_empty(),
                "{content}"
            );
        }
    }
}
