//! Every operation on every shape that a real file has, and the text that is to come out.

mod common;

use common::{BY, ENV, File, INCLUDE, KEYS, OTHER, Operation, PROFILE, WRAPPER, checked, variants};
use config_edit::{CargoConfig, EditError};

/// Checks that `operation` makes the second text of each case from the first, in which `@` stands for its
/// mark.
fn check(operation: Operation, cases: &[(&str, &str)]) {
    for (old, new) in cases {
        let new = new.replace('@', "# by `cargo xtask sccache`");
        for (old, new) in variants(old).iter().zip(variants(&new)) {
            let made = checked(operation, old).unwrap_or_else(|error| panic!("{old}: {error}"));
            // The line ends of a new file are ours.
            if old.trim_matches(['\r', '\n', '\u{feff}']).is_empty() {
                continue;
            }
            assert_eq!(
                without_returns(&made),
                without_returns(&new),
                "from {old:?}"
            );
            assert_eq!(
                is_all_crlf(old),
                is_all_crlf(&made),
                "from {old:?}: {made:?}"
            );
        }
    }
}

fn without_returns(text: &str) -> String {
    text.replace('\r', "")
}

fn is_all_crlf(text: &str) -> bool {
    text.contains('\n') && text.matches('\n').count() == text.matches("\r\n").count()
}

#[test]
fn a_wrapper_is_set() {
    check(
        WRAPPER,
        &[
            ("", "[build] @\nrustc-wrapper = \"/p/sccache\" @\n"),
            (
                "# all comment\n",
                "# all comment\n\n[build] @\nrustc-wrapper = \"/p/sccache\" @\n",
            ),
            // In a table, below its last entry, in its indentation, and not below what follows it.
            (
                "[build]\njobs = 1 # few\n\n[env]\nA = '1'\n",
                "[build]\njobs = 1 # few\nrustc-wrapper = \"/p/sccache\" @\n\n[env]\nA = '1'\n",
            ),
            (
                "[build]\n  jobs = 1\n  # rustc-wrapper = 'sccache'\n",
                "[build]\n  jobs = 1\n  rustc-wrapper = \"/p/sccache\" @\n  # rustc-wrapper = 'sccache'\n",
            ),
            (
                "[build]\n# rustc-wrapper = 'sccache'\n",
                "[build]\nrustc-wrapper = \"/p/sccache\" @\n# rustc-wrapper = 'sccache'\n",
            ),
            (
                "[build] # why\n[env]\n",
                "[build] # why\nrustc-wrapper = \"/p/sccache\" @\n[env]\n",
            ),
            (
                "[build]\nrustflags = [\n    '-C', # one\n    'x', # [env]\n]\n[build.x]\ny = 1\n",
                "[build]\nrustflags = [\n    '-C', # one\n    'x', # [env]\n]\nrustc-wrapper = \"/p/sccache\" @\n[build.x]\ny = 1\n",
            ),
            (
                "[build]\nx = '''\n[build]\n# by `cargo xtask sccache`\n'''\n",
                "[build]\nx = '''\n[build]\n# by `cargo xtask sccache`\n'''\nrustc-wrapper = \"/p/sccache\" @\n",
            ),
            (
                "[ 'build' ]\nx=1\n",
                "[ 'build' ]\nx=1\nrustc-wrapper = \"/p/sccache\" @\n",
            ),
            // Only a sub-table is there.
            (
                "[build.x]\ny = 1\n",
                "[build.x]\ny = 1\n\n[build] @\nrustc-wrapper = \"/p/sccache\" @\n",
            ),
            // Dotted.
            (
                "build.jobs = 1\nterm.quiet = true\n",
                "build.jobs = 1\nbuild.rustc-wrapper = \"/p/sccache\" @\nterm.quiet = true\n",
            ),
            (
                "build . \"jobs\" = 1 # x\n",
                "build . \"jobs\" = 1 # x\nbuild.rustc-wrapper = \"/p/sccache\" @\n",
            ),
            // Inline.
            (
                "build = { jobs = 1 } # few\n",
                "build = { jobs = 1, rustc-wrapper = \"/p/sccache\" } # few @: build.rustc-wrapper\n",
            ),
            (
                "build = {jobs=1}\n",
                "build = {jobs=1, rustc-wrapper = \"/p/sccache\"} @: build.rustc-wrapper\n",
            ),
            (
                "build = {}\n",
                "build = {rustc-wrapper = \"/p/sccache\"} @: build.rustc-wrapper\n",
            ),
            (
                "build = { }   \n",
                "build = { rustc-wrapper = \"/p/sccache\" }    @: build.rustc-wrapper\n",
            ),
            (
                "build = { flags = [\n  'a', # one\n] } # b\n",
                "build = { flags = [\n  'a', # one\n], rustc-wrapper = \"/p/sccache\" } # b @: build.rustc-wrapper\n",
            ),
            // Below tables for targets.
            (
                "[target.'cfg(all(unix, not(target_os = \"macos\")))']\nlinker = 'clang'\n",
                "[target.'cfg(all(unix, not(target_os = \"macos\")))']\nlinker = 'clang'\n\n[build] @\nrustc-wrapper = \"/p/sccache\" @\n",
            ),
            // Nothing to do.
            (
                "[build]\nrustc-wrapper = '/p/sccache'\n",
                "[build]\nrustc-wrapper = '/p/sccache'\n",
            ),
        ],
    );
}

