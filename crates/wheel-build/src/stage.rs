//! The copy that a wheel is built from.
//!
//! It lies outside the working tree: cargo reads the configuration of every directory above the one it runs
//! in, and what holds for this machine only, or is meant for development builds (`.cargo/config.local.toml`),
//! has no place in a wheel. Files that have not changed are left alone, so that cargo finds what it has built
//! from them.

use std::collections::BTreeSet;
use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::PyprojectCopy;
use environment::cargo_env;
use files::digest::hex;
use files::made::Sieve;
use files::owned;
use processes::Invocation;
use project_model::{Closure, Packed, Project, Workspace};
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::commit::Commit;
use crate::error::{WheelError, cannot_read, cannot_write};
use crate::listing::Listing;
use crate::outside::Outside;
use crate::version::{self, Naming};

/// The copy.
#[derive(Debug)]
pub struct Stage {
    /// Its root.
    pub root: Utf8PathBuf,
    /// The project in it, whose pyproject.toml has the version of the wheel.
    pub project: Project,
    /// That version.
    pub version: String,
    /// The commit it is a copy of.
    pub commit: Option<Commit>,
    /// What of it maturin packs beside the extension.
    pub packed: Packed,
    /// How many files of the copy git ignores: they are packed or compiled all the same.
    pub ignored: usize,
    /// What of it the commit says nothing of.
    pub outside: Vec<Outside>,
    /// The build scripts in it.
    pub scripts: Vec<Utf8PathBuf>,
    /// A file of settings for cargo, beside it.
    pub settings: Utf8PathBuf,
}

/// The time of the commit is for the wheel. Build scripts that compile C depend on it (by the crate cc), so
/// that each commit would compile all of that again, and what is made of it.
const SETTINGS: &str = "[env]\nSOURCE_DATE_EPOCH = { value = \"315532800\", force = true }\n";

impl Stage {
    /// Makes `dir` a copy of what maturin sees of `project`: what git tracks, and what it neither tracks nor
    /// ignores; without git, all files that nobody has made from others; and what is packed, whatever git
    /// says of it.
    pub fn make(
        project: &Project,
        workspace: &Workspace,
        naming: Naming,
        dir: &Utf8Path,
    ) -> Result<Self, WheelError> {
        let closure = Closure::load(project)?;
        let scripts: Vec<_> = closure
            .crates
            .iter()
            .filter_map(|it| it.build_script.clone())
            .collect();
        let packed = Packed::of(project, !scripts.is_empty())?;
        let listing = Listing::of(project, workspace, &closure, &packed)?;
        let root = &listing.root;
        let (version, commit) = version_of(project, &listing, naming)?;
        let in_copy = |path: &Utf8Path| dir.join(path.strip_prefix(root).unwrap_or(path));
        let scripts: Vec<_> = scripts.iter().map(|script| in_copy(script)).collect();
        if copy_all(&listing, project, dir)? {
            run_again(scripts.iter().cloned())?;
        }
        let copied = in_copy(&project.root);
        let text = with_version(project, &version, commit.as_deref())?;
        let pyproject = copied
            .strip_prefix(dir)
            .unwrap_or(&copied)
            .join("pyproject.toml");
        write_if_new(dir, &pyproject, text.as_bytes())?;
        let settings = dir.with_extension("toml");
        fs_err::write(&settings, SETTINGS).map_err(cannot_write(&settings))?;
        Ok(Self {
            settings,
            root: dir.to_owned(),
            project: Project::load_to_release(&copied)?,
            version,
            commit: listing.commit,
            packed: packed.moved(root, dir),
            ignored: listing.ignored.len(),
            outside: listing.outside,
            scripts,
        })
    }

    /// The time that everything in the wheel is given, in seconds since 1970: that of the commit. Without
    /// one, the first that a ZIP file can hold.
    #[must_use]
    pub fn time_s(&self) -> u64 {
        const FIRST_OF_1980_S: u64 = 315_532_800;
        let commit = self.commit.as_ref();
        commit.map_or(FIRST_OF_1980_S, |commit| commit.time_s.max(FIRST_OF_1980_S))
    }
}

