//! Commands to which signals are sent.

/// Goes before a command in a script for `sh`: whatever the test was started with, signals do to the command
/// what they usually do (a shell has its background jobs ignore SIGINT), and it leads a process group of its
/// own, so that `kill -INT -$!` is what Ctrl-C is at a terminal.
pub const WITH_SIGNALS: &str = "python3 -c 'import os, signal, sys
for it in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE: signal.signal(it, signal.SIG_DFL)
os.setpgid(0, 0)
os.execvp(sys.argv[1], sys.argv[1:])'";
