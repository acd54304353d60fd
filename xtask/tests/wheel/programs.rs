//! Projects of programs (`bindings = "bin"`): built, audited and tried as wheels for every Python.

use testkit::Fixture;

use crate::{commit, wheel, wheel_ok};

/// A program `name`, with a policy of its own that is not that of the workspace around it.
fn program(name: &str) -> Fixture {
    let project = Fixture::new();
    let workspace = "[workspace]\nmembers = [\"tool\"]\nresolver = \"3\"\n\n\
                     [workspace.metadata.xtask.wheel]\nsmoke = [[\"python\", \"-c\", \"raise SystemExit(1)\"]]\n";
    project.write("Cargo.toml", workspace);
    let pyproject = format!(
        "[build-system]\nrequires = [\"maturin>=1,<2\"]\nbuild-backend = \"maturin\"\n\n\
         [project]\nname = \"{name}\"\nversion = \"0.1.0\"\n\n[tool.maturin]\nbindings = \"bin\"\n"
    );
    project.write("tool/pyproject.toml", &pyproject);
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [package.metadata.xtask.wheel]\nsmoke = [[\"{name}\", \"here\"]]\n"
    );
    project.write("tool/Cargo.toml", &manifest);
    let main =
        "fn main() {\n    println!(\"{:?}\", std::env::args().skip(1).collect::<Vec<_>>());\n}\n";
    project.write("tool/src/main.rs", main);
    commit(&project);
    project
}

#[test]
fn a_program_is_built_audited_and_tried() {
    let project = program("carried");
    let dir = project.root().join("tool");
    let path = wheel_ok(&project, &["--project", dir.as_str()]);
    let name = path.file_name().expect("a file");
    assert!(name.contains("-py3-none-"), "{name}");
    let audit = wheel(
        &project,
        &["audit", path.as_str(), "--project", dir.as_str()],
    );
    assert!(audit.status.success(), "{}{}", audit.stdout, audit.stderr);
    assert!(audit.stdout.contains("carried"), "{}", audit.stdout);
}

/// Nothing in it can be imported, so there is nothing to install as editable.
#[test]
fn a_program_is_released_and_not_developed() {
    let project = program("refused");
    let command = crate::command(&project, &[]);
    let dir = project.root().join("tool");
    let xtask =
        processes::Invocation::new(&command.program).args(["--project", dir.as_str(), "dev"]);
    let said = xtask.capture().expect("it starts").stderr;
    assert!(
        said.contains("are bin, and only pyo3's extension modules"),
        "{said}"
    );
    assert!(!dir.join(".venv").exists());
}
