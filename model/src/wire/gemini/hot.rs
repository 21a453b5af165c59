//! The frames that make up nearly all of a stream, read without building JSON values.
//!
//! Whatever has any other form is left to the general reader, which gives the same events.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::usage::Counts;

/// A frame with one candidate of one text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HotFrame<'a> {
    #[serde(borrow)]
    candidates: (HotCandidate<'a>,),
    #[serde(default)]
    pub(super) usage_metadata: Option<Counts>,
    #[serde(borrow, default)]
    pub(super) model_version: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) response_id: Cow<'a, str>,
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(default)]
    prompt_feedback: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HotCandidate<'a> {
    #[serde(borrow)]
    content: HotContent<'a>,
    #[serde(default, rename = "index")]
    _index: Option<IgnoredAny>,
    #[serde(default, rename = "safetyRatings")]
    _safety_ratings: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct HotContent<'a> {
    #[serde(borrow)]
    parts: (HotPart<'a>,),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HotPart<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default)]
    thought: bool,
}

impl<'a> HotFrame<'a> {
    pub(super) fn read(data: &'a str) -> Option<Self> {
        let frame: Self = serde_json::from_str(data).ok()?;
        let is_plain = frame.error.is_none() && frame.prompt_feedback.is_none();
        is_plain.then_some(frame)
    }

    /// Returns the text, and whether it is reasoning.
    pub(super) fn text(&self) -> (&str, bool) {
        let part = &self.candidates.0.content.parts.0;
        (&part.text, part.thought)
    }
}
