//! What was built once is not built again: in other checkouts, after `target/` and `.venv` are gone, on
//! another branch and back.

use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use testkit::Fixture;

use crate::xtask;

/// A checkout with a crate of its own beside the extension, and a store that only its test knows.
struct Checkout {
    root: Utf8PathBuf,
    store: Utf8PathBuf,
}

const LEAF: &str = "pub fn value() -> i64 { 1 }\n";

/// The project, which is to be kept, and its checkout.
fn project(name: &str) -> (Fixture, Checkout) {
    let project = Fixture::light(name);
    let leaf = "[package]\nname = \"leaf\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    project.write("native/leaf/Cargo.toml", leaf);
    project.write("native/leaf/src/lib.rs", LEAF);
    project.edit(
        "native/Cargo.toml",
        "[dependencies]\n",
        "[dependencies]\nleaf = { path = \"leaf\" }\n",
    );
    let library = fs_err::read_to_string(project.root().join("native/src/lib.rs")).unwrap();
    let using = format!(
        "{library}\n#[unsafe(no_mangle)]\npub extern \"C\" fn of_leaf() -> i64 {{ leaf::value() }}\n"
    );
    project.write("native/src/lib.rs", &using);
    let checkout = Checkout {
        root: project.root(),
        store: project.beside("store"),
    };
    (project, checkout)
}

impl Checkout {
    /// `dev`, which must succeed; what it wrote to standard error.
    fn dev(&self) -> String {
        let done = self.command(&["dev"]).capture().unwrap();
        assert!(done.status.success(), "{}", done.stderr);
        done.stderr
    }

    fn command(&self, args: &[&str]) -> Invocation {
        xtask(&self.root)
            .args(args.iter().copied())
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("XTASK_NO_STORE")
            .env("XTASK_STORE_DIR", self.store.as_str())
    }

    /// A copy of what git would have, in another directory, with the same store.
    fn elsewhere(&self, name: &str) -> Self {
        let root = self.root.with_file_name(name);
        let copying = Invocation::new("cp").args(["-r", self.root.as_str(), root.as_str()]);
        copying.read().unwrap();
        for made in [".venv", "native/target"] {
            fs_err::remove_dir_all(root.join(made)).unwrap();
        }
        Self {
            root,
            store: self.store.clone(),
        }
    }

    fn remove(&self, name: &str) {
        fs_err::remove_dir_all(self.root.join(name)).unwrap();
    }

    fn edit(&self, file: &str, line: &str) {
        let path = self.root.join(file);
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(path, format!("{text}{line}\n")).unwrap();
    }
}

/// The names of the crates that cargo has compiled.
fn compiled(said: &str) -> Vec<&str> {
    let lines = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Compiling "));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

#[track_caller]
fn assert_restored(said: &str) {
    assert!(said.contains("Restored the extension"), "{said}");
    assert!(compiled(said).is_empty(), "{said}");
}

#[test]
fn nothing_is_built_twice() {
    let (_project, one) = project("stored_thing");
    let extension = "stored_thing";
    assert!(compiled(&one.dev()).contains(&"pyo3-ffi"));
    one.remove("native/target");
    let planned = one.command(&["dev", "--dry-run"]).capture().unwrap().stdout;
    assert!(
        planned.contains("from the store") && !planned.contains("compile"),
        "{planned}"
    );
    assert_restored(&one.dev());
    one.remove(".venv");
    assert_restored(&one.dev());

    // cargo writes a space otherwise in the ids of packages.
    let other = one.elsewhere("an other");
    assert_restored(&other.dev());
    assert!(
        other.dev().contains("Fresh"),
        "it is remembered as any build"
    );
    // There, no crate has been compiled yet: an edit compiles what it needs.
    other.edit("native/src/lib.rs", "// edited");
    assert_eq!(compiled(&other.dev()), [extension]);
    other.edit("native/leaf/src/lib.rs", "// edited");
    assert_eq!(compiled(&other.dev()), ["leaf", extension]);

    assert_restored(&other.elsewhere("the third one").dev());

    // The first checkout gets to the same, and back.
    one.edit("native/src/lib.rs", "// edited");
    one.edit("native/leaf/src/lib.rs", "// edited");
    assert_restored(&one.dev());
    fs_err::write(one.root.join("native/leaf/src/lib.rs"), LEAF).unwrap();
    assert_restored(&one.dev());
    looked_at_and_made_smaller(&one);
}

/// What the store tells, and what it does when it is told to.
fn looked_at_and_made_smaller(one: &Checkout) {
    let status = one.command(&["store", "status", "--json"]).read().unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["extensions"].as_u64(), Some(3), "{status}");
    assert!(
        status["saved"]["extensions"].as_u64() >= Some(4),
        "{status}"
    );
    assert!(status["units"].as_u64() > Some(5), "{status}");
    let text = one.command(&["store", "status"]).read().unwrap();
    assert!(text.contains(one.root.as_str()), "{text}");

    one.command(&["store", "prune", "--size", "1"])
        .read()
        .unwrap();
    let status = one.command(&["store", "status", "--json"]).read().unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["extensions"], &status["units"]),
        (&0.into(), &0.into()),
        "{status}"
    );
    assert!(
        one.dev().contains("Fresh"),
        "an install needs nothing of it"
    );
    one.command(&["store", "clear"]).read().unwrap();
    assert!(!one.store.join("v1").exists());
    one.remove("native/target");
    assert!(
        compiled(&one.dev()).contains(&"pyo3-ffi"),
        "cargo builds what is gone"
    );
}

