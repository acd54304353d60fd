//! What an audit found.

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest, Sha256};

use files::digest::hex;
use packaging::{WheelName, shown};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The wheel would not install, would not import, or says something that is not so.
    Error,
    /// It works, and could do better.
    Warning,
}

/// What a finding is about; the name by which a test, or a person, refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// It is no regular file.
    NoFile,
    /// It has more of something than is looked at.
    Limit,
    /// The name of the file is not one of a wheel.
    FileName,
    /// The archive is no ZIP file, is damaged, or is made to be read differently by different programs.
    Archive,
    /// An entry would be written somewhere else than below the directory it is unpacked into.
    Path,
    /// Two entries have one name.
    Duplicate,
    /// It unpacks to more than there is any reason for.
    Bomb,
    /// An entry is not what its size and checksum say.
    Content,
    /// The `.dist-info` directory, or a file in it, is missing, or there are two.
    DistInfo,
    /// `WHEEL` contradicts the name of the file.
    Wheel,
    /// `METADATA` contradicts the name of the file, or is incomplete.
    Metadata,
    /// A licence file that `METADATA` names is missing.
    License,
    /// `RECORD` does not list what is there.
    Record,
    /// The tags contradict the contents.
    Tag,
    /// It takes more of the system than its platform tag promises.
    Platform,
    /// An extension module that Python could not import.
    Extension,
    /// A command that could not be run.
    EntryPoint,
    /// A path of the machine that built it.
    BuildPath,
    /// A file of the package is missing, differs, or is too many.
    Package,
    /// It is larger than its project allows.
    Size,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub rule: Rule,
    /// The entry of the archive, or the file itself.
    pub path: String,
    /// What is wrong, in words.
    pub message: String,
}

/// What an audit found, and what the wheel is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The name of the file.
    pub file_name: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its SHA-256, in hexadecimal digits; empty if it was not read.
    pub sha256: String,
    /// The parts of the name, if it has them.
    pub name: Option<WheelName>,
    /// The best platform tag that the native code in it keeps: `manylinux_2_17_x86_64`,
    /// `musllinux_1_2_x86_64`, or `linux_x86_64` where it keeps none. `None` without native code for Linux.
    /// Code that needs no library at all keeps the oldest tag.
    pub platform: Option<String>,
    /// The newest version of glibc's symbols in use: what the system must have at least.
    pub glibc: Option<String>,
    /// The modules that are extensions, as paths in the archive: the first of them, if they are many.
    pub extensions: Vec<String>,
    /// How many bytes it unpacks to.
    pub unpacked_bytes: u64,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
    /// What is wrong, errors first; of each severity those that were found first.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more_findings: u64,
}

/// As many findings of one severity, or modules, are reported.
const LISTED: usize = 100;

/// As many characters of a message, or of a path.
const SHOWN: usize = 400;

impl Report {
    pub(crate) fn of(file_name: &str, bytes: &[u8], name: Option<WheelName>) -> Self {
        Self {
            sha256: hex(&Sha256::digest(bytes)),
            name,
            ..Self::unread(file_name, bytes.len() as u64)
        }
    }

    /// Of a file that is not looked into.
    pub(crate) fn unread(file_name: &str, size_bytes: u64) -> Self {
        Self {
            file_name: file_name.to_owned(),
            size_bytes,
            sha256: String::new(),
            name: None,
            platform: None,
            glibc: None,
            extensions: Vec::new(),
            unpacked_bytes: 0,
            requires_python: None,
            findings: Vec::new(),
            more_findings: 0,
        }
    }

    /// Whether there is no error.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.errors().next().is_none()
    }

    /// The errors among the findings.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.severity == Severity::Error)
    }

    /// The report for people: a line for the wheel, and one for each finding.
    #[must_use]
    pub fn text(&self) -> String {
        let verdict = if self.passes() { "ok" } else { "REFUSED" };
        let mut lines = vec![format!("{}: {verdict}", shown(&self.file_name, SHOWN))];
        if let Some(platform) = &self.platform {
            let glibc = self.glibc.as_ref();
            let glibc = glibc.map_or(String::new(), |version| format!(", needs glibc {version}"));
            lines.push(format!("  keeps      {platform}{glibc}"));
        }
        lines.push(format!(
            "  size       {} bytes, {} unpacked",
            self.size_bytes, self.unpacked_bytes
        ));
        if !self.sha256.is_empty() {
            lines.push(format!("  sha256     {}", self.sha256));
        }
        lines.extend(self.findings.iter().map(line));
        if self.more_findings > 0 {
            lines.push(format!("  and {} more", self.more_findings));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let (path, message) = (shown(&finding.path, SHOWN), shown(&finding.message, SHOWN));
    format!("  {severity:<10} {path}: {message}")
}

/// Findings as they are collected. How much they take does not depend on the wheel.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: BTreeSet<Finding>,
    warnings: BTreeSet<Finding>,
    /// What the errors are about, those that are not listed included.
    rules: BTreeSet<Rule>,
    more: u64,
}

