//! The frames that make up nearly all of a stream, read without building JSON values.
//!
//! Whatever has any other form is left to the general reader, which gives the same events.

use serde::Deserialize;

/// A piece of text, reasoning or arguments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HotFrame<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) index: u64,
    #[serde(borrow)]
    pub(super) delta: HotDelta<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HotDelta<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
}

/// What a piece is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HotKind {
    Text,
    Thinking,
    Arguments,
}

impl<'a> HotFrame<'a> {
    pub(super) fn read(data: &'a str) -> Option<Self> {
        let frame: Self = serde_json::from_str(data).ok()?;
        (frame.kind == "content_block_delta").then_some(frame)
    }

    /// Returns what the piece is of, and the piece.
    pub(super) fn piece(self) -> Option<(HotKind, String)> {
        let delta = self.delta;
        let (kind, piece) = match delta.kind {
            "text_delta" => (HotKind::Text, delta.text),
            "thinking_delta" => (HotKind::Thinking, delta.thinking),
            "input_json_delta" => (HotKind::Arguments, delta.partial_json),
            _ => return None,
        };
        Some((kind, piece?))
    }
}
