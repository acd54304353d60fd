//! The keys, derived from what the extension is built from.

use std::collections::BTreeSet;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Layers;
use config_edit::CargoConfig;
use environment::cargo_env::LOCAL_CONFIG;
use project_model::{Closure, PathCrate, Project, kept_below, written_below};

use crate::links::Links;
use crate::observed::{Observed, is_gits, modified, observed};
use crate::paths::{file_key, is_pattern, matching, normal, relative, tree_key};
use crate::{library, scan, witness};

/// What uv has to look at, and why something is not part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Derived {
    /// Keys for files, in the order in which they are written: the project's, the workspace's, each crate's.
    pub files: Vec<String>,
    /// Keys for directories: whether they are there.
    pub dirs: Vec<String>,
    /// Names of variables.
    pub env: BTreeSet<String>,
    /// What the user should know.
    pub notes: Vec<String>,
    /// Whether there was a build of the sources as they are, to learn from what only a build can tell.
    pub observed: bool,
    /// The directories of the crates.
    crates: Vec<Utf8PathBuf>,
}

/// Variables that change what is built and that people set in a shell or in CI.
///
/// Not among them, with reasons: `RUSTUP_TOOLCHAIN`, which rustup sets for every program that any cargo
/// starts, so that `uv sync` in a shell and in a cargo alias would take turns in rebuilding;
/// `CARGO_PROFILE_*` and `CARGO_FEATURE_*`, of which there are endlessly many; `RUSTC_WRAPPER` and the number
/// of jobs, which change how it is built and not what comes out; `PYO3_*`, which maturin sets itself.
pub const VARIABLES: [&str; 4] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "MATURIN_PEP517_ARGS",
    "RUSTFLAGS",
];

/// Variables that cargo or maturin set for a build, by their beginning: in a shell they mean nothing.
const SET_BY_TOOLS: [&str; 4] = ["CARGO", "DEP_", "PYO3_", "RUSTC"];

/// The same, by name (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>).
const SET_BY_CARGO: [&str; 8] = [
    "DEBUG",
    "HOST",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "PYTHON_SYS_EXECUTABLE",
    "TARGET",
];

/// Directories of a package whose files are part of no build.
const NOT_BUILT: [&str; 6] = ["benches", "doc", "docs", "examples", "test", "tests"];

/// Said where a build script asks git for the commit. In a worktree the file lies elsewhere, so a key could
/// not be the same on every machine; and a commit changes nothing that the extension does.
const OF_GIT: &str =
    "what a build script declares of git's own files is left out: every commit would build again";

impl Derived {
    /// Derives the keys of `project`, whose crates are `closure`. Writes nothing.
    #[must_use]
    pub fn of(project: &Project, closure: &Closure) -> Self {
        let root = &project.root;
        // What cargo cannot read is told by cargo.
        let base = Layers::read(root).map(|config| config.dep_info_base(root));
        let observed = observed(closure, base.as_deref().unwrap_or(root));
        let mut keys = Keys::new(root, closure, observed.built.is_some());
        keys.file(&root.join("pyproject.toml"));
        keys.key(witness::KEY.to_owned());
        keys.workspace();
        if library::is_beside_sources(&project.extension) {
            keys.file(&library::environment(root));
            keys.derived.dirs.push(library::KEY.to_owned());
        }
        for one in &closure.crates {
            keys.path_crate(one);
        }
        keys.observed(&observed);
        keys.derived.observed = observed.built.is_some_and(|at| keys.is_built_since(at));
        keys.finish()
    }

