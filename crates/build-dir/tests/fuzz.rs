//! What cargo, rustc and build scripts could have written, and what they could not: no panic, and nothing
//! that is not in the text.

use build_dir::explanation::Explanation;
use build_dir::{build_script, dep_info};
use camino::Utf8Path;
use testkit::Corpus;

#[test]
fn dependency_files() {
    let texts = [
        "/t/debug/libx.so: /p/src/lib.rs /p/src/a\\ b.rs /p/src/日本語.rs\n\n/p/src/lib.rs:\n",
        "x.d: src/lib.rs build.rs\n\nsrc/lib.rs:\n\n# env-dep:COLUMNS\n# env-dep:A=b\\nc\n# env-dep:CARGO_PKG_NAME=x\n",
        "C:\\t\\x.d: C:\\p\\src\\lib.rs \\\n  more.rs\n",
    ];
    let corpus = Corpus::texts(
        texts,
        &[
            "\\ ",
            "\\",
            "\\\\",
            ": ",
            ":",
            "\n",
            "\r\n",
            " ",
            "# env-dep:",
            "=",
            "$$",
            "#",
            "日",
        ],
    );
    corpus.fuzz(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let files = dep_info::prerequisites(&text, Utf8Path::new("/base"));
        let variables = dep_info::variables(&text);
        for file in &files {
            assert!(file.is_absolute() || text.contains(':'), "{file}");
        }
        assert!(variables.len() <= text.matches("env-dep").count());
        assert!(
            variables.iter().all(|name| !name.contains(['\n', '='])),
            "{variables:?}"
        );
        format!("{} {}", files.len(), variables.len())
    });
}

#[test]
fn output_of_build_scripts() {
    let texts = [
        "cargo::rerun-if-changed=data\ncargo:rerun-if-env-changed=A\ncargo::rustc-cfg=x\n",
        "compiling\n  cargo:rerun-if-changed=a b\ncargo:rerun-if-changed=\n",
    ];
    let words = [
        "cargo:",
        "cargo::",
        "rerun-if-",
        "rerun-if-changed=",
        "rerun-if-env-changed=",
        "=",
        "\n",
        "\r\n",
        "\u{feff}",
    ];
    Corpus::texts(texts, &words).fuzz(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (inputs, variables) = (build_script::inputs(&text), build_script::variables(&text));
        let declares = build_script::declares_inputs(&text);
        assert!(
            declares || inputs.is_empty() && variables.is_empty(),
            "{inputs:?} {variables:?}"
        );
        for name in inputs.iter().chain(&variables) {
            assert!(
                text.contains(name.as_str()) && !name.contains('\n'),
                "{name:?}"
            );
        }
        format!("{declares} {} {}", inputs.len(), variables.len())
    });
}

#[test]
fn explanations() {
    let texts = [
        r#"{"rustc":1,"features":"[\"a\"]","deps":[[1,"leaf",false,2]],"local":[{"Precalculated":"1.5s (a.rs)"}]}"#,
        r#"{"local":[{"RerunIfChanged":{"output":"o","paths":["a"]}},{"RerunIfEnvChanged":{"var":"A","val":null}}],"rustflags":["-O"]}"#,
    ];
    let words = [
        "[", "]", "{", "}", "\"", "\\", ",", ":", "null", "1", "-1", "local", "paths", " (", ")",
    ];
    let corpus = Corpus::texts(texts, &words);
    corpus.fuzz(|bytes| {
        let Some(read) = Explanation::read(bytes) else {
            return "none".to_owned();
        };
        let (files, variables) = (read.paths().len(), read.variables().len());
        assert!(files + variables + read.features().len() <= bytes.len());
        let newest = read.newest_file().is_some();
        format!("{files} {variables} {newest} {}", read.deps.len())
    });
}