#[test]
fn a_variable_is_set() {
    check(
        ENV,
        &[
            ("\n", "\n\n[env] @\nA = \"1\" @\n"),
            ("[env]\nB = '2'\n", "[env]\nB = '2'\nA = \"1\" @\n"),
            (
                "[env]\n# A = '0'\nB = '2'\n",
                "[env]\n# A = '0'\nB = '2'\nA = \"1\" @\n",
            ),
            (
                "env.B = '2' # single\n",
                "env.B = '2' # single\nenv.A = \"1\" @\n",
            ),
            (
                "env = { B = '2' }\n",
                "env = { B = '2', A = \"1\" } @: env.A\n",
            ),
            (
                "env = { B.value = '2', B.force = true, }\n",
                "env = { B.value = '2', B.force = true, A = \"1\", } @: env.A\n",
            ),
            (
                "env = { \"B\" = { value = '2', force = true } }\n",
                "env = { \"B\" = { value = '2', force = true }, A = \"1\" } @: env.A\n",
            ),
            (
                "[env.B]\nvalue = '2'\n[x]\n",
                "[env.B]\nvalue = '2'\n[x]\n\n[env] @\nA = \"1\" @\n",
            ),
            (
                "[env]\nA = { value = '1', force = true }\n",
                "[env]\nA = { value = '1', force = true }\n",
            ),
            ("[env.A]\nvalue = '1'\n", "[env.A]\nvalue = '1'\n"),
        ],
    );
}

#[test]
fn a_file_is_included() {
    const LINE: &str = "include = [{ path = \"config.local.toml\", optional = true }] @";
    let line = |text: &str| text.replace("LINE", LINE);
    let cases = [
        ("", "LINE\n".to_owned()),
        ("[build]\njobs = 1\n", line("LINE\n\n[build]\njobs = 1\n")),
        (
            "# about build\n[build]\n",
            line("LINE\n\n# about build\n[build]\n"),
        ),
        (
            "# about all\n# of it\n\n# about build\n[build]\n",
            line("# about all\n# of it\n\nLINE\n\n# about build\n[build]\n"),
        ),
        (
            "a = 1 # x\n\n[build]\n",
            line("a = 1 # x\nLINE\n\n[build]\n"),
        ),
        (
            "a.b = [\n 1\n]\n[build]\n",
            line("a.b = [\n 1\n]\nLINE\n[build]\n"),
        ),
        (
            "# include = []\n[alias]\n",
            line("LINE\n\n# include = []\n[alias]\n"),
        ),
    ];
    let cases: Vec<_> = cases.iter().map(|(a, b)| (*a, b.as_str())).collect();
    check(INCLUDE, &cases);
    let set_off = checked(INCLUDE, "# about all\n\n\n").unwrap();
    assert!(set_off.starts_with("# about all\n\ninclude = "));
}

