//! Applying a change: what is kept, what is refused, and in which state the file is after an error.

mod common;

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use camino::Utf8Path;
use common::{BY, ENV, File};
use config_edit::{CargoConfig, Change, EditError};
use testkit::TempDir;

const NEW: &str = "[env] # by `cargo xtask sccache`\nA = \"1\" # by `cargo xtask sccache`\n";

fn write(path: &Utf8Path) -> Result<Change, EditError> {
    CargoConfig::update(path, |config| config.set_env("A", "1", BY))
}

fn set_mode(path: &Utf8Path, mode: u32) {
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn names(dir: &Utf8Path) -> Vec<String> {
    let entries = dir.read_dir_utf8().unwrap().map(Result::unwrap);
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_missing_file_is_made_with_its_directory() {
    let dir = TempDir::new();
    let path = dir.path().join("a/.cargo/config.toml");
    write(&path).unwrap();
    assert_eq!(fs_err::read_to_string(&path).unwrap(), NEW);
    assert_eq!(names(path.parent().unwrap()), ["config.toml"]);
    assert_ne!(fs_err::metadata(&path).unwrap().mode() & 0o400, 0);
    assert_eq!(fs_err::metadata(&path).unwrap().mode() & 0o111, 0);
}

#[test]
fn mode_and_symbolic_link_stay() {
    let file = File::of("");
    let link = file.path.with_file_name("link.toml");
    set_mode(&file.path, 0o640);
    // Relative, as most are.
    fs_err::os::unix::fs::symlink("file.toml", &link).unwrap();
    write(&link).unwrap();
    assert!(link.is_symlink());
    assert_eq!(file.text(), NEW);
    assert_eq!(fs_err::metadata(&file.path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(
        names(file.path.parent().unwrap()),
        ["file.toml", "link.toml"]
    );
}

#[test]
fn user_and_group_stay() {
    let file = File::of("");
    if std::os::unix::fs::chown(&file.path, Some(4321), Some(8765)).is_err() {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    write(&file.path).unwrap();
    let metadata = fs_err::metadata(&file.path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (4321, 8765));
}

#[test]
fn a_link_that_leads_nowhere_is_refused() {
    let dir = TempDir::new();
    let link = dir.path().join("config.toml");
    fs_err::os::unix::fs::symlink("gone.toml", &link).unwrap();
    let error = write(&link).unwrap_err();
    assert!(matches!(error, EditError::DanglingLink { .. }), "{error:?}");
    assert!(error.to_string().contains("gone.toml"), "{error}");
    assert_eq!(names(dir.path()), ["config.toml"]);
}

#[test]
fn what_is_read_only_is_refused_even_to_root() {
    let file = File::of("");
    let dir = file.path.parent().unwrap();
    for (path, mode, usual) in [(file.path.as_path(), 0o444, 0o644), (dir, 0o555, 0o755)] {
        set_mode(path, mode);
        let error = write(&file.path).unwrap_err();
        set_mode(path, usual);
        let EditError::ReadOnly { read_only, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(read_only, path);
        let text = error.to_string();
        assert!(text.contains("left as it was\n  help: "), "{text}");
        assert_eq!(file.text(), "");
        assert_eq!(names(dir), ["file.toml"]);
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_refused_with_the_one_above_it() {
    let file = File::of("");
    let above = file.path.parent().unwrap();
    set_mode(above, 0o555);
    let error = write(&above.join(".cargo/config.toml")).unwrap_err();
    set_mode(above, 0o755);
    let EditError::ReadOnly { read_only, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(read_only, above);
    assert_eq!(names(above), ["file.toml"]);
}

#[test]
fn a_file_that_has_changed_since_is_left() {
    let file = File::of("");
    let change = ENV.plan(&file.path, BY).unwrap();
    fs_err::write(&file.path, "# faster\n").unwrap();
    let error = change.apply().unwrap_err();
    assert!(matches!(error, EditError::Changed { .. }), "{error:?}");
    assert_eq!(file.text(), "# faster\n");

    // Also one that was not there, or is no more.
    let path = file.path.with_file_name("new.toml");
    let change = ENV.plan(&path, BY).unwrap();
    fs_err::write(&path, "").unwrap();
    assert!(matches!(change.apply(), Err(EditError::Changed { .. })));
    let change = ENV.plan(&path, BY).unwrap();
    fs_err::remove_file(&path).unwrap();
    assert!(matches!(change.apply(), Err(EditError::Changed { .. })));
    assert!(!path.exists());
}

#[test]
fn an_update_is_planned_anew_when_the_file_has_changed() {
    let file = File::of("");
    let is_first = std::cell::Cell::new(true);
    let edit = |config: &mut CargoConfig| {
        if is_first.replace(false) {
            fs_err::write(&file.path, "# faster\n").unwrap();
        }
        config.set_env("A", "1", BY)
    };
    CargoConfig::update(&file.path, edit).unwrap();
    assert_eq!(file.text(), format!("# faster\n\n{NEW}"));
}

#[test]
fn a_directory_that_is_a_file_is_an_error_and_nothing_is_left() {
    let dir = TempDir::new();
    fs_err::write(dir.path().join("file"), "a file").unwrap();
    let error = Change {
        path: dir.path().join("file/x/config.toml"),
        old: None,
        new: Some("a = 1".to_owned()),
    };
    let error = error.apply().unwrap_err().to_string();
    assert!(error.contains("left as it was"), "{error}");
    assert_eq!(names(dir.path()), ["file"]);
}

#[test]
fn directories_are_taken_away_again_after_an_error() {
    let dir = TempDir::new();
    let change = Change {
        path: dir.path().join("a/b/config.toml"),
        old: Some("was there".to_owned()),
        new: Some("a = 1".to_owned()),
    };
    assert!(matches!(change.apply(), Err(EditError::Changed { .. })));
    assert!(names(dir.path()).is_empty());
}

#[test]
fn the_draft_of_a_writer_that_was_killed_is_removed() {
    let file = File::of("");
    let draft = file.path.with_file_name(".file.toml.config-edit-draft");
    fs_err::write(&draft, "half").unwrap();
    write(&file.path).unwrap();
    assert_eq!(names(file.path.parent().unwrap()), ["file.toml"]);
}

#[test]
fn of_several_changes_none_is_made_where_one_may_not_be() {
    let (first, second) = (File::of("a = 1\n"), File::of("b = 1\n"));
    let change = |file: &File, old: &str| Change {
        path: file.path.clone(),
        old: Some(old.to_owned()),
        new: Some("c = 1\n".to_owned()),
    };
    let changes = [change(&first, "a = 1\n"), change(&second, "b = 1\n")];
    let text = || fs_err::read_to_string(&first.path).unwrap();
    set_mode(&second.path, 0o444);
    let error = Change::apply_all(&changes).unwrap_err();
    assert!(matches!(error, EditError::ReadOnly { .. }), "{error}");
    assert_eq!(text(), "a = 1\n");
    set_mode(&second.path, 0o644);
    Change::apply_all(&changes).unwrap();
    assert_eq!(text(), "c = 1\n");
}

#[test]
fn a_diff_is_what_one_knows() {
    let change = |old: Option<&str>, new: Option<&str>| Change {
        path: "/p/.cargo/config.toml".into(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
    };
    let old = "1\n2\n3\n4\n5\n6\n7\n8\n9";
    assert_eq!(
        change(Some(old), Some(&old.replace('5', "five\r"))).diff(),
        "--- a/p/.cargo/config.toml\n+++ b/p/.cargo/config.toml\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\r\n 6\n 7\n 8\n"
    );
    assert_eq!(
        change(None, Some("a")).diff(),
        "--- /dev/null\n+++ b/p/.cargo/config.toml\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n"
    );
    let there = change(None, Some("a")).diff_in("/p".into());
    assert!(there.contains("\n+++ b/.cargo/config.toml\n"), "{there}");
    let elsewhere = change(None, Some("a")).diff_in("/q".into());
    assert!(elsewhere.contains("\n+++ b/p/.cargo/config.toml\n"));
    let removed = change(Some("a\n"), None);
    assert!(
        removed.diff().contains("+++ /dev/null\n"),
        "{}",
        removed.diff()
    );
    assert!(!removed.is_empty());
    assert_eq!(change(Some("a\n"), Some("a\n")).diff(), "");
}
