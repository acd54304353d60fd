//! uv workspaces: one environment and one lock file for several projects.

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use testkit::Fixture;

use crate::{tools, xtask};

const TABLE: &str = "[tool.uv.workspace]\nmembers = [\"packages/*\", \"packages/deep/*\"]\nexclude = [\"packages/deep\"]\n";

/// Copies the files of a project into the workspace.
fn adopt(workspace: &Fixture, dir: &str, member: &Fixture, name: &str) {
    for file in [
        "pyproject.toml".to_owned(),
        "native/Cargo.toml".to_owned(),
        "native/src/lib.rs".to_owned(),
        format!("python/{name}/__init__.py"),
    ] {
        let text = fs_err::read_to_string(member.root().join(&file)).unwrap();
        workspace.write(Utf8Path::new(dir).join(&file), &text);
    }
}

/// A root without a project, `NAMEtop` two levels deep, which needs the extension `NAMEcore` and the pure
/// `NAMEpure`. Nothing is to be downloaded: uv itself is the backend of the latter.
fn workspace(name: &str) -> Fixture {
    let workspace = Fixture::new();
    workspace.write("pyproject.toml", TABLE);
    let (core, top, pure) = (
        format!("{name}core"),
        format!("{name}top"),
        format!("{name}pure"),
    );
    adopt(&workspace, "packages/core", &Fixture::light(&core), &core);
    adopt(&workspace, "packages/deep/top", &Fixture::light(&top), &top);
    let needs = format!("[project]\ndependencies = [\"{core}\", \"{pure}\"]");
    workspace.edit("packages/deep/top/pyproject.toml", "[project]", &needs);
    let sources = format!(
        "[tool.uv.sources]\n{core} = {{ workspace = true }}\n{pure} = {{ workspace = true }}\n\n[tool.maturin]"
    );
    workspace.edit(
        "packages/deep/top/pyproject.toml",
        "[tool.maturin]",
        &sources,
    );
    let backend =
        "[build-system]\nrequires = [\"uv_build>=0.13,<0.14\"]\nbuild-backend = \"uv_build\"\n";
    workspace.write(
        "packages/pure/pyproject.toml",
        &format!("{backend}[project]\nname = \"{pure}\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n"),
    );
    workspace.write(
        format!("packages/pure/src/{pure}/__init__.py"),
        "answer = 42\n",
    );
    workspace
}

/// `cargo xtask dev` in the member in `dir`, which must succeed; what it wrote to standard error.
fn dev(workspace: &Fixture, dir: &str, args: &[&str]) -> String {
    let command = xtask(&workspace.root().join(dir)).arg("dev");
    let done = command.args(args.iter().copied()).capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    done.stderr
}

/// The real uv, in the member in `dir`.
fn uv(workspace: &Fixture, dir: &str, args: &[&str]) -> Captured {
    let uv = Invocation::new(&tools().0.path).args(args.iter().copied());
    let uv = uv
        .env_remove("VIRTUAL_ENV")
        .cwd(&workspace.root().join(dir));
    let done = uv.capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    done
}

/// The modification times of the libraries of all members: another one means another library.
fn libraries(workspace: &Fixture, name: &str) -> Vec<(Utf8PathBuf, std::time::SystemTime)> {
    let dirs = [("packages/core", "core"), ("packages/deep/top", "top")];
    let of = |(dir, member): (&str, &str)| {
        let package = workspace
            .root()
            .join(dir)
            .join(format!("python/{name}{member}"));
        let entries = package.read_dir_utf8().unwrap().flatten();
        let libraries = entries.filter(|it| it.file_name().contains(".so"));
        let of_one = |it: camino::Utf8DirEntry| {
            (
                it.path().to_owned(),
                it.metadata().unwrap().modified().unwrap(),
            )
        };
        libraries.map(of_one).collect::<Vec<_>>()
    };
    dirs.into_iter().flat_map(of).collect()
}

const ALL: &str =
    "import wsatop, wsacore, wsapure; print(wsatop.answer(), wsacore.answer(), wsapure.answer)";

