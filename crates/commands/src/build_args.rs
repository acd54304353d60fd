//! What is built, in cargo's words: the same options for all that ask.

use dev_build::maturin::BuildOptions;

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// Build with the release profile
    #[arg(long, short, conflicts_with = "profile")]
    release: bool,
    /// Build with this profile [default: what pyproject.toml says, else dev]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Cargo features of the extension crate [default: those in pyproject.toml]
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    features: Vec<String>,
    /// Activate all features
    #[arg(long)]
    all_features: bool,
    /// Do not activate the default features
    #[arg(long)]
    no_default_features: bool,
}

impl BuildArgs {
    pub(crate) fn options(&self) -> BuildOptions {
        let release = self.release.then(|| "release".to_owned());
        BuildOptions {
            profile: release.or_else(|| self.profile.clone()),
            features: self.features.clone(),
            all_features: self.all_features,
            no_default_features: self.no_default_features,
        }
    }
}
