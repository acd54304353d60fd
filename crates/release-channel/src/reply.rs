//! What GitHub answers, and what kind of failure that is.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use environment::vars;
use processes::Captured;

use crate::error::ReleaseError;

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

impl Reply {
    /// Reads what `gh api --include` prints. `None` if no answer came.
    pub(crate) fn parse(captured: &Captured) -> Option<Self> {
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
    pub(crate) fn wants_a_token(&self) -> bool {
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

/// `text` without the value of any variable whose name says that it is secret. gh does not print them; a
/// proxy might.
pub(crate) fn without_secrets(text: &str) -> String {
    let secrets = vars::all().filter(|(name, value)| vars::is_secret(name) && value.len() >= 8);
    secrets.fold(text.to_owned(), |text, (_, secret)| {
        text.replace(&secret, "***")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use processes::Invocation;

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
