//! Why an agent could not be run at all. What an agent itself fails at is in its report.

use crate::approval::ApproverError;
use crate::rule::RuleError;
use crate::session::{RecordError, StoreError};
use crate::state::FoldError;
use crate::toolbox::ToolboxError;
use crate::{Digest, SessionId};

/// An agent could not be run. Whatever was recorded stays recorded; a later run goes on.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// The session store failed.
    #[error("the session could not be kept")]
    Store(#[from] StoreError),
    /// The session's log cannot be used.
    #[error("the session's log cannot be read")]
    Record(#[from] RecordError),
    /// The session's log contradicts itself.
    #[error("the session's log cannot be followed")]
    Fold(#[from] FoldError),
    /// The tools do not fit the specification.
    #[error("the tools cannot be used")]
    Tools(#[from] ToolboxError),
    /// The rules cannot be read.
    #[error("the rules cannot be used")]
    Rules(#[from] RuleError),
    /// The schema of the answer is no JSON Schema.
    #[error("the answer schema cannot be used: {message}")]
    AnswerSchema {
        /// What is wrong with it.
        message: String,
    },
    /// The session was started with another specification.
    #[error("session `{session}` was started with specification {started}, not {given}")]
    OtherSpec {
        /// The session.
        session: SessionId,
        /// The digest of the specification that it was started with.
        started: Digest,
        /// The digest of the one that was given.
        given: Digest,
    },
    /// A session has no such record of its own.
    #[error("session `{session}` has no record {seq} to go on from")]
    NoRecord {
        /// The session.
        session: SessionId,
        /// The position that was asked for.
        seq: u64,
    },
    /// A session was to be made, and exists.
    #[error("session `{session}` exists already")]
    Taken {
        /// The session.
        session: SessionId,
    },
    /// Money is limited, and nobody knows what the model costs.
    #[error("the budget limits money, and the price of model `{model}` is unknown")]
    Unpriced {
        /// The model.
        model: String,
    },
    /// A question could not be put to anybody.
    #[error("nobody could be asked")]
    Approver(#[from] ApproverError),
}

/// What the caller of a failed run can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Run the same session again, once the cause is gone: nothing is lost.
    RunAgain,
    /// Change the specification, the tools or the settings.
    FixSettings,
    /// Leave the session to the process that drives it.
    LeaveIt,
    /// Use a newer version of this program, or look at the damaged log.
    InspectLog,
}

impl HarnessError {
    /// Says what the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Store(StoreError::Unavailable { .. }) | Self::Approver(_) => Remedy::RunAgain,
            Self::Store(StoreError::Fenced { .. } | StoreError::OutOfOrder { .. }) => {
                Remedy::LeaveIt
            }
            Self::Store(StoreError::Corrupt { .. }) | Self::Record(_) | Self::Fold(_) => {
                Remedy::InspectLog
            }
            Self::Tools(_)
            | Self::Rules(_)
            | Self::AnswerSchema { .. }
            | Self::NoRecord { .. }
            | Self::Taken { .. }
            | Self::OtherSpec { .. }
            | Self::Unpriced { .. } => Remedy::FixSettings,
        }
    }
}
