//! Being asked to end: by Ctrl-C, or by whoever started us.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// The last of these signals that has come; 0 until then.
static RECEIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// From now on a signal does not end this process: the work that goes on asks [`is_wanted`], and ends in an
/// orderly way. A signal that whoever started us has us ignore stays ignored: `nohup`, and a shell's
/// background jobs.
pub fn listen() -> io::Result<()> {
    if RECEIVED.get().is_some() {
        return Ok(());
    }
    let received = RECEIVED.get_or_init(Arc::default);
    let ignored = ignored();
    for signal in SIGNALS.into_iter().filter(|it| !is_in(ignored, *it)) {
        let number = signal.unsigned_abs() as usize;
        flag::register_usize(signal, Arc::clone(received), number)?;
    }
    Ok(())
}

/// Whether we have been asked to end.
#[must_use]
pub fn is_wanted() -> bool {
    signal() != 0
}

/// The exit code that says so, as a shell has it: 130 after Ctrl-C.
#[must_use]
pub fn exit_code() -> Option<u8> {
    let code = u8::try_from(128 + signal()).ok();
    code.filter(|_| is_wanted())
}

fn signal() -> usize {
    let received = RECEIVED.get();
    received.map_or(0, |it| it.load(Ordering::SeqCst))
}

/// The signals that this process ignores, a bit each, as proc(5) has them. None where the kernel does not
/// tell.
fn ignored() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_in(&status).unwrap_or(0)
}

fn ignored_in(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let bits = lines.find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(bits.trim(), 16).ok()
}

fn is_in(signals: u64, signal: i32) -> bool {
    signals >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invocation;

    #[test]
    fn ignored_signals_are_read_from_what_the_kernel_says() {
        let of = |command: &str| {
            let script = format!("trap '' {command}; exec cat /proc/self/status");
            let status = Invocation::new("sh").args(["-c", &script]).read().unwrap();
            let ignored = ignored_in(&status).expect("Linux tells it");
            SIGNALS.map(|signal| is_in(ignored, signal))
        };
        for (number, name) in ["INT", "TERM", "HUP"].into_iter().enumerate() {
            assert!(of(name)[number], "{name}");
        }
        assert_eq!(ignored_in("Name:\tx\n"), None);
        assert!(!is_in(0b10, 1) && is_in(0b10, 2));
    }
}
