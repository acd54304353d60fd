//! `cargo xtask colab-snippet`.

use anyhow::{Context as _, bail, ensure};
use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;
use colab::notebook::{Frame, notebook};
use colab::{Build, Pinned, Snippet};
use config_edit::Change;
use processes::Invocation;
use project_model::repository::GITHUB;
use project_model::{ColabPolicy, Project, Repository, Workspace};

use crate::context::Context;
use crate::write_mode::WriteMode;
use crate::{Answer, repository, ui};

/// Print the notebook cell that installs the newest wheel of the rolling release on Google Colab.
///
/// The cell is a fixed text: it asks the release what there is, picks the wheel for the Python and the glibc
/// that it is run with, and installs it by its SHA-256. It is plain Python and also runs as a script.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which build the cell installs
    #[arg(long, value_enum, default_value_t = Mode::Latest)]
    mode: Mode,
    /// An extra to install with it; may be given several times
    #[arg(long, value_name = "EXTRA")]
    extra: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Cell)]
    format: Format,
    /// Where it is on GitHub [default: what git's remote `origin` or [project.urls] says]
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<String>,
    /// The tag of the release that has the wheels [default: the policy's, else `latest`]
    #[arg(long)]
    tag: Option<String>,
    /// With `--mode pinned`: the manifest of the build [default: that of the release]
    #[arg(long, value_name = "FILE")]
    manifest: Option<Utf8PathBuf>,
    /// The file to write [default for notebooks: the policy's, else standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    #[command(flatten)]
    write_mode: WriteMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Whichever is the newest when the cell is run
    Latest,
    /// One build and no other, for papers and runs that are to be repeated
    Pinned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The text of the cell
    Cell,
    /// A notebook with the cell, and one that shows that the install works
    Notebook,
    /// The cell for a README, with the badge of the notebook
    Markdown,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    ensure!(
        args.manifest.is_none() || args.mode == Mode::Pinned,
        "--manifest names a build\n  help: add `--mode pinned`"
    );
    let project = context.project()?;
    let policy = Workspace::load(&project)?.policy;
    let tag = args.tag.clone().or(policy.wheel.release_tag.clone());
    let known = repository::find(args.repo.as_deref(), &project.root)?;
    let known = known.or_else(|| project.pyproject.repository());
    let page = page(known.as_ref(), policy.repository, &project)?;
    let mut snippet = Snippet {
        name: project.name().to_owned(),
        module: top_module(&project).to_owned(),
        extras: extras(&project, &args.extra)?,
        repository: page,
        tag: tag.unwrap_or_else(|| "latest".to_owned()),
        build: Build::Newest,
    };
    if args.mode == Mode::Pinned {
        snippet.build = Build::This(manifest(args, &snippet, &context.dist())?);
        if args.tag.is_none() {
            say_how_long_it_lasts(&snippet, &context.dist());
        }
    }
    let policy = policy.colab.unwrap_or_default();
    let notebook_path = notebook_path(args, &policy, &project)?;
    let badge = notebook_path.as_deref().zip(known.as_ref());
    let badge = badge.and_then(|(path, repository)| badge_url(repository, path, &project));
    let text = match args.format {
        Format::Cell => snippet.cell(),
        Format::Markdown => colab::markdown::markdown(&snippet, badge.as_deref()),
        Format::Notebook => notebook(&snippet, &frame(&project, &policy, badge)?),
    };
    let output = match args.format {
        Format::Notebook => notebook_path,
        Format::Cell | Format::Markdown => args.output.clone(),
    };
    match output {
        Some(path) => write(&path, text, args),
        None if args.write_mode.only_shows() => {
            bail!("there is no file to look at\n  help: name it, `--output FILE`")
        }
        None => {
            print!("{text}");
            Ok(Answer::Done)
        }
    }
}

/// The page of the repository: a place that is known, else the one that the policy has.
fn page(
    known: Option<&Repository>,
    policy: Option<String>,
    project: &Project,
) -> anyhow::Result<String> {
    let Some(page) = known.map(Repository::url).or(policy) else {
        return Ok(repository::required(None, &project.root)?.url());
    };
    if page.contains('{') {
        ui::warn(&format!(
            "the snippet says {page}, since neither git's remote `origin` nor [project.urls] says where the project is on GitHub\n  help: name it, `--repo OWNER/NAME`"
        ));
    }
    Ok(page.trim_end_matches('/').to_owned())
}

fn top_module(project: &Project) -> &str {
    let module = &project.extension.module;
    module.split('.').next().unwrap_or(module)
}

