//! What a session's log says: the fold of its events. Pure; no clock, no store, no tool.

mod fold;

use std::collections::{BTreeMap, BTreeSet};

use layercake_model::{Message, ModelError, Part, StopReason, ToolCall, ToolResult, ToolSpec};
use serde_json::Value;

pub use fold::FoldError;

use crate::approval::Question;
use crate::budget::Spent;
use crate::contract::{Check, Contract};
use crate::rule::Rule;
use crate::session::{
    ApprovalDecided, Charge, ModelRequested, NoticeCause, Settlement, Started, SuspensionCause,
    ToolIntended,
};
use crate::{ApprovalId, Autonomy, Budget, CallId, Digest, SessionId, Timestamp};

/// Everything that a session's log says about where the agent stands.
#[derive(Debug, Clone)]
pub struct SessionState {
    /// How the session began.
    pub(crate) started: Started,
    /// How far the agent may act now.
    pub(crate) autonomy: Autonomy,
    /// What the agent may spend in all, as of the last start or resume.
    pub(crate) budget: Budget,
    /// What people decided beforehand, as of the last start or resume.
    pub(crate) rules: Vec<Rule>,
    /// The conversation so far, without the opening; only ever grows.
    pub(crate) entries: Vec<Entry>,
    /// The digest of system text, tools, opening and the entries that were digested, in order.
    pub(crate) conversation: Digest,
    /// How many entries are in that digest.
    pub(crate) digested: usize,
    /// The summaries that were made, the newest last; only that one is shown.
    pub(crate) summaries: Vec<Summary>,
    /// Whether the agent has the tool that reads results by their handles.
    pub(crate) has_handles: bool,
    /// The size of system text, tools and opening, in bytes.
    pub(crate) prefix_bytes: u64,
    /// Turns that have a reply.
    pub(crate) turns_replied: u32,
    /// Attempts to get a reply for the turn after those.
    pub(crate) attempts: u32,
    /// The model call that has no end yet.
    pub(crate) request: Option<ModelRequested>,
    /// Whether that call was made by an earlier process.
    pub(crate) request_is_stale: bool,
    /// Why the last model call failed, until another one is made.
    pub(crate) model_failure: Option<ModelError>,
    /// The newest reply, until the next one.
    pub(crate) last_reply: Option<LastReply>,
    /// The calls of the newest reply, in order.
    pub(crate) calls: Vec<CallState>,
    /// How many calls of each tool were made.
    pub(crate) calls_made: BTreeMap<String, u32>,
    /// Decisions by question.
    pub(crate) decisions: BTreeMap<ApprovalId, ApprovalDecided>,
    /// What was spent, in order.
    pub(crate) charges: Vec<Charge>,
    /// What was spent, in sum.
    pub(crate) spent: Spent,
    /// What the detectors count.
    pub(crate) watch: Watch,
    /// What the model reads at the next safe point, in order.
    pub(crate) queued: Vec<String>,
    /// The definition of done, when the session is work under a contract.
    pub(crate) contract: Option<Contract>,
    /// The checks of that work, in order.
    pub(crate) checks: Vec<Check>,
    /// The sessions below whose work is counted here.
    pub(crate) settled_below: BTreeSet<SessionId>,
    /// Why the session pauses, if it does.
    pub(crate) suspension: Option<SuspensionCause>,
    /// How the session ended, if it did.
    pub(crate) settlement: Option<Settlement>,
    /// The time of the newest record.
    pub(crate) last_at: Timestamp,
    /// The size of the next request as far as a reply has told it.
    pub(crate) window: WindowSize,
}

/// One step of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// The model spoke.
    Reply(Vec<Part>),
    /// The calls of a reply returned, in the order of the calls.
    Results {
        /// The turn of the reply.
        turn: u32,
        /// What they returned, whole.
        results: Vec<ToolResult>,
    },
    /// The model is told something.
    Told(String),
}

/// A summary that stands for the oldest entries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    /// The position of the first entry that is still shown.
    pub(crate) entries_before: usize,
    /// The text that stands for the ones before.
    pub(crate) text: String,
}

/// What the next step needs to know of the newest reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LastReply {
    pub(crate) text: String,
    pub(crate) reason: StopReason,
}

