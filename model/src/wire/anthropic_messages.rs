//! The dialect Anthropic Messages.
//!
//! Source: the published TypeScript types of `@anthropic-ai/sdk` 1.10.0, API version
//! `2023-06-01`.

mod content;
mod decode;
mod encode;
mod hot;
mod usage;

pub(super) use decode::AnthropicFrames;
pub(super) use encode::build;

pub(super) const NAME: &str = "anthropic-messages";
