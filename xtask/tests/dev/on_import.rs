//! The hook that builds on import, in real Pythons.

use processes::{Captured, Invocation};
use testkit::{Fixture, WITH_SIGNALS};

use crate::{TARGET_DIR, dev, dev_ok, site_packages, tools, xtask};

/// A Python of the project's environment, as a user starts one.
fn python(project: &Fixture, args: &[&str]) -> Invocation {
    Invocation::new(project.root().join(".venv/bin/python"))
        .args(args.iter().copied())
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .env("XTASK_NO_STORE", "1")
        .env_remove("XTASK_ON_IMPORT")
        .env_remove("VIRTUAL_ENV")
}

/// What a Python does with `code`.
fn run(project: &Fixture, code: &str) -> Captured {
    python(project, &["-c", code]).capture().expect("it starts")
}

/// What a Python prints for `code`, and what it says beside.
fn prints(project: &Fixture, code: &str) -> (String, String) {
    let done = run(project, code);
    assert!(done.status.success(), "{}", done.stderr);
    (done.stdout.trim().to_owned(), done.stderr)
}

/// A shell's `script`, with the variables of `command`, which stands in it for `PYTHON`.
fn in_shell(command: Invocation, script: &str) -> Captured {
    let script = script.replace("PYTHON", &command.to_string());
    let shell = Invocation {
        program: "sh".into(),
        args: vec!["-c".to_owned(), script],
        ..command
    };
    shell.capture().expect("it starts")
}

/// What ten Pythons do with `code` at once, each with a variable of its own.
fn ten(project: &Fixture, code: &str) -> Captured {
    let python = python(project, &["-c", code]);
    let all = "for n in 1 2 3 4 5 6 7 8 9 10; do PYTEST_XDIST_WORKER=$n PYTHON & done; wait";
    in_shell(python, all)
}

fn hooked(name: &str) -> Fixture {
    let project = Fixture::light(name);
    let said = dev_ok(&project, &["--on-import"]);
    assert!(said.contains("Added a hook"), "{said}");
    project
}

fn hook_files(project: &Fixture) -> Vec<String> {
    let files = site_packages(&project.root().join(".venv"));
    let names = files.read_dir_utf8().unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_owned());
    let mut names: Vec<_> = names
        .filter(|name| name.starts_with("_on_import_"))
        .collect();
    names.sort();
    names
}

fn record(project: &Fixture, name: &str) -> String {
    let dist_info = format!("{name}-0.1.0.dist-info/RECORD");
    let path = site_packages(&project.root().join(".venv")).join(dist_info);
    fs_err::read_to_string(path).unwrap()
}

#[test]
fn ten_processes_wait_for_one_build_and_have_what_it_made() {
    let project = hooked("hooked_thing");
    let answer = "import hooked_thing; print(hooked_thing.answer())";
    let (printed, said) = prints(&project, answer);
    assert_eq!((printed.as_str(), said.as_str()), ("42", ""));

    project.edit("native/src/lib.rs", "(42)", "(43)");
    let done = ten(&project, answer);
    // Their lines may run into one another.
    assert_eq!(done.stdout.replace('\n', ""), "43".repeat(10));
    let count = |word: &str| {
        done.stderr
            .lines()
            .filter(|it| it.starts_with(word))
            .count()
    };
    assert_eq!(count("Rebuilt hooked_thing in "), 1, "{}", done.stderr);
    assert_eq!(count("Rebuilt"), 1, "{}", done.stderr);

    // What does not compile is not compiled by each.
    project.edit("native/src/lib.rs", "(43)", "(missing)");
    let done = ten(&project, answer);
    let count = |text: &str| done.stderr.matches(text).count();
    assert_eq!(count("error[E0425]"), 10, "{}", done.stderr);
    let elsewhere = count("another process has built it at the same time");
    assert!((3..10).contains(&elsewhere), "{}", done.stderr);
    project.edit("native/src/lib.rs", "(missing)", "(43)");

    // Two threads of one process, one of which is first.
    project.edit("native/src/lib.rs", "(43)", "(44)");
    let threads = "import threading\nsaid = []\n\
        def work(): import hooked_thing; said.append(hooked_thing.answer())\n\
        all = [threading.Thread(target=work) for _ in range(2)]\n\
        [it.start() for it in all]; [it.join() for it in all]; print(said)";
    let (printed, said) = prints(&project, threads);
    assert_eq!(printed, "[44, 44]");
    assert_eq!(
        said.matches("Building hooked_thing._hooked_thing").count(),
        1,
        "{said}"
    );

    project.edit("native/src/lib.rs", "(44)", "(45)");
    let off = python(&project, &["-c", answer]).env("XTASK_ON_IMPORT", "off");
    assert_eq!(off.read().unwrap().trim(), "44");
}

