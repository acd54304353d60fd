//! `entry_points.txt`: the commands of the wheel
//! (<https://packaging.python.org/specifications/entry-points/>).

use std::collections::{BTreeMap, BTreeSet};

use crate::budget::{Budget, Counted, Exceeded};
use crate::inside::{Inside, stem, suffix};
use crate::report::{Findings, Rule};

/// The commands: by name, what they call.
pub(crate) type Scripts = BTreeMap<String, String>;

fn scripts(text: &str, budget: &Budget<'_>) -> Result<Scripts, Exceeded> {
    let mut is_script = false;
    let mut scripts = Scripts::new();
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            is_script = matches!(
                section.trim_end_matches(']'),
                "console_scripts" | "gui_scripts"
            );
        } else if is_script
            && !line.starts_with(['#', ';'])
            && let Some((name, reference)) = line.split_once('=')
        {
            budget.spend(Counted::Commands, 1)?;
            scripts.insert(name.trim().to_owned(), reference.trim().to_owned());
        }
    }
    Ok(scripts)
}

/// Sees that each command can be made, and calls something that is there. Gives the commands.
pub(crate) fn check(
    inside: &Inside,
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<Scripts, Exceeded> {
    let (Some(text), Some(dist_info)) = (&inside.entry_points, &inside.dist_info) else {
        return Ok(Scripts::new());
    };
    let path = format!("{dist_info}/entry_points.txt");
    let scripts = scripts(text, budget).map_err(|exceeded| exceeded.at(&path))?;
    let modules = Modules::of(inside);
    for (name, reference) in &scripts {
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            let reason =
                format!("the command {name:?} would be written outside the scripts directory");
            findings.error(Rule::EntryPoint, &path, reason);
        }
        // Extras, which nobody uses any more, follow in brackets.
        let reference = reference.split('[').next().unwrap_or_default().trim();
        let Some((module, _)) = reference.split_once(':') else {
            let reason = format!("`{name}` calls `{reference}`, which names no function");
            findings.error(Rule::EntryPoint, &path, reason);
            continue;
        };
        if modules.paths.contains(&module.replace('.', "/")) {
            continue;
        }
        let reason = format!("`{name}` calls `{reference}`, and there is no module `{module}`");
        if modules
            .tops
            .contains(module.split('.').next().unwrap_or(module))
        {
            findings.error(Rule::EntryPoint, &path, reason);
        } else {
            // It may be one of a dependency.
            findings.warning(Rule::EntryPoint, &path, format!("{reason} in the wheel"));
        }
    }
    Ok(scripts)
}

/// What can be imported.
#[derive(Debug, Default)]
struct Modules<'a> {
    /// `pkg/mod`.
    paths: BTreeSet<String>,
    /// What stands at the top.
    tops: BTreeSet<&'a str>,
}

impl<'a> Modules<'a> {
    fn of(inside: &'a Inside) -> Self {
        let mut modules = Self::default();
        for file in inside.files.keys().map(|path| Inside::installed(path)) {
            modules.tops.insert(file.split('/').next().unwrap_or(file));
            let (parent, name) = file.rsplit_once('/').unwrap_or(("", file));
            let stem = match name.strip_suffix(".py") {
                Some(stem) => stem,
                None if suffix(file).is_some() => stem(file),
                None => continue,
            };
            if stem == "__init__" {
                modules.paths.insert(parent.to_owned());
            }
            let separator = if parent.is_empty() { "" } else { "/" };
            modules.paths.insert(format!("{parent}{separator}{stem}"));
        }
        modules
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    #[test]
    fn only_commands_are_read() {
        let text = "[console_scripts]\n# a = b\nrun = pkg.cli:main [extra]\n\n[pytest11]\nx = y\n[gui_scripts]\ng=p:q\n";
        let limits = Limits::default();
        let scripts = scripts(text, &Budget::new(&limits)).unwrap();
        assert_eq!(scripts.len(), 2);
        assert_eq!(scripts["run"], "pkg.cli:main [extra]");
    }
}
