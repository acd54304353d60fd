//! What decides each step of a build beside the sources, by name and digest. While it stays the same, the
//! step need not be done again; when it changes, `dev --status` can say what did.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Layers;
use environment::{cargo_env, compiler_caches, vars};
use project_model::{Layout, Project, Selection, Workspace};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dependencies::Pins;
use crate::digest::sha256_of_file;
use crate::maturin::BuildOptions;
use files::digest::sha256;

/// What decides one step: names that a user recognises, and digests.
pub type Named = BTreeMap<String, String>;

/// What decides the steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Which call of cargo maturin makes.
    pub cargo_call: Named,
    /// What is installed beside the extension: metadata, entry points, the mark as editable.
    pub install: Named,
    /// Which dependencies are installed.
    pub dependencies: Named,
}

/// The name of the environment among the inputs.
pub(crate) const ENVIRONMENT: &str = "virtual environment";

/// The name of what build scripts import.
const REQUIRES: &str = "pyproject.toml [build-system] requires";

/// What cargo has resolved.
const LOCK_FILE: &str = "Cargo.lock";

/// The name of what `--extra`, `--group` and the like decide.
const SELECTION: &str = "choice of extras and groups";

/// The names of what `--release`, `--features` and the like decide.
const OPTIONS: &str = "options of the command";
const FEATURES: &str = "features";

/// What the names of variables begin with.
const VARIABLE: &str = "variable ";

fn is_variable(name: &str) -> bool {
    name.starts_with(VARIABLE)
}

