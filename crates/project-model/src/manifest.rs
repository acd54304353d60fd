//! `Cargo.toml`, as far as it tells what a crate is made of without asking cargo
//! (<https://doc.rust-lang.org/cargo/reference/manifest.html>).

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde_json::Value;

use crate::ProjectError;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Manifest {
    pub(crate) package: Option<Package>,
    pub(crate) lib: Option<Lib>,
    bin: Vec<Bin>,
    #[serde(flatten)]
    tables: Tables,
    target: BTreeMap<String, Tables>,
    workspace: Option<Workspace>,
}

/// `[package]`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Package {
    pub(crate) name: String,
    build: Option<Value>,
    rust_version: Option<Value>,
}

/// `[lib]`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Lib {
    pub(crate) name: Option<String>,
    path: Option<Utf8PathBuf>,
    #[serde(alias = "crate_type")]
    crate_type: Vec<String>,
    #[serde(alias = "proc_macro")]
    proc_macro: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Bin {
    name: Option<String>,
    path: Option<Utf8PathBuf>,
}

/// The tables of dependencies, for all platforms or for one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Tables {
    dependencies: BTreeMap<String, Value>,
    #[serde(alias = "build_dependencies")]
    build_dependencies: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Workspace {
    dependencies: BTreeMap<String, Value>,
    package: BTreeMap<String, Value>,
}

/// One entry among the dependencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dependency<'a> {
    /// What it is called in this crate.
    name: &'a str,
    /// The name of its package.
    pub(crate) package: &'a str,
    value: &'a Value,
}

/// The oldest Rust that the crate of the manifest at `path` is for (`rust-version`), where it says so: by
/// itself, or by way of the workspace in `workspace_root`.
#[must_use]
pub fn rust_version(path: &Utf8Path, workspace_root: &Utf8Path) -> Option<String> {
    let own = Manifest::read(path).ok()?.package?.rust_version?;
    if let Some(version) = own.as_str() {
        return Some(version.to_owned());
    }
    let around = Manifest::read(&workspace_root.join("Cargo.toml")).ok()?;
    let inherited = around.workspace?.package.remove("rust-version")?;
    inherited.as_str().map(str::to_owned)
}

impl Manifest {
    /// Reads `path`.
    pub(crate) fn read(path: &Utf8Path) -> Result<Self, ProjectError> {
        let text = fs_err::read_to_string(path).map_err(|source| ProjectError::Read {
            path: path.to_owned(),
            source,
        })?;
        toml_edit::de::from_str(text.trim_start_matches('\u{feff}')).map_err(|source| {
            ProjectError::Toml {
                path: path.to_owned(),
                source,
            }
        })
    }

    /// The manifest of the Cargo workspace around the crate in `dir`, and the directory of that.
    pub(crate) fn of_workspace_around(dir: &Utf8Path) -> Option<(&Utf8Path, Self)> {
        dir.ancestors().find_map(|dir| {
            let manifest = Self::read(&dir.join("Cargo.toml")).ok()?;
            manifest.is_workspace().then_some((dir, manifest))
        })
    }

    /// Whether the library is one that Python can load.
    pub(crate) fn is_cdylib(&self) -> bool {
        let lib = self.lib.as_ref();
        lib.is_some_and(|lib| lib.crate_type.iter().any(|kind| kind == "cdylib"))
    }

    /// Whether the library is code that runs in the compiler.
    pub(crate) fn is_macro(&self) -> bool {
        self.lib.as_ref().is_some_and(|lib| lib.proc_macro)
    }

    /// The file that the library of the crate in `dir` begins with, if it has one.
    pub(crate) fn library(&self, dir: &Utf8Path) -> Option<Utf8PathBuf> {
        let named = self.lib.as_ref().and_then(|lib| lib.path.clone());
        let path = dir.join(named.unwrap_or("src/lib.rs".into()));
        (self.lib.is_some() || path.is_file()).then_some(path)
    }

    /// The files that the programs of the crate in `dir` begin with: those that are named, and where cargo
    /// looks (<https://doc.rust-lang.org/cargo/reference/cargo-targets.html#target-auto-discovery>).
    pub(crate) fn programs(&self, dir: &Utf8Path) -> Vec<Utf8PathBuf> {
        let main = dir.join("src/main.rs");
        let named = self.bin.iter();
        let named = named.map(|bin| {
            bin.path
                .as_ref()
                .map_or(main.clone(), |path| dir.join(path))
        });
        let entries = dir
            .join("src/bin")
            .read_dir_utf8()
            .into_iter()
            .flatten()
            .flatten();
        let found = entries.map(|entry| match entry.path() {
            path if path.is_dir() => path.join("main.rs"),
            path => path.to_owned(),
        });
        let found = found.chain([main.clone()]).filter(|path| path.is_file());
        let mut programs: Vec<_> = named.chain(found).collect();
        programs.sort();
        programs.dedup();
        programs
    }

    /// The names of these: of those that are named, and of the others by their files, `src/main.rs`
    /// being called as the package.
    pub(crate) fn program_names(&self, dir: &Utf8Path) -> BTreeSet<String> {
        let main = dir.join("src/main.rs");
        let named_paths = self.bin.iter().filter_map(|bin| bin.path.as_ref());
        let named_paths: Vec<_> = named_paths.map(|path| dir.join(path)).collect();
        let others = self.programs(dir).into_iter();
        let others = others.filter(|path| !named_paths.contains(path));
        let by_file = others.filter_map(|path| match path.file_stem() {
            _ if path == main => Some(self.package.as_ref()?.name.clone()),
            Some("main") => path.parent()?.file_name().map(str::to_owned),
            stem => stem.map(str::to_owned),
        });
        let named = self.bin.iter().filter_map(|bin| bin.name.clone());
        named.chain(by_file).collect()
    }

