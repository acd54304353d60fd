//! What uv builds after the next change, against what was built here: profile and features. Both read
//! `[tool.maturin]`; the options of one call of `dev` are known to nobody else.

use std::collections::BTreeSet;

use config_edit::{Change, EditError, Owner, PyprojectFile};
use environment::vars;
use project_model::{MaturinTable, Project, ProjectError, Pyproject};
use serde_json::Value;

use crate::maturin::BuildOptions;

/// Who writes what uv is to build, as the comments say.
pub const OWNER: Owner = Owner("cargo xtask editable");

/// What is built, whoever asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    profile: String,
    /// As they stand in pyproject.toml, where one has a condition.
    features: BTreeSet<String>,
    all_features: bool,
    no_default_features: bool,
}

impl Build {
    /// What `options` come to, beside `table`; without a profile anywhere, `default`.
    fn of(table: &MaturinTable, options: &BuildOptions, default: &str) -> Self {
        let named = options.profile.as_ref().or(table.editable_profile.as_ref());
        let named = named.or(table.profile.as_ref());
        let given = options.features.iter();
        let given = given.flat_map(|it| it.split([',', ' ']).map(str::to_owned));
        let mut features: BTreeSet<_> = given.filter(|it| !it.is_empty()).collect();
        if features.is_empty() {
            features = table.features.iter().map(feature).collect();
        }
        Self {
            profile: named.map_or(default, String::as_str).to_owned(),
            features,
            all_features: options.all_features || table.all_features,
            no_default_features: options.no_default_features || table.no_default_features,
        }
    }

    /// What `dev` builds with `options`.
    #[must_use]
    pub fn by_us(table: &MaturinTable, options: &BuildOptions) -> Self {
        Self::of(table, options, "dev")
    }

    /// What uv builds, that gives maturin these arguments. maturin's own default is another than ours.
    #[must_use]
    pub fn by_uv(table: &MaturinTable, arguments: &[String]) -> Self {
        Self::of(table, &options_in(arguments), "release")
    }

    /// Where `self`, which uv builds, differs from `ours`: in words, none if it does not.
    fn differs(&self, ours: &Self) -> Option<String> {
        let mut words = Vec::new();
        if self.profile != ours.profile {
            words.push(format!(
                "with the profile {}, not {}",
                self.profile, ours.profile
            ));
        }
        if self.all_features || ours.all_features {
            words.extend(switched(
                self.all_features,
                ours.all_features,
                "all features",
            ));
        } else {
            words.extend(listed("with", self.features.difference(&ours.features)));
            words.extend(listed("without", ours.features.difference(&self.features)));
            let default = (!self.no_default_features, !ours.no_default_features);
            words.extend(switched(default.0, default.1, "the default features"));
        }
        (!words.is_empty()).then(|| words.join(" and "))
    }
}

fn switched(uv: bool, ours: bool, what: &str) -> Option<String> {
    match (uv, ours) {
        (true, false) => Some(format!("with {what}")),
        (false, true) => Some(format!("without {what}")),
        _ => None,
    }
}

fn listed<'a>(word: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let names: Vec<_> = names.map(String::as_str).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("{word} the feature {one}")),
        more => Some(format!("{word} the features {}", more.join(", "))),
    }
}

/// A feature as it stands in pyproject.toml.
fn feature(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Those of maturin's `arguments` that decide what is built.
fn options_in(arguments: &[String]) -> BuildOptions {
    let mut options = BuildOptions::default();
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        let mut value = || match value {
            "" => rest.next().unwrap_or_default().to_owned(),
            value => value.to_owned(),
        };
        match name {
            "--release" | "-r" => options.profile = Some("release".to_owned()),
            "--profile" => options.profile = Some(value()),
            "--features" | "-F" => options.features.push(value()),
            "--all-features" => options.all_features = true,
            "--no-default-features" => options.no_default_features = true,
            _ => {}
        }
    }
    options
}

/// The arguments that uv gives maturin for the project `name`, as maturin's backend reads them: those in the
/// settings of the uv workspace with this `root`, else those of the `variable`.
fn arguments(root: &Pyproject, name: &str, variable: Option<&str>) -> Vec<String> {
    let settings = root.uv_config_settings(name);
    let named = ["maturin.build-args", "build-args"];
    let found = named
        .iter()
        .find_map(|key| settings.iter().rev().find_map(|it| it.get(*key)));
    match found {
        Some(Value::Array(words)) => words.iter().map(feature).collect(),
        Some(Value::String(text)) => words(text),
        _ => words(variable.unwrap_or_default()),
    }
}

/// Words as a shell divides them, as far as profiles and features need it.
fn words(text: &str) -> Vec<String> {
    let words = text.split_whitespace();
    words.map(|word| word.replace(['"', '\''], "")).collect()
}