#[test]
fn a_file_is_added_to_those_included() {
    const ELEMENT: &str = "{ path = \"config.local.toml\", optional = true }";
    const LISTED: &str = "@: include.\"config.local.toml\"";
    let cases = [
        ("include = ['a']\n", "include = ['a', ELEMENT] LISTED\n"),
        (
            "include = ['a' , ] # b\n",
            "include = ['a', ELEMENT , ] # b LISTED\n",
        ),
        ("include = []\n", "include = [ELEMENT] LISTED\n"),
        ("include = [ ]\n", "include = [ ELEMENT ] LISTED\n"),
        ("include = [\n]\n", "include = [\n    ELEMENT, @\n]\n"),
        (
            "include = [\n  # 'x',\n]\n[build]\n",
            "include = [\n  # 'x',\n    ELEMENT, @\n]\n[build]\n",
        ),
        (
            "include = [\n  'a', # why\n  { path = 'b' }\n] # all\n",
            "include = [\n  'a', # why\n  { path = 'b' },\n  ELEMENT @\n] # all\n",
        ),
        (
            "include = [\n\t\"a\", # why\n\t# 'b',\n\t]\n",
            "include = [\n\t\"a\", # why\n\t# 'b',\n\tELEMENT, @\n\t]\n",
        ),
        (
            "include = ['a',\n  'b']\n",
            "include = ['a',\n  'b', ELEMENT] LISTED\n",
        ),
        (
            "include = ['a'\n  , 'b'\n  ,]\n",
            "include = ['a'\n  , 'b', ELEMENT\n  ,] LISTED\n",
        ),
        (
            "[[include]]\npath = 'a'\n\n[env]\n",
            "[[include]]\npath = 'a'\n\n[env]\n\n[[include]] @\npath = \"config.local.toml\" @\noptional = true @\n",
        ),
        (
            "include = ['config.local.toml']\n",
            "include = ['config.local.toml']\n",
        ),
        (
            "[[include]]\npath = 'config.local.toml'\n",
            "[[include]]\npath = 'config.local.toml'\n",
        ),
    ];
    let full = |text: &str| text.replace("ELEMENT", ELEMENT).replace("LISTED", LISTED);
    let cases: Vec<_> = cases.iter().map(|(a, b)| (*a, full(b))).collect();
    let cases: Vec<_> = cases.iter().map(|(a, b)| (*a, b.as_str())).collect();
    check(INCLUDE, &cases);
}

const FIRST: &str = "    @; run it again instead of editing these lines\n";
const LAST: &str = "    # end of what `cargo xtask sccache` wrote";

/// `text` with `BLOCK` for a block of our three keys, `MOVED` for one whose bracket has been moved.
fn with_blocks(text: &str) -> String {
    let block = "    { file = \"pyproject.toml\" },\n    { file = \"rust/**/*.rs\" },\n    { env = \"RUSTFLAGS\" }";
    let full = |comma: &str, note: &str| format!("{FIRST}{block}{comma}\n{LAST}{note}\n");
    let moved = "; `]` belongs above";
    text.replace("BLOCK\n", &full("", ""))
        .replace("BLOCK,\n", &full(",", ""))
        .replace("MOVED\n", &full("", moved))
        .replace("MOVED,\n", &full(",", moved))
}

