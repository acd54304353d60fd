//! What the search asks of whoever builds.

use trial::files::FileError;
use trial::timed::NoTime;

use crate::TuneError;
use crate::choices::Choices;

/// What builds, and takes the time.
pub(crate) trait Builds {
    /// Builds everything with `choices` once, and imports the library; gives its size in bytes. Takes no
    /// longer than `allowed_s` seconds.
    fn prepare(&mut self, choices: &Choices, allowed_s: f64) -> Result<u64, Stop>;

    /// Changes a line in the extension crate and builds; gives the seconds.
    fn time_s(&mut self, choices: &Choices) -> Result<f64, Stop>;

    /// The seconds since the start.
    fn elapsed_s(&self) -> f64;

    /// Tells the user what is being measured.
    fn tell(&self, what: &str);
}

/// Why there is no time.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It does not build, link or import.
    Fails(String),
    /// It would have taken longer than was allowed.
    OutOfTime,
    /// Nothing can go on.
    Error(TuneError),
}

impl Stop {
    /// Why nothing can be measured, where it was the project as it is that was built.
    pub(crate) fn of_project(self, budget_s: f64) -> TuneError {
        match self {
            Self::Error(error) => error,
            Self::Fails(reason) => TuneError::DoesNotBuild { reason },
            Self::OutOfTime => TuneError::BudgetTooSmall { budget_s },
        }
    }
}

impl From<TuneError> for Stop {
    fn from(error: TuneError) -> Self {
        Self::Error(error)
    }
}

impl From<FileError> for Stop {
    fn from(error: FileError) -> Self {
        Self::Error(error.into())
    }
}

impl From<NoTime> for Stop {
    fn from(why: NoTime) -> Self {
        match why {
            NoTime::Interrupted => Self::Error(TuneError::Interrupted),
            NoTime::OutOfTime => Self::OutOfTime,
            NoTime::Failed(said) => Self::Fails(said),
            NoTime::Log(error) => error.into(),
            NoTime::Start(error) => Self::Error(error.into()),
        }
    }
}
