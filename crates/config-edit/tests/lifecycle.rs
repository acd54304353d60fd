//! A file over time: made, added to by the user and by several commands, and left by them.

mod common;

use camino::Utf8PathBuf;
use common::{BY, File, LOCAL, OTHER, keys};
use config_edit::{CargoConfig, Change, EditError, PyprojectFile};
use testkit::TempDir;

/// What `edit` makes of `text`, in the file.
fn edited(
    text: &str,
    edit: impl Fn(&mut CargoConfig) -> Result<(), EditError>,
) -> Result<String, EditError> {
    let file = File::of(text);
    let mut config = CargoConfig::read(&file.path)?;
    edit(&mut config)?;
    Ok(config.into_change().new.unwrap_or_default())
}

fn marked(text: &str) -> String {
    text.replace('@', "# by `cargo xtask sccache`")
}

/// A project without a configuration.
struct Bare(TempDir);

impl Bare {
    fn path(&self) -> Utf8PathBuf {
        self.0.path().join(".cargo/config.local.toml")
    }

    fn update(&self, edit: impl Fn(&mut CargoConfig) -> Result<(), EditError>) -> Change {
        CargoConfig::update(&self.path(), edit).unwrap()
    }

    fn text(&self) -> String {
        fs_err::read_to_string(self.path()).unwrap()
    }
}

/// Writes as a command would in whose hands nobody has a file yet.
fn enable(config: &mut CargoConfig) -> Result<(), EditError> {
    config.introduce("# Of this machine only.\nGit ignores it.", BY);
    config.set_rustc_wrapper("/p/sccache", BY)
}

const INTRODUCTION: &str =
    "# Of this machine only.\n# Git ignores it.\n@: the file, and these 3 lines\n\n";

#[test]
fn a_file_that_we_made_goes_with_the_last_that_is_in_it() {
    let bare = Bare(TempDir::new());
    let change = bare.update(enable);
    assert_eq!(change.old, None);
    let text = format!("{INTRODUCTION}[build] @\nrustc-wrapper = \"/p/sccache\" @\n");
    assert_eq!(bare.text(), marked(&text));
    assert!(bare.update(enable).is_empty());

    // Another command comes and stays longer.
    bare.update(|config| config.set_env("A", "1", OTHER));
    bare.update(|config| config.undo(BY));
    assert!(
        bare.text()
            .ends_with("\n\n[env] # by `cargo xtask tune`\nA = \"1\" # by `cargo xtask tune`\n")
    );
    let change = bare.update(|config| config.undo(OTHER));
    assert_eq!(change.new, None);
    assert!(!bare.0.path().join(".cargo").exists());
    // Nothing to undo: nothing is made.
    assert!(bare.update(|config| config.undo(BY)).is_empty());
}

#[test]
fn a_file_to_which_the_user_has_added_stays() {
    for (added_above, added_below) in [("# mine\n", ""), ("", "# mine\n"), ("", "\n[x]\ny = 1\n")] {
        let bare = Bare(TempDir::new());
        bare.update(enable);
        let text = format!("{added_above}{}{added_below}", bare.text());
        fs_err::write(bare.path(), text).unwrap();
        bare.update(|config| config.undo(BY));
        let left = bare.text();
        assert!(
            left.contains(added_above) && left.contains(added_below),
            "{left}"
        );
        assert!(!left.contains("sccache\""), "{left}");
    }
}

#[test]
fn a_directory_with_other_files_stays() {
    let bare = Bare(TempDir::new());
    let other = bare.path().with_file_name("config.toml");
    bare.update(enable);
    fs_err::write(&other, "").unwrap();
    bare.update(|config| config.undo(BY));
    assert!(!bare.path().exists() && other.exists());
}

#[test]
fn a_link_to_a_file_that_we_made_does_not_come_to_lead_nowhere() {
    let bare = Bare(TempDir::new());
    bare.update(enable);
    let moved = bare.0.path().join("moved.toml");
    fs_err::rename(bare.path(), &moved).unwrap();
    fs_err::os::unix::fs::symlink(&moved, bare.path()).unwrap();
    bare.update(|config| config.undo(BY));
    assert!(bare.path().is_symlink());
    assert_eq!(bare.text(), "");
}

#[test]
fn nothing_is_made_of_an_introduction_alone() {
    let bare = Bare(TempDir::new());
    let change = bare.update(|config| {
        config.introduce("# Nothing yet.", BY);
        Ok(())
    });
    assert!(change.is_empty());
    assert!(!bare.path().exists());
    // In a file that is there it has no place.
    let text = edited("a = 1\n", |config| {
        config.introduce("# Nothing yet.", BY);
        Ok(())
    });
    assert_eq!(text.unwrap(), "a = 1\n");
}

