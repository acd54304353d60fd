//! The verdicts on published wheels, compared with those of auditwheel.

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use wheel_audit::audit;

/// A directory of wheels. They are not in the repository; without it there is nothing to compare.
const WHEELS: &str = "XTASK_TEST_WHEELS";

/// auditwheel says the same of every wheel in [`WHEELS`] (`auditwheel` has to be on `PATH`), and each passes.
#[test]
fn published_wheels_pass_with_the_verdict_of_auditwheel() {
    let Ok(dir) = std::env::var(WHEELS) else {
        return;
    };
    let entries = Utf8Path::new(&dir)
        .read_dir_utf8()
        .expect("it can be listed");
    let mut paths: Vec<Utf8PathBuf> = entries
        .flatten()
        .map(camino::Utf8DirEntry::into_path)
        .collect();
    paths.retain(|path| path.extension() == Some("whl"));
    paths.sort();
    assert!(!paths.is_empty(), "{dir} has no wheels");
    let mut differing = Vec::new();
    for path in &paths {
        let report = audit(
            path.file_name().unwrap_or_default(),
            &fs_err::read(path).unwrap(),
            None,
        );
        let (ours, theirs) = (verdict(report.platform.as_deref()), of_auditwheel(path));
        let agree = theirs.as_ref().is_none_or(|theirs| *theirs == ours);
        println!(
            "{:<8} {:<26} {:<26} {}",
            report.passes(),
            ours,
            theirs.as_deref().unwrap_or("-"),
            report.file_name
        );
        if !agree || !report.passes() {
            differing.push(report.text());
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// auditwheel knows one version of musl: the one of the machine, or the newest.
fn verdict(platform: Option<&str>) -> String {
    let platform = platform.unwrap_or("none");
    platform.replace("musllinux_1_1_", "musllinux_1_2_")
}

/// `None` where auditwheel ends with an error of its own.
fn of_auditwheel(path: &Utf8Path) -> Option<String> {
    let show = Invocation::new("auditwheel").args(["show", "--json", path.as_str()]);
    let captured = show.capture().expect("auditwheel is on PATH");
    let json = captured.stdout.find('{').map(|at| &captured.stdout[at..])?;
    let answer: serde_json::Value = serde_json::from_str(json).ok()?;
    match (answer["overall_tag"].as_str(), answer["error"].as_str()) {
        (Some(tag), _) => Some(verdict(Some(tag))),
        // Pure Python, or for another system.
        (None, Some(_)) => Some("none".to_owned()),
        (None, None) => None,
    }
}
