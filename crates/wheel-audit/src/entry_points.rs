//! `entry_points.txt`: the commands of the wheel
//! (<https://packaging.python.org/specifications/entry-points/>).

use std::collections::BTreeMap;

use crate::inside::{Inside, stem, suffix};
use crate::report::{Findings, Rule};

/// The commands: by name, what they call.
pub(crate) fn scripts(text: &str) -> BTreeMap<String, String> {
    let mut is_script = false;
    let mut scripts = BTreeMap::new();
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
            scripts.insert(name.trim().to_owned(), reference.trim().to_owned());
        }
    }
    scripts
}

/// Sees that each command can be made, and calls something that is there.
pub(crate) fn check(inside: &Inside, findings: &mut Findings) {
    let (Some(text), Some(dist_info)) = (&inside.entry_points, &inside.dist_info) else {
        return;
    };
    let path = format!("{dist_info}/entry_points.txt");
    for (name, reference) in scripts(text) {
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
        let top = module.split('.').next().unwrap_or(module);
        if has_module(inside, module) {
            continue;
        }
        let reason = format!("`{name}` calls `{reference}`, and there is no module `{module}`");
        if inside
            .files
            .keys()
            .any(|file| is_below(Inside::installed(file), top))
        {
            findings.error(Rule::EntryPoint, &path, reason);
        } else {
            // It may be one of a dependency.
            findings.warning(Rule::EntryPoint, &path, format!("{reason} in the wheel"));
        }
    }
}

fn is_below(path: &str, top: &str) -> bool {
    path.split('/').next() == Some(top)
}

fn has_module(inside: &Inside, module: &str) -> bool {
    let path = module.replace('.', "/");
    let sources = [format!("{path}.py"), format!("{path}/__init__.py")];
    inside.files.keys().any(|file| {
        let file = Inside::installed(file);
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let file_parent = file.rsplit_once('/').map_or("", |(parent, _)| parent);
        let is_extension = suffix(file).is_some() && file_parent == parent && stem(file) == name;
        let is_package_of_one =
            suffix(file).is_some() && file_parent == path && stem(file) == "__init__";
        sources.iter().any(|source| source == file) || is_extension || is_package_of_one
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_are_read() {
        let text = "[console_scripts]\n# a = b\nrun = pkg.cli:main [extra]\n\n[pytest11]\nx = y\n[gui_scripts]\ng=p:q\n";
        let scripts = scripts(text);
        assert_eq!(scripts.len(), 2);
        assert_eq!(scripts["run"], "pkg.cli:main [extra]");
    }
}
