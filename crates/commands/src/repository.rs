//! Where the project lives on GitHub.

use anyhow::{Context as _, bail};
use camino::Utf8Path;
use environment::vars;
use project_model::Repository;
use project_model::repository::GITHUB;

/// What the user says, else what GitHub's runner says, else git's remote `origin`.
pub(crate) fn find(asked: Option<&str>, dir: &Utf8Path) -> anyhow::Result<Option<Repository>> {
    if let Some(text) = asked {
        let parsed = Repository::parse(text, &default_host());
        let wrong = || format!("`{text}` is no repository\n  help: name it as `--repo OWNER/NAME`");
        return parsed.with_context(wrong).map(Some);
    }
    let of_runner = vars::var(vars::GITHUB_REPOSITORY);
    let of_runner = of_runner.and_then(|text| Repository::parse(&text, &default_host()));
    Ok(of_runner.or_else(|| Repository::of_origin(dir)))
}

/// The same, where there is no doing without.
pub(crate) fn required(asked: Option<&str>, dir: &Utf8Path) -> anyhow::Result<Repository> {
    match find(asked, dir)? {
        Some(repository) => Ok(repository),
        None => bail!(
            "cannot tell where {dir} is on GitHub: git's remote `origin` does not say\n  help: name it, `--repo OWNER/NAME`"
        ),
    }
}

/// The server whose runner this is; else GitHub's own.
fn default_host() -> String {
    let server = vars::var(vars::GITHUB_SERVER_URL);
    let host = server
        .as_deref()
        .and_then(|url| url.strip_prefix("https://"));
    host.map_or(GITHUB, |host| host.trim_end_matches('/'))
        .to_owned()
}
