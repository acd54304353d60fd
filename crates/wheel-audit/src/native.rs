//! Native code against the tags: would this platform load it, and would this Python import it?

use std::collections::{BTreeMap, BTreeSet};

use crate::budget::{Budget, Counted, Exceeded};
use crate::elf::Elf;
use crate::fields::version_of;
use crate::inside::{Inside, Suffix, file_name, offers_module, stem, suffix};
use crate::limited;
use crate::platform::Platform;
use crate::policy::{Family, Policy, policies};
use crate::report::{Findings, Rule};
use packaging::WheelName;

/// Compares the tags with the contents. Gives the newest version of glibc's symbols in use.
pub(crate) fn check(
    name: &WheelName,
    inside: &Inside,
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<Option<String>, Exceeded> {
    let platforms = platforms(name, findings);
    let is_for_any = platforms.contains(&Platform::Any);
    check_elves(&platforms, inside, findings);
    for (path, _) in inside.extensions() {
        if is_for_any {
            findings.error(
                Rule::Tag,
                path,
                "it is an extension module, in a wheel that is for every platform",
            );
        }
        check_abi(name, inside, path, findings);
    }
    check_pythons(name, inside, budget, findings)?;
    check_root(inside, findings);
    let is_linux = |platform: &&Platform| platform.architecture().is_some();
    if platforms.iter().any(|platform| is_linux(&platform)) && inside.elves().next().is_none() {
        findings.warning(
            Rule::Tag,
            "",
            "it is for Linux only, and holds no native code for it",
        );
    }
    for platform in platforms.iter().filter(is_linux) {
        check_platform(platform, inside, budget, findings)?;
    }
    Ok(newest_glibc(inside))
}

fn platforms(name: &WheelName, findings: &mut Findings) -> Vec<Platform> {
    let mut platforms = Vec::new();
    for tag in &name.platforms {
        match Platform::parse(tag) {
            Ok(platform) => platforms.push(platform),
            Err(reason) => findings.error(Rule::Tag, "", reason),
        }
    }
    platforms
}

/// What is wrong with a file whatever the tags promise.
fn check_elves(platforms: &[Platform], inside: &Inside, findings: &mut Findings) {
    let architectures: BTreeSet<_> = platforms
        .iter()
        .filter_map(Platform::architecture)
        .collect();
    for (path, file) in &inside.files {
        let elf = match &file.elf {
            Some(Ok(elf)) => elf,
            Some(Err(reason)) if suffix(path).is_some() => {
                findings.error(
                    Rule::Extension,
                    path,
                    format!("it cannot be loaded: {reason}"),
                );
                continue;
            }
            Some(Err(reason)) => {
                findings.warning(
                    Rule::Extension,
                    path,
                    format!("it cannot be read: {reason}"),
                );
                continue;
            }
            None => {
                if is_linux_extension(path) {
                    findings.error(
                        Rule::Extension,
                        path,
                        "it is called an extension module, and is no ELF file",
                    );
                }
                continue;
            }
        };
        check_machine(path, elf, &architectures, findings);
        if elf.executable_stack {
            findings.warning(
                Rule::Extension,
                path,
                "it asks for an executable stack, which glibc 2.41 refuses",
            );
        }
        for run_path in elf.run_paths.iter().filter(|path| path.starts_with('/')) {
            let reason = format!("it looks for libraries in {run_path}, wherever it is installed");
            findings.warning(Rule::Extension, path, reason);
        }
    }
}

/// Whether the name says that it is for Linux: `.cpython-312-x86_64-linux-gnu.so`.
fn is_linux_extension(path: &str) -> bool {
    matches!(suffix(path), Some(Suffix::Version(_))) && file_name(path).contains("-linux-")
}

fn check_machine(path: &str, elf: &Elf, architectures: &BTreeSet<&str>, findings: &mut Findings) {
    let is_extension = suffix(path).is_some();
    if architectures.is_empty() {
        if is_extension {
            findings.error(
                Rule::Tag,
                path,
                "it is native code for Linux, and no tag is",
            );
        }
        return;
    }
    let machine = elf.machine.architecture().unwrap_or("another machine");
    if !architectures.contains(machine) {
        let reason = format!("it is for {machine}, and the tags are not");
        if is_extension {
            findings.error(Rule::Tag, path, reason);
        } else {
            findings.warning(Rule::Tag, path, reason);
        }
    }
}

/// Whether the extension module `path` can be imported at all, and keeps to the stable ABI if it says so.
fn check_abi(name: &WheelName, inside: &Inside, path: &str, findings: &mut Findings) {
    let Some(Ok(elf)) = &inside.files[path].elf else {
        return;
    };
    if !offers_module(elf, path) {
        let reason = format!(
            "it does not export `PyInit_{}`, so that it cannot be imported",
            stem(path)
        );
        findings.error(Rule::Extension, path, reason);
    }
    if let Some(library) = elf
        .needed
        .iter()
        .find(|library| library.starts_with("libpython"))
    {
        let reason =
            format!("it needs {library}, which is not there where Python is linked statically");
        findings.error(Rule::Extension, path, reason);
    }
    let oldest = name
        .python
        .iter()
        .filter_map(|python| version_of(python))
        .min();
    let is_stable = |abi: &String| abi == "abi3" || abi == "abi3t";
    if let (true, Some(version)) = (name.abi.iter().all(is_stable), oldest) {
        let outside = limited::outside(&elf.undefined, version);
        if !outside.is_empty() {
            let reason = format!(
                "it uses what the stable ABI of CPython {}.{} does not have: {}",
                version.0,
                version.1,
                shortened(&outside)
            );
            findings.error(Rule::Tag, path, reason);
        }
    }
}

/// The first few.
fn shortened(texts: &[String]) -> String {
    let shown = texts
        .iter()
        .take(5)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match texts.len().saturating_sub(5) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Sees that each Python of the tags finds a file that it takes for each extension module.
fn check_pythons(
    name: &WheelName,
    inside: &Inside,
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<(), Exceeded> {
    let mut modules: BTreeMap<String, Vec<(&String, Suffix)>> = BTreeMap::new();
    for (path, suffix) in inside.extensions() {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let module = format!("{directory}/{}", stem(path));
        modules.entry(module).or_default().push((path, suffix));
    }
    for files in modules.values() {
        if files.iter().any(|(_, suffix)| *suffix == Suffix::Other) {
            continue;
        }
        for (python, abi) in pairs(name) {
            budget.spend(Counted::Comparisons, files.len() as u64)?;
            if !files.iter().any(|(_, suffix)| imports(python, abi, suffix)) {
                let reason = format!("no interpreter that takes {python}-{abi} imports it");
                findings.error(Rule::Tag, files[0].0, reason);
            }
        }
    }
    Ok(())
}

/// Each Python tag with each ABI tag that belongs to it.
fn pairs(name: &WheelName) -> impl Iterator<Item = (&str, &str)> {
    let pythons = name.python.iter().map(String::as_str);
    pythons.flat_map(|python| {
        let abis = name.abi.iter().map(String::as_str);
        let belongs = move |abi: &str| !abi.starts_with("cp") || abi.starts_with(python);
        abis.filter(move |abi| belongs(abi))
            .map(move |abi| (python, abi))
    })
}

/// Whether the interpreters of a tag take a file with this ending.
fn imports(python: &str, abi: &str, suffix: &Suffix) -> bool {
    let Some(number) = python.strip_prefix("cp") else {
        // `py3-none`: any Python may be meant, and a file for one of them is a gift to it.
        return true;
    };
    match suffix {
        Suffix::Plain | Suffix::Other => true,
        Suffix::Stable => !abi.ends_with('t'),
        // With the GIL or without: CPython 3.15 and newer.
        Suffix::StableWithoutGil => version_of(python).is_some_and(|it| it >= (3, 15)),
        Suffix::Version(version) if abi == "none" => version.trim_end_matches('t') == number,
        Suffix::Version(version) => abi.strip_prefix("cp").is_some_and(|abi| {
            // `cp37m`: the letter was once in the tag and in the file.
            version.trim_end_matches('m') == abi.trim_end_matches('m')
        }),
    }
}

/// `Root-Is-Purelib` decides into which of two directories the files go.
fn check_root(inside: &Inside, findings: &mut Findings) {
    let pure = inside
        .wheel
        .as_ref()
        .and_then(|wheel| wheel.first("Root-Is-Purelib"));
    if !pure.is_some_and(|pure| pure.eq_ignore_ascii_case("true")) {
        return;
    }
    let native = inside.extensions().map(|(path, _)| path);
    for path in native.filter(|path| !path.contains(".data/platlib/")) {
        findings.error(
            Rule::Wheel,
            path,
            "it is native code, and WHEEL says Root-Is-Purelib: true",
        );
    }
}

/// Sees that the platform of a tag has everything that is needed.
fn check_platform(
    platform: &Platform,
    inside: &Inside,
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<(), Exceeded> {
    let (family, version, architecture) = match platform {
        Platform::Manylinux {
            major,
            minor,
            architecture,
        } => (Family::Manylinux, (*major, *minor), architecture),
        Platform::Musllinux {
            major,
            minor,
            architecture,
        } => (Family::Musllinux, (*major, *minor), architecture),
        Platform::Linux { architecture } => {
            let reason =
                format!("`linux_{architecture}` promises nothing to whoever installs it elsewhere");
            findings.warning(Rule::Platform, "", reason);
            return Ok(());
        }
        Platform::Any | Platform::Other => return Ok(()),
    };
    let known = policies(family).filter(|policy| (policy.major, policy.minor) <= version);
    let Some(policy) = known.filter(|policy| policy.has(architecture)).last() else {
        let reason = format!(
            "no policy is known for version {}.{} on {architecture}",
            version.0, version.1
        );
        findings.warning(Rule::Platform, "", reason);
        return Ok(());
    };
    let own = inside.own_libraries();
    for (path, elf) in inside.elves() {
        if elf.machine.architecture() == Some(architecture) {
            let reasons = why_not(policy, architecture, elf, &own, budget)?;
            for reason in reasons {
                findings.error(
                    Rule::Platform,
                    path,
                    format!("{reason}, and {} does not promise that", policy.name),
                );
            }
        }
    }
    Ok(())
}

/// What `elf` needs and `policy` does not promise.
fn why_not(
    policy: &Policy,
    architecture: &str,
    elf: &Elf,
    own: &BTreeSet<&str>,
    budget: &Budget<'_>,
) -> Result<Vec<String>, Exceeded> {
    let versions = elf.versions.values().map(|versions| versions.len() + 1);
    let comparisons = 1 + elf.needed.len() + versions.sum::<usize>();
    budget.spend(Counted::Comparisons, comparisons as u64)?;
    let mut reasons = Vec::new();
    let is_own = |library: &str| own.contains(library) || library.starts_with("libpython");
    let foreign = elf
        .needed
        .iter()
        .filter(|it| !is_own(it) && !policy.promises(it, architecture));
    reasons.extend(foreign.map(|library| format!("it needs {library}")));
    for (library, versions) in &elf.versions {
        let is_loader = library.starts_with("ld-linux") || library.starts_with("ld64.so");
        let newer = versions
            .iter()
            .filter(|it| !is_loader && !policy.promises_version(it, architecture));
        reasons.extend(newer.map(|version| format!("it needs {version} of {library}")));
    }
    let private = policy.forbidden_among(&elf.needed, &elf.undefined);
    reasons.extend(
        private
            .iter()
            .map(|symbol| format!("it uses the private symbol {symbol}")),
    );
    if architecture == "x86_64" && elf.x86_isa_needed >> 1 != 0 {
        reasons.push("it needs a newer processor than every x86_64".to_owned());
    }
    // Of Python 2's days: interpreters differed in these, and no tag says how.
    let obsolete = ["PyFPE_jbuf", "PyFPE_dummy", "PyFPE_counter"];
    let obsolete = obsolete
        .iter()
        .find(|symbol| elf.undefined.contains(**symbol));
    reasons.extend(obsolete.map(|symbol| format!("it uses {symbol}")));
    Ok(reasons)
}

/// The best platform tag that the native code keeps: of musl, if all tags are, or it needs musl.
pub(crate) fn platform_of(
    name: Option<&WheelName>,
    inside: &Inside,
    budget: &Budget<'_>,
) -> Result<Option<String>, Exceeded> {
    let own = inside.own_libraries();
    let Some(architecture) = architecture_of(inside) else {
        return Ok(None);
    };
    let elves: Vec<_> = inside
        .elves()
        .map(|(_, elf)| elf)
        .filter(|elf| elf.machine.architecture() == Some(architecture))
        .collect();
    let is_musl = |elf: &&Elf| {
        elf.needed
            .iter()
            .any(|it| it.starts_with("libc.musl-") || it == "libc.so")
    };
    let tags = name.map_or(&[][..], |name| &name.platforms);
    let is_tagged_musl = !tags.is_empty() && tags.iter().all(|tag| tag.starts_with("musllinux_"));
    let family = if is_tagged_musl || elves.iter().any(is_musl) {
        Family::Musllinux
    } else {
        Family::Manylinux
    };
    let mut kept = "linux";
    for policy in policies(family).filter(|policy| policy.has(architecture)) {
        if keeps(policy, architecture, &elves, &own, budget)? {
            kept = policy.name;
            break;
        }
    }
    Ok(Some(format!("{kept}_{architecture}")))
}

fn keeps(
    policy: &Policy,
    architecture: &str,
    elves: &[&Elf],
    own: &BTreeSet<&str>,
    budget: &Budget<'_>,
) -> Result<bool, Exceeded> {
    for elf in elves {
        if !why_not(policy, architecture, elf, own, budget)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// That of the extension modules; without any, that of most native code.
fn architecture_of(inside: &Inside) -> Option<&'static str> {
    let mut count: BTreeMap<&str, (bool, usize)> = BTreeMap::new();
    for (path, elf) in inside.elves() {
        if let Some(architecture) = elf.machine.architecture() {
            let counted = count.entry(architecture).or_default();
            counted.0 |= suffix(path).is_some();
            counted.1 += usize::from(elf.is_dynamic()) + 1;
        }
    }
    let most = count.into_iter().max_by_key(|(_, counted)| *counted);
    most.map(|(architecture, _)| architecture)
}

/// The newest `GLIBC_2.x` that any file needs, as `2.x`.
fn newest_glibc(inside: &Inside) -> Option<String> {
    let versions = inside
        .elves()
        .flat_map(|(_, elf)| elf.versions.values().flatten());
    let numbers = versions.filter_map(|version| {
        let number = version.strip_prefix("GLIBC_")?;
        number
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<Vec<u32>>>()
    });
    let newest = numbers.max()?;
    Some(
        newest
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join("."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_takes_only_its_own_files() {
        let version = |text: &str| Suffix::Version(text.to_owned());
        assert!(imports("cp312", "cp312", &version("312")));
        assert!(!imports("cp312", "cp312", &version("311")));
        assert!(!imports("cp313", "cp313t", &version("313")));
        assert!(imports("cp313", "cp313t", &version("313t")));
        assert!(!imports("cp313", "cp313t", &Suffix::Stable));
        assert!(imports("cp37", "cp37m", &version("37m")));
        assert!(!imports("cp311", "abi3", &version("311")));
        assert!(imports("cp311", "abi3", &Suffix::Stable));
        assert!(imports("py3", "none", &version("311")));
        let threads = Suffix::StableWithoutGil;
        for (python, abi, expected) in [
            ("cp315", "abi3t", true),
            ("cp315", "abi3", true),
            ("cp315", "cp315t", true),
            ("cp311", "abi3", false),
            ("cp314", "cp314t", false),
        ] {
            assert_eq!(imports(python, abi, &threads), expected, "{python} {abi}");
        }
        assert!(!imports("cp315", "abi3t", &Suffix::Stable));
    }

    #[test]
    fn each_python_goes_with_its_own_abi() {
        let name = WheelName::parse("a-1-cp311.cp312-cp311.cp312-any.whl").unwrap();
        assert_eq!(
            pairs(&name).collect::<Vec<_>>(),
            [("cp311", "cp311"), ("cp312", "cp312")]
        );
    }
}
