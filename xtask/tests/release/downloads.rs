//! Somebody who installs all the time, by the protocol in crates/release-channel/README.md.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use serde_json::Value;

use crate::{REPOSITORY, TAG, World};

/// What anybody gets at `url`; none for 404.
pub(crate) fn download(
    url: &str,
    certificate: &Utf8Path,
    dir: &Utf8Path,
) -> Result<Option<Vec<u8>>, String> {
    let name = format!("download-{:?}", std::thread::current().id());
    let file = dir.join(name.replace(['(', ')'], ""));
    let done = Invocation::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--location",
            "--write-out",
            "%{http_code}",
        ])
        .args([
            "--cacert",
            certificate.as_str(),
            "--output",
            file.as_str(),
            url,
        ])
        .capture()
        .map_err(|error| error.to_string())?;
    let bytes = fs_err::read(&file).unwrap_or_default();
    // What the next download does not write must not be read as its answer.
    let _ = fs_err::remove_file(&file);
    match done.stdout.trim() {
        "200" => Ok(Some(bytes)),
        "404" => Ok(None),
        status => Err(format!("{url}: HTTP status {status} {}", done.stderr)),
    }
}

/// Installs in a thread of its own, until it is stopped.
pub(crate) struct Installer {
    stop: Arc<AtomicBool>,
    installed: Arc<AtomicUsize>,
    thread: JoinHandle<Vec<String>>,
}

/// The parts of the world that it needs.
struct Site {
    url: String,
    certificate: Utf8PathBuf,
    dir: Utf8PathBuf,
}

impl Installer {
    pub(crate) fn start(world: &World) -> Self {
        let site = Site {
            url: format!(
                "{}/{REPOSITORY}/releases/download/{TAG}",
                world.github.url()
            ),
            certificate: world.github.certificate(),
            dir: world.dir.path().to_owned(),
        };
        let (stop, installed) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&installed));
        let thread = std::thread::spawn(move || {
            let mut failures = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                failures.extend(site.install().err());
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
            failures
        });
        Self {
            stop,
            installed,
            thread,
        }
    }

    /// That nothing it did has failed, and that it did something.
    pub(crate) fn require_no_failure(self, at_least: usize) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.thread.join().expect("it ends");
        assert!(
            failures.is_empty(),
            "{} failures: {}",
            failures.len(),
            failures.join("\n")
        );
        let installed = self.installed.load(Ordering::Relaxed);
        assert!(installed >= at_least, "{installed} times");
        println!("installed {installed} times");
    }
}

impl Site {
    fn get(&self, url: &str) -> Result<Option<Vec<u8>>, String> {
        download(url, &self.certificate, &self.dir)
    }

    /// `manifest.json`; while that is exchanged, the one before; if that was replaced in the meantime, the
    /// new one.
    fn manifest(&self) -> Result<Value, String> {
        for name in ["manifest.json", "manifest-previous.json", "manifest.json"] {
            if let Some(bytes) = self.get(&format!("{}/{name}", self.url))? {
                return serde_json::from_slice(&bytes).map_err(|error| error.to_string());
            }
        }
        Err("no manifest".to_owned())
    }

    fn install(&self) -> Result<(), String> {
        let manifest = self.manifest()?;
        let wheel = &manifest["wheels"][0];
        let (url, file) = (
            wheel["url"].as_str().unwrap(),
            wheel["file"].as_str().unwrap(),
        );
        let bytes = self
            .get(url)?
            .ok_or_else(|| format!("{file} is not there"))?;
        let report = wheel_audit::audit(file, &bytes, None);
        if wheel["sha256"] == report.sha256 {
            Ok(())
        } else {
            Err(format!("{file} is another one"))
        }
    }
}
