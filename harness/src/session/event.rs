//! What can happen in a session, as data. Stored: variants and fields are only ever added.

use layercake_model::{ModelError, Reply, ToolSpec, Usage};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fork::Fork;
use super::tool_event::{
    ApprovalAsked, ApprovalDecided, ToolIntended, ToolRefused, ToolSettled, ToolStarted,
    ToolUnknown,
};
use crate::approval::Question;
use crate::contract::{Check, Contract};
use crate::rule::Rule;
use crate::spec::ParentCall;
use crate::tool::Below;
use crate::{Autonomy, Budget, Digest, SessionId};

/// One thing that happened in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "kebab-case")]
pub enum SessionEvent {
    /// The agent was set to work. Always the first event, and only the first.
    Started(Box<Started>),
    /// The session goes on from a point of another one, whose records up to there come before
    /// this. The first event of a session that was forked, and only there.
    Forked(Fork),
    /// The model is about to be asked; durable before the call.
    ModelRequested(ModelRequested),
    /// The model answered or failed.
    ModelSettled(Box<ModelSettled>),
    /// A tool is about to be called; durable before the call, and uses up its approval.
    ToolIntended(ToolIntended),
    /// A call started something outside that can be found again, for instance a process.
    ToolStarted(ToolStarted),
    /// A call ended and what it returned is known.
    ToolSettled(ToolSettled),
    /// A call was never made; the model is told why.
    ToolRefused(ToolRefused),
    /// A call may or may not have happened; the model is told exactly that.
    ToolUnknown(ToolUnknown),
    /// A person is asked; durable before the asking.
    ApprovalAsked(ApprovalAsked),
    /// A person, or a rule in a person's name, decided.
    ApprovalDecided(ApprovalDecided),
    /// Something was spent.
    BudgetCharged(Charge),
    /// The harness tells the model something.
    Noticed(Notice),
    /// A person tells the agent something while it works.
    Steered(Steering),
    /// Older parts of the conversation were replaced by a summary in what the model sees.
    Compacted(Compaction),
    /// The newest summary is no longer used; what it stood for is shown again.
    CompactionUndone,
    /// Work under a contract: the definition of done is settled.
    Contracted(Contract),
    /// Work under a contract: an attempt was checked.
    Checked(Check),
    /// Work under a contract: a session below has ended, and what it did is counted here.
    BelowSettled(BelowSettled),
    /// The session pauses; it can be resumed.
    Suspended(Suspension),
    /// A process took the session up again; calls left open before this are to be reconciled.
    Resumed(Resumption),
    /// The session ended. Always the last event.
    Settled(Settlement),
}

/// How the session began: everything that the prefix of every request is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// The digest of the specification that the session is pinned to.
    pub spec: Digest,
    /// The agent's name.
    pub agent: String,
    /// The call that the agent works for, when it is a sub-agent.
    pub parent: Option<ParentCall>,
    /// The alias of the model.
    pub model: String,
    /// The goal, in the words of whoever set it.
    pub goal: String,
    /// The system text as the model sees it, for the whole session.
    pub system: String,
    /// The first user message as the model sees it.
    pub opening: String,
    /// The tools as the model sees them, in order.
    pub tools: Vec<ToolSpec>,
    /// How many bytes of the results of one turn the model is shown.
    pub turn_bytes_shown: u64,
    /// The JSON Schema of the answer, when it must have one.
    pub answer_schema: Option<Value>,
    /// How far the agent may act alone.
    pub autonomy: Autonomy,
    /// What it may spend.
    pub budget: Budget,
    /// What people decided beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// A model call is about to happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelRequested {
    /// What the call is for.
    pub purpose: CallPurpose,
    /// The turn, from 1.
    pub turn: u32,
    /// The attempt within the turn, from 1.
    pub attempt: u32,
    /// The digest of the request.
    pub request: Digest,
    /// Tokens set aside for the call: its input, estimated, and the most output it may have.
    pub reserved_tokens: u64,
    /// The estimated part of the reservation that is input.
    pub input_tokens: u64,
    /// Money set aside for the call, in US dollars; `None` when the price is unknown.
    pub reserved_usd: Option<Decimal>,
}

