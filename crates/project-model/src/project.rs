//! A project as a whole.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::Metadata;
use environment::cargo_env;
use pep440_rs::VersionSpecifiers;
use processes::Invocation;
use serde::{Deserialize, Serialize};

use crate::extension::python_source;
use crate::pyproject::requirement_name;
use crate::{Extension, Policy, ProjectError, Pyproject, uv_workspace};

/// A maturin project, read from its directory: `pyproject.toml` and the extension's `Cargo.toml`.
#[derive(Debug, Clone)]
pub struct Project {
    /// The directory of its `pyproject.toml`.
    pub root: Utf8PathBuf,
    /// That file.
    pub pyproject: Pyproject,
    /// `requires-python`.
    pub requires_python: Option<VersionSpecifiers>,
    /// The crate that becomes the extension.
    pub extension: Extension,
    /// The root of its uv workspace: the project's own directory, where it is in none.
    pub uv_workspace: Utf8PathBuf,
    /// Which Pythons an environment for it may have: in a uv workspace all its members have to allow it.
    pub environment_python: Option<VersionSpecifiers>,
    /// The version that a `.python-version` asks for.
    pub pinned_python: Option<String>,
}

/// The Cargo workspace that the extension belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its root: the directory of the extension's crate, or one above it.
    pub root: Utf8PathBuf,
    /// Where cargo puts what it builds.
    pub target_dir: Utf8PathBuf,
    /// Where cargo keeps what is only of use to itself: the target directory, unless `build.build-dir` says
    /// otherwise.
    pub build_dir: Utf8PathBuf,
    /// The directories of its packages, by name.
    pub packages: BTreeMap<String, Utf8PathBuf>,
    /// `[workspace.metadata.xtask]`.
    pub policy: Policy,
}

impl Project {
    /// Reads the project in `dir`. Starts no process and writes nothing.
    pub fn load(dir: &Utf8Path) -> Result<Self, ProjectError> {
        Self::load_with(dir, Extension::find)
    }

    /// The same, where a project of programs (`bindings = "bin"`) will do: it can be released, and there is
    /// nothing in it that Python loads.
    pub fn load_to_release(dir: &Utf8Path) -> Result<Self, ProjectError> {
        Self::load_with(dir, Extension::find_any)
    }

    fn load_with(
        dir: &Utf8Path,
        find: fn(&Utf8Path, &Pyproject) -> Result<Extension, ProjectError>,
    ) -> Result<Self, ProjectError> {
        let not_a_project = || ProjectError::NotAProject(dir.to_owned());
        let root = dir.canonicalize_utf8().map_err(|_| not_a_project())?;
        let path = root.join("pyproject.toml");
        if !path.is_file() {
            return Err(not_a_project());
        }
        let pyproject = Pyproject::read(&path)?;
        refuse_other_backends(&path, &pyproject).map_err(|error| naming_members(error, &root))?;
        let requires_python = pyproject.requires_python(&path)?;
        let extension = find(&root, &pyproject)?;
        let uv_workspace = uv_workspace::root_of(&root, &pyproject);
        Ok(Self {
            environment_python: common_python(&uv_workspace, requires_python.as_ref()),
            pinned_python: uv_workspace::pinned_python(&root, &uv_workspace),
            uv_workspace,
            root,
            pyproject,
            requires_python,
            extension,
        })
    }

    /// Whether it shares environment and lock file with other projects.
    #[must_use]
    pub fn is_in_a_uv_workspace(&self) -> bool {
        self.uv_workspace != self.root || self.pyproject.uv_workspace().is_some()
    }

    /// What must be installed for a build beside maturin: build scripts may start Python and import it.
    #[must_use]
    pub fn build_requirements(&self) -> Vec<String> {
        let system = self.pyproject.build_system.as_ref();
        system.map_or_else(Vec::new, crate::BuildSystem::beside_maturin)
    }

    /// Where uv keeps the versions that the project and all others of its workspace are locked to.
    #[must_use]
    pub fn uv_lock(&self) -> Utf8PathBuf {
        self.uv_workspace.join("uv.lock")
    }

