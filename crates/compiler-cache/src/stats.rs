//! What the cache has done, in words.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use camino::Utf8Path;
use environment::vars;
use processes::Invocation;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backend::Variable;
use crate::{CacheError, Wrapper};
use files::size::Size;

/// What a cache says of itself. Counted by sccache since its server was started or the counts were zeroed, by
/// kache over its own window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The cache.
    pub wrapper: Wrapper,
    /// Compilations that came from the cache, by language.
    pub hits: BTreeMap<String, u64>,
    /// Compilations that were not there yet, by language.
    pub misses: BTreeMap<String, u64>,
    /// Compilations that failed, which is never kept, and which sccache counts among neither. Most are
    /// questions of build scripts: "does this compile?".
    pub failed: u64,
    /// Calls that the cache does not keep, by the reason that it gives.
    pub not_cached: BTreeMap<String, u64>,
    /// Trouble with the store itself: errors and timeouts in reading and writing.
    pub errors: u64,
    /// Where the cache is.
    pub location: String,
    /// How much is in it, in bytes, where that is known.
    pub size_bytes: Option<u64>,
    /// How much there may be in it, in bytes, where there is a limit.
    pub max_size_bytes: Option<u64>,
}

/// What sccache prints with `--stats-format json` (its struct `ServerInfo`).
#[derive(Debug, Deserialize)]
struct Sccache {
    stats: SccacheStats,
    cache_location: String,
    cache_size: Option<u64>,
    max_cache_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct SccacheStats {
    cache_hits: PerLanguage,
    cache_misses: PerLanguage,
    compile_fails: u64,
    not_cached: BTreeMap<String, u64>,
    cache_timeouts: u64,
    cache_read_errors: u64,
    cache_write_errors: u64,
}

#[derive(Debug, Deserialize)]
struct PerLanguage {
    counts: BTreeMap<String, u64>,
}

impl Stats {
    /// Asks `program`, told `variables`, by which it knows its server and its store.
    pub fn ask(
        wrapper: Wrapper,
        program: &Utf8Path,
        variables: &[(String, String)],
    ) -> Result<Self, CacheError> {
        let mut command = Invocation::new(program).args(wrapper.ask_stats().iter().copied());
        for (name, value) in variables {
            command = command.env(name, value);
        }
        let text = command.read().map_err(|source| CacheError::Stats {
            program: program.to_owned(),
            source,
        })?;
        Self::parse(wrapper, &text).map_err(|source| CacheError::StatsFormat {
            program: program.to_owned(),
            source,
        })
    }

    /// Reads what [`Self::ask`] is told, where somebody else has asked.
    pub fn parse(wrapper: Wrapper, text: &str) -> Result<Self, serde_json::Error> {
        match wrapper {
            Wrapper::Sccache => serde_json::from_str(text).map(Self::of_sccache),
            Wrapper::Kache => serde_json::from_str(text).map(|value| Self::of_kache(&value)),
        }
    }

    fn of_sccache(info: Sccache) -> Self {
        let stats = info.stats;
        Self {
            wrapper: Wrapper::Sccache,
            hits: stats.cache_hits.counts,
            misses: stats.cache_misses.counts,
            failed: stats.compile_fails,
            not_cached: stats.not_cached,
            errors: stats.cache_timeouts + stats.cache_read_errors + stats.cache_write_errors,
            location: info.cache_location,
            size_bytes: info.cache_size,
            max_size_bytes: info.max_cache_size,
        }
    }

    /// kache prints one object with many fields (its `cli.schema.json`).
    fn of_kache(value: &Value) -> Self {
        let number = |path: &str| value.pointer(path).and_then(Value::as_u64);
        let counted = |name: &str, path| (name.to_owned(), number(path).unwrap_or(0));
        let location = value.pointer("/stores/0/path").and_then(Value::as_str);
        Self {
            wrapper: Wrapper::Kache,
            hits: BTreeMap::from([
                counted("local", "/local_hits"),
                counted("prefetched", "/prefetch_hits"),
                counted("remote", "/remote_hits"),
            ]),
            misses: BTreeMap::from([counted("all", "/misses")]),
            failed: 0,
            not_cached: BTreeMap::new(),
            errors: 0,
            location: location.unwrap_or_default().to_owned(),
            size_bytes: number("/stores/0/bytes"),
            max_size_bytes: number("/stores/0/max_size"),
        }
    }

