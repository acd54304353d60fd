//! Projects to build.

use camino::{Utf8Path, Utf8PathBuf};

use crate::TempDir;

/// A project in a temporary directory.
#[derive(Debug)]
pub struct Fixture(TempDir);

impl Fixture {
    /// An empty directory, with a directory of its own above it.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "making a directory is no default"
    )]
    pub fn new() -> Self {
        let dir = TempDir::new();
        fs_err::create_dir(dir.path().join("project")).expect("a new directory");
        Self(dir)
    }

    /// The smallest pyo3 extension: crate and distribution `name`, with a function `answer()` that gives
    /// 42. No `[tool.maturin]`, no Python sources.
    #[must_use]
    pub fn pure_rust(name: &str) -> Self {
        let fixture = Self::new();
        fixture.write("pyproject.toml", &pyproject(name, ""));
        fixture.write("Cargo.toml", &cargo_toml(name, name));
        fixture.write("src/lib.rs", &library(name, 42));
        fixture
    }

    /// The same inside a Python package `name`, as `name._name`, with its crate in `native/`.
    #[must_use]
    pub fn mixed(name: &str) -> Self {
        let maturin = format!(
            "[tool.maturin]\nmanifest-path = \"native/Cargo.toml\"\nmodule-name = \"{name}._{name}\"\n\
             python-source = \"python\"\n"
        );
        // Projects that share a target directory must not share the name of the library.
        let library_name = format!("_{name}");
        let fixture = Self::new();
        fixture.write("pyproject.toml", &pyproject(name, &maturin));
        fixture.write("native/Cargo.toml", &cargo_toml(name, &library_name));
        fixture.write("native/src/lib.rs", &library(&library_name, 42));
        fixture.write(
            format!("python/{name}/__init__.py"),
            &format!("from ._{name} import answer\n\ndef main():\n    print(answer())\n"),
        );
        fixture
    }

    /// [`Self::mixed`] without pyo3's macros: with pyo3-ffi alone a build from nothing takes a third of the
    /// time.
    #[must_use]
    pub fn light(name: &str) -> Self {
        let fixture = Self::mixed(name);
        fixture.edit("native/Cargo.toml", "pyo3 = {", "pyo3-ffi = {");
        let module = format!("_{name}");
        fixture.write(
            "native/src/lib.rs",
            &BARE_LIBRARY.replace("MODULE", &module),
        );
        fixture
    }

    /// Its directory.
    #[must_use]
    pub fn root(&self) -> Utf8PathBuf {
        self.0.path().join("project")
    }

    /// A path beside the project, gone with it.
    #[must_use]
    pub fn beside(&self, name: &str) -> Utf8PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file of the project.
    pub fn write(&self, name: impl AsRef<Utf8Path>, text: &str) {
        let path = self.root().join(name);
        let parent = path.parent().expect("a file has a directory");
        fs_err::create_dir_all(parent).expect("it can be made");
        fs_err::write(path, text).expect("it can be written");
    }

    /// Replaces `from`, which must be there, in a file of the project.
    pub fn edit(&self, name: impl AsRef<Utf8Path>, from: &str, to: &str) {
        let path = self.root().join(name);
        let text = fs_err::read_to_string(&path).expect("it can be read");
        assert!(text.contains(from), "{path} does not contain {from:?}");
        fs_err::write(path, text.replace(from, to)).expect("it can be written");
    }
}

fn pyproject(name: &str, maturin: &str) -> String {
    format!(
        "[build-system]\nrequires = [\"maturin>=1,<2\"]\nbuild-backend = \"maturin\"\n\n\
         [project]\nname = \"{name}\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n\n\
         [project.scripts]\n{name} = \"{name}:main\"\n\n{maturin}"
    )
}

fn cargo_toml(name: &str, lib: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [lib]\nname = \"{lib}\"\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\npyo3 = {{ version = \"0.30\", features = [\"abi3-py311\"] }}\n\n[workspace]\n"
    )
}

fn library(module: &str, answer: u32) -> String {
    format!(
        "#[pyo3::pymodule]\nmod {module} {{\n    #[pyo3::pyfunction]\n    fn answer() -> u32 {{\n        \
         {answer}\n    }}\n}}\n"
    )
}

/// A module with `answer()`, by the C API.
pub(crate) const BARE_LIBRARY: &str = r#"use pyo3_ffi::*;
use std::ptr::{addr_of_mut, null, null_mut};

unsafe extern "C" fn answer(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    unsafe { PyLong_FromLong(42) }
}

static mut METHODS: [PyMethodDef; 2] = [
    PyMethodDef {
        ml_name: c"answer".as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: answer },
        ml_flags: METH_NOARGS,
        ml_doc: null(),
    },
    PyMethodDef::zeroed(),
];

static mut DEFINITION: PyModuleDef = PyModuleDef {
    m_base: PyModuleDef_HEAD_INIT,
    m_name: c"MODULE".as_ptr(),
    m_doc: null(),
    m_size: -1,
    m_methods: addr_of_mut!(METHODS).cast(),
    m_slots: null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit_MODULE() -> *mut PyObject {
    unsafe { PyModule_Create(addr_of_mut!(DEFINITION)) }
}
"#;
