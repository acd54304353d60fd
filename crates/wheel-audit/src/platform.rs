//! Platform tags (PEP 425, PEP 600, PEP 656).

/// What a platform tag means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Platform {
    /// Everywhere.
    Any,
    /// Linux with a glibc of at least this version.
    Manylinux {
        major: u32,
        minor: u32,
        architecture: String,
    },
    /// Linux with a musl of at least this version.
    Musllinux {
        major: u32,
        minor: u32,
        architecture: String,
    },
    /// Some Linux: the one it was built on.
    Linux { architecture: String },
    /// macOS, Windows and others, whose programs are not looked into.
    Other,
}

impl Platform {
    /// What `tag` means.
    ///
    /// # Errors
    /// That it is no platform tag, in words.
    pub(crate) fn parse(tag: &str) -> Result<Self, String> {
        let no_tag = || format!("`{tag}` is not a platform tag");
        let legacy = [
            ("manylinux1_", 5),
            ("manylinux2010_", 12),
            ("manylinux2014_", 17),
        ];
        for (prefix, minor) in legacy {
            if let Some(architecture) = tag.strip_prefix(prefix) {
                let architecture = architecture.to_owned();
                return Ok(Self::Manylinux {
                    major: 2,
                    minor,
                    architecture,
                });
            }
        }
        if let Some(rest) = tag.strip_prefix("manylinux_") {
            let (major, minor, architecture) = versioned(rest).ok_or_else(no_tag)?;
            return Ok(Self::Manylinux {
                major,
                minor,
                architecture,
            });
        }
        if let Some(rest) = tag.strip_prefix("musllinux_") {
            let (major, minor, architecture) = versioned(rest).ok_or_else(no_tag)?;
            return Ok(Self::Musllinux {
                major,
                minor,
                architecture,
            });
        }
        if let Some(architecture) = tag.strip_prefix("linux_") {
            return Ok(Self::Linux {
                architecture: architecture.to_owned(),
            });
        }
        let others = [
            "macosx_",
            "win_",
            "ios_",
            "android_",
            "emscripten_",
            "pyodide_",
            "pyemscripten_",
            "wasm32_",
            "freebsd_",
            "solaris_",
        ];
        match tag {
            "any" => Ok(Self::Any),
            "win32" => Ok(Self::Other),
            _ if others.iter().any(|prefix| tag.starts_with(prefix)) => Ok(Self::Other),
            _ => Err(no_tag()),
        }
    }

    /// The architecture, for Linux.
    pub(crate) fn architecture(&self) -> Option<&str> {
        match self {
            Self::Manylinux { architecture, .. }
            | Self::Musllinux { architecture, .. }
            | Self::Linux { architecture } => Some(architecture),
            Self::Any | Self::Other => None,
        }
    }
}

/// `2_28_x86_64`.
fn versioned(text: &str) -> Option<(u32, u32, String)> {
    let mut parts = text.splitn(3, '_');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((major, minor, parts.next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_names_are_versions_too() {
        let modern = Platform::parse("manylinux_2_17_x86_64");
        assert_eq!(Platform::parse("manylinux2014_x86_64"), modern);
        assert_eq!(modern.unwrap().architecture(), Some("x86_64"));
        assert_eq!(Platform::parse("macosx_11_0_arm64"), Ok(Platform::Other));
        assert!(Platform::parse("manylinux_x_17_x86_64").is_err());
        assert!(Platform::parse("windows").is_err());
    }
}
