//! What in a call of the linker, or of the rustc that makes it, keeps crates from being linked apart.

use crate::call::{LinkCall, Part};
use crate::facts::{BUILTINS, Facts, crate_name};
use crate::why::Why;

/// What keeps `call` from being made in two.
pub(crate) fn obstacle(call: &LinkCall, facts: &Facts) -> Option<Why> {
    let is_library = call.has("-shared") || call.has("-dynamiclib");
    if !is_library || call.output().is_none() {
        return Some(Why::NotAnExtension);
    }
    let of_linker = call.flags().find(|flag| is_linker_obstacle(flag));
    let flag = of_linker.map(str::to_owned);
    if let Some(flag) = flag.or_else(|| compiler_obstacle(&facts.rustc)) {
        return Some(Why::Flag(flag));
    }
    missing(call, facts).map(|what| Why::Unknown(format!("there is no {what}")))
}

/// What every call of rustc's for an extension has, and this one has not.
fn missing(call: &LinkCall, facts: &Facts) -> Option<&'static str> {
    let has_script = call
        .parts
        .iter()
        .any(|part| matches!(part, Part::VersionScript(_)));
    // As macOS has it.
    let mut flags = call.flags();
    let has_script = has_script || flags.any(|flag| flag.starts_with("-Wl,-exported_symbols_list"));
    let has_builtins = facts
        .fetched
        .iter()
        .any(|rlib| crate_name(rlib) == BUILTINS);
    let parts = [
        (has_builtins, BUILTINS),
        (has_script, "list of what the library offers"),
        (facts.shim.is_some(), "allocator shim"),
    ];
    parts
        .iter()
        .find(|(is_there, _)| !is_there)
        .map(|(_, what)| *what)
}

/// Flags of the linker by which code is instrumented, is taken from another place than the rlibs, is hidden,
/// or cannot be checked since no names are left.
const LINKER: [&str; 14] = [
    "-fsanitize",
    "-flto",
    "-fprofile",
    "--coverage",
    "-Wl,-plugin",
    "-Wl,--plugin",
    "-Wl,--exclude-libs",
    "-Wl,--relocatable",
    "-Wl,--dynamic-list",
    "-Wl,--export-dynamic-symbol",
    "-Wl,--strip-all",
    "-Wl,-s,",
    "-Wl,--retain-symbols-file",
    "-Wl,--wrap",
];

fn is_linker_obstacle(flag: &str) -> bool {
    let is_whole = ["-s", "-Wl,-s", "-r", "-Wl,-r", "-static", "-static-pie"].contains(&flag);
    is_whole || LINKER.iter().any(|start| flag.starts_with(start))
}

/// The argument of rustc for which all code has to be linked at once.
fn compiler_obstacle(args: &[String]) -> Option<String> {
    let found = options(args).find(|option| is_compiler_obstacle(option));
    found.map(|option| format!("-C {option}"))
}

/// The values of `-C` and `-Z`.
pub(crate) fn options(args: &[String]) -> impl DoubleEndedIterator<Item = &str> {
    let is_flag = |arg: &str| ["-C", "-Z", "--codegen"].contains(&arg);
    let options = args.iter().enumerate().filter_map(move |(index, arg)| {
        let before = index.checked_sub(1).map(|index| args[index].as_str());
        if before.is_some_and(is_flag) {
            return Some(arg.as_str());
        }
        let joined = arg.strip_prefix("-C").or(arg.strip_prefix("-Z"));
        joined.filter(|option| !option.is_empty())
    });
    options.collect::<Vec<_>>().into_iter()
}

fn is_compiler_obstacle(option: &str) -> bool {
    let (name, value) = option.split_once('=').unwrap_or((option, "yes"));
    match name {
        "lto"
        | "linker-plugin-lto"
        | "instrument-coverage"
        | "profile-generate"
        | "sanitizer"
        | "instrument-xray"
        | "instrument-mcount"
        | "prefer-dynamic" => !["off", "no", "n", "false", "0"].contains(&value),
        "split-debuginfo" => value == "packed",
        "strip" => value == "symbols",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_is_compiled_or_linked_by_other_rules_is_left_alone() {
        let table = [
            ("rustc -C lto=thin", Some("-C lto=thin")),
            ("rustc -Clto", Some("-C lto")),
            ("rustc -C lto=off -C opt-level=3 -C strip=debuginfo", None),
            (
                "rustc -C instrument-coverage",
                Some("-C instrument-coverage"),
            ),
            ("rustc -C instrument-coverage=no", None),
            ("rustc -Zsanitizer=address", Some("-C sanitizer=address")),
            (
                "rustc -C split-debuginfo=packed",
                Some("-C split-debuginfo=packed"),
            ),
            (
                "rustc -C split-debuginfo=unpacked -C incremental=/t -C linker=clang",
                None,
            ),
            (
                "rustc --codegen profile-generate=/t",
                Some("-C profile-generate=/t"),
            ),
        ];
        for (args, expected) in table {
            assert_eq!(
                compiler_obstacle(&words(args)).as_deref(),
                expected,
                "{args}"
            );
        }
        for flag in [
            "-fsanitize=address",
            "-flto=thin",
            "-s",
            "-Wl,--exclude-libs,ALL",
            "-static",
        ] {
            assert!(is_linker_obstacle(flag), "{flag}");
        }
        for flag in [
            "-fuse-ld=mold",
            "-Wl,-rpath,/x",
            "-static-libgcc",
            "-Wl,--strip-debug",
            "-Wl,--gc-sections",
        ] {
            assert!(!is_linker_obstacle(flag), "{flag}");
        }
    }
}
