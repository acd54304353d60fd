//! Values of one machine: in no file that git tracks, and in this machine's own file where cargo reads it.

use camino::Utf8Path;
use cargo_settings::local::{self, LOCAL_CONFIG};
use config_edit::{EditError, Owner};
use serde_json::Value;

use crate::drafts::Drafts;
use crate::facts::Facts;
use crate::finding::{Found, Judged, Problem, Skipped};

/// Whose the line is that `--fix` writes.
const OWNER: Owner = local::INIT;

pub(crate) fn values(facts: &Facts) -> Judged {
    facts.project()?;
    let tracked = facts.tracked.as_ref();
    let tracked = tracked.ok_or_else(|| Skipped("the project is not in git".to_owned()))?;
    let problems = tracked.iter().flat_map(|(path, text)| {
        let shown = facts.shown(path);
        let found = of_one_machine(path, text).into_iter();
        found.map(move |(key, value)| {
            let text = format!(
                "git tracks {shown}, where `{key}` is {value}, which holds for one machine only"
            );
            Problem::new(text, cure(path, &key))
        })
    });
    let ok = || format!("{} files that git tracks hold none", tracked.len());
    Ok(Found::of(problems.collect(), ok))
}

fn is_cargo_config(path: &Utf8Path) -> bool {
    let dir = path.parent().and_then(Utf8Path::file_name);
    dir == Some(".cargo")
}

fn cure(path: &Utf8Path, key: &str) -> String {
    if is_cargo_config(path) {
        let file = path.with_file_name(LOCAL_CONFIG);
        return format!(
            "move `{key}` to {file}, which {} includes",
            path.file_name().unwrap_or_default()
        );
    }
    format!("write `{key}` relative to the directory of {path}")
}

/// The keys in a file that have a value of one machine, and that value.
fn of_one_machine(path: &Utf8Path, text: &str) -> Vec<(String, String)> {
    let text = text.trim_start_matches('\u{feff}');
    let file: Value = toml_edit::de::from_str(text).unwrap_or_default();
    let mut all = Vec::new();
    flatten("", &file, &mut all);
    let is_config = is_cargo_config(path);
    let begins = |key: &str, names: &[&str]| names.iter().any(|name| key.starts_with(name));
    let is_setting = |key: &str| match path.file_name() {
        _ if is_config => begins(
            key,
            &["build.", "env.", "patch.", "paths", "source.", "target."],
        ),
        Some("pyproject.toml") => {
            begins(key, &["tool.maturin.", "tool.uv."]) && !begins(key, &PATTERNS)
        }
        _ => key.ends_with(".path"),
    };
    let settings = all.into_iter().filter(|(key, _)| is_setting(key));
    let found = settings.filter(|(key, value)| {
        // What is below zero, and `default`, goes by the machine's own number of cores.
        let is_number = is_config && key == "build.jobs" && value.as_i64().is_some_and(|it| it > 0);
        is_number || value.as_str().is_some_and(names_a_path)
    });
    found.map(|(key, value)| (key, value.to_string())).collect()
}

/// All values by their keys; elements of an array by that of the array.
fn flatten<'v>(key: &str, value: &'v Value, into: &mut Vec<(String, &'v Value)>) {
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                flatten(&key, value, into);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|it| flatten(key, it, into)),
        value => into.push((key.to_owned(), value)),
    }
}

/// Paths that are the same everywhere.
const EVERYWHERE: [&str; 4] = ["/bin/sh", "/dev/", "/proc/", "/usr/bin/"];

/// Keys with patterns of files, where `/` is the directory of the project.
const PATTERNS: [&str; 2] = ["tool.maturin.exclude", "tool.maturin.include"];

/// Whether a value names an absolute path, by itself, in an argument or as an address.
fn names_a_path(value: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || c == ',';
    value.split(ends).any(|word| {
        let word = word.split_once("file://").map_or(word, |(_, path)| path);
        let Some(at) = word.find('/') else {
            return false;
        };
        let (before, path) = word.split_at(at);
        let option = before.rsplit_once('=').map_or(before, |(_, option)| option);
        let is_absolute = ["", "-L", "-I", "-B"].contains(&option);
        let is_deep = path[1..].contains('/') && !path.starts_with("//");
        is_absolute && is_deep && !EVERYWHERE.iter().any(|it| path.starts_with(it))
    })
}

pub(crate) fn local_config(facts: &Facts) -> Judged {
    let (config, files) = (facts.config()?, facts.files()?);
    let includes = config
        .file(&files.tracked)
        .is_ok_and(|it| it.includes(LOCAL_CONFIG));
    let local = facts.shown(&files.local);
    let tracked = facts.shown(&files.tracked);
    Ok(included(
        local,
        tracked,
        files.local.is_file(),
        includes,
        facts.not_ignored.as_deref(),
    ))
}

