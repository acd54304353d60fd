//! What the audit is to expect, read from the project.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use environment::cargo_env;
use files::digest::sha256_of;
use glob::Pattern;
use project_model::packed::{PackedFile, PackedPattern};
use project_model::{Extension, Layout, Packed, Project, WheelPolicy};
use wheel_audit::{Expected, ExpectedFile, ExpectedPattern};

use crate::error::{WheelError, cannot_read};
use crate::plan::WheelPlan;
use crate::stage::Stage;
use crate::toolchain::CONTAINER_HOME;

/// What a wheel of `project` has to be, whichever it is, with what is `packed` beside the extension.
/// `forbidden` are directories whose paths must not be in it.
pub fn of(
    project: &Project,
    packed: &Packed,
    policy: &WheelPolicy,
    forbidden: &[Utf8PathBuf],
) -> Result<Expected, WheelError> {
    let table = project.pyproject.project.as_ref();
    let is_dynamic =
        |field: &str| table.is_none_or(|table| table.dynamic.iter().any(|it| it == field));
    let known = |field: &str| table.filter(|_| !is_dynamic(field));
    Ok(Expected {
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
        libraries: libraries(&project.extension),
        programs: project.extension.programs.clone(),
        files: files(packed)?,
        patterns: packed.patterns.iter().map(pattern).collect(),
        packages: packed.packages.clone(),
        licenses: table
            .map(|table| plain(&table.license_files))
            .unwrap_or_default(),
        max_size_bytes: policy.max_size_bytes,
        forbidden_paths: forbidden_paths(forbidden),
        ..Expected::default()
    })
}

/// [`of`] for a wheel that was built from `stage` a moment ago: what the build has made there may be packed.
pub fn of_build(
    stage: &Stage,
    policy: &WheelPolicy,
    forbidden: &[Utf8PathBuf],
) -> Result<Expected, WheelError> {
    let mut expected = of(&stage.project, &stage.packed, policy, forbidden)?;
    let known = |file: &PackedFile| stage.packed.files.iter().any(|it| it.path == file.path);
    let now = Packed::of(&stage.project, true)?;
    let made = now.files.into_iter().filter(|file| !known(file));
    let made = made.map(|file| ExpectedPattern {
        paths: vec![Pattern::escape(&file.path)],
        text: file.path,
        is_required: false,
    });
    expected.patterns.extend(made);
    Ok(expected)
}

/// Where the library may lie. Where there is no Python, maturin once put it beside the packages.
fn libraries(extension: &Extension) -> Vec<String> {
    let alone = (extension.layout == Layout::PureRust).then(|| extension.library_name().to_owned());
    std::iter::once(extension.library_in_wheel())
        .chain(alone)
        .collect()
}

fn files(packed: &Packed) -> Result<Vec<ExpectedFile>, WheelError> {
    let files = packed.files.iter().map(|file| {
        Ok(ExpectedFile {
            path: file.path.clone(),
            sha256: sha256_of(&file.source).map_err(cannot_read(&file.source))?,
        })
    });
    files.collect()
}

fn pattern(pattern: &PackedPattern) -> ExpectedPattern {
    ExpectedPattern {
        text: pattern.text.clone(),
        paths: pattern.paths.clone(),
        is_required: pattern.is_to_be_made,
    }
}

/// The same for the wheel that is built by `plan`.
#[must_use]
pub fn built_by(plan: &WheelPlan, expected: &Expected) -> Expected {
    let python = plan.python;
    Expected {
        platform: Some(plan.platform.clone()),
        python: python.map(|version| format!("{}-{}", version.tag(), version.abi())),
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

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn expected(fixture: &Fixture) -> Expected {
        let project = Project::load(&fixture.root()).unwrap();
        let packed = Packed::of(&project, true).unwrap();
        of(
            &project,
            &packed,
            &WheelPolicy::default(),
            &[fixture.root()],
        )
        .unwrap()
    }

    #[test]
    fn the_project_says_what_its_wheel_is() {
        let fixture = Fixture::mixed("wanted");
        fixture.write("python/wanted/deep/data.txt", "x");
        fixture.write("python/wanted/__pycache__/a.pyc", "x");
        let maturin = "[tool.maturin]\ninclude = ['made/*']";
        fixture.edit("pyproject.toml", "[tool.maturin]", maturin);
        let expected = expected(&fixture);
        let files = expected.files.iter().map(|file| file.path.as_str());
        let files: Vec<_> = files.collect();
        assert_eq!(files, ["wanted/__init__.py", "wanted/deep/data.txt"]);
        assert_eq!(expected.packages, ["wanted"]);
        assert_eq!(expected.libraries, ["wanted/_wanted"]);
        assert!(expected.patterns[0].is_required);
        assert_eq!(expected.scripts.unwrap()["wanted"], "wanted:main");
        assert_eq!(expected.version.as_deref(), Some("0.1.0"));
        let forbidden = fixture.root().into_string();
        assert!(expected.forbidden_paths.contains(&forbidden));
    }

    #[test]
    fn the_library_lies_where_maturin_puts_it_in_each_layout() {
        let bare = Fixture::mixed("thing");
        bare.edit("pyproject.toml", "module-name = \"thing._thing\"\n", "");
        bare.edit("native/Cargo.toml", "\"_thing\"", "\"thing\"");
        assert_eq!(expected(&bare).libraries, ["thing/thing"]);
        let alone = Fixture::pure_rust("thing");
        assert_eq!(expected(&alone).libraries, ["thing/thing", "thing"]);
        let dotted = "[tool.maturin]\nmodule-name = \"a.b\"\n[project]";
        alone.edit("pyproject.toml", "[project]", dotted);
        assert_eq!(expected(&alone).libraries, ["b/b", "b"]);
        alone.write("a/__init__.py", "");
        assert_eq!(expected(&alone).libraries, ["a/b"]);
    }

    #[test]
    fn what_is_dynamic_is_left_to_maturin() {
        let fixture = Fixture::mixed("loose");
        let dynamic = "dynamic = [\"version\", \"scripts\"]";
        fixture.edit("pyproject.toml", "version = \"0.1.0\"", dynamic);
        let expected = expected(&fixture);
        assert_eq!((expected.version, expected.scripts), (None, None));
    }
}
