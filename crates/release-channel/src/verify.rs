//! Looking at the release from outside: what does somebody find who only downloads?

use camino::Utf8Path;
use packaging::shown;
use processes::Invocation;
use project_model::Repository;
use serde::Serialize;

use crate::client::Client;
use crate::download::download;
use crate::error::{ReleaseError, cannot_write};
use crate::notes;
use crate::published::{Published, PublishedWheel, download_url};
use crate::snapshot::{Asset, Release, parse_manifest, read_assets, read_release, read_tag};
use crate::{MANIFEST, PREVIOUS};
use files::digest::sha256;
use files::owned;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// `owner/name`.
    pub repository: String,
    /// The tag of the release.
    pub tag: String,
    /// The version that clients get; none if they get none.
    pub version: Option<String>,
    /// The wheels that were looked at.
    pub wheels: Vec<String>,
    /// What is not as it should be; empty if all is well.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: a file, the tag, the release.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// The command that repairs it.
    pub repair: String,
}

/// More than any manifest has.
const MANIFEST_BYTES: u64 = 16_000_000;

/// Looks at the release `tag`. Wheels are asked for, and with `thorough` downloaded and compared byte for
/// byte. Repairs are told for the checkout in `project`; without one, for the working directory.
pub fn verify(
    client: &Client<'_>,
    tag: &str,
    project: Option<&Utf8Path>,
    thorough: bool,
) -> Result<VerifyReport, ReleaseError> {
    let mut verifier = Verifier {
        client,
        tag,
        project,
        thorough,
        scratch: tempfile::tempdir()
            .map_err(cannot_write(Utf8Path::new("a temporary directory")))?,
        report: VerifyReport {
            repository: client.gh.repository.to_string(),
            tag: tag.to_owned(),
            version: None,
            wheels: Vec::new(),
            findings: Vec::new(),
        },
    };
    verifier.run()?;
    Ok(verifier.report)
}

struct Verifier<'a> {
    client: &'a Client<'a>,
    tag: &'a str,
    project: Option<&'a Utf8Path>,
    thorough: bool,
    scratch: tempfile::TempDir,
    report: VerifyReport,
}