    /// The directory of its Python packages.
    #[must_use]
    pub fn python_source(&self) -> Utf8PathBuf {
        python_source(&self.root, &self.pyproject)
    }

    /// The name of the distribution; where pyproject.toml has none, maturin takes the crate's.
    #[must_use]
    pub fn name(&self) -> &str {
        let project = self.pyproject.project.as_ref();
        project.map_or(&self.extension.crate_name, |project| &project.name)
    }
}

impl Workspace {
    /// Asks cargo for the workspace of `project`'s extension. Takes 0.05 s, and writes nothing: not even a
    /// missing lock file.
    pub fn load(project: &Project) -> Result<Self, ProjectError> {
        let metadata = cargo_metadata_of(&project.root, &project.extension.manifest)?;
        let policy = policy(&metadata, &project.extension.manifest)?;
        let packages = metadata.packages.into_iter().map(|package| {
            let dir = package.manifest_path.parent().unwrap_or(Utf8Path::new("/"));
            (package.name.to_string(), dir.to_owned())
        });
        Ok(Self {
            root: metadata.workspace_root,
            build_dir: metadata
                .build_directory
                .unwrap_or_else(|| metadata.target_directory.clone()),
            target_dir: metadata.target_directory,
            packages: packages.collect(),
            policy,
        })
    }

    /// The tag of the release that has the wheels, where there is no doing without.
    pub fn release_tag(&self) -> Result<&packaging::checked::Tag, ProjectError> {
        let tag = self.policy.wheel.release_tag.as_ref();
        tag.ok_or_else(|| ProjectError::NoReleaseTag(self.root.join("Cargo.toml")))
    }
}

/// The policy of the crate of `manifest`: its own, else that of the workspace.
fn policy(metadata: &Metadata, manifest: &Utf8Path) -> Result<Policy, ProjectError> {
    let is_it = |path: &Utf8Path| {
        path == manifest || path.canonicalize_utf8().ok() == manifest.canonicalize_utf8().ok()
    };
    let mut packages = metadata.packages.iter();
    let own = packages.find(|package| is_it(&package.manifest_path));
    let own = own.filter(|package| Policy::is_in(&package.metadata));
    let (path, table) = match own {
        Some(package) => (package.manifest_path.clone(), &package.metadata),
        None => (
            metadata.workspace_root.join("Cargo.toml"),
            &metadata.workspace_metadata,
        ),
    };
    Policy::from_metadata(table).map_err(|source| ProjectError::Policy { path, source })
}

/// Backends that do not build with maturin, by the beginning of their names.
const OTHER_BACKENDS: [&str; 8] = [
    "flit_core",
    "hatchling",
    "mesonpy",
    "pdm.backend",
    "poetry.core",
    "scikit_build_core",
    "setuptools",
    "uv_build",
];

/// A project that needs maturin to build is one of ours, also where a backend of its own wraps maturin's. So
/// is one with a table for maturin, unless its backend is one that is known to build without.
fn refuse_other_backends(path: &Utf8Path, pyproject: &Pyproject) -> Result<(), ProjectError> {
    let path = path.to_owned();
    let Some(system) = &pyproject.build_system else {
        // Where nothing is named, setuptools builds what has its file (PEP 517).
        let backend = "setuptools".to_owned();
        let is_other = !pyproject.has_maturin_table() && path.with_file_name("setup.py").exists();
        return Err(if is_other {
            ProjectError::OtherBackend { path, backend }
        } else {
            ProjectError::NoBuildSystem(path)
        });
    };
    let backend = system.build_backend.as_deref().unwrap_or("setuptools");
    let names = system.requires.iter().map(|text| requirement_name(text));
    let is_other = OTHER_BACKENDS
        .iter()
        .any(|other| backend.starts_with(other));
    let needs_maturin = names.into_iter().any(|name| name == "maturin");
    if needs_maturin || backend == "maturin" || (pyproject.has_maturin_table() && !is_other) {
        return Ok(());
    }
    Err(ProjectError::OtherBackend {
        path,
        backend: backend.to_owned(),
    })
}

