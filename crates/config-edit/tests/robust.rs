//! Writers that are killed, disks that are full or read-only, and several writers at once.

use std::time::{Duration, Instant, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::{CargoConfig, EditError, Owner};
use processes::Invocation;
use testkit::TempDir;

const BY: Owner = Owner("cargo xtask sccache");
/// Has the test `writer` write this file.
const WRITTEN: &str = "CONFIG_EDIT_WRITTEN";
/// The name of this writer, and how many edits it makes; without, it goes on until it is killed.
const NAME: &str = "CONFIG_EDIT_WRITER";
const COUNT: &str = "CONFIG_EDIT_COUNT";

/// This program, as a writer of `path`.
fn a_writer(path: &Utf8Path) -> Invocation {
    let program = Utf8PathBuf::from_path_buf(std::env::current_exe().unwrap()).unwrap();
    let call = Invocation::new(program).args(["writer", "--exact", "--quiet"]);
    call.env(WRITTEN, path.as_str())
}

/// No test: what `a_writer` runs.
#[test]
fn writer() {
    let Ok(path) = std::env::var(WRITTEN) else {
        return;
    };
    let name = std::env::var(NAME).unwrap_or_else(|_| "N".to_owned());
    let count = std::env::var(COUNT).map_or(usize::MAX, |count| count.parse().unwrap());
    for number in 0..count {
        let key = if count == usize::MAX {
            name.clone()
        } else {
            format!("{name}_{number}")
        };
        let edit = |config: &mut CargoConfig| config.set_env(&key, &number.to_string(), BY);
        CargoConfig::update(Utf8Path::new(&path), edit).unwrap();
    }
}

/// A file of several blocks of the disk, and yet quick to parse: what is to be interrupted is the writing.
fn long_text() -> String {
    format!("# {}\n", "x".repeat(10_000))
}

fn names(dir: &Utf8Path) -> Vec<String> {
    let entries = dir.read_dir_utf8().unwrap().map(Result::unwrap);
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_owned()).collect();
    names.sort();
    names
}

/// Something between nothing and `most`.
fn a_while(most: Duration) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    most * (now.unwrap().subsec_nanos() / 100 % 1000) / 1000
}

/// Waits until the content of `path` is another than `old`.
fn wait_for_change(path: &Utf8Path, old: &str) {
    let start = Instant::now();
    while fs_err::read_to_string(path).unwrap() == old {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "nothing is written"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_writer_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let dir = TempDir::new();
    let path = dir.path().join("config.toml");
    let head = long_text();
    fs_err::write(&path, &head).unwrap();
    let (mut drafts, mut values) = (0, std::collections::BTreeSet::new());
    for _ in 0..200 {
        let before = fs_err::read_to_string(&path).unwrap();
        let running = a_writer(&path).spawn().unwrap();
        wait_for_change(&path, &before);
        std::thread::sleep(a_while(Duration::from_millis(20)));
        running.kill();
        let text = fs_err::read_to_string(&path).unwrap();
        let value = CargoConfig::read(&path)
            .unwrap()
            .string(&["env", "N"])
            .unwrap();
        let mark = "# by `cargo xtask sccache`";
        let table = format!("\n[env] {mark}\nN = \"{value}\" {mark}\n");
        assert_eq!(text.strip_prefix(&head), Some(table.as_str()));
        drafts += names(dir.path()).len() - 1;
        values.insert(value);
    }
    eprintln!(
        "200 killed, {drafts} of them while writing; {} different values",
        values.len()
    );
    CargoConfig::update(&path, |config| config.undo(BY)).unwrap();
    assert_eq!(fs_err::read_to_string(&path).unwrap(), head);
    assert_eq!(names(dir.path()), ["config.toml"]);
}

#[test]
fn two_writers_lose_nothing() {
    let dir = TempDir::new();
    // It is not there yet, and its directory neither.
    let path = dir.path().join(".cargo/config.toml");
    std::thread::scope(|scope| {
        for name in ["ONE", "TWO"] {
            let call = a_writer(&path).env(NAME, name).env(COUNT, "100");
            scope.spawn(move || call.read().unwrap());
        }
    });
    let env = CargoConfig::read(&path).unwrap().env();
    assert_eq!(env.len(), 200);
    for (name, number) in ["ONE", "TWO"]
        .into_iter()
        .flat_map(|n| (0..100).map(move |i| (n, i)))
    {
        let wanted = (format!("{name}_{number}"), number.to_string());
        assert!(env.contains(&wanted), "{wanted:?} is lost");
    }
    assert_eq!(names(path.parent().unwrap()), ["config.toml"]);
}

#[test]
fn the_directory_may_come_and_go_under_two_writers() {
    let dir = TempDir::new();
    let path = dir.path().join(".cargo/config.toml");
    let other = Owner("cargo xtask tune");
    let come_and_go = |by: Owner, name: &str| {
        for number in 0..100 {
            let come = |config: &mut CargoConfig| {
                config.introduce("# Ours.", by);
                config.set_env(name, &number.to_string(), by)
            };
            CargoConfig::update(&path, come).unwrap();
            let env = CargoConfig::read(&path).unwrap().env();
            assert!(
                env.contains(&(name.to_owned(), number.to_string())),
                "{env:?}"
            );
            CargoConfig::update(&path, |config| config.undo(by)).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| come_and_go(BY, "ONE"));
        scope.spawn(|| come_and_go(other, "TWO"));
    });
    assert!(names(dir.path()).is_empty());
}

