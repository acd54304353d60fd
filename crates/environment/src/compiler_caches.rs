//! The compiler caches that are known, as data. Another one is another row.

use camino::Utf8Path;

/// A program that cargo calls as `rustc-wrapper`, and that keeps what the compiler makes.
#[derive(Debug, PartialEq, Eq)]
pub struct CompilerCache {
    /// Its program.
    pub program: &'static str,
    /// What the system calls the process of its server.
    pub server: &'static str,
    /// What the names of all its variables begin with.
    pub variable_prefix: &'static str,
    /// The variable for the directory of a cache on disk.
    pub dir_variable: &'static str,
    /// A variable by which one server is told from another, and its value with `{dir}` for a short directory
    /// and `{name}` for the name of that.
    pub server_variable: (&'static str, &'static str),
    /// The arguments that start its server. None: it is started by the first call.
    pub start: &'static [&'static str],
    /// The arguments that stop it.
    pub stop: &'static [&'static str],
}

/// <https://github.com/mozilla/sccache>.
pub const SCCACHE: CompilerCache = CompilerCache {
    program: "sccache",
    server: "sccache",
    variable_prefix: "SCCACHE_",
    dir_variable: "SCCACHE_DIR",
    server_variable: ("SCCACHE_SERVER_UDS", "{dir}/s"),
    start: &["--start-server"],
    stop: &["--stop-server"],
};

/// <https://github.com/kunobi-ninja/kache>.
pub const KACHE: CompilerCache = CompilerCache {
    program: "kache",
    server: "kache",
    variable_prefix: "KACHE_",
    dir_variable: "KACHE_CACHE_DIR",
    // Its daemon belongs to a directory.
    server_variable: ("KACHE_SOCKET_PATH", "{dir}/k"),
    start: &[],
    stop: &["daemon", "stop"],
};

/// <https://github.com/zackees/zccache>.
pub const ZCCACHE: CompilerCache = CompilerCache {
    program: "zccache",
    server: "zccache-daemon",
    variable_prefix: "ZCCACHE_",
    dir_variable: "ZCCACHE_CACHE_DIR",
    server_variable: ("ZCCACHE_DAEMON_NAMESPACE", "{name}"),
    start: &["start"],
    stop: &["stop"],
};

/// All of them.
pub const ALL: [&CompilerCache; 3] = [&SCCACHE, &KACHE, &ZCCACHE];

/// Which one `program` is, going by its name.
#[must_use]
pub fn of_program(program: &str) -> Option<&'static CompilerCache> {
    let stem = Utf8Path::new(program).file_stem()?;
    ALL.into_iter().find(|cache| cache.program == stem)
}

/// Whether a variable tells one of them something.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    ALL.iter()
        .any(|cache| name.starts_with(cache.variable_prefix))
}

/// Whether a process with this name may be the server of one.
#[must_use]
pub fn is_server(process: &str) -> bool {
    ALL.iter().any(|cache| cache.server == process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_known_by_the_name_of_its_program() {
        for (program, cache) in [
            ("/a/b/sccache", Some(&SCCACHE)),
            ("kache", Some(&KACHE)),
            ("zccache.exe", Some(&ZCCACHE)),
            ("/sccache/ccache", None),
        ] {
            assert_eq!(of_program(program), cache, "{program}");
        }
    }

    #[test]
    fn all_that_belongs_to_one_is_told_from_what_does_not() {
        for cache in ALL {
            let (server, _) = cache.server_variable;
            for name in [cache.dir_variable, server] {
                assert!(name.starts_with(cache.variable_prefix), "{name}");
                assert!(is_variable(name), "{name}");
            }
            // Linux keeps 15 letters of a process's name.
            assert!(is_server(cache.server) && cache.server.len() <= 15);
        }
        assert!(!is_variable("RUSTC_WRAPPER") && !is_variable("CCACHE_DIR"));
        assert!(!is_server("rustc"));
    }
}
