//! Whether a wheel is what it says it is: bytes in, [`Report`] out.
//!
//! What is an error is decided by one aim: a wheel that would not install, would not import, or says
//! something about itself that is not so. What is only unwise is a warning. A wheel that nobody has vouched
//! for is read with care: nothing is written, sizes are bounded before memory is spent ([`Limits`]), and no
//! number in the archive is believed before it has been checked.
//!
//! What holds for every wheel stands in [`audit`]; what only its project can know, in [`Expected`].

mod archive;
mod elf;
mod entry_points;
mod fields;
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

pub use archive::Limits;
pub use project::{Expected, ExpectedFile};
pub use report::{Finding, Report, Rule, Severity};

use archive::Archive;
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
        .map_err(|reason| findings.error(Rule::FileName, file_name, reason))
        .ok();
    let mut report = Report::of(file_name, bytes, name.clone());
    if let Ok(archive) = Archive::read(bytes, limits, &mut findings) {
        let forbidden = expected.map_or(&[][..], |expected| &expected.forbidden_paths);
        let inside = Inside::read(&archive, forbidden, &mut findings);
        if let Some(name) = &name {
            headers::check(name, &inside, &mut findings);
            report.glibc = native::check(name, &inside, &mut findings);
        }
        record::check(&inside, &mut findings);
        entry_points::check(&inside, &mut findings);
        if let Some(expected) = expected {
            project::check(expected, name.as_ref(), bytes.len(), &inside, &mut findings);
        }
        describe(&mut report, &inside);
    }
    report.findings = findings.of_file(file_name);
    report
}

/// Adds to the report what is in the wheel.
fn describe(report: &mut Report, inside: &Inside) {
    report.unpacked_bytes = inside.files.values().map(|file| file.size).sum();
    report.extensions = inside.extensions().map(|(path, _)| path.clone()).collect();
    let metadata = inside.metadata.as_ref();
    let requires = metadata.and_then(|metadata| metadata.first("Requires-Python"));
    report.requires_python = requires.map(str::to_owned);
    report.platform = native::platform_of(report.name.as_ref(), inside);
}
