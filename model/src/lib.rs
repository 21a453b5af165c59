//! A stateless client for any language model, behind one trait.
//!
//! A [`Model`] turns an immutable [`Request`] into a stream of typed [`Event`]s; [`collect`]
//! folds the stream into a [`Reply`]. [`Providers`] opens models by name; layers such as
//! [`Retrying`] and [`Budgeted`] wrap one model in another; [`ask_structured`] gets an answer in
//! a given shape.
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
//! [`Event`] and checked by [`Fold`]; for a reply that comes at once,
//! [`Reply::into_stream`] keeps it. Everything else in this crate then works with it.
//!
//! ```
#![doc = include_str!("../examples/own_model.rs")]
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod call_context;
mod descriptor;
mod error;
mod event;
mod fold;
mod loss;
mod model;
mod reply;
mod request;
mod usage;

mod estimate;
mod limits;

#[cfg(feature = "http")]
mod http;
mod scripted;
mod wire;

mod cassette;
mod layer;
mod structured;

mod price_table;
mod provider;
mod providers;
mod secret;
mod spec;

pub use call_context::CallContext;
pub use cassette::{Cassette, RecordedCall, Scrub};
pub use descriptor::{AnswerMeans, ModelDescriptor};
pub use error::{ModelError, ModelErrorKind, Remedy};
pub use event::{Event, PartKind};
pub use fold::{Fold, collect};
#[cfg(feature = "http")]
pub use http::{Endpoint, HttpClient, HttpModel};
pub use layer::{
    BrokenStream, BudgetLimits, Budgeted, Cached, CassetteMatch, Chaos, Chaotic, Fallback, Limited,
    ModelBudget, RateLimited, RateLimits, Recorded, Redacted, Redaction, Replaying, RetryPolicy,
    Retrying, RouteRule, Routed, Spent,
};
pub use loss::{Loss, LossKind};
pub use model::{EventStream, Model};
pub use price_table::{PriceRow, PriceTable};
pub use provider::{AuthForm, KeyNeed, Provider};
pub use providers::Providers;
pub use reply::{FailedAttempt, Reply, StopReason};
pub use request::{
    AnswerSchema, Effort, Message, Part, Reasoning, Request, Role, Sampling, ToolCall, ToolChoice,
    ToolResult, ToolSpec,
};
pub use scripted::ScriptedModel;
pub use secret::Secret;
pub use spec::ModelSpec;
pub use structured::{Attempt, StructuredAnswer, StructuredError, Worth, ask_structured};
pub use usage::{LongInputPrice, Price, Usage};
pub use wire::{
    CallIdForm, Decoder, Delivery, Dialect, EffortForm, OutputLimitField, Quirks, ReasoningBack,
    ReplyHead, RequiredWord, SseDecoder, SseFrame, Target, WireRequest,
};