/// What a model call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallPurpose {
    /// The next turn.
    Turn,
    /// A summary of older turns.
    Compaction,
}

impl CallPurpose {
    /// Returns the word that keys use.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Compaction => "compaction",
        }
    }
}

/// A model call ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSettled {
    /// What the call was for.
    pub purpose: CallPurpose,
    /// The turn, from 1.
    pub turn: u32,
    /// The attempt within the turn, from 1.
    pub attempt: u32,
    /// What came back.
    pub outcome: ModelOutcome,
}

/// What came back from a model call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelOutcome {
    /// A complete reply.
    Replied(Reply),
    /// An error.
    Failed(ModelError),
    /// The process died while the model answered; the call was billed, the answer is lost.
    Lost,
}

/// Something was spent: one entry for each billable attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    /// What it was spent for.
    pub cause: CostCause,
    /// The model as reported; empty when no model was paid.
    pub model: String,
    /// The tokens; an estimate when `usd` stayed unknown because the process died.
    pub usage: Usage,
    /// The money in US dollars; `None` when it is unknown, which is not zero.
    pub usd: Option<Decimal>,
}

/// What money was spent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CostCause {
    /// The work itself.
    Productive,
    /// A failed attempt that was made again, or an answer that had to be repaired.
    Retry,
    /// Another model, because the first failed.
    Fallback,
    /// Shrinking a context window.
    Compaction,
    /// Writing to or reading from memory.
    Memory,
    /// Checking an answer.
    Evaluator,
    /// Planning.
    Planner,
    /// Work done again after a person said no.
    ApprovalRedo,
    /// Work that was thrown away.
    Abandoned,
}

/// The harness tells the model something, as a user message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Why it is said.
    pub cause: NoticeCause,
    /// What the model reads.
    pub text: String,
}

/// Why the harness tells the model something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeCause {
    /// A budget is nearly used up.
    BudgetWarning,
    /// The answer does not fit its schema.
    AnswerRepair,
    /// The model said nothing.
    Idle,
    /// The same call was made again and again.
    Looping,
    /// The reply was cut off at the limit of output tokens.
    Truncated,
}

/// A person tells the agent something while it works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Steering {
    /// Who.
    pub by: String,
    /// What the model reads.
    pub text: String,
}

/// A summary stands for the oldest part of the conversation in what the model sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compaction {
    /// The entries of the conversation that the summary stands for: all before this position.
    pub entries_before: usize,
    /// The summary that the model reads.
    pub summary: String,
    /// The estimated size before, in tokens.
    pub tokens_before: u64,
    /// The estimated size after, in tokens; always smaller.
    pub tokens_after: u64,
}

/// A session below has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BelowSettled {
    /// The session.
    pub session: SessionId,
    /// What it did, which counts here.
    pub below: Below,
}

/// The session pauses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspension {
    /// Why.
    pub cause: SuspensionCause,
}

/// Why a session pauses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspensionCause {
    /// People were asked and have not answered yet.
    Waiting(Vec<Question>),
    /// A tool waits for something that takes longer than this process.
    ToolWaiting(String),
    /// A budget is used up; a larger one lets the session go on.
    Budget(crate::BudgetKind),
    /// The model could not be asked.
    ModelFailed(ModelError),
    /// Whoever runs the agent stopped it.
    Interrupted,
}

/// A process took the session up again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resumption {
    /// How far the agent may act alone from here on.
    pub autonomy: Autonomy,
    /// What it may spend in all, counted from the beginning of the session.
    pub budget: Budget,
    /// What people decided beforehand, from here on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// How the session ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settlement {
    /// The agent answered.
    Finished {
        /// The text of the answer.
        text: String,
        /// The answer as data, when the specification has a schema for it.
        answer: Option<Value>,
    },
    /// The harness stopped the agent for good.
    Stopped(StopCause),
    /// The agent could not answer.
    Failed {
        /// What happened, for people.
        problem: String,
    },
}

/// Why the harness stops an agent for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopCause {
    /// The same call was made again and again, also after a warning.
    Looping,
    /// The model said nothing, also after a warning.
    Idle,
    /// The model or its provider refused.
    Refused,
}
