//! Whether a wheel is what it says it is: bytes in, [`Report`] out.
//!
//! What is an error is decided by one aim: a wheel that would not install, would not import, or says
//! something about itself that is not so. What is only unwise is a warning. A wheel that nobody has vouched
//! for is read with care: nothing is written, time and memory are bounded ([`Limits`]), and no number in the
//! archive is believed before it has been checked.
//!
//! What holds for every wheel stands in [`audit`]; what only its project can know, in [`Expected`].

mod archive;
mod budget;
mod elf;
mod entry_points;
mod fields;
mod file;
mod headers;
mod inside;
mod limited;
mod native;
mod paths;
mod platform;
mod policy;
mod project;
mod record;
mod record_lines;
mod report;

pub use budget::Limits;
pub use file::audit_file;
pub use project::{Expected, ExpectedFile, ExpectedPattern};
pub use report::{Finding, Report, Rule, Severity};

use archive::Archive;
use budget::{Budget, Exceeded};
use inside::Inside;
use packaging::WheelName;
use report::Findings;

/// Audits the wheel `bytes` that is called `file_name`, and compares it with what its project expects, if
/// that is known. The report tells everything that was found, not only the first thing.
#[must_use]
pub fn audit(file_name: &str, bytes: &[u8], expected: Option<&Expected>) -> Report {
    audit_within(file_name, bytes, expected, &Limits::default())
}

/// [`audit`] with other limits.
#[must_use]
pub fn audit_within(
    file_name: &str,
    bytes: &[u8],
    expected: Option<&Expected>,
    limits: &Limits,
) -> Report {
    let mut findings = Findings::default();
    let name = WheelName::parse(file_name)
        .map_err(|reason| findings.error(Rule::FileName, "", reason))
        .ok();
    let mut report = Report::of(file_name, bytes, name);
    let budget = Budget::new(limits);
    if let Err(exceeded) = judge(&mut report, bytes, expected, &budget, &mut findings) {
        findings.error(Rule::Limit, &exceeded.path, exceeded.reason);
    }
    findings.into_report(report)
}

/// Everything that is done with the bytes. Ends early where the wheel has too much of something.
fn judge(
    report: &mut Report,
    bytes: &[u8],
    expected: Option<&Expected>,
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<(), Exceeded> {
    let Ok(archive) = Archive::read(bytes, budget, findings)? else {
        return Ok(());
    };
    let name = report.name.clone();
    let forbidden = expected.map_or(&[][..], |expected| &expected.forbidden_paths);
    let inside = Inside::read(&archive, forbidden, budget, findings)?;
    report.unpacked_bytes = inside.files.values().map(|file| file.size).sum();
    report.extensions = inside.extensions().map(|(path, _)| path.clone()).collect();
    let metadata = inside.metadata.as_ref();
    let requires = metadata.and_then(|metadata| metadata.first("Requires-Python"));
    report.requires_python = requires.map(str::to_owned);
    if let Some(name) = &name {
        headers::check(name, &inside, budget, findings)?;
        report.glibc = native::check(name, &inside, budget, findings)?;
    }
    record::check(&inside, findings);
    let scripts = entry_points::check(&inside, budget, findings)?;
    if let Some(expected) = expected {
        let inside = (&inside, &scripts);
        project::check(expected, name.as_ref(), bytes.len(), inside, findings);
    }
    report.platform = native::platform_of(name.as_ref(), &inside, budget)?;
    Ok(())
}
