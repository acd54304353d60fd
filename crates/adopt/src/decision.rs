//! What is decided of one thing, and why.

use environment::program;

/// The pages about decisions, by their names in `docs`.
pub(crate) mod page {
    pub(crate) const CACHES: &str = "caches";
    pub(crate) const COLAB: &str = "colab";
    pub(crate) const DEVCONTAINER: &str = "devcontainer";
    pub(crate) const EDIT_LOOP: &str = "edit-loop";
    pub(crate) const WHEELS: &str = "wheels";
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written.
    Adds,
    /// It is there: by the project, or by an earlier call.
    Keeps,
    /// It is not written.
    Leaves,
}

impl Verdict {
    /// As a verb.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Adds => "Adds",
            Self::Keeps => "Keeps",
            Self::Leaves => "Leaves",
        }
    }
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of it.
    pub verdict: Verdict,
    /// What it is: a key or a file.
    pub what: String,
    /// Why, as a sentence without its end.
    pub reason: String,
    /// The name of the page about it, in the documentation of this program.
    pub page: &'static str,
}

impl Decision {
    pub(crate) fn new(
        verdict: Verdict,
        what: &str,
        reason: impl Into<String>,
        page: &'static str,
    ) -> Self {
        Self {
            verdict,
            what: what.to_owned(),
            reason: reason.into(),
            page,
        }
    }

    /// `what: reason (where to read of it)`.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { what, reason, .. } = self;
        format!("{what}: {reason} ({})", program::page(self.page))
    }
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn each_page_is_there() {
        let docs = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let pages = [
            page::CACHES,
            page::COLAB,
            page::DEVCONTAINER,
            page::EDIT_LOOP,
            page::WHEELS,
        ];
        for page in pages {
            assert!(docs.join(format!("{page}.md")).is_file(), "{page}");
        }
    }
}
