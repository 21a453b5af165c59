//! Wire dialects as pure codecs: requests into bytes, bytes into events. No I/O in here.

mod anthropic_messages;
mod classify;
mod decoder;
mod dialect;
mod draft;
mod emitter;
mod gemini;
mod openai_chat;
mod openai_responses;
mod quirks;
mod request;
mod schema;
mod speech;
mod sse;
mod turns;

pub use classify::ReplyHead;
pub use decoder::Decoder;
pub use dialect::{Delivery, Dialect, Target};
pub use quirks::{CallIdForm, EffortForm, OutputLimitField, Quirks, ReasoningBack, RequiredWord};
pub use request::WireRequest;
pub use sse::{SseDecoder, SseFrame};
