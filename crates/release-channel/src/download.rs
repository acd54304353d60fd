//! Downloads as anybody makes them: by curl, without a token.

use camino::Utf8Path;
use processes::Invocation;

use crate::error::ReleaseError;
use crate::patience::{Failures, Patience};

/// Where something is downloaded to, and how many bytes it may have.
type Target<'a> = (&'a Utf8Path, u64);

/// Downloads `url` to `file`; without one, only its first byte. False if there is nothing.
pub(crate) fn download(
    url: &str,
    file: Option<Target<'_>>,
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

fn once(url: &str, file: Option<Target<'_>>) -> Result<bool, ReleaseError> {
    let captured = command(url, file).capture()?;
    let status = captured.stdout.trim().parse::<u16>().unwrap_or(0);
    let doing = format!("download {url}");
    match status {
        200 | 206 if captured.status.success() => Ok(true),
        // What is there so far is not what was to be downloaded.
        200 | 206 if captured.status.code() == Some(TOO_LARGE) => Ok(true),
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

/// Exit code of curl where a file has more bytes than it may have.
const TOO_LARGE: i32 = 63;

/// It prints the status. A request for the first byte and not `HEAD`: an address that is signed is so for
/// `GET` only.
fn command(url: &str, file: Option<Target<'_>>) -> Invocation {
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
        Some((file, most_bytes)) => command
            .args(["--output", file.as_str()])
            .args(["--max-filesize", &most_bytes.to_string()]),
        None => command.args(["--output", "/dev/null", "--range", "0-0"]),
    };
    command.args(["--", url])
}
