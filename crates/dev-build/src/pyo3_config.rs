//! What pyo3 reads, the same in every checkout and every environment of one Python.
//!
//! pyo3's build scripts run again, and all that stands on them is compiled again, where a variable that
//! they read is another, or a file that they read is newer. What maturin gives them lies in the checkout:
//! its file below `target/` and the Python of the environment. So the file is kept at a path of its content
//! in the user's cache directory, and the Python is the one that the environment was made from.

use std::io;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use files::digest::{sha256, sha256_of};
use files::{owned, write};
use processes::Invocation;
use python_tools::Interpreter;

use crate::compile::Compiled;

/// Where maturin writes the file, below the target directory.
const OF_MATURIN: &str = "maturin";

/// The modification time of each file, far before any build: cargo never takes it for changed.
fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

/// Where what pyo3 reads is found.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    /// The directory of the files by content.
    pub(crate) kept: &'a Utf8Path,
    /// The target directory of the workspace.
    pub(crate) target_dir: &'a Utf8Path,
}

/// Whether the file that `call` names is there, and is the one that was kept.
pub(crate) fn is_there(call: &Invocation) -> bool {
    let Some(file) = config_file(call) else {
        return true;
    };
    match digest_in(file) {
        Some(digest) => sha256_of(file).is_ok_and(|now| now == digest),
        None => file.is_file(),
    }
}

/// `call` with the Python that the environment of `python` was made from, where maturin has named the one of
/// the environment. It answers pyo3 the same, and is at one path for all environments.
pub(crate) fn with_base_python(mut call: Invocation, python: &Interpreter) -> Invocation {
    for name in [vars::PYO3_PYTHON, vars::PYTHON_SYS_EXECUTABLE] {
        if let Some(Some(value)) = call.env.get_mut(name)
            && *value == python.executable
        {
            *value = python.base_executable.to_string();
        }
    }
    call
}

/// What keeps pyo3 from being compiled by turns, where a build by another tool has just had `compiled` begin
/// with it: others name the Python of the environment, `python`, and `call` that which it was made from.
pub(crate) fn note(call: &Invocation, python: &Interpreter, compiled: &Compiled) -> Option<String> {
    let is_of_base = call.env.get(vars::PYO3_PYTHON)
        == Some(&Some(python.base_executable.to_string()))
        && python.base_executable != python.executable;
    // Where the file is given, pyo3 asks no Python.
    let is_turn = config_file(call).is_none() && is_of_base && compiled.is_part_with("pyo3-ffi");
    is_turn.then(|| {
        format!(
            "pyo3 was compiled again, since `maturin develop`, uv and pip name another Python for it than {}, which \
             `cargo xtask dev` names in every checkout and environment: `cargo xtask dev` alone compiles it once. \
             `use-base-python = true` in [tool.maturin] has uv and pip name the same one",
            python.base_executable
        )
    })
}

impl Places<'_> {
    /// `call` with maturin's file at the path of its content, where it is made if it is not there as it
    /// should be. maturin finds it by a link. A file that the user has named stays what it is.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub(crate) fn keep(&self, mut call: Invocation) -> io::Result<Invocation> {
        let Some(file) = config_file(&call).map(Utf8Path::to_owned) else {
            return Ok(call);
        };
        let Some(link) = self.of_maturin(&file) else {
            return Ok(call);
        };
        let kept = self.kept(&file, &fs_err::read(&file)?)?;
        self.have_link(&link, &kept);
        let value = Some(kept.into_string());
        call.env.insert(vars::PYO3_CONFIG_FILE.to_owned(), value);
        Ok(call)
    }

    /// The path at which maturin looks for `file`, if that is its own.
    fn of_maturin(&self, file: &Utf8Path) -> Option<Utf8PathBuf> {
        let path = self.target_dir.join(OF_MATURIN).join(file.file_name()?);
        let resolved = |path: &Utf8Path| path.canonicalize_utf8().ok();
        let is_its_own = digest_in(file).is_some() || resolved(&path)? == resolved(file)?;
        is_its_own.then_some(path)
    }

    /// The path of `content`, with the name of `file` and without links, as maturin names it.
    fn kept(&self, file: &Utf8Path, content: &[u8]) -> io::Result<Utf8PathBuf> {
        let dir = owned::make_dir(self.kept, sha256(content))?.canonicalize_utf8()?;
        let path = dir.join(file.file_name().unwrap_or_default());
        if !is_kept(&path, content) {
            write::as_of(&path, content, time())?;
        }
        Ok(path)
    }

    /// Has maturin find what is `kept` where it has written it, so that its own calls of cargo name the same
    /// path. It replaces a link to something else by a file. Where there can be no link, its calls compile
    /// pyo3 again, and ours do not.
    fn have_link(&self, link: &Utf8Path, kept: &Utf8Path) {
        let is_there = link.read_link_utf8().is_ok_and(|target| target == kept);
        if !is_there && owned::make_dir(self.target_dir, OF_MATURIN).is_ok() {
            let _ = write::link(link, kept);
        }
    }
}

/// Whether the file at `path` has this content and the time that all have.
fn is_kept(path: &Utf8Path, content: &[u8]) -> bool {
    let metadata = fs_err::symlink_metadata(path);
    let has_time = metadata.is_ok_and(|it| it.is_file() && it.modified().ok() == Some(time()));
    has_time && fs_err::read(path).is_ok_and(|now| now == content)
}