/// `own` requires-python, and those of all projects of the uv workspace in `root`, which share an
/// environment. One that cannot be read is passed over: uv will say more of it.
fn common_python(root: &Utf8Path, own: Option<&VersionSpecifiers>) -> Option<VersionSpecifiers> {
    let members = uv_workspace::members(root);
    let at_the_root = Pyproject::read(&root.join("pyproject.toml")).ok();
    let all = members.iter().map(|member| &member.pyproject);
    let others = all.chain(&at_the_root);
    let others = others.filter_map(|it| it.requires_python(root).ok().flatten());
    let mut specifiers: Vec<_> = own.iter().flat_map(|own| own.iter().cloned()).collect();
    for specifier in others.flat_map(|other| other.iter().cloned().collect::<Vec<_>>()) {
        if !specifiers.contains(&specifier) {
            specifiers.push(specifier);
        }
    }
    (!specifiers.is_empty()).then(|| specifiers.into_iter().collect())
}

/// What is said of the directory `root`, which has no project of ours: where it is the root of a uv
/// workspace, which of its members are.
fn naming_members(error: ProjectError, root: &Utf8Path) -> ProjectError {
    let members = uv_workspace::members(root).into_iter();
    let ours = members.filter(|member| Project::load(&member.root).is_ok());
    let members: Vec<_> = ours.map(|member| member.root).collect();
    if members.is_empty() {
        return error;
    }
    ProjectError::WorkspaceRoot {
        root: root.to_owned(),
        members,
    }
}

