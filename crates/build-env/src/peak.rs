//! How much memory a build takes at its peak: what its processes hold at once, looked at twenty times a
//! second. A control group would also count the files that the kernel keeps in memory, and since when nobody
//! knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use camino::Utf8Path;

use crate::compiler_caches;

const INTERVAL: Duration = Duration::from_millis(50);

/// Measures from its making until it is asked.
#[derive(Debug)]
pub struct Peak {
    is_over: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Peak {
    /// Begins to measure the descendants of this process, and those of compiler caches' servers.
    #[must_use]
    pub fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let bytes = Arc::new(AtomicU64::new(0));
        let (over, highest) = (Arc::clone(&is_over), Arc::clone(&bytes));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let now = resident_bytes(Utf8Path::new("/proc"), std::process::id());
                highest.fetch_max(now, Ordering::Relaxed);
                std::thread::sleep(INTERVAL);
            }
        });
        Self {
            is_over,
            bytes,
            thread: Some(thread),
        }
    }

    /// The most that was seen, in bytes. `None` where it cannot be told: on systems other than Linux.
    #[must_use]
    pub fn bytes(mut self) -> Option<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let bytes = self.bytes.load(Ordering::Relaxed);
        (bytes > 0).then_some(bytes)
    }
}

/// A process, as far as it matters here.
struct Process {
    parent: u32,
    /// Compiles for us without being our child.
    is_server: bool,
    resident_bytes: u64,
}

/// What the descendants of `ancestor` hold in memory, and those of servers; not what `ancestor` itself does.
fn resident_bytes(proc: &Utf8Path, ancestor: u32) -> u64 {
    let processes = processes(proc);
    let roots = processes
        .iter()
        .filter(|(id, process)| process.is_server || **id == ancestor)
        .map(|(id, _)| *id);
    let mut ours: BTreeSet<u32> = roots.chain([ancestor]).collect();
    loop {
        let is_child = |process: &Process| ours.contains(&process.parent);
        let children = processes.iter().filter(|(_, process)| is_child(process));
        let with_children: BTreeSet<u32> =
            children.map(|(id, _)| *id).chain(ours.clone()).collect();
        if with_children.len() == ours.len() {
            break;
        }
        ours = with_children;
    }
    let counted = processes
        .iter()
        .filter(|(id, _)| ours.contains(id) && **id != ancestor);
    counted.map(|(_, process)| process.resident_bytes).sum()
}

fn processes(proc: &Utf8Path) -> BTreeMap<u32, Process> {
    let entries = proc.read_dir_utf8().into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().parse::<u32>().ok());
    ids.filter_map(|id| Some((id, process(&proc.join(id.to_string()))?)))
        .collect()
}

/// Reads `/proc/PID/status` (proc(5)). A process that has just ended is none.
fn process(dir: &Utf8Path) -> Option<Process> {
    let text = fs_err::read_to_string(dir.join("status")).ok()?;
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
    };
    // A process that has ended and is not waited for yet has no memory.
    let resident = field("VmRSS:").unwrap_or_default();
    let kib: u64 = resident.trim_end_matches("kB").trim().parse().unwrap_or(0);
    Some(Process {
        parent: field("PPid:")?.parse().ok()?,
        is_server: compiler_caches::is_server(&field("Name:")?),
        resident_bytes: kib * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invocation;
    use testkit::TempDir;

    #[test]
    fn descendants_and_servers_count_and_nobody_else() {
        let dir = TempDir::new();
        let process = |id: u32, parent: u32, name: &str, kib: u64| {
            let path = dir.path().join(id.to_string());
            fs_err::create_dir(&path).unwrap();
            let text = format!("Name:\t{name}\nPPid:\t{parent}\nVmRSS:\t  {kib} kB\n");
            fs_err::write(path.join("status"), text).unwrap();
        };
        process(10, 1, "xtask", 1);
        process(11, 10, "cargo", 2);
        process(12, 11, "rustc", 4);
        process(20, 1, "sccache", 8);
        process(21, 20, "rustc", 16);
        process(25, 1, "zccache-daemon", 64);
        process(30, 1, "firefox", 32);
        fs_err::create_dir(dir.path().join("sys")).unwrap();
        assert_eq!(resident_bytes(dir.path(), 10), (2 + 4 + 8 + 16 + 64) * 1024);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_large_child_is_seen() {
        let peak = Peak::start();
        // 64 MB in a shell variable.
        let script = "x=$(head -c 64000000 /dev/zero | tr '\\0' x); sleep 0.5";
        Invocation::new("sh").args(["-c", script]).run().unwrap();
        assert!(peak.bytes().unwrap() > 32_000_000);
    }
}
