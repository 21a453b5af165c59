//! A complete reply, what it used, and why it ended.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Message, Part, Role};

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
    /// What it used, in total.
    pub usage: Usage,
}

impl Reply {
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

/// The tokens of one call, as a partition: the classes add up to the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Input tokens that no cache served.
    pub input_tokens: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read_tokens: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Output tokens without reasoning.
    pub output_tokens: u64,
    /// Reasoning tokens.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// Returns the sum of all classes.
    pub fn total_tokens(&self) -> u64 {
        self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
            + self.output_tokens
            + self.reasoning_tokens
    }
}

/// The price of a million tokens of each class, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Input that no cache served.
    pub input: Decimal,
    /// Input read from a cache.
    pub cache_read: Decimal,
    /// Input written to a cache.
    pub cache_write: Decimal,
    /// Output, reasoning included.
    pub output: Decimal,
}

impl Price {
    /// Returns what the usage costs, exactly, in US dollars.
    pub fn cost(&self, usage: &Usage) -> Decimal {
        let per_million = self.input * Decimal::from(usage.input_tokens)
            + self.cache_read * Decimal::from(usage.cache_read_tokens)
            + self.cache_write * Decimal::from(usage.cache_write_tokens)
            + self.output * Decimal::from(usage.output_tokens + usage.reasoning_tokens);
        per_million / Decimal::from(1_000_000)
    }
}