#[test]
fn cache_keys_are_set() {
    const LINE: &str =
        "[{ file = \"pyproject.toml\" }, { file = \"rust/**/*.rs\" }, { env = \"RUSTFLAGS\" }]";
    let cases = [
        // The key is not there.
        (
            "[project]\nname = 'x'\n",
            "[project]\nname = 'x'\n\n[tool.uv] @\ncache-keys = [\nBLOCK,\n] @\n",
        ),
        (
            "[tool.uv]\npackage = true\n[tool.x]\n",
            "[tool.uv]\npackage = true\ncache-keys = [\nBLOCK,\n] @\n[tool.x]\n",
        ),
        (
            "[tool.uv.sources]\nx = 1\n",
            "[tool.uv.sources]\nx = 1\n\n[tool.uv] @\ncache-keys = [\nBLOCK,\n] @\n",
        ),
        (
            "[tool]\nuv.package = true\n",
            "[tool]\nuv.package = true\nuv.cache-keys = [\nBLOCK,\n] @\n",
        ),
        (
            "tool.uv.package = true\n[a]\n",
            "tool.uv.package = true\ntool.uv.cache-keys = [\nBLOCK,\n] @\n[a]\n",
        ),
        (
            "tool.x.y = true\n",
            "tool.x.y = true\ntool.uv.cache-keys = [\nBLOCK,\n] @\n",
        ),
        (
            "[tool]\nx.y = true\n",
            "[tool]\nx.y = true\n\n[tool.uv] @\ncache-keys = [\nBLOCK,\n] @\n",
        ),
        (
            "[tool]\nuv = { package = true }\n",
            "[tool]\nuv = { package = true, cache-keys = LINE } @: tool.uv.cache-keys\n",
        ),
        (
            "tool = { x = 1 }\n",
            "tool = { x = 1, uv.cache-keys = LINE } @: tool.uv.cache-keys\n",
        ),
        // It is.
        (
            "[tool.uv]\ncache-keys = ['a']\n",
            "[tool.uv]\ncache-keys = ['a',\nMOVED\n]\n",
        ),
        (
            "[tool.uv]\ncache-keys = ['a', ] # b\n",
            "[tool.uv]\ncache-keys = ['a', \nMOVED,\n] # b\n",
        ),
        (
            "[tool.uv]\ncache-keys = []\n",
            "[tool.uv]\ncache-keys = [\nMOVED,\n]\n",
        ),
        (
            "[tool.uv]\ncache-keys = [\n  'a', # b\n  {dir='c'}\n]\n",
            "[tool.uv]\ncache-keys = [\n  'a', # b\n  {dir='c'},\nBLOCK\n]\n",
        ),
        (
            "[tool.uv]\ncache-keys = [\n  'a', # b\n  # 'c'\n  ]\n",
            "[tool.uv]\ncache-keys = [\n  'a', # b\n  # 'c'\nBLOCK,\n  ]\n",
        ),
        (
            "[tool.uv]\ncache-keys = [\n]\n",
            "[tool.uv]\ncache-keys = [\nBLOCK,\n]\n",
        ),
        (
            "[tool.uv]\ncache-keys = ['a'\n  , 'b'\n  ,]\n",
            "[tool.uv]\ncache-keys = ['a'\n  , 'b'\n  ,\nMOVED,\n]\n",
        ),
        (
            "tool = { uv = { cache-keys = ['a'] } } # b\n",
            "tool = { uv = { cache-keys = ['a',\nMOVED\n] } } # b\n",
        ),
    ];
    let full = |text: &str| with_blocks(text).replace("LINE", LINE);
    let cases: Vec<_> = cases.iter().map(|(a, b)| (*a, full(b))).collect();
    let cases: Vec<_> = cases.iter().map(|(a, b)| (*a, b.as_str())).collect();
    check(KEYS, &cases);
}

#[test]
fn what_somebody_else_has_set_is_left() {
    let cases = [
        (
            WRAPPER,
            "[build]\nrustc-wrapper = 'mine' # why\n",
            "`'mine'`",
        ),
        (
            WRAPPER,
            "build = { rustc-wrapper = \"mine\" }\n",
            "`\"mine\"`",
        ),
        (
            WRAPPER,
            "build.rustc-wrapper = 'a' # by `cargo xtask tune`\n",
            "by `cargo xtask tune`",
        ),
        (WRAPPER, "build.rustc-wrapper = ''\n", "`''`"),
        (
            ENV,
            "[env]\nA = { value = '0', force = true }\n",
            "`{ value = '0', force = true }`",
        ),
        (
            ENV,
            "[env]\nA = { value = '1', relative = true }\n",
            "`env.A`",
        ),
        (ENV, "[env.A]\nvalue = '0'\n", "a table"),
        (ENV, "[env]\nA.value = '0'\n", "a table"),
        (
            KEYS,
            "[tool.uv]\ncache-keys = ['a'] # by `cargo xtask tune`\n",
            "by `cargo xtask tune`",
        ),
    ];
    for (operation, old, told) in cases {
        for old in variants(old) {
            let error = checked(operation, &old).unwrap_err();
            assert!(matches!(error, EditError::Taken { .. }), "{old}: {error:?}");
            let text = error.to_string();
            assert!(text.contains(told) && text.contains("file.toml"), "{text}");
            assert!(text.contains("\n  help: "), "{text}");
        }
    }
}

