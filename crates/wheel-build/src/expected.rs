//! What the audit is to expect, read from the project.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use environment::cargo_env;
use files::digest::sha256_of;
use project_model::{Layout, Project, WheelPolicy};
use walkdir::WalkDir;
use wheel_audit::{Expected, ExpectedFile};

use crate::error::{WheelError, cannot_read};
use crate::plan::WheelPlan;
use crate::toolchain::CONTAINER_HOME;

/// What a wheel of `project` has to be, whichever it is. `forbidden` are directories whose paths must not be
/// in it.
pub fn of(
    project: &Project,
    policy: &WheelPolicy,
    forbidden: &[Utf8PathBuf],
) -> Result<Expected, WheelError> {
    let table = project.pyproject.project.as_ref();
    let is_dynamic =
        |field: &str| table.is_none_or(|table| table.dynamic.iter().any(|it| it == field));
    let known = |field: &str| table.filter(|_| !is_dynamic(field));
    let mut expected = Expected {
        name: project.name().to_owned(),
        version: table.and_then(|table| table.version.clone()),
        requires_python: known("requires-python").and_then(|table| table.requires_python.clone()),
        dependencies: known("dependencies").map(|table| table.dependencies.clone()),
        scripts: known("scripts").map(|table| {
            let all = table.scripts.iter().chain(&table.gui_scripts);
            all.map(|(name, reference)| (name.clone(), reference.clone()))
                .collect::<BTreeMap<_, _>>()
        }),
        module: project.extension.module.clone(),
        licenses: table
            .map(|table| plain(&table.license_files))
            .unwrap_or_default(),
        max_size_bytes: policy.max_size_bytes,
        forbidden_paths: forbidden_paths(forbidden),
        ..Expected::default()
    };
    add_packages(project, &mut expected)?;
    Ok(expected)
}

/// The same for the wheel that is built by `plan`.
#[must_use]
pub fn built_by(plan: &WheelPlan, expected: &Expected) -> Expected {
    let python = plan.python.as_ref();
    Expected {
        platform: Some(plan.platform.clone()),
        python: python.map(|version| format!("cp{}", version.replace('.', ""))),
        ..expected.clone()
    }
}

/// File names without patterns.
fn plain(patterns: &[String]) -> Vec<String> {
    let names = patterns
        .iter()
        .filter(|pattern| !pattern.contains(['*', '?', '[']));
    names.cloned().collect()
}

/// Directories whose paths betray the machine. The root, and what is as short, stands in any program.
fn forbidden_paths(own: &[Utf8PathBuf]) -> Vec<String> {
    let home = environment::vars::var(environment::vars::HOME).map(Utf8PathBuf::from);
    // Where rustup and cargo are in containers.
    let containers = [".cargo", ".rustup"].map(|dir| Utf8Path::new(CONTAINER_HOME).join(dir));
    let own = own
        .iter()
        .cloned()
        .chain(containers)
        .chain(cargo_env::cargo_home())
        .chain(home);
    let long_enough = own.filter(|path| path.components().count() > 2 || path.as_str() == "/root");
    let mut paths: Vec<_> = long_enough.map(Utf8PathBuf::into_string).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The files of the project's packages. With files that pyproject.toml includes or excludes by pattern,
/// maturin alone knows what belongs to them.
fn add_packages(project: &Project, expected: &mut Expected) -> Result<(), WheelError> {
    let Layout::Mixed { package } = &project.extension.layout else {
        return Ok(());
    };
    let maturin = project.pyproject.maturin();
    let depth = project.extension.module.split('.').count().max(2) - 1;
    let Some(source) = package.ancestors().nth(depth) else {
        return Ok(());
    };
    let top = project
        .extension
        .module
        .split('.')
        .next()
        .unwrap_or_default();
    let names = std::iter::once(top).chain(maturin.python_packages.iter().map(String::as_str));
    for name in names {
        let files = files_of(&source.join(name), source)?;
        if maturin.exclude.is_none() {
            expected.files.extend(files);
        }
        if maturin.exclude.is_none() && maturin.include.is_none() {
            expected.packages.push(name.to_owned());
        }
    }
    Ok(())
}

fn files_of(package: &Utf8Path, source: &Utf8Path) -> Result<Vec<ExpectedFile>, WheelError> {
    let is_made =
        |name: &str| name == "__pycache__" || name.ends_with(".pyc") || name.ends_with(".so");
    let entries = WalkDir::new(package).sort_by_file_name().into_iter();
    let entries = entries.filter_entry(|entry| {
        entry
            .file_name()
            .to_str()
            .is_some_and(|name| !is_made(name))
    });
    let files = entries
        .flatten()
        .filter(|entry| !entry.file_type().is_dir());
    let paths = files.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok());
    let files = paths.map(|path| {
        Ok(ExpectedFile {
            path: path.strip_prefix(source).unwrap_or(&path).to_string(),
            sha256: sha256_of(&path).map_err(cannot_read(&path))?,
        })
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    #[test]
    fn the_project_says_what_its_wheel_is() {
        let fixture = Fixture::mixed("wanted");
        fixture.write("python/wanted/deep/data.txt", "x");
        fixture.write("python/wanted/__pycache__/a.pyc", "x");
        let project = Project::load(&fixture.root()).unwrap();
        let expected = of(&project, &WheelPolicy::default(), &[fixture.root()]).unwrap();
        let files: Vec<_> = expected
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(files, ["wanted/__init__.py", "wanted/deep/data.txt"]);
        assert_eq!(expected.packages, ["wanted"]);
        assert_eq!(expected.scripts.unwrap()["wanted"], "wanted:main");
        assert_eq!(expected.version.as_deref(), Some("0.1.0"));
        assert!(
            expected
                .forbidden_paths
                .contains(&fixture.root().into_string())
        );
    }

    #[test]
    fn what_is_dynamic_or_chosen_by_pattern_is_left_to_maturin() {
        let fixture = Fixture::mixed("loose");
        fixture.edit(
            "pyproject.toml",
            "version = \"0.1.0\"",
            "dynamic = [\"version\", \"scripts\"]",
        );
        fixture.edit(
            "pyproject.toml",
            "[tool.maturin]",
            "[tool.maturin]\nexclude = [\"*.txt\"]",
        );
        let project = Project::load(&fixture.root()).unwrap();
        let expected = of(&project, &WheelPolicy::default(), &[]).unwrap();
        assert_eq!((expected.version, expected.scripts), (None, None));
        assert!(expected.files.is_empty() && expected.packages.is_empty());
    }
}
