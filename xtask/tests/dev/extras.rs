//! Extras and dependency groups, as `uv sync` has them, with the real uv. All packages lie in the project,
//! and uv itself is their backend: nothing is downloaded.

use processes::Invocation;
use testkit::Fixture;

use crate::{dev_fails, dev_ok, python, tools, xtask};

const TABLES: &str = r#"[project.optional-dependencies]
Fast_er = ["dep-one"]
other = ["dep-two"]

[dependency-groups]
dev = [{ include-group = "lint" }]
lint = ["dep-three"]
docs = ["dep-four"]

[tool.uv.sources]
dep-one = { path = "deps/one" }
dep-two = { path = "deps/two" }
dep-three = { path = "deps/three" }
dep-four = { path = "deps/four" }

[tool.maturin]
"#;

/// A project with extras and groups that is not locked.
fn with_extras(name: &str) -> Fixture {
    let project = Fixture::light(name);
    project.edit("pyproject.toml", "[tool.maturin]\n", TABLES);
    for number in ["one", "two", "three", "four", "five"] {
        package(&project, number);
    }
    project
}

fn package(project: &Fixture, number: &str) {
    let system =
        "[build-system]\nrequires = [\"uv_build>=0.13,<0.14\"]\nbuild-backend = \"uv_build\"\n";
    let own = format!("[project]\nname = \"dep-{number}\"\nversion = \"0.1.0\"\n");
    project.write(
        format!("deps/{number}/pyproject.toml"),
        &format!("{system}{own}"),
    );
    project.write(format!("deps/{number}/src/dep_{number}/__init__.py"), "");
}

fn uv(project: &Fixture, args: &[&str]) {
    let uv = Invocation::new(&tools().0.path).args(args.iter().copied());
    uv.env_remove("VIRTUAL_ENV")
        .cwd(&project.root())
        .read()
        .unwrap();
}

/// Which of the packages are installed.
fn installed(project: &Fixture) -> String {
    let code = "import importlib.metadata as m\n\
                print(*sorted(d.name[4:] for d in m.distributions() if d.name.startswith('dep')))";
    python(project, code)
}

#[test]
fn a_choice_is_installed_from_the_lock_file_kept_and_brought_up_to_date() {
    let project = with_extras("locked_extras_thing");
    uv(&project, &["lock"]);
    dev_ok(&project, &[]);
    assert_eq!(installed(&project), "three");
    // Of the user's own, in no group.
    uv(&project, &["pip", "install", "--no-deps", "./deps/five"]);
    dev_ok(&project, &["--extra", "fast.ER", "--group", "docs"]);
    assert_eq!(installed(&project), "five four one three");
    assert!(dev_ok(&project, &[]).contains("Fresh"), "it is kept");
    assert!(dev_ok(&project, &["--group=Docs", "--extra=fast_er"]).contains("Fresh"));

    project.edit(
        "pyproject.toml",
        "Fast_er = [\"dep-one\"]",
        "Fast_er = [\"dep-one\", \"dep-two\"]",
    );
    uv(&project, &["lock"]);
    dev_ok(&project, &[]);
    assert_eq!(installed(&project), "five four one three two");
    // uv removes what it was not asked for, and leaves the project.
    uv(
        &project,
        &["sync", "--no-build-package", "locked_extras_thing"],
    );
    assert_eq!(installed(&project), "three");
    let said = dev_ok(&project, &[]);
    assert_eq!(installed(&project), "four one three two", "{said}");
    assert!(dev_ok(&project, &[]).contains("Fresh"));
    uv(&project, &["pip", "install", "--no-deps", "./deps/five"]);
    // Another tool installs the project: what was chosen is what is there, all the same.
    uv(
        &project,
        &["pip", "uninstall", "dep-one", "locked_extras_thing"],
    );
    dev_ok(&project, &[]);
    assert_eq!(installed(&project), "five four one three two");
}

