//! One request through `gh api`: described, run, and its answer told apart.
//!
//! gh holds the token, of its own login or of the environment; it is never on a command line here.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use build_env::{Captured, Invocation, RunError, tools, vars};
use camino::Utf8Path;
use project_model::Repository;
use project_model::repository::GITHUB;

use crate::error::ReleaseError;

/// Speaks to one repository.
#[derive(Debug)]
pub struct Gh {
    /// The repository.
    pub repository: Repository,
    /// In Actions on a server of one's own the token is in `GITHUB_TOKEN`, where gh does not look for another host than
    /// its own.
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

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// By name, in lower case.
    pub headers: BTreeMap<String, String>,
    /// What follows the headers.
    pub body: String,
}

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

impl Reply {
    /// Reads what `gh api --include` prints. `None` if no answer came.
    fn parse(captured: &Captured) -> Option<Self> {
        let mut rest = captured.stdout.as_str();
        let mut line = || {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            Some(line.trim_end_matches('\r'))
        };
        let status = line()?
            .strip_prefix("HTTP/")?
            .split(' ')
            .nth(1)?
            .parse()
            .ok()?;
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = line()?.split_once(": ") {
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        Some(Self {
            status,
            headers,
            body: rest.to_owned(),
        })
    }

    /// Whether it did what it was asked for.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether there was no token, and there has to be one.
    fn wants_a_token(&self) -> bool {
        self.status == 401 && self.message().contains("Requires authentication")
    }

    /// What GitHub says of a failure: `message`, and the codes of `errors`.
    #[must_use]
    pub fn message(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        let errors = body["errors"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let codes = errors.iter().filter_map(|error| error["code"].as_str());
        let mut parts = vec![body["message"].as_str().unwrap_or("no message")];
        parts.extend(codes);
        without_secrets(&parts.join(", "))
    }

    /// The failure that this answer is.
    #[must_use]
    pub fn failure(&self, doing: &str) -> ReleaseError {
        let (doing, message) = (doing.to_owned(), self.message());
        if self.is_limited(&message) {
            let wait = self.wait();
            return ReleaseError::Limited {
                doing,
                message,
                wait,
            };
        }
        match self.status {
            401 => ReleaseError::Unauthorised {
                doing,
                message,
                help: token_help(),
            },
            403 => ReleaseError::Forbidden {
                doing,
                message,
                help: rights_help(),
            },
            404 | 409 => ReleaseError::Conflict { doing, message },
            422 if message.contains("already") || message.contains("Reference does not exist") => {
                ReleaseError::Conflict { doing, message }
            }
            408 | 500.. => ReleaseError::NoAnswer {
                doing,
                why: format!("HTTP status {}: {message}", self.status),
            },
            status => ReleaseError::Refused {
                doing,
                status,
                message,
            },
        }
    }

    /// Whether a rate limit refused it.
    fn is_limited(&self, message: &str) -> bool {
        let says_so = || {
            self.number("x-ratelimit-remaining") == Some(0)
                || self.number("retry-after").is_some()
                || message.to_lowercase().contains("rate limit")
        };
        self.status == 429 || self.status == 403 && says_so()
    }

    /// How long GitHub asks to wait, if it says so.
    fn wait(&self) -> Option<Duration> {
        if let Some(wait_s) = self.number("retry-after") {
            return Some(Duration::from_secs(wait_s));
        }
        let is_exhausted = self.number("x-ratelimit-remaining") == Some(0);
        let reset_s = self.number("x-ratelimit-reset").filter(|_| is_exhausted)?;
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?;
        // The clocks differ, and a second is the least that the header can say.
        Some(Duration::from_secs(reset_s + 1).saturating_sub(now))
    }

    fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.trim().parse().ok()
    }
}

fn token_help() -> String {
    "`gh auth status` tells which one is used; it may have expired".to_owned()
}

fn rights_help() -> String {
    "in a workflow, the job needs `permissions: contents: write`; a fine-grained token, \"Contents: Read and write\" for this repository".to_owned()
}

/// `text` without the value of any variable whose name says that it is secret. gh does not print them; a proxy might.
fn without_secrets(text: &str) -> String {
    let secrets =
        std::env::vars().filter(|(name, value)| vars::is_secret(name) && value.len() >= 8);
    secrets.fold(text.to_owned(), |text, (_, secret)| {
        text.replace(&secret, "***")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Reply {
            status,
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }

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

    #[test]
    fn an_answer_has_status_headers_and_body() {
        let printed = |text: &str| {
            let command = Invocation::new("printf").args(["%s", text]);
            Reply::parse(&command.capture().unwrap())
        };
        let found =
            printed("HTTP/2.0 200 OK\r\nDate: now\r\nX-A: b: c\r\n\r\n{\"a\":\n1}\n").unwrap();
        assert_eq!(
            found,
            reply(200, &[("date", "now"), ("x-a", "b: c")], "{\"a\":\n1}\n")
        );
        let found = printed("HTTP/1.1 204 No Content\nDate: now\n\n").unwrap();
        assert_eq!((found.status, found.body.as_str()), (204, ""));
        assert_eq!(printed(""), None);
        assert_eq!(printed("dial tcp: connection refused\n"), None);
    }

    #[test]
    fn failures_are_told_apart() {
        let exists =
            "{\"message\": \"Validation Failed\", \"errors\": [{\"code\": \"already_exists\"}]}";
        let name = |reply: Reply| {
            format!("{:?}", reply.failure("read"))
                .split(' ')
                .next()
                .map(str::to_owned)
        };
        for (expected, reply) in [
            ("Unauthorised", reply(401, &[], "{}")),
            (
                "Forbidden",
                reply(403, &[("x-ratelimit-remaining", "12")], "{}"),
            ),
            (
                "Limited",
                reply(403, &[("x-ratelimit-remaining", "0")], "{}"),
            ),
            (
                "Limited",
                reply(
                    403,
                    &[],
                    "{\"message\": \"You have exceeded a secondary rate limit\"}",
                ),
            ),
            ("Limited", reply(429, &[], "{}")),
            ("Conflict", reply(404, &[], "{}")),
            ("Conflict", reply(422, &[], exists)),
            (
                "Refused",
                reply(422, &[], "{\"message\": \"Validation Failed\"}"),
            ),
            ("Refused", reply(400, &[], "no JSON")),
            ("NoAnswer", reply(502, &[], "<html>")),
        ] {
            assert_eq!(name(reply.clone()).as_deref(), Some(expected), "{reply:?}");
        }
    }

    #[test]
    fn a_limit_says_how_long() {
        let wait_s =
            |headers: &[(&str, &str)]| reply(403, headers, "{}").wait().map(|it| it.as_secs());
        assert_eq!(wait_s(&[("retry-after", "30")]), Some(30));
        assert_eq!(wait_s(&[("x-ratelimit-remaining", "0")]), None);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let reset = (now.as_secs() + 60).to_string();
        let found = wait_s(&[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", &reset),
        ]);
        assert!(found.is_some_and(|it| (58..=61).contains(&it)), "{found:?}");
        assert_eq!(
            wait_s(&[
                ("x-ratelimit-remaining", "9"),
                ("x-ratelimit-reset", &reset)
            ]),
            None
        );
    }
}
