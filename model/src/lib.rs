//! A stateless client for any language model, behind one trait.

mod call_context;
mod descriptor;
mod error;
mod event;
mod model;
mod reply;
mod request;

pub use call_context::CallContext;
pub use descriptor::ModelDescriptor;
pub use error::{ModelError, ModelErrorKind, Remedy};
pub use event::{Event, PartKind};
pub use model::{EventStream, Model};
pub use reply::{Price, Reply, StopReason, Usage};
pub use request::{
    AnswerSchema, Effort, Message, Part, Reasoning, Request, Role, Sampling, ToolCall, ToolChoice,
    ToolResult, ToolSpec,
};