#[test]
fn all_but_one_and_what_is_not_wanted() {
    let project = with_extras("all_extras_thing");
    uv(&project, &["lock"]);
    dev_ok(
        &project,
        &["--all-extras", "--no-extra", "other", "--no-group", "lint"],
    );
    assert_eq!(
        installed(&project),
        "one three",
        "lint is in dev, as uv has it"
    );
    dev_ok(&project, &["--all-groups", "--no-dev"]);
    assert_eq!(installed(&project), "four one three");
}

#[test]
fn a_project_without_a_lock_file_has_them_too_and_stays_without_one() {
    let project = with_extras("open_extras_thing");
    dev_ok(
        &project,
        &["--all-extras", "--no-extra=FAST-er", "--no-default-groups"],
    );
    assert_eq!(installed(&project), "two");
    dev_ok(&project, &["--extra", "fast-er"]);
    assert_eq!(installed(&project), "one three two");
    let said = dev_fails(&project, &["--extra", "nope"]);
    assert!(said.contains("nope"), "{said}");
    assert!(!project.root().join("uv.lock").exists());
}

#[test]
fn conflicts_are_refused_in_the_words_of_uv() {
    let project = with_extras("conflict_thing");
    let conflicts = "[tool.uv]\nconflicts = [[{ extra = \"Fast_er\" }, { extra = \"other\" }]]\n\n[tool.uv.sources]";
    project.edit("pyproject.toml", "[tool.uv.sources]", conflicts);
    let said = dev_fails(&project, &["--extra", "fast-er", "--extra", "other"]);
    assert!(said.contains("are incompatible with the"), "{said}");
    dev_ok(&project, &["--extra", "other"]);
    assert_eq!(installed(&project), "three two");
    let said = dev_fails(&project, &["--all-extras"]);
    assert!(said.contains("are incompatible with the"), "{said}");
    assert!(
        dev_ok(&project, &[]).contains("Fresh"),
        "what was refused is not kept"
    );
}

#[test]
fn a_dependency_that_cannot_be_had_keeps_nobody_from_building() {
    let project = with_extras("unfetched_thing");
    project.edit("pyproject.toml", "deps/three", "deps/gone");
    let said = dev_fails(&project, &[]);
    assert!(said.contains("deps/gone"), "{said}");
    assert!(said.trim_end().contains("`cargo xtask --project"), "{said}");
    assert!(said.contains("dev --no-deps`"), "{said}");
    dev_ok(&project, &["--no-deps"]);
    let answer = "import unfetched_thing; print(unfetched_thing.answer())";
    assert_eq!(python(&project, answer), "42");
    assert!(dev_ok(&project, &["--no-deps"]).contains("Fresh"));
    // They are still due.
    dev_fails(&project, &[]);
    project.edit("pyproject.toml", "deps/gone", "deps/three");
    dev_ok(&project, &[]);
    assert_eq!(installed(&project), "three");
}

#[test]
fn the_policy_chooses_where_nobody_else_does() {
    let project = with_extras("policy_extras_thing");
    uv(&project, &["lock"]);
    let policy = "[workspace]\n[workspace.metadata.xtask.dependencies]\nextras = [\"other\"]\n\
                  no-default-groups = true\n";
    project.edit("native/Cargo.toml", "[workspace]\n", policy);
    dev_ok(&project, &[]);
    assert_eq!(installed(&project), "two");
    dev_ok(&project, &["--group", "docs", "--no-default-groups"]);
    assert_eq!(installed(&project), "four two");

    // Requirements files hold what they hold.
    let files = "[workspace.metadata.xtask]\ndev-requirements = [\"dev.txt\"]\n\
                 [workspace.metadata.xtask.dependencies]\n";
    project.edit(
        "native/Cargo.toml",
        "[workspace.metadata.xtask.dependencies]\n",
        files,
    );
    project.write("native/dev.txt", "");
    let said = dev_fails(&project, &[]);
    assert!(
        said.contains("`dev-requirements` fix what is installed"),
        "{said}"
    );
}

#[test]
fn leaving_the_dependencies_alone_and_choosing_among_them_is_wrong_usage() {
    let project = Fixture::new();
    let command = xtask(&project.root()).args(["dev", "--no-deps", "--extra", "x"]);
    assert_eq!(command.capture().unwrap().status.code(), Some(2));
}
