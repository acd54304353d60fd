//! With what it is built: incremental compilation, a compiler cache, tuned settings. A new one is another
//! entry in [`SETTINGS`].

use camino::{Utf8Path, Utf8PathBuf};
use compiler_cache::Wrapper;
use environment::compiler_caches::{self, CompilerCache};
use environment::vars;
use processes::Invocation;

/// Settings of cargo.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// As on the command line and in the results.
    pub id: &'static str,
    /// In words.
    pub title: &'static str,
    /// `incremental` of the dev profile, unless what is tuned says so.
    pub incremental: bool,
    /// The compiler cache in front of rustc.
    pub cache: Option<Cache>,
    /// Whether the profile and the linker count that have been found to be the best, or that stand in this
    /// machine's own cargo configuration.
    pub is_tuned: bool,
}

/// A compiler cache, as far as it takes part in a measurement.
#[derive(Debug, PartialEq, Eq)]
pub struct Cache {
    /// Its program.
    pub program: &'static str,
    /// The variable for its directory.
    pub dir_variable: &'static str,
    /// A variable by which one server is told from another, and its value with `{dir}` for a short directory.
    pub server_variable: (&'static str, &'static str),
    /// The arguments that start its server, and stop it.
    pub start: &'static [&'static str],
    /// See above.
    pub stop: &'static [&'static str],
    /// How its counts of hits and misses are read; `None`: not at all.
    pub wrapper: Option<Wrapper>,
}

const SCCACHE: Cache = cache(&compiler_caches::SCCACHE, Some(Wrapper::Sccache));
const KACHE: Cache = cache(&compiler_caches::KACHE, Some(Wrapper::Kache));
const ZCCACHE: Cache = cache(&compiler_caches::ZCCACHE, None);

const fn cache(known: &'static CompilerCache, wrapper: Option<Wrapper>) -> Cache {
    Cache {
        program: known.program,
        dir_variable: known.dir_variable,
        server_variable: known.server_variable,
        start: known.start,
        stop: known.stop,
        wrapper,
    }
}

/// All settings.
pub const SETTINGS: [Setting; 6] = [
    setting("incremental", "cargo incremental only", true, None),
    setting(
        "sccache",
        "sccache without incremental",
        false,
        Some(SCCACHE),
    ),
    setting(
        "sccache-incremental",
        "sccache with incremental",
        true,
        Some(SCCACHE),
    ),
    setting("kache", "kache", false, Some(KACHE)),
    setting("zccache", "zccache with incremental", true, Some(ZCCACHE)),
    Setting {
        is_tuned: true,
        ..setting("tuned", "tuned, no compiler cache", true, None)
    },
];

const fn setting(
    id: &'static str,
    title: &'static str,
    incremental: bool,
    cache: Option<Cache>,
) -> Setting {
    Setting {
        id,
        title,
        incremental,
        cache,
        is_tuned: false,
    }
}

impl Setting {
    /// The one that is called `id`.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.id == id)
    }

    /// `command` with these settings, whatever the user's environment and configuration say; `program` is the
    /// compiler cache.
    #[must_use]
    pub fn apply(&self, command: Invocation, program: Option<&Utf8Path>) -> Invocation {
        // None of the user's reaches a measurement.
        let foreign = vars::names().filter(|name| compiler_caches::is_variable(name));
        let command = foreign.fold(command, Invocation::env_remove);
        // An empty one is none, also where the configuration names one.
        let wrapper = program.map_or("", Utf8Path::as_str);
        let command = if self.is_tuned {
            // A variable would win over what was found.
            command.env_remove(vars::CARGO_PROFILE_DEV_INCREMENTAL)
        } else {
            command.env(
                vars::CARGO_PROFILE_DEV_INCREMENTAL,
                self.incremental.to_string(),
            )
        };
        command
            .env(vars::RUSTC_WRAPPER, wrapper)
            .env_remove(vars::CARGO_BUILD_RUSTC_WRAPPER)
            // With the variable CARGO_INCREMENTAL sccache refuses to work; and it would go for other profiles
            // too.
            .env_remove(vars::CARGO_INCREMENTAL)
    }
}

impl Cache {
    /// The variables that tell it to keep its things in `store`, with a server of its own.
    #[must_use]
    pub fn variables(&self, store: &Utf8Path, socket_dir: &Utf8Path) -> Vec<(String, String)> {
        let (name, pattern) = self.server_variable;
        let short = socket_dir.file_name().unwrap_or_default();
        let value = pattern
            .replace("{dir}", socket_dir.as_str())
            .replace("{name}", short);
        vec![
            (self.dir_variable.to_owned(), store.to_string()),
            (name.to_owned(), value),
            // A file of the user's that is not there: nothing of it counts.
            ("SCCACHE_CONF".to_owned(), store.join("none").to_string()),
            // Should we be killed, it ends by itself; in seconds.
            ("SCCACHE_IDLE_TIMEOUT".to_owned(), "600".to_owned()),
        ]
    }
}

/// `command` with `variables` too.
pub(crate) fn with_variables(command: Invocation, variables: &[(String, String)]) -> Invocation {
    let variables = variables.iter();
    variables.fold(command, |command, (name, value)| command.env(name, value))
}

/// A cache that is here, for one checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// What it is.
    pub cache: &'static Cache,
    /// Its program.
    pub program: Utf8PathBuf,
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
        let env = command("sccache", Some("/b/sccache".into()));
        assert_eq!(env["RUSTC_WRAPPER"].as_deref(), Some("/b/sccache"));
        assert_eq!(
            env["CARGO_PROFILE_DEV_INCREMENTAL"].as_deref(),
            Some("false")
        );
    }

    #[test]
    fn each_checkout_has_a_server_of_its_own() {
        for setting in SETTINGS.iter().filter_map(|it| it.cache.as_ref()) {
            let (a, b) = (Utf8Path::new("/r/0"), Utf8Path::new("/r/1"));
            assert_ne!(setting.variables(a, a), setting.variables(a, b));
        }
    }
}
