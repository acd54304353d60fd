//! How a publication has ended, in words: for people, for the next step of a workflow, and on the page of its
//! run.

use environment::vars;
use project_model::Repository;
use wheel_build::WheelError;
use wheel_build::manifest::append_for_github;

use crate::MANIFEST;
use crate::finish::Outcome;
use crate::local::Ours;
use crate::plan::ReleaseVerdict;

const DIVERGED: &str = "neither the published commit nor this one comes after the other (a force push, or another branch): the later one is published";

impl Outcome {
    /// Whether the release holds our build.
    #[must_use]
    pub fn is_published(&self) -> bool {
        matches!(
            self.verdict,
            ReleaseVerdict::Ours | ReleaseVerdict::OursIsLater
        )
    }

    /// What the user should know of what decided.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        let diverged = [
            ReleaseVerdict::OursIsLater,
            ReleaseVerdict::SupersededByLater,
        ];
        diverged.contains(&self.verdict).then_some(DIVERGED)
    }

    /// How it has ended: a verb and a sentence.
    #[must_use]
    pub fn line(&self, ours: &Ours, repository: &Repository) -> (&'static str, String) {
        let tag = &ours.manifest.release_tag;
        let (ours, published) = (&ours.manifest.version, self.version());
        match (self.is_published(), self.steps.len()) {
            (true, 0) => (
                "Fresh",
                format!("{ours} is published in `{tag}` of {repository} already"),
            ),
            (true, steps) => (
                "Published",
                format!("{ours} in `{tag}` of {repository}, {steps} steps"),
            ),
            (false, _) => (
                "Superseded",
                format!("{ours} by {published}, which `{tag}` of {repository} holds"),
            ),
        }
    }

    /// Hands it to the next step of a workflow of GitHub's, and writes it on the page of the run. Elsewhere,
    /// does nothing.
    pub fn hand_to_github(&self, ours: &Ours) -> Result<(), WheelError> {
        append_for_github(vars::GITHUB_OUTPUT, &self.outputs())?;
        append_for_github(vars::GITHUB_STEP_SUMMARY, &self.summary(ours))
    }

    /// The version that the release holds.
    fn version(&self) -> &str {
        let published = self.published.as_ref();
        published.map_or("nothing", |it| &it.version)
    }

    /// The outputs of a step.
    fn outputs(&self) -> String {
        let published = self.published.as_ref();
        let hash = published.map_or("", |it| &it.commit.hash);
        format!(
            "published={}\npublished-version={}\npublished-commit={hash}\nrelease-page={}\n",
            self.is_published(),
            self.version(),
            self.page.as_deref().unwrap_or_default()
        )
    }

    /// The summary of a job, in Markdown.
    fn summary(&self, ours: &Ours) -> String {
        let page = self.page.as_deref().unwrap_or_default();
        let (ours, tag) = (&ours.manifest.version, &ours.manifest.release_tag);
        let head = if self.is_published() {
            format!("### Published {ours} in [`{tag}`]({page})")
        } else {
            let newer = self.version();
            format!("### {ours} is superseded by {newer} in [`{tag}`]({page})")
        };
        let steps = self.steps.iter().map(|step| format!("- {step}\n"));
        let steps: String = steps.collect();
        format!("{head}\n\n{steps}\n`{MANIFEST}` names the newest wheels.\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::build;
    use expect_test::expect_file;

    fn outcome(verdict: ReleaseVerdict, steps: &[&str]) -> Outcome {
        Outcome {
            verdict,
            published: Some(build(2)),
            page: Some("https://github.com/o/r/releases/tag/latest".to_owned()),
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        }
    }

    #[test]
    fn people_and_workflows_are_told_how_it_has_ended() {
        let repository = Repository::parse("o/r", "github.com").unwrap();
        let ours = Ours {
            manifest: build(1),
            wheels: Vec::new(),
        };
        let steps = [
            "upload thing-1.0-py3-none-any.whl",
            "move the tag to commit 0000001",
        ];
        let none = Outcome {
            published: None,
            page: None,
            ..outcome(ReleaseVerdict::Ours, &steps)
        };
        let mut text = String::new();
        for outcome in [
            none,
            outcome(ReleaseVerdict::Ours, &[]),
            outcome(ReleaseVerdict::Ours, &steps),
            outcome(ReleaseVerdict::OursIsLater, &steps),
            outcome(ReleaseVerdict::Superseded, &[]),
            outcome(ReleaseVerdict::SupersededByLater, &[]),
        ] {
            let (verb, line) = outcome.line(&ours, &repository);
            text += &format!("== {:?}\n{verb}: {line}\n", outcome.verdict);
            text += &outcome
                .warning()
                .map_or(String::new(), |it| format!("warning: {it}\n"));
            text += &format!("{}{}", outcome.outputs(), outcome.summary(&ours));
        }
        expect_file!["snapshots/outcomes.txt"].assert_eq(&text);
    }
}
