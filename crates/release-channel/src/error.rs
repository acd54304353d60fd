//! What keeps a release from being finished or verified.

use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use processes::{Invocation, RunError};

/// The step that failed, and why. `doing` is what was being done, as "cannot {doing}" reads it.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant says what failed, and each field is named in it"
)]
pub enum ReleaseError {
    // How long is waited.
    #[error("{} is not a number of milliseconds", vars::XTASK_RETRY_UNIT_MS)]
    RetryUnit(#[source] std::num::ParseIntError),
    // What lies in the directory.
    #[error(
        "cannot read {path}, which tells what is to be released\n  help: `{}` writes it, beside the wheels",
        build(path)
    )]
    NoManifest {
        path: Utf8PathBuf,
        source: io::Error,
    },
    #[error("cannot understand {path}\n  help: `{}` writes it anew", build(path))]
    BadManifest {
        path: Utf8PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "{path} names no wheel\n  help: `{}` builds one for each platform of the policy",
        build(path)
    )]
    NoWheels { path: Utf8PathBuf },
    #[error(
        "{path} names no commit, and without one nobody can tell which build is the newer one\n  help: build the wheels in a git repository"
    )]
    NoCommit { path: Utf8PathBuf },
    #[error(
        "the wheels were built from files that differ from commit {commit}\n  help: commit them, and build again with `cargo xtask wheel --release`"
    )]
    Dirty { commit: String },
    #[error(
        "the {what} of what is to be published is {found}, and {expected} in the checkout that the workflow runs for; nothing was published\n  help: run the workflow again; if it says the same, look at what the jobs before have handed over"
    )]
    OtherBuild {
        what: &'static str,
        found: String,
        expected: String,
    },
    #[error(
        "the checkout is at {found}, and the workflow runs for {expected}; nothing was published\n  help: check out the commit of the workflow, as `actions/checkout` does"
    )]
    OtherCheckout { found: String, expected: String },
    #[error(
        "no release tag is set, so there is nowhere to publish to\n  help: write `release-tag = \"latest\"` under [workspace.metadata.xtask.wheel] in Cargo.toml, and build again"
    )]
    NoTag,
    #[error("cannot read the wheel {path}\n  help: `{}` builds it", build(path))]
    NoWheel {
        path: Utf8PathBuf,
        source: io::Error,
    },
    #[error(
        "{path} is not the wheel that manifest.json describes: SHA-256 {found} instead of {expected}\n  help: `{}` builds both anew",
        build(path)
    )]
    OtherWheel {
        path: Utf8PathBuf,
        found: String,
        expected: String,
    },

    // gh and the way to GitHub.
    #[error(
        "gh, GitHub's command line, is not installed\n  help: https://cli.github.com; on Debian and Ubuntu `apt-get install gh`"
    )]
    NoGh { source: RunError },
    #[error(
        "gh has no token for {host}\n  help: `gh auth login --hostname {host}`, or set {variable}; in a workflow `env: {variable}: ${{{{ github.token }}}}`"
    )]
    NoLogin {
        host: String,
        variable: &'static str,
    },
    #[error("cannot {doing}: there is no answer ({why})")]
    NoAnswer { doing: String, why: String },
    #[error("cannot {doing}: GitHub's rate limit is reached ({message})")]
    Limited {
        doing: String,
        message: String,
        /// How long GitHub asks to wait; at least a minute, if it does not say.
        wait: Option<Duration>,
    },
    #[error(
        "gave up after {tries} attempts\n  help: run the command again later; it goes on where it ended"
    )]
    GaveUp {
        tries: u32,
        source: Box<ReleaseError>,
    },
    #[error(
        "GitHub asks to wait for {wait_s} s, and more than {limit_s} s is not waited here\n  help: run the command again after that; it goes on where it ended"
    )]
    TooLong {
        wait_s: u64,
        limit_s: u64,
        source: Box<ReleaseError>,
    },

    // What GitHub says.
    #[error("cannot {doing}: the token is not valid ({message})\n  help: {help}")]
    Unauthorised {
        doing: String,
        message: String,
        help: String,
    },
    #[error("cannot {doing}: the token may not ({message})\n  help: {help}")]
    Forbidden {
        doing: String,
        message: String,
        help: String,
    },
    #[error(
        "there is no repository {repository}, or the token does not see it\n  help: name another with `--repo OWNER/NAME`; a token for a private repository needs `contents: read`"
    )]
    NoRepository { repository: String },
    #[error(
        "cannot {doing}: {message}\n  help: if nothing else changes the release, the token may not write: it needs `contents: write`"
    )]
    Conflict { doing: String, message: String },
    #[error("cannot {doing}: HTTP status {status} ({message})")]
    Refused {
        doing: String,
        status: u16,
        message: String,
    },
    #[error("cannot understand the answer when asked to {doing}")]
    NotUnderstood {
        doing: String,
        source: serde_json::Error,
    },
    #[error(
        "commit {commit} is not on GitHub, so the tag cannot point to it\n  help: `git push` it"
    )]
    Unpushed { commit: String },

    // What is in the release.
    #[error(
        "the release `{tag}` is a draft, which nobody can download from\n  help: `gh release edit {tag} --draft=false`, then run this again"
    )]
    Draft { tag: String },
    #[error(
        "the release `{tag}` is immutable, so it can never hold a newer wheel\n  help: in the repository's settings, under Releases, switch \"Enable release immutability\" off; the name of the tag stays locked, so set another `release-tag` under [workspace.metadata.xtask.wheel]"
    )]
    Immutable { tag: String },
    #[error(
        "the asset {file} is not the wheel that was built: {found} instead of {expected}; nothing was published\n  help: if nobody needs it, `gh release delete-asset {tag} {file} --yes`, then run this again"
    )]
    WrongAsset {
        file: String,
        tag: String,
        found: String,
        expected: String,
    },
    #[error(
        "GitHub calls the asset {wanted} {given}, so nobody would find it\n  help: a version must consist of letters, digits, `.`, `_`, `-` and `+`"
    )]
    Renamed { wanted: String, given: String },
    #[error(
        "cannot understand {file} of the release `{tag}`\n  help: if it is not one of `cargo xtask release`, remove it: `gh release delete-asset {tag} {file} --yes`"
    )]
    StrangeManifest {
        file: String,
        tag: String,
        source: serde_json::Error,
    },
    #[error(
        "the release `{tag}` holds the wheels of {found}, not of {expected}\n  help: set another `release-tag` under [workspace.metadata.xtask.wheel]"
    )]
    OtherDistribution {
        tag: String,
        found: String,
        expected: String,
    },
    #[error(
        "the release does not come to rest; after {rounds} rounds this is still to be done:\n{steps}  help: is something else changing it? Run the command again"
    )]
    Restless { rounds: u32, steps: String },

    #[error("cannot write {path}")]
    Write {
        path: Utf8PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    Run(#[from] RunError),
}

impl ReleaseError {
    /// Whether the same may succeed a little later: no answer, a fault of the server, a rate limit, or
    /// somebody else who was faster. After each of them it has to be looked what is there now.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NoAnswer { .. } | Self::Limited { .. } | Self::Conflict { .. }
        )
    }
}

