//! A stateless client for any language model, behind one trait.
//!
//! A [`Model`] turns an immutable [`Request`] into a stream of typed [`Event`]s; [`collect`]
//! folds the stream into a [`Reply`]. [`Providers`] opens models by name; layers such as
//! [`Retrying`](layer::Retrying) and [`Budgeted`](layer::Budgeted) wrap one model in another;
//! [`ask_structured`](structured::ask_structured) gets an answer in a given shape. The words that
//! every caller needs stand here; the rest is in the module that it belongs to.
//!
//! ```
//! use layercake_model::{CallContext, Message, Providers, Request, collect};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let spec = "scripted".parse()?; // or "anthropic/claude-sonnet-4-5", "ollama/llama3"
//! let no_key = |_: &str| None;
//! let model = Providers::builtin().open(&spec, &no_key)?;
//! let request = Request {
//!     messages: vec![Message::user("Good day!")],
//!     ..Request::default()
//! };
//! let reply = collect(model.respond(request, CallContext::default()).await?).await?;
//! assert!(reply.text().contains("Good day!"));
//! # Ok(())
//! # }
//! ```
//!
//! # Your own model in forty lines
//!
//! Implement [`Model`]: describe yourself, and answer with events. Order is promised by
//! [`Event`] and checked by [`Fold`](fold::Fold); for a reply that comes at once,
//! [`Reply::into_stream`] keeps it. Everything else in this crate then works with it.
//!
//! ```
#![doc = include_str!("../examples/own_model.rs")]
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod call_context;
pub mod descriptor;
pub mod error;
pub mod event;
pub mod fold;
pub mod loss;
mod model;
pub mod reply;
pub mod request;
pub mod usage;

mod estimate;
mod limits;

#[cfg(feature = "http")]
pub mod http;
mod scripted;
pub mod services;
pub mod wire;

pub mod cassette;
pub mod layer;
pub mod partial_json;
pub mod structured;

pub mod price_table;
pub mod provider;
mod providers;
mod secret;
mod spec;

pub use call_context::CallContext;
pub use descriptor::ModelDescriptor;
pub use error::{ModelError, ModelErrorKind};
pub use event::Event;
pub use fold::collect;
pub use model::{EventStream, Model};
pub use providers::Providers;
pub use reply::{Reply, StopReason};
pub use request::{
    AnswerSchema, Message, Part, Request, Role, Sampling, ToolCall, ToolChoice, ToolResult,
    ToolSpec,
};
pub use scripted::ScriptedModel;
pub use secret::Secret;
pub use usage::{Price, Usage};
