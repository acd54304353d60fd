//! What a cache is told: where it keeps things, how much of them, and who shares them. Each setting is a
//! variable that the wrapper reads (sccache: its `docs/Configuration.md`; kache: its
//! `docs/getting-started/configuration.mdx`).

use camino::Utf8PathBuf;

use crate::backend::{Backend, Variable};
use crate::{CacheError, Wrapper};
use files::size::Size;

/// What is to be written beside the wrapper itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The directory of a cache on disk. `None`: the wrapper's own choice.
    pub dir: Option<Utf8PathBuf>,
    /// How large a cache on disk may grow. `None`: the wrapper's own choice.
    pub size: Option<Size>,
    /// Where the cache is.
    pub backend: Backend,
}

impl Settings {
    /// The settings that `variables` tell `wrapper`: the inverse of [`Self::variables`].
    #[must_use]
    pub fn told_by(wrapper: Wrapper, variables: &[(String, String)]) -> Self {
        let value = |name: &str| {
            let mut pairs = variables.iter();
            Some(pairs.find(|(key, _)| key == name)?.1.clone())
        };
        Self {
            dir: value(wrapper.dir_variable()).map(Utf8PathBuf::from),
            size: value(wrapper.size_variable()).and_then(|text| text.parse().ok()),
            backend: Backend::told_by(value),
        }
    }

    /// The variables that tell `wrapper` these settings.
    ///
    /// # Errors
    /// If the wrapper does not know the backend, or the backend a setting.
    pub fn variables(&self, wrapper: Wrapper) -> Result<Vec<Variable>, CacheError> {
        let backend = self.backend.name();
        let of_disk = [
            (
                "--dir",
                wrapper.dir_variable(),
                self.dir.as_ref().map(ToString::to_string),
            ),
            (
                "--size",
                wrapper.size_variable(),
                self.size.map(|size| wrapper.size_text(size)),
            ),
        ];
        let mut variables = Vec::new();
        for (option, name, value) in of_disk {
            let Some(value) = value else { continue };
            if !self.backend.is_disk() {
                return Err(CacheError::NotOfBackend { option, backend });
            }
            variables.push((name, value));
        }
        if wrapper == Wrapper::Kache && !self.backend.is_disk() {
            return Err(CacheError::BackendOfAnother { wrapper, backend });
        }
        variables.extend_from_slice(self.backend.variables());
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kache_is_told_by_variables_of_its_own_and_keeps_to_the_disk() {
        let settings = Settings {
            dir: Some("/c".into()),
            size: "2G".parse().ok(),
            backend: Backend::default(),
        };
        assert_eq!(
            settings.variables(Wrapper::Kache).unwrap(),
            [
                ("KACHE_CACHE_DIR", "/c".to_owned()),
                ("KACHE_MAX_SIZE", "2GiB".to_owned())
            ]
        );
        let backend = Backend::parse("redis://h").unwrap();
        let remote = Settings {
            backend: backend.clone(),
            ..Settings::default()
        };
        assert!(remote.variables(Wrapper::Kache).is_err());
        assert!(remote.variables(Wrapper::Sccache).is_ok());
        // A limit or a directory would be left out in silence.
        let both = Settings {
            backend,
            ..settings
        };
        let error = both.variables(Wrapper::Sccache).unwrap_err().to_string();
        assert_eq!(
            error,
            "--dir is no option of --backend redis\n  help: leave it out"
        );
    }
}
