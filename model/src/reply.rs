//! A complete reply, what it used, and why it ended.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Message, ModelError, Part, Role, Usage};

/// A complete reply: what the fold of its events gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The model as the backend reported it.
    pub model: String,
    /// The provider's id of the reply.
    pub response_id: String,
    /// What was said, in order.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub reason: StopReason,
    /// The provider's own word for the reason.
    pub raw_reason: String,
    /// What it used, in total; failed attempts are not in it.
    pub usage: Usage,
    /// The attempts that failed before this one, in order. They may have been billed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_attempts: Vec<FailedAttempt>,
    /// What the provider sent and this crate does not know, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Value>,
}

/// One attempt of a call that failed and was followed by another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// The provider that was asked.
    pub provider: String,
    /// The model that was asked.
    pub model: String,
    /// Why it failed, and what it had used.
    pub error: ModelError,
}

impl Reply {
    /// Makes a reply of the given parts with nothing else known: no id, no usage.
    pub fn of(model: impl Into<String>, parts: Vec<Part>, reason: StopReason) -> Self {
        Self {
            model: model.into(),
            response_id: String::new(),
            parts,
            reason,
            raw_reason: String::new(),
            usage: Usage::default(),
            failed_attempts: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Returns the text parts, joined.
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Returns the tool calls, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &crate::ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }

    /// Turns the reply into the assistant message that carries it on.
    pub fn into_message(self) -> Message {
        Message::of(Role::Assistant, self.parts)
    }
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// The model was done.
    End,
    /// The model waits for tool results.
    ToolCalls,
    /// The limit of output tokens was reached.
    OutputLimit,
    /// A stop text was written.
    StopText,
    /// The model or the provider's filter refused.
    Refusal,
    /// The context window is full.
    ContextLimit,
    /// The provider paused the turn; send the reply back to go on.
    Paused,
    /// Anything else; see the raw reason.
    Other,
}
