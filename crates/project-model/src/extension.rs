//! The crate that becomes the extension, found as maturin finds it (its `project_layout.rs`, 1.16).

use camino::{Utf8Path, Utf8PathBuf};

use crate::bindings::other_than_pyo3;
use crate::manifest::Manifest;
use crate::nearby::no_manifest;
use crate::{ProjectError, Pyproject};

/// The extension; or, of a project that is only released, the crate that becomes programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The Cargo.toml of its crate.
    pub manifest: Utf8PathBuf,
    /// The name of its crate.
    pub crate_name: String,
    /// The dotted name under which Python imports it.
    pub module: String,
    /// Where it lies among the Python sources.
    pub layout: Layout,
    /// With the bindings `bin`: the names of its programs, which there are instead of a module.
    pub programs: Vec<String>,
}

/// Where an editable install puts the extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Into the source tree, beside the Python modules of a package.
    Mixed {
        /// The directory of the package that holds it.
        package: Utf8PathBuf,
    },
    /// Into `site-packages`: there are no Python sources.
    PureRust,
}

impl Extension {
    /// The dotted name of the library itself: one with a bare name lies in a package of that name, which
    /// maturin makes where there is none.
    #[must_use]
    pub fn full_name(&self) -> String {
        let module = &self.module;
        if module.contains('.') {
            module.clone()
        } else {
            format!("{module}.{module}")
        }
    }

    /// Where the library lies in a wheel, without what follows the first dot of its name: `a/_b` for `a._b`
    /// within a package; where there is no Python, maturin makes a package that is called as the library.
    #[must_use]
    pub fn library_in_wheel(&self) -> String {
        match self.layout {
            Layout::Mixed { .. } => self.full_name().replace('.', "/"),
            Layout::PureRust => {
                let name = self.library_name();
                format!("{name}/{name}")
            }
        }
    }

    /// The last part of the module's name.
    #[must_use]
    pub fn library_name(&self) -> &str {
        self.module.rsplit('.').next().unwrap_or(&self.module)
    }

    /// Finds the extension of the project in `root`.
    pub(crate) fn find(root: &Utf8Path, pyproject: &Pyproject) -> Result<Self, ProjectError> {
        let (found, bindings) = Self::with_bindings(root, pyproject)?;
        match bindings {
            None => Ok(found),
            Some(bindings) => Err(ProjectError::OtherBindings {
                project: root.to_owned(),
                bindings,
            }),
        }
    }

    /// The same, where programs will do.
    pub(crate) fn find_any(root: &Utf8Path, pyproject: &Pyproject) -> Result<Self, ProjectError> {
        match Self::with_bindings(root, pyproject)? {
            (found, None) => Ok(found),
            (found, Some(bindings)) if bindings == "bin" && !found.programs.is_empty() => Ok(found),
            (_, Some(bindings)) => Err(ProjectError::OtherBindings {
                project: root.to_owned(),
                bindings,
            }),
        }
    }

    /// What the crate becomes, and its bindings where they are others than pyo3's.
    fn with_bindings(
        root: &Utf8Path,
        pyproject: &Pyproject,
    ) -> Result<(Self, Option<String>), ProjectError> {
        let manifest = manifest_path(root, pyproject);
        if !manifest.is_file() {
            return Err(no_manifest(root, manifest));
        }
        let toml = Manifest::read(&manifest)?;
        let dir = manifest.parent().unwrap_or(root);
        let bindings = other_than_pyo3(pyproject, &toml, dir);
        let programs = match bindings.as_deref() {
            Some("bin") => toml.program_names(dir).into_iter().collect(),
            _ => Vec::new(),
        };
        let crate_name = toml.package.map(|package| package.name);
        let crate_name = crate_name.ok_or_else(|| ProjectError::NoPackage(manifest.clone()))?;
        let module = module_name(pyproject, toml.lib.and_then(|lib| lib.name), &crate_name);
        let layout = layout(&python_source(root, pyproject), &module);
        let found = Self {
            manifest,
            crate_name,
            module,
            layout,
            programs,
        };
        Ok((found, bindings))
    }
}

/// `manifest-path`, else `rust/Cargo.toml` beside a `src` layout, else `Cargo.toml`.
fn manifest_path(root: &Utf8Path, pyproject: &Pyproject) -> Utf8PathBuf {
    let maturin = pyproject.maturin();
    if let Some(path) = &maturin.manifest_path {
        return root.join(path);
    }
    let nested = root.join("rust/Cargo.toml");
    if nested.is_file() && (maturin.python_source.is_some() || has_src_layout(root, pyproject)) {
        return nested;
    }
    root.join("Cargo.toml")
}

/// Where the Python packages lie: `python-source`, else `src` beside `rust/Cargo.toml`, else the project's
/// directory.
pub(crate) fn python_source(root: &Utf8Path, pyproject: &Pyproject) -> Utf8PathBuf {
    match &pyproject.maturin().python_source {
        Some(source) => root.join(source),
        None if root.join("rust/Cargo.toml").is_file() && has_src_layout(root, pyproject) => {
            root.join("src")
        }
        None => root.to_owned(),
    }
}

