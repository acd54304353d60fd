//! Extensions that are linked against a library of their third-party crates.

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use python_tools::Toolbox;
use testkit::Fixture;

use crate::{TARGET_DIR, dev_fails, dev_ok, python, requirements, xtask};

/// Where such libraries are kept on this machine.
fn kept() -> Utf8PathBuf {
    let toolbox = Toolbox::new(requirements("tools.txt"), false);
    toolbox.prelinked().expect("there is a cache")
}

/// The files in `dir` of the base library of `module`.
fn bases_in(dir: &Utf8Path, module: &str) -> Vec<Utf8PathBuf> {
    let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
    let paths = entries.map(camino::Utf8DirEntry::into_path);
    let begin = format!("libprelinked-{module}-");
    let is_one = |path: &Utf8PathBuf| {
        path.file_name()
            .is_some_and(|name| name.starts_with(&begin))
    };
    paths.filter(is_one).collect()
}

fn remove_kept(module: &str) {
    for path in bases_in(&kept(), module) {
        fs_err::remove_file(path).expect("it can be removed");
    }
}

/// A mixed project with a crate `third` beside it, which counts as fetched by cargo.
fn with_third_party(name: &str, third: &str, library: &str) -> Fixture {
    let project = Fixture::mixed(name);
    let package = format!(
        "[package]\nname = \"{name}_third\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[lib]\nname = \"{name}_third\"\n[workspace]\n"
    );
    project.write("vendor/third/Cargo.toml", &package);
    project.write("vendor/third/src/lib.rs", third);
    // As `cargo vendor` leaves it.
    project.write("vendor/third/.cargo-checksum.json", "{\"files\":{}}");
    let dependency = format!("[dependencies]\n{name}_third = {{ path = \"../vendor/third\" }}\n");
    project.edit("native/Cargo.toml", "[dependencies]\n", &dependency);
    let text =
        fs_err::read_to_string(project.root().join("native/src/lib.rs")).expect("it is there");
    let text = text.replace("42", &format!("{name}_third::answer()"));
    project.write("native/src/lib.rs", &format!("{library}\n{text}"));
    project
}

fn answer(name: &str) -> String {
    format!("import {name}; print({name}.answer())")
}

fn status_of(project: &Fixture) -> String {
    let status = xtask(&project.root()).args(["dev", "--status"]).read();
    status.expect("it is fresh")
}

#[test]
fn third_party_crates_are_linked_once() {
    let (project, name) = (Fixture::mixed("linked_once"), "linked_once");
    remove_kept("linked_once__linked_once");
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains("Prelinked") && said.contains("an edit links the remaining"),
        "{said}"
    );
    assert_eq!(python(&project, &answer(name)), "42");
    let beside = project.root().join("python/linked_once/.prelinked");
    assert_eq!(bases_in(&beside, "linked_once__linked_once").len(), 1);

    project.edit("native/src/lib.rs", "42", "43");
    let said = dev_ok(&project, &["--offline"]);
    assert!(
        !said.contains("Prelinked") && said.contains("Rebuilt linked_once in"),
        "{said}"
    );
    assert_eq!(python(&project, &answer(name)), "43");
    let status = status_of(&project);
    assert!(
        status.contains("fresh")
            && status.contains("linked     with python/linked_once/.prelinked/"),
        "{status}"
    );

    // It is no part of what git, a wheel or uv sees.
    let git = |args: &[&str]| {
        let git = Invocation::new("git")
            .args(args.iter().copied())
            .cwd(&project.root());
        git.read().unwrap()
    };
    git(&["init", "-q"]);
    let seen = git(&["status", "--porcelain", "--untracked-files=all"]);
    assert!(!seen.contains(".prelinked"), "{seen}");

    let said = dev_ok(&project, &["--offline", "--no-prelink"]);
    assert!(said.contains("Rebuilt linked_once in"), "{said}");
    assert!(!beside.exists());
    assert_eq!(python(&project, &answer(name)), "43");
    project.edit(
        "native/Cargo.toml",
        "[workspace]",
        "[workspace.metadata.xtask]\nprelink = false\n\n[workspace]",
    );
    let said = dev_ok(&project, &["--offline"]);
    assert!(!said.contains("Prelinked") && !beside.exists(), "{said}");
    let status = status_of(&project);
    assert!(
        status.contains("the policy says `prelink = false`"),
        "{status}"
    );
}