/// The extras, which pyproject.toml has to know.
fn extras(project: &Project, asked: &[String]) -> anyhow::Result<Vec<String>> {
    let table = project.pyproject.project.as_ref();
    let is_dynamic =
        table.is_none_or(|table| table.dynamic.iter().any(|it| it == "optional-dependencies"));
    let known: Vec<_> = table
        .iter()
        .flat_map(|table| table.optional_dependencies.keys())
        .cloned()
        .collect();
    let mut unknown = asked.iter().filter(|extra| !known.contains(extra));
    if let Some(extra) = unknown.next().filter(|_| !is_dynamic) {
        let path = project.root.join("pyproject.toml");
        let there = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        bail!("{path} has no extra `{extra}`\n  help: it has: {there}");
    }
    Ok(asked.to_vec())
}

/// The build that `file` describes, else the one that the release has now.
fn manifest(args: &Args, snippet: &Snippet, dist: &Utf8Path) -> anyhow::Result<Pinned> {
    let file = args.manifest.as_deref();
    let url = format!(
        "{}/releases/download/{}/manifest.json",
        snippet.repository, snippet.tag
    );
    let place = file.map_or(url.as_str(), Utf8Path::as_str);
    let text = match file {
        Some(path) => fs_err::read_to_string(path).with_context(|| {
            format!("cannot read the manifest of a build\n  help: `cargo xtask wheel --release` writes it to {dist}/manifest.json")
        })?,
        None => download(&url, dist)?,
    };
    serde_json::from_str(&text).with_context(|| {
        format!("{place} is no manifest of wheels\n  help: `cargo xtask wheel` writes one")
    })
}

fn download(url: &str, dist: &Utf8Path) -> anyhow::Result<String> {
    let curl = Invocation::new("curl")
        .args(["--fail", "--silent", "--show-error", "--location"])
        .args(["--max-time", "60", url]);
    curl.read().with_context(|| {
        format!("cannot read {url}\n  help: name the manifest of a build, `--manifest {dist}/manifest.json`")
    })
}

/// The rolling release drops its wheels after some builds.
fn say_how_long_it_lasts(snippet: &Snippet, dist: &Utf8Path) {
    let Build::This(build) = &snippet.build else {
        return;
    };
    ui::warn(&format!(
        "release `{tag}` keeps its newest builds only, so this cell works until {version} is dropped\n  help: put the build into a release of its own, `gh release create v{version} --notes '' {dist}/*.whl`, and add `--tag v{version}`",
        tag = snippet.tag,
        version = build.version
    ));
}

/// The notebook: the file that is to be written, else the one that the policy names.
fn notebook_path(
    args: &Args,
    policy: &ColabPolicy,
    project: &Project,
) -> anyhow::Result<Option<Utf8PathBuf>> {
    let asked = args
        .output
        .as_ref()
        .filter(|_| args.format == Format::Notebook);
    match asked {
        Some(path) => Ok(Some(camino::absolute_utf8(path)?)),
        None => Ok(policy.notebook.as_ref().map(|path| project.root.join(path))),
    }
}

/// Where Colab opens the notebook at `path`, on the branch `main`; nothing if it is not below the project.
fn badge_url(repository: &Repository, path: &Utf8Path, project: &Project) -> Option<String> {
    let path = path.strip_prefix(&project.root).ok()?;
    // The project may be a directory of its repository.
    let git = Invocation::new("git").args(["rev-parse", "--show-prefix"]);
    let prefix = git.cwd(&project.root).read().unwrap_or_default();
    (repository.host == GITHUB).then(|| {
        let (owner, name) = (&repository.owner, &repository.name);
        format!(
            "https://colab.research.google.com/github/{owner}/{name}/blob/main/{}{path}",
            prefix.trim()
        )
    })
}

fn frame(
    project: &Project,
    policy: &ColabPolicy,
    colab_url: Option<String>,
) -> anyhow::Result<Frame> {
    let check = policy
        .check
        .as_ref()
        .map(|path| fs_err::read_to_string(project.root.join(path)));
    Ok(Frame {
        colab_url,
        check: check.transpose()?,
    })
}

fn write(path: &Utf8Path, text: String, args: &Args) -> anyhow::Result<Answer> {
    let old = match fs_err::read_to_string(path) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let what =
                format!("cannot write the snippet to {path}\n  help: name a file, `--output FILE`");
            return Err(anyhow::Error::new(error).context(what));
        }
    };
    let change = Change {
        path: path.to_owned(),
        old,
        new: Some(text),
    };
    args.write_mode.carry_out(&[change])
}