impl Findings {
    pub(crate) fn error(&mut self, rule: Rule, path: &str, message: impl Into<String>) {
        self.rules.insert(rule);
        self.add(Severity::Error, rule, path, &message.into());
    }

    pub(crate) fn warning(&mut self, rule: Rule, path: &str, message: impl Into<String>) {
        self.add(Severity::Warning, rule, path, &message.into());
    }

    fn add(&mut self, severity: Severity, rule: Rule, path: &str, message: &str) {
        let listed = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        // What ends the audit is said in any case.
        if listed.len() >= LISTED && rule != Rule::Limit {
            self.more += 1;
            return;
        }
        listed.insert(Finding {
            severity,
            rule,
            path: cut(path),
            message: cut(message),
        });
    }

    pub(crate) fn any_error_of(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| self.rules.contains(rule))
    }

    /// The report with all of them, sorted. What is about no entry is about the file.
    pub(crate) fn into_report(self, mut report: Report) -> Report {
        let mut findings: Vec<_> = self.errors.into_iter().chain(self.warnings).collect();
        for finding in findings.iter_mut().filter(|it| it.path.is_empty()) {
            finding.path = cut(&report.file_name);
        }
        findings.sort();
        report.findings = findings;
        report.more_findings = self.more;
        report.extensions.truncate(LISTED);
        report.extensions = report.extensions.iter().map(|it| cut(it)).collect();
        report.requires_python = report.requires_python.as_deref().map(cut);
        report
    }
}

/// The beginning of `text`, as it is: programs read the report too.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    #[test]
    fn what_an_archive_says_does_not_reach_the_terminal() {
        let mut findings = Findings::default();
        findings.error(Rule::Path, "\u{1b}[2Jx", "a\u{7}b\u{202e}c");
        let text = findings
            .into_report(Report::of("\u{9b}a.whl", b"", None))
            .text();
        assert!(text.lines().all(packaging::is_plain), "{text}");
        assert!(text.contains("REFUSED"), "{text}");
    }

    #[test]
    fn errors_come_before_warnings() {
        let mut findings = Findings::default();
        findings.warning(Rule::FileName, "a", "w");
        findings.error(Rule::Size, "a", "e");
        let report = findings.into_report(Report::of("a.whl", b"", None));
        assert_eq!(report.findings[0].severity, Severity::Error);
    }

    #[test]
    fn a_report_has_a_length_limit() {
        let mut findings = Findings::default();
        for number in 0..1000 {
            let message = format!("{number}{}", "!".repeat(10_000));
            findings.warning(Rule::License, &"a/".repeat(10_000), message.clone());
            findings.error(Rule::Path, "a", message);
        }
        findings.error(Rule::Limit, "a", "it has too much");
        assert!(findings.any_error_of(&[Rule::Path]));
        let report = findings.into_report(Report::of("a.whl", b"", None));
        assert_eq!((report.findings.len(), report.more_findings), (201, 1800));
        assert!(report.findings.iter().any(|it| it.rule == Rule::Limit));
        assert!(
            report.text().ends_with("and 1800 more\n"),
            "{}",
            report.text()
        );
        assert!(report.text().len() < 200_000);
    }

    #[test]
    fn what_is_about_no_entry_is_about_the_file() {
        let mut report = crate::audit("a-1-py3-none-any.whl", b"", None);
        let refused = report.text();
        report.findings.clear();
        report.platform = Some("manylinux_2_28_x86_64".to_owned());
        report.glibc = Some("2.28".to_owned());
        let text = format!("{refused}{}", report.text());
        expect_file!["snapshots/report.txt"].assert_eq(&text);
    }
}
