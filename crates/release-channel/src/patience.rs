//! How often something is tried, and how long is waited in between.
//!
//! GitHub asks for this: after `retry-after`, or at `x-ratelimit-reset`, or after at least a minute where a
//! limit names neither; else after a delay that grows
//! (<https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>).

use std::time::Duration;

use environment::vars;
use processes::Say;

use crate::error::ReleaseError;

/// How often in a row something may fail.
const TRIES: u32 = 6;

/// The longest that is waited at once: a job on GitHub costs while it waits.
const LIMIT: Duration = Duration::from_mins(10);

/// Waits between attempts, and gives up at last.
pub struct Patience<'a> {
    /// What the delays are multiples of: 1, 2, 4 … of it.
    unit: Duration,
    sleep: &'a dyn Fn(Duration),
    say: Say<'a>,
}

/// How often in a row one thing has failed.
#[derive(Debug, Default)]
pub(crate) struct Failures(u32);

impl<'a> Patience<'a> {
    /// With delays that begin at a second, or at what [`vars::XTASK_RETRY_UNIT_MS`] says. `say` is told of
    /// each.
    pub fn usual(say: Say<'a>) -> Result<Self, ReleaseError> {
        let unit = vars::var(vars::XTASK_RETRY_UNIT_MS).map(|text| text.parse());
        let unit = unit.transpose().map_err(ReleaseError::RetryUnit)?;
        let unit = Duration::from_millis(unit.unwrap_or(1000));
        Ok(Self::new(unit, &std::thread::sleep, say))
    }

    /// With delays of 1, 2, 4 … times `unit`, made by `sleep`. `say` is told of each.
    #[must_use]
    pub fn new(unit: Duration, sleep: &'a dyn Fn(Duration), say: Say<'a>) -> Self {
        Self { unit, sleep, say }
    }

    /// Counts a failure and waits, if it is worth another attempt; else gives the error back.
    pub(crate) fn after(
        &self,
        error: ReleaseError,
        failures: &mut Failures,
    ) -> Result<(), ReleaseError> {
        if !error.may_pass() {
            return Err(error);
        }
        failures.0 += 1;
        if failures.0 >= TRIES {
            return Err(ReleaseError::GaveUp {
                tries: failures.0,
                source: Box::new(error),
            });
        }
        let wait = self.delay(&error, failures.0);
        if wait > LIMIT {
            return Err(ReleaseError::TooLong {
                wait_s: wait.as_secs(),
                limit_s: LIMIT.as_secs(),
                source: Box::new(error),
            });
        }
        let text = format!("{:.1} s, then another attempt: {error}", wait.as_secs_f64());
        (self.say)("Waiting", &text);
        (self.sleep)(wait);
        Ok(())
    }

    fn delay(&self, error: &ReleaseError, failures: u32) -> Duration {
        let growing = self.unit * (1 << (failures - 1));
        match error {
            ReleaseError::Limited {
                wait: Some(wait), ..
            } => *wait,
            ReleaseError::Limited { wait: None, .. } => growing * 60,
            _ => growing,
        }
    }
}

impl std::fmt::Debug for Patience<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience")
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn no_answer() -> ReleaseError {
        ReleaseError::NoAnswer {
            doing: "read".to_owned(),
            why: "it was dropped".to_owned(),
        }
    }

    fn limited(wait_s: Option<u64>) -> ReleaseError {
        ReleaseError::Limited {
            doing: "read".to_owned(),
            message: "too many".to_owned(),
            wait: wait_s.map(Duration::from_secs),
        }
    }

    /// What is slept after each of `errors`, in seconds, and the error in the end.
    fn slept(errors: Vec<ReleaseError>) -> (Vec<u64>, Option<String>) {
        let slept = RefCell::new(Vec::new());
        let sleep = |wait: Duration| slept.borrow_mut().push(wait.as_secs());
        let patience = Patience::new(Duration::from_secs(1), &sleep, &|_, _| {});
        let mut failures = Failures::default();
        let mut errors = errors.into_iter();
        let end = errors.find_map(|error| patience.after(error, &mut failures).err());
        (slept.take(), end.map(|error| error.to_string()))
    }

    #[test]
    fn delays_grow_until_it_is_given_up() {
        let (slept, end) = slept((0..6).map(|_| no_answer()).collect());
        assert_eq!(slept, [1, 2, 4, 8, 16]);
        assert!(end.unwrap().starts_with("gave up after 6 attempts"));
    }

    #[test]
    fn what_a_rate_limit_asks_for_is_waited() {
        assert_eq!(
            slept(vec![limited(Some(7)), limited(None)]),
            (vec![7, 120], None)
        );
        let (slept, end) = slept(vec![limited(Some(3600))]);
        assert!(slept.is_empty());
        assert!(end.unwrap().contains("wait for 3600 s"));
    }

    #[test]
    fn what_cannot_pass_is_not_repeated() {
        let (slept, end) = slept(vec![ReleaseError::NoTag]);
        assert!(slept.is_empty() && end.is_some());
    }
}
