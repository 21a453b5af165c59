//! What a model says while it says it: typed events with part indexes, and one end.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reply::FailedAttempt;
use crate::{StopReason, Usage};

/// One event of a reply.
///
/// `Start` comes once, before everything but heartbeats and restarts. A part is opened by
/// `PartStart`, grows by deltas, and is closed by `PartEnd`; parts have indexes from 0 in the
/// order in which they were opened. `Usage` is cumulative: the last one counts. The last event
/// of a stream that did not fail is `Finish`, it comes once, and no part is open then.
/// `Restart` begins all of this anew. [`Fold`](crate::fold::Fold) checks every sentence of this.
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
    /// An attempt failed and another begins: forget every part so far. Layers send it.
    Restart(Box<FailedAttempt>),
    /// Something that this crate does not know, kept as it was received.
    Unknown {
        /// The dialect that it came in.
        dialect: String,
        /// The frame, or the part of it that is not understood.
        frame: Value,
    },
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
    /// A whole picture; no deltas.
    Image {
        /// The media type, for instance `image/png`.
        media_type: String,
        /// The bytes, base64.
        data: String,
    },
    /// A whole item that only its dialect understands; no deltas.
    Opaque {
        /// The dialect.
        dialect: String,
        /// The item.
        item: Value,
    },
}
