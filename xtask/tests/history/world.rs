//! A workspace whose extension tells what it is made of, and what it should be made of.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};

/// Where a part of the extension stands in the workspace, by its name in what the extension tells.
pub(crate) const PARTS: [(&str, &str); 8] = [
    ("configured", ".cargo/flags.toml"),
    ("declared", "data/declared.txt"),
    ("included", "data/included.txt"),
    ("leaf", "leaf/src/lib.rs"),
    ("macro", "macros/src/lib.rs"),
    ("part", "native/src/part.rs"),
    ("third", "third/src/lib.rs"),
    ("undeclared", "loose/words.txt"),
];

/// A checkout, its environment, and how it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) root: Utf8PathBuf,
    /// A target directory that is shared with another checkout.
    pub(crate) shared_target: Option<Utf8PathBuf>,
    /// What is kept of builds; several checkouts may have the same.
    pub(crate) store: Utf8PathBuf,
    /// The variables that the extension reads.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) features: Vec<String>,
    pub(crate) profile: Option<String>,
    /// Whether third-party crates may be linked apart.
    pub(crate) prelinks: bool,
}

const PYPROJECT: &str = "\
[build-system]\nrequires = [\"maturin>=1,<2\"]\nbuild-backend = \"maturin\"\n
[project]\nname = \"hx\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n
[tool.maturin]\nmanifest-path = \"native/Cargo.toml\"\nmodule-name = \"hx._hx\"\npython-source = \"python\"\n
[tool.uv]\ncache-keys = [{ file = \"pyproject.toml\" }]\n";

const NATIVE: &str = "\
[package]\nname = \"hx\"\nversion = \"0.1.0\"\nedition = \"2024\"\n
[lib]\nname = \"_hx\"\ncrate-type = [\"cdylib\"]\n
[features]\nextra = []\n
[dependencies]\nleaf = { path = \"../leaf\" }\nloose = { path = \"../loose\" }\nmacros = { path = \"../macros\" }\nthird = { path = \"../third\" }
pyo3-ffi = { version = \"0.30\", features = [\"abi3-py311\"] }\n";

/// Without pyo3 itself, which takes longer to compile than all the rest.
const LIB: &str = r#"mod part;
use pyo3_ffi::*;
use std::ptr::{addr_of_mut, null, null_mut};

const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/made.txt"));

unsafe extern "C" fn made_of(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    let or_none = |value: Option<&str>| value.unwrap_or("none").to_owned();
    let all = [
        ("columns", or_none(option_env!("COLUMNS"))),
        ("configured", or_none(option_env!("HX_CONFIGURED"))),
        ("debug", cfg!(debug_assertions).to_string()),
        ("extra", cfg!(feature = "extra").to_string()),
        ("included", include_str!("../../data/included.txt").trim().to_owned()),
        ("leaf", leaf::value().to_owned()),
        ("macro", macros::value!().to_owned()),
        ("part", part::value().to_owned()),
        ("third", third::value().to_owned()),
        ("undeclared", loose::value().to_owned()),
        ("variable", or_none(option_env!("HX_VARIABLE"))),
    ];
    let lines = all.iter().map(|(name, value)| format!("{name}={value}\n"));
    let text = lines.collect::<String>() + GENERATED;
    unsafe { PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len() as Py_ssize_t) }
}

static mut METHODS: [PyMethodDef; 2] = [
    PyMethodDef {
        ml_name: c"made_of".as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: made_of },
        ml_flags: METH_NOARGS,
        ml_doc: null(),
    },
    PyMethodDef::zeroed(),
];

static mut MODULE: PyModuleDef = PyModuleDef {
    m_base: PyModuleDef_HEAD_INIT,
    m_name: c"_hx".as_ptr(),
    m_doc: null(),
    m_size: -1,
    m_methods: addr_of_mut!(METHODS).cast(),
    m_slots: null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit__hx() -> *mut PyObject {
    unsafe { PyModule_Create(addr_of_mut!(MODULE)) }
}
"#;

/// Declares a file and a directory, and takes its time over it.
const SCRIPT: &str = r#"use std::{env, fs, path::Path};
fn text(path: &Path, all: &mut String) {
    let mut entries: Vec<_> = fs::read_dir(path).unwrap().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() { text(&entry, all) } else { all.push_str(fs::read_to_string(&entry).unwrap().trim()) }
    }
}
fn main() {
    println!("cargo:rerun-if-changed=../data/declared.txt");
    println!("cargo:rerun-if-changed=../data/tree");
    let declared = fs::read_to_string("../data/declared.txt").unwrap();
    let mut tree = String::new();
    text(Path::new("../data/tree"), &mut tree);
    std::thread::sleep(std::time::Duration::from_millis(150));
    let made = format!("declared={}\ntree={tree}\n", declared.trim());
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("made.txt"), made).unwrap();
}
"#;

/// Declares nothing, and says so in words that look like a declaration.
const LOOSE_SCRIPT: &str = r#"fn main() {
    println!("note: no cargo:rerun-if-changed=x here");
    let words = std::fs::read_to_string("words.txt").unwrap();
    println!("cargo:rustc-env=HX_WORDS={}", words.trim());
}
"#;

