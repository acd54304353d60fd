//! Cargo's configuration as it is in force in a directory: which files are read, and which of them wins
//! (<https://doc.rust-lang.org/cargo/reference/config.html>).

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::{CargoConfig, EditError, Owner};
use environment::cargo_env::{cargo_home, config_dirs};
use environment::vars;

/// Reads a file, if it is there.
type Look<'a> = dyn Fn(&Utf8Path) -> Result<Option<CargoConfig>, EditError> + 'a;

/// A setting in force, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value.
    pub value: String,
    /// The file, or a variable of the environment.
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the environment that cargo is started in.
    Variable(&'static str),
    /// The environment itself: the setting is a variable.
    Environment,
    /// A configuration file.
    File(Utf8PathBuf),
}

/// The configuration files that cargo reads, the one that wins first.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Where cargo is started.
    dir: Utf8PathBuf,
    files: Vec<(Utf8PathBuf, CargoConfig)>,
}

impl Layers {
    /// Those for cargo started in `dir`: `.cargo/config.toml` there and in every directory above, then that
    /// of cargo's home; after each, the files that it includes.
    pub fn read(dir: &Utf8Path) -> Result<Self, EditError> {
        Self::assembled(dir, config_dirs(dir), &|path| {
            path.is_file().then(|| CargoConfig::read(path)).transpose()
        })
    }

    /// The same as it will be when the `planned` files are written.
    pub fn with(&self, planned: &[&CargoConfig]) -> Result<Self, EditError> {
        Self::assembled(&self.dir, config_dirs(&self.dir), &|path| {
            let mut planned = planned.iter();
            match planned.find(|config| config.path() == path) {
                Some(config) => Ok(Some((*config).clone())),
                None => path.is_file().then(|| self.file(path)).transpose(),
            }
        })
    }

    /// Those that `look` finds in `cargo_dirs`.
    fn assembled(
        dir: &Utf8Path,
        cargo_dirs: impl Iterator<Item = Utf8PathBuf>,
        look: &Look<'_>,
    ) -> Result<Self, EditError> {
        let mut layers = Self {
            dir: dir.to_owned(),
            files: Vec::new(),
        };
        for cargo_dir in cargo_dirs {
            layers.add(config_in(&cargo_dir), look)?;
        }
        Ok(layers)
    }

    /// Adds a file and what it includes, unless it is there already.
    fn add(&mut self, path: Utf8PathBuf, look: &Look<'_>) -> Result<(), EditError> {
        if self.files.iter().any(|(known, _)| *known == path) {
            return Ok(());
        }
        let Some(config) = look(&path)? else {
            return Ok(());
        };
        let dir = path.parent().unwrap_or(Utf8Path::new("")).to_owned();
        let included = config.include_paths();
        self.files.push((path, config));
        // Of two files that are included the later one wins.
        let mut included = included.into_iter().rev();
        included.try_for_each(|name| self.add(dir.join(name), look))
    }

    /// The wrapper that cargo calls, if any. The environment wins over files.
    #[must_use]
    pub fn rustc_wrapper(&self) -> Option<Setting> {
        // Set and empty is a choice as well: none.
        if let Some(value) = vars::even_empty(vars::RUSTC_WRAPPER) {
            let origin = Origin::Variable(vars::RUSTC_WRAPPER);
            return (!value.is_empty()).then_some(Setting { value, origin });
        }
        if let Some(value) = vars::var(vars::CARGO_BUILD_RUSTC_WRAPPER) {
            let origin = Origin::Variable(vars::CARGO_BUILD_RUSTC_WRAPPER);
            return Some(Setting { value, origin });
        }
        self.configured_wrapper()
            .filter(|setting| !setting.value.is_empty())
    }

    /// The wrapper in the files, whatever the environment says.
    #[must_use]
    pub fn configured_wrapper(&self) -> Option<Setting> {
        self.string(&["build", "rustc-wrapper"])
    }

    /// The string that `key` has, given as the path to it.
    #[must_use]
    pub fn string(&self, key: &[&str]) -> Option<Setting> {
        self.first(|config| config.string(key))
    }

    /// Where relative names in cargo's dependency files are taken from (`build.dep-info-basedir`), for a
    /// cargo that is started in `root`. What a file says is relative to the directory that its `.cargo` lies
    /// in.
    #[must_use]
    pub fn dep_info_base(&self, root: &Utf8Path) -> Utf8PathBuf {
        if let Some(dir) = vars::var(vars::CARGO_BUILD_DEP_INFO_BASEDIR) {
            return root.join(dir);
        }
        match self.string(&["build", "dep-info-basedir"]) {
            Some(Setting {
                value,
                origin: Origin::File(path),
            }) => path.ancestors().nth(2).unwrap_or(root).join(value),
            _ => root.to_owned(),
        }
    }

