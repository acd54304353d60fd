//! Auditing.

use testkit::Fixture;

use super::wheel;

#[test]
fn what_is_no_wheel_is_refused_with_exit_code_3() {
    let project = Fixture::new();
    project.write("thing-1.0-py3-none-any.whl", "<html>404</html>");
    let path = project.root().join("thing-1.0-py3-none-any.whl");
    let done = wheel(&project, &["audit", path.as_str()]);
    assert_eq!(done.status.code(), Some(3), "{}", done.stderr);
    assert!(done.stdout.contains("no ZIP file"), "{}", done.stdout);

    let done = wheel(&project, &["audit", "--json", path.as_str()]);
    let reports: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(reports[0]["findings"][0]["rule"], "archive");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let project = Fixture::new();
    let done = wheel(&project, &["audit", "no-such.whl"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("cannot audit no-such.whl"),
        "{}",
        done.stderr
    );
    assert_eq!(wheel(&project, &["audit"]).status.code(), Some(2));
}
