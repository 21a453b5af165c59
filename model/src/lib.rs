//! A stateless client for any language model, behind one trait.

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
mod wire;

pub use call_context::CallContext;
pub use descriptor::{AnswerMeans, ModelDescriptor};
pub use error::{ModelError, ModelErrorKind, Remedy};
pub use event::{Event, PartKind};
pub use fold::{Fold, collect};
pub use loss::{Loss, LossKind};
pub use model::{EventStream, Model};
pub use reply::{FailedAttempt, Reply, StopReason};
pub use request::{
    AnswerSchema, Effort, Message, Part, Reasoning, Request, Role, Sampling, ToolCall, ToolChoice,
    ToolResult, ToolSpec,
};
pub use usage::{Price, Usage};
pub use wire::WireRequest;
