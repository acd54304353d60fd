//! What only the project of a wheel can know: that everything is in it, and that it says of itself what
//! pyproject.toml says.

use std::collections::{BTreeMap, BTreeSet};

use glob::{MatchOptions, Pattern};

use crate::entry_points::Scripts;
use crate::fields::{Headers, specifiers};
use crate::inside::{Inside, stem};
use crate::report::{Findings, Rule};
use packaging::{WheelName, normalized};

/// The wheel as its project wants it. What is `None` is left to the wheel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// The distribution.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// The platform tag: `manylinux_2_28_x86_64`.
    pub platform: Option<String>,
    /// The tags of the one Python that it is for, and of its ABI: `cp312-cp312`, `cp314-cp314t`.
    pub python: Option<String>,
    /// `requires-python`.
    pub requires_python: Option<String>,
    /// The dependencies, without those of extras (PEP 508).
    pub dependencies: Option<Vec<String>>,
    /// The commands, by name.
    pub scripts: Option<BTreeMap<String, String>>,
    /// The dotted name of the one extension module.
    pub module: String,
    /// Where its library may lie, without what follows the first dot of its name: `a/_x`. The first is where
    /// it is put today.
    pub libraries: Vec<String>,
    /// The names of the programs that there are instead of a module.
    pub programs: Vec<String>,
    /// The files of the project, which must all be there as they are. Those that are not installed among the
    /// modules lie in `.data/`.
    pub files: Vec<ExpectedFile>,
    /// Patterns of files that a build makes.
    pub patterns: Vec<ExpectedPattern>,
    /// Directories, as paths in the wheel, in which nothing else may lie but the extension module.
    pub packages: Vec<String>,
    /// The names of licence files.
    pub licenses: Vec<String>,
    /// The largest size of the wheel, in bytes.
    pub max_size_bytes: Option<u64>,
    /// Directories of the machine that built it, whose paths must not be in it.
    pub forbidden_paths: Vec<String>,
}

/// A file that has to be in the wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Its path there.
    pub path: String,
    /// Of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// Files that may be in the wheel, with any content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedPattern {
    /// As the project has it.
    pub text: String,
    /// Patterns of paths: each file matches one of them.
    pub paths: Vec<String>,
    /// Whether one has to be there.
    pub is_required: bool,
}

pub(crate) fn check(
    expected: &Expected,
    name: Option<&WheelName>,
    size_bytes: usize,
    (inside, found): (&Inside, &Scripts),
    findings: &mut Findings,
) {
    if let Some(name) = name {
        check_name(expected, name, findings);
    }
    check_files(expected, inside, findings);
    check_extension(expected, inside, findings);
    check_scripts(expected, found, findings);
    if let Some(metadata) = &inside.metadata {
        check_metadata(expected, metadata, findings);
        check_licenses(expected, metadata, findings);
    }
    let size_bytes = size_bytes as u64;
    if let Some(max) = expected.max_size_bytes.filter(|max| size_bytes > *max) {
        let reason = format!("it has {size_bytes} bytes, and the project allows {max}");
        findings.error(Rule::Size, "", reason);
    }
}

fn check_name(expected: &Expected, name: &WheelName, findings: &mut Findings) {
    if normalized(&name.distribution) != normalized(&expected.name) {
        let reason = format!(
            "it is called {}, and the project {}",
            name.distribution, expected.name
        );
        findings.error(Rule::FileName, "", reason);
    }
    if let Some(version) = &expected.version
        && !name.is_version(version)
    {
        let reason = format!(
            "its version is {}, and the project's {version}",
            name.version
        );
        findings.error(Rule::FileName, "", reason);
    }
    if let Some(platform) = &expected.platform
        && !name.platforms.contains(platform)
    {
        let reason = format!(
            "it is tagged {}, and {platform} was to be built",
            name.tag()
        );
        findings.error(Rule::Tag, "", reason);
    }
    if let Some(python) = &expected.python
        && format!("{}-{}", name.python.join("."), name.abi.join(".")) != *python
    {
        let reason = format!("it is tagged {}, and {python} was to be built", name.tag());
        findings.error(Rule::Tag, "", reason);
    }
}