    fn first(&self, look: impl Fn(&CargoConfig) -> Option<String>) -> Option<Setting> {
        self.files.iter().find_map(|(path, config)| {
            let origin = Origin::File(path.clone());
            look(config).map(|value| Setting { value, origin })
        })
    }

    /// The variable `name`, as the compiler gets it: the environment wins over `[env]`.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<Setting> {
        let environment = environment::cargo_env::environment();
        if let Some(value) = environment.get(name) {
            return Some(Setting {
                value: value.clone(),
                origin: Origin::Environment,
            });
        }
        self.configured_variable(name)
    }

    /// The variable `name` in the files, whatever the environment says.
    #[must_use]
    pub fn configured_variable(&self, name: &str) -> Option<Setting> {
        self.first(|config| {
            let mut variables = config.env().into_iter();
            variables.find_map(|(key, value)| (key == name).then_some(value))
        })
    }

    /// Whether a file sets `key`, given as the path to it, to whatever it may be.
    #[must_use]
    pub fn sets(&self, key: &[&str]) -> bool {
        self.files.iter().any(|(_, config)| config.has(key))
    }

    /// The names of all variables under `[env]` that begin with `prefix`.
    #[must_use]
    pub fn variables(&self, prefix: &str) -> Vec<String> {
        let names = self.files.iter().flat_map(|(_, config)| config.env());
        let names = names.map(|(name, _)| name);
        let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The file at `path`: as it was read, else as it is now.
    pub fn file(&self, path: &Utf8Path) -> Result<CargoConfig, EditError> {
        match self.files().find(|(known, _)| *known == path) {
            Some((_, config)) => Ok(config.clone()),
            None => CargoConfig::read(path),
        }
    }

    /// Whether a file sets `key`, given as the path to it, and not by a line of `owner`'s.
    #[must_use]
    pub fn sets_without(&self, owner: Owner, key: &[&str]) -> bool {
        let mut files = self.files();
        files.any(|(_, config)| config.has(key) && !config.is_by(key, owner))
    }

    /// The files, the one that wins first.
    pub fn files(&self) -> impl Iterator<Item = (&Utf8Path, &CargoConfig)> {
        self.files
            .iter()
            .map(|(path, config)| (path.as_path(), config))
    }
}

impl Origin {
    /// For messages: a path relative to `root` where it lies below it.
    #[must_use]
    pub fn shown(&self, root: &Utf8Path) -> String {
        match self {
            Self::Variable(name) => format!("{name} in {}", vars::ENVIRONMENT),
            Self::Environment => vars::ENVIRONMENT.to_owned(),
            Self::File(path) => path.strip_prefix(root).unwrap_or(path).to_string(),
        }
    }
}

/// The configuration in `cargo_dir`. Where both names are there, cargo prefers the one without an ending,
/// which is older.
#[must_use]
pub fn config_in(cargo_dir: &Utf8Path) -> Utf8PathBuf {
    let old = cargo_dir.join("config");
    if old.is_file() {
        return old;
    }
    cargo_dir.join("config.toml")
}

/// The configuration for all projects of the user, in cargo's home.
#[must_use]
pub fn user_config() -> Option<Utf8PathBuf> {
    cargo_home().map(|home| config_in(&home))
}

#[cfg(test)]
mod tests {
    use super::*;
    use processes::Invocation;
    use testkit::Fixture;

    fn file(fixture: &Fixture, name: &str) -> Origin {
        Origin::File(fixture.root().join(name))
    }

    #[test]
    fn the_including_file_wins_over_the_included_one() {
        let fixture = Fixture::new();
        fixture.write(
            ".cargo/config.toml",
            "include = [{ path = 'a.toml' }, { path = 'config.local.toml', optional = true }]\n\
             [env]\nX = 'tracked'\n",
        );
        fixture.write(
            ".cargo/a.toml",
            "[build]\nrustc-wrapper = 'first'\n[env]\nY = 'a'\n",
        );
        let local = "[build]\nrustc-wrapper = 'later'\n[env]\nX = 'local'\nY = 'local'\n";
        fixture.write(".cargo/config.local.toml", local);
        let layers = Layers::read(&fixture.root()).unwrap();
        let wrapper = layers.configured_wrapper().unwrap();
        assert_eq!(wrapper.value, "later");
        assert_eq!(wrapper.origin, file(&fixture, ".cargo/config.local.toml"));
        let variable = |name| layers.configured_variable(name).unwrap().value;
        assert_eq!(variable("X"), "tracked");
        assert_eq!(variable("Y"), "local");
    }

    #[test]
    fn names_in_dependency_files_are_relative_to_what_the_configuration_says() {
        let fixture = Fixture::new();
        let root = fixture.root();
        let base = || Layers::read(&root).unwrap().dep_info_base(&root);
        assert_eq!(base(), root, "where nothing is said they are not relative");
        fixture.write(".cargo/config.toml", "include = ['more.toml']\n");
        fixture.write(".cargo/more.toml", "[build]\ndep-info-basedir = 'deep'\n");
        assert_eq!(base(), root.join("deep"));
    }

