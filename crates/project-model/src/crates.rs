//! The crates on this machine that an extension is made of: its own and those it depends on by path.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{DependencyKind, Metadata, Package, TargetKind};

use crate::manifest::{Dependency, Manifest};
use crate::project::cargo_metadata_of;
use crate::{Project, ProjectError};

/// A crate that lies in a directory, rather than in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathCrate {
    /// Its name.
    pub name: String,
    /// The directory of its Cargo.toml.
    pub dir: Utf8PathBuf,
    /// The name of its library, as in `lib<name>.so`.
    pub library: Option<String>,
    /// The file that its library begins with; several, if it has no library but programs.
    pub roots: Vec<Utf8PathBuf>,
    /// Its build script, if it has one.
    pub build_script: Option<Utf8PathBuf>,
    /// Whether it is a procedural macro: code that runs in the compiler and is no part of what is built.
    pub is_macro: bool,
    /// The directories of the crates that it is linked with, by path. What its build script depends on is not
    /// among them.
    pub linked: Vec<Utf8PathBuf>,
}

/// What an extension is made of, as far as it lies on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// The crates, the extension's first, the others by their directory.
    pub crates: Vec<PathCrate>,
    /// The root of the Cargo workspace.
    pub workspace_root: Utf8PathBuf,
    /// The roots of other workspaces that a crate lies in, whose keys it may inherit.
    pub other_workspaces: BTreeSet<Utf8PathBuf>,
    /// Where cargo puts what it builds.
    pub target_dir: Utf8PathBuf,
}

impl Closure {
    /// Follows dependencies by path from `project`'s extension, those of build scripts and of other platforms
    /// included, those of tests not. Optional ones count too: which of them a build activates is decided by
    /// features that may differ from build to build. Needs no network and writes nothing.
    pub fn load(project: &Project) -> Result<Self, ProjectError> {
        let mut walk = Walk::new(project);
        let own = walk.metadata_of(&project.extension.manifest)?;
        let mut closure = Self {
            crates: Vec::new(),
            workspace_root: own.workspace_root.clone(),
            other_workspaces: BTreeSet::new(),
            target_dir: own.target_directory.clone(),
        };
        let mut due = vec![project.extension.manifest.clone()];
        due.extend(patched(&own.workspace_root));
        let mut seen = BTreeSet::new();
        while let Some(manifest) = due.pop() {
            if !seen.insert(manifest.clone()) {
                continue;
            }
            let metadata = match walk.metadata_of(&manifest) {
                Ok(metadata) => metadata,
                // cargo builds a crate of another workspace also where that lacks a member.
                Err(error) => {
                    let read = ReadCrate::read(&manifest).map_err(|_| error)?;
                    closure.other_workspaces.extend(read.workspace_root);
                    due.extend(read.depends_on);
                    closure.crates.push(read.path_crate);
                    continue;
                }
            };
            let package = metadata.packages.iter();
            let Some(package) = package.into_iter().find(|p| p.manifest_path == manifest) else {
                continue;
            };
            if metadata.workspace_root != closure.workspace_root {
                closure
                    .other_workspaces
                    .insert(metadata.workspace_root.clone());
            }
            due.extend(path_dependencies(package));
            closure.crates.push(path_crate(package));
        }
        let first = project.extension.manifest.parent();
        closure
            .crates
            .sort_by_key(|one| (Some(one.dir.as_path()) != first, one.dir.clone()));
        Ok(closure)
    }
}

/// A crate as its manifest tells of it, where cargo cannot be asked.
struct ReadCrate {
    path_crate: PathCrate,
    /// The root of the workspace around it.
    workspace_root: Option<Utf8PathBuf>,
    /// The manifests of the crates that it depends on by path, in a build.
    depends_on: Vec<Utf8PathBuf>,
}

impl ReadCrate {
    fn read(path: &Utf8Path) -> Result<Self, ProjectError> {
        let manifest = Manifest::read(path)?;
        let dir = path.parent().unwrap_or(path);
        let around = Manifest::of_workspace_around(dir);
        let workspace = around.as_ref().map(|(dir, manifest)| (*dir, manifest));
        let real = |dir: Utf8PathBuf| dir.canonicalize_utf8().unwrap_or(dir);
        let dir_of = |it: Dependency<'_>| it.dir(dir, workspace).map(real);
        let linked: Vec<_> = manifest.dependencies().filter_map(dir_of).collect();
        let for_script = manifest.build_dependencies().filter_map(dir_of);
        let depends_on = for_script.chain(linked.iter().cloned());
        let name = manifest
            .package
            .as_ref()
            .map_or("", |package| &package.name);
        let library = manifest.library(dir);
        let library_name = manifest.lib.as_ref().and_then(|lib| lib.name.as_deref());
        Ok(Self {
            depends_on: depends_on.map(|dir| dir.join("Cargo.toml")).collect(),
            workspace_root: workspace.map(|(dir, _)| dir.to_owned()),
            path_crate: PathCrate {
                name: name.to_owned(),
                dir: dir.to_owned(),
                library: library
                    .as_ref()
                    .map(|_| library_name.unwrap_or(name).replace('-', "_")),
                roots: library.map_or_else(|| manifest.programs(dir), |path| vec![path]),
                build_script: manifest.build_script(dir),
                is_macro: manifest.is_macro(),
                linked,
            },
        })
    }
}