/// A file system of one megabyte.
struct Disk(TempDir);

impl Disk {
    /// `None` where we may not mount.
    fn mounted() -> Option<Self> {
        let dir = TempDir::new();
        let mount = Invocation::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]);
        match mount.arg(dir.path().as_str()).read() {
            Ok(_) => Some(Self(dir)),
            Err(error) => {
                eprintln!("skipped, since nothing can be mounted: {error}");
                None
            }
        }
    }

    fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        let mount = Invocation::new("mount").args(["-o", &option]);
        mount.arg(self.0.path().as_str()).read().unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let umount = Invocation::new("umount").arg(self.0.path().as_str());
        if let Err(error) = umount.read() {
            eprintln!("{error}");
        }
    }
}

/// Sets a variable in `path`, which cannot be written, and gives the error after a look at what is left.
fn refused(path: &Utf8Path) -> EditError {
    let dir = path.parent().unwrap();
    let (old, there) = (fs_err::read_to_string(path).ok(), names(dir));
    let error = CargoConfig::update(path, |config| config.set_env("A", "1", BY)).unwrap_err();
    assert!(
        error.to_string().contains("it has been left as it was"),
        "{error}"
    );
    assert_eq!(fs_err::read_to_string(path).ok(), old);
    assert_eq!(names(dir), there);
    error
}

#[test]
fn a_full_disk_keeps_the_old_file() {
    let Some(disk) = Disk::mounted() else { return };
    let path = disk.0.path().join("config.toml");
    fs_err::write(&path, long_text()).unwrap();
    let filler = disk.0.path().join("filler");
    // As much as there is.
    assert!(fs_err::write(&filler, vec![0; 2 << 20]).is_err());
    for path in [path.clone(), disk.0.path().join("new.toml")] {
        let EditError::Write { source, .. } = refused(&path) else {
            panic!("another error");
        };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{source}");
    }
    fs_err::remove_file(&filler).unwrap();
    CargoConfig::update(&path, |config| config.set_env("A", "1", BY)).unwrap();
}

#[test]
fn a_read_only_disk_keeps_the_old_file() {
    let Some(disk) = Disk::mounted() else { return };
    let path = disk.0.path().join("config.toml");
    fs_err::write(&path, "# mine\n").unwrap();
    disk.remount("ro");
    for path in [path.clone(), disk.0.path().join("new.toml")] {
        let EditError::Write { source, .. } = refused(&path) else {
            panic!("another error");
        };
        assert_eq!(
            source.kind(),
            std::io::ErrorKind::ReadOnlyFilesystem,
            "{source}"
        );
    }
    disk.remount("rw");
    CargoConfig::update(&path, |config| config.set_env("A", "1", BY)).unwrap();
}

#[test]
fn a_file_that_cannot_be_given_back_to_its_owner_is_left() {
    let dir = TempDir::new();
    let path = dir.path().join("config.toml");
    fs_err::write(&path, "# mine\n").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs_err::set_permissions(dir.path(), open).unwrap();
    let writer = a_writer(&path).env(COUNT, "1");
    let mut call = Invocation::new("setpriv");
    call = call.args(["--reuid=4321", "--regid=4321", "--clear-groups"]);
    call = call.arg(writer.program.as_str()).args(writer.args.clone());
    call.env = writer.env;
    let captured = match call.capture() {
        Ok(captured) if captured.status.code() == Some(101) => captured,
        // Not root, no setpriv, or a user that may not look into the directory of this program.
        other => return eprintln!("skipped: {other:?}"),
    };
    let said = format!("{}{}", captured.stdout, captured.stderr);
    assert!(said.contains("Ownership"), "{said}");
    assert_eq!(fs_err::read_to_string(&path).unwrap(), "# mine\n");
    assert_eq!(names(dir.path()), ["config.toml"]);
}
