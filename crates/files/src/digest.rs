//! SHA-256 in hexadecimal digits (FIPS 180-4).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::io::{self, Read as _};

use camino::Utf8Path;
use sha2::{Digest as _, Sha256};

/// How much of a file is read at once, in bytes, at most.
const CHUNK_BYTES: usize = 1 << 20;

/// `bytes` in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

/// The SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first 16 digits of the SHA-256 of `text`: a name for what belongs to a path or the like.
#[must_use]
pub fn short_name(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..8])
}

/// The first 64 bits of the SHA-256 of `bytes`: to look something up by.
#[must_use]
pub fn short_digest(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    let first = digest.first_chunk().copied();
    first.map_or(0, u64::from_be_bytes)
}

/// The SHA-256 of `bytes` as a `RECORD` has it: base64 for URLs, without padding (PEP 376, PEP 427).
#[must_use]
pub fn sha256_base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

/// The SHA-256 of the content of the file at `path`, which may be larger than memory.
///
/// # Errors
/// If it cannot be read.
pub fn sha256_of(path: &Utf8Path) -> io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut digest = Sha256::new();
    // Most files are small, and it takes longer to make a large buffer than to read them. One byte more than
    // there are finds the end.
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(CHUNK_BYTES);
    let mut chunk = vec![0; length.saturating_add(1).clamp(4 << 10, CHUNK_BYTES)];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(&digest.finalize())),
            count => digest.update(&chunk[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // FIPS 180-4, the message "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
        assert_eq!(short_name("abc"), expected[..16]);
        assert_eq!(short_digest(b"abc"), 0xba78_16bf_8f01_cfea);
        let in_base64 = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
        assert_eq!(sha256_base64(b"abc"), in_base64);
        let dir = testkit::TempDir::new();
        let path = dir.path().join("file");
        fs_err::write(&path, "abc").unwrap();
        assert_eq!(sha256_of(&path).unwrap(), expected);
    }
}