/// The workspace, without resolving dependencies: that takes a tenth of the time, and no network.
pub(crate) fn cargo_metadata_of(
    root: &Utf8Path,
    manifest: &Utf8Path,
) -> Result<Metadata, ProjectError> {
    let command = Invocation::new(cargo_env::cargo())
        .args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--manifest-path",
        ])
        .arg(manifest.as_str())
        .cwd(root);
    let json = command.read().map_err(|source| ProjectError::Cargo {
        manifest: manifest.to_owned(),
        source,
    })?;
    cargo_metadata::MetadataCommand::parse(json).map_err(|source| ProjectError::Metadata {
        manifest: manifest.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn write(dir: &TempDir, name: &str, text: &str) {
        let path = dir.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    #[test]
    fn a_directory_without_pyproject_is_refused() {
        let dir = TempDir::new();
        let text = Project::load(dir.path()).unwrap_err().to_string();
        assert!(
            text.contains("no pyproject.toml") && text.contains("--project"),
            "{text}"
        );
    }

    #[test]
    fn another_build_backend_is_refused_by_name() {
        let dir = TempDir::new();
        let text = "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'";
        fs_err::write(dir.path().join("pyproject.toml"), text).unwrap();
        let text = Project::load(dir.path()).unwrap_err().to_string();
        assert!(text.contains("`hatchling.build`"), "{text}");
    }

    #[test]
    fn a_backend_that_wraps_maturin_is_accepted() {
        let accepted =
            |text: &str| refuse_other_backends("p".into(), &Pyproject::parse(text).unwrap());
        let wrapped = "[build-system]\nrequires = ['maturin>=1,<2']\nbuild-backend = 'backend'";
        assert!(accepted(wrapped).is_ok());
        let error = accepted("").unwrap_err().to_string();
        assert!(error.contains("build-backend = \"maturin\""), "{error}");
        assert!(accepted("[build-system]\nrequires = ['maturin-import-hook']").is_err());
        let table = |backend| {
            let system = format!("[build-system]\nrequires = ['x']\nbuild-backend = '{backend}'");
            accepted(&format!("{system}\n[tool.maturin]\nmodule-name = 'a.b'"))
        };
        assert!(table("soldr").is_ok());
        for other in [
            "hatchling.build",
            "setuptools.build_meta",
            "poetry.core.masonry.api",
        ] {
            assert!(table(other).is_err(), "{other}");
        }
    }

    #[test]
    fn what_names_no_backend_and_has_a_setup_py_is_not_to_become_maturins() {
        let dir = TempDir::new();
        let load = |text: &str| {
            fs_err::write(dir.path().join("pyproject.toml"), text).unwrap();
            Project::load(dir.path()).unwrap_err()
        };
        let (plain, with_table) = ("[tool.black]\n", "[tool.maturin]\n");
        assert!(matches!(load(plain), ProjectError::NoBuildSystem(_)));
        fs_err::write(dir.path().join("setup.py"), "").unwrap();
        let error = load(plain);
        assert!(
            matches!(&error, ProjectError::OtherBackend { backend, .. } if backend == "setuptools"),
            "{error}"
        );
        assert!(matches!(load(with_table), ProjectError::NoBuildSystem(_)));
    }

    #[test]
    fn a_root_without_a_project_of_its_own_names_its_members() {
        let dir = TempDir::new();
        let write = |name: &str, text: &str| write(&dir, name, text);
        write("pyproject.toml", "[tool.uv.workspace]\nmembers = ['p/*']\n");
        write("p/pure/pyproject.toml", "[project]\nname = 'pure'\n");
        let error = Project::load(dir.path()).unwrap_err();
        assert!(matches!(error, ProjectError::NoBuildSystem(_)), "{error}");
        let system = "[build-system]\nrequires = ['maturin']\n[project]\nname = 'fast'\n";
        write("p/fast/pyproject.toml", system);
        write("p/fast/Cargo.toml", "[package]\nname = 'fast'\n");
        let text = Project::load(dir.path()).unwrap_err().to_string();
        let member = dir.path().join("p/fast");
        assert!(
            text.contains(&format!("members that are:\n    {member}\n")),
            "{text}"
        );
        assert!(
            text.contains(&format!("`cargo xtask --project {member} dev`")),
            "{text}"
        );
        assert_eq!(Project::load(&member).unwrap().uv_workspace, dir.path());
    }

    #[test]
    fn an_environment_of_a_workspace_has_a_python_that_all_members_allow() {
        let dir = TempDir::new();
        let write = |name: &str, text: &str| write(&dir, name, text);
        write("pyproject.toml", "[tool.uv.workspace]\nmembers = ['p/*']\n");
        let pure = "[project]\nname = 'pure'\nrequires-python = '<3.13'\n";
        write("p/pure/pyproject.toml", pure);
        let system = "[build-system]\nrequires = ['maturin']\n[project]\nname = 'fast'\n";
        let fast = format!("{system}requires-python = '>=3.11'\n");
        write("p/fast/pyproject.toml", &fast);
        write("p/fast/Cargo.toml", "[package]\nname = 'fast'\n");
        let project = Project::load(&dir.path().join("p/fast")).unwrap();
        let common = project.environment_python.unwrap().to_string();
        assert!(
            common.contains(">=3.11") && common.contains("<3.13"),
            "{common}"
        );
        assert_eq!(project.requires_python.unwrap().to_string(), ">=3.11");
    }

    #[test]
    fn loading_writes_nothing() {
        let dir = TempDir::new();
        let write = |name, text: &str| fs_err::write(dir.path().join(name), text).unwrap();
        let system = "[build-system]\nrequires = ['maturin']\n";
        write(
            "pyproject.toml",
            &format!("{system}[project]\nname = 'thing'"),
        );
        write(
            "Cargo.toml",
            "[package]\nname = 'thing'\nedition = '2024'\n[lib]\npath = 'lib.rs'",
        );
        write("lib.rs", "");
        let project = Project::load(dir.path()).unwrap();
        assert_eq!(project.name(), "thing");
        let workspace = Workspace::load(&project).unwrap();
        assert_eq!(workspace.target_dir, dir.path().join("target"));
        assert_eq!(workspace.root, dir.path());
        assert_eq!(dir.path().read_dir_utf8().unwrap().count(), 3);
    }
}
