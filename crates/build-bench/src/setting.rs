//! With what it is built: incremental compilation, a compiler cache, tuned settings. A new one is another
//! entry in [`SETTINGS`].

use camino::Utf8Path;
use environment::compiler_caches::{self, CompilerCache, KACHE, SCCACHE, ZCCACHE};
use environment::vars;
use processes::Invocation;

#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(crate) struct Setting {
    /// As on the command line and in the results.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// `incremental` of the dev profile, unless what is tuned says so.
    pub(crate) incremental: bool,
    /// The compiler cache in front of rustc.
    pub(crate) cache: Option<&'static CompilerCache>,
    /// Whether the profile and the linker count that have been found to be the best, or that stand in this
    /// machine's own cargo configuration.
    pub(crate) is_tuned: bool,
    /// Whether `cargo xtask dev` may link third-party crates apart; the others know nothing of that.
    pub(crate) prelinks: bool,
    /// Whether `cargo xtask dev` takes from the store what was built once; the others know nothing of that.
    pub(crate) stores: bool,
}

pub(crate) const SETTINGS: [Setting; 8] = [
    setting("incremental", "cargo incremental only", true, None),
    Setting {
        prelinks: true,
        ..setting("prelinked", "third-party crates linked once", true, None)
    },
    Setting {
        prelinks: true,
        stores: true,
        ..setting("stored", "linked once, and nothing built twice", true, None)
    },
    setting(
        "sccache",
        "sccache without incremental",
        false,
        Some(&SCCACHE),
    ),
    setting(
        "sccache-incremental",
        "sccache with incremental",
        true,
        Some(&SCCACHE),
    ),
    setting("kache", "kache", false, Some(&KACHE)),
    setting("zccache", "zccache with incremental", true, Some(&ZCCACHE)),
    Setting {
        is_tuned: true,
        prelinks: true,
        ..setting(
            "tuned",
            "tuned and prelinked, no compiler cache",
            true,
            None,
        )
    },
];

const fn setting(
    id: &'static str,
    title: &'static str,
    incremental: bool,
    cache: Option<&'static CompilerCache>,
) -> Setting {
    Setting {
        id,
        title,
        incremental,
        cache,
        is_tuned: false,
        prelinks: false,
        stores: false,
    }
}

impl Setting {
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.id == id)
    }

    /// `command` with these settings, whatever the user's environment and configuration say; `program` is the
    /// compiler cache.
    pub(crate) fn apply(&self, command: Invocation, program: Option<&Utf8Path>) -> Invocation {
        let foreign = vars::names().filter(|name| compiler_caches::is_variable(name));
        let command = foreign.fold(command, Invocation::env_remove);
        let command = if self.is_tuned {
            // A variable would win over what was found.
            command.env_remove(vars::CARGO_PROFILE_DEV_INCREMENTAL)
        } else {
            let value = self.incremental.to_string();
            command.env(vars::CARGO_PROFILE_DEV_INCREMENTAL, value)
        };
        let command = if self.prelinks {
            command.env_remove(vars::XTASK_NO_PRELINK)
        } else {
            command.env(vars::XTASK_NO_PRELINK, "1")
        };
        let command = if self.stores {
            command.env_remove(vars::XTASK_NO_STORE)
        } else {
            command.env(vars::XTASK_NO_STORE, "1")
        };
        // An empty wrapper is none, also where the configuration names one.
        let wrapper = program.map_or("", Utf8Path::as_str);
        command
            .env(vars::RUSTC_WRAPPER, wrapper)
            .env_remove(vars::CARGO_BUILD_RUSTC_WRAPPER)
            // With the variable CARGO_INCREMENTAL sccache refuses to work; and it would go for other profiles
            // too.
            .env_remove(vars::CARGO_INCREMENTAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_is_set_or_none_whatever_the_user_has() {
        let command = |id: &str, program| {
            let command = Setting::find(id)
                .unwrap()
                .apply(Invocation::new("cargo"), program);
            command.env
        };
        let env = command("incremental", None);
        assert_eq!(env["RUSTC_WRAPPER"].as_deref(), Some(""));
        assert_eq!(env["CARGO_INCREMENTAL"], None);
        assert_eq!(
            env["CARGO_PROFILE_DEV_INCREMENTAL"].as_deref(),
            Some("true")
        );
        assert_eq!(
            command("tuned", None)["CARGO_PROFILE_DEV_INCREMENTAL"],
            None
        );
        assert_eq!(env["XTASK_NO_PRELINK"].as_deref(), Some("1"));
        assert_eq!(command("prelinked", None)["XTASK_NO_PRELINK"], None);
        assert_eq!(env["XTASK_NO_STORE"].as_deref(), Some("1"));
        assert_eq!(command("stored", None)["XTASK_NO_STORE"], None);
        let env = command("sccache", Some("/b/sccache".into()));
        assert_eq!(env["RUSTC_WRAPPER"].as_deref(), Some("/b/sccache"));
        assert_eq!(
            env["CARGO_PROFILE_DEV_INCREMENTAL"].as_deref(),
            Some("false")
        );
    }
}