fn crate_of(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}")
}

/// The text of the file of a part with `value`.
pub(crate) fn text(part: &str, value: &str) -> String {
    match part {
        "configured" => format!("[env]\nHX_CONFIGURED = \"{value}\"\n"),
        "leaf" | "part" | "third" => format!("pub fn value() -> &'static str {{ \"{value}\" }}\n"),
        "macro" => format!(
            "#[proc_macro]\npub fn value(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{\n    \
             \"\\\"{value}\\\"\".parse().unwrap()\n}}\n"
        ),
        _ => format!("{value}\n"),
    }
}

/// The value in such a text: the last word in quotation marks, or all of it.
fn value_in(part: &str, text: &str) -> String {
    match part {
        "configured" | "leaf" | "part" | "third" => {
            text.split('"').nth(1).unwrap_or_default().to_owned()
        }
        "macro" => text.split("\\\"").nth(1).unwrap_or_default().to_owned(),
        _ => text.trim().to_owned(),
    }
}

impl World {
    /// A new checkout in `root`.
    pub(crate) fn new(root: &Utf8Path, shared_target: Option<&Utf8Path>) -> Self {
        let world = Self {
            root: root.to_owned(),
            shared_target: shared_target.map(Utf8Path::to_owned),
            store: root.with_file_name("store"),
            variables: BTreeMap::from([("HX_VARIABLE".to_owned(), "v0".to_owned())]),
            features: Vec::new(),
            profile: None,
            prelinks: true,
        };
        let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"leaf\", \"loose\", \"macros\", \"native\", \"third\"]\n";
        for (name, content) in [
            ("pyproject.toml", PYPROJECT),
            ("Cargo.toml", workspace),
            (".cargo/config.toml", "include = ['flags.toml']\n"),
            ("native/Cargo.toml", NATIVE),
            ("native/build.rs", SCRIPT),
            ("native/src/lib.rs", LIB),
            ("leaf/Cargo.toml", &crate_of("leaf", "")),
            ("third/Cargo.toml", &crate_of("third", "")),
            // So it counts as one that cargo has fetched.
            ("third/.cargo-checksum.json", "{\"files\":{}}"),
            ("loose/Cargo.toml", &crate_of("loose", "")),
            ("loose/build.rs", LOOSE_SCRIPT),
            (
                "loose/src/lib.rs",
                "pub fn value() -> &'static str { env!(\"HX_WORDS\") }\n",
            ),
            (
                "macros/Cargo.toml",
                &crate_of("macros", "[lib]\nproc-macro = true\n"),
            ),
            ("data/tree/a.txt", "a0\n"),
            ("data/tree/deep/b.txt", "b0\n"),
            ("python/hx/__init__.py", "from ._hx import made_of\n"),
            (".gitignore", "target/\n.venv/\n*.so\n__pycache__/\n"),
        ] {
            world.write(name, content);
        }
        for (part, path) in PARTS {
            world.write(path, &text(part, "first"));
        }
        world
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.root.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.root.join(name)).unwrap()
    }

    /// Puts a file of this content and age in the place of another, as `mv`, `cp -p` and `rsync` do.
    pub(crate) fn move_in(&self, name: &str, content: &str, age: Duration) {
        let draft = self.root.with_extension("draft");
        fs_err::write(&draft, content).unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&draft).unwrap();
        file.file().set_modified(SystemTime::now() - age).unwrap();
        fs_err::rename(draft, self.root.join(name)).unwrap();
    }

    /// The file of the module `part`, which is moved now and then.
    pub(crate) fn path_of(&self, part: &str) -> String {
        let (_, path) = PARTS.into_iter().find(|(name, _)| *name == part).unwrap();
        let moved = "native/src/part/mod.rs";
        let is_moved = part == "part" && self.root.join(moved).is_file();
        if is_moved { moved } else { path }.to_owned()
    }

    /// What the extension should be made of, going by the files.
    pub(crate) fn expected(&self) -> BTreeMap<String, String> {
        let parts = PARTS.map(|(part, _)| {
            let text = fs_err::read_to_string(self.root.join(self.path_of(part))).unwrap();
            (part.to_owned(), value_in(part, &text))
        });
        let mut tree: Vec<_> = walkdir::WalkDir::new(self.root.join("data/tree"))
            .follow_links(true)
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .collect();
        tree.sort_by_key(|path| {
            path.components()
                .map(|it| it.as_os_str().to_owned())
                .collect::<Vec<_>>()
        });
        let tree = tree
            .iter()
            .map(|path| fs_err::read_to_string(path).unwrap());
        let tree: String = tree.map(|text| text.trim().to_owned()).collect();
        let variable = |name: &str| {
            self.variables
                .get(name)
                .cloned()
                .unwrap_or_else(|| "none".to_owned())
        };
        let others = [
            ("columns", variable("COLUMNS")),
            (
                "debug",
                (self.profile.as_deref() != Some("release")).to_string(),
            ),
            (
                "extra",
                self.features.contains(&"extra".to_owned()).to_string(),
            ),
            ("tree", tree),
            ("variable", variable("HX_VARIABLE")),
        ];
        let others = others.map(|(name, value)| (name.to_owned(), value));
        parts.into_iter().chain(others).collect()
    }

    /// Everything that is built from, but where a build script goes by times, which change with each copy.
    pub(crate) fn sources(&self) -> BTreeMap<Utf8PathBuf, String> {
        let dirs = ["leaf", "macros", "native", "third", ".cargo", "Cargo.toml"];
        let files = dirs.map(|dir| {
            walkdir::WalkDir::new(self.root.join(dir))
                .into_iter()
                .flatten()
        });
        let files = files
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_type().is_file());
        let texts = files.filter_map(|entry| {
            let path = Utf8PathBuf::from_path_buf(entry.into_path()).ok()?;
            let text = fs_err::read_to_string(&path).ok()?;
            Some((path, text))
        });
        let loose = self.root.join("loose/words.txt");
        let time = fs_err::metadata(&loose).and_then(|it| it.modified());
        texts.chain([(loose, format!("{time:?}"))]).collect()
    }

    /// What the extension says that it is made of. `None` if it cannot be imported.
    pub(crate) fn imported(&self) -> Option<BTreeMap<String, String>> {
        let code = "import hx; print(hx.made_of(), end='')";
        let python =
            Invocation::new(self.root.join(".venv/bin/python")).args(["-I", "-B", "-c", code]);
        let told = python.read().ok()?;
        let lines = told.lines().filter_map(|line| line.split_once('='));
        Some(
            lines
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    pub(crate) fn target(&self) -> Utf8PathBuf {
        let own = || self.root.join("target");
        self.shared_target.clone().unwrap_or_else(own)
    }

    /// A command in the checkout, with its variables.
    pub(crate) fn command(&self, program: impl Into<Utf8PathBuf>) -> Invocation {
        let mut command = Invocation::new(program).cwd(&self.root);
        for name in [
            "VIRTUAL_ENV",
            "CARGO_TARGET_DIR",
            "COLUMNS",
            "HX_VARIABLE",
            "RUSTFLAGS",
        ] {
            command = command.env_remove(name);
        }
        command = command.env("XTASK_STORE_DIR", self.store.as_str());
        if let Some(target) = &self.shared_target {
            command = command.env("CARGO_TARGET_DIR", target.as_str());
        }
        for (name, value) in &self.variables {
            command = command.env(name, value);
        }
        command
    }

    pub(crate) fn xtask(&self, args: &[&str]) -> Invocation {
        let xtask = self.command(env!("CARGO_BIN_EXE_xtask"));
        xtask
            .args(["--project", self.root.as_str()])
            .args(args.iter().copied())
    }

    pub(crate) fn options(&self) -> (Vec<String>, Option<String>) {
        (self.features.clone(), self.profile.clone())
    }

    /// `dev` with the profile and the features of this moment.
    pub(crate) fn dev(&self) -> Invocation {
        let mut dev = self.xtask(&["dev"]);
        if let Some(profile) = &self.profile {
            dev = dev.args(["--profile", profile.as_str()]);
        }
        if !self.features.is_empty() {
            dev = dev.args(["--features", &self.features.join(",")]);
        }
        if !self.prelinks {
            dev = dev.arg("--no-prelink");
        }
        dev
    }

    /// Whether `dev --status`, asked with the same options, says that all is fresh, with all that it says.
    pub(crate) fn status(&self) -> (bool, Captured) {
        let status = self.dev().arg("--status").capture().unwrap();
        (status.status.success(), status)
    }
}
