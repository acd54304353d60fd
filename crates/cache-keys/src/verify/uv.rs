//! uv, and the backend by which we learn whether it builds.

use camino::Utf8PathBuf;
use environment::cargo_env;
use packaging::normalized;
use processes::Invocation;
use project_model::{Project, Pyproject};

use super::request::{ProofRequest, VerifyError, at};
use super::scratch::Scratch;
use crate::paths::{matching, relative};

/// The stand-in for maturin.
const BACKEND: &str = include_str!("backend.py");

/// `uv sync` on the copy.
pub(super) struct Uv<'a> {
    request: &'a ProofRequest<'a>,
    root: Utf8PathBuf,
    beside: Utf8PathBuf,
    manifest: Utf8PathBuf,
    profile_is_given: bool,
}

impl<'a> Uv<'a> {
    pub(super) fn new(
        request: &'a ProofRequest<'a>,
        project: &Project,
        scratch: &Scratch,
    ) -> Result<Self, VerifyError> {
        let uv = Self {
            request,
            root: project.root.clone(),
            beside: scratch.beside.clone(),
            manifest: project.extension.manifest.clone(),
            profile_is_given: project.pyproject.maturin().editable_profile.is_some(),
        };
        let write = |path: Utf8PathBuf, text: &str| fs_err::write(&path, text).map_err(at(&path));
        let wheels = uv.wheels();
        fs_err::create_dir_all(&wheels).map_err(at(&wheels))?;
        write(uv.beside.join("maturin.py"), BACKEND)?;
        write(uv.log(), "")?;
        write(project.root.join("uv.lock"), &lock(project))?;
        Ok(uv)
    }

    /// Whether uv has built, by handing over what was built first.
    pub(super) fn sync(&self) -> Result<bool, VerifyError> {
        self.run(&self.command())
    }

    /// The same, with a variable set.
    pub(super) fn sync_with(&self, variable: &str) -> Result<bool, VerifyError> {
        self.run(&self.command().env(variable, "cache-keys-verify"))
    }

    /// The same, with maturin and cargo.
    pub(super) fn sync_for_real(&self) -> Result<bool, VerifyError> {
        let build = json_list(&self.build());
        let command = self.command().env("XTASK_VERIFY_BUILD", build);
        self.run(&command.env("CARGO_TARGET_DIR", self.target_dir("build").as_str()))
    }

    /// `cargo check`, as an editor runs it all the time. With a target directory of its own: maturin sets
    /// variables for pyo3 that an editor does not, and each would compile it anew after the other.
    pub(super) fn cargo_check(&self) -> Result<(), VerifyError> {
        let check = Invocation::new(cargo_env::cargo())
            .args([
                "check",
                "--quiet",
                "--manifest-path",
                self.manifest.as_str(),
            ])
            .env("CARGO_TARGET_DIR", self.target_dir("check").as_str())
            .cwd(&self.root);
        check.read().map(drop).map_err(VerifyError::Cargo)
    }

    fn run(&self, command: &Invocation) -> Result<bool, VerifyError> {
        let builds = || fs_err::read_to_string(self.log()).map_err(at(&self.log()));
        let before = builds()?.len();
        command.read().map_err(VerifyError::Uv)?;
        Ok(builds()?.len() > before)
    }

    /// Only the project itself is installed, so nothing is resolved and nothing downloaded. Without
    /// isolation, as the backend is found on the path.
    fn command(&self) -> Invocation {
        Invocation::new(&self.request.uv.path)
            .args([
                "sync",
                "--frozen",
                "--no-default-groups",
                "--no-build-isolation",
            ])
            .args(["--offline", "--no-progress"])
            .args(["--python", self.request.python.as_str()])
            .env("UV_CACHE_DIR", self.beside.join("cache").as_str())
            // That of the copy counts among its inputs.
            .env_remove("UV_PROJECT_ENVIRONMENT")
            .env("PYTHONPATH", self.beside.as_str())
            .env("XTASK_VERIFY_LOG", self.log().as_str())
            .env("XTASK_VERIFY_WHEELS", self.wheels().as_str())
            .env_remove("VIRTUAL_ENV")
            .cwd(&self.root)
    }