    /// The build script of the crate in `dir`, if it has one.
    pub(crate) fn build_script(&self, dir: &Utf8Path) -> Option<Utf8PathBuf> {
        match self
            .package
            .as_ref()
            .and_then(|package| package.build.as_ref())
        {
            Some(Value::Bool(false)) => None,
            Some(Value::String(path)) => Some(dir.join(path)),
            _ => Some(dir.join("build.rs")).filter(|path| path.is_file()),
        }
    }

    /// What the crate itself depends on, on any platform.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = Dependency<'_>> {
        let all = std::iter::once(&self.tables).chain(self.target.values());
        all.flat_map(|tables| &tables.dependencies)
            .map(Dependency::of)
    }

    /// What the build script depends on, on any platform.
    pub(crate) fn build_dependencies(&self) -> impl Iterator<Item = Dependency<'_>> {
        let all = std::iter::once(&self.tables).chain(self.target.values());
        all.flat_map(|tables| &tables.build_dependencies)
            .map(Dependency::of)
    }

    /// Whether it is the root of a workspace.
    pub(crate) fn is_workspace(&self) -> bool {
        self.workspace.is_some()
    }
}

impl<'a> Dependency<'a> {
    fn of((name, value): (&'a String, &'a Value)) -> Self {
        let package = value.get("package").and_then(Value::as_str);
        Self {
            name,
            package: package.unwrap_or(name),
            value,
        }
    }

    /// The directory of the crate, if it is named by its path: in the manifest of the crate in `dir`, or in
    /// that of the workspace, of which the directory is given as well.
    pub(crate) fn dir(
        &self,
        dir: &Utf8Path,
        workspace: Option<(&Utf8Path, &Manifest)>,
    ) -> Option<Utf8PathBuf> {
        let path = |value: &Value| Some(value.get("path")?.as_str()?.to_owned());
        if let Some(path) = path(self.value) {
            return Some(dir.join(path));
        }
        self.value
            .get("workspace")
            .filter(|it| it.as_bool() == Some(true))?;
        let (root, manifest) = workspace?;
        let inherited = manifest.workspace.as_ref()?.dependencies.get(self.name)?;
        Some(root.join(path(inherited)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn manifest(text: &str) -> Manifest {
        toml_edit::de::from_str(text).unwrap()
    }

    #[test]
    fn parts_are_where_cargo_looks_unless_they_are_named() {
        let dir = TempDir::new();
        let root = dir.path();
        let plain = manifest("[package]\nname = 'a'");
        assert_eq!(plain.library(root), None);
        for name in ["src/lib.rs", "src/main.rs", "src/bin/x/main.rs", "build.rs"] {
            fs_err::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs_err::write(root.join(name), "").unwrap();
        }
        assert_eq!(plain.library(root), Some(root.join("src/lib.rs")));
        assert_eq!(plain.build_script(root), Some(root.join("build.rs")));
        let programs = ["src/bin/x/main.rs", "src/main.rs"].map(|name| root.join(name));
        assert_eq!(plain.programs(root), programs);
        let text =
            "[package]\nname = 'a'\nbuild = 'make.rs'\n[lib]\npath = 'l.rs'\nproc-macro = true";
        let named = manifest(text);
        assert_eq!(named.library(root), Some(root.join("l.rs")));
        assert_eq!(named.build_script(root), Some(root.join("make.rs")));
        assert!(named.is_macro() && !named.is_cdylib());
        let called = |it: &Manifest| it.program_names(root).into_iter().collect::<Vec<_>>();
        assert_eq!(called(&plain), ["a", "x"]);
        let bins = "[[bin]]\nname = 'tool'\npath = 'src/main.rs'\n[[bin]]\nname = 'x'\n";
        assert_eq!(
            called(&manifest(&format!("[package]\nname = 'a'\n{bins}"))),
            ["tool", "x"]
        );
        let without = manifest("[package]\nname = 'a'\nbuild = false");
        assert_eq!(without.build_script(root), None);
    }

    #[test]
    fn a_path_may_stand_in_the_manifest_of_the_workspace() {
        let workspace =
            manifest("[workspace]\n[workspace.dependencies]\nb = { path = 'crates/b' }");
        let member = manifest(
            "[dependencies]\nb.workspace = true\nc = { path = '../c' }\nd = '1'\n\
             [target.'cfg(unix)'.build-dependencies]\ne = { path = 'e' }",
        );
        let around = Some((Utf8Path::new("/w"), &workspace));
        let dirs = |dependency: Dependency<'_>| dependency.dir("/w/a".into(), around);
        let found: Vec<_> = member.dependencies().filter_map(dirs).collect();
        assert_eq!(found, ["/w/crates/b", "/w/a/../c"]);
        let found: Vec<_> = member.build_dependencies().filter_map(dirs).collect();
        assert_eq!(found, ["/w/a/e"]);
    }

    #[test]
    fn the_oldest_rust_is_told_by_the_crate_or_by_its_workspace() {
        let dir = TempDir::new();
        let (root, crate_dir) = (dir.path(), dir.path().join("a"));
        fs_err::create_dir(&crate_dir).unwrap();
        let workspace = "[workspace.package]\nrust-version = '1.90'\n";
        fs_err::write(root.join("Cargo.toml"), workspace).unwrap();
        let path = crate_dir.join("Cargo.toml");
        for (line, expected) in [
            ("", None),
            ("rust-version = '1.80'", Some("1.80")),
            ("rust-version.workspace = true", Some("1.90")),
        ] {
            fs_err::write(&path, format!("[package]\nname = 'a'\n{line}\n")).unwrap();
            assert_eq!(rust_version(&path, root).as_deref(), expected, "{line}");
        }
    }
}
