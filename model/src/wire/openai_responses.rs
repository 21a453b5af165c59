//! The dialect OpenAI Responses, used without state on the provider's side.
//!
//! Source: the published TypeScript types of `openai` 6.49.

mod decode;
mod encode;
mod hot;
mod items;
mod output;

pub(super) use decode::ResponseFrames;
pub(super) use encode::build;

pub(super) const NAME: &str = "openai-responses";
/// The type of the opaque part that carries the phase of the message behind it.
const PHASE_TYPE: &str = "phase";
