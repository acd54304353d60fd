//! Where the time of one build goes, told by the processes that were seen. So it works for every strategy
//! alike, also where cargo is deep inside another program. What is shorter than the time between two looks
//! (20 ms, and 100 ms once a build has taken five seconds) may be missing.

use camino::Utf8Path;
use environment::compiler_caches;
use processes::usage::Seen;
use serde::{Deserialize, Serialize, Serializer};

/// A process, as a piece of the build.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Span {
    pub(crate) kind: Kind,
    /// For what: the crate, or the program.
    pub(crate) label: String,
    /// In seconds since the build began.
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
}

/// As a list, since there are hundreds of them. They are read from that as well as from fields.
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.kind, &self.label, self.start_s, self.end_s).serialize(serializer)
    }
}

/// What a process does. Where several are at work, the first in this order is what the time goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Links a library or a program.
    Link,
    /// Compiles a crate, or a file of C.
    Compile,
    BuildScript,
    Cache,
    Cargo,
    /// Is Python: asked for its version, or trying the new library.
    Python,
    /// Is what the user has started, or one of its helpers.
    Tool,
}

/// The names of the parts, in the order in which a build goes through them. A place here stands for a part.
pub(crate) const PARTS: [&str; 8] = [
    "before cargo",
    "cargo itself",
    "compiler cache",
    "build scripts",
    "rustc",
    "link",
    "place",
    "check",
];

/// The pieces that `seen` are, `offset_s` after the beginning.
pub(crate) fn spans(seen: &[Seen], offset_s: f64) -> Vec<Span> {
    let spans = seen.iter().filter_map(|process| {
        let (kind, label) = what(&process.args)?;
        Some(Span {
            kind,
            label,
            start_s: milliseconds(offset_s + process.start_s),
            end_s: milliseconds(offset_s + process.end_s.max(process.start_s)),
        })
    });
    spans.collect()
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// What a process with these arguments does. `None`: nothing that is worth being told.
fn what(args: &[String]) -> Option<(Kind, String)> {
    let (program, rest) = args.split_first()?;
    let path = Utf8Path::new(program);
    let name = path.file_name().unwrap_or(program);
    let or_name = |label: Option<String>| label.unwrap_or_else(|| name.to_owned());
    Some(match name {
        _ if compiler_caches::of_program(name).is_some() => (Kind::Cache, crate_name(rest)?),
        "rustc" => (Kind::Compile, crate_name(rest)?),
        _ if name.starts_with("build-script-") => (Kind::BuildScript, or_name(owner(path))),
        _ if is_c_compiler(name) => {
            let compiles = rest.iter().any(|it| it == "-c" || it == "-E");
            let kind = if compiles { Kind::Compile } else { Kind::Link };
            (kind, or_name(output(rest)))
        }
        // Until it becomes the program that it runs.
        "cargo" if rest.iter().any(|it| it == "xtask") => (Kind::Tool, "cargo xtask".to_owned()),
        "cargo" => (Kind::Cargo, format!("cargo {}", subcommand(rest))),
        "maturin" | "uv" | "xtask" | "cargo-pyext" | "git" => {
            (Kind::Tool, format!("{name} {}", subcommand(rest)))
        }
        _ if name.starts_with("python") => (Kind::Python, name.to_owned()),
        _ => return None,
    })
}

/// The driver, with or without a version. What it starts itself (`cc1`, `as`, `collect2`) is no piece of its
/// own.
fn is_c_compiler(name: &str) -> bool {
    let is_version = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let plain = match name.rsplit_once('-') {
        Some((plain, version)) if is_version(version) => plain,
        _ => name,
    };
    matches!(plain, "cc" | "gcc" | "clang" | "c++" | "g++" | "clang++")
}

/// The crate that rustc is called for; none if it is only asked something. All build scripts are called the
/// same: they are told by the package.
fn crate_name(args: &[String]) -> Option<String> {
    let name = after(args, "--crate-name").filter(|name| *name != "___")?;
    let is_build_script = name.starts_with("build_script_");
    let owner = after(args, "--out-dir").and_then(|dir| owner(Utf8Path::new(dir)));
    match owner.filter(|_| is_build_script) {
        Some(owner) => Some(format!("build script of {owner}")),
        None => Some(name.clone()),
    }
}

fn after<'a>(args: &'a [String], option: &str) -> Option<&'a String> {
    let mut args = args.iter();
    args.find(|it| *it == option)?;
    args.next()
}

/// The package in whose directory for a build script `path` lies: `target/debug/build/NAME-HASH`.
fn owner(path: &Utf8Path) -> Option<String> {
    let mut parts = path.components().map(|it| it.as_str());
    parts.find(|it| *it == "build")?;
    let (owner, hash) = parts.next()?.rsplit_once('-')?;
    is_hash(hash).then(|| owner.to_owned())
}

fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// The crate whose file a linker or a compiler of C writes; for C with the name of the file. cargo puts a
/// hash behind the name, and the crate `cc` before it.
fn output(args: &[String]) -> Option<String> {
    let path = Utf8Path::new(after(args, "-o")?);
    let name = path.file_stem()?;
    let plain = match (name.split_once('-'), name.rsplit_once('-')) {
        (Some((hash, plain)), _) if is_hash(hash) => plain,
        (_, Some((plain, hash))) if is_hash(hash) => plain,
        _ => name,
    };
    let is_library = matches!(path.extension(), Some("so" | "dylib"));
    Some(match owner(path) {
        Some(owner) if plain.starts_with("build_script_") => format!("build script of {owner}"),
        Some(owner) => format!("{owner}: {plain}"),
        None if is_library => plain.strip_prefix("lib").unwrap_or(plain).to_owned(),
        None => plain.to_owned(),
    })
}

fn subcommand(args: &[String]) -> String {
    let mut words = args.iter();
    let word = words.find(|it| !it.starts_with('-') && !it.contains('/'));
    word.cloned().unwrap_or_default()
}

/// How a build of `wall_s` seconds divides: the seconds of each of [`PARTS`], which add up to the whole.
pub(crate) fn parts(spans: &[Span], wall_s: f64) -> [f64; PARTS.len()] {
    let mut edges: Vec<f64> = spans.iter().flat_map(|it| [it.start_s, it.end_s]).collect();
    edges.extend([0.0, wall_s]);
    edges.retain(|edge| (0.0..=wall_s).contains(edge));
    edges.sort_by(f64::total_cmp);
    let building_s = building_s(spans);
    let mut times_s = [0.0; PARTS.len()];
    for edge in edges.windows(2) {
        let middle = f64::midpoint(edge[0], edge[1]);
        let spans = spans.iter();
        let active = spans.filter(|it| it.start_s <= middle && middle < it.end_s);
        let kind = active.map(|it| it.kind).min().unwrap_or(Kind::Tool);
        times_s[part(kind, middle < building_s)] += edge[1] - edge[0];
    }
    times_s
}

/// The part of the build that `span`, one of `spans`, belongs to; none for what lasts from before the
/// building until after it, as the command itself does.
pub(crate) fn part_of(span: &Span, spans: &[Span]) -> Option<usize> {
    let building_s = building_s(spans);
    let is_whole = span.kind == Kind::Tool && span.start_s < building_s && building_s < span.end_s;
    (!is_whole).then(|| part(span.kind, span.start_s < building_s))
}

/// When the building begins, in seconds: tools ask cargo this and that before, so it is the longest call that
/// counts. Without any, nothing is built.
fn building_s(spans: &[Span]) -> f64 {
    let cargo = spans.iter().filter(|it| it.kind == Kind::Cargo);
    let length_s = |span: &&Span| span.end_s - span.start_s;
    let longest = cargo.max_by(|one, other| length_s(one).total_cmp(&length_s(other)));
    longest.map_or(f64::INFINITY, |it| it.start_s)
}

const fn part(kind: Kind, is_before_cargo: bool) -> usize {
    match kind {
        Kind::Python | Kind::Tool if is_before_cargo => 0,
        Kind::Cargo => 1,
        Kind::Cache => 2,
        Kind::BuildScript => 3,
        Kind::Compile => 4,
        Kind::Link => 5,
        Kind::Tool => 6,
        Kind::Python => 7,
    }
}

