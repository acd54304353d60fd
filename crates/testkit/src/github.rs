//! A GitHub on this machine, for the real `gh` and `curl`.
//!
//! What it answers, and what it refuses, is in `github/api.py`; `github/server.py` is the server and its
//! orders.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::TempDir;

/// The server. It ends with this value, and also when the test's process does.
#[derive(Debug)]
pub struct GitHub {
    process: Child,
    orders: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    dir: TempDir,
    port: u16,
}

/// A request that it got.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Request {
    /// `PATCH`
    pub method: String,
    /// With the query, as it was sent.
    pub path: String,
    /// What the token allows, `write` or `read`; none without a token, and for downloads.
    pub authorised: Option<String>,
    /// What was answered; none if the connection was dropped.
    pub status: Option<u16>,
    /// Whether a fault was put in, and when.
    pub failed: Option<String>,
    /// The header `accept`.
    pub accept: Option<String>,
    /// What was sent, if that is less than 64 KiB.
    pub body: String,
}

/// A failure to put in.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Regular expression for the whole method.
    pub method: String,
    /// Regular expression for a part of the path with its query.
    pub path: String,
    /// Which of the requests that match, from 1, and how many from there.
    pub nth: u32,
    /// How many fail.
    pub times: u32,
    /// When.
    pub when: When,
    /// What is answered; none drops the connection.
    pub status: Option<u16>,
    /// Headers of that answer.
    pub headers: Vec<(String, String)>,
    /// Its `message`.
    pub message: String,
}

/// When a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing has happened.
    Before,
    /// It has taken effect, and nobody is told.
    After,
    /// Of an upload, an asset without its bytes is left (`state: starter`).
    Half,
}

impl Fault {
    /// The first request that matches is answered with `status`, without effect.
    #[must_use]
    pub fn new(method: &str, path: &str, status: u16) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            nth: 1,
            times: 1,
            when: When::Before,
            status: Some(status),
            headers: Vec::new(),
            message: "injected".to_owned(),
        }
    }

    /// The connection of the first request that matches is dropped.
    #[must_use]
    pub fn dropped(method: &str, path: &str) -> Self {
        Self {
            status: None,
            ..Self::new(method, path, 0)
        }
    }

    /// After it has taken effect, or halfway.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// The `nth` request that matches, from 1.
    #[must_use]
    pub fn nth(self, nth: u32) -> Self {
        Self { nth, ..self }
    }

    /// So many, one after the other.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// With a header in the answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this message in the answer.
    #[must_use]
    pub fn message(self, message: &str) -> Self {
        Self {
            message: message.to_owned(),
            ..self
        }
    }
}

impl GitHub {
    /// Starts it with `python`, any Python from 3.9 on. `None`, with the reason on standard error, where a
    /// program is missing that it takes: openssl, and gh and curl, which tests speak to it with.
    #[must_use]
    pub fn start(python: &str) -> Option<Self> {
        for program in ["openssl", "gh", "curl"] {
            if !crate::has_program(program) {
                return None;
            }
        }
        let dir = TempDir::new();
        make_certificate(dir.path());
        for (name, text) in [
            ("api.py", include_str!("github/api.py")),
            ("server.py", include_str!("github/server.py")),
        ] {
            fs_err::write(dir.path().join(name), text).expect("it can be written");
        }
        // An empty configuration, so that nobody's own login is used.
        fs_err::create_dir(dir.path().join("gh")).expect("it can be made");
        let shell = xshell::Shell::new().expect("a shell");
        shell.change_dir(dir.path());
        let command = xshell::cmd!(shell, "{python} -B server.py server.pem server.key");
        let mut process = Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let orders = process.stdin.take().expect("a pipe");
        let mut answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut port = String::new();
        answers.read_line(&mut port).expect("it says its port");
        Some(Self {
            process,
            orders: Mutex::new((orders, answers)),
            dir,
            port: port.trim().parse().expect("a port"),
        })
    }