#[test]
fn an_import_works_whatever_has_been_cleaned_up() {
    let (project, name) = (Fixture::mixed("cleaned_up"), "cleaned_up");
    let module = "cleaned_up__cleaned_up";
    dev_ok(&project, &[]);
    let package = project.root().join("python/cleaned_up");
    let library = Utf8Path::new(TARGET_DIR).join("debug/lib_cleaned_up.so");

    // The cache and the target directory.
    remove_kept(module);
    fs_err::remove_file(&library).unwrap();
    assert_eq!(python(&project, &answer(name)), "42");

    // A copy of the checkout.
    let copy = project.beside("copy");
    let copied = Invocation::new("cp").args(["-r", package.as_str(), copy.as_str()]);
    copied.run().unwrap();
    let renamed = project.beside("elsewhere").join(name);
    fs_err::create_dir(project.beside("elsewhere")).unwrap();
    fs_err::rename(&copy, &renamed).unwrap();
    let code = format!(
        "import sys; sys.path.insert(0, {:?}); {}",
        project.beside("elsewhere").as_str(),
        answer(name)
    );
    assert_eq!(python(&project, &code), "42");

    // What lies beside the extension: a build brings it back, though nothing is kept.
    fs_err::remove_dir_all(package.join(".prelinked")).unwrap();
    let said = dev_ok(&project, &["--offline"]);
    assert_eq!(python(&project, &answer(name)), "42", "{said}");

    // Another environment, and the first one after that.
    let other = project.beside("other-venv");
    dev_ok(&project, &["--offline", "--venv", other.as_str()]);
    dev_ok(&project, &["--offline"]);
    for python in [
        project.root().join(".venv/bin/python"),
        other.join("bin/python"),
    ] {
        let code = answer(name);
        let printed = Invocation::new(python)
            .args(["-I", "-c", code.as_str()])
            .read();
        assert_eq!(printed.unwrap().trim(), "42");
    }
}

#[test]
fn a_library_that_is_damaged_is_made_anew() {
    let (project, name) = (Fixture::mixed("damaged_base"), "damaged_base");
    let module = "damaged_base__damaged_base";
    remove_kept(module);
    dev_ok(&project, &[]);
    let base = bases_in(&kept(), module)
        .into_iter()
        .find(|path| path.extension() == Some("so"));
    let cut_off = fs_err::OpenOptions::new()
        .write(true)
        .open(base.unwrap())
        .unwrap();
    // The file beside the extension is the same one.
    cut_off.set_len(4096).unwrap();
    let said = dev_ok(&project, &["--offline"]);
    assert_eq!(python(&project, &answer(name)), "42", "{said}");
    project.edit("native/src/lib.rs", "42", "43");
    let said = dev_ok(&project, &["--offline"]);
    assert!(said.contains("Prelinked"), "{said}");
    assert_eq!(python(&project, &answer(name)), "43");
}

#[test]
fn what_is_collected_from_all_crates_is_linked_as_rustc_does() {
    let third = "#[used]\n#[unsafe(link_section = \"my_items\")]\npub static ITEM: u32 = 1;\npub fn answer() -> u32 { 42 }\n";
    let project = with_third_party("collected", third, "");
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains("the section `my_items` is collected"),
        "{said}"
    );
    assert_eq!(python(&project, &answer("collected")), "42");
    project.edit(
        "native/src/lib.rs",
        "third::answer()",
        "third::answer() + 1",
    );
    let said = dev_ok(&project, &["--offline"]);
    assert!(!said.contains("my_items"), "it is known: {said}");
    assert!(!project.root().join("python/collected/.prelinked").exists());
}