/// The directories of all crates that cargo reads before it builds the extension of `project`: the members of
/// the workspace, and what any of them depends on by path, in tests as well.
pub fn dirs_that_cargo_reads(project: &Project) -> Result<BTreeSet<Utf8PathBuf>, ProjectError> {
    let mut walk = Walk::new(project);
    let own = walk.metadata_of(&project.extension.manifest)?;
    let mut due: Vec<_> = own
        .packages
        .iter()
        .map(|it| it.manifest_path.clone())
        .collect();
    due.extend(patched(&own.workspace_root));
    let mut dirs = BTreeSet::new();
    while let Some(manifest) = due.pop() {
        let dir = manifest.parent().unwrap_or(&manifest).to_owned();
        // What is missing, cargo tells.
        if !manifest.is_file() || !dirs.insert(dir) {
            continue;
        }
        let metadata = match walk.metadata_of(&manifest) {
            Ok(metadata) => metadata,
            Err(error) => {
                due.extend(ReadCrate::read(&manifest).map_err(|_| error)?.depends_on);
                continue;
            }
        };
        let mut packages = metadata.packages.iter();
        if let Some(package) = packages.find(|it| it.manifest_path == manifest) {
            let paths = package
                .dependencies
                .iter()
                .filter_map(|it| it.path.as_ref());
            due.extend(paths.map(|path| path.join("Cargo.toml")));
        }
    }
    Ok(dirs)
}

/// What cargo said so far: it speaks of all members of a workspace at once.
struct Walk<'a> {
    project: &'a Project,
    known: BTreeMap<Utf8PathBuf, Metadata>,
}

impl<'a> Walk<'a> {
    fn new(project: &'a Project) -> Self {
        Self {
            project,
            known: BTreeMap::new(),
        }
    }

    /// The metadata of the workspace that `manifest` belongs to.
    fn metadata_of(&mut self, manifest: &Utf8Path) -> Result<Metadata, ProjectError> {
        let speaks_of = |metadata: &&Metadata| {
            metadata
                .packages
                .iter()
                .any(|p| p.manifest_path == manifest)
        };
        if let Some(metadata) = self.known.values().find(speaks_of) {
            return Ok(metadata.clone());
        }
        let metadata = cargo_metadata_of(&self.project.root, manifest)?;
        self.known
            .insert(metadata.workspace_root.clone(), metadata.clone());
        Ok(metadata)
    }
}

/// The manifests of the crates that `package` depends on by path, in a build.
fn path_dependencies(package: &Package) -> impl Iterator<Item = Utf8PathBuf> {
    let dependencies = package.dependencies.iter();
    let built = dependencies.filter(|dependency| dependency.kind != DependencyKind::Development);
    built.filter_map(|dependency| Some(dependency.path.as_ref()?.join("Cargo.toml")))
}

/// The manifests that `[patch]` in the workspace's Cargo.toml puts in place of crates from a registry.
fn patched(workspace_root: &Utf8Path) -> Vec<Utf8PathBuf> {
    type Patches = BTreeMap<String, BTreeMap<String, serde_json::Value>>;
    #[derive(serde::Deserialize)]
    struct Manifest {
        #[serde(default)]
        patch: Patches,
    }
    // cargo has read the file already: what is wrong with it, it has said.
    let text = fs_err::read_to_string(workspace_root.join("Cargo.toml")).unwrap_or_default();
    let Ok(manifest) = toml_edit::de::from_str::<Manifest>(&text) else {
        return Vec::new();
    };
    let tables = manifest.patch.into_values().flatten();
    let paths = tables.filter_map(|(_, value)| Some(value.get("path")?.as_str()?.to_owned()));
    let manifests = paths.map(|path| workspace_root.join(path).join("Cargo.toml"));
    manifests
        .filter_map(|manifest| manifest.canonicalize_utf8().ok())
        .collect()
}

fn path_crate(package: &Package) -> PathCrate {
    let root_of = |wanted: &dyn Fn(&TargetKind) -> bool| -> Vec<Utf8PathBuf> {
        let targets = package.targets.iter();
        let found = targets.filter(|target| target.kind.iter().any(wanted));
        found.map(|target| target.src_path.clone()).collect()
    };
    let is_program = |kind: &TargetKind| *kind == TargetKind::Bin;
    let is_library = |kind: &TargetKind| {
        !matches!(
            kind,
            TargetKind::Bin
                | TargetKind::CustomBuild
                | TargetKind::Test
                | TargetKind::Bench
                | TargetKind::Example
        )
    };
    let library = package.targets.iter();
    let library = library
        .into_iter()
        .find(|target| target.kind.iter().any(is_library));
    let mut roots = root_of(&is_library);
    if roots.is_empty() {
        roots = root_of(&is_program);
    }
    PathCrate {
        name: package.name.to_string(),
        dir: package
            .manifest_path
            .parent()
            .unwrap_or(Utf8Path::new(""))
            .to_owned(),
        library: library.map(|target| target.name.replace('-', "_")),
        roots,
        build_script: root_of(&|kind| *kind == TargetKind::CustomBuild)
            .into_iter()
            .next(),
        is_macro: !root_of(&|kind| *kind == TargetKind::ProcMacro).is_empty(),
        linked: linked(package),
    }
}

