//! The frames that make up nearly all of a stream, read without building JSON values.
//!
//! Whatever has any other form is left to the general reader, which gives the same events.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A frame that says one thing.
pub(super) struct HotFrame<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) model: Cow<'a, str>,
    pub(super) piece: HotPiece,
}

/// The one thing that is said.
pub(super) enum HotPiece {
    Text(String),
    Reasoning(String),
    /// A piece of the arguments of the call with this number.
    Arguments(u64, String),
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    choices: (Choice,),
    #[serde(default)]
    usage: Option<IgnoredAny>,
    #[serde(default)]
    x_groq: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delta {
    #[serde(default, rename = "role")]
    _role: Option<IgnoredAny>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    tool_calls: Option<(Call,)>,
    #[serde(default)]
    refusal: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    index: u64,
    function: Function,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Function {
    arguments: String,
}

impl<'a> HotFrame<'a> {
    pub(super) fn read(data: &'a str) -> Option<Self> {
        let frame: Frame<'a> = serde_json::from_str(data).ok()?;
        let choice = frame.choices.0;
        let is_plain = frame.usage.is_none()
            && frame.x_groq.is_none()
            && frame.error.is_none()
            && choice.index == 0
            && choice.finish_reason.is_none()
            && choice.error.is_none()
            && choice.delta.refusal.is_none();
        if !is_plain {
            return None;
        }
        let delta = choice.delta;
        let piece = match (delta.content, delta.reasoning_content, delta.tool_calls) {
            (Some(text), None, None) => HotPiece::Text(text),
            (None, Some(text), None) => HotPiece::Reasoning(text),
            (None, None, Some((call,))) => HotPiece::Arguments(call.index, call.function.arguments),
            _ => return None,
        };
        Some(Self {
            id: frame.id,
            model: frame.model,
            piece,
        })
    }
}
