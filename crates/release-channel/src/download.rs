//! Downloads as anybody makes them: by curl, without a token.

use camino::Utf8Path;
use processes::Invocation;

use crate::error::ReleaseError;
use crate::patience::{Failures, Patience};

/// Downloads `url` to `file`; without one, only its first byte. False if there is nothing.
pub(crate) fn download(
    url: &str,
    file: Option<&Utf8Path>,
    patience: &Patience<'_>,
) -> Result<bool, ReleaseError> {
    let mut failures = Failures::default();
    loop {
        match once(url, file) {
            Ok(found) => return Ok(found),
            Err(error) => patience.after(error, &mut failures)?,
        }
    }
}

fn once(url: &str, file: Option<&Utf8Path>) -> Result<bool, ReleaseError> {
    let captured = command(url, file).capture()?;
    let status = captured.stdout.trim().parse::<u16>().unwrap_or(0);
    let doing = format!("download {url}");
    match status {
        200 | 206 if captured.status.success() => Ok(true),
        404 => Ok(false),
        0 | 200 | 206 | 408 | 429 | 500.. => Err(ReleaseError::NoAnswer {
            doing,
            why: format!("HTTP status {status} {}", captured.stderr.trim()),
        }),
        status => Err(ReleaseError::Refused {
            doing,
            status,
            message: "neither a file nor the way to one".to_owned(),
        }),
    }
}

/// It prints the status. A request for the first byte and not `HEAD`: an address that is signed is so for
/// `GET` only.
fn command(url: &str, file: Option<&Utf8Path>) -> Invocation {
    let command = Invocation::new("curl")
        // No file of settings, which may hold a password. It has to be the first argument.
        .args([
            "--disable",
            "--silent",
            "--show-error",
            "--location",
            "--proto",
            "=https",
        ])
        .args(["--max-time", "300", "--write-out", "%{http_code}"]);
    let command = match file {
        Some(file) => command.args(["--output", file.as_str()]),
        None => command.args(["--output", "/dev/null", "--range", "0-0"]),
    };
    command.arg(url)
}