#[test]
fn what_the_user_added_to_ours_stays() {
    let cases = [
        // Under our header: a setting, and one commented out.
        ("[env] @\nA = '1' @\nB = '2'\n", "[env]\nB = '2'\n"),
        ("[env] @\n# B = '2'\nA = '1' @\n", "[env]\n# B = '2'\n"),
        (
            "a = 1\n\n[env] @\nA = '1' @\n\n# about x\n[x]\n",
            "a = 1\n\n# about x\n[x]\n",
        ),
        // In our arrays and lines.
        (
            "include = [{ path = 'l' }, 'mine'] @\n",
            "include = ['mine']\n",
        ),
        (
            "include = [\n  'a',\n  'l', @\n  'mine'\n]\n",
            "include = [\n  'a',\n  'mine'\n]\n",
        ),
        (
            "include = [\n  'a', 'l', @\n]\n",
            "include = [\n  'a',\n]\n",
        ),
        (
            "env = { A = '1', B = '2' } @: env.A\n",
            "env = { B = '2' }\n",
        ),
        (
            "env = { B = '2',\n  A = '1' } @: env.A\n",
            "env = { B = '2'\n   }\n",
        ),
        (
            "env = { B = '2' } # mine @: env.A\n",
            "env = { B = '2' } # mine\n",
        ),
        // A comment that was there, or came later.
        ("[env]\nA = '1' # mine @\nB = '2'\n", "[env]\nB = '2'\n"),
        ("# @\n[env] # mine @\n", "# @\n"),
    ];
    for (old, new) in cases {
        let left = edited(&marked(old), |config| config.undo(BY)).unwrap();
        assert_eq!(left, marked(new), "from {old}");
    }
}

#[test]
fn only_an_own_variable_is_removed() {
    let cases = [
        ("a = 1\n\n[env] @\nA = '1' @\n", "a = 1\n"),
        ("[env] @\nA = '1' @\nB = '2' @\n", "[env] @\nB = '2' @\n"),
        ("[env]\nA = '1' @\n", "[env]\n"),
        (
            "env = { B = '2', A = '1' } @: env.A, env.C\n",
            "env = { B = '2' } @: env.C\n",
        ),
        ("[env]\nA = '1'\n", "[env]\nA = '1'\n"),
        (
            "[env]\nA = '1' # by `cargo xtask tune`\n",
            "[env]\nA = '1' # by `cargo xtask tune`\n",
        ),
        ("a = 1\n", "a = 1\n"),
    ];
    for (old, new) in cases {
        let left = edited(&marked(old), |config| config.remove(&["env", "A"], BY)).unwrap();
        assert_eq!(left, marked(new), "from {old}");
    }
}

#[test]
fn a_variable_is_kept_whoever_set_it() {
    let cases = [
        ("", "[env]\nA = \"1\"\n"),
        ("[env]\nA = \"0\" # why\n", "[env]\nA = \"1\" # why\n"),
        ("[env]\nA = 0\n", "[env]\nA = \"1\"\n"),
        ("env = { B = \"2\" }\n", "env = { B = \"2\", A = \"1\" }\n"),
        (
            "[env]\nA = { value = '0', force = true }\n",
            "[env]\nA = { value = \"1\", force = true }\n",
        ),
        (
            "[env]\nA = { value = '1', relative = true }\n",
            "[env]\nA = { value = \"1\" }\n",
        ),
        (
            "[env.A]\nvalue = '0'\nrelative = true\nforce = true\n",
            "[env.A]\nvalue = \"1\"\nforce = true\n",
        ),
        ("env.A.value = '0'\n", "env.A.value = \"1\"\n"),
        (
            "env.A.force = true\n",
            "env.A.force = true\nenv.A.value = \"1\"\n",
        ),
    ];
    for (old, new) in cases {
        let keep = |config: &mut CargoConfig| config.keep_env("A", Some("1"));
        assert_eq!(edited(old, keep).unwrap(), new, "from {old}");
        assert_eq!(edited(new, keep).unwrap(), new);
    }
    let cases = [
        (
            "# mine\n[env]\nA = \"0\"\nB = \"2\" # keep\n",
            "# mine\n[env]\nB = \"2\" # keep\n",
        ),
        ("env = { A = '0', B = '2' }\n", "env = { B = '2' }\n"),
        ("[env.A]\nvalue = '0'\nforce = true\n\n[x]\n", "\n[x]\n"),
        (
            "env.A.value = '0'\nenv.A.force = true\nenv.B = '2'",
            "env.B = '2'",
        ),
        ("a = 1\n", "a = 1\n"),
    ];
    for (old, new) in cases {
        let removed = edited(old, |config| config.keep_env("A", None)).unwrap();
        assert_eq!(removed, new, "from {old}");
    }
}

