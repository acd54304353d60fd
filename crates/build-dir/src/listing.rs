//! All units of a build directory.

use camino::Utf8Path;

use crate::parts::UnitId;
use crate::unit::Profile;

/// The units in `build_dir`, of all packages and profiles.
#[must_use]
pub fn all_units(build_dir: &Utf8Path) -> Vec<UnitId> {
    let profiles = Profile::all(build_dir);
    let dirs = profiles.iter().flat_map(Profile::all_unit_dirs);
    let units = dirs.filter_map(|(package, dir)| {
        UnitId::of_fingerprints(build_dir, &package, &dir.hash, &dir.fingerprints)
    });
    units.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::parts_of;
    use testkit::TempDir;

    fn with_files(files: &[&str]) -> TempDir {
        let dir = TempDir::new();
        for file in files {
            let file = dir.path().join(file.replace("HASH", "0123456789abcdef"));
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            // A fingerprint is a hash.
            fs_err::write(file, "0123456789abcdef").unwrap();
        }
        dir
    }

    fn files_of(dir: &TempDir) -> Vec<String> {
        let units = all_units(dir.path());
        let parts = parts_of(dir.path(), &units).unwrap();
        let mut files: Vec<_> = parts
            .into_values()
            .flatten()
            .map(|part| part.path.into_string().replace("0123456789abcdef", "HASH"))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn all_units_are_found_in_both_layouts_with_a_library_that_has_no_hash() {
        let flat = [
            "debug/.fingerprint/dep-HASH/lib-dep",
            "debug/.fingerprint/dep-HASH/lib-dep.json",
            "debug/deps/dep-HASH.d",
            "debug/deps/libdep-HASH.rlib",
            "x86/release/.fingerprint/top-HASH/lib-_rust",
            "x86/release/.fingerprint/top-HASH/lib-_rust.json",
            "x86/release/deps/_rust.d",
            "x86/release/deps/lib_rust.so",
        ];
        assert_eq!(files_of(&with_files(&flat)), flat);
        let nested = [
            "debug/build/dep/HASH/fingerprint/lib-dep",
            "debug/build/dep/HASH/out/libdep-HASH.rlib",
            "x86/release/build/top/HASH/fingerprint/lib-_rust",
            "x86/release/build/top/HASH/out/lib_rust.so",
        ];
        assert_eq!(files_of(&with_files(&nested)), nested);
    }

    #[test]
    fn a_library_of_one_of_several_units_is_none_of_them() {
        let dir = with_files(&[
            "release/.fingerprint/top-0000000000000000/lib-_rust",
            "release/.fingerprint/top-0000000000000000/lib-_rust.json",
            "release/.fingerprint/top-HASH/lib-_rust",
            "release/.fingerprint/top-HASH/lib-_rust.json",
            "release/deps/lib_rust.so",
        ]);
        assert_eq!(all_units(dir.path()).len(), 2);
        assert!(files_of(&dir).is_empty());
    }
}