/// Whether one of the project's packages lies in `src`.
fn has_src_layout(root: &Utf8Path, pyproject: &Pyproject) -> bool {
    let Some(project) = &pyproject.project else {
        return false;
    };
    let named = project.name.replace('-', "_");
    std::iter::once(&named)
        .chain(&pyproject.maturin().python_packages)
        .any(|package| root.join("src").join(package).join("__init__.py").is_file())
}

/// `module-name`, else the library's explicit name, else the distribution's, else the crate's.
fn module_name(pyproject: &Pyproject, lib_name: Option<String>, crate_name: &str) -> String {
    let maturin = pyproject.maturin().module_name.clone();
    let project = || {
        pyproject
            .project
            .as_ref()
            .map(|project| project.name.clone())
    };
    maturin
        .or(lib_name)
        .or_else(project)
        .unwrap_or_else(|| crate_name.to_owned())
        .replace('-', "_")
}

/// Mixed, if the outermost package of `module` is a directory in `python_source`, unless that is a crate
/// that happens to have the same name.
fn layout(python_source: &Utf8Path, module: &str) -> Layout {
    let outermost = python_source.join(module.split('.').next().unwrap_or(module));
    let is_crate = outermost.join("Cargo.toml").is_file();
    if !outermost.is_dir() || (is_crate && !outermost.join("__init__.py").is_file()) {
        return Layout::PureRust;
    }
    // A bare name means that the extension lies in a package of its own name.
    let package = match module.rsplit_once('.') {
        Some((package, _)) => python_source.join(package.replace('.', "/")),
        None => outermost,
    };
    Layout::Mixed { package }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    /// A project of these files, each with a text.
    fn project(files: &[(&str, &str)]) -> TempDir {
        let dir = TempDir::new();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        dir
    }

    fn find(dir: &TempDir) -> Result<Extension, ProjectError> {
        let pyproject = Pyproject::read(&dir.path().join("pyproject.toml"))?;
        Extension::find(dir.path(), &pyproject)
    }

    const CRATE: &str = "[package]\nname = 'fast-thing'\n";

    #[test]
    fn no_tool_table_and_no_python_is_a_pure_rust_project() {
        let dir = project(&[
            ("pyproject.toml", "[project]\nname = 'fast-thing'"),
            ("Cargo.toml", CRATE),
        ]);
        let found = find(&dir).unwrap();
        assert_eq!(found.module, "fast_thing");
        assert_eq!(found.layout, Layout::PureRust);
        assert_eq!(found.manifest, dir.path().join("Cargo.toml"));
    }

    #[test]
    fn the_librarys_name_comes_before_the_distributions() {
        let dir = project(&[
            ("pyproject.toml", "[project]\nname = 'rpds-py'"),
            (
                "Cargo.toml",
                "[package]\nname = 'rpds-py'\n[lib]\nname = 'rpds'",
            ),
        ]);
        assert_eq!(find(&dir).unwrap().module, "rpds");
    }

    #[test]
    fn a_nested_manifest_with_a_private_module_in_a_source_directory() {
        let dir = project(&[
            (
                "pyproject.toml",
                "[project]\nname = 'p'\n[tool.maturin]\nmanifest-path = 'native/Cargo.toml'\n\
                 module-name = 'p.deep._native'\npython-source = 'python'",
            ),
            ("native/Cargo.toml", CRATE),
            ("python/p/__init__.py", ""),
        ]);
        let found = find(&dir).unwrap();
        assert_eq!(found.manifest, dir.path().join("native/Cargo.toml"));
        let package = dir.path().join("python/p/deep");
        assert_eq!(found.layout, Layout::Mixed { package });
    }

    #[test]
    fn src_and_rust_side_by_side_are_detected() {
        let dir = project(&[
            ("pyproject.toml", "[project]\nname = 'my-thing'"),
            ("rust/Cargo.toml", CRATE),
            ("src/my_thing/__init__.py", ""),
        ]);
        let found = find(&dir).unwrap();
        assert_eq!(found.manifest, dir.path().join("rust/Cargo.toml"));
        let package = dir.path().join("src/my_thing");
        assert_eq!(found.layout, Layout::Mixed { package });
    }

    #[test]
    fn a_crate_of_the_modules_name_is_no_python_package() {
        let dir = project(&[
            ("pyproject.toml", "[project]\nname = 'thing'"),
            ("Cargo.toml", CRATE),
            ("thing/Cargo.toml", CRATE),
        ]);
        assert_eq!(find(&dir).unwrap().layout, Layout::PureRust);
    }

    #[test]
    fn a_workspace_without_a_package_is_refused() {
        let dir = project(&[
            ("pyproject.toml", "[project]\nname = 'thing'"),
            ("Cargo.toml", "[workspace]\nmembers = ['a']"),
        ]);
        let text = find(&dir).unwrap_err().to_string();
        assert!(text.contains("manifest-path"), "{text}");
    }
}
