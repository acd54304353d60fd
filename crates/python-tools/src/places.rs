//! Where the environment of a project may be, and which of these places counts: the answers of uv first.

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use processes::{Invocation, quoted};

/// Where uv makes the environment of a project, below its directory.
const OWN: &str = ".venv";

/// Where pixi makes the environment that it activates by default.
const PIXI: &str = ".pixi/envs/default";

/// Where an environment may be, in the order in which the places count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places<'a> {
    /// `--venv`.
    pub venv: Option<&'a Utf8Path>,
    /// `UV_PROJECT_ENVIRONMENT`, as an absolute path.
    pub for_uv: Option<Utf8PathBuf>,
    /// The root of the project's uv workspace: the project itself, where it is in none.
    pub workspace: &'a Utf8Path,
    /// The directory of the project.
    pub project: &'a Utf8Path,
    /// The environments that are active in the user's shell, the one that counts first.
    pub active: Vec<Active>,
}

/// A file in the place of the environment, which is to name it (PEP 832), does not.
#[derive(Debug, thiserror::Error)]
#[error(
    "{file} is to lead to a virtual environment, and {reason}\n  help: write the directory of one into it, or remove it (`rm {}`) to have one made here",
    quoted(.file.as_str())
)]
pub struct LeadsNowhere {
    file: Utf8PathBuf,
    reason: String,
}

/// An environment that is active in the user's shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// Its directory.
    pub root: Utf8PathBuf,
    /// Whether it is the one that conda itself lives in, which conda may have activated by itself.
    pub is_base_of_conda: bool,
}

/// A place for the environment; there may be nothing yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The directory.
    pub root: Utf8PathBuf,
    /// Whether the user has said that packages go there, whatever it is.
    pub may_be_an_installation: bool,
    /// The link to it, or the file that names it (PEP 832).
    pub led_by: Option<Utf8PathBuf>,
}

/// Why a place counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The user has named it.
    Named,
    /// `UV_PROJECT_ENVIRONMENT` names it.
    ForUv,
    /// It is that of the uv workspace.
    OfWorkspace,
    /// It is the project's own.
    Own,
    /// It is active in the user's shell.
    Active,
    /// pixi has made it.
    Pixi,
    /// Nothing is anywhere; uv would make it here.
    Nowhere,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Named => "which `--venv` names",
            Self::ForUv => "which UV_PROJECT_ENVIRONMENT names",
            Self::OfWorkspace => "that of the uv workspace",
            Self::Own => "that of the project",
            Self::Active => "which is active in this shell, and the project has none of its own",
            Self::Pixi => "which pixi has made",
            Self::Nowhere => "where uv would make it",
        })
    }
}

impl Active {
    /// A virtual environment.
    #[must_use]
    pub fn venv(root: Utf8PathBuf) -> Self {
        Self {
            root,
            is_base_of_conda: false,
        }
    }

    /// Those of our own environment: the virtual one, then that of conda.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let venv = vars::var(vars::VIRTUAL_ENV).map(|root| Self::venv(root.into()));
        let conda = vars::var(vars::CONDA_PREFIX).map(|root| Self::conda(root.into()));
        let mut all: Vec<_> = venv.into_iter().chain(conda).collect();
        all.dedup_by(|later, first| later.root == first.root);
        all
    }

    fn conda(root: Utf8PathBuf) -> Self {
        let name = vars::var(vars::CONDA_DEFAULT_ENV);
        let conda = vars::var(vars::CONDA_ROOT);
        Self {
            is_base_of_conda: is_base_of_conda(&root, name.as_deref(), conda.as_deref()),
            root,
        }
    }
}

/// Whether `root` is the environment that conda itself lives in, as uv tells it: by the name of the active
/// environment, and by the directory of conda. pixi has no such thing.
fn is_base_of_conda(root: &Utf8Path, name: Option<&str>, conda: Option<&str>) -> bool {
    let is_of_pixi = root.join("conda-meta/pixi").is_file();
    let is_named = matches!(name, Some("base" | "root"));
    let has_conda = root.join("condabin").is_dir();
    !is_of_pixi && (is_named || has_conda || conda.is_some_and(|conda| root == conda))
}

impl Found {
    /// An environment in `root`.
    #[must_use]
    pub fn at(root: Utf8PathBuf) -> Self {
        Self {
            root,
            may_be_an_installation: false,
            led_by: None,
        }
    }

    /// The one that `path` leads to.
    fn led(path: &Utf8Path) -> Result<Self, LeadsNowhere> {
        let root = led_from(path)?;
        let is_elsewhere = root != path;
        Ok(Self {
            led_by: is_elsewhere.then(|| path.to_owned()),
            ..Self::at(root)
        })
    }

