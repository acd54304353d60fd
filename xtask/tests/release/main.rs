//! `cargo xtask release` with the real gh and curl, against a GitHub on this machine.
//!
//! Skipped, with the reason said, where gh, curl or openssl are missing.

mod action;
mod downloads;
mod errors;
mod publish;
mod races;
mod verify;

use std::sync::Mutex;

use camino::Utf8PathBuf;
use processes::{Captured, Invocation};
use serde_json::{Value, json};
use testkit::{FakePrograms, GitHub, TempDir};

const REPOSITORY: &str = "owner/thing";
const TOKEN: &str = "token-that-nobody-may-see";
const TAG: &str = "latest";

/// A repository with a row of commits, and the builds of some of them.
struct World {
    github: GitHub,
    dir: TempDir,
    /// A gh that writes down its command line, and is then the real one.
    programs: FakePrograms,
    commits: Mutex<u32>,
}

/// The commit `number` of the row.
fn hash(number: u32) -> String {
    format!("{number:07x}{}", "0".repeat(33))
}

fn version(number: u32) -> String {
    format!("1.0+g{}", &hash(number)[..7])
}

fn wheel_name(number: u32) -> String {
    format!("thing-{}-py3-none-any.whl", version(number))
}

/// Writes a wheel that can be installed: arguments are the path and the version.
const WHEEL: &str = r#"
import sys, zipfile
path, version = sys.argv[1:]
info = f"thing-{version}.dist-info"
files = {
    "thing.py": f"version = {version!r}\n",
    f"{info}/METADATA": f"Metadata-Version: 2.1\nName: thing\nVersion: {version}\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
with zipfile.ZipFile(path, "w") as archive:
    for name, text in files.items():
        archive.writestr(zipfile.ZipInfo(name), text)
"#;

impl World {
    fn new() -> Option<Self> {
        let github = GitHub::start("python3")?;
        github.repository(REPOSITORY, TOKEN);
        let (dir, programs) = (TempDir::new(), FakePrograms::new());
        let real = python_tools::tools::find("gh").expect("GitHub::start has looked for it");
        let log = dir.path().join("command-lines");
        programs.add(
            "gh",
            &format!("printf '%s\\n' \"$*\" >>'{log}'\nexec '{real}' \"$@\""),
        );
        Some(Self {
            github,
            dir,
            programs,
            commits: Mutex::new(0),
        })
    }

    /// The directory that `cargo xtask wheel` would have written for the commit `number`, which comes after
    /// all others up to there.
    fn dist(&self, number: u32) -> Utf8PathBuf {
        let mut commits = self.commits.lock().unwrap();
        while *commits < number {
            *commits += 1;
            let parent = hash(*commits - 1);
            let parents = if *commits == 1 { &[][..] } else { &[&*parent] };
            self.github.commit(REPOSITORY, &hash(*commits), parents);
        }
        self.dist_of(&hash(number), u64::from(number))
    }

    fn dist_of(&self, commit: &str, time_s: u64) -> Utf8PathBuf {
        let dist = self.dir.path().join(format!("dist-{}", &commit[..7]));
        if dist.exists() {
            return dist;
        }
        fs_err::create_dir(&dist).unwrap();
        let version = format!("1.0+g{}", &commit[..7]);
        let name = format!("thing-{version}-py3-none-any.whl");
        let path = dist.join(&name);
        let made = Invocation::new("python3").args(["-c", WHEEL, path.as_str(), &version]);
        made.run().unwrap();
        let bytes = fs_err::read(&path).unwrap();
        let report = wheel_audit::audit(&name, &bytes, None);
        let manifest = json!({
            "name": "thing", "version": version, "requires_python": ">=3.9", "release_tag": TAG,
            "commit": {"hash": commit, "time_s": time_s, "dirty": false},
            "wheels": [{
                "file": name, "sha256": report.sha256, "size_bytes": report.size_bytes, "python": ["py3"],
                "abi": ["none"], "platforms": ["any"], "pythons": ["3.11"], "keeps": null, "glibc": null, "build_time_ms": 1,
                "cache": null, "tried_with": ["3.13.0"],
            }],
        });
        fs_err::write(dist.join("manifest.json"), manifest.to_string()).unwrap();
        dist
    }

    /// A project in a directory of this name.
    fn project(&self, name: &str) -> Utf8PathBuf {
        let root = self.dir.path().join(name);
        fs_err::create_dir_all(root.join("src")).unwrap();
        let pyproject = "[build-system]\nrequires = ['maturin']\nbuild-backend = 'maturin'\n";
        fs_err::write(root.join("pyproject.toml"), pyproject).unwrap();
        let manifest = "[package]\nname = 'thing'\nedition = '2024'\n[lib]\n";
        fs_err::write(root.join("Cargo.toml"), manifest).unwrap();
        fs_err::write(root.join("src/lib.rs"), "").unwrap();
        root
    }

    /// `cargo xtask release`, with the token.
    fn command(&self, args: &[&str]) -> Invocation {
        let path = format!("{}:{}", self.programs.dir(), std::env::var("PATH").unwrap());
        let command = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("release")
            .args(args.iter().copied())
            .env("GH_ENTERPRISE_TOKEN", TOKEN)
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_SERVER_URL", self.github.url())
            .env("XTASK_RETRY_UNIT_MS", "10")
            .env("PATH", path)
            .env("TMPDIR", self.dir.path().as_str())
            .env_remove("GITHUB_OUTPUT")
            .env_remove("GITHUB_SHA")
            .env_remove("GITHUB_STEP_SUMMARY")
            .cwd(self.dir.path());
        let command = ["GH_TOKEN", "GITHUB_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]
            .into_iter()
            .fold(command, Invocation::env_remove);
        let env = self.github.env();
        env.into_iter()
            .fold(command, |command, (name, value)| command.env(name, value))
    }

    fn finish_with(&self, number: u32, args: &[&str]) -> Captured {
        let dist = self.dist(number);
        let args = [&["finish", "--dist", dist.as_str()], args].concat();
        self.command(&args).capture().expect("it starts")
    }

    fn finish(&self, number: u32) -> Captured {
        self.finish_with(number, &[])
    }

    /// [`World::finish`], which must succeed.
    fn finish_ok(&self, number: u32) -> Captured {
        let done = self.finish(number);
        assert!(done.status.success(), "{number}: {}", done.stderr);
        done
    }

    fn assets(&self) -> Vec<Value> {
        let state = self.github.state(REPOSITORY);
        state["assets"].as_array().expect("a list").clone()
    }

    fn asset_names(&self) -> Vec<String> {
        let assets = self.assets();
        let mut names: Vec<_> = assets
            .iter()
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    fn tag(&self) -> String {
        let state = self.github.state(REPOSITORY);
        state["refs"][format!("tags/{TAG}")]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// That the release holds the build `number`, as its own data and as downloads say, and at most `keep`
    /// builds.
    fn require_published(&self, number: u32, keep: usize) {
        let manifest = self.download_json("manifest.json").expect("a manifest");
        assert_eq!(manifest["version"], version(number));
        assert_eq!(
            manifest["commit"],
            json!({"hash": hash(number), "time_s": number})
        );
        self.require_wheels(&manifest);
        if let Some(previous) = self.download_json("manifest-previous.json") {
            self.require_wheels(&previous);
        }
        assert_eq!(self.tag(), hash(number));
        let state = self.github.state(REPOSITORY);
        let release = &state["releases"][0];
        assert_eq!(release["name"], format!("thing {}", version(number)));
        let body = release["body"].as_str().unwrap();
        let sha256 = manifest["wheels"][0]["sha256"].as_str().unwrap();
        assert!(body.contains(sha256), "{body}");
        let wheels = self.asset_names();
        let wheels = wheels.iter().filter(|name| name.contains(".whl"));
        assert!(wheels.count() <= keep, "{:?}", self.asset_names());
        assert!(
            !self
                .asset_names()
                .contains(&format!("manifest-{}.json", version(number)))
        );
    }

    fn require_wheels(&self, manifest: &Value) {
        for wheel in manifest["wheels"].as_array().unwrap() {
            let bytes = self
                .download(wheel["url"].as_str().unwrap())
                .expect("the wheel");
            let report = wheel_audit::audit(wheel["file"].as_str().unwrap(), &bytes, None);
            assert_eq!(wheel["sha256"], report.sha256);
        }
    }

    fn download_json(&self, name: &str) -> Option<Value> {
        let url = format!(
            "{}/{REPOSITORY}/releases/download/{TAG}/{name}",
            self.github.url()
        );
        Some(serde_json::from_slice(&self.download(&url)?).expect("JSON"))
    }

    /// What anybody gets; none for 404.
    fn download(&self, url: &str) -> Option<Vec<u8>> {
        downloads::download(url, &self.github.certificate(), self.dir.path()).expect("an answer")
    }

    /// That the token is in nothing that was said, on no command line of gh, and in no file.
    fn require_secrecy(&self, said: &[Captured]) {
        for done in said {
            let text = format!("{}{}", done.stdout, done.stderr);
            assert!(!text.contains(TOKEN), "{text}");
        }
        let lines = fs_err::read_to_string(self.dir.path().join("command-lines")).unwrap();
        assert!(
            lines.lines().count() > 0 && lines.contains("api --include"),
            "{lines}"
        );
        for entry in walkdir::WalkDir::new(self.dir.path()) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                let bytes = fs_err::read(entry.path()).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains(TOKEN), "{}", entry.path().display());
            }
        }
    }
}
