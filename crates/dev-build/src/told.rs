//! What is said of a project once.

use camino::Utf8Path;
use files::write;

/// Whether it is the first time that `what` is said of the project with this scratch directory. Where that
/// cannot be noted, it is said again.
pub(crate) fn is_first(scratch: &Utf8Path, what: &str) -> bool {
    let file = scratch.with_extension(format!("{what}-told"));
    let is_first = !file.exists();
    if is_first {
        let _ = write::atomically(&file, "");
    }
    is_first
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn each_is_said_once() {
        let dir = TempDir::new();
        let scratch = dir.path().join("0123");
        for what in ["one", "other"] {
            assert!(is_first(&scratch, what));
            assert!(!is_first(&scratch, what));
        }
    }
}