fn config_file(call: &Invocation) -> Option<&Utf8Path> {
    let file = call.env.get(vars::PYO3_CONFIG_FILE)?.as_deref();
    file.map(Utf8Path::new)
}

/// The digest in the path of a file that was kept. None for any other file.
fn digest_in(file: &Utf8Path) -> Option<&str> {
    let digest = file.parent()?.file_name()?;
    let is_name = file.file_name()?.starts_with("pyo3-config-");
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_name && is_digest).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use testkit::TempDir;

    const NAME: &str = "pyo3-config-x86_64-unknown-linux-gnu-3.13-abi3.txt";

    fn python() -> Interpreter {
        serde_json::from_value(json!({
            "executable": "/p/.venv/bin/python", "base_executable": "/usr/bin/python3.13", "implementation": "CPython",
            "version": "3.13.0", "prefix": "/p/.venv", "base_prefix": "/usr", "platlib": "/p/.venv/lib",
            "suffixes": [], "free_threaded": false,
        }))
        .unwrap()
    }

    #[test]
    fn only_the_python_of_the_environment_becomes_that_which_it_was_made_from() {
        let (own, base) = ("/p/.venv/bin/python", "/usr/bin/python3.13");
        let rows = [
            (vars::PYO3_PYTHON, own, base),
            (vars::PYTHON_SYS_EXECUTABLE, own, base),
            (vars::PYO3_PYTHON, base, base),
            // Of a build for another platform.
            (vars::PYO3_PYTHON, "/host/python", "/host/python"),
            ("MY_PYTHON", own, own),
        ];
        for (name, given, expected) in rows {
            let call = Invocation::new("cargo").env(name, given);
            let wanted = Invocation::new("cargo").env(name, expected);
            assert_eq!(with_base_python(call, &python()), wanted, "{name} {given}");
        }
        let none = Invocation::new("cargo").env_remove(vars::PYO3_PYTHON);
        assert_eq!(with_base_python(none.clone(), &python()), none);
    }

    /// A target directory in which maturin has written its file, and a directory to keep it in.
    struct Dirs {
        dir: TempDir,
        file: Utf8PathBuf,
    }

    impl Dirs {
        fn new() -> Self {
            let dir = TempDir::new();
            let file = dir.path().join("target/maturin").join(NAME);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(&file, "version=3.13\n").unwrap();
            Self { dir, file }
        }

        fn keep(&self, file: &Utf8Path) -> Invocation {
            let places = Places {
                kept: &self.dir.path().join("kept"),
                target_dir: &self.dir.path().join("target"),
            };
            places.keep(call(file)).unwrap()
        }
    }

    fn call(file: &Utf8Path) -> Invocation {
        Invocation::new("cargo").env(vars::PYO3_CONFIG_FILE, file.as_str())
    }

    fn named(call: &Invocation) -> Utf8PathBuf {
        config_file(call).unwrap().to_owned()
    }

    #[test]
    fn one_content_has_one_path_for_all_target_directories_and_maturin_finds_it() {
        let dirs = Dirs::new();
        let kept = named(&dirs.keep(&dirs.file));
        assert_eq!(dirs.file.canonicalize_utf8().unwrap(), kept);
        assert_eq!(fs_err::metadata(&kept).unwrap().modified().unwrap(), time());
        // As maturin names it from then on, and as the call is remembered.
        assert_eq!(named(&dirs.keep(&kept)), kept);
        fs_err::remove_dir_all(dirs.file.parent().unwrap()).unwrap();
        assert_eq!(named(&dirs.keep(&kept)), kept);
        assert_eq!(dirs.file.canonicalize_utf8().unwrap(), kept);
        // Another content, as maturin writes it: over the link and not over what that leads to.
        let draft = dirs.dir.path().join("draft");
        fs_err::write(&draft, "version=3.14\n").unwrap();
        fs_err::rename(&draft, &dirs.file).unwrap();
        let other = named(&dirs.keep(&dirs.file));
        assert_ne!(other, kept);
        assert!(is_there(&call(&kept)) && is_there(&call(&other)));
    }

    #[test]
    fn what_is_kept_is_known_by_its_content_and_made_again() {
        let dirs = Dirs::new();
        let kept = dirs.keep(&dirs.file);
        let path = named(&kept);
        let (sound, broken) = ("version=3.13\n", "version=3.99\n");
        fs_err::write(&path, broken).unwrap();
        assert!(!is_there(&kept), "maturin is asked then, and writes it");
        let draft = dirs.dir.path().join("draft");
        fs_err::write(&draft, sound).unwrap();
        fs_err::rename(&draft, &dirs.file).unwrap();
        assert_eq!(named(&dirs.keep(&dirs.file)), path);
        assert!(is_there(&kept));
        // Copied without its time.
        fs_err::write(&path, sound).unwrap();
        dirs.keep(&path);
        assert_eq!(fs_err::metadata(&path).unwrap().modified().unwrap(), time());
        fs_err::remove_file(&path).unwrap();
        assert!(!is_there(&kept));
    }

    #[test]
    fn the_users_own_file_stays_what_it_is() {
        let dirs = Dirs::new();
        let own = dirs.dir.path().join(NAME);
        fs_err::write(&own, "version=3.12\n").unwrap();
        assert_eq!(dirs.keep(&own), call(&own));
        assert!(is_there(&call(&own)) && is_there(&Invocation::new("cargo")));
    }
}