#[test]
fn what_is_not_what_it_should_be_is_refused() {
    for (operation, old) in [
        (WRAPPER, "build = 1\n"),
        (WRAPPER, "[[build]]\n"),
        (ENV, "env = ['A']\n"),
        (KEYS, "tool.uv = 'x'\n"),
        (KEYS, "[[tool]]\n[tool.uv]\n"),
    ] {
        let error = checked(operation, old).unwrap_err();
        assert!(
            matches!(error, EditError::NotATable { .. }),
            "{old}: {error:?}"
        );
    }
    for (operation, old) in [
        (INCLUDE, "include = 'config.local.toml'\n"),
        (INCLUDE, "[include]\npath = 'x'\n"),
        (KEYS, "[tool.uv]\ncache-keys = 'a'\n"),
        (KEYS, "[tool.uv.cache-keys]\n"),
        (KEYS, "[[tool.uv.cache-keys]]\nfile = 'a'\n"),
    ] {
        let error = checked(operation, old).unwrap_err();
        assert!(
            matches!(error, EditError::NotAnArray { .. }),
            "{old}: {error:?}"
        );
    }
}

#[test]
fn what_is_not_toml_is_refused() {
    for old in [
        "[env\n",
        "a = 1\na = 2\n",
        "a = \n",
        "[a]\n[a]\n",
        "\u{0}",
        "a\rb",
    ] {
        for operation in common::ALL {
            let error = checked(operation, old).unwrap_err();
            assert!(
                matches!(error, EditError::Toml { .. }),
                "{old:?}: {error:?}"
            );
        }
    }
    let file = File::of("");
    fs_err::write(&file.path, b"a = '\xff'").unwrap();
    let error = ENV.plan(&file.path, BY).unwrap_err();
    assert!(matches!(error, EditError::Read { .. }), "{error:?}");
}

#[test]
fn keys_of_a_profile_are_set_with_the_reason() {
    const DEBUG: &str = "debug = \"line-tables-only\" # 0.9 of 2 s @\n";
    let tables = format!(
        "\n[profile.dev] @\n{DEBUG}\n[profile.dev.package.\"*\"] @\ndebug = false # 0.5 of 4 s @\n\
         \n[profile.dev.package.a] @\ncodegen-units = 16 @\n"
    );
    let below = tables.strip_prefix("\n[profile.dev] @\n").unwrap();
    let packages = tables.split_once(DEBUG).unwrap().1;
    let package = "[package]\nname = \"a\" # mine\n";
    let cases = [
        // No profile yet, or another one.
        (package.to_owned(), format!("{package}{tables}")),
        (
            "[profile.release]\nlto = true\n".to_owned(),
            format!("[profile.release]\nlto = true\n{tables}"),
        ),
        // The profile, above and below other things.
        (
            "[profile.dev]\nopt-level = 1 # fast\n\n[workspace]\n".to_owned(),
            format!("[profile.dev]\nopt-level = 1 # fast\n{DEBUG}\n[workspace]\n{packages}"),
        ),
        (
            "[profile.dev]\n# debug = 0\n".to_owned(),
            format!("[profile.dev]\n{DEBUG}# debug = 0\n{packages}"),
        ),
        // Only a table below it: TOML lets the upper one come later.
        (
            "[profile.dev.package.b]\nopt-level = 3\n".to_owned(),
            format!("[profile.dev.package.b]\nopt-level = 3\n\n[profile.dev] @\n{below}"),
        ),
        // Tables for the packages are there.
        (
            "[profile.dev.package.\"*\"]\nopt-level = 1\n\n[profile.dev.package.a]\nopt-level = 2\n"
                .to_owned(),
            format!(
                "[profile.dev.package.\"*\"]\nopt-level = 1\ndebug = false # 0.5 of 4 s @\n\n\
                 [profile.dev.package.a]\nopt-level = 2\ncodegen-units = 16 @\n\n[profile.dev] @\n{DEBUG}"
            ),
        ),
        // Dotted keys.
        (
            "[profile]\ndev.opt-level = 1\n[workspace]\n".to_owned(),
            format!(
                "[profile]\ndev.opt-level = 1\ndev.{DEBUG}dev.package.\"*\".debug = false # 0.5 of 4 s @\n\
                 dev.package.a.codegen-units = 16 @\n[workspace]\n"
            ),
        ),
    ];
    for (old, new) in &cases {
        check(PROFILE, &[(old, new)]);
    }
    // In a line of the user's there is no place for reasons.
    check(
        PROFILE,
        &[(
            "[profile]\ndev = { opt-level = 1 } # mine\n",
            "[profile]\ndev = { opt-level = 1, debug = \"line-tables-only\", package.\"*\".debug = false, \
             package.a.codegen-units = 16 } # mine # by `cargo xtask sccache`: profile.dev.debug, \
             profile.dev.package.\"*\".debug, profile.dev.package.a.codegen-units\n",
        )],
    );
}