#[test]
fn settings_are_read_in_every_form() {
    let read = |text: &str| CargoConfig::read(&File::of(text).path).unwrap();
    let has = |text: &str| read(text).includes(LOCAL);
    assert!(has("include = ['other.toml', 'config.local.toml']"));
    assert!(has(
        "include = [{ path = 'config.local.toml', optional = true }]"
    ));
    assert!(has("[[include]]\npath = 'config.local.toml'"));
    assert!(!has("include = ['other.toml']"));
    assert!(!has("[build]\njobs = 1"));
    // cargo refuses it.
    assert!(!has("include = 'config.local.toml'"));

    let config = read(&marked(
        "build = { rustc-wrapper = 'w' } # x @: build.rustc-wrapper\nenv.A = '1'\nenv.B.value = '2'\nenv.C = 3\njobs = 1 @\n",
    ));
    let wrapper = ["build", "rustc-wrapper"];
    assert_eq!(config.string(&wrapper).as_deref(), Some("w"));
    assert_eq!(config.string(&["build"]), None);
    assert_eq!(config.string(&["jobs"]), None);
    let env = [("A", "1"), ("B", "2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(config.env(), env);
    assert_eq!(config.owner_of(&wrapper).as_deref(), Some(BY.0));
    assert_eq!(config.owner_of(&["jobs"]).as_deref(), Some(BY.0));
    assert_eq!(config.owner_of(&["build"]), None);
    assert_eq!(config.owner_of(&["env", "A"]), None);
    assert_eq!(config.owner_of(&["gone"]), None);
}

/// What `edit` makes of a `pyproject.toml`.
fn project(text: &str, edit: impl Fn(&mut PyprojectFile) -> Result<(), EditError>) -> String {
    let file = File::of(text);
    let mut project = PyprojectFile::read(&file.path).unwrap();
    edit(&mut project).unwrap();
    project.into_change().new.unwrap()
}

#[test]
fn cache_keys_are_replaced_by_others() {
    let other = [("dir", "d"), ("file", "a")];
    let other = other.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
    for old in [
        "",
        "[tool.uv]\ncache-keys = ['x'] # why\n",
        "[tool.uv]\ncache-keys = [\n  'x', # why\n]\n",
        "[tool.uv]\ncache-keys = [\n  'x' # why\n]",
        "tool = { uv = {} }\n",
    ] {
        let first = project(old, |p| p.set_cache_keys(&keys(), BY));
        let second = project(&first, |p| p.set_cache_keys(&other, BY));
        assert_eq!(
            second,
            project(old, |p| p.set_cache_keys(&other, BY)),
            "from {old}"
        );
        assert_eq!(project(&second, |p| p.set_cache_keys(&keys(), BY)), first);
        assert_eq!(project(&second, |p| p.undo(BY)), old);
        // No keys: nothing of ours.
        assert_eq!(project(&second, |p| p.set_cache_keys(&[], BY)), old);
        assert_eq!(project(old, |p| p.set_cache_keys(&[], BY)), old);
    }
}

#[test]
fn cache_keys_of_the_user_are_not_repeated() {
    let old = "[tool.uv]\ncache-keys = [\n  \"pyproject.toml\",\n  {env='RUSTFLAGS'},\n]\n";
    let new = project(old, |p| p.set_cache_keys(&keys(), BY));
    assert_eq!(new.matches("pyproject.toml").count(), 1, "{new}");
    assert_eq!(new.matches("RUSTFLAGS").count(), 1, "{new}");
    assert!(
        new.contains("\n    { file = \"rust/**/*.rs\" },\n"),
        "{new}"
    );

    // All of them there already.
    let old = "[tool.uv]\ncache-keys = ['pyproject.toml', 'rust/**/*.rs', {env='RUSTFLAGS'}]\n";
    assert_eq!(project(old, |p| p.set_cache_keys(&keys(), BY)), old);
    // The user took one over: ours goes.
    let all = project("", |p| p.set_cache_keys(&keys(), BY));
    let taken_over = all.replace("\n] # by", "\n    \"pyproject.toml\",\n] # by");
    let new = project(&taken_over, |p| p.set_cache_keys(&keys(), BY));
    assert_eq!(new.matches("pyproject.toml").count(), 1, "{new}");
    let left = project(&new, |p| p.undo(BY));
    assert_eq!(
        left,
        "[tool.uv]\ncache-keys = [\n    \"pyproject.toml\",\n]\n"
    );
}

#[test]
fn a_block_without_its_end_is_refused() {
    let all = project("", |p| p.set_cache_keys(&keys(), BY));
    let file = File::of(&all.replace("# end of", "# no end of"));
    let mut project = PyprojectFile::read(&file.path).unwrap();
    for error in [project.set_cache_keys(&keys(), BY), project.undo(BY)] {
        let error = error.unwrap_err();
        assert!(matches!(error, EditError::Unfinished { .. }), "{error:?}");
    }
}

#[test]
fn a_missing_pyproject_is_an_error() {
    let dir = TempDir::new();
    let error = PyprojectFile::read(&dir.path().join("pyproject.toml")).unwrap_err();
    assert!(matches!(error, EditError::Read { .. }), "{error:?}");
}