/// Variables that maturin looks at before it calls cargo, by their beginning.
const VARIABLES: [&str; 9] = [
    "ARCHFLAGS",
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_",
    "MACOSX_DEPLOYMENT_TARGET",
    "MATURIN_",
    "PYO3_",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

impl Inputs {
    /// Reads what decides a build of `project` into the environment `venv`, beside `config`, which has been
    /// read.
    #[must_use]
    pub fn read(
        project: &Project,
        workspace: &Workspace,
        options: &BuildOptions,
        selection: &Selection,
        venv: &Utf8Path,
        config: &Layers,
    ) -> Self {
        let pyproject = toml(&project.root.join("pyproject.toml"));
        let environment = environment(venv);
        let mut cargo_call = cargo_call(project, workspace, options, &pyproject);
        cargo_call.extend(config_files(project, config));
        cargo_call.extend(environment.clone());
        let mut install = install(project, workspace, options, &pyproject);
        install.extend(environment.clone());
        let mut dependencies = dependencies(project, workspace, selection, &pyproject);
        dependencies.extend(environment);
        Self {
            cargo_call,
            install,
            dependencies,
        }
    }

    /// The same with the options of an `earlier` build.
    #[must_use]
    pub fn with_options_of(mut self, earlier: &Self) -> Self {
        let parts = [
            (OPTIONS, &mut self.cargo_call, &earlier.cargo_call),
            (FEATURES, &mut self.install, &earlier.install),
        ];
        for (name, now, then) in parts {
            now.extend(
                then.get(name)
                    .map(|digest| (name.to_owned(), digest.clone())),
            );
        }
        self
    }

    /// The same with the variables of an `earlier` build.
    #[must_use]
    pub(crate) fn with_variables_of(mut self, earlier: &Self) -> Self {
        self.cargo_call.retain(|name, _| !is_variable(name));
        let then = earlier.cargo_call.iter();
        let variables = then.filter(|(name, _)| is_variable(name));
        self.cargo_call
            .extend(variables.map(|(name, digest)| (name.clone(), digest.clone())));
        self
    }

    /// The same with the dependencies of an `earlier` build, which are left as they are: those of none, where
    /// there is none.
    #[must_use]
    pub(crate) fn with_dependencies_of(mut self, earlier: Option<&Self>) -> Self {
        self.dependencies = earlier
            .map(|it| it.dependencies.clone())
            .unwrap_or_default();
        self
    }

    /// uv has written the lock file since they were read.
    pub(crate) fn note_uv_lock(&mut self, project: &Project) {
        self.dependencies.extend(file(project, &project.uv_lock()));
    }

    /// The environment `venv` has been made since they were read.
    pub(crate) fn note_environment(&mut self, venv: &Utf8Path) {
        for named in [
            &mut self.cargo_call,
            &mut self.install,
            &mut self.dependencies,
        ] {
            named.extend(environment(venv));
        }
    }

    /// maturin has been asked since they were read, and has had cargo write the lock file where it was not
    /// there or not up to date.
    pub(crate) fn note_lock_file(&mut self, root: &Utf8Path, workspace: &Workspace) {
        let path = workspace.root.join(LOCK_FILE);
        if let Some(digest) = sha256_of_file(&path) {
            self.cargo_call.insert(relative(root, &path), digest);
        }
    }

    /// Whether the lock file is the one that they were read from: cargo may have written it since.
    pub(crate) fn have_lock_file(&self, root: &Utf8Path, workspace: &Workspace) -> bool {
        let path = workspace.root.join(LOCK_FILE);
        let noted = self.cargo_call.get(&relative(root, &path));
        noted == sha256_of_file(&path).as_ref()
    }

    /// The digest of what makes the environment another one.
    #[must_use]
    pub fn environment(&self) -> Option<&String> {
        self.cargo_call.get(ENVIRONMENT)
    }

    /// The names of what differs from `earlier`.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> Vec<String> {
        let steps = [
            (&self.cargo_call, &earlier.cargo_call),
            (&self.install, &earlier.install),
            (&self.dependencies, &earlier.dependencies),
        ];
        let mut names: Vec<_> = steps.iter().flat_map(|(a, b)| differing(a, b)).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// The names that are not in both with the same digest.
pub(crate) fn differing(one: &Named, other: &Named) -> Vec<String> {
    let changed = one
        .iter()
        .filter(|(name, digest)| other.get(*name) != Some(digest));
    let gone = other.iter().filter(|(name, _)| !one.contains_key(*name));
    changed.chain(gone).map(|(name, _)| name.clone()).collect()
}

fn cargo_call(
    project: &Project,
    workspace: &Workspace,
    options: &BuildOptions,
    pyproject: &Value,
) -> Named {
    let mut named = Named::new();
    let table = |path: &[&str]| digest(at(pyproject, path));
    named.insert(
        "pyproject.toml [tool.maturin]".to_owned(),
        table(&["tool", "maturin"]),
    );
    named.insert(
        OPTIONS.to_owned(),
        sha256(format!("{options:?}").as_bytes()),
    );
    named.insert(REQUIRES.to_owned(), build_requirements(project));
    let lock = workspace.root.join(LOCK_FILE);
    let toolchain = ["rust-toolchain.toml", "rust-toolchain"].map(|name| workspace.root.join(name));
    let manifests = manifests(project, workspace);
    for path in manifests.into_iter().chain([lock]).chain(toolchain) {
        named.extend(file(project, &path));
    }
    for (name, value) in cargo_env::environment() {
        if VARIABLES.iter().any(|start| name.starts_with(start)) {
            named.insert(format!("{VARIABLE}{name}"), sha256(value.as_bytes()));
        }
    }
    named
}

fn install(
    project: &Project,
    workspace: &Workspace,
    options: &BuildOptions,
    pyproject: &Value,
) -> Named {
    let mut named = Named::new();
    named.insert(
        FEATURES.to_owned(),
        sha256(format!("{:?}", options.without_profile()).as_bytes()),
    );
    for path in [
        &["project"][..],
        &["build-system"],
        &["tool", "maturin"],
        &["tool", "uv", "cache-keys"],
    ] {
        let name = format!("pyproject.toml [{}]", path.join("."));
        named.insert(name, digest(at(pyproject, path)));
    }
    let mut cargo_readmes = Vec::new();
    // maturin takes from Cargo.toml what pyproject.toml leaves open, such as a dynamic version.
    for manifest in manifests(project, workspace) {
        let toml = toml(&manifest);
        let package = [
            at(&toml, &["package"]),
            at(&toml, &["workspace", "package"]),
        ];
        let name = format!("{} [package]", relative(&project.root, &manifest));
        named.insert(name, sha256(format!("{package:?}").as_bytes()));
        let readme = at(&toml, &["package", "readme"]).and_then(Value::as_str);
        cargo_readmes.extend(readme.map(|readme| manifest.with_file_name(readme)));
        // Whether it is for one Python or for the stable ABI, and so the name of the library.
        let abi = [
            &["features"][..],
            &["dependencies", "pyo3"],
            &["workspace", "dependencies", "pyo3"],
        ];
        let abi = abi.map(|path| at(&toml, path));
        let name = format!("{} [features] and pyo3", relative(&project.root, &manifest));
        named.insert(name, sha256(format!("{abi:?}").as_bytes()));
    }
    let readme = at(pyproject, &["project", "readme"]);
    let readme = readme.and_then(|readme| readme.as_str().or(readme.get("file")?.as_str()));
    let stubs = match project.extension.layout {
        // Without a package of its own to lie in, a stub is copied into the one that maturin makes.
        Layout::PureRust => Some(
            project
                .root
                .join(format!("{}.pyi", project.extension.module)),
        ),
        Layout::Mixed { .. } => None,
    };
    let texts = license_files(&project.root);
    let readme = readme.map(|readme| project.root.join(readme));
    for path in readme
        .into_iter()
        .chain(stubs)
        .chain(texts)
        .chain(cargo_readmes)
    {
        named.extend(file(project, &path));
    }
    named
}

/// Files that maturin adds to the metadata where pyproject.toml does not name any (PEP 639).
fn license_files(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = root.read_dir_utf8().into_iter().flatten().flatten();
    let paths = entries.map(camino::Utf8DirEntry::into_path);
    let starts = ["LICEN", "COPYING", "NOTICE", "AUTHORS"];
    let is_license = |path: &Utf8PathBuf| {
        let name = path.file_name().unwrap_or_default();
        starts.iter().any(|start| name.starts_with(start))
    };
    paths.filter(is_license).collect()
}

fn dependencies(
    project: &Project,
    workspace: &Workspace,
    selection: &Selection,
    pyproject: &Value,
) -> Named {
    let pins = Pins::of(project, workspace, selection);
    let files = pins.files(project);
    let files = files.iter().filter_map(|path| file(project, path));
    let selection = sha256(format!("{selection:?}").as_bytes());
    // The lock file has the groups, and not which of them are installed by default.
    let default = digest(at(pyproject, &["tool", "uv", "default-groups"]));
    files
        .chain([
            (SELECTION.to_owned(), selection),
            (REQUIRES.to_owned(), build_requirements(project)),
            (
                "pyproject.toml [tool.uv] default-groups".to_owned(),
                default,
            ),
        ])
        .collect()
}

fn build_requirements(project: &Project) -> String {
    sha256(project.build_requirements().join("\n").as_bytes())
}

/// What makes an environment another: made anew, or from another Python. An upgrade of the Python that it
/// was made from is noticed by the time of the program that `bin/python` leads to.
fn environment(venv: &Utf8Path) -> Named {
    let python = venv.join("bin/python");
    let program = python.canonicalize_utf8().unwrap_or(python);
    let stamp = crate::digest::Stamp::of(&program).ok();
    let config = fs_err::read_to_string(venv.join("pyvenv.cfg")).unwrap_or_default();
    let text = format!("{venv} {program} {stamp:?} {config}");
    Named::from([(ENVIRONMENT.to_owned(), sha256(text.as_bytes()))])
}

/// The extension's Cargo.toml, and that of its workspace.
fn manifests(project: &Project, workspace: &Workspace) -> Vec<Utf8PathBuf> {
    let mut paths = vec![
        project.extension.manifest.clone(),
        workspace.root.join("Cargo.toml"),
    ];
    paths.dedup();
    paths
}

/// The files that cargo reads its configuration from, with what they include.
fn config_files(project: &Project, config: &Layers) -> Named {
    let files = config.files().filter_map(|(path, file)| {
        let is_local = path.file_name() == Some(cargo_env::LOCAL_CONFIG);
        let digest = config_digest(file.text(), is_local)?;
        Some((relative(&project.root, path), digest))
    });
    files.collect()
}

/// The digest of a configuration of cargo by what it says, without what changes nothing that is built: a
/// compiler cache, the number of jobs, and which other files are read, which count by themselves; in this
/// machine's own file also without pyo3's variables, which a build of ours sets itself. `None` if nothing is
/// left.
fn config_digest(text: &str, is_local: bool) -> Option<String> {
    let Ok(mut config) = toml_edit::de::from_str::<Value>(text.trim_start_matches('\u{feff}'))
    else {
        return Some(sha256(text.as_bytes()));
    };
    let tables = config.as_object_mut()?;
    tables.remove("include");
    if let Some(build) = tables.get_mut("build").and_then(Value::as_object_mut) {
        build.remove("rustc-wrapper");
        build.remove("jobs");
    }
    if let Some(env) = tables.get_mut("env").and_then(Value::as_object_mut) {
        let is_ours = |name: &str| is_local && vars::PYO3.contains(&name);
        env.retain(|name, _| !compiler_caches::is_variable(name) && !is_ours(name));
    }
    tables.retain(|_, value| value.as_object().is_none_or(|table| !table.is_empty()));
    (!tables.is_empty()).then(|| digest(Some(&config)))
}

/// A file by its name and digest, if it is there.
fn file(project: &Project, path: &Utf8Path) -> Option<(String, String)> {
    Some((relative(&project.root, path), sha256_of_file(path)?))
}

fn relative(root: &Utf8Path, path: &Utf8Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string()
}

/// A TOML file as a value; null where there is none.
fn toml(path: &Utf8Path) -> Value {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    toml_edit::de::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default()
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The digest of a value: comments and layout of the file do not count.
fn digest(value: Option<&Value>) -> String {
    sha256(value.map(Value::to_string).unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn read(fixture: &Fixture) -> Inputs {
        let project = Project::load(&fixture.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        Inputs::read(
            &project,
            &workspace,
            &BuildOptions::default(),
            &Selection::default(),
            "/no/venv".into(),
            &Layers::read(&project.root).unwrap(),
        )
    }

    #[test]
    fn variables_can_be_those_of_an_earlier_build() {
        let inputs = |names: &[&str]| Inputs {
            cargo_call: names
                .iter()
                .map(|it| ((*it).to_owned(), "00".to_owned()))
                .collect(),
            install: Named::new(),
            dependencies: Named::new(),
        };
        let now = inputs(&["Cargo.toml", "variable RUSTFLAGS"]);
        let then = inputs(&["Cargo.lock", "variable CARGO_TARGET_DIR"]);
        let mixed = inputs(&["Cargo.toml", "variable CARGO_TARGET_DIR"]);
        assert_eq!(now.with_variables_of(&then), mixed);
    }

    #[test]
    fn a_compiler_cache_in_cargos_configuration_is_no_reason_to_build() {
        let digest_of = |text: &str| config_digest(text, false);
        let ours =
            "# why\n[build]\nrustc-wrapper = 'sccache'\njobs = 2\n[env]\nSCCACHE_DIR = '/c'\n";
        assert_eq!(digest_of(ours), None);
        assert_eq!(digest_of("include = ['config.local.toml']"), None);
        let flags = "[build]\nrustflags = ['-O']\n";
        let both = format!("{flags}rustc-wrapper = 'sccache'\n");
        assert_eq!(digest_of(&both), digest_of(flags));
        assert_ne!(digest_of(&flags.replace("-O", "-g")), digest_of(flags));
        let variable = "[env]\nPYO3_PYTHON = 'x'";
        assert!(digest_of(variable).is_some());
        assert_eq!(config_digest(variable, true), None);
        assert!(digest_of("[build").is_some());
    }

    #[test]
    fn what_matters_not_changes_nothing() {
        let fixture = Fixture::mixed("thing");
        let before = read(&fixture);
        fixture.edit(
            "pyproject.toml",
            "[project]",
            "# a comment\n[tool.other]\nx = 1\n[project]",
        );
        fixture.edit("native/src/lib.rs", "42", "43");
        let after = read(&fixture);
        assert_eq!(after.changed_since(&before), Vec::<String>::new());
    }

    #[test]
    fn metadata_decides_the_install_and_nothing_else() {
        let fixture = Fixture::mixed("thing");
        let before = read(&fixture);
        fixture.edit("pyproject.toml", "\"0.1.0\"", "\"0.1.1\"");
        let after = read(&fixture);
        assert_eq!(after.changed_since(&before), ["pyproject.toml [project]"]);
        assert_eq!(after.cargo_call, before.cargo_call);
        assert_ne!(after.install, before.install);
    }

    #[test]
    fn a_dependency_of_the_crate_decides_the_call_and_not_the_install() {
        let fixture = Fixture::mixed("thing");
        let before = read(&fixture);
        fixture.edit(
            "native/Cargo.toml",
            "[dependencies]",
            "[dependencies]\n# more to come",
        );
        let after = read(&fixture);
        assert_eq!(after.changed_since(&before), ["native/Cargo.toml"]);
        assert_eq!(after.install, before.install);
    }

    #[test]
    fn a_dynamic_version_decides_the_install() {
        let fixture = Fixture::pure_rust("thing");
        fixture.edit(
            "pyproject.toml",
            "version = \"0.1.0\"",
            "dynamic = [\"version\"]",
        );
        let before = read(&fixture);
        fixture.edit("Cargo.toml", "version = \"0.1.0\"", "version = \"0.2.0\"");
        assert_ne!(read(&fixture).install, before.install);
    }

    #[test]
    fn cargos_configuration_decides_the_call() {
        let fixture = Fixture::pure_rust("thing");
        let before = read(&fixture);
        fixture.write(".cargo/config.toml", "[build]\nrustflags = []\n");
        assert_eq!(
            read(&fixture).changed_since(&before),
            [".cargo/config.toml"]
        );
    }

    #[test]
    fn configuration_outside_of_the_project_decides_as_well() {
        let fixture = Fixture::pure_rust("thing");
        let before = read(&fixture);
        fixture.write("../.cargo/config.toml", "[build]\nrustflags = []\n");
        let names = read(&fixture).changed_since(&before);
        let above = fixture.root().with_file_name(".cargo/config.toml");
        assert_eq!(names, [above.as_str()]);
    }

    #[test]
    fn what_cargos_configuration_includes_decides_the_call_and_what_lies_beside_it_does_not() {
        let fixture = Fixture::pure_rust("thing");
        let include = "include = [{ path = '../shared.toml', optional = true }]\n";
        fixture.write(".cargo/config.toml", include);
        let before = read(&fixture);
        fixture.write(".cargo/config.other.toml", "[build]\nrustflags = []\n");
        assert_eq!(read(&fixture), before);
        fixture.write("shared.toml", "include = ['deep.toml']\n");
        fixture.write("deep.toml", "[build]\nrustflags = []\n");
        let with = read(&fixture);
        let names = [".cargo/../deep.toml"];
        assert_eq!(with.changed_since(&before), names);
        fixture.write("deep.toml", "[build]\nrustflags = ['-Copt-level=1']\n");
        assert_eq!(read(&fixture).changed_since(&with), [names[0]]);
    }
}
