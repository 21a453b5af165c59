//! A stateless client for any language model, behind one trait.

mod call_context;
mod descriptor;
mod error;
mod estimate;
mod event;
mod fold;
mod limits;
mod loss;
mod model;
mod reply;
mod request;
mod usage;

#[cfg(feature = "http")]
mod http;
mod scripted;

mod cassette;
mod layer;
mod structured;
mod wire;

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
