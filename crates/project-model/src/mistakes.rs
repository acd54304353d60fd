//! Mistakes that keep a project from being built, found in its files before anything is made: what cargo,
//! maturin, uv or Python would say of them only at the end, or in words of their own.

use camino::Utf8Path;

use crate::manifest::Manifest;
use crate::module_names::{ModuleName, ModuleNames, module_names};
use crate::nearby::find;
use crate::{Project, ProjectError, Pyproject};

/// Fails with the first mistake that the files of `project` show without their contents, and with the line to
/// write.
///
/// # Errors
/// The mistake, or a Cargo.toml that cannot be read.
pub fn refuse(project: &Project) -> Result<(), ProjectError> {
    let manifest = &project.extension.manifest;
    let toml = Manifest::read(manifest)?;
    let dir = manifest.parent().unwrap_or(&project.root);
    if project.extension.programs.is_empty() {
        let library = toml.library(dir).unwrap_or(dir.join("src/lib.rs"));
        refuse_missing_library(manifest, dir, &library)?;
    }
    refuse_missing_version(&project.root, &project.pyproject)?;
    refuse_missing_python_source(project)
}

/// Fails where the sources of the extension have modules for Python, and none of the name that Python looks
/// for. Python itself refuses that after the whole build: it looks for the function by the name of the
/// module. All sources of the crate are read.
///
/// # Errors
/// That, with both ways out, or a Cargo.toml that cannot be read.
pub fn refuse_other_name(project: &Project) -> Result<(), ProjectError> {
    let manifest = &project.extension.manifest;
    let toml = Manifest::read(manifest)?;
    let dir = manifest.parent().unwrap_or(&project.root);
    let library = toml.library(dir).unwrap_or(dir.join("src/lib.rs"));
    if !project.extension.programs.is_empty() {
        return Ok(());
    }
    let wanted = project.extension.library_name();
    let ModuleNames::Known(found) = module_names(&library) else {
        return Ok(());
    };
    if found.iter().any(|module| module.name == wanted) || has_it_from_another(&toml, dir, wanted) {
        return Ok(());
    }
    // The outermost comes first.
    let outermost = found.into_iter().next();
    outermost.map_or(Ok(()), |module| Err(other_name(project, module)))
}

fn other_name(project: &Project, module: ModuleName) -> ProjectError {
    let other = match project.extension.module.rsplit_once('.') {
        Some((package, _)) => format!("{package}.{}", module.name),
        None => module.name.clone(),
    };
    ProjectError::OtherModuleName {
        file: module.file,
        line: module.line,
        name: module.name,
        wanted: project.extension.library_name().to_owned(),
        other,
    }
}

/// cargo refuses it, in words that name no line of the manifest.
fn refuse_missing_library(
    manifest: &Utf8Path,
    dir: &Utf8Path,
    library: &Utf8Path,
) -> Result<(), ProjectError> {
    if library.is_file() {
        return Ok(());
    }
    let found = find(dir, "lib.rs");
    let lines = match found.strip_prefix_of(dir) {
        Some(path) => format!(
            "these lines in it name the one that is there:\n    [lib]\n    path = \"{path}\""
        ),
        None => format!("write it, beginning with a `#[pyo3::pymodule]`, to {library}"),
    };
    Err(ProjectError::NoLibrary {
        manifest: manifest.to_owned(),
        library: library.to_owned(),
        remedy: lines,
    })
}

/// uv refuses it, after the whole build.
fn refuse_missing_version(root: &Utf8Path, pyproject: &Pyproject) -> Result<(), ProjectError> {
    let Some(project) = &pyproject.project else {
        return Ok(());
    };
    if project.version.is_some() || project.dynamic.iter().any(|field| field == "version") {
        return Ok(());
    }
    let fields = project
        .dynamic
        .iter()
        .map(String::as_str)
        .chain(["version"]);
    let fields: Vec<_> = fields.map(|field| format!("\"{field}\"")).collect();
    Err(ProjectError::NoVersion {
        path: root.join("pyproject.toml"),
        dynamic: fields.join(", "),
    })
}

/// maturin refuses it, after the whole build.
fn refuse_missing_python_source(project: &Project) -> Result<(), ProjectError> {
    let Some(source) = &project.pyproject.maturin().python_source else {
        return Ok(());
    };
    if project.root.join(source).is_dir() {
        return Ok(());
    }
    let found = find(&project.root, "__init__.py");
    let package = found.dir_of(&project.root);
    let remedy = match package.and_then(Utf8Path::parent) {
        Some(dir) if dir == "" => "the packages lie beside it: remove the line".to_owned(),
        Some(dir) => format!("`python-source = \"{dir}\"` names the directory that has packages"),
        None => format!("make the directory, with the package in it, or remove the line: {source}"),
    };
    Err(ProjectError::NoPythonSource {
        path: project.root.join("pyproject.toml"),
        dir: source.clone(),
        remedy,
    })
}

