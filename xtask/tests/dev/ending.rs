//! Ctrl-C, and being asked to end by whoever started it.

use processes::{Captured, Invocation};
use testkit::{Fixture, WITH_SIGNALS};

use crate::{dev_fails, dev_ok, xtask};

/// Runs `dev` with `args`, and `script` with its process in `$pid` as soon as it has said `word`. The exit
/// code is that which a shell sees.
fn ended(project: &Fixture, args: &[&str], word: &str, script: &str) -> Captured {
    let command = xtask(&project.root()).arg("dev").args(args.iter().copied());
    let said = project.beside("said");
    let script = format!(
        "{WITH_SIGNALS} {command} 2>{said} & pid=$!\n\
         until grep -q '{word}' {said} || ! kill -0 $pid; do sleep 0.05; done\n\
         {script}\nwait $pid\ncode=$?\ncat {said} >&2\nexit $code"
    );
    let shell = Invocation {
        program: "sh".into(),
        args: vec!["-c".to_owned(), script],
        ..command
    };
    shell.capture().expect("it starts")
}

/// A project whose build does not end.
fn endless(name: &str) -> Fixture {
    let project = Fixture::mixed(name);
    dev_ok(&project, &[]);
    let script = "fn main() { std::thread::sleep(std::time::Duration::from_secs(1000)); }\n";
    project.write("native/build.rs", script);
    project
}

#[test]
fn an_end_during_a_build_is_told_by_the_exit_code_and_not_as_an_error() {
    let project = endless("interrupted_thing");
    for args in [&[][..], &["--watch"]] {
        let done = ended(&project, args, "Compiling", "kill -INT -$pid");
        assert_eq!(done.status.code(), Some(130), "{args:?}: {}", done.stderr);
        assert!(
            !done.stderr.contains("error: "),
            "{args:?}: {}",
            done.stderr
        );
    }
}

#[test]
fn a_watch_ends_by_the_signal_that_it_gets_unless_that_is_ignored() {
    let project = Fixture::mixed("unwatched_thing");
    dev_ok(&project, &[]);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let kill = format!("kill -{signal} $pid");
        let done = ended(&project, &["--watch"], "Watching", &kill);
        assert_eq!(done.status.code(), Some(code), "{}", done.stderr);
    }
    // As `nohup` and shells start what is to go on in the background.
    let command = xtask(&project.root()).args(["dev", "--watch"]);
    let said = project.beside("ignoring");
    let script = format!(
        "trap '' INT HUP\n{command} 2>{said} & pid=$!\n\
         until grep -q Watching {said}; do sleep 0.05; done\n\
         kill -INT $pid; kill -HUP $pid; sleep 0.5\nkill -0 $pid || exit 1\nkill -TERM $pid; wait $pid"
    );
    let shell = Invocation {
        program: "sh".into(),
        args: vec!["-c".to_owned(), script],
        ..command
    };
    assert_eq!(shell.capture().unwrap().status.code(), Some(143));
}

/// While cargo is at work, maturin waits to pack what comes of it.
#[test]
fn maturin_does_not_go_on_waiting_for_a_build_that_was_killed_or_has_failed() {
    let project = endless("given_up_thing");
    fs_err::remove_dir_all(project.root().join(".venv")).unwrap();
    let maturin = format!("pgrep -f 'maturin pep51[7].*{}'", project.root());
    let script = format!(
        "{maturin} || echo 'maturin has not begun' >&2\nkill -KILL $pid\n\
         for i in $(seq 100); do {maturin} || break; sleep 0.1; done\n\
         {maturin} && echo 'maturin goes on' >&2\nkill -KILL -$pid"
    );
    let done = ended(&project, &[], "Compiling", &script);
    assert_eq!(done.status.code(), Some(137), "{}", done.stderr);
    assert!(!done.stderr.contains("maturin "), "{}", done.stderr);

    let broken = "fn main() { panic!(\"broken\") }\n";
    project.write("native/build.rs", broken);
    assert!(dev_fails(&project, &[]).contains("broken"));
    let installed = crate::site_packages(&project.root().join(".venv"));
    assert!(!installed.join("given_up_thing.pth").exists());
}