    /// What maturin's own hook would run. Unless the project says otherwise, with the profile that compiles
    /// fastest.
    fn build(&self) -> Vec<String> {
        let mut args = vec![self.request.maturin.path.to_string()];
        let fixed = [
            "pep517",
            "build-wheel",
            "--editable",
            "--compatibility",
            "linux",
        ];
        args.extend(fixed.map(str::to_owned));
        args.extend(["--auditwheel", "skip", "--interpreter"].map(str::to_owned));
        args.push(self.request.python.to_string());
        args.extend(["--out".to_owned(), self.wheels().to_string()]);
        if !self.profile_is_given {
            args.extend(["--profile".to_owned(), "dev".to_owned()]);
        }
        args
    }

    /// Kept from run to run, so that only the first compiles everything.
    fn target_dir(&self, of: &str) -> Utf8PathBuf {
        let target_dir = &self.request.closure.target_dir;
        target_dir.join("cache-keys-verify").join(of)
    }

    fn log(&self) -> Utf8PathBuf {
        self.beside.join("builds")
    }

    fn wheels(&self) -> Utf8PathBuf {
        self.beside.join("wheels")
    }
}

/// A lock file that holds nothing but the project, and the members of its workspace, which uv wants to see
/// there.
fn lock(project: &Project) -> String {
    let requires = project.pyproject.project.as_ref();
    let requires = requires.and_then(|project| project.requires_python.clone());
    let requires = requires.unwrap_or_else(|| ">=3.8".to_owned());
    let mut packages = vec![(normalized(project.name()), ".".to_owned())];
    packages.extend(members(project));
    let mut lock = format!("version = 1\nrequires-python = \"{requires}\"\n");
    if packages.len() > 1 {
        let names: Vec<_> = packages.iter().map(|(name, _)| name).collect();
        lock.push_str(&format!("\n[manifest]\nmembers = {names:?}\n"));
    }
    for (name, path) in packages {
        lock.push_str(&format!(
            "\n[[package]]\nname = \"{name}\"\nsource = {{ editable = \"{path}\" }}\n"
        ));
    }
    lock
}

/// The other projects of the workspace that this project is the root of: names, and where they are.
fn members(project: &Project) -> Vec<(String, String)> {
    let patterns = project.pyproject.uv_workspace_members().iter();
    let manifests = patterns.filter_map(|pattern| {
        let pattern = format!("{}/pyproject.toml", pattern.trim_end_matches('/'));
        matching(&project.root, &pattern)
    });
    let member = |manifest: Utf8PathBuf| {
        let name = Pyproject::read(&manifest).ok()?.project?.name;
        let path = relative(&project.root, manifest.parent()?);
        (!path.as_str().is_empty()).then(|| (normalized(&name), path.into_string()))
    };
    manifests.flatten().filter_map(member).collect()
}

/// A JSON list of strings.
fn json_list(words: &[String]) -> String {
    serde_json::json!(words).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    #[test]
    fn the_members_of_a_workspace_are_locked_as_well() {
        let fixture = Fixture::pure_rust("thing");
        assert!(!lock(&Project::load(&fixture.root()).unwrap()).contains("members"));
        let workspace = "[tool.uv.workspace]\nmembers = [\"packages/*\", \"gone\"]\n\n[project]";
        fixture.edit("pyproject.toml", "[project]", workspace);
        fixture.write("packages/a/pyproject.toml", "[project]\nname = \"A_a\"\n");
        let lock = lock(&Project::load(&fixture.root()).unwrap());
        assert!(lock.contains("members = [\"thing\", \"a-a\"]"), "{lock}");
        assert!(lock.contains("editable = \"packages/a\""), "{lock}");
    }

    #[test]
    fn names_are_written_as_the_lock_file_has_them() {
        assert_eq!(normalized("My_Own.Thing"), "my-own-thing");
    }
}