#[test]
fn a_name_that_a_third_party_crate_hides_is_found_by_linking_as_rustc_does() {
    let third = "core::arch::global_asm!(\".text\", \".globl secret_answer\", \".hidden secret_answer\", \
                 \".type secret_answer, @function\", \"secret_answer:\", \"ret\");\n\
                 unsafe extern \"C\" { fn secret_answer(); }\n\
                 #[inline(always)]\npub fn answer() -> u32 { unsafe { secret_answer() }; 42 }\n";
    let project = with_third_party("hidden_name", third, "");
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains("uses `secret_answer`, which a third-party crate keeps to itself"),
        "{said}"
    );
    assert_eq!(python(&project, &answer("hidden_name")), "42");
    let status = status_of(&project);
    assert!(
        status.contains("as rustc does: a crate of the project uses `secret_answer`"),
        "{status}"
    );
}

/// What the third-party crates allocate, the project's allocator counts; a panic crosses both libraries and
/// keeps its place in the source; each has the same thread-locals.
#[test]
fn an_allocator_of_the_projects_own_serves_both_libraries() {
    let library = r#"
struct Counting;
static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
unsafe impl std::alloc::GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        unsafe { std::alloc::System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        unsafe { std::alloc::System.dealloc(pointer, layout) }
    }
}
#[global_allocator]
static ALLOCATOR: Counting = Counting;
pub fn check() -> u32 {
    let before = COUNT.load(std::sync::atomic::Ordering::Relaxed);
    let text = own_allocator_third::allocate();
    assert!(COUNT.load(std::sync::atomic::Ordering::Relaxed) > before, "{text}");
    own_allocator_third::LOCAL.with(|local| local.set(7));
    assert_eq!(own_allocator_third::local(), 7);
    let caught = std::panic::catch_unwind(|| own_allocator_third::call(|| panic!("through both")));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"through both"));
    42
}
"#;
    let third = "thread_local! { pub static LOCAL: std::cell::Cell<u32> = const { std::cell::Cell::new(0) }; }\n\
                 pub fn local() -> u32 { LOCAL.with(std::cell::Cell::get) }\n\
                 #[inline(never)]\npub fn allocate() -> String { \"x\".repeat(100) }\n\
                 #[inline(never)]\npub fn call(f: fn()) { f() }\n\
                 pub fn answer() -> u32 { 42 }\n";
    let project = with_third_party("own_allocator", third, library);
    project.edit(
        "native/src/lib.rs",
        "own_allocator_third::answer()",
        "super::check()",
    );
    remove_kept("own_allocator__own_allocator");
    let said = dev_ok(&project, &[]);
    assert!(said.contains("Prelinked"), "{said}");
    assert_eq!(python(&project, &answer("own_allocator")), "42");
}

#[test]
fn a_link_that_fails_both_ways_is_an_error_of_the_project_and_not_kept() {
    let (project, name) = (Fixture::mixed("link_error"), "link_error");
    dev_ok(&project, &[]);
    let broken = "\n#[link(name = \"no_such_library_anywhere\")]\nunsafe extern \"C\" {}\n";
    let source = project.root().join("native/src/lib.rs");
    let good = fs_err::read_to_string(&source).unwrap();
    project.write("native/src/lib.rs", &format!("{good}{broken}"));
    let said = dev_fails(&project, &["--offline"]);
    assert!(said.contains("no_such_library_anywhere"), "{said}");
    assert_eq!(python(&project, &answer(name)), "42");
    project.write("native/src/lib.rs", &good.replace("42", "43"));
    dev_ok(&project, &["--offline"]);
    assert_eq!(python(&project, &answer(name)), "43");
    let status = status_of(&project);
    assert!(
        status.contains("linked     with python/link_error/.prelinked/"),
        "{status}"
    );
}