/// What uv builds of `project`, if it ever does.
fn of_uv(project: &Project) -> Option<Build> {
    let root = Pyproject::read(&project.uv_workspace.join("pyproject.toml")).ok()?;
    let pyproject = &project.pyproject;
    let variable = vars::var(vars::MATURIN_PEP517_ARGS);
    let arguments = arguments(&root, project.name(), variable.as_deref());
    pyproject
        .is_built_by_uv()
        .then(|| Build::by_uv(pyproject.maturin(), &arguments))
}

/// That uv builds `project` otherwise after the next change than `options` did, in a line with the `command`
/// that has it build the same.
#[must_use]
pub fn otherwise(project: &Project, options: &BuildOptions, command: &str) -> Option<String> {
    let differs = difference(project, options)?;
    Some(format!(
        "after a change, `uv run` and `uv sync` build {} {differs}: `{command}` has them build it like this one",
        project.name()
    ))
}

/// How what uv builds of `project` differs from what `options` come to, in words.
#[must_use]
pub fn difference(project: &Project, options: &BuildOptions) -> Option<String> {
    let ours = Build::by_us(project.pyproject.maturin(), options);
    of_uv(project)?.differs(&ours)
}

/// What is to be written so that uv builds `project` as `options` do. What the user has written stays.
///
/// # Errors
/// If the user has written something else.
pub fn plan(project: &Project, options: &BuildOptions) -> Result<Change, EditError> {
    let file = PyprojectFile::read(&project.root.join("pyproject.toml"))?;
    Ok(edited(file, options)?.into_change())
}

/// The same for a pyproject.toml that is being edited.
///
/// # Errors
/// Those of [`plan`].
pub fn edited(mut file: PyprojectFile, options: &BuildOptions) -> Result<PyprojectFile, EditError> {
    let mut anew = file.clone();
    anew.undo(OWNER)?;
    // What is wanted goes by what the user has written, and not by what we did.
    let users = table_of(&anew).unwrap_or_default();
    let wanted = Build::by_us(&users, options);
    write(&mut anew, &users, &wanted)?;
    // Lines that are right stay where they are.
    let in_place = write(&mut file, &users, &wanted);
    let is_right = in_place.is_ok() && built(&file) == built(&anew);
    Ok(if is_right { file } else { anew })
}

/// Takes back what [`plan`] has written.
///
/// # Errors
/// If the file cannot be read.
pub fn plan_undo(project: &Project) -> Result<Change, EditError> {
    let mut file = PyprojectFile::read(&project.root.join("pyproject.toml"))?;
    file.undo(OWNER)?;
    Ok(file.into_change())
}

fn write(file: &mut PyprojectFile, users: &MaturinTable, wanted: &Build) -> Result<(), EditError> {
    let ours = Build::by_us(users, &BuildOptions::default());
    let users = Build::by_uv(users, &[]);
    // Where the user names none, uv and we differ by default.
    if [&users, &ours]
        .iter()
        .any(|it| it.profile != wanted.profile)
    {
        file.set_editable_profile(&wanted.profile, OWNER)?;
    }
    let switches = [
        ("all-features", users.all_features, wanted.all_features),
        (
            "no-default-features",
            users.no_default_features,
            wanted.no_default_features,
        ),
    ];
    for (key, _, _) in switches
        .iter()
        .filter(|(_, users, wanted)| !users && *wanted)
    {
        file.switch_on(key, OWNER)?;
    }
    let more: Vec<_> = wanted
        .features
        .difference(&users.features)
        .cloned()
        .collect();
    if more.is_empty() {
        return Ok(());
    }
    file.set_features(&more, OWNER)
}

fn table_of(file: &PyprojectFile) -> Result<MaturinTable, ProjectError> {
    Ok(Pyproject::parse_text(file.text(), file.path())?
        .maturin()
        .clone())
}

