//! What has cargo compile again what is there: variables of the shell, those of pyo3, and files that only
//! some of its calls read.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::scattered::scattered as scattered_files;
use cargo_settings::{Layers, Origin, Setting};
use environment::vars;
use processes::Invocation;

use crate::facts::Facts;
use crate::finding::{Found, Judged, Problem, Skipped};

/// By which cargo is told not to keep what it has compiled of a crate.
const INCREMENTAL: [&str; 3] = [
    vars::CARGO_INCREMENTAL,
    vars::CARGO_BUILD_INCREMENTAL,
    vars::CARGO_PROFILE_DEV_INCREMENTAL,
];

pub(crate) fn variables(facts: &Facts) -> Judged {
    Ok(defeating(&facts.variables))
}

fn defeating(variables: &BTreeMap<String, String>) -> Found {
    let set = variables.iter().filter(|(_, value)| !value.is_empty());
    let problems = set.filter_map(|(name, value)| {
        let reason = reason(name, value)?;
        let text = format!("{name} is `{value}` in this shell: {reason}");
        Some(Problem::new(text, cure(name)))
    });
    let ok = || "none in this shell has cargo compile more than is due".to_owned();
    Found::of(problems.collect(), ok)
}

fn is_rustflags(name: &str) -> bool {
    let is_of_target = name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS");
    is_of_target || name == "CARGO_BUILD_RUSTFLAGS"
}

/// What comes of it.
fn reason(name: &str, value: &str) -> Option<&'static str> {
    if INCREMENTAL.contains(&name) {
        let is_off = ["0", "false"].contains(&value);
        return is_off.then_some("after an edit, the whole crate is compiled");
    }
    let is_known = cache_keys::derive::VARIABLES.contains(&name) || is_rustflags(name);
    is_known.then_some(match name {
        "CARGO_BUILD_TARGET" => "another shell and rust-analyzer build for the machine itself, and all is compiled twice",
        vars::MATURIN_PEP517_ARGS => "uv and pip build otherwise here than anywhere else",
        _ => "what rust-analyzer and other shells have compiled is compiled again here",
    })
}

fn cure(name: &str) -> String {
    let lasting = match name {
        "CARGO_BUILD_TARGET" => "`target` under [build] in .cargo/config.toml",
        vars::MATURIN_PEP517_ARGS => "[tool.maturin] in pyproject.toml",
        _ if INCREMENTAL.contains(&name) => return format!("`unset {name}`"),
        _ => "`rustflags` under [build] in .cargo/config.toml",
    };
    format!("`unset {name}`; what is to hold always belongs to {lasting}")
}

/// A variable of pyo3's that a file sets.
struct Configured {
    name: &'static str,
    value: String,
    file: String,
    /// Whether `dev` keeps it there.
    is_kept: bool,
}

pub(crate) fn pyo3(facts: &Facts) -> Judged {
    let (project, config) = (facts.project()?, facts.config()?);
    let call = facts.state.as_ref().map(|state| &state.cargo_call);
    let local = dev_build::shared_env::look(config, project, facts.workspace()?);
    let local = local.map_err(|error| Skipped(error.to_string()))?;
    let kept = local.as_ref().map(|it| it.path.as_path());
    let configured: Vec<_> = vars::PYO3
        .into_iter()
        .filter_map(|name| configured(facts, config, name, kept))
        .collect();
    let is_shared = match (&local, call) {
        (Some(local), Some(call)) => local.has_variables_of(call),
        _ => true,
    };
    Ok(aligned(&facts.variables, &configured, call, is_shared))
}

fn configured(
    facts: &Facts,
    config: &Layers,
    name: &'static str,
    kept: Option<&Utf8Path>,
) -> Option<Configured> {
    let Setting { value, origin } = config.configured_variable(name)?;
    let Origin::File(path) = &origin else {
        return None;
    };
    Some(Configured {
        value: absolute(name, &value, path),
        name,
        file: origin.shown(&facts.root),
        is_kept: Some(path.as_path()) == kept,
    })
}

/// The path of the file that pyo3 reads, which may be relative to the directory of the configuration, and a
/// link.
fn absolute(name: &str, value: &str, file: &Utf8Path) -> String {
    let base = file.ancestors().nth(2).unwrap_or(file);
    let path = base.join(value).canonicalize_utf8();
    let path = path.ok().filter(|_| name == vars::PYO3_CONFIG_FILE);
    path.map_or_else(|| value.to_owned(), Utf8PathBuf::into_string)
}