    /// All hits.
    #[must_use]
    pub fn hit_count(&self) -> u64 {
        self.hits.values().sum()
    }

    /// All misses.
    #[must_use]
    pub fn miss_count(&self) -> u64 {
        self.misses.values().sum()
    }

    /// The table for people.
    #[must_use]
    pub fn text(&self) -> String {
        let (hits, misses) = (self.hit_count(), self.miss_count());
        let mut lines = vec![
            format!("hits        {hits:>6}  {}", by_language(&self.hits)),
            format!("misses      {misses:>6}  {}", by_language(&self.misses)),
        ];
        if let Some(permille) = (hits * 1000).checked_div(hits + misses) {
            let rate = format!("{}.{}", permille / 10, permille % 10);
            lines.push(format!("hit rate    {rate:>6}  percent"));
        }
        if self.failed > 0 {
            lines.push(format!(
                "failed      {:>6}  did not compile, which is never kept: build scripts that try what the compiler can",
                self.failed
            ));
        }
        if self.errors > 0 {
            lines.push(format!(
                "errors      {:>6}  in reading from the store or writing to it",
                self.errors
            ));
        }
        let reasons: Vec<_> = self.not_cached.iter().collect();
        if !reasons.is_empty() {
            lines.push("not for the cache:".to_owned());
        }
        lines.extend(
            reasons
                .into_iter()
                .map(|(reason, count)| format!("            {count:>6}  {}", in_words(reason))),
        );
        lines.push(format!("kept in     {}", self.place_text()));
        if self.wrapper == Wrapper::Sccache {
            let counted =
                "for all projects together, since its server was started or the counts were zeroed";
            lines.push(format!("counted     {counted}"));
        }
        let lines = lines.iter().map(|line| format!("{}\n", line.trim_end()));
        lines.collect()
    }

    /// Where the cache is, how much is in it, and how much there may be.
    #[must_use]
    pub fn place_text(&self) -> String {
        let place = &self.location;
        match (self.size_bytes, self.max_size_bytes) {
            (Some(size), Some(max)) => {
                format!("{place}, {} of at most {}", human(size), human(max))
            }
            (Some(size), None) => format!("{place}, {}", human(size)),
            (None, Some(max)) => format!("{place}, at most {}", human(max)),
            (None, None) => place.clone(),
        }
    }
}

/// How large the cache in `dir` may grow for the server of sccache that is running. `None` if there is
/// none: then sccache answers for the one that it would start.
pub(crate) fn running_size(program: &Utf8Path, dir: &Utf8Path) -> Option<Size> {
    if !server_is_running() {
        return None;
    }
    let stats = Stats::ask(Wrapper::Sccache, program, &[]).ok()?;
    let is_there = stats.location.contains(&format!("\"{dir}\""));
    let bytes = stats.max_size_bytes.filter(|_| is_there)?;
    Some(Size { bytes })
}

/// Whether somebody listens where a server of sccache does (its `docs/Configuration.md`).
fn server_is_running() -> bool {
    const LONG_ENOUGH: Duration = Duration::from_millis(200);
    if let Some(path) = vars::var(vars::SCCACHE_SERVER_UDS) {
        return UnixStream::connect(path).is_ok();
    }
    let port = vars::var(vars::SCCACHE_SERVER_PORT).and_then(|text| text.parse().ok());
    let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap_or(4226)));
    TcpStream::connect_timeout(&address, LONG_ENOUGH).is_ok()
}

