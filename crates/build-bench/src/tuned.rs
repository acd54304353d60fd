//! The settings that have been found to be the fastest, for the columns that are to be built with them.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Files;
use project_model::{Project, Sources, Workspace};
use trial::files::{copy_file, write};

use crate::error::BenchError;
use crate::request::BenchRequest;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tuned {
    /// Cargo's configuration, as somebody has found it out by measuring.
    found: Option<String>,
    /// This machine's own configuration, and where it lies in the sources.
    local: Option<(Utf8PathBuf, Utf8PathBuf)>,
}

impl Tuned {
    pub(crate) fn of(request: &BenchRequest<'_>, workspace: &Workspace, sources: &Sources) -> Self {
        Self {
            found: request.tuned.clone(),
            local: local(request.project, workspace, sources),
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.found.is_none() && self.local.is_none()
    }

    /// Has what is built in `tree` be built with them. What was found goes to the directory above, since what
    /// stands in the project's own configuration wins over that.
    pub(crate) fn put_into(&self, tree: &Utf8Path) -> Result<(), BenchError> {
        if let Some((from, below)) = &self.local {
            copy_file(from, &tree.join(below))?;
        }
        if let (Some(text), Some(above)) = (&self.found, tree.parent()) {
            write(&above.join(".cargo/config.toml"), text)?;
        }
        Ok(())
    }
}

/// This machine's cargo configuration, if it says more than what `cargo xtask dev` and a compiler cache write
/// there; and where it lies in the sources.
fn local(
    project: &Project,
    workspace: &Workspace,
    sources: &Sources,
) -> Option<(Utf8PathBuf, Utf8PathBuf)> {
    let local = Files::of(project, workspace).local;
    let text = fs_err::read_to_string(&local).ok()?;
    let tunes = |line: &str| {
        let keys = ["[profile", "linker", "rustflags"];
        keys.iter().any(|it| line.trim_start().starts_with(it))
    };
    let below = local.strip_prefix(&sources.root).ok()?.to_owned();
    text.lines().any(tunes).then_some((local, below))
}

#[cfg(test)]
mod tests {
    use super::*;
    use processes::Invocation;
    use project_model::Closure;
    use testkit::Fixture;

    /// With the real cargo, since where it looks for its configuration is its own affair.
    #[test]
    fn what_was_found_holds_in_the_checkout_unless_the_project_says_otherwise() {
        let fixture = Fixture::new();
        let manifest =
            "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
        fixture.write("Cargo.toml", manifest);
        fixture.write("src/lib.rs", "");
        let found = "profile.dev.codegen-units = 7\nprofile.dev.opt-level = 1\n";
        let tuned = Tuned {
            found: Some(found.to_owned()),
            local: None,
        };
        tuned.put_into(&fixture.root()).unwrap();
        let flags = || {
            let build = Invocation::new("cargo").args(["build", "--offline", "-v"]);
            let build = build.env("RUSTC_WRAPPER", "").cwd(&fixture.root());
            build.capture().unwrap().stderr
        };
        let first = flags();
        assert!(
            first.contains("codegen-units=7") && first.contains("opt-level=1"),
            "{first}"
        );
        fixture.write(".cargo/config.toml", "profile.dev.opt-level = 2\n");
        let second = flags();
        assert!(
            second.contains("codegen-units=7") && second.contains("opt-level=2"),
            "{second}"
        );
    }

    #[test]
    fn a_configuration_counts_if_it_says_more_than_we_write_ourselves() {
        let fixture = Fixture::pure_rust("thing");
        let project = Project::load(&fixture.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        let closure = Closure::load(&project).unwrap();
        let sources = Sources::of(&project, &closure);
        let look = || local(&project, &workspace, &sources);
        assert_eq!(look(), None);
        let file = ".cargo/config.local.toml";
        fixture.write(file, "[build]\nrustc-wrapper = \"sccache\"\n");
        assert_eq!(look(), None);
        fixture.write(file, "[target.x86_64-unknown-linux-gnu]\nrustflags = []\n");
        assert_eq!(look(), Some((fixture.root().join(file), file.into())));
    }
}