    /// The derived keys, and those of `written` that only a build can tell and that there is no build to
    /// confirm: a fresh clone, where CI checks the keys, must not throw away what a build has taught.
    #[must_use]
    pub fn with_remembered(mut self, root: &Utf8Path, written: &[String]) -> Self {
        if self.observed {
            return self;
        }
        let is_with_crates = |key: &&String| {
            let path = normal(&root.join(key.as_str()));
            path.is_file() && self.crates.iter().any(|dir| path.starts_with(dir))
        };
        let remembered = written.iter().filter(is_with_crates);
        let remembered: Vec<_> = remembered
            .filter(|key| !self.covers(root, &normal(&root.join(key.as_str()))))
            .cloned()
            .collect();
        self.files.extend(remembered);
        self
    }

    /// Whether one of the keys means the file at `path`.
    fn covers(&self, root: &Utf8Path, path: &Utf8PathBuf) -> bool {
        let mut keys = self.files.iter();
        keys.any(|key| matching(root, key).is_some_and(|found| found.contains(path)))
    }
}

/// The files that a configuration of cargo includes. Not this machine's own, which changes no artefact.
fn included_by(path: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(config) = CargoConfig::read(path) else {
        return Vec::new();
    };
    let dir = path.parent().unwrap_or(path);
    let names = config.include_paths().into_iter();
    let names = names.filter(|name| name != LOCAL_CONFIG);
    names.map(|name| dir.join(name)).collect()
}

/// The keys while they are put together.
struct Keys<'a> {
    root: &'a Utf8Path,
    closure: &'a Closure,
    derived: Derived,
    /// Files that are left out on purpose, whatever a build says.
    left_out: BTreeSet<Utf8PathBuf>,
    /// Variables that build scripts set themselves.
    set: BTreeSet<String>,
}

impl<'a> Keys<'a> {
    fn new(root: &'a Utf8Path, closure: &'a Closure, observed: bool) -> Self {
        Self {
            root,
            closure,
            derived: Derived {
                observed,
                env: VARIABLES.map(str::to_owned).into(),
                crates: closure.crates.iter().map(|one| one.dir.clone()).collect(),
                ..Derived::default()
            },
            left_out: BTreeSet::new(),
            set: BTreeSet::new(),
        }
    }

    fn key(&mut self, key: String) {
        if !self.derived.files.contains(&key) {
            self.derived.files.push(key);
        }
    }

    fn file(&mut self, path: &Utf8Path) {
        self.key(file_key(self.root, path));
    }

    fn note(&mut self, text: String) {
        self.derived.notes.push(text);
    }

    /// What holds for all crates of a workspace. uv passes over a file that is not there, so these are named
    /// before they exist: once they do, they matter.
    fn workspace(&mut self) {
        let workspace = self.closure.workspace_root.clone();
        self.file(&workspace.join("Cargo.toml"));
        let lock = workspace.join("Cargo.lock");
        self.file(&lock);
        if !lock.is_file() {
            let text = "there is no Cargo.lock: the first build writes it, and uv then builds once more; \
                        `cargo generate-lockfile` writes it now";
            self.note(text.to_owned());
        }
        for other in &self.closure.other_workspaces {
            self.file(&other.join("Cargo.toml"));
        }
        // cargo and rustup look from the project's directory upwards; maturin starts them there.
        let mut dirs = vec![self.root.to_owned()];
        if self.root.starts_with(&workspace) && self.root != workspace {
            dirs.push(workspace);
        }
        for dir in dirs {
            self.file(&dir.join(".cargo/config.toml"));
            for included in included_by(&dir.join(".cargo/config.toml")) {
                self.file(&included);
            }
            self.file(&dir.join("rust-toolchain.toml"));
            // Their former names: nobody makes such files any more.
            for old in [".cargo/config", "rust-toolchain"] {
                if dir.join(old).is_file() {
                    self.file(&dir.join(old));
                }
            }
        }
    }

