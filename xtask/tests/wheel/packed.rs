//! What is in a wheel: the same files, name by name, as `maturin build` packs.

use std::collections::BTreeSet;

use camino::Utf8Path;
use processes::Invocation;
use python_tools::requirements::PinnedRequirements;
use python_tools::{Toolbox, python};
use testkit::Fixture;

use super::{TARGET_DIR, git, wheel};

/// Prints the names of the files in a wheel.
const NAMES: &str =
    "import sys, zipfile; print('\\n'.join(zipfile.ZipFile(sys.argv[1]).namelist()))";

/// The files of a wheel but for those of `.dist-info`; the version in the name of `.data` is left out.
fn names(wheel: &Utf8Path) -> BTreeSet<String> {
    let python = python::named("3").expect("a Python");
    let listing = Invocation::new(&python.executable).args(["-c", NAMES, wheel.as_str()]);
    let listing = listing.read().expect("it can be listed");
    let names = listing.lines().filter(|name| !name.contains(".dist-info/"));
    let plain = names.map(|name| match name.split_once(".data/") {
        Some((_, rest)) => format!(".data/{rest}"),
        None => name.to_owned(),
    });
    plain.collect()
}

/// What `maturin build` packs, run in the project itself.
fn of_maturin(project: &Fixture) -> BTreeSet<String> {
    let say = |_: &str, _: &str| {};
    let pins = include_str!("../../../requirements/tools.txt");
    let toolbox = Toolbox::new(PinnedRequirements::parse(pins).unwrap(), false);
    let maturin = toolbox.maturin(&toolbox.uv(&say).unwrap(), &say).unwrap();
    let out = project.beside("maturins");
    let build = Invocation::new(&maturin.path)
        .args(["build", "--quiet", "--out", out.as_str()])
        .args(["--target-dir", &format!("{TARGET_DIR}/plain")])
        .args(["--auditwheel", "skip"])
        .env_remove("VIRTUAL_ENV")
        .cwd(&project.root());
    let done = build.capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    let found = names(&only_wheel(&out));
    // Nobody built here before, and nobody is to find it.
    fs_err::remove_dir_all(out).unwrap();
    found
}

fn only_wheel(dir: &Utf8Path) -> camino::Utf8PathBuf {
    let entries = dir.read_dir_utf8().unwrap().flatten();
    let mut wheels = entries.filter(|entry| entry.path().extension() == Some("whl"));
    wheels.next().expect("a wheel").into_path()
}

fn ours(project: &Fixture) -> BTreeSet<String> {
    let out = project.beside("ours");
    let done = wheel(project, &["--out", out.as_str()]);
    assert!(done.status.success(), "{}", done.stderr);
    let found = names(Utf8Path::new(done.stdout.trim()));
    fs_err::remove_dir_all(out).unwrap();
    found
}

/// A project of `files`, with `keys` in `[tool.maturin]`, built by both; `has` are among the files.
struct Row<'a> {
    name: &'a str,
    keys: &'a str,
    files: &'a [&'a str],
    has: &'a [&'a str],
}

/// Those of a project that is a checkout of git: of its files git ignores `made/` and `*.gen`.
const ROWS: [Row<'_>; 5] = [
    Row {
        name: "what git ignores is packed only where it is included",
        keys: "include = ['python/rows/*.gen', { path = 'made/**/*', format = ['sdist', 'wheel'] }, \
               { path = 'only.txt', format = 'sdist' }]",
        files: &[
            "python/rows/a.gen",
            "python/rows/deep/b.gen",
            "python/rows/deep/c.txt",
            "made/web/index.html",
            "only.txt",
        ],
        has: &["rows/a.gen", "rows/deep/c.txt", "made/web/index.html"],
    },
    Row {
        name: "patterns relative to the Python sources",
        keys: "include = ['rows/*.gen', 'beside/*.txt']",
        files: &[
            "python/rows/a.gen",
            "python/beside/b.txt",
            "python/beside/c.py",
        ],
        has: &["rows/a.gen", "beside/b.txt"],
    },
    Row {
        name: "exclusions, of which the last decides",
        keys: "exclude = ['**/tests/*', '*.md', '!keep.md', { path = 'python/rows/b.txt', format = 'wheel' }, \
               { path = '*.py', format = 'sdist' }, 'rows/deep/**', 'python/rows/whole/']",
        files: &[
            "python/rows/tests/test_a.py",
            "python/rows/tests/deep/test_b.py",
            "python/rows/a.md",
            "python/rows/keep.md",
            "python/rows/b.txt",
            "python/rows/deep/er/c.txt",
            "python/rows/whole/d.txt",
        ],
        has: &[
            "rows/keep.md",
            "rows/tests/deep/test_b.py",
            "rows/whole/d.txt",
        ],
    },
    Row {
        name: "other packages, and data",
        keys: "python-packages = ['extra', 'space/inner']\ndata = 'stuff'",
        files: &[
            "python/extra/__init__.py",
            "python/extra/a.gen",
            "python/space/inner/b.py",
            "python/space/c.py",
            "stuff/scripts/run-rows",
            "stuff/data/share/made/a.gen",
            "stuff/purelib/alone.py",
            "stuff/headers/rows.h",
        ],
        has: &[
            "space/inner/b.py",
            ".data/data/share/made/a.gen",
            ".data/purelib/alone.py",
        ],
    },
    Row {
        name: "what tools and editable installs have left",
        keys: "",
        files: &[
            "python/rows/_rows.cpython-39-x86_64-linux-gnu.so",
            "python/rows/lib_rows.so",
            "python/rows/.hidden",
            "python/rows/dist/app.js",
            "dist/rows-0.0.1-py3-none-any.whl",
            "rows._rows.data/scripts/run-rows",
        ],
        has: &["rows/.hidden", "rows/dist/app.js", ".data/scripts/run-rows"],
    },
];

