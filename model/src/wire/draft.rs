//! A request in the making: the body so far, and what got lost on the way.

use serde_json::{Map, Value};

use super::{Target, WireRequest};
use crate::{Loss, LossKind, ModelError, Request};

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