    /// `localhost:PORT`, as `GH_HOST` takes it.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// `https://localhost:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.host())
    }

    /// The certificate of the authority that vouches for it, in PEM.
    pub fn certificate(&self) -> Utf8PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The variables with which gh, curl, uv, pip and Python's own `urllib` speak to it, without a token.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let certificate = self.certificate().into_string();
        let trusting = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"];
        let mut env: Vec<_> = trusting
            .into_iter()
            .map(|name| (name, certificate.clone()))
            .collect();
        env.push(("GH_HOST", self.host()));
        env.push(("GH_CONFIG_DIR", self.dir.path().join("gh").into_string()));
        env
    }

    /// Gives an order; what they are stands at `class Orders` in `github/server.py`.
    pub fn order(&self, order: &str, mut arguments: Value) -> Value {
        arguments["order"] = order.into();
        let mut pipes = self
            .orders
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (orders, answers) = &mut *pipes;
        writeln!(orders, "{arguments}").expect("the server runs");
        let mut line = String::new();
        answers.read_line(&mut line).expect("the server answers");
        let mut answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(
            answer["error"].is_null(),
            "{order} {arguments}: {}",
            answer["error"]
        );
        answer["answer"].take()
    }

    /// Makes the public repository `owner/name`, and a token that may write to it.
    pub fn repository(&self, name: &str, token: &str) {
        self.order("repository", json!({"name": name}));
        self.order("token", json!({"token": token, "rights": "write"}));
    }

    /// Adds a commit with its parents; the branch `main` moves there.
    pub fn commit(&self, repository: &str, hash: &str, parents: &[&str]) {
        let commit = json!({"repository": repository, "hash": hash, "parents": parents});
        self.order("commit", commit);
    }

    /// Puts a file into the release `tag` as `name`, as if somebody had uploaded it.
    pub fn asset(&self, repository: &str, tag: &str, name: &str, file: &Utf8Path) {
        let asset = json!({"repository": repository, "tag": tag, "name": name, "file": file});
        self.order("asset", asset);
    }

    /// Takes the asset `name` out, if it is there.
    pub fn remove(&self, repository: &str, name: &str) {
        self.order("remove", json!({"repository": repository, "name": name}));
    }

    /// Makes a release, or sets fields of the one that is there (`immutable`, `draft`, `body`), past every
    /// rule.
    pub fn release(&self, repository: &str, tag: &str, mut fields: Value) {
        fields["repository"] = repository.into();
        fields["tag"] = tag.into();
        self.order("release", fields);
    }

    /// Puts in a failure.
    pub fn fail(&self, fault: &Fault) {
        let when = match fault.when {
            When::Before => "before",
            When::After => "after",
            When::Half => "half",
        };
        let headers: serde_json::Map<_, _> = fault
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        let order = json!({
            "method": fault.method, "path": fault.path, "nth": fault.nth, "times": fault.times,
            "when": when, "status": fault.status, "headers": headers, "message": fault.message,
        });
        self.order("fault", order);
    }

    /// Takes all failures out again.
    pub fn heal(&self) {
        self.order("clear_faults", json!({}));
    }

    /// What was asked since the last [`GitHub::forget_requests`], in this order.
    pub fn requests(&self) -> Vec<Request> {
        serde_json::from_value(self.order("requests", json!({}))).expect("requests")
    }

    /// Counts anew.
    pub fn forget_requests(&self) {
        self.order("clear_requests", json!({}));
    }

    /// References, releases and assets of a repository, as the API names their fields.
    pub fn state(&self, repository: &str) -> Value {
        self.order("state", json!({"repository": repository}))
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An authority, and what it signs for localhost. One certificate for both is refused by rustls, which uv
/// uses; Python
/// 3.13 wants the extensions.
fn make_certificate(dir: &Utf8Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    run(&format!(
        "cd '{dir}' && exec 2>log && openssl req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=testkit \
            -addext keyUsage=critical,keyCertSign \
         && openssl req -new {key} -keyout server.key -out server.csr -subj /CN=localhost \
         && printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n' >extensions \
         && openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 \
            -extfile extensions"
    ))
    .expect("openssl makes a certificate");
}

fn run(script: &str) -> xshell::Result<()> {
    let shell = xshell::Shell::new()?;
    xshell::cmd!(shell, "sh -c {script}")
        .quiet()
        .ignore_stdout()
        .run()
}