fn included(
    local: &Utf8Path,
    tracked: &Utf8Path,
    is_there: bool,
    includes: bool,
    not_ignored: Option<&str>,
) -> Found {
    if !is_there {
        return Found::ok(format!(
            "{local} is not there: this machine has no settings of its own"
        ));
    }
    let mut problems = Vec::new();
    if !includes {
        let text = format!("cargo does not read {local}: {tracked} does not include it");
        let line = format!("include = [{{ path = \"{LOCAL_CONFIG}\", optional = true }}]");
        let cure = format!("add the line `{line}` to {tracked}, above all tables");
        problems.push(Problem::new(text, cure).fixable(true));
    }
    if let Some(text) = not_ignored {
        problems.push(Problem::of_message(text));
    }
    Found::of(problems, || {
        format!("cargo reads {local}, and git ignores it")
    })
}

pub(crate) fn repair_include(_: &Facts, drafts: &mut Drafts) -> Result<(), EditError> {
    match &mut drafts.cargo {
        Some(cargo) => local::include(&mut cargo.tracked, OWNER),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_for_one_machine_is_found_in_the_file_where_it_does_harm() {
        let config = ".cargo/config.toml";
        for (file, text, keys) in [
            (
                config,
                "[build]\nrustc-wrapper = '/home/a/bin/sccache'",
                &["build.rustc-wrapper"][..],
            ),
            (
                config,
                "[build]\nrustc-wrapper = 'sccache'\nincremental = true",
                &[],
            ),
            (config, "[build]\njobs = 4", &["build.jobs"]),
            (config, "[build]\njobs = -2", &[]),
            (config, "[build]\njobs = 'default'", &[]),
            (config, "[target.a]\nlinker = '/usr/bin/clang'", &[]),
            (
                config,
                "[build]\nrustflags = '-Clink-arg=-Wl,-rpath,/opt/x'",
                &["build.rustflags"],
            ),
            (
                config,
                "[build]\nrustflags = ['-Clink-arg=-L/opt/x']",
                &["build.rustflags"],
            ),
            (
                config,
                "[build]\nrustflags = ['-Clink-arg=-Wl,-rpath,$ORIGIN/../lib', '-Clink-arg=-Lfoo/bar/x']",
                &[],
            ),
            (
                config,
                "[build]\ntarget-dir = '/tmp/t'",
                &["build.target-dir"],
            ),
            (
                config,
                "[build]\nrustflags = '-C link-arg=-fuse-ld=/opt/mold'",
                &["build.rustflags"],
            ),
            (
                config,
                "[build]\nrustflags = ['-L/opt/lib', '-Cx']",
                &["build.rustflags"],
            ),
            (
                config,
                "[target.a]\nlinker = '/opt/cc'\nrunner = 'qemu'",
                &["target.a.linker"],
            ),
            (
                config,
                "[env]\nA = '/opt/a'\nB = { value = 'b/c', relative = true }",
                &["env.A"],
            ),
            (
                config,
                "[env]\nA = '/dev/null'\nB = 'https://a.example/b'",
                &[],
            ),
            (
                config,
                "[alias]\nx = 'run --config /a/b'\n[http]\ncainfo = '/etc/ssl/x'",
                &[],
            ),
            (
                "pyproject.toml",
                "[tool.maturin]\npython-source = '/home/a/python'",
                &["tool.maturin.python-source"],
            ),
            (
                "pyproject.toml",
                "[tool.other]\nx = '/a/b'\n[tool.maturin]\ninclude = ['a/b', '/c']",
                &[],
            ),
            (
                "pyproject.toml",
                "[tool.maturin]\nexclude = ['/tests/data/*']\ninclude = [{ path = '/a/b', format = 'sdist' }]",
                &[],
            ),
            (
                "pyproject.toml",
                "[tool.uv]\nfind-links = ['file:///home/a/wheels', 'https://a.example/b/c']",
                &["tool.uv.find-links"],
            ),
            (
                "Cargo.toml",
                "[dependencies]\na = { path = '/home/a/a' }\nb = { path = '../b' }",
                &["dependencies.a.path"],
            ),
            (config, "[build", &[]),
        ] {
            let found = of_one_machine(file.into(), text);
            let found: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(found, keys, "{text}");
        }
    }

    #[test]
    fn this_machines_file_is_to_be_read_by_cargo_and_ignored_by_git() {
        let local = Utf8Path::new(".cargo/config.local.toml");
        for (is_there, includes, not_ignored, problems) in [
            (false, false, None, 0),
            (true, true, None, 0),
            (true, false, None, 1),
            (true, true, Some("git does not"), 1),
            (true, false, Some("git does not\n  help: x"), 2),
        ] {
            let found = included(
                local,
                ".cargo/config.toml".into(),
                is_there,
                includes,
                not_ignored,
            );
            let count = match &found {
                Found::Ok(_) => 0,
                Found::Problems(problems) => problems.len(),
            };
            assert_eq!(count, problems, "{found:?}");
        }
    }
}