/// One call of the newest reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallState {
    pub(crate) id: CallId,
    pub(crate) call: ToolCall,
    pub(crate) status: CallStatus,
}

/// How far a call has come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CallStatus {
    /// The model asked for it.
    Wanted,
    /// A person was asked; the decision, if there is one, is in the state.
    Asked(Question),
    /// It is being made, or was when the process died.
    Intended(Box<OpenCall>),
    /// It has a result.
    Closed(ToolResult),
}

/// A call that is being made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenCall {
    pub(crate) intended: ToolIntended,
    /// When it was intended.
    pub(crate) at: Timestamp,
    /// What it started outside, in order.
    pub(crate) leases: Vec<Value>,
    /// Whether an earlier process made it.
    pub(crate) is_stale: bool,
    /// Whether another session made it, and this one was forked before its outcome.
    pub(crate) is_of_parent: bool,
}

/// What the detectors of idling, looping and hopeless repair count.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Watch {
    /// Replies in a row that neither said nor asked anything.
    pub(crate) idle: u32,
    /// Replies in a row that were cut off.
    pub(crate) truncated: u32,
    /// Answers in a row that did not fit the schema.
    pub(crate) misfits: u32,
    /// What the newest turn with calls asked and got.
    pub(crate) signature: Option<Digest>,
    /// How many turns in a row had that signature.
    pub(crate) repeated: u32,
    /// The newest notice but budget warnings, and the turn after which it was given.
    pub(crate) noticed: Option<(NoticeCause, u32)>,
    /// How many turns in a row asked for calls that the budget forbade, and the newest of them.
    pub(crate) unaffordable: (u32, u32),
    /// Whether the agent was warned of the end of its present budget.
    pub(crate) budget_warned: bool,
}

/// How large the next request is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct WindowSize {
    /// Tokens of everything up to the newest reply, as the model reported them; 0 if it did not.
    pub(crate) known_tokens: u64,
    /// Bytes that were added since then; of everything when nothing is known.
    pub(crate) new_bytes: u64,
}

impl SessionState {
    /// Says how the session ended; `None` while it has not.
    pub fn settlement(&self) -> Option<&Settlement> {
        self.settlement.as_ref()
    }

    /// Returns what the session has spent.
    pub fn spent(&self) -> &Spent {
        &self.spent
    }

    /// Returns everything that was spent, in order.
    pub fn charges(&self) -> &[Charge] {
        &self.charges
    }

    /// Returns the specification's digest that the session is pinned to.
    pub fn spec(&self) -> Digest {
        self.started.spec
    }

    /// Returns the number of turns that have a reply.
    pub fn turns(&self) -> u32 {
        self.turns_replied
    }

    /// Returns the conversation as messages, oldest first, as the model would see it now.
    pub fn messages(&self) -> Vec<Message> {
        crate::window::messages(self)
    }

    /// Returns the tools as the model sees them.
    pub(crate) fn tools(&self) -> &[ToolSpec] {
        &self.started.tools
    }

    /// Returns the summary that is shown.
    pub(crate) fn summary(&self) -> Option<&Summary> {
        self.summaries.last()
    }

    /// Returns everything that calls returned, by handle.
    pub(crate) fn past_results(&self) -> BTreeMap<String, String> {
        let turns = self.entries.iter().filter_map(|entry| match entry {
            Entry::Results { turn, results } => Some((*turn, results)),
            Entry::Reply(_) | Entry::Told(_) => None,
        });
        turns
            .flat_map(|(turn, results)| {
                results.iter().zip(0..).map(move |(result, index)| {
                    (CallId { turn, index }.to_string(), result.content.clone())
                })
            })
            .collect()
    }

    /// Returns the call with an id, among the calls of the newest reply.
    pub(crate) fn call(&self, id: CallId) -> Option<&CallState> {
        self.calls.iter().find(|call| call.id == id)
    }

    /// Says whether some call of the newest reply has no result yet.
    pub(crate) fn has_open_calls(&self) -> bool {
        self.calls
            .iter()
            .any(|call| !matches!(call.status, CallStatus::Closed(_)))
    }
}