    fn path_crate(&mut self, one: &PathCrate) {
        self.file(&one.dir.join("Cargo.toml"));
        self.build_script(one);
        let mut scanned = BTreeSet::new();
        for root in &one.roots {
            for key in self.source_keys(one, root) {
                scanned.extend(matching(self.root, &key).unwrap_or_default());
                self.key(key);
            }
        }
        let named: Vec<_> = scanned
            .iter()
            .map(|source| (source, scan::source(source, &one.dir)))
            .collect();
        let for_tests: Vec<_> = named
            .iter()
            .flat_map(|(source, named)| test_modules(source, &named.test_modules, &one.roots))
            .collect();
        for (source, named) in named {
            let without = source.with_extension("");
            if for_tests.iter().any(|module| without.starts_with(module)) {
                continue;
            }
            self.left_out.extend(named.documentation);
            self.add_variables(named.env);
            for file in named.files {
                self.file_unless_covered(&file);
            }
        }
    }

    fn build_script(&mut self, one: &PathCrate) {
        let Some(script) = &one.build_script else {
            // cargo takes it up as soon as it is there.
            self.file(&one.dir.join("build.rs"));
            return;
        };
        self.file(script);
        let declared = scan::build_script(script, &one.dir);
        self.set.extend(declared.sets);
        self.add_variables(declared.env);
        for path in declared.files {
            self.declared(one, &path);
        }
        if declared.nothing {
            self.whole_package(one);
        }
        if declared.composes && !self.derived.observed {
            let script = relative(self.root, script);
            self.note(format!(
                "{script} composes the names of its inputs while it runs: `cargo xtask dev --no-store` has cargo run it; then run this again to have them among the keys"
            ));
        }
    }

    fn declared(&mut self, one: &PathCrate, path: &Utf8Path) {
        if path == one.dir {
            self.whole_package(one);
        } else if path.is_dir() {
            self.tree(path);
        } else if is_gits(path) {
            self.note(OF_GIT.to_owned());
        } else if let Some(key) = pattern(self.root, path) {
            self.key(key);
        } else {
            self.file(path);
        }
    }

    /// Everything in a directory. Where Python lies in it, by the kinds of files that are there: what Python
    /// compiles for itself during a build would otherwise be newer than the build.
    fn tree(&mut self, dir: &Utf8Path) {
        let files = written_below(dir);
        let kinds: BTreeSet<_> = files.iter().map(|path| path.extension()).collect();
        let patterns: Vec<_> = if kinds.contains(&Some("py")) {
            let kinds = kinds.into_iter().flatten();
            kinds.map(|kind| format!("*.{kind}")).collect()
        } else {
            vec!["*".to_owned()]
        };
        for pattern in patterns {
            for key in self.tree_keys(dir, &pattern) {
                self.key(key);
            }
        }
    }

    /// Keys for the files below `dir` that fit `pattern`, also behind links to directories: uv follows none.
    fn tree_keys(&mut self, dir: &Utf8Path, pattern: &str) -> Vec<String> {
        let wide = [self.root, &self.closure.workspace_root, dir];
        let links = Links::below(dir, &wide);
        for link in &links.elsewhere {
            let link = relative(self.root, link);
            self.note(format!(
                "{link} is a link that leads to another place on each machine, or to a whole project: uv does not notice what changes behind it"
            ));
        }
        // As the kernel sees both: a link leads out of directories that may be links themselves.
        let root = self.root.canonicalize_utf8();
        let root = root.as_deref().unwrap_or(self.root);
        let behind = links
            .targets
            .iter()
            .map(|target| tree_key(root, target, pattern));
        let own = tree_key(self.root, dir, pattern);
        std::iter::once(own).chain(behind).collect()
    }

    /// The sources of a library that begins with the file `root`: all in its directory. Where that would be a
    /// whole project with its target directory, it is the file and its modules.
    fn source_keys(&mut self, one: &PathCrate, root: &Utf8Path) -> Vec<String> {
        let dir = root.parent().unwrap_or(&one.dir);
        let wide = [
            self.root,
            &one.dir,
            &self.closure.workspace_root,
            &self.closure.target_dir,
        ];
        if !wide.iter().any(|wide| wide.starts_with(dir)) {
            return self.tree_keys(dir, "*.rs");
        }
        let modules = scan::source(root, &one.dir).modules;
        let mut keys = vec![file_key(self.root, root)];
        for module in modules {
            keys.push(file_key(self.root, &dir.join(format!("{module}.rs"))));
            keys.extend(self.tree_keys(&dir.join(module), "*.rs"));
        }
        keys
    }