    #[test]
    fn cargos_home_comes_last_and_with_what_it_includes() {
        let fixture = Fixture::new();
        fixture.write(".cargo/config.toml", "");
        fixture.write("home/config.toml", "include = ['more.toml']\n");
        fixture.write("home/more.toml", "");
        let (root, home) = (fixture.root(), fixture.root().join("home"));
        let dirs = [root.join(".cargo"), home.clone()];
        let read = |path: &Utf8Path| path.is_file().then(|| CargoConfig::read(path)).transpose();
        let layers = Layers::assembled(&root, dirs.into_iter(), &read).unwrap();
        let files: Vec<_> = layers.files().map(|(path, _)| path.to_owned()).collect();
        let expected = [
            root.join(".cargo/config.toml"),
            home.join("config.toml"),
            home.join("more.toml"),
        ];
        assert_eq!(files, expected);
        assert_eq!(config_dirs(&root).last(), cargo_home());
    }

    #[test]
    fn the_deeper_directory_wins() {
        let fixture = Fixture::new();
        fixture.write(".cargo/config.toml", "[build]\nrustc-wrapper = 'outer'\n");
        fixture.write(
            "inner/.cargo/config.toml",
            "[build]\nrustc-wrapper = 'inner'\n",
        );
        let layers = Layers::read(&fixture.root().join("inner")).unwrap();
        let wrapper = layers.configured_wrapper().unwrap();
        assert_eq!(wrapper.origin, file(&fixture, "inner/.cargo/config.toml"));
    }

    /// With the real cargo, which says where it would build to: each time without the file that has just won.
    #[test]
    fn the_file_that_wins_is_the_one_that_wins_for_cargo() {
        let fixture = Fixture::pure_rust("thing");
        let files = [
            (
                "a/.cargo/config.toml",
                "include = ['first.toml', { path = 'later.toml' }]",
            ),
            ("a/.cargo/first.toml", "include = ['of_first.toml']"),
            ("a/.cargo/of_first.toml", ""),
            ("a/.cargo/later.toml", "include = ['../of_later.toml']"),
            ("a/of_later.toml", ""),
            (".cargo/config", ""),
        ];
        let target = |name: &str| fixture.root().join("targets").join(name.replace('/', "_"));
        let write = |name: &str, include: &str, sets: bool| {
            let build = format!("[build]\ntarget-dir = '{}'\n", target(name));
            let build = if sets { build } else { String::new() };
            fixture.write(name, &format!("{include}\n{build}"));
        };
        for (name, include) in &files {
            write(name, include, true);
        }
        let dir = fixture.root().join("a");
        let mut order = Vec::new();
        while let Some(found) = Layers::read(&dir).unwrap().string(&["build", "target-dir"]) {
            let metadata = Invocation::new("cargo")
                .args(["metadata", "--format-version=1", "--no-deps"])
                .env_remove("CARGO_TARGET_DIR")
                .env_remove("CARGO_BUILD_TARGET_DIR")
                .cwd(&dir);
            let said = metadata.read().unwrap();
            let expected = format!("\"target_directory\":\"{}\"", found.value);
            assert!(said.contains(&expected), "{expected} after {order:?}");
            let names = |(name, _): &&(&str, &str)| target(name) == found.value;
            let Some((name, include)) = files.iter().find(names) else {
                break; // That of the user, in cargo's home.
            };
            write(name, include, false);
            order.push(*name);
        }
        assert_eq!(order.len(), files.len(), "{order:?}");
    }

    #[test]
    fn a_planned_file_takes_the_place_that_it_will_have() {
        let fixture = Fixture::new();
        fixture.write(".cargo/config.toml", "[build]\nrustc-wrapper = 'outer'\n");
        let dir = fixture.root().join("inner/.cargo");
        let by = Owner("cargo xtask test");
        let planned = |name: &str, edit: &dyn Fn(&mut CargoConfig) -> Result<(), EditError>| {
            let mut config = CargoConfig::read(&dir.join(name)).unwrap();
            edit(&mut config).unwrap();
            config
        };
        let tracked = planned("config.toml", &|it| {
            it.include_local_config("config.local.toml", by)
        });
        let local = planned("config.local.toml", &|it| {
            it.set_rustc_wrapper("planned", by)
        });
        let layers = Layers::read(&fixture.root().join("inner")).unwrap();
        let wrapper = |planned: &[&CargoConfig]| {
            let layers = layers.with(planned).unwrap();
            layers.configured_wrapper().unwrap().value
        };
        assert_eq!(wrapper(&[&local]), "outer", "nobody includes it");
        assert_eq!(wrapper(&[&local, &tracked]), "planned");
        // As it will be read.
        for config in [tracked, local] {
            config.into_change().apply().unwrap();
        }
        let read = Layers::read(&fixture.root().join("inner")).unwrap();
        assert_eq!(read.configured_wrapper().unwrap().value, "planned");
    }
}
