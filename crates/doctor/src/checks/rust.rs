//! The toolchain and the linker.

use cargo_settings::linker::{self, is_installed};
use cargo_settings::local::{MACHINE, TUNE};
use cargo_settings::toolchain::{FIRST_CARGO_WITH_INCLUDE, version_of_cargo};
use cargo_settings::{Layers, Origin, Setting};

use crate::facts::Facts;
use crate::finding::{Found, Judged, Problem, Skipped};

const NEWER: &str = "`rustup update`, or name a newer one in rust-toolchain.toml";

pub(crate) fn toolchain(facts: &Facts) -> Judged {
    let toolchain = &facts.toolchain;
    if let Some(missing) = &toolchain.missing {
        return Ok(Problem::of(missing).into());
    }
    let cargo = match &toolchain.cargo {
        Some(Ok(cargo)) => cargo,
        Some(Err(problem)) => {
            let install = "install Rust with rustup, and have its `cargo` on PATH";
            return Ok(problem.clone().or_cure(install).into());
        }
        None => return Err(Skipped("cargo was not asked".to_owned())),
    };
    let includes = facts.config.as_ref().is_ok_and(|config| {
        let mut files = config.files();
        files.any(|(_, file)| !file.include_paths().is_empty())
    });
    Ok(new_enough(
        cargo,
        includes,
        toolchain.rust_version.as_deref(),
    ))
}

/// Whether the cargo that said `printed` is as new as the project needs it.
fn new_enough(printed: &str, includes: bool, rust_version: Option<&str>) -> Found {
    let told = printed.trim();
    let Some(version) = version_of_cargo(printed) else {
        return Found::problem(format!("cargo says `{told}`, which is no version"), NEWER);
    };
    if includes && version < FIRST_CARGO_WITH_INCLUDE {
        let text = format!(
            "{told} passes over `include` in its configuration, which is for 1.94 and newer"
        );
        return Found::problem(text, NEWER);
    }
    let wanted = rust_version.and_then(|it| version_of_cargo(&format!("cargo {it}")));
    if let (Some(wanted), Some(text)) = (wanted, rust_version)
        && version < wanted
    {
        return Found::problem(
            format!("the crate is for Rust {text} and newer, and this is {told}"),
            NEWER,
        );
    }
    Found::ok(told)
}

/// A linker that a file or a variable names.
struct Named {
    name: String,
    is_here: bool,
    origin: String,
    cure: String,
}

pub(crate) fn linker(facts: &Facts) -> Judged {
    let config = facts.config()?;
    let host = match &facts.toolchain.host {
        Some(Ok(host)) => host.as_str(),
        _ => {
            return Err(Skipped(
                "rustc does not tell for which platform it compiles".to_owned(),
            ));
        }
    };
    let flags = linker::named_in_flags(config, host).into_iter();
    let mut named: Vec<_> = flags
        .map(|setting| in_flags(facts, config, host, setting))
        .collect();
    let configured = linker::configured_for(config, host);
    let has_linker = configured.is_some() || facts.toolchain.has_c_compiler;
    named.extend(configured.map(|setting| as_program(facts, host, &setting)));
    Ok(judged(&named, host, has_linker))
}

fn as_program(facts: &Facts, host: &str, setting: &Setting) -> Named {
    let program = linker::program(setting, &facts.root);
    let origin = setting.origin.shown(&facts.root);
    Named {
        is_here: is_installed(program.as_str()),
        cure: format!("install it, or remove `linker` for {host} from {origin}"),
        name: setting.value.clone(),
        origin,
    }
}

fn in_flags(facts: &Facts, config: &Layers, host: &str, setting: Setting) -> Named {
    let owner = match &setting.origin {
        Origin::File(path) => config
            .file(path)
            .ok()
            .and_then(|file| file.owner_of(&["target", host, "rustflags"])),
        _ => None,
    };
    let origin = setting.origin.shown(&facts.root);
    let cure = match owner.as_deref() {
        Some(owner) if owner == MACHINE.0 => {
            "`cargo xtask machine --undo`, then `cargo xtask machine`".to_owned()
        }
        Some(owner) if owner == TUNE.0 => "`cargo xtask tune --undo`".to_owned(),
        _ => format!("install it, or remove the flag from {origin}"),
    };
    Named {
        is_here: is_installed(&setting.value),
        name: setting.value,
        origin,
        cure,
    }
}

/// Linkers that are slower than those that rustc or the system have anyway.
const SLOW: [&str; 2] = ["bfd", "gold"];

fn judged(named: &[Named], host: &str, has_linker: bool) -> Found {
    let missing = named.iter().filter(|it| !it.is_here);
    let missing = missing.map(|it| {
        let text = format!(
            "the linker `{}`, which {} names, is not there",
            it.name, it.origin
        );
        Problem::new(text, it.cure.clone())
    });
    let mut problems: Vec<_> = missing.collect();
    if !has_linker {
        let install = "install one (Debian, Ubuntu: `apt install gcc`)";
        problems.push(Problem::new(
            "there is no C compiler `cc`, by which rustc links",
            install,
        ));
    }
    Found::of(problems, || match named {
        [] => {
            let own = linker::own(host);
            let is_slow = own == "the system's" && host.contains("linux");
            let faster = if is_slow {
                "; `cargo xtask machine` takes a faster one, where it is installed"
            } else {
                ""
            };
            format!("{own}, by cc, since none is named{faster}")
        }
        [first, ..] => {
            let is_slow = SLOW.contains(&first.name.as_str());
            let slow = if is_slow {
                "; `cargo xtask tune` tells whether another is faster"
            } else {
                ""
            };
            format!("{}, which {} names{slow}", first.name, first.origin)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(found: &Found) -> (bool, &str) {
        match found {
            Found::Ok(text) => (true, text),
            Found::Problems(problems) => (false, &problems[0].text),
        }
    }

    #[test]
    fn a_cargo_is_new_enough_or_it_is_said_for_what_it_is_not() {
        let new = "cargo 1.95.0 (abc 2026-01-01)\n";
        for (printed, includes, rust_version, is_ok, says) in [
            (new, true, Some("1.94"), true, "1.95.0"),
            (new, true, None, true, "1.95.0"),
            (new, false, Some("1.96"), false, "for Rust 1.96"),
            (new, false, Some("1.96.1"), false, "for Rust 1.96.1"),
            ("cargo 1.93.0", true, None, false, "include"),
            ("cargo 1.93.0", false, None, true, "1.93.0"),
            ("what", false, None, false, "no version"),
        ] {
            let found = new_enough(printed, includes, rust_version);
            let (ok, told) = text(&found);
            assert!(ok == is_ok && told.contains(says), "{printed} {told}");
        }
    }

    #[test]
    fn a_linker_that_is_not_there_is_named_with_what_names_it() {
        let named = |name: &str, is_here| Named {
            name: name.to_owned(),
            is_here,
            origin: "FILE".to_owned(),
            cure: "cure".to_owned(),
        };
        for (linkers, has_linker, is_ok, says) in [
            (vec![], true, true, "the system's"),
            (vec![], false, false, "C compiler"),
            (vec![named("mold", true)], true, true, "mold, which FILE"),
            (vec![named("bfd", true)], true, true, "cargo xtask tune"),
            (
                vec![named("mold", true), named("wild", false)],
                true,
                false,
                "`wild`, which FILE",
            ),
        ] {
            let found = judged(&linkers, "x86", has_linker);
            let (ok, told) = text(&found);
            assert!(ok == is_ok && told.contains(says), "{told}");
        }
    }
}
