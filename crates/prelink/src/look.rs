//! What is to be known of a linker call's files, and of the rustc that makes it.

use build_dir::dep_info::prerequisites;
use camino::Utf8Path;

use crate::call::{LinkCall, expanded};
use crate::elf::defines;
use crate::facts::Facts;
use crate::outcome::Known;

/// An allocator shim is no larger, in bytes.
const SHIM_LIMIT_BYTES: u64 = 40_000;

/// How cargo marks what it has fetched: crates of registries and checkouts of git, and the crates in a
/// directory of `cargo vendor`.
const MARKS: [&str; 2] = [".cargo-ok", ".cargo-checksum.json"];

/// Looks at the files of `call`. `known` are rlibs of the last call, and whether cargo has fetched them: an
/// rlib has the hash of its package's source in its name. `rustc` are the arguments of the compiler.
pub(crate) fn look(call: &LinkCall, rustc: Vec<String>, known: &Known) -> (Facts, Known) {
    let mut now = Known::default();
    let mut facts = Facts {
        rustc,
        ..Facts::default()
    };
    for rlib in call.rlibs() {
        let is_fetched = known.is_fetched(rlib).unwrap_or_else(|| is_fetched(rlib));
        if is_fetched {
            facts.fetched.insert(rlib.to_owned());
            now.fetched.insert(rlib.to_owned());
        } else {
            now.own.insert(rlib.to_owned());
        }
    }
    // The last of rustc's objects, as far as is known.
    facts.shim = call
        .objects_from_the_end()
        .find(|it| is_shim(it))
        .map(Utf8Path::to_owned);
    (facts, now)
}

/// Whether the crate of an rlib comes from cargo, or with the toolchain, rather than from a directory where
/// somebody works on it. That is told by the sources that rustc has noted beside it; where it has noted
/// nothing, by where it lies.
fn is_fetched(rlib: &Utf8Path) -> bool {
    let dir = rlib.parent().unwrap_or(rlib);
    let stem = rlib.file_stem().unwrap_or_default();
    let note = dir
        .join(stem.strip_prefix("lib").unwrap_or(stem))
        .with_extension("d");
    let Ok(text) = fs_err::read_to_string(note) else {
        return dir.components().any(|part| part.as_str() == "rustlib");
    };
    // A relative name is one of the workspace's.
    let sources = prerequisites(&text, "".into());
    let root = sources.first().filter(|path| path.is_absolute());
    root.is_some_and(|path| {
        let mut dirs = path.ancestors().skip(1);
        dirs.any(|dir| MARKS.iter().any(|mark| dir.join(mark).is_file()))
    })
}

/// Whether `object` is the allocator shim. It is known by a symbol that rustc puts there and nowhere else
/// (`rustc_codegen_llvm::allocator`).
fn is_shim(object: &Utf8Path) -> bool {
    let is_small = fs_err::metadata(object).is_ok_and(|it| it.len() < SHIM_LIMIT_BYTES);
    is_small && defines(object, "__rust_no_alloc_shim_is_unstable").unwrap_or(false)
}

/// The arguments of the process that has started us, which is rustc.
pub(crate) fn rustc_args() -> Vec<String> {
    let parent = rustix::process::getppid();
    let path = parent.map(|pid| format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
    let line = path
        .and_then(|path| fs_err::read(path).ok())
        .unwrap_or_default();
    let args = line.split(|byte| *byte == 0).filter(|arg| !arg.is_empty());
    let args = args.map(|arg| String::from_utf8_lossy(arg).into_owned());
    expanded(args, |path| fs_err::read_to_string(path)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;
    use testkit::TempDir;

    #[test]
    fn who_has_written_a_crate_is_told_by_its_sources() {
        let dir = TempDir::new();
        let path = |name: &str| dir.path().join(name);
        fs_err::create_dir_all(path("registry/serde-1.0/src")).unwrap();
        fs_err::write(path("registry/serde-1.0/.cargo-ok"), "").unwrap();
        fs_err::create_dir_all(path("own/src")).unwrap();
        let table = [
            ("serde", path("registry/serde-1.0/src/lib.rs"), true),
            ("own", path("own/src/lib.rs"), false),
            (
                "member",
                Utf8PathBuf::from("crates/member/src/lib.rs"),
                false,
            ),
        ];
        for (name, source, expected) in table {
            let rlib = path(&format!("lib{name}-0123.rlib"));
            fs_err::write(path(&format!("{name}-0123.d")), format!("x: {source}\n")).unwrap();
            assert_eq!(is_fetched(&rlib), expected, "{name}");
        }
        assert!(is_fetched("/r/lib/rustlib/x/lib/libstd-0123.rlib".into()));
        assert!(!is_fetched(&path("libunknown-0123.rlib")));
    }
}