#[test]
fn a_member_gets_the_environment_the_lock_and_the_siblings_of_the_workspace() {
    let workspace = workspace("wsa");
    let said = dev(&workspace, "packages/deep/top", &[]);
    assert!(said.contains("uv writes uv.lock"), "{said}");
    assert!(
        said.contains("Installed wsacore-0.1.0 as editable"),
        "{said}"
    );
    // For each the command that has uv build it in the same way.
    let core = workspace.root().join("packages/core");
    let command = format!("`cargo xtask --project {core} editable`");
    assert!(said.contains(&command), "{said}");
    for gone in ["packages/deep/top/.venv", "packages/deep/top/uv.lock"] {
        assert!(!workspace.root().join(gone).exists(), "{gone}");
    }
    let ask = || {
        let python = Invocation::new(workspace.root().join(".venv/bin/python"));
        python.args(["-I", "-c", ALL]).read().unwrap()
    };
    assert_eq!(ask(), "42 42 42\n");

    // Each by itself finds that there is nothing to do, and uv leaves all alone.
    let before = libraries(&workspace, "wsa");
    assert_eq!(before.len(), 2);
    assert!(dev(&workspace, "packages/deep/top", &[]).contains("Fresh"));
    let said = dev(&workspace, "packages/core", &[]);
    assert!(!said.contains("Installed"), "{said}");
    assert!(dev(&workspace, "packages/deep/top", &[]).contains("Fresh"));
    for (dir, args) in [
        ("packages/deep/top", &["run", "-v", "python", "-c", ALL][..]),
        ("packages/deep/top", &["sync", "-v"]),
        (".", &["sync", "-v", "--all-packages"]),
    ] {
        let done = uv(&workspace, dir, args);
        for word in ["Building", "Uninstalled", "Installed"] {
            assert!(
                !done.stderr.contains(&format!("{word} ")),
                "{args:?}: {}",
                done.stderr
            );
        }
        assert_eq!(libraries(&workspace, "wsa"), before, "{args:?}");
    }
    assert!(dev(&workspace, "packages/deep/top", &[]).contains("Fresh"));

    // An edit in the sibling is built by the member that needs it.
    workspace.edit("packages/core/native/src/lib.rs", "42", "43");
    let status = xtask(&workspace.root().join("packages/deep/top")).args(["dev", "--status"]);
    let status = status.capture().unwrap();
    assert_eq!(status.status.code(), Some(3), "{}", status.stdout);
    assert!(
        status.stdout.contains("to do      wsacore: compile"),
        "{}",
        status.stdout
    );
    let said = dev(&workspace, "packages/deep/top", &[]);
    assert!(
        said.contains("Rebuilt wsacore in") && said.contains("for wsatop"),
        "{said}"
    );
    assert_eq!(ask(), "42 43 42\n");
}

#[test]
fn siblings_have_the_profile_that_was_asked_for_and_no_deps_leaves_them_alone() {
    let workspace = workspace("wsb");
    let top = "packages/deep/top";
    let said = dev(&workspace, top, &["--no-deps"]);
    assert!(!said.contains("wsbcore"), "{said}");
    assert!(!workspace.root().join("uv.lock").exists());
    // Two extensions that are as good as empty.
    dev(&workspace, top, &["--release"]);
    let status = xtask(&workspace.root().join("packages/core")).args(["dev", "--status"]);
    let status = status.capture().unwrap().stdout;
    assert!(status.contains("profile    release"), "{status}");
    let status = xtask(&workspace.root().join(top)).args(["dev", "--status"]);
    assert!(
        status
            .capture()
            .unwrap()
            .stdout
            .contains("wsbtop._wsbtop: fresh")
    );
}

#[test]
fn a_root_without_a_project_names_its_members() {
    let workspace = Fixture::new();
    workspace.write("pyproject.toml", TABLE);
    adopt(
        &workspace,
        "packages/one",
        &Fixture::light("wscone"),
        "wscone",
    );
    let done = xtask(&workspace.root()).arg("dev").capture().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let member = workspace.root().join("packages/one");
    let help = format!("cargo xtask --project {member} dev");
    assert!(done.stderr.contains(&help), "{}", done.stderr);
    assert!(!workspace.root().join(".venv").exists());
}

#[test]
fn the_variable_of_uv_is_relative_to_the_root_of_the_workspace() {
    let workspace = Fixture::new();
    workspace.write("pyproject.toml", TABLE);
    adopt(
        &workspace,
        "packages/one",
        &Fixture::light("wsdone"),
        "wsdone",
    );
    let plan = xtask(&workspace.root().join("packages/one")).args(["dev", "--dry-run"]);
    let plan = plan
        .env("UV_PROJECT_ENVIRONMENT", "envs/own")
        .capture()
        .unwrap();
    let there = format!("{} is not there", workspace.root().join("envs/own"));
    assert!(plan.stdout.contains(&there), "{}", plan.stdout);
}