/// Sets the counts to zero, where the cache has any.
pub(crate) fn zero(
    wrapper: Wrapper,
    program: &Utf8Path,
    variables: &[(String, String)],
) -> Result<(), CacheError> {
    if wrapper != Wrapper::Sccache {
        return Ok(());
    }
    let mut command = Invocation::new(program).arg("--zero-stats");
    for (name, value) in variables {
        command = command.env(name, value);
    }
    let done = command.read();
    done.map(drop).map_err(|source| CacheError::Stats {
        program: program.to_owned(),
        source,
    })
}

/// `Rust 95, C/C++ 25`.
fn by_language(counts: &BTreeMap<String, u64>) -> String {
    let texts = counts.iter().map(|(name, count)| format!("{name} {count}"));
    texts.collect::<Vec<_>>().join(", ")
}

/// Why sccache did not keep something, in words; what is not known here is shown as it is.
fn in_words(reason: &str) -> &str {
    match reason {
        "incremental" => {
            "crates of the workspace, compiled incrementally: cargo keeps those itself"
        }
        "crate-type" => {
            "programs, build scripts, proc-macros and the extension itself: linked, which sccache never keeps"
        }
        "missing input" => "questions to the compiler (`rustc -vV`, `--print`): nothing to keep",
        "-" => "sources from standard input: questions to the compiler",
        "-o" => "compilers called with `-o` for rustc, by build scripts",
        "more than one --emit" => "calls with several --emit options",
        "unsupported --emit" => {
            "calls that make something else than a library: `cargo check` of a program, `--emit asm`"
        }
        "extra-filename" | "target unsure" | "argument parse" => {
            "calls with an argument that sccache does not understand"
        }
        "multiple input files" => "C compilers called for several files at once",
        "unknown source language" => "linking by a C compiler",
        "-E" => "preprocessing only",
        "-M" | "-MM" => "listing of dependencies only",
        other => other,
    }
}

/// `1.2 GiB`.
#[must_use]
pub fn human(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((unit, shift)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// Variables as owned pairs.
#[must_use]
pub fn owned(variables: &[Variable]) -> Vec<(String, String)> {
    let pairs = variables.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    /// As sccache 0.16 prints it.
    const PRINTED: &str = r#"{"stats":{"compile_requests":171,"requests_not_compile":3,
        "cache_errors":{"counts":{},"adv_counts":{}},
        "cache_hits":{"counts":{"Rust":95,"C/C++":25},"adv_counts":{"rust":95}},
        "cache_misses":{"counts":{"Rust":4},"adv_counts":{"rust":4}},
        "cache_timeouts":0,"cache_read_errors":0,"cache_write_errors":0,"compile_fails":2,
        "not_cached":{"crate-type":30,"incremental":2,"something new":1},"multi_level":null},
        "cache_location":"Local disk: \"/c\"","cache_size":4845,"max_cache_size":1073741824,
        "use_preprocessor_cache_mode":true,"version":"0.16.0","basedirs":[]}"#;

    #[test]
    fn hits_misses_and_reasons_are_told_in_words() {
        let stats = Stats::parse(Wrapper::Sccache, PRINTED).unwrap();
        assert_eq!((stats.hit_count(), stats.miss_count()), (120, 4));
        expect_file!["snapshots/stats.txt"].assert_eq(&stats.text());
    }

    #[test]
    fn what_kache_prints_is_read_as_well() {
        let printed = r#"{"schema_version":1,"command":"stats","local_hits":3,"prefetch_hits":0,
            "remote_hits":1,"misses":2,"stores":[{"path":"/k","bytes":8615,"max_size":1073741824}]}"#;
        let stats = Stats::parse(Wrapper::Kache, printed).unwrap();
        assert_eq!((stats.hit_count(), stats.miss_count()), (4, 2));
        assert_eq!(stats.location, "/k");
        assert_eq!(stats.max_size_bytes, Some(1 << 30));
    }

    #[test]
    fn another_form_is_an_error() {
        assert!(Stats::parse(Wrapper::Sccache, "{\"stats\": 1}").is_err());
    }
}
