//! A project of many crates, with all that a team has put beside them.

use camino::Utf8Path;

use crate::Fixture;
use crate::project::BARE_LIBRARY;

/// The crates, with those that each depends on by path. The last one is the extension.
const CRATES: [(&str, &[&str]); 7] = [
    ("core", &[]),
    ("records", &["core"]),
    ("rules", &["core"]),
    ("io", &["records"]),
    ("search", &["rules"]),
    ("cli", &["io", "search"]),
    ("python", &["io", "search"]),
];

/// Files that say `NAME` where the name of the project belongs.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("many_crates/workspace.toml")),
    ("pyproject.toml", include_str!("many_crates/pyproject.toml")),
    (".gitignore", include_str!("many_crates/gitignore")),
    (
        "scripts/dev-init.sh",
        include_str!("many_crates/dev-init.sh"),
    ),
    (
        ".devcontainer/devcontainer.json",
        include_str!("many_crates/devcontainer.json"),
    ),
    (
        "src/NAME/__init__.py",
        "\"\"\"The extension, and what is written in Python.\"\"\"\n\nfrom ._rust import answer\n",
    ),
];

/// Which linkers the C compiler may be told to call, the fastest first. The last one is always there.
const LINKERS: [(&str, &str); 3] = [("mold", "mold"), ("ld.lld", "lld"), ("ld.bfd", "bfd")];

impl Fixture {
    /// A virtual workspace of seven crates below `rust/`, of which one is the extension `name._rust`, with a
    /// function `answer()` that gives 42. Two extras exclude each other, maturin builds with a profile of the
    /// project's own, the linker is named in a tracked file, and there are a `scripts/dev-init.sh` and a
    /// DevContainer. There is no `uv.lock`: `uv lock` writes it.
    #[must_use]
    pub fn many_crates(name: &str) -> Self {
        let fixture = Self::new();
        for (file, text) in FILES {
            fixture.write(file.replace("NAME", name), &text.replace("NAME", name));
        }
        fixture.write(".cargo/config.toml", &cargo_config());
        for (part, uses) in CRATES {
            let dir = Utf8Path::new("rust").join(part);
            fixture.write(dir.join("Cargo.toml"), &manifest(name, part, uses));
            let (file, text) = source(name, part, uses);
            fixture.write(dir.join("src").join(file), &text);
        }
        let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n}\n";
        fixture.write("rust/core/build.rs", script);
        fixture
    }
}

fn cargo_config() -> String {
    let is_there = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    };
    let found = LINKERS.iter().find(|(program, _)| is_there(program));
    let (_, linker) = found.unwrap_or(&LINKERS[2]);
    include_str!("many_crates/config.toml").replace("LINKER", linker)
}

fn manifest(name: &str, part: &str, uses: &[&str]) -> String {
    let mut text = format!(
        "[package]\nname = \"{name}-{part}\"\nversion.workspace = true\nedition.workspace = true\n\n"
    );
    if part == "python" {
        text += "[lib]\nname = \"_rust\"\ncrate-type = [\"cdylib\"]\n\n";
    }
    text += "[dependencies]\n";
    for other in uses {
        text += &format!("{name}-{other} = {{ path = \"../{other}\" }}\n");
    }
    if part == "python" {
        text += "pyo3-ffi.workspace = true\n";
    }
    text
}

fn source(name: &str, part: &str, uses: &[&str]) -> (&'static str, String) {
    let calls: Vec<_> = uses
        .iter()
        .map(|other| format!("{name}_{other}::count()"))
        .collect();
    let sum = if calls.is_empty() {
        "21".to_owned()
    } else {
        calls.join(" + ")
    };
    match part {
        "cli" => (
            "main.rs",
            format!("fn main() {{\n    println!(\"{{}}\", {sum});\n}}\n"),
        ),
        "python" => {
            let text = BARE_LIBRARY.replace("MODULE", "_rust");
            (
                "lib.rs",
                text.replace("FromLong(42)", &format!("FromLong({sum})")),
            )
        }
        _ => (
            "lib.rs",
            format!(
                "pub fn count() -> core::ffi::c_long {{\n    {sum}\n}}\n\n\
             #[test]\nfn it_counts() {{\n    assert_eq!(count(), 21);\n}}\n"
            ),
        ),
    }
}
