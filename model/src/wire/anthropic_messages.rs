//! The dialect Anthropic Messages.
//!
//! Source: the published TypeScript types of `@anthropic-ai/sdk` 1.10.0, API version
//! `2023-06-01`.

mod decode;
mod encode;
mod usage;

pub(super) use decode::AnthropicFrames;
pub(super) use encode::{check, encode};

pub(super) const NAME: &str = "anthropic-messages";

#[cfg(test)]
mod tests;
