//! Paths as messages show them.

use camino::Utf8Path;

/// `path` relative to the project in `root`, where it lies in it. The directory itself, which a build script
/// may depend on as a whole, is shown by its name.
pub(crate) fn shown<'p>(root: &Utf8Path, path: &'p Utf8Path) -> &'p str {
    match path.strip_prefix(root) {
        Ok(below) if below.as_str().is_empty() => path.file_name().unwrap_or(path.as_str()),
        Ok(below) => below.as_str(),
        Err(_) => path.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_a_name_that_can_be_read() {
        for (path, expected) in [
            ("/p/src/lib.rs", "src/lib.rs"),
            ("/p", "p"),
            ("/p/", "p"),
            ("/shared/leaf", "/shared/leaf"),
        ] {
            assert_eq!(shown("/p".into(), path.into()), expected);
        }
    }
}
