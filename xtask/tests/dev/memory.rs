//! A build that needs more memory than there is. The limit is a real one, of a control group of its own;
//! making one takes root, and without that these tests say so and end.

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use testkit::Fixture;

use crate::{dev_ok, python, xtask};

/// A control group with a limit, removed with this value.
struct Group(Utf8PathBuf);

impl Group {
    fn new(limit_mib: u64) -> Option<Self> {
        let hierarchies = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        for (parent, limit) in hierarchies {
            let dir = Utf8Path::new(parent).join(format!("xtask-test-{}", std::process::id()));
            if !Utf8Path::new(parent).join("cgroup.procs").exists()
                || fs_err::create_dir(&dir).is_err()
            {
                continue;
            }
            let group = Self(dir);
            let bytes = (limit_mib << 20).to_string();
            if fs_err::write(group.0.join(limit), bytes).is_ok() {
                return Some(group);
            }
        }
        // A right, and no program: a build server's user may not have it either.
        eprintln!("skipped: no control group can be made here");
        None
    }

    /// Runs `command` in the group.
    fn run(&self, command: &Invocation) -> Captured {
        let script = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.0);
        let mut inside =
            Invocation::new("sh").args(["-c", &script, "sh", command.program.as_str()]);
        inside = inside.args(command.args.iter().cloned());
        inside.env.clone_from(&command.env);
        inside.capture().expect("it starts")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs_err::remove_dir(&self.0);
    }
}

/// A build script that takes `mib` of memory for two seconds.
fn hungry(mib: u64) -> String {
    format!(
        "fn main() {{\n    let taken = vec![1u8; {mib} << 20];\n    \
         std::thread::sleep(std::time::Duration::from_secs(2));\n    \
         assert!(taken.iter().step_by(4096).all(|byte| *byte == 1));\n    \
         println!(\"cargo::rerun-if-changed=build.rs\");\n}}\n"
    )
}

/// An extension on top of two crates, built once without any hunger.
fn project(name: &str) -> Fixture {
    let fixture = Fixture::pure_rust(name);
    let mut dependencies = "[dependencies]\n".to_owned();
    for number in [1, 2] {
        let part = format!("{name}_part{number}");
        let manifest =
            format!("[package]\nname = \"{part}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        fixture.write(format!("{part}/Cargo.toml"), &manifest);
        fixture.write(format!("{part}/src/lib.rs"), "");
        fixture.write(format!("{part}/build.rs"), &hungry(1));
        dependencies.push_str(&format!("{part} = {{ path = \"{part}\" }}\n"));
    }
    fixture.edit("Cargo.toml", "[dependencies]\n", &dependencies);
    dev_ok(&fixture, &[]);
    fixture
}

fn become_hungry(fixture: &Fixture, name: &str, mib: u64) {
    for number in [1, 2] {
        fixture.write(format!("{name}_part{number}/build.rs"), &hungry(mib));
    }
}

#[test]
fn what_is_known_to_be_small_does_not_wait_and_what_has_grown_does_no_harm() {
    let Some(group) = Group::new(900) else {
        return;
    };
    let fixture = project("grown");
    let built_with = |mib| {
        become_hungry(&fixture, "grown", mib);
        let done = group.run(&xtask(&fixture.root()).args(["dev", "--jobs", "4"]));
        assert!(done.status.success(), "{}", done.stderr);
        done.stderr
    };
    let waits = |said: &str| {
        let mut lines = said.lines().filter(|line| line.contains("Paused"));
        // More than three are told as a number.
        lines.any(|line| line.contains("grown_part") || line.contains("compilers and"))
    };
    let said = built_with(50);
    assert!(waits(&said), "nobody knows what they take: {said}");
    let said = built_with(51);
    assert!(!waits(&said), "both were seen to take little: {said}");
    // Both at once are too much now: one waits, or the kernel kills one and cargo goes on with fewer.
    let said = built_with(600);
    assert!(waits(&said) || said.contains("Resuming with"), "{said}");
    assert_eq!(
        python(&fixture, "import grown; print(grown.answer())"),
        "42"
    );
}

#[test]
fn jobs_that_do_not_fit_wait_for_others_and_the_peak_is_told() {
    let Some(group) = Group::new(900) else {
        return;
    };
    let fixture = project("fitting");
    become_hungry(&fixture, "fitting", 600);
    let done = group.run(&xtask(&fixture.root()).args(["dev", "-v", "--jobs", "4"]));
    assert!(done.status.success(), "{}", done.stderr);
    assert!(
        done.stderr
            .contains("so that all fit: the container has 0.8 GiB"),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("Killed"), "{}", done.stderr);
    assert!(
        done.stderr.contains("MiB of memory at once"),
        "{}",
        done.stderr
    );
}

#[test]
fn one_compiler_that_does_not_fit_is_an_error_that_says_so() {
    let Some(group) = Group::new(900) else {
        return;
    };
    let fixture = project("too_large");
    become_hungry(&fixture, "too_large", 1200);
    let done = group.run(&xtask(&fixture.root()).arg("dev"));
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("for want of memory"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("left as it was"), "{}", done.stderr);
    // What was installed still works.
    assert_eq!(
        python(&fixture, "import too_large; print(too_large.answer())"),
        "42"
    );
}