/// pyproject.toml as the copy has it.
fn with_version(
    project: &Project,
    version: &str,
    commit: Option<&str>,
) -> Result<String, WheelError> {
    let path = project.root.join("pyproject.toml");
    let mut copy = PyprojectCopy::read(&path)?;
    copy.set_version(project.name(), version);
    if let Some(commit) = commit {
        copy.set_commit(commit);
    }
    // They name the directory of the build, and say nothing that Cargo.lock does not.
    copy.leave_out_sboms();
    Ok(copy.into_text())
}

/// The version of a wheel of what is listed, and what its commit is called.
fn version_of(
    project: &Project,
    listing: &Listing,
    naming: Naming,
) -> Result<(String, Option<String>), WheelError> {
    let base = base_version(project)?;
    let (commit, outside) = (listing.commit.as_ref(), &listing.outside);
    let digest = digest_of(&listing.root, &listing.files);
    let called = commit.map(|commit| version::commit_name(commit, outside, &digest));
    let version = match naming {
        Naming::WithCommit => version::of(&base, called.as_deref()),
        Naming::AsReleased => {
            let tags = commit.map(Commit::tags).unwrap_or_default();
            let names = [project.name(), &project.extension.crate_name];
            version::released(&base, commit, outside, (&tags, &names))
        }
    };
    Ok((version?, called))
}

/// Copies everything but pyproject.toml. Tells whether build scripts have to run again: something was removed
/// or overwritten that one of them may have made.
fn copy_all(listing: &Listing, project: &Project, dir: &Utf8Path) -> Result<bool, WheelError> {
    let project_dir = project
        .root
        .strip_prefix(&listing.root)
        .unwrap_or(&project.root);
    let mark = project_dir.join(".git");
    let is_checkout = project.root.join(".git").symlink_metadata().is_ok();
    let mut wanted: BTreeSet<_> = listing
        .files
        .iter()
        .flat_map(|file| file.ancestors())
        .collect();
    wanted.extend(is_checkout.then_some(mark.as_path()));
    let mut is_redone = remove_others(dir, &wanted)?;
    if is_checkout {
        // maturin goes by `.gitignore` where the project's directory is a checkout, and only there.
        let mark = dir.join(&mark);
        owned::make_dir(dir, &mark).map_err(cannot_write(&mark))?;
    }
    let pyproject = project_dir.join("pyproject.toml");
    for file in listing.files.iter().filter(|file| **file != pyproject) {
        let is_new = copy(listing, dir, file)?;
        is_redone |= is_new && listing.ignored.contains(file);
    }
    Ok(is_redone)
}

/// Has cargo run the build scripts at `paths` again, which it may take for done.
pub(crate) fn run_again(paths: impl Iterator<Item = Utf8PathBuf>) -> Result<(), WheelError> {
    for path in paths.filter(|path| path.is_file()) {
        let file = fs_err::File::options().append(true).open(&path);
        let touched = file.and_then(|file| file.file().set_modified(SystemTime::now()));
        touched.map_err(cannot_write(&path))?;
    }
    Ok(())
}

/// Makes `file` in the copy `dir` what it is: a link to the same place, or a file with the same bytes and
/// rights; a link out of what is copied becomes a file. Tells whether it is another file now.
fn copy(listing: &Listing, dir: &Utf8Path, file: &Utf8Path) -> Result<bool, WheelError> {
    let (from, to) = (&listing.root.join(file), &dir.join(file));
    let metadata = from.symlink_metadata().map_err(cannot_read(from))?;
    if metadata.is_symlink() && !listing.leads_out(from) {
        let target = from.read_link_utf8().map_err(cannot_read(from))?;
        clear_way(dir, file)?;
        if to.read_link_utf8().ok().as_deref() == Some(&target) {
            return Ok(false);
        }
        owned::remove(dir, file).map_err(cannot_write(to))?;
        std::os::unix::fs::symlink(&target, to).map_err(cannot_write(to))?;
        return Ok(true);
    }
    let bytes = fs_err::read(from).map_err(cannot_read(from))?;
    let is_new = write_if_new(dir, file, &bytes)?;
    let metadata = from.metadata().map_err(cannot_read(from))?;
    fs_err::set_permissions(to, metadata.permissions()).map_err(cannot_write(to))?;
    Ok(is_new)
}