/// The command that builds wheels into the directory in which `file` lies.
fn build(file: &Utf8Path) -> Invocation {
    let dir = file.parent().filter(|dir| !dir.as_str().is_empty());
    let dir = dir.unwrap_or(Utf8Path::new("."));
    let args = ["xtask", "wheel", "--release", "--out", dir.as_str()];
    Invocation::new("cargo").args(args)
}

pub(crate) fn cannot_write(path: &Utf8Path) -> impl FnOnce(io::Error) -> ReleaseError {
    |source| ReleaseError::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn no_answer() -> ReleaseError {
        ReleaseError::NoAnswer {
            doing: text("upload thing.whl"),
            why: text("timeout"),
        }
    }

    fn of_github() -> Vec<ReleaseError> {
        let (doing, message) = (text("upload thing.whl"), text("Bad credentials"));
        vec![
            ReleaseError::NoLogin {
                host: text("github.com"),
                variable: "GH_TOKEN",
            },
            no_answer(),
            ReleaseError::Limited {
                doing: doing.clone(),
                message: message.clone(),
                wait: None,
            },
            ReleaseError::GaveUp {
                tries: 6,
                source: Box::new(no_answer()),
            },
            ReleaseError::TooLong {
                wait_s: 3600,
                limit_s: 600,
                source: Box::new(no_answer()),
            },
            ReleaseError::NoRepository {
                repository: text("o/r"),
            },
            ReleaseError::Conflict {
                doing: doing.clone(),
                message: message.clone(),
            },
            ReleaseError::Refused {
                doing,
                status: 422,
                message,
            },
            ReleaseError::Unpushed {
                commit: text("1a2b3c4"),
            },
            ReleaseError::OtherBuild {
                what: "version",
                found: text("2.0"),
                expected: text("1.0"),
            },
            ReleaseError::OtherCheckout {
                found: text("1a2b3c4"),
                expected: text("5d6e7f8"),
            },
        ]
    }

    fn of_the_release() -> Vec<ReleaseError> {
        let (tag, file) = (text("latest"), text("thing-1.0-py3-none-any.whl"));
        vec![
            ReleaseError::NoTag,
            ReleaseError::Dirty {
                commit: text("1a2b3c4"),
            },
            ReleaseError::Draft { tag: tag.clone() },
            ReleaseError::Immutable { tag: tag.clone() },
            ReleaseError::WrongAsset {
                file: file.clone(),
                tag: tag.clone(),
                found: text("sha256:ab12 (5 bytes)"),
                expected: text("sha256:cd34 (5 bytes)"),
            },
            ReleaseError::Renamed {
                wanted: file.clone(),
                given: text("thing-1.0.whl"),
            },
            ReleaseError::StrangeManifest {
                file: text("manifest.json"),
                tag: tag.clone(),
                source: serde_json::from_str::<()>("{}").unwrap_err(),
            },
            ReleaseError::OtherDistribution {
                tag,
                found: text("other"),
                expected: text("thing"),
            },
            ReleaseError::Restless {
                rounds: 30,
                steps: format!("    upload {file}\n"),
            },
        ]
    }

    #[test]
    fn each_error_says_what_helps() {
        let errors = of_github().into_iter().chain(of_the_release());
        let text: String = errors.map(|error| format!("{error}\n")).collect();
        expect_file!["snapshots/errors.txt"].assert_eq(&text);
    }
}
