//! The arguments for compilers that take the machine's paths out of what they build.

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;

use crate::outside::Outside;
use crate::toolchain::Toolchain;

/// A directory, and what stands for it in what is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remap {
    /// The directory of this machine.
    pub from: Utf8PathBuf,
    /// What is written instead.
    pub to: String,
}

/// The directories that rustc would write into what it builds: of two that contain one another, the inner one
/// comes last, since rustc goes by the last that fits.
#[must_use]
pub fn remaps(
    toolchain: &Toolchain,
    source: &Utf8Path,
    target_dir: &Utf8Path,
    outside: &[Outside],
) -> Vec<Remap> {
    let remap = |from: Utf8PathBuf, to: &str| Remap {
        from,
        to: to.to_owned(),
    };
    let sysroot = &toolchain.sysroot;
    let mut remaps = vec![
        remap(sysroot.clone(), "/rust"),
        // Where the sources of the standard library are installed, rustc names them; else the path that they
        // had.
        remap(
            sysroot.join("lib/rustlib/src/rust"),
            &toolchain.standard_library,
        ),
        remap(target_dir.to_owned(), "/target"),
        remap(source.to_owned(), "/source"),
    ];
    remaps.extend(
        toolchain
            .cargo_home
            .clone()
            .map(|home| remap(home, "/cargo")),
    );
    // A manifest may name it by a path of this machine: then it is not the copy that is compiled.
    let outside = outside.iter();
    remaps.extend(outside.map(|it| remap(it.dir.clone(), &format!("/source/{}", it.name))));
    remaps.sort_by_key(|remap| remap.from.components().count());
    remaps
}

/// The arguments that make them.
#[must_use]
pub fn remap_flags(remaps: &[Remap]) -> Vec<String> {
    let flags = remaps.iter();
    flags
        .map(|remap| format!("--remap-path-prefix={}={}", remap.from, remap.to))
        .collect()
}

/// The same for C compilers, whose code may be part of an extension.
#[must_use]
pub fn c_flags(remaps: &[Remap]) -> String {
    let flags = remaps
        .iter()
        .filter(|remap| !remap.from.as_str().contains(char::is_whitespace));
    let flags = flags.map(|remap| format!("-ffile-prefix-map={}={}", remap.from, remap.to));
    flags.collect::<Vec<_>>().join(" ")
}

/// The variable that hands `flags` over.
#[must_use]
pub fn variable(flags: &[String]) -> (&'static str, String) {
    if flags.iter().any(|flag| flag.contains(char::is_whitespace)) {
        (vars::CARGO_ENCODED_RUSTFLAGS, flags.join("\u{1f}"))
    } else {
        (vars::RUSTFLAGS, flags.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn the_inner_directory_comes_last() {
        let dir = TempDir::new();
        let (target, source) = (dir.path().join("target"), dir.path().join("target/source"));
        fs_err::create_dir_all(&source).unwrap();
        let toolchain = Toolchain::here(dir.path()).unwrap();
        let remaps = remaps(&toolchain, &source, &target, &[]);
        let position =
            |path: &Utf8Path| remaps.iter().position(|remap| remap.from == *path).unwrap();
        assert!(position(&target) < position(&source));
        let flags = remap_flags(&remaps);
        assert!(flags.contains(&format!("--remap-path-prefix={source}=/source")));
        assert!(remaps.iter().any(|remap| remap.to.starts_with("/rustc/")));
    }

    #[test]
    fn a_path_with_a_space_takes_the_other_variable() {
        assert_eq!(
            variable(&["-A".to_owned(), "-B".to_owned()]),
            ("RUSTFLAGS", "-A -B".to_owned())
        );
        let (name, value) = variable(&["-A b".to_owned(), "-B".to_owned()]);
        assert_eq!(
            (name, value.as_str()),
            ("CARGO_ENCODED_RUSTFLAGS", "-A b\u{1f}-B")
        );
    }
}