/// Tells whether it was new.
fn write_if_new(dir: &Utf8Path, file: &Utf8Path, bytes: &[u8]) -> Result<bool, WheelError> {
    let to = &dir.join(file);
    clear_way(dir, file)?;
    let is_file = to
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file());
    if is_file && fs_err::read(to).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    owned::remove(dir, file).map_err(cannot_write(to))?;
    fs_err::write(to, bytes).map_err(cannot_write(to))?;
    Ok(true)
}

/// Has the directories above `file` be directories. Where the project had a link or a file, it may have one
/// now; what was written through the link would land where that leads.
fn clear_way(dir: &Utf8Path, file: &Utf8Path) -> Result<(), WheelError> {
    let above = file.parent().unwrap_or(file);
    let mut parts: Vec<_> = above.ancestors().collect();
    parts.reverse();
    for part in parts {
        let path = dir.join(part);
        let metadata = path.symlink_metadata();
        if metadata.is_ok_and(|metadata| !metadata.is_dir()) {
            owned::remove(dir, part).map_err(cannot_write(&path))?;
        }
    }
    let above = dir.join(above);
    owned::make_dir(dir, &above)
        .map(drop)
        .map_err(cannot_write(&above))
}

/// Has an empty directory be at `path`, in one of ours.
pub(crate) fn make_empty(path: &Utf8Path) -> Result<(), WheelError> {
    let above = path.parent().unwrap_or(path);
    let emptied = owned::remove(above, path).and_then(|_| owned::make_dir(above, path));
    emptied.map(drop).map_err(cannot_write(path))
}

/// Removes what is in `dir` and not `wanted`. Tells whether a build script may have made some of it.
fn remove_others(dir: &Utf8Path, wanted: &BTreeSet<&Utf8Path>) -> Result<bool, WheelError> {
    let mut sieve = Sieve::new(dir, []);
    let mut is_redone = false;
    let mut entries = WalkDir::new(dir).min_depth(1).into_iter();
    while let Some(Ok(entry)) = entries.next() {
        let path = Utf8Path::from_path(entry.path());
        let relative = path.and_then(|path| path.strip_prefix(dir).ok());
        if relative.is_some_and(|path| wanted.contains(path)) {
            continue;
        }
        if entry.file_type().is_dir() {
            entries.skip_current_dir();
        }
        // A name that is not UTF-8 has no place in a wheel either.
        let Some(path) = path else {
            let path = entry.path().to_string_lossy().into_owned();
            return Err(cannot_write(Utf8Path::new(&path))(
                io::ErrorKind::InvalidFilename.into(),
            ));
        };
        let is_of_tools = path.file_name() == Some("Cargo.lock")
            || sieve.is_made_dir(path)
            || sieve.is_made(path);
        is_redone |= !is_of_tools;
        owned::remove(dir, path).map_err(cannot_write(path))?;
    }
    Ok(is_redone)
}

/// The SHA-256 of the names and contents of `files`, in hexadecimal digits.
fn digest_of(root: &Utf8Path, files: &BTreeSet<Utf8PathBuf>) -> String {
    let mut all = Sha256::new();
    for file in files {
        let content = fs_err::read(root.join(file)).unwrap_or_default();
        all.update(format!("{file}\0"));
        all.update(Sha256::digest(content));
    }
    hex(&all.finalize())
}

/// The commit that is checked out, and the version that a wheel of it has by `naming`; without changes,
/// whatever else lies in the checkout. `None` where git knows nothing of the project.
///
/// # Errors
/// If the project has no version that pip and uv know.
pub fn checked_out(
    project: &Project,
    naming: Naming,
) -> Result<Option<(Commit, String)>, WheelError> {
    let Some(commit) = Commit::of(&project.root, &[]) else {
        return Ok(None);
    };
    let commit = Commit {
        dirty: false,
        ..commit
    };
    let named = (naming == Naming::WithCommit).then(|| version::commit_name(&commit, &[], ""));
    let version = version::of(&base_version(project)?, named.as_deref())?;
    Ok(Some((commit, version)))
}

