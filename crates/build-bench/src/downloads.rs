//! What is downloaded before anything is measured, or taken over from what the user has downloaded.

use camino::Utf8Path;
use environment::{cargo_env, vars};
use processes::Invocation;
use project_model::Project;
use trial::files::{FileError, at, copy_file, copy_tree, link_file};

use crate::error::BenchError;
use crate::scratch::{ScratchDir, Source, cargo};

impl ScratchDir {
    /// What the user's cargo has downloaded, and how it is configured. Crates are linked: nobody writes to
    /// them. The index is copied: cargo does write to it.
    pub(crate) fn make_cargo_home(&self, workspace_root: &Utf8Path) -> Result<(), BenchError> {
        let home = self.root.join("cargo");
        fs_err::create_dir_all(&home).map_err(at(&home))?;
        let Some(users) = cargo_env::cargo_home() else {
            return Ok(());
        };
        let take = |dir: &str, put| copy_tree(&users.join(dir), &home.join(dir), put);
        take("registry/cache", link_file)?;
        take("registry/index", copy_file)?;
        let lock = fs_err::read_to_string(workspace_root.join("Cargo.lock")).unwrap_or_default();
        if lock.contains("source = \"git+") {
            take("git/db", copy_file)?;
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
        let fetch = self.isolated(cargo("fetch", project));
        if fetch.read().is_err() {
            fetch.env(vars::CARGO_NET_OFFLINE, "true").read()?;
            warn(
                "cargo reaches no registry; the crates that were downloaded before are all that is used",
            );
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
                let said = error.to_string();
                let first = said.lines().find(|line| line.contains("error"));
                let why = first.map_or(String::new(), |line| format!(": {}", line.trim()));
                warn(&format!("`{command}` failed{why}"));
            }
        }
    }

    /// An environment, and what is installed into it.
    fn installations(&self, project: &Utf8Path, source: &Source<'_>) -> Vec<Invocation> {
        let venv = self.root.join("seed");
        let python = source.tools.python.executable.as_str();
        let uv = Invocation::new(&source.tools.uv.path).cwd(project);
        let install = uv
            .clone()
            .args(["pip", "install", "--python", venv.as_str()]);
        let mut commands = vec![uv.clone().args(["venv", "--python", python, venv.as_str()])];
        let pyproject = &source.project.pyproject;
        if let Some(system) = &pyproject.build_system {
            commands.push(install.clone().args(&system.requires));
        }
        if pyproject.project.is_some() {
            let own = install.clone().args(["-r", "pyproject.toml"]);
            let groups = pyproject.default_groups().into_iter();
            commands.push(own.args(groups.flat_map(|name| ["--group", name])));
        }
        let pinned = source.requirements.iter().map(|file| {
            let file = ["--require-hashes", "-r", file.as_str()];
            install.clone().args(file)
        });
        commands.extend(pinned);
        commands.push(if project.join("uv.lock").is_file() {
            let sync = ["sync", "--frozen", "--no-install-project", "--python"];
            uv.args(sync)
                .arg(python)
                .env(vars::UV_PROJECT_ENVIRONMENT, venv.as_str())
        } else {
            uv.args(["lock", "--python", python])
        });
        commands
    }
}

fn link(to: &Utf8Path, from: &Utf8Path) -> Result<(), FileError> {
    std::os::unix::fs::symlink(to, from).map_err(at(from))
}
