//! The events of tool calls and approvals. Stored: fields are only ever added.

use layercake_model::ToolCall;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::Question;
use crate::tool::Below;
use crate::{ApprovalId, Autonomy, CallId, Digest, EffectClass};

/// A tool is about to be called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolIntended {
    /// The call.
    pub id: CallId,
    /// What the model asked for.
    pub call: ToolCall,
    /// The class of the tool at the time of the call; recovery goes by it.
    pub class: EffectClass,
    /// The digest of the arguments.
    pub arguments: Digest,
    /// Who says that it may be made; an approval is used up by it.
    pub grant: Grant,
    /// What the tool noted about the world before the call, for its probe after a crash.
    pub mark: Option<Value>,
}

/// Who says that a call may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// The autonomy level, which whoever runs the agent chose.
    Autonomy(Autonomy),
    /// A rule, which spared a person the question.
    Rule {
        /// The rule.
        name: String,
        /// Who decided it.
        by: String,
        /// Why.
        why: String,
    },
    /// A person, who approved this call with these arguments, once.
    Approval(ApprovalId),
    /// Nobody was written down: format 1 knew approvals only.
    Unrecorded,
}

/// A call started something outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolStarted {
    /// The call.
    pub id: CallId,
    /// How to find it again: for a process its id and group.
    pub lease: Value,
}

/// A call ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSettled {
    /// The call.
    pub id: CallId,
    /// What the tool returned, within the tool's output limit.
    pub content: String,
    /// Whether the tool failed.
    pub is_error: bool,
    /// How the result came about after a crash: repeated, or looked up. `None` otherwise.
    pub recovery: Option<String>,
    /// What agents below this one did for the call.
    pub below: Below,
    /// What an operator may want to see: exit codes, hashes of files before and after.
    pub evidence: Option<Value>,
}

/// A call was never made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolRefused {
    /// The call.
    pub id: CallId,
    /// Why.
    pub cause: RefusalCause,
    /// What the model is told.
    pub message: String,
}

/// Why a call was never made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCause {
    /// There is no such tool.
    UnknownTool,
    /// The arguments do not fit the tool's schema.
    InvalidArguments,
    /// The autonomy level does not allow it.
    NotAllowed,
    /// A person said no.
    Rejected,
    /// A budget is used up.
    Budget,
    /// The reply asked for more calls than one turn may have.
    TooMany,
}

/// A call may or may not have happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUnknown {
    /// The call.
    pub id: CallId,
    /// What is known; the model reads it.
    pub explanation: String,
}

/// A person is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalAsked {
    /// The question.
    pub question: Question,
}

/// A person, or a rule in a person's name, decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalDecided {
    /// The question.
    pub id: ApprovalId,
    /// Yes or no.
    pub verdict: Verdict,
    /// Who decided.
    pub by: String,
    /// Why, in their words; empty when they gave none.
    pub why: String,
    /// The text that was asked for, when that was the question.
    pub answer: Option<String>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Reject,
}
