//! A request in the making: the body so far, and what got lost on the way.

use serde_json::{Map, Value};

use super::{Target, WireRequest};
use crate::loss::{Loss, LossKind};
use crate::{ModelError, Request};

/// What every part of an encoder reads and writes.
pub(super) struct Draft<'a> {
    pub(super) request: &'a Request,
    pub(super) target: &'a Target,
    pub(super) body: Map<String, Value>,
    pub(super) losses: Vec<Loss>,
}

/// What a request becomes, and what it loses.
pub(super) type Encoded = (WireRequest, Vec<Loss>);

impl<'a> Draft<'a> {
    pub(super) fn new(request: &'a Request, target: &'a Target) -> Self {
        Self {
            request,
            target,
            body: Map::new(),
            losses: Vec::new(),
        }
    }

    pub(super) fn put(&mut self, field: &str, value: impl Into<Value>) {
        self.body.insert(field.to_owned(), value.into());
    }

    pub(super) fn lose(
        &mut self,
        at: impl Into<String>,
        kind: LossKind,
        message: impl Into<String>,
    ) {
        self.losses.push(Loss::new(at, kind, message));
    }

    /// Writes temperature and nucleus, for a model that takes them.
    pub(super) fn put_temperature(&mut self) {
        let mut fixed = self.target.quirks.fixed_sampling.iter();
        let is_fixed = fixed.any(|start| self.target.model.starts_with(start));
        let sampling = &self.request.sampling;
        for (name, value) in [
            ("temperature", sampling.temperature),
            ("top_p", sampling.top_p),
        ] {
            match value {
                None => {}
                Some(value) if !is_fixed => self.put(name, value),
                Some(_) => {
                    let message = "the model draws its tokens in its own way; it is left out";
                    self.lose(format!("sampling.{name}"), LossKind::Sampling, message);
                }
            }
        }
    }

    /// Leaves out the fields that the provider rejects.
    pub(super) fn drop_rejected(&mut self) {
        for field in &self.target.quirks.rejected_fields {
            // Without it the usage may be missing from a stream; nothing of the request is.
            if self.body.remove(field).is_none() || field == "stream_options" {
                continue;
            }
            let kind = match field.as_str() {
                "metadata" => LossKind::Metadata,
                "tool_choice" => LossKind::ToolChoice,
                "response_format" => LossKind::AnswerSchema,
                _ => LossKind::Sampling,
            };
            let message = format!("the provider rejects the field {field}; it is left out");
            self.lose(field, kind, message);
        }
    }

    /// Ends the draft. Options of the request for the provider are laid over the body.
    pub(super) fn finish(
        self,
        path: impl Into<String>,
        dialect: &str,
    ) -> Result<Encoded, ModelError> {
        let wire = WireRequest::of_body(path, self.body, dialect, self.request, self.target)?;
        Ok((wire, self.losses))
    }
}