/// The version that the project gives itself: in pyproject.toml, else in Cargo.toml.
fn base_version(project: &Project) -> Result<String, WheelError> {
    let table = project.pyproject.project.as_ref();
    if let Some(version) = table.and_then(|table| table.version.clone()) {
        return Ok(version);
    }
    let manifest = &project.extension.manifest;
    let metadata = Invocation::new(cargo_env::cargo())
        .args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--manifest-path",
            manifest.as_str(),
        ])
        .cwd(&project.root)
        .read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let same = |path: &str| same_file(Utf8Path::new(path), manifest).unwrap_or(false);
    let mut ours = packages.filter(|package| package["manifest_path"].as_str().is_some_and(same));
    let version = ours.next().and_then(|package| package["version"].as_str());
    version
        .map(str::to_owned)
        .ok_or_else(|| WheelError::Version {
            version: String::new(),
            project: project.name().to_owned(),
        })
}

fn same_file(one: &Utf8Path, other: &Utf8Path) -> io::Result<bool> {
    Ok(one.canonicalize_utf8()? == other.canonicalize_utf8()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{Fixture, TempDir};

    fn git(fixture: &Fixture, args: &[&str]) {
        let git = Invocation::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@t"])
            .args(args.iter().copied())
            .cwd(&fixture.root());
        git.read().unwrap();
    }

    fn committed(name: &str) -> Fixture {
        let fixture = Fixture::mixed(name);
        fixture.write(".gitignore", "/ignored\nCargo.lock\n");
        fixture.write("ignored/x", "");
        git(&fixture, &["init", "--quiet"]);
        git(&fixture, &["add", "."]);
        git(&fixture, &["commit", "--quiet", "-m", "one"]);
        fixture
    }

    fn stage(fixture: &Fixture, dir: &TempDir) -> Stage {
        let project = Project::load(&fixture.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        Stage::make(
            &project,
            &workspace,
            Naming::WithCommit,
            &dir.path().join("source"),
        )
        .unwrap()
    }

    #[test]
    fn the_copy_has_the_commit_in_its_version_and_the_original_has_not() {
        let fixture = committed("staged");
        let before = fs_err::read_to_string(fixture.root().join("pyproject.toml")).unwrap();
        let dir = TempDir::new();
        let stage = stage(&fixture, &dir);
        let commit = stage.commit.as_ref().unwrap();
        assert_eq!(stage.version, format!("0.1.0+g{}", commit.short()));
        assert_eq!(
            stage
                .project
                .pyproject
                .project
                .as_ref()
                .unwrap()
                .version
                .as_deref(),
            Some(&*stage.version)
        );
        assert_eq!(
            fs_err::read_to_string(fixture.root().join("pyproject.toml")).unwrap(),
            before
        );
        assert!(!stage.root.join("ignored").exists() && !stage.root.join(".git/HEAD").exists());
        assert_eq!(stage.time_s(), commit.time_s);
    }

    #[test]
    fn changes_that_are_not_committed_are_told_apart() {
        let fixture = committed("dirtied");
        let dir = TempDir::new();
        let clean = stage(&fixture, &dir).version;
        fixture.write("python/dirtied/new.py", "one");
        let one = stage(&fixture, &dir);
        assert!(
            one.version.starts_with(&format!("{clean}.dirty.d")),
            "{}",
            one.version
        );
        assert!(one.root.join("python/dirtied/new.py").exists());
        fixture.write("python/dirtied/new.py", "two");
        let two = stage(&fixture, &dir).version;
        assert_ne!(one.version, two);
        fs_err::remove_file(fixture.root().join("python/dirtied/new.py")).unwrap();
        let again = stage(&fixture, &dir);
        assert_eq!(again.version, clean);
        assert!(!again.root.join("python/dirtied/new.py").exists());
    }

    #[test]
    fn what_tools_write_is_neither_copied_nor_a_change() {
        let fixture = committed("repeated");
        let dir = TempDir::new();
        let clean = stage(&fixture, &dir).version;
        for name in [
            "dist/repeated-0.1.0-cp311-abi3-linux_x86_64.whl",
            "dist/SHA256SUMS",
            "dist/manifest.json",
            "native/target/debug/big",
            ".venv/pyvenv.cfg",
            "python/repeated/_repeated.abi3.so",
            "python/repeated.egg-info/PKG-INFO",
            ".cargo/config.local.toml",
            "uv.lock",
        ] {
            fixture.write(name, "");
        }
        let again = stage(&fixture, &dir);
        assert_eq!(again.version, clean);
        for name in [
            "dist",
            "native/target",
            ".venv",
            "python/repeated.egg-info",
            ".cargo",
        ] {
            assert!(!again.root.join(name).exists(), "{name}");
        }
        fixture.write("dist/notes.txt", "mine");
        assert!(stage(&fixture, &dir).version.contains(".dirty."));
    }

    #[test]
    fn what_lies_outside_of_the_repository_is_copied_and_named_in_the_version() {
        let fixture = committed("reaching");
        let dependency = "[dependencies]\nnear = { path = \"../../near\" }";
        fixture.edit("native/Cargo.toml", "[dependencies]", dependency);
        let manifest = "[package]\nname = \"near\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        fixture.write("../near/Cargo.toml", manifest);
        fixture.write("../near/src/lib.rs", "");
        fixture.write("../shared/deep/a.rs", "");
        let link = fixture.root().join("native/src/shared");
        std::os::unix::fs::symlink("../../../shared", link).unwrap();
        git(&fixture, &["add", "."]);
        git(&fixture, &["commit", "--quiet", "-m", "two"]);
        let dir = TempDir::new();
        let one = stage(&fixture, &dir);
        let names: Vec<_> = one.outside.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["near", "shared"]);
        let root = one.project.root.clone();
        assert!(root.join("../near/src/lib.rs").is_file());
        assert!(root.join("native/src/shared/deep/a.rs").is_file());
        assert!(one.version.contains(".near.d"), "{}", one.version);
        fixture.write("../near/src/lib.rs", "// changed");
        let two = stage(&fixture, &dir).version;
        assert_ne!(one.version, two);
        let near = |args: &[&str]| {
            let git = Invocation::new("git").args(["-c", "user.name=t", "-c", "user.email=t@t"]);
            let git = git.args(args.iter().copied()).cwd(&fixture.beside("near"));
            git.read().unwrap()
        };
        near(&["init", "--quiet"]);
        near(&["add", "."]);
        near(&["commit", "--quiet", "-m", "one"]);
        let commit = near(&["rev-parse", "HEAD"]);
        let three = stage(&fixture, &dir).version;
        assert!(
            three.contains(&format!(".near.g{}", &commit[..7])),
            "{three}"
        );
    }

    #[test]
    fn what_is_packed_is_copied_whatever_git_says_and_links_lead_nowhere_else() {
        let fixture = committed("packing");
        let maturin = "[tool.maturin]\ninclude = ['ignored/*']";
        fixture.edit("pyproject.toml", "[tool.maturin]", maturin);
        fixture.write("../outside/a.txt", "mine");
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(to, fixture.root().join(from)).unwrap();
        };
        link("../../../outside/a.txt", "python/packing/out.txt");
        link("__init__.py", "python/packing/in.py");
        let dir = TempDir::new();
        let stage = stage(&fixture, &dir);
        assert!(stage.root.join("ignored/x").is_file());
        assert_eq!(stage.ignored, 1);
        let package = stage.root.join("python/packing");
        assert!(package.join("in.py").is_symlink() && !package.join("out.txt").is_symlink());
        assert_eq!(
            fs_err::read_to_string(package.join("out.txt")).unwrap(),
            "mine"
        );
    }

    #[test]
    fn what_cargo_compiles_and_reads_is_copied_whatever_git_says() {
        let fixture = committed("compiling");
        let manifest = |name: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        };
        for name in ["../ignored/fetched", "../../testing"] {
            let dir = fixture.root().join("native").join(name);
            let name = dir.file_name().unwrap().to_owned();
            fixture.write(dir.join("Cargo.toml"), &manifest(&name));
            fixture.write(dir.join("src/lib.rs"), "");
        }
        let dependencies = "[dev-dependencies]\ntesting = { path = \"../../testing\" }\n\n\
                            [dependencies]\nfetched = { path = \"../ignored/fetched\" }";
        fixture.edit("native/Cargo.toml", "[dependencies]", dependencies);
        fixture.write(".gitignore", "/ignored\ngenerated.rs\nCargo.lock\n");
        fixture.write("native/src/deep/generated.rs", "");
        git(&fixture, &["add", "."]);
        git(&fixture, &["commit", "--quiet", "-m", "two"]);
        let dir = TempDir::new();
        let stage = stage(&fixture, &dir);
        let root = &stage.project.root;
        for name in [
            "ignored/fetched/src/lib.rs",
            "native/src/deep/generated.rs",
            "../testing/src/lib.rs",
        ] {
            assert!(root.join(name).is_file(), "{name}");
        }
        assert!(!stage.version.contains("testing"), "{}", stage.version);
    }

    #[test]
    fn where_a_file_of_a_build_script_is_gone_the_script_runs_again() {
        let fixture = committed("making");
        fixture.write("native/build.rs", "fn main() {}");
        let dir = TempDir::new();
        let first = stage(&fixture, &dir);
        let script = first.root.join("native/build.rs");
        let time = || script.metadata().unwrap().modified().unwrap();
        let before = time();
        stage(&fixture, &dir);
        assert_eq!(time(), before);
        fs_err::write(first.root.join("python/making/made.py"), "").unwrap();
        stage(&fixture, &dir);
        assert!(time() > before);
        assert!(!first.root.join("python/making/made.py").exists());
    }

    #[test]
    fn nothing_is_written_or_removed_through_a_link_that_an_earlier_copy_had() {
        let fixture = Fixture::mixed("relinked");
        let foreign = fixture.beside("foreign");
        fixture.write(foreign.join("data.txt"), "mine");
        let linked = fixture.root().join("linked");
        std::os::unix::fs::symlink(&foreign, &linked).unwrap();
        let dir = TempDir::new();
        assert!(stage(&fixture, &dir).root.join("linked").is_symlink());
        fs_err::remove_file(&linked).unwrap();
        fixture.write("linked/data.txt", "the project's");
        let staged = stage(&fixture, &dir).root.join("linked/data.txt");
        assert_eq!(fs_err::read_to_string(staged).unwrap(), "the project's");
        let text = fs_err::read_to_string(foreign.join("data.txt"));
        assert_eq!(text.unwrap(), "mine");
    }

    #[test]
    fn a_link_above_the_copy_stays() {
        let fixture = Fixture::pure_rust("moved");
        let (dir, link) = (TempDir::new(), fixture.beside("cache"));
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        let project = Project::load(&fixture.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        Stage::make(
            &project,
            &workspace,
            Naming::WithCommit,
            &link.join("source"),
        )
        .unwrap();
        assert!(link.is_symlink() && dir.path().join("source/src/lib.rs").is_file());
    }

    #[test]
    fn what_has_not_changed_keeps_its_time() {
        let fixture = committed("timed");
        let dir = TempDir::new();
        let time = |stage: &Stage| {
            let metadata = stage.root.join("native/src/lib.rs").metadata().unwrap();
            metadata.modified().unwrap()
        };
        let first = time(&stage(&fixture, &dir));
        fixture.write(
            "native/src/lib.rs",
            &fs_err::read_to_string(fixture.root().join("native/src/lib.rs")).unwrap(),
        );
        assert_eq!(time(&stage(&fixture, &dir)), first);
    }

    #[test]
    fn without_git_the_version_stays_and_made_files_are_left() {
        let fixture = Fixture::pure_rust("gitless");
        fixture.edit(
            "pyproject.toml",
            "version = \"0.1.0\"",
            "dynamic = [\"version\"]",
        );
        fixture.write("target/x", "");
        fixture.write("old.abi3.so", "");
        fixture.write("lib/written.so", "");
        let dir = TempDir::new();
        let stage = stage(&fixture, &dir);
        assert_eq!(stage.version, "0.1.0");
        assert!(stage.commit.is_none());
        assert!(!stage.root.join("target").exists() && !stage.root.join("old.abi3.so").exists());
        assert!(stage.root.join("lib/written.so").exists());
        let text = fs_err::read_to_string(stage.root.join("pyproject.toml")).unwrap();
        assert!(
            text.contains("version = \"0.1.0\"") && !text.contains("dynamic"),
            "{text}"
        );
    }
}
