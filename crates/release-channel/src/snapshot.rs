//! What is in a release now, as far as it matters here.

use serde::Deserialize;
use serde_json::Value;

use crate::client::{Client, understood};
use crate::error::ReleaseError;
use crate::gh::{BYTES, JSON};
use crate::published::{Published, SourceCommit};
use crate::{MANIFEST, PREVIOUS};
use packaging::escaped;

/// All that a plan is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The release; none if there is none yet.
    pub release: Option<Release>,
    /// Its assets.
    pub assets: Vec<Asset>,
    /// What the tag points to; none if there is no such tag. Of an annotated tag it is the tag object, not
    /// the commit.
    pub tag: Option<String>,
    /// What `manifest.json` says, if it is there.
    pub current: Option<Published>,
    /// What `manifest-previous.json` says, if it is there.
    pub previous: Option<Published>,
    /// How our commit stands to the newest published one; none if nothing is published.
    pub history: Option<History>,
}

/// A release, as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// Its number.
    pub id: u64,
    /// The tag.
    pub tag_name: String,
    /// The title.
    pub name: Option<String>,
    /// The release notes.
    pub body: Option<String>,
    /// Not published yet.
    pub draft: bool,
    /// Never to be changed. GitHub Enterprise Server may not know of it.
    #[serde(default)]
    pub immutable: bool,
    /// Where assets are uploaded to, a template.
    pub upload_url: String,
    /// Its page.
    pub html_url: String,
}

/// A file of a release, as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Asset {
    /// Its number, which it keeps when it is renamed.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `uploaded`; `starter` if the upload broke off.
    pub state: String,
    /// Its size, in bytes.
    pub size: u64,
    /// `sha256:…`; absent where GitHub has not computed one.
    pub digest: Option<String>,
    /// When it was uploaded, to the second. As text it is in the order of time.
    pub created_at: String,
}

/// How one commit stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// It is the same one.
    Same,
    /// Ours comes after it.
    Ahead,
    /// It comes after ours.
    Behind,
    /// Neither: someone has pushed by force, or they are on different branches.
    Diverged,
}

impl Asset {
    /// Whether it can be downloaded.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state == "uploaded"
    }
}

impl Snapshot {
    /// Reads the release `tag`, to publish the distribution `name` from `commit`.
    pub(crate) fn read(
        client: &Client<'_>,
        tag: &str,
        name: &str,
        commit: &SourceCommit,
    ) -> Result<Self, ReleaseError> {
        let release = read_release(client, tag)?;
        let assets = match &release {
            Some(release) => read_assets(client, release)?,
            None => Vec::new(),
        };
        let manifest = |file| read_manifest(client, &assets, file, tag, name);
        let (current, previous) = (manifest(MANIFEST)?, manifest(PREVIOUS)?);
        require_pushed(client, commit)?;
        let newest = current.as_ref().or(previous.as_ref());
        let history = newest
            .map(|newest| compare(client, &newest.commit, commit))
            .transpose()?;
        Ok(Self {
            tag: read_tag(client, tag)?,
            release,
            assets,
            current,
            previous,
            history,
        })
    }

    /// The asset of this name.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name == name)
    }
}

/// The release, which has to be one that can be downloaded from.
pub(crate) fn read_release(
    client: &Client<'_>,
    tag: &str,
) -> Result<Option<Release>, ReleaseError> {
    let path = format!("releases/tags/{}", escaped(tag));
    let doing = format!("read the release `{tag}`");
    let mut release: Option<Release> = client.get(&path, &doing)?;
    if release.is_none() {
        require_repository(client)?;
        // By its tag, a draft is not found.
        let all: Vec<Release> = client.list("releases", "list the releases")?;
        release = all.into_iter().find(|release| release.tag_name == tag);
    }
    let tag = tag.to_owned();
    match release {
        Some(release) if release.draft => Err(ReleaseError::Draft { tag }),
        Some(release) if release.immutable => Err(ReleaseError::Immutable { tag }),
        release => Ok(release),
    }
}

fn require_repository(client: &Client<'_>) -> Result<(), ReleaseError> {
    match client.get::<Value>("", "read the repository")? {
        Some(_) => Ok(()),
        None => Err(ReleaseError::NoRepository {
            repository: client.gh.repository.to_string(),
        }),
    }
}

/// Nothing is published of a commit that nobody else can look at; and the tag could not point to it.
fn require_pushed(client: &Client<'_>, commit: &SourceCommit) -> Result<(), ReleaseError> {
    let path = format!("git/commits/{}", commit.hash);
    match client.get_constant(&path, JSON, "look for the commit")? {
        Some(_) => Ok(()),
        None => Err(ReleaseError::Unpushed {
            commit: commit.hash.to_string(),
        }),
    }
}

pub(crate) fn read_assets(
    client: &Client<'_>,
    release: &Release,
) -> Result<Vec<Asset>, ReleaseError> {
    client.list(
        &format!("releases/{}/assets", release.id),
        "list the assets",
    )
}

/// What the tag points to.
pub(crate) fn read_tag(client: &Client<'_>, tag: &str) -> Result<Option<String>, ReleaseError> {
    #[derive(Deserialize)]
    struct Reference {
        object: Object,
    }
    #[derive(Deserialize)]
    struct Object {
        sha: String,
    }
    let path = format!("git/ref/tags/{}", escaped(tag));
    let reference: Option<Reference> = client.get(&path, &format!("read the tag `{tag}`"))?;
    Ok(reference.map(|it| it.object.sha))
}

fn read_manifest(
    client: &Client<'_>,
    assets: &[Asset],
    file: &str,
    tag: &str,
    name: &str,
) -> Result<Option<Published>, ReleaseError> {
    let Some(asset) = assets
        .iter()
        .find(|asset| asset.name == file && asset.is_whole())
    else {
        return Ok(None);
    };
    let path = format!("releases/assets/{}", asset.id);
    let Some(text) = client.get_constant(&path, BYTES, &format!("read {file}"))? else {
        return Ok(None);
    };
    let published = parse_manifest(&text, file, tag)?;
    if published.name == name {
        return Ok(Some(published));
    }
    Err(ReleaseError::OtherDistribution {
        tag: tag.to_owned(),
        found: published.name.to_string(),
        expected: name.to_owned(),
    })
}

pub(crate) fn parse_manifest(text: &str, file: &str, tag: &str) -> Result<Published, ReleaseError> {
    serde_json::from_str(text).map_err(|source| ReleaseError::StrangeManifest {
        file: file.to_owned(),
        tag: tag.to_owned(),
        source,
    })
}

fn compare(
    client: &Client<'_>,
    published: &SourceCommit,
    ours: &SourceCommit,
) -> Result<History, ReleaseError> {
    #[derive(Deserialize)]
    struct Comparison {
        status: String,
    }
    if published.hash == ours.hash {
        return Ok(History::Same);
    }
    // Only the status matters; by default the answer brings along up to 250 commits.
    let path = format!("compare/{}...{}?per_page=1", published.hash, ours.hash);
    let doing = "compare the commits";
    let text = client.get_constant(&path, JSON, doing)?;
    let comparison = text.map(|text| understood::<Comparison>(&text, doing));
    let status = comparison.transpose()?.map(|it| it.status);
    Ok(match status.as_deref() {
        Some("identical") => History::Same,
        Some("ahead") => History::Ahead,
        Some("behind") => History::Behind,
        // Also where GitHub does not know the other commit any more, or there is no common ancestor.
        _ => History::Diverged,
    })
}