/// Whether pyo3 reads the same everywhere; `call` is what `dev` has cargo started with.
fn aligned(
    variables: &BTreeMap<String, String>,
    configured: &[Configured],
    call: Option<&Invocation>,
    is_shared: bool,
) -> Found {
    let wanted = |name: &str| call?.env.get(name)?.as_deref();
    let in_shell = vars::PYO3.into_iter().filter_map(|name| {
        let value = variables.get(name).filter(|value| wanted(name) != Some(value))?;
        let text = format!("{name} is `{value}` in this shell, so pyo3 is compiled for it here, and again everywhere else");
        Some(Problem::new(text, format!("`unset {name}`")))
    });
    let others = configured.iter().filter(|it| call.is_some() && !it.is_kept);
    let others = others.filter(|it| wanted(it.name) != Some(&it.value));
    let in_files = others.map(|it| {
        let text = format!(
            "{} sets {} to `{}`, and `dev` builds with another value",
            it.file, it.name, it.value
        );
        Problem::new(text, format!("remove {} from {}", it.name, it.file))
    });
    let mut problems: Vec<_> = in_shell.chain(in_files).collect();
    if !is_shared {
        let text = "plain cargo and rust-analyzer give pyo3 other variables than `dev`, so it is compiled by turns";
        problems.push(Problem::new(text, "`cargo xtask dev`"));
    }
    Found::of(problems, || match call {
        Some(_) => "pyo3 reads the same in the builds of `dev` and here".to_owned(),
        None => "none is set; `dev` sets them when it builds".to_owned(),
    })
}

pub(crate) fn scattered(facts: &Facts) -> Judged {
    let project = facts.project()?;
    let crate_dir = project.extension.manifest.parent();
    let found = scattered_files(&project.root, crate_dir.unwrap_or(&project.root));
    let problems = found.iter().map(|it| Problem::of_message(&it.to_string()));
    let ok = || "cargo reads the same configuration in every directory of the project".to_owned();
    Ok(Found::of(problems.collect(), ok))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(found: Found) -> Vec<String> {
        match found {
            Found::Ok(_) => Vec::new(),
            Found::Problems(problems) => problems.into_iter().map(|it| it.text).collect(),
        }
    }

    fn shell(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_has_cargo_compile_more_is_named() {
        for (name, value, is_named) in [
            ("CARGO_INCREMENTAL", "0", true),
            ("CARGO_INCREMENTAL", "1", false),
            ("CARGO_PROFILE_DEV_INCREMENTAL", "false", true),
            ("RUSTFLAGS", "-Ctarget-cpu=native", true),
            ("RUSTFLAGS", "", false),
            ("CARGO_ENCODED_RUSTFLAGS", "-Cx", true),
            (
                "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
                "-Cx",
                true,
            ),
            ("CARGO_BUILD_TARGET", "x86_64-unknown-linux-gnu", true),
            ("MATURIN_PEP517_ARGS", "--release", true),
            ("CARGO_HOME", "/c", false),
            ("CARGO_TARGET_DIR", "/t", false),
        ] {
            let told = texts(defeating(&shell(&[(name, value)])));
            assert_eq!(!told.is_empty(), is_named, "{name} {told:?}");
            assert!(told.iter().all(|it| it.starts_with(name)), "{told:?}");
        }
    }

    #[test]
    fn pyo3_is_to_read_what_dev_has_it_read() {
        let call = Invocation::new("cargo").env("PYO3_PYTHON", "/p");
        let file = |value: &str, is_kept| {
            vec![Configured {
                name: vars::PYO3_PYTHON,
                value: value.to_owned(),
                file: "FILE".to_owned(),
                is_kept,
            }]
        };
        for (in_shell, configured, call, is_shared, says) in [
            (&[][..], vec![], Some(&call), true, None),
            (&[("PYO3_PYTHON", "/p")], vec![], Some(&call), true, None),
            (
                &[("PYO3_PYTHON", "/q")],
                vec![],
                Some(&call),
                true,
                Some("in this shell"),
            ),
            (
                &[("PYO3_PYTHON", "/q")],
                vec![],
                None,
                true,
                Some("in this shell"),
            ),
            (
                &[],
                file("/q", false),
                Some(&call),
                true,
                Some("FILE sets PYO3_PYTHON"),
            ),
            (&[], file("/p", false), Some(&call), true, None),
            // Nothing is known before the first build.
            (&[], file("/q", false), None, true, None),
            (&[], file("/q", true), Some(&call), false, Some("by turns")),
        ] {
            let told = texts(aligned(&shell(in_shell), &configured, call, is_shared));
            assert_eq!(told.len(), usize::from(says.is_some()), "{told:?}");
            assert!(says.is_none_or(|says| told[0].contains(says)), "{told:?}");
        }
    }
}
