//! Why the engine did not do what it was asked for.

use std::sync::Arc;

use crate::journal::{JournalError, Remedy as JournalRemedy, Trouble};
use crate::{ApplyError, Diagnostic, EffectId, RunId};

/// The engine refused a request, or could not carry it out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The journal failed or refused. After a failure the engine has stopped: nothing more is
    /// performed that could not be recorded.
    #[error("the journal could not be written or read")]
    Journal(#[source] Arc<JournalError>),
    /// There is no such run.
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    /// The run is an agent's; this engine does not drive it.
    #[error("run {0} is not one of a routine")]
    NotARoutine(RunId),
    /// There is a run of that id already.
    #[error("run {0} exists already")]
    RunExists(RunId),
    /// No routine of that name is published.
    #[error("no routine `{0}` is published")]
    UnknownRoutine(String),
    /// The definition has mistakes.
    #[error("the definition has {} mistakes", .0.len())]
    Definition(Vec<Diagnostic>),
    /// The question is settled, lapsed, or was never asked.
    #[error("no question {0} is open")]
    NotOpen(EffectId),
    /// The run cannot take this now.
    #[error("the run refused it")]
    Refused(#[source] ApplyError),
    /// The run does not advance; what is wrong stands in its row.
    #[error("run {run} does not advance: {trouble:?}")]
    Troubled {
        /// The run.
        run: RunId,
        /// What is wrong with it.
        trouble: Box<Trouble>,
    },
    /// The run waits in a queue, and takes nothing but its cancellation until it begins.
    #[error("run {0} has not begun")]
    Queued(RunId),
    /// Too many runs of the routine wait already.
    #[error("too many runs of `{0}` wait to begin")]
    QueueFull(String),
    /// What was told is not an object with a `type`.
    #[error("it is no event: an event is an object with a `type`")]
    NoEvent,
    /// Only a run that failed or was cancelled can be tried again.
    #[error("run {0} has not failed")]
    NotFailed(RunId),
    /// Too many requests wait for this run already.
    #[error("run {0} has too many requests waiting")]
    Busy(RunId),
    /// The engine has stopped, or is stopping.
    #[error("the engine has stopped")]
    Stopped,
}

/// What the caller of a failed request can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineRemedy {
    /// Look at the journal's error.
    Journal(JournalRemedy),
    /// Correct the request.
    FixRequest,
    /// Look at the run: its row says what is wrong.
    InspectRun,
    /// Try again later.
    Retry,
    /// Open the engine again.
    Reopen,
}

impl EngineError {
    /// Says what the caller can do.
    pub fn remedy(&self) -> EngineRemedy {
        match self {
            Self::Journal(error) => EngineRemedy::Journal(error.remedy()),
            Self::UnknownRun(_)
            | Self::NotARoutine(_)
            | Self::RunExists(_)
            | Self::UnknownRoutine(_)
            | Self::Definition(_)
            | Self::NotOpen(_)
            | Self::NoEvent
            | Self::NotFailed(_)
            | Self::Refused(_) => EngineRemedy::FixRequest,
            Self::Troubled { .. } => EngineRemedy::InspectRun,
            Self::Busy(_) | Self::Queued(_) | Self::QueueFull(_) => EngineRemedy::Retry,
            Self::Stopped => EngineRemedy::Reopen,
        }
    }
}

impl From<Arc<JournalError>> for EngineError {
    fn from(error: Arc<JournalError>) -> Self {
        Self::Journal(error)
    }
}

impl From<JournalError> for EngineError {
    fn from(error: JournalError) -> Self {
        Self::Journal(Arc::new(error))
    }
}
