//! What a model says while it says it: typed events with part indexes, and one end.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{StopReason, Usage};

/// One event of a reply.
///
/// A part is opened by `PartStart`, grows by deltas, and is closed by `PartEnd`; parts have
/// indexes from 0 in the order in which they were opened. `Usage` is cumulative. The last
/// event of a stream that did not fail is `Finish`, and it comes once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum Event {
    /// The backend began to answer.
    Start {
        /// The model as the backend reports it; may differ from the one asked for.
        model: String,
        /// The provider's id of the reply, empty when it gives none.
        response_id: String,
    },
    /// A part begins.
    PartStart {
        /// Its index.
        index: usize,
        /// What it is.
        part: PartKind,
    },
    /// Text, reasoning text or argument JSON grows.
    Delta {
        /// The part's index.
        index: usize,
        /// The piece to append.
        text: String,
    },
    /// A reasoning part received its signature or encrypted content (whole, not a piece).
    Signature {
        /// The part's index.
        index: usize,
        /// The signature.
        signature: String,
    },
    /// A part is complete.
    PartEnd {
        /// Its index.
        index: usize,
    },
    /// What the call used so far, in total.
    Usage(Usage),
    /// The connection lives, nothing was said.
    Heartbeat,
    /// The reply is complete.
    Finish {
        /// Why it ended.
        reason: StopReason,
        /// The provider's own word for the reason.
        raw_reason: String,
    },
}

/// The kind of a part that begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum PartKind {
    /// Text; deltas are text.
    Text,
    /// Reasoning; deltas are its readable text.
    Reasoning {
        /// The dialect that can take it back.
        dialect: String,
    },
    /// A tool call; deltas are pieces of its arguments' JSON text.
    ToolCall {
        /// The call's id.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// A whole item that only its dialect understands; no deltas.
    Opaque {
        /// The dialect.
        dialect: String,
        /// The item.
        item: Value,
    },
}