#[test]
fn a_key_of_a_profile_that_the_user_has_set_stays() {
    for text in [
        "[profile.dev]\ndebug = 2\n",
        "[profile.dev.package.'*']\ndebug = 1\n",
        "profile.dev.package.a = { codegen-units = 1 }\n",
    ] {
        let error = checked(PROFILE, text).unwrap_err();
        assert!(
            matches!(error, EditError::Taken { owner: None, .. }),
            "{error}"
        );
    }
    let error = checked(PROFILE, "profile.dev = 1\n").unwrap_err();
    assert!(matches!(error, EditError::NotATable { .. }), "{error}");
}

#[test]
fn an_own_value_is_updated_where_it_stands() {
    let cases = [
        (
            "[build]\nrustc-wrapper = 'old' # by `cargo xtask sccache`\njobs = 1\n",
            "'old'",
        ),
        (
            "build = { rustc-wrapper = 'old', x = 1 } # a # by `cargo xtask sccache`: build.rustc-wrapper\n",
            "'old'",
        ),
        (
            "build.rustc-wrapper = 'old' # mine # by `cargo xtask sccache`\n",
            "'old'",
        ),
    ];
    for (old, value) in cases {
        let file = File::of(old);
        let change = WRAPPER.plan(&file.path, BY).unwrap();
        change.apply().unwrap();
        assert_eq!(file.text(), old.replace(value, "\"/p/sccache\""));
        // The same again by another command: no change, so that the mark stays whose it is.
        assert!(WRAPPER.plan(&file.path, OTHER).unwrap().is_empty());
    }
}

#[test]
fn each_command_takes_back_its_own_in_any_order() {
    let texts = [
        "",
        "# top\n\n[x]\ny = 1\n",
        "include = ['a']\nbuild = { jobs = 1 }\nenv = { B = '1' } # mine\n",
        "include = [\n  'a'\n]\nbuild.jobs = 1\nenv.B = '1'",
        "[[include]]\npath = 'a'\n[env]\n[build]\n",
        "include = []\nenv = { }\n",
        "include = [\n]\nenv = {}\n",
    ];
    let one = |config: &mut CargoConfig, name: &str, by| {
        config.set_env(name, "1", by)?;
        config.include_local_config(&format!("{name}.toml"), by)
    };
    let undo = |by| move |config: &mut CargoConfig| config.undo(by);
    for old in texts.into_iter().flat_map(variants) {
        for order in [[BY, OTHER], [OTHER, BY]] {
            let first = edited(&old, |config| one(config, "A", BY));
            let both = edited(&first, |config| one(config, "C", OTHER));
            let left = edited(&both, undo(order[0]));
            let left = edited(&left, undo(order[1]));
            assert_eq!(left, old, "{order:?} of {both:?}");
        }
    }
}

/// What `edit` makes of `text`.
fn edited(text: &str, edit: impl Fn(&mut CargoConfig) -> Result<(), EditError>) -> String {
    let file = File::of(text);
    let mut config = CargoConfig::read(&file.path).unwrap();
    edit(&mut config).unwrap();
    config.into_change().new.unwrap()
}