fn with(project: &Fixture, row: &Row<'_>) {
    let table = format!("[tool.maturin]\n{}", row.keys);
    project.edit("pyproject.toml", "[tool.maturin]", &table);
    for file in row.files {
        project.write(file, "# content\n");
    }
}

fn same(project: &Fixture, name: &str, has: &[&str]) {
    let (maturins, ours) = (of_maturin(project), ours(project));
    assert_eq!(ours, maturins, "{name}");
    for path in has {
        assert!(ours.contains(*path), "{name}: {path} is not in {ours:?}");
    }
}

#[test]
fn a_wheel_has_the_files_that_maturin_packs() {
    for row in &ROWS {
        let project = Fixture::light("rows");
        project.write(".gitignore", "made/\n*.gen\n/target\n");
        git(&project, &["init", "--quiet"]);
        git(&project, &["add", "."]);
        git(&project, &["commit", "--quiet", "-m", "one"]);
        with(&project, row);
        same(&project, row.name, row.has);
    }
}

/// maturin goes by `.gitignore` in the project's directory, if that is a checkout, and by nothing else of
/// git's.
#[test]
fn files_that_git_ignores_elsewhere_are_packed_as_maturin_does() {
    let project = Fixture::light("rows");
    for file in ["tracked.gen", "local.txt", "made/a.js"] {
        project.write(format!("python/rows/{file}"), "");
    }
    project.write(".gitignore", "*.gen\n/target\n");
    git(&project, &["init", "--quiet"]);
    project.write(".git/info/exclude", "local.txt\n");
    git(&project, &["add", "--force", "."]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    same(
        &project,
        "its own checkout",
        &["rows/local.txt", "rows/made/a.js"],
    );

    let inner = Fixture::light("rows");
    inner.write("python/rows/made/a.js", "");
    inner.write("../.gitignore", "made/\n");
    let above = Invocation::new("git").args(["init", "--quiet"]);
    above.cwd(&inner.beside("")).read().unwrap();
    git(&inner, &["add", "."]);
    git(&inner, &["commit", "--quiet", "-m", "one"]);
    same(&inner, "in a larger checkout", &["rows/made/a.js"]);
}

/// What a build script makes, in the sources and in `OUT_DIR`, twice: the second time cargo finds nothing to
/// do.
#[test]
fn files_that_a_build_makes_are_packed_each_time() {
    let project = Fixture::light("rows");
    let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    \
                  let out = std::env::var(\"OUT_DIR\").unwrap();\n    \
                  std::fs::write(format!(\"{out}/table.bin\"), \"x\").unwrap();\n    \
                  std::fs::write(\"../python/rows/made.gen\", \"y\").unwrap();\n}\n";
    project.write("native/build.rs", script);
    project.write(".gitignore", "*.gen\n");
    let keys = "[tool.maturin]\ninclude = ['python/rows/*.gen', \
                { path = '*.bin', from = 'out-dir', to = 'rows/' }]";
    project.edit("pyproject.toml", "[tool.maturin]", keys);
    git(&project, &["init", "--quiet"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    for _ in 0..2 {
        let ours = ours(&project);
        assert!(
            ours.contains("rows/table.bin") && ours.contains("rows/made.gen"),
            "{ours:?}"
        );
    }
    same(&project, "made", &["rows/table.bin", "rows/made.gen"]);

    project.edit("pyproject.toml", "'*.bin'", "'*.nothing'");
    let done = wheel(&project, &[]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("no file is there for `*.nothing`"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_package_without_a_module_name_holds_the_library_itself() {
    let project = Fixture::light("bare");
    project.edit("pyproject.toml", "module-name = \"bare._bare\"\n", "");
    project.edit("native/Cargo.toml", "\"_bare\"", "\"bare\"");
    project.edit("native/src/lib.rs", "_bare", "bare");
    project.edit("python/bare/__init__.py", "._bare", ".bare");
    same(&project, "bare", &["bare/__init__.py", "bare/bare.abi3.so"]);
}

#[test]
fn a_pattern_that_matches_nothing_is_said_before_anything_is_built() {
    let project = Fixture::light("rows");
    let keys = "[tool.maturin]\ninclude = ['web/dist/**/*']";
    project.edit("pyproject.toml", "[tool.maturin]", keys);
    let done = wheel(&project, &[]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("`web/dist/**/*` in `include`"),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("Compiling"), "{}", done.stderr);
}

/// Nothing is ignored by git, and the wheels lie in the project.
#[test]
fn what_builds_leave_behind_changes_no_wheel() {
    let project = Fixture::light("again");
    git(&project, &["init", "--quiet"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    let out = project.root().join("wheels");
    let build = || {
        let done = wheel(&project, &["--out", out.as_str()]);
        assert!(done.status.success(), "{}", done.stderr);
        let path = done.stdout.trim().to_owned();
        let bytes = fs_err::read(&path).unwrap();
        (path, bytes)
    };
    let first = build();
    project.write("native/target/debug/large", "");
    project.write("python/again/_again.abi3.so", "");
    assert!(build() == first, "another wheel");
    assert!(!first.0.contains("dirty"), "{}", first.0);
}