#[test]
fn what_does_not_compile_is_an_import_error_until_it_is_mended() {
    let project = hooked("mended_thing");
    project.edit("native/src/lib.rs", "(42)", "(42 + missing)");
    // As in a notebook: the same process imports again.
    let code = "import pathlib\ntry: import mended_thing\nexcept ImportError as error: print(error)\n\
        source = pathlib.Path('SOURCE')\n\
        source.write_text(source.read_text().replace('42 + missing', '43'))\n\
        import mended_thing; print('now', mended_thing.answer())";
    let source = project.root().join("native/src/lib.rs");
    let (printed, said) = prints(&project, &code.replace("SOURCE", source.as_str()));
    for part in [
        "mended_thing._mended_thing is older than its sources, and they cannot be built",
        "error[E0425]: cannot find value `missing` in this scope",
        " --> src/lib.rs:",
        "XTASK_ON_IMPORT=off",
        "\nnow 43",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains('\u{1b}'), "{printed:?}");
    assert!(said.contains("Rebuilt mended_thing in"), "{said}");

    // The same of what stands beside the sources.
    for (file, from, to) in [
        (
            "pyproject.toml",
            "name = \"mended_thing\"",
            "name = mended_thing",
        ),
        (
            "native/Cargo.toml",
            "name = \"mended_thing\"",
            "name = mended_thing",
        ),
        (
            "native/Cargo.toml",
            "[dependencies]",
            "[dependencies]\nnone = { path = \"none\" }",
        ),
    ] {
        project.edit(file, from, to);
        let failed = run(&project, "import mended_thing").stderr;
        assert!(
            failed.contains("BuildError: ") && failed.contains(file),
            "{failed}"
        );
        project.edit(file, to, from);
    }
}

#[test]
fn the_hook_comes_and_goes_with_the_install_and_by_choice() {
    let project = hooked("chosen_thing");
    let all = ["", "__build"].map(|end| format!("_on_import_chosen_thing{end}.py"));
    let [finder, build] = all;
    let all = ["_on_import_chosen_thing.pth", &finder, &build];
    let listed =
        || all.map(|file| record(&project, "chosen_thing").contains(&format!("{file},,\n")));
    assert_eq!(hook_files(&project), all);
    assert_eq!(listed(), [true; 3]);
    assert!(dev_ok(&project, &[]).contains("Fresh"));
    let status = dev(&project, &["--status"]).stdout;
    assert!(status.contains("on import  it is built"), "{status}");

    let uv = tools().0.path;
    let pip = |args: &[&str]| {
        let pip = Invocation::new(&uv).arg("pip").args(args.iter().copied());
        let pip = pip
            .args(["--python", ".venv/bin/python"])
            .cwd(&project.root());
        pip.read().unwrap();
    };
    pip(&["uninstall", "chosen_thing"]);
    assert_eq!(hook_files(&project), Vec::<String>::new());
    dev_ok(&project, &[]);
    assert_eq!(hook_files(&project), all, "the choice was kept");
    // Metadata have changed, so that it is installed anew.
    project.edit(
        "pyproject.toml",
        "[project.scripts]",
        "[project.urls]\nx = \"https://example.com\"\n[project.scripts]",
    );
    let (printed, said) = prints(
        &project,
        "import chosen_thing; print(chosen_thing.answer())",
    );
    assert_eq!(printed, "42", "{said}");
    assert_eq!(hook_files(&project), all);
    assert_eq!(listed(), [true; 3]);

    fs_err::remove_file(site_packages(&project.root().join(".venv")).join(all[1])).unwrap();
    let planned = dev(&project, &["--dry-run"]).stdout;
    assert!(
        planned.starts_with("put the hook for imports into the environment"),
        "{planned}"
    );
    dev_ok(&project, &[]);
    assert_eq!(hook_files(&project), all);

    // Also while nothing can be built.
    project.edit("native/src/lib.rs", "(42)", "(4x2)");
    let said = dev(&project, &["--on-import=off"]).stderr;
    assert!(
        said.contains("Removed the hook") && said.contains("error"),
        "{said}"
    );
    assert_eq!(hook_files(&project), Vec::<String>::new());
    assert_eq!(listed(), [false; 3]);
    project.edit("native/src/lib.rs", "(4x2)", "(42)");
    let said = dev_ok(&project, &[]);
    assert!(
        !said.contains("hook") && hook_files(&project).is_empty(),
        "{said}"
    );
}