impl Verifier<'_> {
    fn run(&mut self) -> Result<(), ReleaseError> {
        let release = match read_release(self.client, self.tag) {
            Ok(Some(release)) => release,
            Ok(None) => {
                self.found(
                    "release",
                    "there is none with this tag".to_owned(),
                    self.finish(),
                );
                return Ok(());
            }
            Err(ReleaseError::Draft { tag }) => {
                let repair = format!("gh release edit {tag} --draft=false");
                self.found(
                    "release",
                    "it is a draft, which nobody can download from".to_owned(),
                    repair,
                );
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let assets = read_assets(self.client, &release)?;
        let mut current = self.manifest(MANIFEST)?;
        let previous = self.manifest(PREVIOUS)?;
        if current.is_none() {
            // As every client does: it may just have been exchanged.
            current = self.manifest(MANIFEST)?;
        }
        if current.is_none() {
            self.found(
                MANIFEST,
                "it cannot be downloaded".to_owned(),
                self.finish(),
            );
        }
        for manifest in [&current, &previous].into_iter().flatten() {
            self.wheels(manifest, &assets)?;
        }
        if let Some(current) = current.or(previous) {
            self.tag_and_notes(&current, &release)?;
            self.report.version = Some(current.version.to_string());
        }
        Ok(())
    }

    fn found(&mut self, subject: &str, message: String, repair: String) {
        self.report.findings.push(Finding {
            subject: subject.to_owned(),
            message,
            repair,
        });
    }

    /// The manifest `file`, as anybody downloads it.
    fn manifest(&mut self, file: &str) -> Result<Option<Published>, ReleaseError> {
        let url = download_url(&self.client.gh.repository, self.tag, file);
        let Some(bytes) = self.fetch(&url, MANIFEST_BYTES)? else {
            return Ok(None);
        };
        match parse_manifest(&String::from_utf8_lossy(&bytes), file, self.tag) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) => {
                self.found(file, first_line(&error), self.delete(file));
                Ok(None)
            }
        }
    }

    /// Brings the release into order from the wheels in `dist/`.
    fn finish(&self) -> String {
        let repository = &self.client.gh.repository;
        format!("cargo xtask release finish --repo {repository}")
    }

    fn delete(&self, file: &str) -> String {
        let repository = &self.client.gh.repository;
        format!(
            "gh release delete-asset {} {file} --yes --repo {repository} && {}",
            self.tag,
            self.finish()
        )
    }

    /// The same commit gives the same bytes.
    fn upload_again(&self, manifest: &Published, file: &str, is_there: bool) -> String {
        let (tag, repository) = (self.tag, &self.client.gh.repository);
        let clobber = if is_there { " --clobber" } else { "" };
        let git = self.project.into_iter();
        let git = Invocation::new("git").args(git.flat_map(|dir| ["-C", dir.as_str()]));
        format!(
            "{git} checkout {} && cargo xtask wheel --release --out dist && gh release upload {tag} dist/{file} --repo {repository}{clobber}",
            manifest.commit.hash
        )
    }

    /// What lies there, if it has no more than so many bytes.
    fn fetch(&self, url: &str, most_bytes: u64) -> Result<Option<Vec<u8>>, ReleaseError> {
        let path = self.scratch.path().join("download");
        let path = Utf8Path::from_path(&path).unwrap_or(Utf8Path::new("download"));
        if !download(url, Some((path, most_bytes)), &self.client.patience)? {
            return Ok(None);
        }
        // Of an empty file nothing is written.
        if !path.exists() {
            return Ok(Some(Vec::new()));
        }
        let bytes = fs_err::read(path).map_err(|source| ReleaseError::NoWheel {
            path: path.to_owned(),
            source,
        })?;
        let dir = path.parent().unwrap_or(path);
        owned::remove(dir, path).map_err(cannot_write(path))?;
        Ok(Some(bytes))
    }

    fn wheels(&mut self, manifest: &Published, assets: &[Asset]) -> Result<(), ReleaseError> {
        for wheel in &manifest.wheels {
            if self.report.wheels.iter().any(|it| *it == *wheel.file) {
                continue;
            }
            self.report.wheels.push(wheel.file.to_string());
            let asset = assets.iter().find(|asset| *asset.name == *wheel.file);
            let wrong = match asset {
                None => Some("it is not there".to_owned()),
                Some(asset) => announced(asset, wheel),
            };
            let wrong = match wrong {
                None => self.downloaded(wheel)?,
                wrong => wrong,
            };
            if let Some(message) = wrong {
                let repair = self.upload_again(manifest, &wheel.file, asset.is_some());
                self.found(&wheel.file, message, repair);
            }
        }
        Ok(())
    }

    /// What is wrong with what is downloaded.
    fn downloaded(&self, wheel: &PublishedWheel) -> Result<Option<String>, ReleaseError> {
        let nothing = || Some("it cannot be downloaded".to_owned());
        let elsewhere = elsewhere(wheel, &self.client.gh.repository, self.tag);
        if elsewhere.is_some() {
            return Ok(elsewhere);
        }
        if !self.thorough {
            let is_there = download(&wheel.url, None, &self.client.patience)?;
            return Ok(if is_there { None } else { nothing() });
        }
        // One byte more, so that a longer file is another file.
        let Some(bytes) = self.fetch(&wheel.url, wheel.size_bytes + 1)? else {
            return Ok(nothing());
        };
        let (digest, size_bytes) = (sha256(&bytes), bytes.len());
        let wrong = format!(
            "what is downloaded has SHA-256 {digest} ({size_bytes} bytes) instead of {}",
            wheel.sha256
        );
        Ok((*digest != *wheel.sha256).then_some(wrong))
    }

    fn tag_and_notes(
        &mut self,
        manifest: &Published,
        release: &Release,
    ) -> Result<(), ReleaseError> {
        let commit = &manifest.commit.hash;
        let (tag, repository) = (self.tag, &self.client.gh.repository);
        let at = read_tag(self.client, tag)?;
        if at.as_deref() != Some(&**commit) {
            let at = at.unwrap_or_else(|| "nothing".to_owned());
            let slug = format!("repos/{}/{}", repository.owner, repository.name);
            let host = &repository.host;
            let repair = format!(
                "gh api --hostname {host} --method PATCH {slug}/git/refs/tags/{tag} -f sha={commit} -F force=true"
            );
            self.found(
                "tag",
                format!("it points to {at}, and the newest wheels are of {commit}"),
                repair,
            );
        }
        if !notes::are_in(
            release.body.as_deref().unwrap_or_default(),
            manifest,
            repository,
        ) {
            self.found(
                "notes",
                "they are not those of the newest build".to_owned(),
                self.finish(),
            );
        }
        Ok(())
    }
}

