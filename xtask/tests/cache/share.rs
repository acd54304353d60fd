//! A cache that several share: two checkouts in different directories, and one server.

use camino::Utf8Path;
use processes::{Invocation, Running};
use testkit::{Fixture, TempDir};

use crate::{Cache, Counted, REGISTRY_CRATES, project};

/// A server that ends with this value.
struct Server(Option<Running>);

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.stop();
        }
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it has one").port()
}

fn wait_for(port: u16) {
    for _ in 0..300 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("nobody listens on port {port}");
}

/// Redis, with a password. `None` where it is not installed.
fn redis(dir: &Utf8Path, password: &str) -> Option<(Server, u16)> {
    if !testkit::has_program("redis-server") {
        return None;
    }
    let port = free_port();
    let command = Invocation::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        .args([
            "--requirepass",
            password,
            "--logfile",
            dir.join("log").as_str(),
        ])
        .cwd(dir);
    let server = Server(Some(command.spawn().expect("it starts")));
    wait_for(port);
    Some((server, port))
}

/// Switches the shared cache on in a checkout of its own, and builds there: what the cache counted.
fn counted_in_checkout(
    name: &str,
    options: &[&str],
    secrets: &[(&str, &str)],
) -> (Counted, Fixture) {
    let (cache, checkout) = (Cache::new(), project(name));
    let with_secrets = |command: Invocation| {
        let command = cache.with(command);
        secrets
            .iter()
            .fold(command, |command, (name, value)| command.env(*name, *value))
    };
    let enable = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", checkout.root().as_str(), "sccache", "enable"])
        .args(["--program", cache.sccache.as_str()])
        .args(options.iter().copied());
    with_secrets(enable).read().expect("it is switched on");
    with_secrets(Invocation::new("cargo").arg("build").cwd(&checkout.root()))
        .read()
        .expect("it builds");
    let counted = cache.counted(&checkout);
    let local = fs_err::read_to_string(checkout.root().join(".cargo/config.local.toml")).unwrap();
    for (_, secret) in secrets {
        assert!(!local.contains(secret), "{local}");
    }
    (counted, checkout)
}

fn first_fills_and_second_hits(options: &[&str], secrets: &[(&str, &str)]) {
    let (first, _) = counted_in_checkout("first", options, secrets);
    assert_eq!(
        first,
        Counted {
            hits: 0,
            misses: REGISTRY_CRATES
        }
    );
    let (second, _) = counted_in_checkout("second_checkout", options, secrets);
    assert_eq!(
        second,
        Counted {
            hits: REGISTRY_CRATES,
            misses: 0
        }
    );
}

#[test]
fn two_checkouts_share_redis_with_credentials_from_the_environment() {
    let dir = TempDir::new();
    let Some((_server, port)) = redis(dir.path(), "geheim") else {
        return;
    };
    let url = format!("redis://127.0.0.1:{port}/1?prefix=team");
    let options = ["--backend", &url];
    first_fills_and_second_hits(&options, &[("SCCACHE_REDIS_PASSWORD", "geheim")]);

    // Without the password nothing is switched on.
    let (cache, checkout) = (Cache::new(), project("no_password"));
    let args = ["sccache", "enable", "--program", cache.sccache.as_str()];
    let done = cache.xtask(&checkout, &[&args[..], &options].concat());
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(!checkout.root().join(".cargo").exists());
}

#[test]
fn two_checkouts_share_a_webdav_server() {
    let dir = TempDir::new();
    let port = free_port();
    let uv = python_tools::Toolbox::new(crate::requirements(), false);
    let uv = uv.uv(&|_, _| {}).expect("uv");
    let command = Invocation::new(uv.path)
        .args([
            "tool",
            "run",
            "--with",
            "cheroot==11.0.0",
            "--from",
            "wsgidav==4.3.3",
            "wsgidav",
        ])
        .args([
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--auth",
            "anonymous",
        ])
        .args(["--root", dir.path().as_str(), "--quiet", "--no-config"]);
    let _server = Server(Some(command.spawn().expect("it starts")));
    wait_for(port);
    let url = format!("http://127.0.0.1:{port}?prefix=team");
    let options = ["--backend", &url];
    first_fills_and_second_hits(&options, &[]);
    assert!(dir.path().join("team").is_dir(), "it is kept on the server");
}
