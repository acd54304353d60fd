//! Whose linker it is that we stand in for, and under which name.

use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};

use crate::obstacle::options;

/// What the stand-in is called. rustc goes by the end of a linker's name: it has the lld of the toolchain
/// used where the name is neither gcc's nor clang's.
const STAND_INS: [&str; 3] = ["prelink-cc", "prelink-gcc", "prelink-clang"];

/// The name under which this program stands in for the configured `linker`, if one is.
#[must_use]
pub fn name_for(linker: Option<&str>) -> &'static str {
    let stem = linker.and_then(|linker| Utf8Path::new(linker).file_name());
    let says =
        |names: &[&str]| stem.is_some_and(|stem| names.iter().any(|name| stem.contains(name)));
    let [cc, gcc, clang] = STAND_INS;
    match () {
        () if says(&["clang"]) => clang,
        () if says(&["gcc", "g++"]) => gcc,
        () => cc,
    }
}

/// Whether a program of this name is one of ours.
pub(crate) fn is_ours(program: &Path) -> bool {
    STAND_INS.iter().any(|name| program.ends_with(name))
}

/// The linker that rustc would have called: the one named before ours, which comes last.
#[must_use]
pub(crate) fn linker_of(rustc: &[String]) -> Utf8PathBuf {
    let mut linkers = options(rustc).filter_map(|option| option.strip_prefix("linker="));
    let not_ours = |linker: &&str| !is_ours(Path::new(linker));
    linkers.rfind(not_ours).unwrap_or("cc").into()
}

/// Whether `linker` takes the arguments of a C compiler. rustc calls one that is named as a plain linker with
/// those of a plain linker; as it goes by the name, it has called us with others.
pub(crate) fn takes_compiler_arguments(linker: &Utf8Path) -> bool {
    let stem = linker.file_stem().unwrap_or_default();
    let name = linker.file_name().unwrap_or_default();
    !["ld", "lld", "rust-lld", "mold", "wild", "gold"].contains(&stem) && !name.starts_with("ld.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_to_rustc_what_that_of_the_users_linker_says() {
        let table = [
            (None, "prelink-cc"),
            (Some("cc"), "prelink-cc"),
            (Some("/opt/clang-17"), "prelink-clang"),
            (Some("aarch64-linux-gnu-gcc"), "prelink-gcc"),
            (Some("g++"), "prelink-gcc"),
            (Some("/opt/clang/bin/cc"), "prelink-cc"),
        ];
        for (linker, expected) in table {
            assert_eq!(name_for(linker), expected, "{linker:?}");
        }
    }

    #[test]
    fn a_plain_linker_takes_other_arguments() {
        for linker in [
            "cc",
            "clang",
            "/opt/bin/gcc-12",
            "aarch64-linux-gnu-gcc",
            "clang-17",
        ] {
            assert!(takes_compiler_arguments(linker.into()), "{linker}");
        }
        for linker in [
            "ld",
            "ld.lld",
            "/usr/bin/mold",
            "rust-lld",
            "wild",
            "ld.bfd",
        ] {
            assert!(!takes_compiler_arguments(linker.into()), "{linker}");
        }
    }

    #[test]
    fn the_users_linker_is_the_one_before_ours() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let table = [
            ("rustc --crate-name x -C linker=/t/prelink-cc", "cc"),
            (
                "rustc -C linker=clang -C debuginfo=2 -C linker=/t/prelink-cc",
                "clang",
            ),
            (
                "rustc -Clinker=/opt/gcc -C linker=/t/prelink-cc",
                "/opt/gcc",
            ),
        ];
        for (args, expected) in table {
            assert_eq!(linker_of(&words(args)), expected);
        }
    }
}
