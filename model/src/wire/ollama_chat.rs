//! The dialect of Ollama's own chat endpoint: lines of JSON, arguments as objects, no ids.
//!
//! Source: the interface page of Ollama, and what the project's issues say of it.

mod decode;
mod encode;

pub(super) use decode::OllamaFrames;
pub(super) use encode::build;

pub(super) const NAME: &str = "ollama-chat";
