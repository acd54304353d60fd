//! The API of one repository: reading, with patience; changing, once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;

use camino::Utf8Path;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::ReleaseError;
use crate::gh::{Call, Gh, JSON};
use crate::patience::{Failures, Patience};
use crate::reply::Reply;
use packaging::escaped;

/// As many as one page of a list may hold.
const PAGE: usize = 100;

/// What a reading that may find nothing gives.
type Found<T> = Result<Option<T>, ReleaseError>;

/// Speaks to one repository.
#[derive(Debug)]
pub struct Client<'a> {
    pub(crate) gh: Gh,
    pub(crate) patience: Patience<'a>,
    /// By path, what [`Client::get_constant`] has read.
    constants: RefCell<BTreeMap<String, String>>,
}

impl<'a> Client<'a> {
    /// With the `patience` to wait where GitHub asks for it.
    #[must_use]
    pub fn new(gh: Gh, patience: Patience<'a>) -> Self {
        Self {
            gh,
            patience,
            constants: RefCell::default(),
        }
    }

    /// Reads; `None` if there is no such thing.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, doing: &str) -> Found<T> {
        let Some(text) = self.read(path, JSON, doing)? else {
            return Ok(None);
        };
        understood(&text, doing).map(Some)
    }

    /// Reads all pages of a list.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        doing: &str,
    ) -> Result<Vec<T>, ReleaseError> {
        let mut all = Vec::new();
        for page in 1.. {
            let path = format!("{path}?per_page={PAGE}&page={page}");
            let Some(items) = self.get::<Vec<T>>(&path, doing)? else {
                break;
            };
            let is_last = items.len() < PAGE;
            all.extend(items);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Reads what never changes: the bytes of an asset by its number, the comparison of two commits by their
    /// hashes. It is asked for once. `None` if it is not there (any more).
    pub(crate) fn get_constant(&self, path: &str, accept: &str, doing: &str) -> Found<String> {
        if let Some(text) = self.constants.borrow().get(path) {
            return Ok(Some(text.clone()));
        }
        let text = self.read(path, accept, doing)?;
        if let Some(text) = &text {
            self.constants
                .borrow_mut()
                .insert(path.to_owned(), text.clone());
        }
        Ok(text)
    }

    fn read(&self, path: &str, accept: &str, doing: &str) -> Found<String> {
        let call = Call {
            method: "GET",
            path,
            input: None,
            accept,
        };
        let mut failures = Failures::default();
        loop {
            let failure = match self.gh.ask(&call, doing) {
                Ok(reply) if reply.is_success() => return Ok(Some(reply.body)),
                Ok(reply) if reply.status == 404 => return Ok(None),
                Ok(reply) => reply.failure(doing),
                Err(error) => error,
            };
            self.patience.after(failure, &mut failures)?;
        }
    }

    /// Changes something, with `body` as JSON. It is not repeated here: after a failure nobody knows whether
    /// it has taken effect, so it has to be looked first.
    pub(crate) fn change(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        doing: &str,
    ) -> Result<Reply, ReleaseError> {
        let file = match body {
            Some(body) => Some(temporary(&body.to_string())?),
            None => None,
        };
        let input = match &file {
            Some(file) => Some((utf8(file.path())?, "application/json")),
            None => None,
        };
        self.send(
            &Call {
                method,
                path,
                input,
                accept: JSON,
            },
            doing,
        )
    }

    /// Uploads `file` as the asset `name` of a release.
    pub(crate) fn upload(
        &self,
        upload_url: &str,
        name: &str,
        file: &Utf8Path,
        kind: &str,
    ) -> Result<(), ReleaseError> {
        // `https://…/assets{?name,label}`, a template (RFC 6570).
        let url = upload_url.split('{').next().unwrap_or_default();
        let path = format!("{url}?name={}", escaped(name));
        let call = Call {
            method: "POST",
            path: &path,
            input: Some((file, kind)),
            accept: JSON,
        };
        let doing = format!("upload {name}");
        let reply = self.send(&call, &doing)?;
        let asset: Value = understood(&reply.body, &doing)?;
        match asset["name"].as_str() {
            Some(given) if given != name => Err(ReleaseError::Renamed {
                wanted: name.to_owned(),
                given: given.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// [`Client::upload`] of a text.
    pub(crate) fn upload_text(
        &self,
        upload_url: &str,
        name: &str,
        text: &str,
        kind: &str,
    ) -> Result<(), ReleaseError> {
        let file = temporary(text)?;
        self.upload(upload_url, name, utf8(file.path())?, kind)
    }

    fn send(&self, call: &Call<'_>, doing: &str) -> Result<Reply, ReleaseError> {
        let reply = self.gh.ask(call, doing)?;
        if reply.is_success() {
            return Ok(reply);
        }
        Err(reply.failure(doing))
    }
}

pub(crate) fn understood<T: DeserializeOwned>(text: &str, doing: &str) -> Result<T, ReleaseError> {
    serde_json::from_str(text).map_err(|source| ReleaseError::NotUnderstood {
        doing: doing.to_owned(),
        source,
    })
}

fn temporary(text: &str) -> Result<tempfile::NamedTempFile, ReleaseError> {
    let dir = std::env::temp_dir();
    let cannot = |source| ReleaseError::Write {
        path: dir.to_string_lossy().into_owned().into(),
        source,
    };
    let mut file = tempfile::NamedTempFile::new().map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)?;
    Ok(file)
}

fn utf8(path: &std::path::Path) -> Result<&Utf8Path, ReleaseError> {
    Utf8Path::from_path(path).ok_or_else(|| ReleaseError::Write {
        path: path.to_string_lossy().into_owned().into(),
        source: std::io::Error::other("the path is not UTF-8"),
    })
}