#[test]
fn a_library_that_names_its_checkout_is_for_that_one_alone() {
    let (_project, one) = project("bound_thing");
    one.edit(
        "native/leaf/src/lib.rs",
        "pub fn here() -> &'static str { env!(\"CARGO_MANIFEST_DIR\") }",
    );
    one.edit(
        "native/src/lib.rs",
        "#[unsafe(no_mangle)]\npub extern \"C\" fn where_it_is() -> *const u8 { leaf::here().as_ptr() }",
    );
    one.dev();
    one.remove("native/target");
    assert_restored(&one.dev());
    let other = one.elsewhere("other");
    let said = other.dev();
    assert_eq!(compiled(&said), ["leaf", "bound_thing"], "{said}");
    let library = other.root.join("python/bound_thing/_bound_thing.abi3.so");
    let bytes = fs_err::read(library).unwrap();
    let here = other.root.join("native/leaf").into_string();
    assert!(bytes.windows(here.len()).any(|it| it == here.as_bytes()));
}

#[test]
fn a_store_that_cannot_be_used_keeps_nobody_from_building() {
    let (_project, one) = project("without_thing");
    // A file is in its place.
    fs_err::write(&one.store, "mine").unwrap();
    let said = one.dev();
    assert!(
        said.contains("the store in") && said.contains("Rebuilt"),
        "{said}"
    );
    assert_eq!(fs_err::read_to_string(&one.store).unwrap(), "mine");
    fs_err::remove_file(&one.store).unwrap();
    one.edit("native/src/lib.rs", "// kept from now on");
    one.dev();

    // Damaged: cut off, without its notes, with another byte. Each is dropped.
    let is_file = |path: &Utf8Path, name: &str| path.is_file() && path.file_name() == Some(name);
    for (name, content) in [("library", &b"x"[..]), ("extension.json", b"{")] {
        for path in below(&one.store).iter().filter(|path| is_file(path, name)) {
            fs_err::remove_file(path).unwrap();
            fs_err::write(path, content).unwrap();
        }
        one.remove("native/target");
        let said = one.dev();
        assert!(said.contains("Rebuilt"), "{said}");
        assert!(!compiled(&said).contains(&"pyo3-ffi"), "{said}");
    }
    for path in below(&one.store)
        .iter()
        .filter(|path| path.extension() == Some("rlib"))
    {
        fs_err::remove_file(path).unwrap();
        fs_err::write(path, "x").unwrap();
    }
    one.edit("native/src/lib.rs", "// another one");
    one.remove("native/target");
    assert!(compiled(&one.dev()).contains(&"pyo3-ffi"));
    what_maturin_refuses(&one);
    read_only(&one);
}

/// What cargo has said of it is not what maturin asks for: cargo builds it.
fn what_maturin_refuses(one: &Checkout) {
    let is_note = |path: &&Utf8PathBuf| path.file_name() == Some("extension.json");
    for path in below(&one.store).iter().filter(is_note) {
        let text = fs_err::read_to_string(path).unwrap();
        fs_err::write(path, text.replace("compiler-artifact", "another-message")).unwrap();
    }
    one.remove(".venv");
    let said = one.dev();
    assert!(
        said.contains("cargo is asked") && said.contains("Rebuilt"),
        "{said}"
    );
    one.edit("native/src/lib.rs", "// a whole one");
    one.dev();
}

/// What is there is used, and nothing is said of what cannot be written.
fn read_only(one: &Checkout) {
    let mode = |mode: u32| {
        for dir in below(&one.store).iter().filter(|path| path.is_dir()) {
            fs_err::set_permissions(dir, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    mode(0o555);
    one.remove("native/target");
    assert_restored(&one.dev());
    one.edit("native/src/lib.rs", "// not kept");
    assert!(one.dev().contains("Rebuilt"));
    mode(0o755);
}

/// Everything below a directory, and the directory itself.
fn below(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = walkdir::WalkDir::new(dir).into_iter().flatten();
    let paths = entries.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok());
    paths.collect()
}
