//! Asks the next model when one cannot answer.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;

use super::retrying::BrokenStream;
use super::routed::common_descriptor;
use super::watch::with_unheard;
use crate::loss::Loss;
use crate::reply::FailedAttempt;
use crate::wire::WireRequest;
use crate::{
    CallContext, Event, EventStream, Model, ModelDescriptor, ModelError, ModelErrorKind, Request,
};

/// Several models in order of preference. The next one is asked when a call fails for a reason
/// that lies with the model or its provider; the failure is reported as [`Event::Restart`].
///
/// Put [`Retrying`](crate::layer::Retrying) inside, around each model, so that one short failure does
/// not change the model.
pub struct Fallback {
    models: Vec<Arc<dyn Model>>,
    descriptor: ModelDescriptor,
    broken_stream: BrokenStream,
}

impl Fallback {
    /// Makes a fallback from a first model and the ones that follow.
    ///
    /// It describes itself as the first; its price is known only if all have the same.
    pub fn new(first: Arc<dyn Model>, others: Vec<Arc<dyn Model>>) -> Self {
        let mut models = vec![first];
        models.extend(others);
        Self {
            descriptor: common_descriptor(&models),
            models,
            broken_stream: BrokenStream::Restart,
        }
    }

    /// Sets what happens when a stream breaks after its first part began.
    #[must_use]
    pub fn with_broken_stream(mut self, broken_stream: BrokenStream) -> Self {
        self.broken_stream = broken_stream;
        self
    }
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.models.iter().map(|model| &model.descriptor().model);
        formatter.debug_list().entries(names).finish()
    }
}

#[async_trait]
impl Model for Fallback {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    /// What the first model would lose; the others may lose more.
    fn check(&self, request: &Request) -> Vec<Loss> {
        self.models[0].check(request)
    }

    fn encode(&self, request: &Request) -> Result<WireRequest, ModelError> {
        self.models[0].encode(request)
    }

    async fn respond(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let mut call = Call {
            waiting: self.models.iter().cloned().collect(),
            current: None,
            broken_stream: self.broken_stream,
            request,
            context,
            has_parts: false,
            ready: VecDeque::new(),
        };
        call.begin()
            .await
            .map_err(|error| with_unheard(error, &call.ready))?;
        let events = stream::unfold(Some(call), |call| async move {
            let mut call = call?;
            match call.next().await {
                Ok(Some(event)) => Some((Ok(event), Some(call))),
                Ok(None) => None,
                Err(error) => Some((Err(with_unheard(error, &call.ready)), None)),
            }
        });
        Ok(events.boxed())
    }
}

/// One call with the models that were not asked yet.
struct Call {
    waiting: VecDeque<Arc<dyn Model>>,
    current: Option<(Arc<dyn Model>, EventStream)>,
    broken_stream: BrokenStream,
    request: Request,
    context: CallContext,
    has_parts: bool,
    ready: VecDeque<Event>,
}

impl Call {
    /// Asks the models in turn until one answers.
    async fn begin(&mut self) -> Result<(), ModelError> {
        while let Some(model) = self.waiting.pop_front() {
            self.has_parts = false;
            match model
                .respond(self.request.clone(), self.context.clone())
                .await
            {
                Ok(events) => {
                    self.current = Some((model, events));
                    return Ok(());
                }
                Err(error) => self.note(&*model, error)?,
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Event>, ModelError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some((_, events)) = &mut self.current else {
                return Ok(None);
            };
            match events.next().await {
                Some(Ok(event)) => {
                    self.has_parts |= matches!(event, Event::PartStart { .. });
                    return Ok(Some(event));
                }
                None => return Ok(None),
                Some(Err(error)) => {
                    let is_final = self.has_parts && self.broken_stream == BrokenStream::Fail;
                    let Some((model, _)) = self.current.take().filter(|_| !is_final) else {
                        return Err(error);
                    };
                    self.note(&*model, error)?;
                    self.begin().await?;
                }
            }
        }
    }

    /// Notes the failure of a model, or returns it when no other model shall be asked.
    fn note(&mut self, model: &dyn Model, error: ModelError) -> Result<(), ModelError> {
        if self.waiting.is_empty() || !is_the_models_fault(error.kind) {
            return Err(error);
        }
        let descriptor = model.descriptor();
        tracing::debug!(model = %descriptor.model, kind = ?error.kind, "asking the next model");
        self.ready.push_back(Event::Restart(Box::new(FailedAttempt {
            provider: descriptor.provider.clone(),
            model: descriptor.model.clone(),
            error,
        })));
        Ok(())
    }
}

/// Whether another model might do better with the same request.
fn is_the_models_fault(kind: ModelErrorKind) -> bool {
    match kind {
        ModelErrorKind::RateLimited
        | ModelErrorKind::Overloaded
        | ModelErrorKind::Unreachable
        | ModelErrorKind::Timeout
        | ModelErrorKind::Interrupted
        | ModelErrorKind::Server
        | ModelErrorKind::ContextOverflow
        | ModelErrorKind::Authentication
        | ModelErrorKind::Permission
        | ModelErrorKind::UnknownModel
        | ModelErrorKind::Quota
        | ModelErrorKind::Malformed => true,
        ModelErrorKind::Configuration
        | ModelErrorKind::Script
        | ModelErrorKind::NotRecorded
        | ModelErrorKind::InvalidRequest
        | ModelErrorKind::Refused
        | ModelErrorKind::Cancelled
        | ModelErrorKind::BudgetExceeded => false,
    }
}
