//! The notebook, executed by Jupyter.

use processes::Invocation;
use python_tools::python;
use serde_json::Value;

use super::place::{Runtime, builds, github, publish, uv};

/// Executes `notebook.ipynb` with the kernel of this interpreter.
const EXECUTE: &str = "
import nbformat, sys
from nbclient import NotebookClient
notebook = nbformat.read('notebook.ipynb', as_version=4)
nbformat.validate(notebook)
NotebookClient(notebook, timeout=120).execute()
nbformat.write(notebook, 'executed.ipynb')
";

#[test]
fn the_notebook_runs_on_every_python_that_the_wheel_is_for() {
    let Some(github) = github() else { return };
    publish(&github, true);
    let notebook = builds().cell(&github, &["--format", "notebook"]);
    let mut tried = 0;
    for version in ["3.11", "3.12", "3.13"] {
        let Ok(python) = python::named(version) else {
            eprintln!("skipped: no Python {version} here");
            continue;
        };
        let runtime = Runtime::of(&python);
        let install = Invocation::new(uv()).args([
            "pip",
            "install",
            "--quiet",
            "--python",
            runtime.python().as_str(),
        ]);
        install
            .args(["nbclient", "nbformat", "ipykernel"])
            .read()
            .expect("Jupyter");
        fs_err::write(runtime.dir.path().join("notebook.ipynb"), &notebook).unwrap();
        let done = runtime.run(&github, EXECUTE);
        assert!(done.status.success(), "{}", done.stderr);
        let executed = fs_err::read_to_string(runtime.dir.path().join("executed.ipynb")).unwrap();
        let executed: Value = serde_json::from_str(&executed).unwrap();
        let printed = |cell: usize| executed["cells"][cell]["outputs"][0]["text"].to_string();
        assert!(
            printed(1).contains(&format!("for Python {version} is installed")),
            "{}",
            printed(1)
        );
        assert!(printed(2).contains("/thing/__init__.py"), "{}", printed(2));
        tried += 1;
    }
    assert!(tried > 0, "no Python was tried");
}