fn linked(package: &Package) -> Vec<Utf8PathBuf> {
    let dependencies = package.dependencies.iter();
    let normal = dependencies.filter(|dependency| dependency.kind == DependencyKind::Normal);
    let paths = normal.filter_map(|dependency| dependency.path.clone());
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn write_crate(fixture: &Fixture, dir: &str, rest: &str) {
        let name = dir.rsplit('/').next().unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}"
        );
        fixture.write(format!("{dir}/Cargo.toml"), &manifest);
        fixture.write(format!("{dir}/src/lib.rs"), "");
    }

    fn names(fixture: &Fixture) -> Vec<String> {
        let project = Project::load(&fixture.root()).unwrap();
        let closure = Closure::load(&project).unwrap();
        closure.crates.into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn dependencies_of_builds_count_and_those_of_tests_do_not() {
        let fixture = Fixture::mixed("thing");
        let paths = "[dependencies]\nnear = { path = \"../near\" }\n\n\
                     [target.'cfg(windows)'.dependencies]\nfar = { path = \"../../far\" }\n\n\
                     [dev-dependencies]\ntesting = { path = \"../testing\" }\n";
        fixture.edit("native/Cargo.toml", "[dependencies]\n", paths);
        let maker = "[build-dependencies]\nmaker = { path = \"../maker\" }";
        write_crate(&fixture, "near", &format!("{maker}\n\n[workspace]"));
        write_crate(&fixture, "maker", "");
        write_crate(&fixture, "../far", "");
        write_crate(&fixture, "testing", "");
        // By directory, and the one beside the project comes before those in it.
        assert_eq!(names(&fixture), ["thing", "far", "maker", "near"]);
        let project = Project::load(&fixture.root()).unwrap();
        let dirs = dirs_that_cargo_reads(&project).unwrap();
        let names = dirs.iter().filter_map(|dir| dir.file_name());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["far", "maker", "native", "near", "testing"]
        );
    }

    #[test]
    fn a_patch_by_path_is_part_of_the_build() {
        let fixture = Fixture::pure_rust("thing");
        fixture.edit(
            "Cargo.toml",
            "[workspace]\n",
            "[workspace]\n\n[patch.crates-io]\nserde = { path = \"vendored/serde\" }\n",
        );
        write_crate(&fixture, "vendored/serde", "[workspace]");
        assert_eq!(names(&fixture), ["thing", "serde"]);
    }

    #[test]
    fn a_crate_of_a_workspace_that_lacks_a_member_is_read_all_the_same() {
        let fixture = Fixture::pure_rust("thing");
        let near = "[dependencies]\nnear = { path = \"../outer/near\" }\n";
        fixture.edit("Cargo.toml", "[dependencies]\n", near);
        let workspace = "[workspace]\nmembers = [\"near\", \"gone\"]\n\n\
                         [workspace.dependencies]\nfar = { path = \"far\" }\n";
        fixture.write("../outer/Cargo.toml", workspace);
        write_crate(
            &fixture,
            "../outer/near",
            "[dependencies]\nfar.workspace = true\n",
        );
        write_crate(&fixture, "../outer/far", "");
        fixture.write("../outer/near/build.rs", "");
        assert_eq!(names(&fixture), ["thing", "far", "near"]);
        let project = Project::load(&fixture.root()).unwrap();
        let closure = Closure::load(&project).unwrap();
        let outer = fixture.beside("outer");
        assert_eq!(closure.other_workspaces, BTreeSet::from([outer.clone()]));
        let near = closure
            .crates
            .iter()
            .find(|one| one.name == "near")
            .unwrap();
        assert_eq!(near.linked, [outer.join("far")]);
        assert_eq!(near.build_script, Some(outer.join("near/build.rs")));
        assert_eq!(near.roots, [outer.join("near/src/lib.rs")]);
        // The extension's own workspace, without which cargo builds nothing, is not passed over.
        fixture.edit(
            "Cargo.toml",
            "[workspace]\n",
            "[workspace]\nmembers = [\"gone\"]\n",
        );
        let error = Closure::load(&project).unwrap_err();
        assert!(matches!(error, ProjectError::Cargo { .. }), "{error}");
    }

    #[test]
    fn loading_writes_no_lock_file() {
        let fixture = Fixture::pure_rust("thing");
        names(&fixture);
        assert!(!fixture.root().join("Cargo.lock").exists());
    }
}
