//! The files that are written as a whole, rendered from one template each, for this workspace and for every
//! other project alike. Lines that begin with `#%` are instructions of the template; `<<name>>` is a value.

use std::sync::OnceLock;

use camino::Utf8PathBuf;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, context};
use serde::Serialize;

use crate::decision::page;

/// A template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Template {
    Workflow,
    DevContainer,
    DevInit,
}

/// What differs between projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Values {
    /// Whether the commands are those of this workspace's own program.
    pub(crate) is_xtask: bool,
    /// The commands' program, as it is typed in the checkout.
    pub(crate) program: String,
    /// The same where a script calls it.
    pub(crate) quiet: String,
    /// The option that names the project, with a space before it; nothing, if it lies at the root of the
    /// checkout.
    pub(crate) project: String,
    /// The version of the installed program.
    pub(crate) version: &'static str,
    /// The version of uv.
    pub(crate) uv_version: String,
    /// The name of the distribution.
    pub(crate) name: String,
    /// The outermost module.
    pub(crate) module: String,
    /// Where the lock file is or would be, seen from the checkout.
    pub(crate) lock: Utf8PathBuf,
    /// Whether it is there.
    pub(crate) is_locked: bool,
    /// Where the environment is or would be, seen from the checkout.
    pub(crate) environment: Utf8PathBuf,
    /// The branch whose builds everybody gets.
    pub(crate) branch: String,
    /// The tag of the release that has them.
    pub(crate) tag: String,
    /// On which systems a wheel is tried.
    pub(crate) smokes: Vec<Smoke>,
}

/// A system on which a wheel is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Smoke {
    /// Of Ubuntu: `24.04`.
    pub(crate) ubuntu: String,
    /// `3.13`.
    pub(crate) python: String,
}

impl Template {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (
            Self::Workflow,
            "build-wheel.yml",
            include_str!("../templates/build-wheel.yml"),
        ),
        (
            Self::DevContainer,
            "devcontainer.json",
            include_str!("../templates/devcontainer.json"),
        ),
        (
            Self::DevInit,
            "dev-init.sh",
            include_str!("../templates/dev-init.sh"),
        ),
    ];

    /// What begins a comment in it.
    pub(crate) const fn comment(self) -> &'static str {
        match self {
            Self::DevContainer => "//",
            Self::Workflow | Self::DevInit => "#",
        }
    }

    /// The page about it.
    pub(crate) const fn page(self) -> &'static str {
        match self {
            Self::Workflow => page::WHEELS,
            Self::DevContainer | Self::DevInit => page::DEVCONTAINER,
        }
    }

    /// The text for these values.
    ///
    /// # Panics
    /// If a template is damaged, which a test would tell.
    pub(crate) fn render(self, values: &Values) -> String {
        let (_, name, _) = Self::ALL[self as usize];
        let template = environment().get_template(name).expect("it is one of them");
        template
            .render(context! { ..minijinja::Value::from_serialize(values) })
            .expect("all values are given")
    }
}

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let syntax = SyntaxConfig::builder()
            .line_statement_prefix("#%")
            .variable_delimiters("<<", ">>")
            .block_delimiters("<%", "%>")
            .comment_delimiters("<#", "#>")
            .build()
            .expect("the delimiters differ");
        let mut environment = Environment::new();
        environment.set_syntax(syntax);
        environment.set_keep_trailing_newline(true);
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        for (_, name, text) in Template::ALL {
            environment
                .add_template(name, text)
                .expect("it is a template");
        }
        environment
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use expect_test::expect_file;

    /// For a project that is none of this workspace.
    pub(crate) fn values() -> Values {
        let smoke = |ubuntu: &str, python: &str| Smoke {
            ubuntu: ubuntu.to_owned(),
            python: python.to_owned(),
        };
        Values {
            is_xtask: false,
            program: "cargo pyext".to_owned(),
            quiet: "cargo-pyext".to_owned(),
            project: String::new(),
            version: "0.2.0",
            uv_version: "0.13.9".to_owned(),
            name: "fast-thing".to_owned(),
            module: "fast_thing".to_owned(),
            lock: "Cargo.lock".into(),
            is_locked: true,
            environment: ".venv".into(),
            branch: "main".to_owned(),
            tag: "latest".to_owned(),
            smokes: vec![smoke("24.04", "3.13"), smoke("22.04", "3.12")],
        }
    }

    #[test]
    fn other_projects_get_these_files() {
        let values = values();
        expect_file!["snapshots/build-wheel.yml"].assert_eq(&Template::Workflow.render(&values));
        expect_file!["snapshots/devcontainer.json"]
            .assert_eq(&Template::DevContainer.render(&values));
        expect_file!["snapshots/dev-init.sh"].assert_eq(&Template::DevInit.render(&values));
    }

    #[test]
    fn branch_and_release_are_those_of_the_project() {
        let values = Values {
            branch: "trunk".to_owned(),
            tag: "nightly".to_owned(),
            ..values()
        };
        let text = Template::Workflow.render(&values);
        assert!(
            !text.contains("refs/heads/main") && !text.contains("tag_name: latest"),
            "{text}"
        );
        for part in [
            "branches: [trunk]",
            "tag_name: nightly",
            "== 'refs/heads/trunk'",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn nothing_of_a_template_is_left_in_what_it_becomes() {
        for is_xtask in [false, true] {
            let values = Values {
                is_xtask,
                ..values()
            };
            for (template, name, _) in Template::ALL {
                let text = template.render(&values);
                assert!(
                    !["#%", "<<", "<%"].iter().any(|it| text.contains(it)),
                    "{name}: {text}"
                );
                assert!(text.ends_with('\n') && !text.contains("\n\n\n"), "{name}");
            }
        }
    }
}
