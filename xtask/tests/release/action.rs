//! What `softprops/action-gh-release` does before `finish`: with `overwrite_files: false`, the same requests.

use processes::Invocation;
use serde_json::{Value, json};

use crate::{REPOSITORY, TAG, World, hash, wheel_name};

impl World {
    /// The real gh, as the action speaks to the API.
    fn api(&self, method: &str, path: &str, args: &[&str]) -> Value {
        let command = Invocation::new("gh").args(["api", "--method", method, path]);
        let command = command
            .args(args.iter().copied())
            .env("GH_ENTERPRISE_TOKEN", crate::TOKEN);
        let env = self.github.env();
        let command = env
            .into_iter()
            .fold(command, |command, (name, value)| command.env(name, value));
        serde_json::from_str(&command.read().expect("an answer")).expect("JSON")
    }

    /// Finds or makes the release, writes back what it says, and uploads the wheel unless its name is taken.
    pub(crate) fn action_uploads(&self, number: u32) {
        let dist = self.dist(number);
        let body = self.dir.path().join("action.json");
        let send = |method: &str, path: &str, value: &Value| {
            fs_err::write(&body, value.to_string()).unwrap();
            self.api(method, path, &["--input", body.as_str()])
        };
        let releases = self.api(
            "GET",
            &format!("repos/{REPOSITORY}/releases?per_page=100"),
            &[],
        );
        let found = releases
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["tag_name"] == TAG);
        let release = match found {
            None => {
                let new = json!({"tag_name": TAG, "name": TAG, "target_commitish": hash(number)});
                send("POST", &format!("repos/{REPOSITORY}/releases"), &new)
            }
            Some(it) => {
                let names = [
                    "tag_name",
                    "target_commitish",
                    "name",
                    "body",
                    "draft",
                    "prerelease",
                ];
                let same: serde_json::Map<_, _> = names
                    .iter()
                    .map(|name| ((*name).to_owned(), it[*name].clone()))
                    .collect();
                send(
                    "PATCH",
                    &format!("repos/{REPOSITORY}/releases/{}", it["id"]),
                    &same.into(),
                )
            }
        };
        let taken = release["assets"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["name"] == wheel_name(number));
        if !taken {
            let url = release["upload_url"]
                .as_str()
                .unwrap()
                .split('{')
                .next()
                .unwrap();
            let url = format!("{url}?name={}", wheel_name(number).replace('+', "%2B"));
            let file = dist.join(wheel_name(number));
            let kind = "Content-Type: application/octet-stream";
            self.api("POST", &url, &["--header", kind, "--input", file.as_str()]);
        }
    }
}
