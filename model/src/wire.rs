//! Wire dialects as pure codecs: requests into bytes, bytes into events. No I/O in here.

mod anthropic_messages;
#[cfg(feature = "bedrock")]
mod aws_events;
#[cfg(feature = "bedrock")]
mod bedrock_converse;
mod classify;
mod decoder;
mod dialect;
mod draft;
mod emitter;
mod gemini;
#[cfg(feature = "ollama")]
mod lines;
#[cfg(feature = "ollama")]
mod ollama_chat;
mod openai_chat;
mod openai_responses;
mod quirks;
mod request;
mod schema;
#[cfg(feature = "http")]
pub(crate) mod services;
mod speech;
mod sse;
mod turns;

pub use classify::ReplyHead;
pub use decoder::Decoder;
pub use dialect::{Delivery, Dialect, Target};
pub use quirks::{CallIdForm, EffortForm, OutputLimitField, Quirks, ReasoningBack, RequiredWord};
pub use request::WireRequest;
pub use sse::{SseDecoder, SseFrame};
