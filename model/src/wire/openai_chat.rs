//! The dialect OpenAI Chat Completions, as its many speakers really speak it.
//!
//! Source: the published TypeScript types of `openai` 6.49, and the bugs listed in
//! `tests/it/provider_bugs.rs`.

mod decode;
mod encode;
mod hot;
mod message;
mod usage;

pub(super) use decode::ChatFrames;
pub(super) use encode::build;

pub(super) const NAME: &str = "openai-chat";
