//! All that decides what a build makes, beside the sources of path crates: the same text in every checkout
//! and environment in which the build is the same.

use std::collections::BTreeMap;
use std::io;

use camino::Utf8Path;
use environment::cargo_env;
use files::digest::sha256;
use files::write;
use processes::Invocation;

use super::Places;
use crate::circumstances::Circumstances;
use crate::inputs::{ENVIRONMENT, Inputs};
use crate::provenance::profile;

/// Variables that cargo, rustc, the linker and C compilers read without saying so, by the beginning of their
/// names. What crates have read is known after a build, and counts besides.
const OF_COMPILERS: [&str; 24] = [
    "AR",
    "ARFLAGS",
    "ARCHFLAGS",
    "CARGO_",
    "CC",
    "CFLAGS",
    "COMPILER_PATH",
    "CPATH",
    "CPPFLAGS",
    "CXX",
    "CXXFLAGS",
    "C_INCLUDE_PATH",
    "HOST_",
    "LDFLAGS",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "MACOSX_DEPLOYMENT_TARGET",
    "MATURIN_",
    "PKG_CONFIG",
    "PYO3_",
    "RUST",
    "SDKROOT",
    "SOURCE_DATE_EPOCH",
    "TARGET_",
];

/// Variables that say where something is built.
const PLACES: [&str; 4] = [
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_HOME",
];

/// Variables among them that change nothing that is built.
const OF_NO_USE: [&str; 5] = [
    "CARGO_TERM_",
    "CARGO_BUILD_JOBS",
    "CARGO_NET_",
    "RUST_BACKTRACE",
    "RUST_LOG",
];

/// The context of a build, by digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    /// Of the compiler and the profile.
    pub(crate) lane: String,
    /// Of what decides which third-party units are needed.
    pub(crate) units: String,
    /// Of what decides the extension, beside its sources.
    pub(crate) extension: String,
}

/// What a context is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Basis<'a> {
    pub(crate) call: &'a Invocation,
    pub(crate) inputs: &'a Inputs,
    /// What rustc says of itself (`rustc -vV`).
    pub(crate) compiler: &'a str,
    pub(crate) module: &'a str,
    /// How the extension is linked.
    pub(crate) linking: &'a str,
    pub(crate) places: &'a Places,
}

impl Context {
    /// The one of a build on `basis` in this environment.
    pub(crate) fn of(basis: Basis<'_>) -> Self {
        let lane = sha256(format!("{}\n{}", basis.compiler, profile(basis.call)).as_bytes());
        let inputs = basis.inputs.cargo_call.iter();
        let inputs = inputs.filter(|(name, _)| *name != ENVIRONMENT && !is_of_place(name));
        let inputs: String = inputs
            .map(|(name, digest)| format!("{name} {digest}\n"))
            .collect();
        let env: Vec<_> = basis
            .call
            .env
            .iter()
            .filter(|(name, _)| !is_of_place(name))
            .collect();
        let call = format!("{:?} {env:?}", basis.call.args);
        let call = basis.places.portable(&call);
        let units = sha256(format!("{lane}\n{call}\n{inputs}").as_bytes());
        let variables = variables(&cargo_env::environment(), basis.places);
        let extension = format!(
            "{units}\n{}\n{}\n{variables:?}",
            basis.module, basis.linking
        );
        let short = |digest: String| digest[..32].to_owned();
        Self {
            extension: short(sha256(extension.as_bytes())),
            lane: short(lane),
            units: short(units),
        }
    }
}

fn is_of_place(name: &str) -> bool {
    PLACES.iter().any(|place| name.ends_with(place))
}

/// The variables that count, with the values that they would have elsewhere.
fn variables(all: &BTreeMap<String, String>, places: &Places) -> BTreeMap<String, String> {
    let begins = |name: &str, starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    let counted = all.iter().filter(|(name, _)| {
        begins(name, &OF_COMPILERS) && !begins(name, &OF_NO_USE) && !is_of_place(name)
    });
    counted
        .map(|(name, value)| (name.clone(), places.portable(value)))
        .collect()
}

/// What rustc says of itself. It is asked once for each compiler; `notes` is where that is remembered.
pub(crate) fn compiler(
    root: &Utf8Path,
    circumstances: &Circumstances,
    notes: &Utf8Path,
) -> io::Result<String> {
    let file = notes.join("compilers.json");
    let text = fs_err::read_to_string(&file).unwrap_or_default();
    let mut known: BTreeMap<String, String> = serde_json::from_str(&text).unwrap_or_default();
    if let Some(said) = known.get(&circumstances.programs) {
        return Ok(said.clone());
    }
    let rustc = Invocation::new("rustc").arg("-vV").cwd(root);
    let said = rustc.read().map_err(io::Error::other)?;
    if known.len() > 50 {
        known.clear();
    }
    known.insert(circumstances.programs.clone(), said.clone());
    fs_err::create_dir_all(notes)?;
    write::atomically(&file, serde_json::to_vec(&known)?)?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_variables_those_of_compilers_count_wherever_the_checkout_is() {
        let workspace = project_model::Workspace {
            root: "/w".into(),
            target_dir: "/w/target".into(),
            build_dir: "/w/target".into(),
            ..testkit_workspace()
        };
        let places = Places::of("/w".into(), &workspace, "/w/.venv".into()).unwrap();
        let all = [
            ("TERM_PROGRAM", "x"),
            ("PATH", "/w/.venv/bin"),
            ("RUST_BACKTRACE", "1"),
            ("CARGO_TARGET_DIR", "/t"),
            ("CARGO_TERM_COLOR", "always"),
            ("CC", "/w/cc"),
            ("RUSTFLAGS", "-g"),
        ];
        let all = all
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let counted = variables(&all, &places);
        let names: Vec<_> = counted.keys().map(String::as_str).collect();
        assert_eq!(names, ["CC", "RUSTFLAGS"]);
        assert_eq!(places.local(&counted["CC"]), "/w/cc");
        assert!(!counted["CC"].contains("/w/"), "{counted:?}");
    }

    fn testkit_workspace() -> project_model::Workspace {
        let fixture = testkit::Fixture::mixed("thing");
        let project = project_model::Project::load(&fixture.root()).unwrap();
        project_model::Workspace::load(&project).unwrap()
    }
}