/// `spans`, each with the lowest row in which it does not meet another one.
pub(crate) fn in_rows(spans: &[Span]) -> Vec<(usize, &Span)> {
    let mut sorted: Vec<_> = spans.iter().collect();
    sorted.sort_by(|one, other| one.start_s.total_cmp(&other.start_s));
    let mut ends: Vec<f64> = Vec::new();
    let placed = sorted.into_iter().map(|span| {
        let free = ends.iter().position(|end| *end <= span.start_s);
        let row = free.unwrap_or(ends.len());
        ends.resize(ends.len().max(row + 1), 0.0);
        ends[row] = span.end_s;
        (row, span)
    });
    placed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(command: &str) -> Option<(Kind, String)> {
        let args: Vec<_> = command.split(' ').map(str::to_owned).collect();
        what(&args)
    }

    #[test]
    fn processes_are_known_by_their_arguments() {
        let expected = [
            (
                "/t/bin/rustc --crate-name pyo3 --edition=2021 src/lib.rs",
                Kind::Compile,
                "pyo3",
            ),
            (
                "/b/sccache /t/bin/rustc --crate-name serde src/lib.rs",
                Kind::Cache,
                "serde",
            ),
            (
                "cc -m64 a.o -o /t/deps/lib_rust-0123456789abcdef.so",
                Kind::Link,
                "_rust",
            ),
            ("x86_64-linux-gnu-gcc-12 -c a.c -o a.o", Kind::Tool, ""),
            ("gcc -c zstd.c -o out/zstd.o", Kind::Compile, "zstd"),
            (
                "cc -O0 -o out/0123456789abcdef-hist.o -c hist.c",
                Kind::Compile,
                "hist",
            ),
            ("clang-19 -c a.c -o b-side.o", Kind::Compile, "b-side"),
            (
                "/usr/lib/gcc/12/cc1 -quiet hist.c -o /tmp/ccP7y6gC.s",
                Kind::Tool,
                "",
            ),
            (
                "/t/build/pyo3-ffi-0123456789abcdef/build-script-build",
                Kind::BuildScript,
                "pyo3-ffi",
            ),
            (
                "rustc --crate-name build_script_build build.rs --out-dir /t/build/pyo3-ffi-0123456789abcdef",
                Kind::Compile,
                "build script of pyo3-ffi",
            ),
            (
                "cc a.o -o /t/build/pyo3-ffi-0123456789abcdef/build_script_build-0123456789abcdef",
                Kind::Link,
                "build script of pyo3-ffi",
            ),
            (
                "cc -o /t/build/zstd-sys-0123456789abcdef/out/fedcba9876543210-hist.o -c hist.c",
                Kind::Compile,
                "zstd-sys: hist",
            ),
            ("/b/cargo rustc --lib", Kind::Cargo, "cargo rustc"),
            (
                "/t/bin/cargo --config a=1 xtask --project /p dev",
                Kind::Tool,
                "cargo xtask",
            ),
            ("maturin develop --uv", Kind::Tool, "maturin develop"),
            ("/v/bin/python3.12 -I -c x", Kind::Python, "python3.12"),
        ];
        for (command, kind, label) in expected {
            if label.is_empty() {
                assert_eq!(told(command), None, "{command}");
            } else {
                assert_eq!(told(command), Some((kind, label.to_owned())), "{command}");
            }
        }
        assert_eq!(told("rustc -vV"), None);
        assert_eq!(told("rustc - --crate-name ___ --print=file-names"), None);
    }

    fn span(kind: Kind, start_s: f64, end_s: f64) -> Span {
        Span {
            kind,
            label: String::new(),
            start_s,
            end_s,
        }
    }

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let spans = [
            span(Kind::Tool, 0.0, 10.0),
            // What it asks cargo before is no build.
            span(Kind::Cargo, 0.1, 0.4),
            span(Kind::Python, 0.5, 1.0),
            span(Kind::Cargo, 1.0, 8.0),
            span(Kind::Compile, 2.0, 7.0),
            span(Kind::Compile, 2.0, 4.0),
            span(Kind::Link, 5.0, 7.0),
            span(Kind::Python, 8.5, 9.25),
        ];
        let parts = parts(&spans, 10.0);
        let time = |name| parts[PARTS.iter().position(|it| *it == name).unwrap()];
        assert!((time("before cargo") - 0.7).abs() < 1e-9);
        assert!((time("cargo itself") - 2.3).abs() < 1e-9);
        assert!((time("rustc") - 3.0).abs() < 1e-9);
        assert!((time("link") - 2.0).abs() < 1e-9);
        assert!((time("place") - 1.25).abs() < 1e-9);
        assert!((time("check") - 0.75).abs() < 1e-9);
        let sum: f64 = parts.iter().sum();
        assert!((sum - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_process_has_the_colour_of_the_part_that_it_counts_for() {
        let spans = [
            span(Kind::Tool, 0.0, 10.0),
            span(Kind::Python, 0.5, 1.0),
            span(Kind::Cargo, 1.0, 8.0),
            span(Kind::Tool, 8.1, 8.2),
            span(Kind::Python, 8.5, 9.25),
        ];
        let name = |span, spans: &[Span]| part_of(span, spans).map(|it| PARTS[it]);
        let told = spans.each_ref().map(|it| name(it, &spans));
        let expected = [
            None,
            Some("before cargo"),
            Some("cargo itself"),
            Some("place"),
            Some("check"),
        ];
        assert_eq!(told, expected);
        // Without cargo nothing is built: what there is comes before it.
        assert_eq!(name(&spans[0], &spans[..1]), Some("before cargo"));
    }

    #[test]
    fn what_happens_at_once_stands_in_rows_of_its_own() {
        let spans = [
            span(Kind::Compile, 0.0, 3.0),
            span(Kind::Compile, 1.0, 2.0),
            span(Kind::Compile, 2.0, 4.0),
        ];
        let rows: Vec<_> = in_rows(&spans).into_iter().map(|(row, _)| row).collect();
        assert_eq!(rows, [0, 1, 1]);
    }

    #[test]
    fn a_process_is_kept_as_a_list_and_read_from_fields_too() {
        let text = r#"["build-script","a",0.5,1.25]"#;
        let fields = r#"{"kind":"build-script","label":"a","start_s":0.5,"end_s":1.25}"#;
        let [one, other] = [text, fields].map(|it| serde_json::from_str::<Span>(it).unwrap());
        assert_eq!(one, other);
        assert_eq!(serde_json::to_string(&one).unwrap(), text);
    }
}