    /// The command that makes room for a new environment, where `why` says that it is the project's own to
    /// remove. What a link or a file leads to may belong to others: then only that goes.
    #[must_use]
    pub fn removal(&self, why: Why) -> Option<String> {
        let is_of_project = matches!(why, Why::Own | Why::OfWorkspace);
        let command = match &self.led_by {
            Some(path) => format!("`rm {}`", quoted(path.as_str())),
            None => format!("`rm -r {}`", quoted(self.root.as_str())),
        };
        is_of_project.then_some(command)
    }

    /// How to come to an environment that can be used, where this one cannot be.
    #[must_use]
    pub fn way_out(&self, why: Why) -> String {
        const ANOTHER: &str = "use another: `--venv DIR`";
        match (why, self.removal(why)) {
            (Why::Active, _) => {
                "`deactivate`, then `cargo xtask dev` makes one for the project".to_owned()
            }
            (Why::ForUv, _) => "`unset UV_PROJECT_ENVIRONMENT`, then `cargo xtask dev`".to_owned(),
            (_, None) => ANOTHER.to_owned(),
            (_, Some(removal)) if self.led_by.is_some() => {
                format!(
                    "{ANOTHER}; or {removal}, which leads there, then `cargo xtask dev` makes a new one"
                )
            }
            (_, Some(removal)) => format!("{removal}, then `cargo xtask dev` makes a new one"),
        }
    }

    /// Whether anything is there. An empty directory, such as a volume that is mounted there, is nothing.
    #[must_use]
    pub fn is_there(&self) -> bool {
        is_there(&self.root)
    }
}

impl<'a> Places<'a> {
    /// Those of a project in `project` that is in no uv workspace, with no environment active or named.
    #[must_use]
    pub fn of(project: &'a Utf8Path) -> Self {
        Self {
            venv: None,
            for_uv: None,
            workspace: project,
            project,
            active: Vec::new(),
        }
    }

    /// The place that counts, and why; where nothing is anywhere, the one where uv would make it. Where the
    /// user `wants_a_python`, an environment of another project does not count.
    pub(crate) fn chosen(&self, wants_a_python: bool) -> Result<(Found, Why), LeadsNowhere> {
        if let Some(root) = self.venv {
            return Ok((Found::led(root)?, Why::Named));
        }
        if let Some(root) = &self.for_uv {
            let found = Found {
                may_be_an_installation: true,
                ..Found::led(root)?
            };
            return Ok((found, Why::ForUv));
        }
        let own = [self.workspace, self.project].map(|dir| dir.join(OWN));
        if let Some(root) = own.iter().find(|root| is_somewhere(root)) {
            let is_shared = self.workspace != self.project && *root == own[0];
            let why = if is_shared {
                Why::OfWorkspace
            } else {
                Why::Own
            };
            return Ok((Found::led(root)?, why));
        }
        let active = self.active.iter().filter(|it| !it.is_base_of_conda);
        let active = active.map(|active| (active.root.clone(), Why::Active));
        let pixi = [self.project, self.workspace].map(|dir| (dir.join(PIXI), Why::Pixi));
        let mut others = active.chain(pixi).filter(|(root, _)| is_there(root));
        let other = others.next().filter(|_| !wants_a_python);
        let [first, _] = own;
        let (root, why) = other.unwrap_or((first, Why::Nowhere));
        Ok((Found::at(root), why))
    }

    /// What is active and not used where packages go into `used`, in a line. Nothing, where the user has
    /// chosen with `--venv`.
    #[must_use]
    pub fn unused(&self, used: &Utf8Path) -> Option<String> {
        let is_used = |active: &&Active| canonical(&active.root) == canonical(used);
        let unused = self.active.iter().filter(|active| !is_used(active));
        let unused: Vec<_> = unused.map(|active| active.root.as_str()).collect();
        let last = unused.last().filter(|_| self.venv.is_none())?;
        let shown = used.strip_prefix(self.project).unwrap_or(used);
        let dev = Invocation::new("cargo").args(["xtask", "dev", "--venv", last]);
        Some(format!(
            "{shown} is used, and not {}, which is active (`{dev}` installs there)",
            unused.join(" or ")
        ))
    }
}

/// Whether anything is there, be it a link that leads nowhere.
fn is_somewhere(path: &Utf8Path) -> bool {
    path.is_symlink() || is_there(path)
}

fn is_there(path: &Utf8Path) -> bool {
    let is_empty = path
        .read_dir_utf8()
        .is_ok_and(|mut entries| entries.next().is_none());
    path.exists() && !is_empty
}

fn canonical(path: &Utf8Path) -> Utf8PathBuf {
    path.canonicalize_utf8().unwrap_or(path.to_owned())
}

