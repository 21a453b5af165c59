//! What may happen to a run from outside, and why it may be refused.

use serde_json::Value;

use crate::{Actor, Decision, Digest, EffectId, Outcome};

/// Something that happens to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// An effect came back: a call, or a child run that ended (or, when nobody waits for it,
    /// that was durably started).
    EffectFinished {
        /// The effect.
        effect: EffectId,
        /// What came back.
        outcome: Outcome,
    },
    /// After a crash nobody can say whether the effect happened. A person decides.
    EffectUnknown {
        /// The effect.
        effect: EffectId,
        /// What is known, for that person.
        explanation: String,
    },
    /// It is this late now; everything due at or before that time is over.
    TimePassed,
    /// A person decided on an approval, or on an effect that is unknown.
    Decided {
        /// The effect that asked.
        effect: EffectId,
        /// The decision.
        decision: Decision,
    },
    /// Something was sent to the run. It waits there until a `listen` takes it.
    Signalled {
        /// The signal's type.
        signal: String,
        /// Its data; or a whole event with all its attributes (`CloudEvents` 1.0), which is
        /// taken once however often it is sent.
        data: Value,
        /// Who sent it.
        by: Actor,
    },
    /// Somebody asks the run to stop for good.
    CancelRequested {
        /// Who asks.
        by: Actor,
    },
    /// Somebody asks the run to stop for good, and first to undo what can be undone (work with an
    /// `undo`), the last first. The run is cancelled when all of that is undone.
    UndoRequested {
        /// Who asks.
        by: Actor,
    },
    /// Somebody asks a faulted run to go on with the task that failed: what is done stays done,
    /// what failed is begun again, as another attempt.
    RetryRequested {
        /// Who asks.
        by: Actor,
    },
    /// Somebody asks the run to pause.
    SuspendRequested {
        /// Who asks.
        by: Actor,
    },
    /// Somebody asks the run to go on.
    ResumeRequested {
        /// Who asks.
        by: Actor,
    },
}

/// Why an input was refused. A refused input changes nothing and leaves no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// It comes late or twice: the effect is settled or given up, nothing is due, or the run
    /// is already where it is asked to go. Safe to drop.
    #[error("the input comes late: {0}")]
    Stale(&'static str),
    /// The person saw something else than what would be decided on. Show it again.
    #[error("the decision was made on {decided}, but {shown} is what is shown")]
    ShownDiffers {
        /// The hash of what is to be decided on.
        shown: Digest,
        /// The hash that the decision names.
        decided: Digest,
    },
    /// That person may not decide, or has decided already. Ask somebody else.
    #[error("the decision does not count: {0}")]
    NotReviewer(&'static str),
    /// So many events wait in the run already that it takes no more. Send it again later.
    #[error("the run does not take the events that it is sent; its inbox is full")]
    InboxFull,
    /// The input does not fit the effect, for instance a decision on a call that is under way.
    /// A mistake of the caller.
    #[error("the input does not fit: {0}")]
    Misfit(&'static str),
}
