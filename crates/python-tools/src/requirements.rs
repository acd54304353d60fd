//! Requirements files in which every version and hash is pinned, as `uv pip compile --generate-hashes`
//! writes them (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>).

/// One pinned requirement with the lines it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pin {
    name: String,
    version: String,
    /// The requirement and its `--hash` lines, as they stand in the file.
    text: String,
}

/// A requirements file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedRequirements(Vec<Pin>);

/// A requirement that is not pinned, or not to be found.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequirementsError {
    /// A line that is neither `name==version` nor a continuation of one.
    #[error("line {line}: `{text}` is not of the form `name==version --hash=…`")]
    NotPinned {
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A requirement without a hash.
    #[error("`{0}` has no `--hash`")]
    NoHash(String),
    /// No line for this package.
    #[error("`{0}` is not among the pinned requirements")]
    Missing(String),
}

impl PinnedRequirements {
    /// Reads the text of a requirements file. Every requirement must have a version and a hash.
    pub fn parse(text: &str) -> Result<Self, RequirementsError> {
        let mut pins: Vec<Pin> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            if let (true, Some(pin)) = (bare.starts_with("--hash="), pins.last_mut()) {
                pin.text.push_str(&format!("\n{line}"));
                continue;
            }
            pins.push(
                Pin::first_line(line).ok_or_else(|| RequirementsError::NotPinned {
                    line: index + 1,
                    text: bare.to_owned(),
                })?,
            );
        }
        match pins.iter().find(|pin| !pin.text.contains("--hash=")) {
            Some(pin) => Err(RequirementsError::NoHash(pin.name.clone())),
            None => Ok(Self(pins)),
        }
    }

    /// The pinned version of `name`.
    pub fn version(&self, name: &str) -> Result<&str, RequirementsError> {
        Ok(&self.pin(name)?.version)
    }

    /// A requirements file for `name` alone, hashes included.
    pub fn only(&self, name: &str) -> Result<String, RequirementsError> {
        // The last hash line may end in a continuation, if the file was cut by hand.
        let text = self.pin(name)?.text.trim_end().trim_end_matches('\\');
        Ok(format!("{}\n", text.trim_end()))
    }

    fn pin(&self, name: &str) -> Result<&Pin, RequirementsError> {
        let found = self.0.iter().find(|pin| pin.name == name);
        found.ok_or_else(|| RequirementsError::Missing(name.to_owned()))
    }
}

impl Pin {
    /// `name==version`, perhaps with a marker, hashes, and a backslash at the end.
    fn first_line(line: &str) -> Option<Self> {
        let (name, rest) = line.trim().split_once("==")?;
        let version = rest.split([' ', ';', '\\']).next()?;
        (!name.is_empty() && !version.is_empty()).then(|| Self {
            name: name.to_owned(),
            version: version.to_owned(),
            text: line.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# made by a tool
maturin==1.16.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via -r tools.in
uv==0.13.9 ; python_version >= '3.11' \\
    --hash=sha256:cc
";

    #[test]
    fn a_package_is_taken_with_its_hashes_and_nothing_else() {
        let pinned = PinnedRequirements::parse(FILE).unwrap();
        assert_eq!(pinned.version("maturin"), Ok("1.16.0"));
        assert_eq!(pinned.version("uv"), Ok("0.13.9"));
        assert_eq!(
            pinned.only("maturin").unwrap(),
            "maturin==1.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        );
    }

    #[test]
    fn what_is_not_pinned_is_refused() {
        let parse = PinnedRequirements::parse;
        let expected = RequirementsError::NotPinned {
            line: 2,
            text: "uv>=1".to_owned(),
        };
        assert_eq!(parse("# comment\nuv>=1\n"), Err(expected));
        assert_eq!(
            parse("uv==1\n"),
            Err(RequirementsError::NoHash("uv".to_owned()))
        );
        let pinned = parse(FILE).unwrap();
        assert_eq!(
            pinned.only("pip"),
            Err(RequirementsError::Missing("pip".to_owned()))
        );
    }
}