fn check_files(expected: &Expected, inside: &Inside, findings: &mut Findings) {
    let installed: BTreeMap<_, _> = inside
        .files
        .iter()
        .map(|(path, file)| (place(path), file))
        .collect();
    for file in &expected.files {
        match installed.get(file.path.as_str()) {
            None => findings.error(
                Rule::Package,
                &file.path,
                "it belongs to the package, and is missing",
            ),
            Some(found) if found.sha256 != file.sha256 => {
                findings.error(
                    Rule::Package,
                    &file.path,
                    "it is not as it is in the project",
                );
            }
            Some(_) => {}
        }
    }
    let paths: Vec<_> = installed.keys().copied().collect();
    check_others(expected, &paths, findings);
}

/// What no list of the project's files names: what patterns let be, and what should not be there.
fn check_others(expected: &Expected, paths: &[&str], findings: &mut Findings) {
    let patterns: Vec<_> = expected.patterns.iter().map(Matcher::new).collect();
    for (pattern, matcher) in expected.patterns.iter().zip(&patterns) {
        if pattern.is_required && !paths.iter().any(|path| matcher.matches(path)) {
            let reason = format!(
                "no file is there for `{}`, which the project includes",
                pattern.text
            );
            findings.error(Rule::Package, &pattern.text, reason);
        }
    }
    let files = expected.files.iter();
    let known: BTreeSet<_> = files.map(|file| file.path.as_str()).collect();
    for path in paths {
        let is_in = |package: &String| {
            let rest = path.strip_prefix(package.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let is_known = known.contains(path) || is_library(path, expected);
        if expected.packages.iter().any(is_in)
            && !is_known
            && !patterns.iter().any(|matcher| matcher.matches(path))
        {
            findings.error(Rule::Package, path, "it is no file of the package");
        }
    }
}

/// Where a file is installed: among the modules, or below `.data/`, without the name and version before it.
fn place(path: &str) -> &str {
    let installed = Inside::installed(path);
    let inner = installed.split_once('/').map_or("", |(top, _)| top);
    let name = inner.strip_suffix(".data").unwrap_or_default();
    installed.get(name.len()..).unwrap_or(installed)
}

/// The patterns of one [`ExpectedPattern`].
struct Matcher(Vec<Pattern>);

impl Matcher {
    fn new(pattern: &ExpectedPattern) -> Self {
        let paths = pattern.paths.iter();
        Self(paths.filter_map(|path| Pattern::new(path).ok()).collect())
    }

    fn matches(&self, path: &str) -> bool {
        let options = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::new()
        };
        let mut patterns = self.0.iter();
        patterns.any(|pattern| pattern.matches_with(path, options))
    }
}

fn is_library(path: &str, expected: &Expected) -> bool {
    let mut libraries = expected.libraries.iter();
    libraries.any(|library| is_module(path, library))
}

/// Whether the file `path` is the module `module`, both as paths: `a/_x.abi3.so` and `a/_x`.
fn is_module(path: &str, module: &str) -> bool {
    let (directory, name) = module.rsplit_once('/').unwrap_or(("", module));
    let found = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    found == directory && stem(path) == name && crate::inside::suffix(path).is_some()
}

/// The programs lie where installers take commands from: in `.data/scripts`.
fn check_programs(expected: &Expected, inside: &Inside, findings: &mut Findings) {
    let found = |path: &str| {
        let (above, name) = path.rsplit_once('/')?;
        let data = above.strip_suffix("/scripts")?;
        data.ends_with(".data").then_some(name.to_owned())
    };
    let found: BTreeSet<_> = inside.files.keys().filter_map(|path| found(path)).collect();
    for name in expected
        .programs
        .iter()
        .filter(|name| !found.contains(*name))
    {
        findings.error(
            Rule::EntryPoint,
            "",
            format!("the program `{name}` is missing"),
        );
    }
    let patterns: Vec<_> = expected.patterns.iter().map(Matcher::new).collect();
    // Scripts that the project packs as they are (`data` of [tool.maturin]) lie beside the programs.
    let is_packed = |name: &str| {
        let path = format!(".data/scripts/{name}");
        expected.files.iter().any(|file| file.path == path)
            || patterns.iter().any(|pattern| pattern.matches(&path))
    };
    for name in found
        .iter()
        .filter(|name| !expected.programs.contains(name) && !is_packed(name))
    {
        findings.error(
            Rule::EntryPoint,
            name,
            "it is none of the project's programs",
        );
    }
    for (path, _) in inside.extensions() {
        findings.error(
            Rule::Extension,
            path,
            "it is an extension module, and the project has none",
        );
    }
}

fn check_extension(expected: &Expected, inside: &Inside, findings: &mut Findings) {
    if !expected.programs.is_empty() {
        return check_programs(expected, inside, findings);
    }
    let is_the_projects = |path: &&str| {
        let mut files = expected.files.iter();
        files.any(|file| file.path == **path)
    };
    let found = inside.extensions().map(|(path, _)| Inside::installed(path));
    let mut found = found.filter(|path| !is_the_projects(path));
    match (found.next(), found.next()) {
        (Some(path), None) if is_library(path, expected) => {}
        (Some(path), None) => {
            let reason = format!(
                "it is the extension module, and `{}` was to be built{}",
                expected.module,
                at(expected)
            );
            findings.error(Rule::Extension, path, reason);
        }
        (None, _) => findings.error(
            Rule::Extension,
            "",
            format!("the extension module `{}` is missing", expected.module),
        ),
        (Some(one), Some(other)) => {
            findings.error(
                Rule::Extension,
                other,
                format!("it is an extension module beside {one}"),
            );
        }
    }
}

/// Where the library belongs.
fn at(expected: &Expected) -> String {
    let library = expected.libraries.first();
    library.map_or_else(String::new, |library| format!(", as `{library}`"))
}

fn check_scripts(expected: &Expected, found: &Scripts, findings: &mut Findings) {
    let Some(scripts) = &expected.scripts else {
        return;
    };
    let mut wrong = |reason: String| findings.error(Rule::EntryPoint, "entry_points.txt", reason);
    for (name, reference) in scripts {
        match found.get(name) {
            None => wrong(format!("the command `{name}` is missing")),
            Some(found) if found != reference => {
                wrong(format!(
                    "the command `{name}` calls `{found}` instead of `{reference}`"
                ));
            }
            Some(_) => {}
        }
    }
    for name in found.keys().filter(|name| !scripts.contains_key(*name)) {
        wrong(format!("the command `{name}` is none of the project's"));
    }
}

fn check_metadata(expected: &Expected, metadata: &Headers, findings: &mut Findings) {
    let mut wrong = |reason: String| findings.error(Rule::Metadata, "METADATA", reason);
    if let Some(requires) = &expected.requires_python {
        let found = metadata.first("Requires-Python").unwrap_or_default();
        if specifiers(found) != specifiers(requires) {
            wrong(format!(
                "Requires-Python is `{found}`, and `{requires}` in pyproject.toml"
            ));
        }
    }
    let Some(dependencies) = &expected.dependencies else {
        return;
    };
    let plain = |requirement: &str| {
        let kept = requirement.chars().filter(|c| !c.is_whitespace());
        kept.collect::<String>()
            .replace(['(', ')'], "")
            .to_lowercase()
            .replace('_', "-")
    };
    let is_of_extra = |requirement: &&str| {
        requirement
            .split_once(';')
            .is_some_and(|(_, marker)| marker.contains("extra"))
    };
    let found: BTreeSet<_> = metadata
        .all("Requires-Dist")
        .filter(|it| !is_of_extra(it))
        .map(plain)
        .collect();
    let wanted: BTreeSet<_> = dependencies.iter().map(|it| plain(it)).collect();
    // Backends order the parts of a requirement differently; what is compared is the distribution.
    let names = |set: &BTreeSet<String>| -> BTreeSet<String> {
        let end = |text: &String| {
            text.find(|c: char| !(c.is_alphanumeric() || "-.".contains(c)))
                .unwrap_or(text.len())
        };
        set.iter()
            .map(|text| normalized(&text[..end(text)]))
            .collect()
    };
    for name in names(&wanted).difference(&names(&found)) {
        wrong(format!("the dependency `{name}` is missing"));
    }
    for name in names(&found).difference(&names(&wanted)) {
        wrong(format!("the dependency `{name}` is none of the project's"));
    }
}

fn check_licenses(expected: &Expected, metadata: &Headers, findings: &mut Findings) {
    let found: BTreeSet<_> = metadata.all("License-File").collect();
    for license in expected
        .licenses
        .iter()
        .filter(|license| !found.contains(license.as_str()))
    {
        findings.error(
            Rule::License,
            license,
            "it is a licence of the project, and METADATA does not name it",
        );
    }
}