    /// The directories of a package whose build script says nothing: then cargo runs it again when anything
    /// in the package has changed. Those that git tracks something in: what else lies there differs from
    /// machine to machine. Without those of tests and documentation, those that hold Python, and the files
    /// beside Cargo.toml, among which the README is.
    fn whole_package(&mut self, one: &PathCrate) {
        let files = kept_below(&one.dir);
        let first = |path: &Utf8Path| {
            let inner = path.strip_prefix(&one.dir).ok()?;
            let mut parts = inner.components();
            let first = parts.next()?.as_str().to_owned();
            parts.next().map(|_| first)
        };
        let with = |wanted: &dyn Fn(&Utf8Path) -> bool| -> BTreeSet<String> {
            let files = files.iter().filter(|path| wanted(path));
            files.filter_map(|path| first(path)).collect()
        };
        let all = with(&|path| path.extension() != Some("rs"));
        let not_ours = with(&|path| {
            matches!(path.extension(), Some("py" | "pyi")) || path.file_name() == Some("Cargo.toml")
        });
        let ours = all
            .difference(&not_ours)
            .filter(|name| !name.starts_with('.') && !NOT_BUILT.contains(&name.as_str()));
        for name in ours {
            for key in self.tree_keys(&one.dir.join(name), "*") {
                self.key(key);
            }
        }
    }

    /// What the last build was made of beside the rest.
    fn observed(&mut self, observed: &Observed) {
        if observed.git {
            self.note(OF_GIT.to_owned());
        }
        for path in &observed.files {
            if self.left_out.contains(path) {
                continue;
            }
            if path.is_dir() {
                let one = self.closure.crates.iter().find(|one| one.dir == *path);
                if one.is_none() {
                    self.tree(path);
                }
                continue;
            }
            self.file_unless_covered(path);
        }
    }

    /// Whether nothing has been written since `time` that the build depends on: what an older build was made
    /// of may have become more since.
    fn is_built_since(&self, time: SystemTime) -> bool {
        let keys = self.derived.files.iter();
        let keys = keys.filter(|key| ![witness::KEY, "pyproject.toml"].contains(&key.as_str()));
        let keys = keys.filter(|key| !library::is_environment(key));
        let files = keys.filter_map(|key| matching(self.root, key)).flatten();
        files
            .filter_map(|path| modified(&path))
            .all(|written| written <= time)
    }

    fn file_unless_covered(&mut self, path: &Utf8PathBuf) {
        if !self.derived.covers(self.root, path) {
            self.file(path);
        }
    }

    fn add_variables(&mut self, names: BTreeSet<String>) {
        let ours = names.into_iter().filter(|name| is_the_users(name));
        self.derived.env.extend(ours);
    }

    fn finish(mut self) -> Derived {
        for name in &self.set {
            self.derived.env.remove(name);
        }
        self.derived.notes.sort();
        self.derived.notes.dedup();
        self.derived
    }
}

/// The files of modules that the file `source` has for tests only, without their extension; what lies in a
/// directory of that name is theirs as well.
fn test_modules(
    source: &Utf8Path,
    names: &BTreeSet<String>,
    roots: &[Utf8PathBuf],
) -> Vec<Utf8PathBuf> {
    let is_root = roots.iter().any(|root| root == source) || source.file_name() == Some("mod.rs");
    let dir = if is_root {
        source.parent().unwrap_or(source).to_owned()
    } else {
        source.with_extension("")
    };
    names.iter().map(|name| dir.join(name)).collect()
}

