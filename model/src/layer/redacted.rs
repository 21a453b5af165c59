//! Takes out of a request what the provider shall not see.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::cassette::Scrub;
use crate::loss::{Loss, LossKind};
use crate::wire::WireRequest;
use crate::{CallContext, EventStream, Model, ModelDescriptor, ModelError, Part, Request};

/// Changes a text so that it may be sent.
pub type Redaction = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// A model whose requests are redacted first: system text, messages, arguments and results of
/// tools. Pictures, files, reasoning and opaque items are passed on as they are, since a
/// changed one would be invalid.
pub struct Redacted {
    inner: Arc<dyn Model>,
    redaction: Redaction,
}

impl Redacted {
    /// Wraps a model with any redaction.
    pub fn new(inner: Arc<dyn Model>, redaction: Redaction) -> Self {
        Self { inner, redaction }
    }

    /// Wraps a model so that no key leaves.
    pub fn of_keys(inner: Arc<dyn Model>, scrub: Scrub) -> Self {
        Self::new(inner, Arc::new(move |text: &str| scrub.text(text)))
    }

    fn redact(&self, mut request: Request) -> Request {
        if let Some(system) = &mut request.system {
            *system = (self.redaction)(system);
        }
        for part in request
            .messages
            .iter_mut()
            .flat_map(|message| &mut message.parts)
        {
            match part {
                Part::Text { text } => *text = (self.redaction)(text),
                Part::ToolCall(call) => self.redact_value(&mut call.arguments),
                Part::ToolResult(result) => result.content = (self.redaction)(&result.content),
                Part::Image { .. }
                | Part::File { .. }
                | Part::Reasoning(_)
                | Part::Opaque { .. } => {}
            }
        }
        request
    }

    fn redact_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = (self.redaction)(text),
            Value::Array(all) => all.iter_mut().for_each(|one| self.redact_value(one)),
            Value::Object(map) => map.values_mut().for_each(|one| self.redact_value(one)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl std::fmt::Debug for Redacted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Redacted");
        shown
            .field("inner", self.inner.descriptor())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Model for Redacted {
    fn descriptor(&self) -> &ModelDescriptor {
        self.inner.descriptor()
    }

    fn check(&self, request: &Request) -> Vec<Loss> {
        let redacted = self.redact(request.clone());
        let mut losses = self.inner.check(&redacted);
        if redacted != *request {
            let message = "something that shall not be sent is taken out";
            losses.push(Loss::new("", LossKind::Content, message));
        }
        losses
    }

    fn encode(&self, request: &Request) -> Result<WireRequest, ModelError> {
        self.inner.encode(&self.redact(request.clone()))
    }

    async fn respond(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        self.inner.respond(self.redact(request), context).await
    }
}
