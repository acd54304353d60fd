//! One request through `gh api`.
//!
//! gh holds the token, of its own login or of the environment; it is never on a command line here.

use camino::Utf8Path;
use environment::vars;
use processes::{Invocation, RunError};
use project_model::Repository;
use project_model::repository::GITHUB;
use python_tools::tools;

use crate::error::ReleaseError;
use crate::reply::{Reply, without_secrets};

/// Speaks to one repository.
#[derive(Debug)]
pub struct Gh {
    /// The repository.
    pub repository: Repository,
    /// In Actions on a server of one's own the token is in `GITHUB_TOKEN`, where gh does not look for another
    /// host than its own.
    hands_over_token: bool,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// `GET`, `PATCH` …
    pub method: &'a str,
    /// Below `repos/OWNER/NAME/`, that itself if empty, or a whole address.
    pub path: &'a str,
    /// The file that is sent, and its type.
    pub input: Option<(&'a Utf8Path, &'a str)>,
    /// The type of answer.
    pub accept: &'a str,
}

/// JSON, as the API answers.
pub const JSON: &str = "application/vnd.github+json";

/// The bytes of an asset.
pub const BYTES: &str = "application/octet-stream";

/// Exit code of gh where it has no token.
const NEEDS_LOGIN: i32 = 4;

impl Gh {
    /// For `repository`, with the token that the environment or gh's own login has for its host.
    #[must_use]
    pub fn new(repository: Repository) -> Self {
        let server = vars::var(vars::GITHUB_SERVER_URL).unwrap_or_default();
        let in_actions_there = server.strip_prefix("https://") == Some(&*repository.host);
        let has_own = vars::var(vars::GH_ENTERPRISE_TOKEN).is_some();
        let hands_over_token = in_actions_there && repository.host != GITHUB && !has_own;
        Self {
            repository,
            hands_over_token,
        }
    }

    /// The variable that gh takes the token for this host from.
    #[must_use]
    pub fn token_variable(&self) -> &'static str {
        if self.repository.host == GITHUB {
            vars::GH_TOKEN
        } else {
            vars::GH_ENTERPRISE_TOKEN
        }
    }

    /// The command for `call`.
    #[must_use]
    pub fn invocation(&self, call: &Call<'_>) -> Invocation {
        let Repository { host, owner, name } = &self.repository;
        let path = match call.path {
            "" => format!("repos/{owner}/{name}"),
            whole if whole.starts_with("https://") => whole.to_owned(),
            below => format!("repos/{owner}/{name}/{below}"),
        };
        let mut command = Invocation::new("gh")
            .args(["api", "--include", "--method", call.method, &path])
            .args(["--header", &format!("Accept: {}", call.accept)])
            .env(vars::GH_HOST, host)
            .env("GH_PROMPT_DISABLED", "1")
            .env("GH_NO_UPDATE_NOTIFIER", "1");
        if let Some((file, kind)) = call.input {
            command = command
                .args(["--header", &format!("Content-Type: {kind}")])
                .args(["--input", file.as_str()]);
        }
        // Colours in the answer, and the request in what is said.
        for name in ["GH_FORCE_TTY", "CLICOLOR_FORCE", "GH_DEBUG", "DEBUG"] {
            command = command.env_remove(name);
        }
        command
    }

    /// Asks, and gives any answer; an error is that there was none. `doing` completes "cannot …".
    pub fn ask(&self, call: &Call<'_>, doing: &str) -> Result<Reply, ReleaseError> {
        let mut command = self.invocation(call);
        if self.hands_over_token {
            let token = vars::var(vars::GH_TOKEN).or_else(|| vars::var(vars::GITHUB_TOKEN));
            if let Some(token) = token {
                command = command.env(vars::GH_ENTERPRISE_TOKEN, token);
            }
        }
        let captured = command.capture().map_err(|source| match source {
            RunError::Start { .. } if tools::find("gh").is_none() => ReleaseError::NoGh { source },
            source => source.into(),
        })?;
        let reply = Reply::parse(&captured);
        // For GitHub's own host gh does not even ask.
        let is_refused = reply.as_ref().is_some_and(Reply::wants_a_token);
        if is_refused || captured.status.code() == Some(NEEDS_LOGIN) {
            return Err(ReleaseError::NoLogin {
                host: self.repository.host.clone(),
                variable: self.token_variable(),
            });
        }
        reply.ok_or_else(|| ReleaseError::NoAnswer {
            doing: doing.to_owned(),
            why: without_secrets(captured.stderr.trim()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_command_without_a_token() {
        let gh = Gh::new(Repository::parse("ghe.example/o/r", GITHUB).unwrap());
        let input = Some((Utf8Path::new("body.json"), "application/json"));
        let call = Call {
            method: "PATCH",
            path: "releases/7",
            input,
            accept: JSON,
        };
        let command = gh.invocation(&call);
        assert_eq!(
            command.to_string(),
            "gh api --include --method PATCH repos/o/r/releases/7 --header 'Accept: application/vnd.github+json' \
             --header 'Content-Type: application/json' --input body.json"
        );
        assert_eq!(command.env["GH_HOST"].as_deref(), Some("ghe.example"));
        assert_eq!(gh.token_variable(), "GH_ENTERPRISE_TOKEN");
        let call = Call {
            path: "https://uploads.github.com/x?name=a",
            ..call
        };
        assert!(
            gh.invocation(&call)
                .args
                .contains(&"https://uploads.github.com/x?name=a".to_owned())
        );
    }
}
