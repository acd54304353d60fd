//! Trying a wrapper before anything depends on it: a wrapper that does not work breaks every call of cargo.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use environment::{cargo_env, vars};
use processes::{Invocation, ending};

use crate::settings::Settings;
use crate::stats::{Stats, owned};
use crate::{CacheError, Wrapper};

/// How often the crate is looked for in the cache. sccache writes to it after it has answered.
const ATTEMPTS: u32 = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// Compiles a small crate with `program` and the settings, and again, to see that it comes from the cache
/// then. A server of its own is used, and of the disk only a scratch directory: one directory does not bear
/// two servers.
pub(crate) fn probe(
    wrapper: Wrapper,
    program: &Utf8Path,
    settings: &Settings,
) -> Result<(), CacheError> {
    // The server and the scratch directories would be left otherwise; cargo, which gets the signal too, ends
    // by itself.
    ending::listen().map_err(CacheError::Signals)?;
    let probe = Probe::prepare(wrapper, program, settings)?;
    let done = probe.run();
    probe.stop();
    if ending::is_wanted() {
        return Err(CacheError::Interrupted);
    }
    done
}

struct Probe<'a> {
    wrapper: Wrapper,
    program: &'a Utf8Path,
    settings: &'a Settings,
    dir: Utf8PathBuf,
    variables: Vec<(String, String)>,
    /// Removed with this value.
    _scratch: Vec<tempfile::TempDir>,
}

impl<'a> Probe<'a> {
    fn prepare(
        wrapper: Wrapper,
        program: &'a Utf8Path,
        settings: &'a Settings,
    ) -> Result<Self, CacheError> {
        let mut variables = owned(&settings.variables(wrapper)?);
        let (crate_guard, dir) = scratch_in(&temporary())?;
        // Where the cache is to be, so that it is known whether that can be written to.
        let parent = settings.dir.clone().unwrap_or_else(temporary);
        let (store_guard, store) = scratch_in(&parent)?;
        variables.retain(|(name, _)| name != wrapper.dir_variable());
        variables.push((wrapper.dir_variable().to_owned(), store.to_string()));
        if wrapper == Wrapper::Sccache {
            // A socket of its own is a server of its own.
            let (name, _) = wrapper.known().server_variable;
            variables.push((name.to_owned(), dir.join("s").to_string()));
            // In seconds: should we be killed, it ends by itself.
            variables.push(("SCCACHE_IDLE_TIMEOUT".to_owned(), "20".to_owned()));
        }
        write_crate(&dir).map_err(CacheError::io(&dir))?;
        Ok(Self {
            wrapper,
            program,
            settings,
            dir,
            variables,
            _scratch: vec![crate_guard, store_guard],
        })
    }

    fn run(&self) -> Result<(), CacheError> {
        self.compile()?;
        if read_only() {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            self.compile()?;
            let stats = Stats::ask(self.wrapper, self.program, &self.variables)?;
            if stats.hit_count() > 0 {
                return Ok(());
            }
            std::thread::sleep(BETWEEN_ATTEMPTS);
        }
        let stats = Stats::ask(self.wrapper, self.program, &self.variables)?;
        Err(CacheError::KeepsNothing {
            program: self.program.to_owned(),
            place: stats.location,
            variables: self.settings.backend.credentials().join(", "),
        })
    }

    /// Into an empty target directory, as cargo does it.
    fn compile(&self) -> Result<(), CacheError> {
        let target = self.dir.join("target");
        files::owned::remove(&self.dir, &target).map_err(CacheError::io(&target))?;
        let mut command = Invocation::new(cargo_env::cargo())
            .args([
                "build",
                "--quiet",
                "--offline",
                "--target-dir",
                target.as_str(),
            ])
            .env(vars::RUSTC_WRAPPER, self.program.as_str())
            .env_remove("CARGO_TARGET_DIR")
            // What went wrong is of interest, not where in the wrapper.
            .env("RUST_BACKTRACE", "0")
            .cwd(&self.dir);
        for (name, value) in &self.variables {
            command = command.env(name, value);
        }
        let done = command.read();
        done.map(drop).map_err(|source| CacheError::Probe {
            program: self.program.to_owned(),
            remedy: self.remedy(),
            source,
        })
    }

    fn remedy(&self) -> Option<String> {
        let backend = &self.settings.backend;
        let credentials = backend.credentials();
        (!credentials.is_empty()).then(|| {
            format!(
                "see that the server is running and that {} are set in the environment if it asks for them",
                credentials.join(" and ")
            )
        })
    }

    fn stop(&self) {
        let arguments = self.wrapper.known().stop.iter().copied();
        let mut command = Invocation::new(self.program).args(arguments);
        for (name, value) in &self.variables {
            command = command.env(name, value);
        }
        // Without this, sccache's would end by itself after ten minutes, and kache's never.
        let _ = command.capture();
    }
}

/// Whether the user lets this machine only read from the cache: then nothing comes back of what we compile.
fn read_only() -> bool {
    let environment = cargo_env::environment();
    let mut modes = environment
        .iter()
        .filter(|(name, _)| name.starts_with("SCCACHE_") && name.ends_with("_RW_MODE"));
    modes.any(|(_, mode)| mode == "READ_ONLY")
}

fn temporary() -> Utf8PathBuf {
    Utf8PathBuf::from_path_buf(std::env::temp_dir()).unwrap_or_else(|_| "/tmp".into())
}

fn scratch_in(parent: &Utf8Path) -> Result<(tempfile::TempDir, Utf8PathBuf), CacheError> {
    fs_err::create_dir_all(parent).map_err(CacheError::io(parent))?;
    let guard = tempfile::Builder::new()
        .prefix(".xtask-probe-")
        .tempdir_in(parent)
        .map_err(CacheError::io(parent))?;
    let path = Utf8PathBuf::from_path_buf(guard.path().to_owned());
    let path = path.unwrap_or_else(|_| parent.to_owned());
    Ok((guard, path))
}

/// A crate that nobody has compiled before, so that what comes from the cache has been put there by us.
fn write_crate(dir: &Utf8Path) -> std::io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let unique = now.unwrap_or_default().as_nanos();
    fs_err::create_dir_all(dir.join("src"))?;
    fs_err::write(dir.join("Cargo.toml"), MANIFEST)?;
    let code = format!("pub const TIME: u128 = {unique};\n");
    fs_err::write(dir.join("src/lib.rs"), code)
}

/// No crate of anybody's workspace, and not incremental: sccache would not keep it then.
const MANIFEST: &str = "\
[package]
name = \"xtask-probe\"
version = \"0.0.0\"
edition = \"2021\"

[profile.dev]
incremental = false

[workspace]
";
