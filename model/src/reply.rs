//! A complete reply, what it used, and why it ended.

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::PartKind;
use crate::{Event, EventStream, Message, ModelError, Part, Role, Usage};

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

    /// Turns the reply into the events that a stream of it would have had; folding them gives
    /// it back. For models that answer at once.
    ///
    /// Parts that a model cannot say (files, tool results) are left out.
    pub fn into_events(self) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        events.extend(
            self.failed_attempts
                .into_iter()
                .map(|attempt| Event::Restart(Box::new(attempt))),
        );
        events.push(Event::Start {
            model: self.model,
            response_id: self.response_id,
        });
        let mut index = 0;
        for part in self.parts {
            if let Some((kind, text, signature)) = growing(part) {
                events.push(Event::PartStart { index, part: kind });
                if !text.is_empty() {
                    events.push(Event::Delta { index, text });
                }
                events.extend(signature.map(|signature| Event::Signature { index, signature }));
                events.push(Event::PartEnd { index });
                index += 1;
            }
        }
        events.extend(self.unknown.into_iter().map(|frame| Event::Unknown {
            dialect: String::new(),
            frame,
        }));
        events.push(Event::Usage(self.usage));
        events.push(Event::Finish {
            reason: self.reason,
            raw_reason: self.raw_reason,
        });
        events
    }

    /// Turns the reply into a stream of its events.
    pub fn into_stream(self) -> EventStream {
        stream::iter(self.into_events().into_iter().map(Ok)).boxed()
    }

    /// Turns the reply into the assistant message that carries it on.
    pub fn into_message(self) -> Message {
        Message::of(Role::Assistant, self.parts)
    }
}

/// Takes a part apart: what it begins as, its text, its signature.
fn growing(part: Part) -> Option<(PartKind, String, Option<String>)> {
    match part {
        Part::Text { text } => Some((PartKind::Text, text, None)),
        Part::Image { media_type, data } => {
            Some((PartKind::Image { media_type, data }, String::new(), None))
        }
        Part::ToolCall(call) => {
            let (id, name) = (call.id, call.name);
            let text = match call.arguments {
                // It was not JSON when it came.
                Value::String(text) => text,
                arguments => arguments.to_string(),
            };
            Some((PartKind::ToolCall { id, name }, text, None))
        }
        Part::Reasoning(reasoning) => {
            let dialect = reasoning.dialect;
            Some((
                PartKind::Reasoning { dialect },
                reasoning.text,
                reasoning.signature,
            ))
        }
        Part::Opaque { dialect, item } => {
            Some((PartKind::Opaque { dialect, item }, String::new(), None))
        }
        Part::File { .. } | Part::ToolResult(_) => None,
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
