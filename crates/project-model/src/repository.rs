//! Where a project lives on GitHub, or on a server of the same kind.

use std::fmt;

use crate::ProjectError;
use camino::Utf8Path;
use environment::vars;
use processes::Invocation;

/// A repository on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// `github.com`; with the port, if it is another than HTTPS has.
    pub host: String,
    /// The user or organisation.
    pub owner: String,
    /// The repository, without `.git`.
    pub name: String,
}

/// The host where no other is named.
pub const GITHUB: &str = "github.com";

impl Repository {
    /// Reads an address as git takes it (`https://host/owner/name.git`, `ssh://git@host/owner/name`,
    /// `git@host:owner/name.git`), `host/owner/name`, or `owner/name` on `default_host`. Credentials in it
    /// are passed over. `None` for anything else, such as a path.
    #[must_use]
    pub fn parse(text: &str, default_host: &str) -> Option<Self> {
        let text = text.trim();
        let (host, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/')?;
                (host_of(scheme, authority)?, path)
            }
            None => match text.split_once(':') {
                // As scp has it; a colon behind a slash is one in a path.
                Some((authority, path)) if !authority.contains('/') => {
                    (host_of("ssh", authority)?, path)
                }
                Some(_) => return None,
                None => match text.matches('/').count() {
                    1 => (default_host.to_owned(), text),
                    2 => text
                        .split_once('/')
                        .map(|(host, path)| (host.to_lowercase(), path))?,
                    _ => return None,
                },
            },
        };
        let path = path.trim_matches('/');
        let (owner, name) = path.strip_suffix(".git").unwrap_or(path).split_once('/')?;
        let allowed = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !part.trim_matches('.').is_empty() && part.chars().all(plain)
        };
        // It must not look like an option to a program that gets it.
        let is_owner = allowed(owner) && !owner.starts_with('-');
        (is_owner && allowed(name) && is_host(&host)).then(|| Self {
            host,
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Where the project in `dir` is: what the user says, else what GitHub's runner says, else git's remote
    /// `origin`.
    pub fn find(asked: Option<&str>, dir: &Utf8Path) -> Result<Option<Self>, ProjectError> {
        let host = default_host(vars::var(vars::GITHUB_SERVER_URL).as_deref());
        if let Some(text) = asked {
            let parsed = Self::parse(text, &host);
            return match parsed {
                Some(repository) => Ok(Some(repository)),
                None => Err(ProjectError::NoRepository(text.to_owned())),
            };
        }
        let of_runner = vars::var(vars::GITHUB_REPOSITORY);
        let of_runner = of_runner.and_then(|text| Self::parse(&text, &host));
        Ok(of_runner.or_else(|| Self::of_origin(dir)))
    }

    /// [`Repository::find`], where there is no doing without.
    pub fn required(asked: Option<&str>, dir: &Utf8Path) -> Result<Self, ProjectError> {
        let found = Self::find(asked, dir)?;
        found.ok_or_else(|| ProjectError::RepositoryUnknown(dir.to_owned()))
    }

    /// The one that git's remote `origin` of the working tree around `dir` names. `None` without git, without
    /// that remote, or where it is somewhere else than on a server.
    #[must_use]
    pub fn of_origin(dir: &Utf8Path) -> Option<Self> {
        let command = Invocation::new("git").args(["remote", "get-url", "origin"]);
        Self::parse(&command.cwd(dir).read().ok()?, GITHUB)
            .filter(|it| it.host.contains(['.', ':']))
    }

    /// Its page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}/{}/{}", self.host, self.owner, self.name)
    }
}

/// `github.com`, `git.firm.example:8443`.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    let is_part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        part.bytes().all(plain) && !part.is_empty() && !part.starts_with('-')
    };
    let has_port = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    name.split('.').all(is_part) && has_port
}

/// `owner/name`, with the host in front where that is not GitHub's own.
impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host != GITHUB {
            write!(f, "{}/", self.host)?;
        }
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The server at `url`, whose runner this is; else GitHub's own.
fn default_host(url: Option<&str>) -> String {
    let host = url.and_then(|url| url.strip_prefix("https://"));
    host.map_or(GITHUB, |host| host.trim_end_matches('/'))
        .to_owned()
}

/// The host of HTTPS in `user:password@host:port`. The port of another scheme is not one for HTTPS.
fn host_of(scheme: &str, authority: &str) -> Option<String> {
    let host = authority.rsplit('@').next()?.to_lowercase();
    let host = match scheme {
        "https" => host.strip_suffix(":443").unwrap_or(&host),
        "ssh" | "git" | "git+ssh" | "http" => host.split(':').next()?,
        _ => return None,
    };
    Some(match host {
        // SSH over the port of HTTPS, and an old name of the site.
        "ssh.github.com" | "www.github.com" => GITHUB.to_owned(),
        host => host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn parsed(text: &str) -> Option<String> {
        let it = Repository::parse(text, GITHUB)?;
        Some(format!("{} {} {}", it.host, it.owner, it.name))
    }

    #[test]
    fn addresses_are_read_in_every_form_that_git_takes() {
        for text in [
            "https://github.com/o/r.git",
            "https://github.com/o/r/",
            "https://user:secret@github.com:443/o/r",
            "git@github.com:o/r.git",
            "git@GitHub.com:/o/r",
            "ssh://git@github.com:22/o/r.git",
            "ssh://git@ssh.github.com:443/o/r.git",
            "git://github.com/o/r",
            "o/r",
            "github.com/o/r\n",
        ] {
            assert_eq!(parsed(text).as_deref(), Some("github.com o r"), "{text}");
        }
        for (text, expected) in [
            (
                "https://git.firm.example:8443/o/r.git",
                "git.firm.example:8443 o r",
            ),
            (
                "ssh://git@git.firm.example:2222/o/r.git",
                "git.firm.example o r",
            ),
            (
                "git.firm.example:o/dotted.name.git",
                "git.firm.example o dotted.name",
            ),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_repository_is_refused() {
        for text in [
            "",
            "r",
            "/srv/git/r.git",
            "../r",
            "file:///srv/o/r",
            "https://github.com/o",
            "https://github.com/o/r/tree/main",
            "o/r?x=1",
            "https:///o/r",
            "https://a\"b/o/r",
            "https://a\nb/o/r",
            "https://a b/o/r",
            "-a/o/r",
            "-o/r",
            "https://h:x/o/r",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn where_no_host_is_named_it_is_that_of_the_runner() {
        for (url, expected) in [
            (None, GITHUB),
            (Some("https://git.firm.example/"), "git.firm.example"),
            (Some("http://git.firm.example"), GITHUB),
        ] {
            assert_eq!(default_host(url), expected);
        }
    }

    #[test]
    fn the_remote_of_a_working_tree_is_asked() {
        let dir = TempDir::new();
        let git = |args: &[&str]| {
            let command = Invocation::new("git").args(args.iter().copied());
            command.cwd(dir.path()).read().unwrap();
        };
        git(&["init", "--quiet"]);
        assert_eq!(Repository::of_origin(dir.path()), None);
        git(&["remote", "add", "origin", "git@github.com:o/r.git"]);
        let found = Repository::of_origin(dir.path()).unwrap();
        assert_eq!(
            (found.to_string(), found.url()),
            ("o/r".to_owned(), "https://github.com/o/r".to_owned())
        );
        git(&["remote", "set-url", "origin", "../other"]);
        assert_eq!(Repository::of_origin(dir.path()), None);
    }
}
