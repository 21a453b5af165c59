//! The dialect Gemini generateContent.
//!
//! Source: the published TypeScript types of `@google/genai` 2.32.0, interface `v1beta`.

mod contents;
mod decode;
mod encode;
mod hot;
mod usage;

pub(super) use decode::GeminiFrames;
pub(super) use encode::build;

pub(super) const NAME: &str = "gemini";
