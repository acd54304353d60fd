//! The GitHub on this machine does what the real one does, as the real gh and curl see it.

use serde_json::{Value, json};
use testkit::TempDir;
use testkit::github::{Fault, GitHub, When};

const REPOSITORY: &str = "o/r";

struct Asked {
    status: u16,
    headers: String,
    body: String,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }
}

/// A repository with two commits in a row, `latest` at the first one, and `c` beside the second.
fn server() -> Option<GitHub> {
    let github = GitHub::start("python3")?;
    github.repository(REPOSITORY, "good");
    github.order("token", json!({"token": "weak", "rights": "read"}));
    for (hash, parents) in [("a", &[][..]), ("b", &["a"]), ("c", &["a"])] {
        github.commit(REPOSITORY, hash, parents);
    }
    Some(github)
}

/// The real gh, which prints status and headers too.
fn gh(github: &GitHub, token: &str, arguments: &[&str]) -> Asked {
    let shell = xshell::Shell::new().unwrap();
    for (name, value) in github.env() {
        shell.set_var(name, value);
    }
    let output = xshell::cmd!(shell, "gh api --include {arguments...}")
        .env("GH_ENTERPRISE_TOKEN", token)
        .quiet()
        .ignore_status()
        .ignore_stderr()
        .read()
        .unwrap();
    let (head, body) = output.split_once("\r\n\r\n").unwrap_or((&output, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    Asked {
        status,
        headers: head.to_lowercase(),
        body: body.to_owned(),
    }
}

fn post(github: &GitHub, method: &str, path: &str, body: &Value) -> Asked {
    let dir = TempDir::new();
    let file = dir.path().join("body.json");
    fs_err::write(&file, body.to_string()).unwrap();
    let path = format!("repos/{REPOSITORY}/{path}");
    gh(
        github,
        "good",
        &["--method", method, &path, "--input", file.as_str()],
    )
}

fn get(github: &GitHub, path: &str) -> Asked {
    gh(github, "good", &[&format!("repos/{REPOSITORY}/{path}")])
}

/// Uploads `text` to the release that is there, under a name as it stands in a query.
fn upload(github: &GitHub, name: &str, text: &str) -> Asked {
    let release = get(github, "releases/tags/latest").json();
    let url = release["upload_url"].as_str().unwrap();
    let url = url.replace("{?name,label}", &format!("?name={name}"));
    let dir = TempDir::new();
    let file = dir.path().join("upload");
    fs_err::write(&file, text).unwrap();
    let kind = "Content-Type: application/octet-stream";
    gh(
        github,
        "good",
        &[
            "--method",
            "POST",
            &url,
            "-H",
            kind,
            "--input",
            file.as_str(),
        ],
    )
}

/// What anybody gets, following redirections.
fn download(github: &GitHub, name: &str) -> Result<String, xshell::Error> {
    let shell = xshell::Shell::new().unwrap();
    let (ca, url) = (github.certificate(), github.url());
    let url = format!("{url}/{REPOSITORY}/releases/download/latest/{name}");
    xshell::cmd!(shell, "curl --fail --silent --location --cacert {ca} {url}")
        .quiet()
        .read()
}

#[test]
fn an_asset_is_uploaded_renamed_downloaded_and_deleted() {
    let Some(github) = server() else { return };
    let made = post(
        &github,
        "POST",
        "releases",
        &json!({"tag_name": "latest", "target_commitish": "a"}),
    );
    assert_eq!(made.status, 201, "{}", made.body);
    let asset = upload(&github, "thing-1%2Bg1.whl", "bytes").json();
    assert_eq!(asset["name"], "thing-1+g1.whl");
    let digest = "sha256:277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9";
    assert_eq!(asset["digest"], digest);
    assert_eq!(
        (&asset["size"], &asset["state"]),
        (&5.into(), &"uploaded".into())
    );
    for name in ["thing-1%2Bg1.whl", "thing-1+g1.whl"] {
        assert_eq!(download(&github, name).unwrap(), "bytes");
    }
    // An unescaped plus is a space in a query, and a space in a name becomes a period.
    assert_eq!(upload(&github, "b+c", "x").json()["name"], "b.c");

    let again = upload(&github, "thing-1%2Bg1.whl", "other");
    assert_eq!(again.status, 422);
    assert_eq!(again.json()["errors"][0]["code"], "already_exists");
    let path = format!("releases/assets/{}", asset["id"]);
    assert_eq!(
        post(&github, "PATCH", &path, &json!({"name": "b.c"})).status,
        422
    );
    assert_eq!(
        post(&github, "PATCH", &path, &json!({"name": "d"})).status,
        200
    );
    assert!(download(&github, "thing-1+g1.whl").is_err());
    assert_eq!(download(&github, "d").unwrap(), "bytes");
    github.order("corrupt", json!({"repository": REPOSITORY, "name": "d"}));
    assert_ne!(download(&github, "d").unwrap(), "bytes");
    assert_eq!(post(&github, "DELETE", &path, &json!({})).status, 204);
    assert_eq!(get(&github, &path).status, 404);
}

#[test]
fn lists_come_in_pages() {
    let Some(github) = server() else { return };
    github.release(REPOSITORY, "latest", json!({"target_commitish": "a"}));
    let id = github.state(REPOSITORY)["releases"][0]["id"].clone();
    let dir = TempDir::new();
    let file = dir.path().join("file");
    fs_err::write(&file, "x").unwrap();
    for number in 0..3 {
        github.asset(REPOSITORY, "latest", &format!("f{number}"), &file);
    }
    let page = |number| {
        get(
            &github,
            &format!("releases/{id}/assets?per_page=2&page={number}"),
        )
    };
    assert_eq!(page(1).json().as_array().unwrap().len(), 2);
    assert!(page(1).headers.contains("rel=\"next\""));
    assert_eq!(page(2).json()[0]["name"], "f2");
    assert_eq!(page(3).json(), json!([]));
}

#[test]
fn tags_move_only_as_git_allows() {
    let Some(github) = server() else { return };
    let tag = "git/refs/tags/latest";
    let sha = |hash: &str| json!({"sha": hash});
    assert_eq!(get(&github, "git/ref/tags/latest").status, 404);
    assert_eq!(post(&github, "PATCH", tag, &sha("a")).status, 422);
    let new = json!({"ref": "refs/tags/latest", "sha": "b"});
    assert_eq!(post(&github, "POST", "git/refs", &new).status, 201);
    assert_eq!(post(&github, "POST", "git/refs", &new).status, 422);
    assert_eq!(post(&github, "PATCH", tag, &sha("a")).status, 422);
    assert_eq!(post(&github, "PATCH", tag, &sha("unknown")).status, 422);
    assert_eq!(
        post(&github, "PATCH", tag, &json!({"sha": "a", "force": true})).status,
        200
    );
    assert_eq!(
        get(&github, "git/ref/tags/latest").json()["object"]["sha"],
        "a"
    );
    for (basehead, status) in [
        ("a...b", "ahead"),
        ("b...a", "behind"),
        ("b...c", "diverged"),
        ("b...b", "identical"),
    ] {
        assert_eq!(
            get(&github, &format!("compare/{basehead}")).json()["status"],
            status
        );
    }
    assert_eq!(get(&github, "compare/a...unknown").status, 404);
}

#[test]
fn who_may_not_write_does_not() {
    let Some(github) = server() else { return };
    let path = format!("repos/{REPOSITORY}/git/refs");
    let dir = TempDir::new();
    let file = dir.path().join("body.json");
    fs_err::write(&file, "{}").unwrap();
    let write = ["--method", "POST", &path, "--input", file.as_str()];
    assert_eq!(gh(&github, "wrong", &write).status, 401);
    let weak = gh(&github, "weak", &write);
    assert_eq!(weak.status, 403);
    assert!(weak.headers.contains("contents=write"), "{}", weak.headers);

    github.release(REPOSITORY, "latest", json!({"draft": true}));
    assert_eq!(get(&github, "releases/tags/latest").status, 404);
    assert_eq!(get(&github, "releases").json()[0]["draft"], true);
    let list = [&*format!("repos/{REPOSITORY}/releases")];
    assert_eq!(gh(&github, "weak", &list).json(), json!([]));
    assert!(download(&github, "anything").is_err());

    github.release(
        REPOSITORY,
        "latest",
        json!({"draft": false, "immutable": true}),
    );
    assert_eq!(upload(&github, "a", "x").status, 422);
}

#[test]
fn failures_are_put_in_and_requests_are_logged() {
    let Some(github) = server() else { return };
    github.release(REPOSITORY, "latest", json!({"target_commitish": "a"}));
    github.forget_requests();
    github.fail(
        &Fault::new("GET", "releases/tags", 403)
            .nth(2)
            .header("retry-after", "7"),
    );
    assert_eq!(get(&github, "releases/tags/latest").status, 200);
    let second = get(&github, "releases/tags/latest");
    assert!(second.status == 403 && second.headers.contains("retry-after: 7"));
    assert_eq!(get(&github, "releases/tags/latest").status, 200);

    github.fail(&Fault::dropped("PATCH", "refs/tags").when(When::After));
    let moved = json!({"sha": "b"});
    assert_eq!(
        post(&github, "PATCH", "git/refs/tags/latest", &moved).status,
        0
    );
    assert_eq!(github.state(REPOSITORY)["refs"]["tags/latest"], "b");

    github.fail(&Fault::new("POST", "assets", 502).when(When::Half));
    assert_eq!(upload(&github, "half", "x").status, 502);
    let half = &github.state(REPOSITORY)["assets"][0];
    assert_eq!(
        (&half["state"], &half["digest"]),
        (&"starter".into(), &Value::Null)
    );
    assert!(download(&github, "half").is_err());

    let requests = github.requests();
    let patch = requests.iter().find(|it| it.method == "PATCH").unwrap();
    assert_eq!(patch.path, "/api/v3/repos/o/r/git/refs/tags/latest");
    assert_eq!(patch.authorised.as_deref(), Some("write"));
    assert_eq!(
        (patch.status, patch.body.as_str()),
        (None, "{\"sha\":\"b\"}")
    );
}