/// The pattern that a build script has declared as if cargo knew patterns, if it means something.
fn pattern(root: &Utf8Path, path: &Utf8Path) -> Option<String> {
    let pattern = relative(root, path).into_string();
    let means = |found: Vec<Utf8PathBuf>| !found.is_empty();
    let is_one = is_pattern(&pattern) && !path.exists();
    (is_one && matching(root, &pattern).is_some_and(means)).then_some(pattern)
}

fn is_the_users(name: &str) -> bool {
    let by_tools = SET_BY_TOOLS.iter().any(|start| name.starts_with(start));
    scan::is_variable(name) && !by_tools && !SET_BY_CARGO.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use processes::Invocation;
    use testkit::Fixture;

    fn derived(fixture: &Fixture) -> Derived {
        let project = Project::load(&fixture.root()).unwrap();
        let mut closure = Closure::load(&project).unwrap();
        // Not that of the tests themselves, which cargo may have named in the environment.
        closure.target_dir = fixture.root().join("target");
        Derived::of(&project, &closure)
    }

    fn files(fixture: &Fixture) -> Vec<String> {
        derived(fixture).files
    }

    const COMMON: [&str; 6] = [
        "pyproject.toml",
        ".xtask/inputs/*",
        "Cargo.toml",
        "Cargo.lock",
        ".cargo/config.toml",
        "rust-toolchain.toml",
    ];

    fn common_and(rest: &[&str]) -> Vec<String> {
        COMMON
            .iter()
            .chain(rest)
            .map(|key| (*key).to_owned())
            .collect()
    }

    #[test]
    fn a_crate_at_the_root_gets_its_sources_and_not_the_whole_project() {
        let fixture = Fixture::pure_rust("thing");
        assert_eq!(files(&fixture), common_and(&["build.rs", "src/**/*.rs"]));
    }

    #[test]
    fn of_a_whole_package_only_what_every_checkout_has_is_named() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write("build.rs", "fn main() {}");
        fixture.write("schema/a.proto", "");
        fixture.write("benches/data.json", "{}");
        let git = |args: &[&str]| {
            let git = Invocation::new("git").args(args.iter().copied());
            git.cwd(&fixture.root()).read().unwrap();
        };
        git(&["init", "--quiet"]);
        git(&["add", "."]);
        let expected = common_and(&["build.rs", "src/**/*.rs", "schema/**/*"]);
        for made in [
            "target/debug/build/x/out/made.txt",
            "dist/thing-0.1.0.tar.gz",
            "scratch/try.txt",
            "node_modules/x/index.js",
        ] {
            fixture.write(made, "");
        }
        let mut sorted = files(&fixture);
        sorted.sort();
        let mut wanted = expected;
        wanted.sort();
        assert_eq!(sorted, wanted);
    }

    #[test]
    fn a_library_beside_its_manifest_is_named_with_its_modules() {
        let fixture = Fixture::pure_rust("thing");
        fixture.edit("Cargo.toml", "[lib]", "[lib]\npath = \"lib.rs\"");
        fixture.write("lib.rs", "mod part;\n");
        let expected = common_and(&["build.rs", "lib.rs", "part.rs", "part/**/*.rs"]);
        assert_eq!(files(&fixture), expected);
    }

    #[test]
    fn path_dependencies_are_followed_out_of_the_project() {
        let fixture = Fixture::pure_rust("thing");
        let manifest = "[package]\nname = \"near\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        fixture.write("../near/Cargo.toml", manifest);
        fixture.write("../near/src/lib.rs", "");
        let dependency = "[dependencies]\nnear = { path = \"../near\" }";
        fixture.edit("Cargo.toml", "[dependencies]", dependency);
        let files = files(&fixture);
        for key in [
            "../near/Cargo.toml",
            "../near/build.rs",
            "../near/src/**/*.rs",
        ] {
            assert!(files.iter().any(|file| file == key), "{files:?}");
        }
    }

    #[test]
    fn a_workspace_above_the_project_is_part_of_it() {
        let fixture = Fixture::new();
        fixture.write(
            "Cargo.toml",
            "[workspace]\nmembers = [\"py\"]\nresolver = \"3\"\n",
        );
        let inner = Fixture::pure_rust("thing");
        for name in ["pyproject.toml", "Cargo.toml", "src/lib.rs"] {
            let text = fs_err::read_to_string(inner.root().join(name)).unwrap();
            fixture.write(format!("py/{name}"), &text.replace("[workspace]\n", ""));
        }
        let project = Project::load(&fixture.root().join("py")).unwrap();
        let closure = Closure::load(&project).unwrap();
        let files = Derived::of(&project, &closure).files;
        for key in [
            "../Cargo.toml",
            "../Cargo.lock",
            "../.cargo/config.toml",
            "Cargo.toml",
        ] {
            assert!(files.iter().any(|file| file == key), "{files:?}");
        }
    }

    #[test]
    fn included_and_declared_files_are_keys_and_what_is_documentation_is_not() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write("README.md", "");
        fixture.write("data/table.bin", "");
        fixture.write("schema/a.proto", "");
        fixture.write("schema/deep/b.proto", "");
        fixture.write(
            "src/more.rs",
            "#![doc = include_str!(\"../README.md\")]\nstatic T: &[u8] = include_bytes!(\"../data/table.bin\");\n\
             const A: &str = env!(\"FLAVOUR\");\nconst B: &str = env!(\"COMMIT\");\nconst C: &str = env!(\"OUT_DIR\");",
        );
        fixture.write(
            "build.rs",
            "fn main() { println!(\"cargo::rerun-if-changed=schema\");\nprintln!(\"cargo::rerun-if-env-changed=SCHEMA\");\n\
             println!(\"cargo::rustc-env=COMMIT={}\", 1); }",
        );
        let derived = derived(&fixture);
        let expected = common_and(&["build.rs", "schema/**/*", "src/**/*.rs", "data/table.bin"]);
        assert_eq!(derived.files, expected);
        let added = derived
            .env
            .iter()
            .filter(|name| !VARIABLES.contains(&name.as_str()));
        assert_eq!(added.collect::<Vec<_>>(), ["FLAVOUR", "SCHEMA"]);
    }

    #[test]
    fn a_build_script_that_says_nothing_means_the_directories_of_its_package() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write("build.rs", "fn main() {}");
        for name in [
            "README.md",
            "proto/a.proto",
            "docs/x.rst",
            "tests/x.txt",
            "thing/__init__.py",
            "thing/data.txt",
        ] {
            fixture.write(name, "");
        }
        let expected = [".venv/pyvenv.cfg", "build.rs", "proto/**/*", "src/**/*.rs"];
        assert_eq!(files(&fixture), common_and(&expected));
    }

    #[test]
    fn declared_directories_with_python_and_declared_patterns_mean_what_was_written() {
        let fixture = Fixture::pure_rust("thing");
        let script = "fn main() { println!(\"cargo::rerun-if-changed=gen\");\n\
                      println!(\"cargo::rerun-if-changed=include/*\"); }";
        fixture.write("build.rs", script);
        for name in [
            "gen/a.py",
            "gen/deep/b.h",
            "gen/__pycache__/a.pyc",
            "include/c.h",
        ] {
            fixture.write(name, "");
        }
        let declared = [
            "build.rs",
            "gen/**/*.h",
            "gen/**/*.py",
            "include/*",
            "src/**/*.rs",
        ];
        assert_eq!(files(&fixture), common_and(&declared));
    }

    #[test]
    fn what_a_build_has_taught_is_remembered_where_there_is_none() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write("templates/page.html", "");
        let derived = derived(&fixture);
        let written = ["templates/page.html", "src/lib.rs", "gone.txt", "src/**/*"];
        let written = written.map(str::to_owned);
        let files = derived
            .clone()
            .with_remembered(&fixture.root(), &written)
            .files;
        let expected = common_and(&["build.rs", "src/**/*.rs", "templates/page.html"]);
        assert_eq!(files, expected);
        let observed = Derived {
            observed: true,
            ..derived
        };
        let files = observed.with_remembered(&fixture.root(), &written).files;
        assert_eq!(files, common_and(&["build.rs", "src/**/*.rs"]));
    }

    #[test]
    fn a_build_that_is_older_than_the_sources_has_not_the_last_word() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write("templates/page.html", "");
        let built = |fixture: &Fixture| {
            let rule = format!("lib.so: {}\n", fixture.root().join("src/lib.rs"));
            fixture.write("target/debug/libthing.d", &rule);
        };
        built(&fixture);
        assert!(derived(&fixture).observed);
        std::thread::sleep(std::time::Duration::from_millis(20));
        fixture.edit("src/lib.rs", "42", "43");
        let written = ["templates/page.html".to_owned()];
        let files = derived(&fixture)
            .with_remembered(&fixture.root(), &written)
            .files;
        assert!(files.contains(&written[0]), "{files:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs_err::remove_file(fixture.root().join("target/debug/libthing.d")).unwrap();
        built(&fixture);
        let files = derived(&fixture)
            .with_remembered(&fixture.root(), &written)
            .files;
        assert!(!files.contains(&written[0]), "{files:?}");
    }

    #[test]
    fn what_cargos_configuration_includes_is_a_key_and_this_machines_own_is_not() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write(
            ".cargo/config.toml",
            "include = ['flags.toml', { path = 'config.local.toml', optional = true }]\n",
        );
        fixture.write(
            ".cargo/flags.toml",
            "[build]\nrustflags = ['--cfg', 'one']\n",
        );
        fixture.write(".cargo/config.local.toml", "");
        let files = derived(&fixture).files;
        assert!(files.contains(&".cargo/flags.toml".to_owned()), "{files:?}");
        assert!(
            !files.iter().any(|file| file.contains("local")),
            "{files:?}"
        );
    }

    #[test]
    fn what_is_behind_a_linked_directory_is_named_where_it_lies() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write("../shared/deep/a.rs", "const A: &str = env!(\"FLAVOUR\");");
        let link = |to: &str, from: &str| {
            fs_err::os::unix::fs::symlink(to, fixture.root().join(from)).unwrap();
        };
        link("../../shared", "src/shared");
        fixture.write("Cargo.lock", "");
        let derived_now = derived(&fixture);
        let expected = common_and(&["build.rs", "src/**/*.rs", "../shared/**/*.rs"]);
        assert_eq!(derived_now.files, expected);
        assert!(derived_now.env.contains("FLAVOUR"));
        assert_eq!(derived_now.notes, [""; 0]);
        link(fixture.beside("shared").as_str(), "src/of_this_machine");
        let notes = derived(&fixture).notes;
        assert!(
            notes[0].contains("src/of_this_machine is a link"),
            "{notes:?}"
        );
    }

    #[test]
    fn the_extension_and_the_environment_are_keys_where_the_wheel_has_no_library() {
        let fixture = Fixture::mixed("thing");
        let with_python = derived(&fixture);
        assert_eq!(with_python.dirs, [library::KEY]);
        assert!(with_python.files.contains(&".venv/pyvenv.cfg".to_owned()));
        let without = derived(&Fixture::pure_rust("thing"));
        assert_eq!(without.dirs, [""; 0]);
        assert!(!without.files.iter().any(|file| file.contains(".venv")));
    }

    #[test]
    fn a_missing_lock_file_is_told() {
        let fixture = Fixture::pure_rust("thing");
        assert!(derived(&fixture).notes[0].contains("Cargo.lock"));
        fixture.write("Cargo.lock", "");
        assert!(derived(&fixture).notes.is_empty());
    }
}
