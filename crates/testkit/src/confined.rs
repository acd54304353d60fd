//! A part of a test, in a process that may not take more than a test allows it.

use std::time::{Duration, Instant};

use xshell::{Shell, cmd};

/// How such a process has ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether its test has passed.
    pub passed: bool,
    /// Everything that it wrote.
    pub output: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a process may take.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// After so many seconds of a processor it is ended, and after ten times as many in any case.
    pub time_s: u32,
    /// More address space than this it does not get, in MiB.
    pub memory_mib: u32,
}

/// Runs the ignored test `name` of this test program with `variable` in the environment. An endless loop, or
/// one that takes all memory, so fails a test instead of taking the machine.
pub fn confined(name: &str, variable: (&str, &str), allowed: Allowed) -> Ended {
    let program = std::env::current_exe().expect("the path of this test");
    let sh = Shell::new().expect("a directory to work in");
    sh.set_var(variable.0, variable.1);
    // Each further arena reserves 64 MiB of addresses, whether they are used or not.
    sh.set_var("MALLOC_ARENA_MAX", "1");
    let numbers = [
        allowed.memory_mib * 1024,
        allowed.time_s,
        allowed.time_s * 10,
    ];
    let [memory_kib, cpu_s, time_s] = numbers.map(|number| number.to_string());
    let script = r#"ulimit -v "$1" && ulimit -t "$2" && shift 2 && exec timeout "$@" 2>&1"#;
    let started = Instant::now();
    let run = cmd!(
        sh,
        "sh -c {script} sh {memory_kib} {cpu_s} {time_s} {program} --exact {name} --ignored --nocapture"
    );
    let output = run
        .quiet()
        .ignore_status()
        .output()
        .expect("it can be started");
    Ended {
        passed: output.status.success(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        elapsed: started.elapsed(),
    }
}

/// The most memory that this process has had so far, in KiB.
pub fn peak_kib() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
