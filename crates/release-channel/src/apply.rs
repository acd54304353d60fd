//! Each step as one request.

use serde_json::json;

use crate::client::Client;
use crate::error::ReleaseError;
use crate::gh::BYTES;
use crate::local::Ours;
use crate::plan::Step;
use crate::snapshot::Release;
use packaging::escaped;

/// Does `step`. `release` is the one it is about; only [`Step::Create`] does without.
pub(crate) fn apply(
    client: &Client<'_>,
    step: &Step,
    release: Option<&Release>,
    ours: &Ours,
) -> Result<(), ReleaseError> {
    let manifest = &ours.manifest;
    let upload_url = release.map(|it| it.upload_url.as_str()).unwrap_or_default();
    let doing = step.to_string();
    match step {
        Step::Create { commit } => {
            let body = json!({
                "tag_name": manifest.release_tag,
                "target_commitish": commit,
                "name": crate::notes::title(manifest),
            });
            client.change("POST", "releases", Some(&body), &doing)?;
        }
        Step::UploadWheel { index, name } => {
            client.upload(upload_url, name, &ours.wheels[*index].path, BYTES)?;
        }
        Step::UploadManifest { name } => {
            client.upload_text(upload_url, name, &manifest.json(), "application/json")?;
        }
        Step::Delete { id, .. } => match client.change("DELETE", &asset(*id), None, &doing) {
            // It is gone, whoever did it.
            Err(ReleaseError::Conflict { .. }) => {}
            done => drop(done?),
        },
        Step::Rename { id, to, .. } => {
            client.change("PATCH", &asset(*id), Some(&json!({ "name": to })), &doing)?;
        }
        Step::MoveTag { commit, exists } => {
            move_tag(client, &manifest.release_tag, commit, *exists, &doing)?;
        }
        Step::Describe {
            title,
            body,
            commit,
        } => {
            let id = release.map(|it| it.id).unwrap_or_default();
            let body = json!({ "name": title, "body": body, "target_commitish": commit });
            client.change("PATCH", &format!("releases/{id}"), Some(&body), &doing)?;
        }
    }
    Ok(())
}

fn asset(id: u64) -> String {
    format!("releases/assets/{id}")
}

fn move_tag(
    client: &Client<'_>,
    tag: &str,
    commit: &str,
    exists: bool,
    doing: &str,
) -> Result<(), ReleaseError> {
    let moved = if exists {
        let body = json!({ "sha": commit, "force": true });
        client.change(
            "PATCH",
            &format!("git/refs/tags/{}", escaped(tag)),
            Some(&body),
            doing,
        )
    } else {
        let body = json!({ "ref": format!("refs/tags/{tag}"), "sha": commit });
        client.change("POST", "git/refs", Some(&body), doing)
    };
    moved.map(drop)
}