/// The directory that `path` means: itself, the one whose path is written in it (PEP 832), or the one that
/// it is a link to. It has the same name before it is made and afterwards.
fn led_from(path: &Utf8Path) -> Result<Utf8PathBuf, LeadsNowhere> {
    if let Ok(target) = path.read_link_utf8() {
        return Ok(seen_from(path, &target));
    }
    if !path.is_file() {
        return Ok(path.to_owned());
    }
    let written = fs_err::read_to_string(path);
    let written = written.map_err(|error| nowhere(path, format!("cannot be read: {error}")))?;
    match written.trim() {
        "" => Err(nowhere(path, "is empty".to_owned())),
        target if target.contains('\n') => Err(nowhere(path, "has more than one line".to_owned())),
        target => Ok(seen_from(path, target.into())),
    }
}

/// `target` as it is meant in the file or link `from`.
fn seen_from(from: &Utf8Path, target: &Utf8Path) -> Utf8PathBuf {
    let mut dir = canonical(from.parent().unwrap_or(from));
    let mut rest = target;
    while let Ok(below) = rest.strip_prefix("..") {
        dir.pop();
        rest = below;
    }
    dir.join(rest)
}

fn nowhere(file: &Utf8Path, reason: String) -> LeadsNowhere {
    LeadsNowhere {
        file: file.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    /// A workspace in `w` with a project in `w/member`, and directories beside it.
    struct World(TempDir);

    impl World {
        fn new() -> Self {
            let world = Self(TempDir::new());
            fs_err::create_dir_all(world.path("w/member")).unwrap();
            world
        }

        fn path(&self, name: &str) -> Utf8PathBuf {
            self.0.path().join(name)
        }

        /// Something that may be an environment.
        fn make(&self, name: &str) {
            fs_err::create_dir_all(self.path(name).join("bin")).unwrap();
        }

        /// What is chosen, relative to the world.
        fn chosen(&self, change: impl FnOnce(&mut Places<'_>)) -> String {
            self.chosen_for(false, change).unwrap()
        }

        fn chosen_for(
            &self,
            wants_a_python: bool,
            change: impl FnOnce(&mut Places<'_>),
        ) -> Result<String, LeadsNowhere> {
            let (workspace, project) = (self.path("w"), self.path("w/member"));
            let mut places = Places::of(&project);
            places.workspace = &workspace;
            change(&mut places);
            let root = places.chosen(wants_a_python)?.0.root;
            Ok(root.strip_prefix(self.0.path()).unwrap().to_string())
        }
    }

    #[test]
    fn the_places_count_in_the_order_of_uv_and_then_of_maturin() {
        let world = World::new();
        let none = |_: &mut Places<'_>| {};
        let why = |of_workspace: bool, active: &[Active]| {
            let (workspace, project) = (world.path("w"), world.path("w/member"));
            let mut places = Places::of(&project);
            places.active = active.to_vec();
            if of_workspace {
                places.workspace = &workspace;
            }
            places.chosen(false).unwrap().1
        };
        assert_eq!(why(true, &[]), Why::Nowhere);
        let active = |places: &mut Places<'_>| {
            let roots = [
                world.path("gone"),
                world.path("active"),
                world.path("conda"),
            ];
            places.active = roots.map(Active::venv).to_vec();
        };
        assert_eq!(
            world.chosen(active),
            "w/.venv",
            "to be made where uv makes it"
        );
        world.make("w/.pixi/envs/default");
        assert_eq!(world.chosen(active), "w/.pixi/envs/default");
        world.make("w/member/.pixi/envs/default");
        assert_eq!(world.chosen(active), "w/member/.pixi/envs/default");
        world.make("conda");
        assert_eq!(world.chosen(active), "conda");
        world.make("active");
        assert_eq!(world.chosen(active), "active");
        assert_eq!(
            why(true, &[Active::venv(world.path("active"))]),
            Why::Active
        );
        assert_eq!(world.chosen_for(true, active).unwrap(), "w/.venv");
        world.make("w/member/.venv");
        assert_eq!(world.chosen(active), "w/member/.venv");
        fs_err::create_dir(world.path("w/.venv")).unwrap();
        assert_eq!(
            world.chosen(active),
            "w/member/.venv",
            "an empty one is none"
        );
        assert_eq!((why(false, &[]), why(true, &[])), (Why::Own, Why::Own));
        world.make("w/.venv");
        assert_eq!(why(true, &[]), Why::OfWorkspace);
        assert_eq!(world.chosen(active), "w/.venv");
        assert_eq!(world.chosen(none), "w/.venv");
        let for_uv = |places: &mut Places<'_>| places.for_uv = Some(world.path("uv"));
        assert_eq!(world.chosen(for_uv), "uv");
        let (project, named) = (world.path("w/member"), world.path("named"));
        let mut places = Places::of(&project);
        for_uv(&mut places);
        places.venv = Some(&named);
        assert_eq!(places.chosen(false).unwrap().0.root, named);
    }

    #[test]
    fn a_file_or_a_link_leads_to_the_environment_also_to_one_that_is_to_be_made() {
        let world = World::new();
        let none = |_: &mut Places<'_>| {};
        let venv = world.path("w/.venv");
        let absolute = world.path("central/abs");
        for (written, expected) in [
            ("../central/env", "central/env"),
            ("../central/env\n", "central/env"),
            (absolute.as_str(), "central/abs"),
        ] {
            fs_err::write(&venv, written).unwrap();
            assert_eq!(world.chosen(none), expected);
        }
        for (written, reason) in [(" \n", "is empty"), ("a\nb", "more than one line")] {
            fs_err::write(&venv, written).unwrap();
            let error = world.chosen_for(false, none).unwrap_err().to_string();
            assert!(
                error.contains(reason) && error.contains("help: "),
                "{error}"
            );
            assert!(!error.contains("rm -r"), "{error}");
        }
        let spaced = nowhere("/p q/.venv".into(), String::new()).to_string();
        assert!(spaced.contains("(`rm '/p q/.venv'`)"), "{spaced}");
        fs_err::remove_file(&venv).unwrap();
        fs_err::os::unix::fs::symlink("../central/link", &venv).unwrap();
        assert_eq!(world.chosen(none), "central/link");
        world.make("central/link");
        assert_eq!(world.chosen(none), "central/link");
        let (found, _) = Places::of(&world.path("w")).chosen(false).unwrap();
        assert_eq!(found.led_by, Some(venv));
    }

    #[test]
    fn only_what_is_the_projects_own_is_to_be_removed() {
        let at = |root: &str, led_by: Option<&str>| Found {
            led_by: led_by.map(Into::into),
            ..Found::at(root.into())
        };
        let makes = ", then `cargo xtask dev` makes a new one";
        let plain = at("/p/.venv", None);
        let linked = at("/opt/conda", Some("/p q/.venv"));
        for (found, why, expected) in [
            (&plain, Why::Own, format!("`rm -r /p/.venv`{makes}")),
            (&plain, Why::OfWorkspace, format!("`rm -r /p/.venv`{makes}")),
            (
                &at("/p q/.venv", None),
                Why::Own,
                format!("`rm -r '/p q/.venv'`{makes}"),
            ),
            (
                &linked,
                Why::Own,
                format!(
                    "use another: `--venv DIR`; or `rm '/p q/.venv'`, which leads there{makes}"
                ),
            ),
            (&plain, Why::Pixi, "use another: `--venv DIR`".to_owned()),
            (&plain, Why::Named, "use another: `--venv DIR`".to_owned()),
            (&linked, Why::Named, "use another: `--venv DIR`".to_owned()),
        ] {
            assert_eq!(found.way_out(why), expected, "{why:?}");
        }
        for why in [Why::Active, Why::ForUv] {
            assert!(!linked.way_out(why).contains("rm "), "{why:?}");
            assert_eq!(linked.removal(why), None);
        }
    }

    #[test]
    fn the_environment_that_conda_lives_in_is_used_only_where_it_is_named() {
        let dir = TempDir::new();
        let root = dir.path();
        for (name, conda, expected) in [
            (None, None, false),
            (Some("base"), None, true),
            (Some("root"), None, true),
            (Some("mine"), None, false),
            (Some("mine"), Some(root.as_str()), true),
            (None, Some("/opt/conda"), false),
        ] {
            assert_eq!(
                is_base_of_conda(root, name, conda),
                expected,
                "{name:?} {conda:?}"
            );
        }
        fs_err::create_dir(root.join("condabin")).unwrap();
        assert!(is_base_of_conda(root, Some("mine"), None));
        fs_err::create_dir(root.join("conda-meta")).unwrap();
        fs_err::write(root.join("conda-meta/pixi"), "").unwrap();
        assert!(!is_base_of_conda(root, Some("base"), None));

        let world = World::new();
        world.make("conda");
        let base = |places: &mut Places<'_>| {
            places.active = vec![Active {
                root: world.path("conda"),
                is_base_of_conda: true,
            }];
        };
        assert_eq!(world.chosen(base), "w/.venv");
    }

    #[test]
    fn what_is_active_and_not_used_is_named_with_the_words_that_use_it() {
        let mut places = Places::of("/p".into());
        assert_eq!(places.unused("/p/.venv".into()), None);
        places.active = vec![Active::venv("/p/.venv".into())];
        assert_eq!(places.unused("/p/.venv".into()), None);
        places.active.push(Active::venv("/conda".into()));
        assert_eq!(
            places.unused("/p/.venv".into()).unwrap(),
            ".venv is used, and not /conda, which is active (`cargo xtask dev --venv /conda` installs there)"
        );
        places.venv = Some("/p/.venv".into());
        assert_eq!(places.unused("/p/.venv".into()), None);
    }
}