fn built(file: &PyprojectFile) -> Option<Build> {
    Some(Build::by_uv(&table_of(file).ok()?, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn pyproject(text: &str) -> Pyproject {
        Pyproject::parse_text(text, "pyproject.toml".into()).unwrap()
    }

    fn options(words: &str) -> BuildOptions {
        options_in(&words.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_uv_builds_is_compared_with_what_was_built() {
        for (table, ours, expected) in [
            ("", "", "with the profile release, not dev"),
            ("", "--release", ""),
            ("profile = 'dev'", "", ""),
            ("editable-profile = 'dev'", "", ""),
            ("editable-profile = 'dev'\nprofile = 'release'", "", ""),
            (
                "editable-profile = 'dev'",
                "--release",
                "with the profile dev, not release",
            ),
            ("editable-profile = 'fast'", "--profile=fast", ""),
            (
                "profile = 'dev'",
                "--features onnx",
                "without the feature onnx",
            ),
            (
                "profile = 'dev'",
                "-F b,a -F c",
                "without the features a, b, c",
            ),
            ("profile = 'dev'\nfeatures = ['a']", "--features a", ""),
            (
                "profile = 'dev'\nfeatures = ['a']",
                "--features b",
                "with the feature a and without the feature b",
            ),
            ("profile = 'dev'\nfeatures = ['a']", "", ""),
            (
                "profile = 'dev'\nfeatures = [{ feature = 'a', python-version = '>=3.12' }]",
                "",
                "",
            ),
            ("profile = 'dev'", "--all-features", "without all features"),
            ("profile = 'dev'\nall-features = true", "--features a", ""),
            (
                "profile = 'dev'",
                "--no-default-features",
                "with the default features",
            ),
            ("profile = 'dev'\nno-default-features = true", "", ""),
            (
                "",
                "--features onnx",
                "with the profile release, not dev and without the feature onnx",
            ),
        ] {
            let pyproject = pyproject(&format!("[tool.maturin]\n{table}\n"));
            let ours = Build::by_us(pyproject.maturin(), &options(ours));
            let differs = Build::by_uv(pyproject.maturin(), &[]).differs(&ours);
            assert_eq!(differs.unwrap_or_default(), expected, "{table}");
        }
    }

    #[test]
    fn arguments_that_uv_hands_on_count() {
        for (settings, expected) in [
            ("", "--profile variable"),
            (
                "config-settings = { build-args = '--profile dev' }",
                "--profile dev",
            ),
            (
                "config-settings = { build-args = ['--profile', 'a'] }",
                "--profile a",
            ),
            (
                "config-settings = { build-args = 'x', 'maturin.build-args' = '--features=\"a b\"' }",
                "--features=a b",
            ),
            (
                "config-settings = { build-args = 'x' }\nconfig-settings-package = { My_thing = { build-args = 'y' } }",
                "y",
            ),
        ] {
            let root = pyproject(&format!("[tool.uv]\n{settings}\n"));
            let found = arguments(&root, "my-thing", Some("--profile variable"));
            assert_eq!(found.join(" "), expected);
        }
    }

    #[test]
    fn what_is_written_has_uv_build_the_same_and_goes_without_a_trace() {
        for (table, ours, expected) in [
            ("", "", "editable-profile = \"dev\""),
            (
                "profile = 'dev'",
                "--release",
                "editable-profile = \"release\"",
            ),
            ("features = ['a'] # mine", "--features b", "\"b\""),
            ("", "--release --all-features", "all-features = true"),
            ("", "--no-default-features", "no-default-features = true"),
        ] {
            let fixture = Fixture::light("thing");
            fixture.edit(
                "pyproject.toml",
                "[tool.maturin]\n",
                &format!("[tool.maturin]\n{table}\n"),
            );
            let load = || Project::load(&fixture.root()).unwrap();
            let old = fs_err::read_to_string(fixture.root().join("pyproject.toml")).unwrap();
            let change = plan(&load(), &options(ours)).unwrap();
            change.apply().unwrap();
            let new = change.new.unwrap();
            assert!(new.contains(expected), "{new}");
            assert!(
                otherwise(&load(), &BuildOptions::default(), OWNER.0).is_none(),
                "{new}"
            );
            assert!(
                plan(&load(), &options(ours)).unwrap().is_empty(),
                "once is enough"
            );
            // Something else is wanted: what was written before goes.
            fixture.edit(
                "pyproject.toml",
                "[tool.maturin]",
                "[tool.other]\nx = 1\n[tool.maturin]",
            );
            plan(&load(), &options("--profile third"))
                .unwrap()
                .apply()
                .unwrap();
            let third = fs_err::read_to_string(fixture.root().join("pyproject.toml")).unwrap();
            assert!(
                third.contains("third") && !third.contains(expected),
                "{third}"
            );
            plan_undo(&load()).unwrap().apply().unwrap();
            fixture.edit("pyproject.toml", "[tool.other]\nx = 1\n", "");
            let back = fs_err::read_to_string(fixture.root().join("pyproject.toml")).unwrap();
            assert_eq!(back, old);
        }
    }

    #[test]
    fn a_project_that_uv_never_builds_is_not_built_otherwise() {
        for settings in ["managed = false", "package = false"] {
            let fixture = Fixture::light("thing");
            let project = || Project::load(&fixture.root()).unwrap();
            assert!(otherwise(&project(), &BuildOptions::default(), OWNER.0).is_some());
            let uv = format!("[tool.uv]\n{settings}\n[project]");
            fixture.edit("pyproject.toml", "[project]", &uv);
            assert_eq!(
                otherwise(&project(), &BuildOptions::default(), OWNER.0),
                None
            );
        }
    }
}
