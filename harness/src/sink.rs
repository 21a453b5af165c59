//! Progress on its way out: for screens and logs, never asked back.

use rust_decimal::Decimal;

use crate::approval::Question;
use crate::{CallId, SessionId};

/// Takes progress. It must not block and cannot fail: nothing waits for it and nothing depends
/// on it. What must be kept is in the session's log.
pub trait EventSink: Send + Sync {
    /// Takes one piece of progress of a session.
    fn emit(&self, session: &SessionId, progress: Progress<'_>);
}

/// One piece of progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress<'a> {
    /// A turn begins: the model is asked.
    TurnStarted {
        /// The turn, from 1.
        turn: u32,
        /// The attempt within the turn, from 1.
        attempt: u32,
    },
    /// The model says a piece of text.
    TextDelta {
        /// The piece.
        text: &'a str,
    },
    /// The model begins its reply anew; forget the text of this turn.
    TextDropped,
    /// A call is made.
    ToolStarted {
        /// The call.
        call: CallId,
        /// The tool.
        tool: &'a str,
        /// The arguments.
        arguments: &'a serde_json::Value,
    },
    /// A call has a result, was refused, or is unknown.
    ToolFinished {
        /// The call.
        call: CallId,
        /// The tool.
        tool: &'a str,
        /// How it ended.
        end: ToolEnd,
        /// What the model is shown.
        content: &'a str,
    },
    /// People were asked; the agent pauses until they answer.
    Waiting {
        /// The questions.
        questions: &'a [Question],
    },
    /// Something was spent.
    Spent {
        /// This time, in US dollars; `None` when it is unknown.
        usd: Option<Decimal>,
        /// Over the whole session, in US dollars, as far as it is known.
        total_usd: Decimal,
        /// Tokens over the whole session.
        total_tokens: u64,
    },
    /// The conversation was summarised.
    Compacted {
        /// The estimated size before, in tokens.
        tokens_before: u64,
        /// The estimated size after, in tokens.
        tokens_after: u64,
    },
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolEnd {
    /// It returned.
    Returned,
    /// It failed.
    Failed,
    /// It was not made.
    Refused,
    /// Nobody can say whether it happened.
    Unknown,
}

/// Forgets all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

impl EventSink for NoSink {
    fn emit(&self, _session: &SessionId, _progress: Progress<'_>) {}
}
