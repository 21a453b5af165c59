//! The frames that make up nearly all of a stream, read without building JSON values.
//!
//! Whatever has any other form is left to the general reader, which gives the same events.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A piece of text, reasoning or arguments.
#[derive(Deserialize)]
pub(super) struct HotFrame<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(default)]
    pub(super) output_index: u64,
    #[serde(default)]
    pub(super) content_index: u64,
    #[serde(default)]
    pub(super) summary_index: u64,
    #[serde(borrow)]
    pub(super) delta: Cow<'a, str>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

impl<'a> HotFrame<'a> {
    pub(super) fn read(data: &'a str) -> Option<Self> {
        let frame: Self = serde_json::from_str(data).ok()?;
        frame.error.is_none().then_some(frame)
    }
}