#[test]
fn where_nobody_can_build_the_import_goes_on_with_a_warning() {
    let project = Fixture::light("unbuilt_thing");
    // A program that goes away.
    let program = project.beside("xtask");
    fs_err::copy(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let dev = Invocation {
        program: program.clone(),
        ..xtask(&project.root()).args(["dev", "--on-import"])
    };
    dev.read().unwrap();
    let answer = "import unbuilt_thing; print(unbuilt_thing.answer())";
    let warned = |why: &str| {
        let (printed, said) = prints(&project, answer);
        assert_eq!(printed, "42");
        let flat = said.replace('\n', " ");
        assert!(
            flat.contains("RuntimeWarning: unbuilt_thing._unbuilt_thing is imported as it is"),
            "{said}"
        );
        assert!(
            said.contains(why) && said.contains("XTASK_ON_IMPORT=off"),
            "{said}"
        );
    };
    let manifest = project.root().join("pyproject.toml");
    fs_err::rename(&manifest, project.beside("pyproject.toml")).unwrap();
    warned("pyproject.toml");
    fs_err::rename(project.beside("pyproject.toml"), &manifest).unwrap();
    assert_eq!(prints(&project, answer), ("42".to_owned(), String::new()));

    // Stale, and no cargo to be found.
    project.edit("native/src/lib.rs", "(42)", "(43)");
    let hook =
        site_packages(&project.root().join(".venv")).join("_on_import_unbuilt_thing__build.py");
    let text = fs_err::read_to_string(&hook).unwrap();
    let cargo = text
        .lines()
        .find(|line| line.starts_with("CARGO = "))
        .unwrap();
    fs_err::write(&hook, text.replace(cargo, "CARGO = \"\"")).unwrap();
    let done = python(&project, &["-c", answer])
        .env("PATH", "/no/such/dir")
        .capture()
        .unwrap();
    assert_eq!(done.stdout.trim(), "42", "{}", done.stderr);
    assert!(
        done.stderr.contains("there is no cargo on PATH"),
        "{}",
        done.stderr
    );

    fs_err::remove_file(&program).unwrap();
    warned("No such file or directory");
    // Where warnings are errors.
    let strict = python(&project, &["-W", "error", "-c", answer])
        .capture()
        .unwrap();
    assert_eq!(strict.stdout.trim(), "42", "{}", strict.stderr);
}

#[test]
fn an_interrupted_import_ends_its_build() {
    let project = hooked("halted_thing");
    let pid = project.beside("pid");
    let script = format!(
        "fn main() {{ std::fs::write({pid:?}, std::process::id().to_string()).unwrap(); \
         std::thread::sleep(std::time::Duration::from_secs(1000)); }}\n"
    );
    project.write("native/build.rs", &script);
    let import = python(&project, &["-c", "import halted_thing"]);
    let script = format!(
        "{WITH_SIGNALS} PYTHON & until [ -s {pid} ] || ! kill -0 $!; do sleep 0.05; done; kill -INT $!; wait $!"
    );
    let done = in_shell(import, &script);
    assert_eq!(done.status.code(), Some(130), "{}", done.stderr);
    assert!(done.stderr.contains("KeyboardInterrupt"), "{}", done.stderr);
    let script = fs_err::read_to_string(&pid).unwrap();
    // Nobody may have waited for it yet.
    let stat = fs_err::read_to_string(format!("/proc/{}/stat", script.trim()));
    assert!(
        stat.is_err() || stat.is_ok_and(|it| it.contains(") Z ")),
        "the build goes on"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn processes_that_run_the_old_extension_are_named() {
    let project = Fixture::light("running_thing");
    dev_ok(&project, &[]);
    let ready = project.beside("ready");
    let code = format!("import running_thing, time; open({ready:?}, 'w'); time.sleep(1000)");
    let running = python(&project, &["-c", &code]).spawn().unwrap();
    let is_ready = || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        ready.exists()
    };
    assert!((0..1000).any(|_| is_ready()), "it does not import");
    let note = "still runs the old running_thing._running_thing: restart it";
    assert!(!dev_ok(&project, &[]).contains(note));
    project.edit("native/src/lib.rs", "(42)", "(43)");
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains("Note python ") && said.contains(note),
        "{said}"
    );
    assert!(dev(&project, &["--status"]).stdout.contains(note));
    // Also where the whole package is installed anew.
    project.edit("pyproject.toml", "\"0.1.0\"", "\"0.1.1\"");
    let said = dev_ok(&project, &[]);
    assert!(said.contains(note), "{said}");
    running.kill();
    assert!(!dev(&project, &["--status"]).stdout.contains(note));
}