/// Whether a crate that it depends on by path has the module: its function is in the library as well.
fn has_it_from_another(toml: &Manifest, dir: &Utf8Path, wanted: &str) -> bool {
    let workspace = Manifest::of_workspace_around(dir);
    let around = workspace.as_ref().map(|(root, toml)| (*root, toml));
    let mut dirs = toml.dependencies().filter_map(|it| it.dir(dir, around));
    dirs.any(|dir| {
        let Ok(toml) = Manifest::read(&dir.join("Cargo.toml")) else {
            return true;
        };
        let names = toml.library(&dir).map(|library| module_names(&library));
        match names {
            Some(ModuleNames::Known(found)) => found.iter().any(|it| it.name == wanted),
            Some(ModuleNames::CannotTell) => true,
            None => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn told(project: &Fixture) -> String {
        let found = Project::load(&project.root()).and_then(|project| {
            refuse(&project)?;
            refuse_other_name(&project)
        });
        let error = found.expect_err("there is a mistake").to_string();
        error.replace(project.root().as_str(), "/p")
    }

    #[test]
    fn a_project_without_mistakes_is_let_pass() {
        for project in [
            Fixture::pure_rust("good_thing"),
            Fixture::mixed("good_thing"),
            Fixture::light("good_thing"),
        ] {
            let project = Project::load(&project.root()).unwrap();
            refuse(&project).unwrap();
            refuse_other_name(&project).unwrap();
        }
    }

    #[test]
    fn a_crate_that_is_elsewhere_is_named() {
        let project = Fixture::mixed("nested_thing");
        project.edit("pyproject.toml", "manifest-path", "manifest_path");
        let text = told(&project);
        assert!(
            text.starts_with("there is no Cargo.toml at /p/Cargo.toml"),
            "{text}"
        );
        assert!(
            text.ends_with("[tool.maturin]\n    manifest-path = \"native/Cargo.toml\""),
            "{text}"
        );
        fs_err::remove_dir_all(project.root().join("native")).unwrap();
        let text = told(&project);
        assert!(
            text.contains("crate-type = [\"cdylib\"]\n    [dependencies]\n    pyo3 = "),
            "{text}"
        );
    }

    #[test]
    fn a_library_that_is_not_there_is_told_with_the_one_that_is() {
        let project = Fixture::pure_rust("moved_thing");
        project.edit("Cargo.toml", "[lib]\n", "[lib]\npath = \"lib/lib.rs\"\n");
        let text = told(&project);
        assert!(
            text.starts_with("/p/Cargo.toml says that the library begins with /p/lib/lib.rs, "),
            "{text}"
        );
        assert!(text.ends_with("[lib]\n    path = \"src/lib.rs\""), "{text}");
    }

    #[test]
    fn a_version_has_to_come_from_somewhere() {
        let project = Fixture::pure_rust("unversioned_thing");
        project.edit(
            "pyproject.toml",
            "version = \"0.1.0\"\n",
            "dynamic = ['readme']\n",
        );
        let text = told(&project);
        assert!(text.contains("[project] has no version"), "{text}");
        assert!(
            text.contains("`dynamic = [\"readme\", \"version\"]`"),
            "{text}"
        );
    }

    #[test]
    fn a_directory_of_python_that_is_not_there_is_told_with_the_one_that_is() {
        let project = Fixture::mixed("misplaced_thing");
        project.edit("pyproject.toml", "= \"python\"", "= \"source\"");
        let text = told(&project);
        assert!(text.contains("`python-source = \"source\"`"), "{text}");
        assert!(
            text.ends_with("`python-source = \"python\"` names the directory that has packages"),
            "{text}"
        );
    }

    #[test]
    fn a_module_of_another_name_is_told_with_both_ways_out() {
        let project = Fixture::mixed("misnamed_thing");
        project.edit("native/src/lib.rs", "mod _misnamed_thing", "mod core");
        let text = told(&project);
        let begin = "/p/native/src/lib.rs:2: the module under #[pymodule] is called `core`, and Python looks for `_misnamed_thing`";
        assert!(text.starts_with(begin), "{text}");
        assert!(
            text.contains("`module-name = \"misnamed_thing.core\"`"),
            "{text}"
        );
        project.edit(
            "native/src/lib.rs",
            "#[pyo3::pymodule]\n",
            "#[pyo3::pymodule]\n#[pyo3(name = \"_misnamed_thing\")]\n",
        );
        refuse_other_name(&Project::load(&project.root()).unwrap()).unwrap();
    }

    #[test]
    fn a_module_may_come_from_another_crate_wherever_its_library_begins() {
        let project = Fixture::mixed("borrowed_thing");
        project.edit("native/src/lib.rs", "mod _borrowed_thing", "mod core");
        let dependency = "[dependencies]\nother = { path = \"../other\" }\n";
        project.edit("native/Cargo.toml", "[dependencies]\n", dependency);
        let module = "#[pymodule]\nmod _borrowed_thing {}\n";
        for (lib, file) in [("", "src/lib.rs"), ("[lib]\npath = \"l.rs\"\n", "l.rs")] {
            let manifest = format!("[package]\nname = \"other\"\n{lib}");
            project.write("other/Cargo.toml", &manifest);
            let file = format!("other/{file}");
            project.write(&file, "");
            assert!(told(&project).contains("is called `core`"), "{file}");
            project.write(&file, module);
            refuse_other_name(&Project::load(&project.root()).unwrap()).unwrap();
            fs_err::remove_file(project.root().join(&file)).unwrap();
        }
    }
}