/// A manifest that has a wheel outside of the release: nothing is asked for there.
fn elsewhere(wheel: &PublishedWheel, repository: &Repository, tag: &str) -> Option<String> {
    let is_there = wheel.url == download_url(repository, tag, &wheel.file);
    (!is_there).then(|| {
        format!(
            "the manifest has it at {}, outside of the release",
            wheel.url
        )
    })
}

/// What is wrong with what GitHub says of an asset.
fn announced(asset: &Asset, wheel: &PublishedWheel) -> Option<String> {
    let digest = format!("sha256:{}", wheel.sha256);
    if !asset.is_whole() {
        return Some("its upload broke off".to_owned());
    }
    if asset.size != wheel.size_bytes {
        return Some(format!(
            "it has {} bytes instead of {}",
            asset.size, wheel.size_bytes
        ));
    }
    let found = asset.digest.as_ref().filter(|it| **it != digest)?;
    Some(format!("it has {found} instead of {digest}"))
}

/// The message of an error without its remedy.
fn first_line(error: &ReleaseError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

impl VerifyReport {
    /// One line for each finding, and the command that repairs it.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.findings.iter().map(|it| {
            format!(
                "{}: {}; repair: {}\n",
                it.subject,
                shown(&it.message, 400),
                it.repair
            )
        });
        lines.collect()
    }

    /// All of it in one sentence, after a look that was `thorough` or not.
    #[must_use]
    pub fn conclusion(&self, thorough: bool) -> String {
        let Self {
            repository, tag, ..
        } = self;
        if !self.findings.is_empty() {
            let count = self.findings.len();
            return format!("`{tag}` of {repository} is not as it should be: {count} findings");
        }
        let version = self.version.as_deref().unwrap_or("nothing");
        let count = self.wheels.len();
        let how = if thorough { "downloaded" } else { "asked for" };
        format!("`{tag}` of {repository} holds {version}; {count} wheels {how}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    #[test]
    fn a_wheel_of_another_place_is_not_asked_for() {
        let repository = Repository::parse("o/r", "github.com").unwrap();
        let mut wheel = crate::plan::tests::build(1).wheels.remove(0);
        assert_eq!(elsewhere(&wheel, &repository, "latest"), None);
        for (from, to) in [
            ("github.com", "github.com.evil.example"),
            ("/o/r/", "/o/other/"),
            ("latest", "v1"),
        ] {
            let url = std::mem::take(&mut wheel.url);
            wheel.url = url.replace(from, to);
            let message = elsewhere(&wheel, &repository, "latest").unwrap();
            assert!(message.contains(to), "{message}");
            wheel.url = url;
        }
    }

    #[test]
    fn a_look_is_told_with_what_repairs_it() {
        let mut report = VerifyReport {
            repository: "o/r".to_owned(),
            tag: "latest".to_owned(),
            version: Some("1.0".to_owned()),
            wheels: vec!["thing-1.0-py3-none-any.whl".to_owned()],
            findings: Vec::new(),
        };
        let mut texts = vec![report.conclusion(false), report.conclusion(true)];
        report.findings.push(Finding {
            subject: "notes".to_owned(),
            message: "they are not those of the newest build".to_owned(),
            repair: "cargo xtask release finish --repo o/r".to_owned(),
        });
        texts.push(report.conclusion(false));
        let text = format!("{}\n{}", texts.join("\n"), report.text());
        expect_file!["snapshots/verify.txt"].assert_eq(&text);
    }
}
