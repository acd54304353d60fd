//! What a check finds.

use std::error::Error;

use serde::Serialize;

/// Separates a message from its remedy.
const HELP: &str = "\n  help: ";

/// What one check has found, for people and as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub name: &'static str,
    /// In one word.
    pub verdict: Verdict,
    /// What was found.
    pub text: String,
    /// What helps: a command, or a line to write.
    pub cure: Option<String>,
    /// Whether `--fix` repairs it.
    pub fixable: bool,
}

/// What was found, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// Something is wrong.
    Problem,
    /// It could not be looked at.
    Skipped,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub(crate) text: String,
    pub(crate) cure: Option<String>,
    pub(crate) fixable: bool,
}

/// What a check comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// All is well; the fact itself.
    Ok(String),
    /// At least one.
    Problems(Vec<Problem>),
}

/// Why a check is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped(pub(crate) String);

/// What a check judges.
pub(crate) type Judged = Result<Found, Skipped>;

impl Problem {
    pub(crate) fn new(text: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            cure: Some(cure.into()),
            fixable: false,
        }
    }

    /// Of a message that may end with its remedies.
    pub(crate) fn of_message(message: &str) -> Self {
        let mut parts = message.split(HELP);
        let text = parts.next().unwrap_or_default().to_owned();
        let cures: Vec<_> = parts.collect();
        Self {
            text,
            cure: (!cures.is_empty()).then(|| cures.join("; or ")),
            fixable: false,
        }
    }

    /// Of an error with its causes.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let chain = std::iter::successors(Some(error as &dyn Error), |error| (*error).source());
        let parts: Vec<_> = chain.map(|it| Self::of_message(&it.to_string())).collect();
        let texts: Vec<_> = parts.iter().map(|part| part.text.trim_end()).collect();
        let cures: Vec<_> = parts.iter().filter_map(|it| it.cure.clone()).collect();
        Self {
            text: texts.join(": "),
            cure: (!cures.is_empty()).then(|| cures.join("; or ")),
            fixable: false,
        }
    }

    pub(crate) fn with_cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    pub(crate) fn or_cure(mut self, cure: &str) -> Self {
        self.cure.get_or_insert_with(|| cure.to_owned());
        self
    }

    /// The same, where `--fix` repairs it if `is_safe`.
    pub(crate) fn fixable(mut self, is_safe: bool) -> Self {
        self.fixable = is_safe;
        self
    }
}

impl Found {
    pub(crate) fn ok(text: impl Into<String>) -> Self {
        Self::Ok(text.into())
    }

    pub(crate) fn problem(text: impl Into<String>, cure: impl Into<String>) -> Self {
        Problem::new(text, cure).into()
    }

    /// The `problems`, or that all is well.
    pub(crate) fn of(problems: Vec<Problem>, ok: impl FnOnce() -> String) -> Self {
        if problems.is_empty() {
            Self::Ok(ok())
        } else {
            Self::Problems(problems)
        }
    }
}

impl From<Problem> for Found {
    fn from(problem: Problem) -> Self {
        Self::Problems(vec![problem])
    }
}

impl Finding {
    /// Those of the check `name`, which has judged.
    pub(crate) fn of(name: &'static str, judged: Judged) -> Vec<Self> {
        let plain = |verdict, text| Self {
            name,
            verdict,
            text,
            cure: None,
            fixable: false,
        };
        let of_problem = |problem: Problem| Self {
            cure: problem.cure,
            fixable: problem.fixable,
            ..plain(Verdict::Problem, problem.text)
        };
        match judged {
            Ok(Found::Ok(text)) => vec![plain(Verdict::Ok, text)],
            Ok(Found::Problems(problems)) => problems.into_iter().map(of_problem).collect(),
            Err(Skipped(reason)) => vec![plain(Verdict::Skipped, reason)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_from_its_remedies() {
        for (message, text, cure) in [
            ("a is wrong", "a is wrong", None),
            ("a\n  help: b", "a", Some("b")),
            ("a\n  help: b\n  help: c", "a", Some("b; or c")),
        ] {
            let problem = Problem::of_message(message);
            assert_eq!(
                (problem.text.as_str(), problem.cure.as_deref()),
                (text, cure)
            );
        }
    }

    #[test]
    fn each_problem_is_a_finding_of_its_own() {
        let problems = vec![
            Problem::new("one", "x").fixable(true),
            Problem::of_message("two"),
        ];
        let findings = Finding::of("name", Ok(Found::of(problems, String::new)));
        let told: Vec<_> = findings
            .iter()
            .map(|it| (it.text.as_str(), it.verdict, it.fixable))
            .collect();
        let expected = [
            ("one", Verdict::Problem, true),
            ("two", Verdict::Problem, false),
        ];
        assert_eq!(told, expected);
        let skipped = Finding::of("name", Err(Skipped("why".to_owned())));
        assert_eq!(
            (skipped[0].verdict, skipped[0].text.as_str()),
            (Verdict::Skipped, "why")
        );
    }
}
