//! What is downloaded before anything is measured, or taken over from what the user has downloaded.

use camino::Utf8Path;
use environment::{cargo_env, vars};
use processes::Invocation;
use project_model::Project;
use trial::files::{FileError, at, copy_file, copy_tree, link_file};

use crate::error::BenchError;
use crate::scratch::{ScratchDir, Source};

impl ScratchDir {
    /// What the user's cargo has downloaded, and how it is configured. Crates are linked: nobody writes to
    /// them. The index is copied: cargo does write to it.
    pub(crate) fn make_cargo_home(&self, workspace_root: &Utf8Path) -> Result<(), BenchError> {
        let home = self.root.join("cargo");
        fs_err::create_dir_all(&home).map_err(at(&home))?;
        let Some(users) = cargo_env::cargo_home() else {
            return Ok(());
        };
        copy_tree(
            &users.join("registry/cache"),
            &home.join("registry/cache"),
            link_file,
        )?;
        copy_tree(
            &users.join("registry/index"),
            &home.join("registry/index"),
            copy_file,
        )?;
        let lock = fs_err::read_to_string(workspace_root.join("Cargo.lock")).unwrap_or_default();
        if lock.contains("source = \"git+") {
            copy_tree(&users.join("git/db"), &home.join("git/db"), copy_file)?;
        }
        // Linked and not copied, so that no token is in a second place.
        for name in ["config", "config.toml", "credentials", "credentials.toml"] {
            if users.join(name).is_file() {
                link(&users.join(name), &home.join(name))?;
            }
        }
        Ok(())
    }

    /// Tools that were fetched before are not fetched again.
    pub(crate) fn link_tools(&self, tools: &Utf8Path) -> Result<(), BenchError> {
        let dir = self.root.join("cache/xtask-build");
        fs_err::create_dir_all(&dir).map_err(at(&dir))?;
        if tools.is_dir() {
            link(tools, &dir.join("tools"))?;
        }
        Ok(())
    }

    /// Makes the lock file too, if there is none: then all lanes have the same.
    pub(crate) fn fetch_crates(
        &self,
        project: &Project,
        warn: &dyn Fn(&str),
    ) -> Result<(), BenchError> {
        let fetch = Invocation::new(cargo_env::cargo())
            .args([
                "fetch",
                "--quiet",
                "--manifest-path",
                project.extension.manifest.as_str(),
            ])
            .cwd(&project.root);
        let online = self.isolated(fetch.clone()).read();
        if online.is_ok() {
            return Ok(());
        }
        let offline = self
            .isolated(fetch)
            .env(vars::CARGO_NET_OFFLINE, "true")
            .read();
        match offline {
            Ok(_) => warn(
                "cargo reaches no registry; the crates that were downloaded before are all that is used",
            ),
            Err(error) => return Err(BenchError::Prepare(error)),
        }
        Ok(())
    }

    /// Fills uv's cache with what any of the strategies installs: by installing all of it once.
    pub(crate) fn fetch_wheels(
        &self,
        project: &Utf8Path,
        source: &Source<'_>,
        warn: &dyn Fn(&str),
    ) {
        for command in self.installations(project, source) {
            if let Err(error) = self.isolated(command.clone()).read() {
                let first = error
                    .to_string()
                    .lines()
                    .find(|line| line.contains("error"))
                    .map(str::to_owned);
                warn(&format!(
                    "`{command}` failed{}",
                    first.map_or(String::new(), |line| format!(": {}", line.trim()))
                ));
            }
        }
    }

    fn installations(&self, project: &Utf8Path, source: &Source<'_>) -> Vec<Invocation> {
        let venv = self.root.join("seed");
        let python = source.tools.python.executable.as_str();
        let uv = |args: &[&str]| {
            Invocation::new(&source.tools.uv.path)
                .args(args.iter().copied())
                .cwd(project)
        };
        let install = |args: &[&str]| {
            uv(&["pip", "install", "--python", venv.as_str()]).args(args.iter().copied())
        };
        let mut commands = vec![uv(&["venv", "--python", python, venv.as_str()])];
        let pyproject = &source.project.pyproject;
        let backend = pyproject
            .build_system
            .iter()
            .flat_map(|system| &system.requires);
        let backend: Vec<_> = backend.map(String::as_str).collect();
        commands.push(install(&backend));
        let mut own = vec!["-r", "pyproject.toml"];
        if pyproject.has_dependency_group("dev") {
            own.extend(["--group", "dev"]);
        }
        if pyproject.project.is_some() {
            commands.push(install(&own));
        }
        for file in source.requirements {
            commands.push(install(&["--require-hashes", "-r", file.as_str()]));
        }
        commands.push(if project.join("uv.lock").is_file() {
            let sync = [
                "sync",
                "--frozen",
                "--no-install-project",
                "--python",
                python,
            ];
            uv(&sync).env(vars::UV_PROJECT_ENVIRONMENT, venv.as_str())
        } else {
            uv(&["lock", "--python", python])
        });
        commands
    }
}

fn link(to: &Utf8Path, from: &Utf8Path) -> Result<(), FileError> {
    std::os::unix::fs::symlink(to, from).map_err(at(from))
}
