//! Keeps what was asked and what came.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;

use super::Layer;
use crate::cassette::{Cassette, RecordedCall};
use crate::{CallContext, EventStream, Model, ModelError, Request};

/// A model that records its calls. A call is kept when its stream ended or was dropped.
pub struct Recorded {
    inner: Arc<dyn Model>,
    /// Written by each call at its end; read by [`Recorded::cassette`].
    calls: Arc<Mutex<Vec<RecordedCall>>>,
}

impl Recorded {
    /// Wraps a model.
    pub fn new(inner: Arc<dyn Model>) -> Self {
        Self {
            inner,
            calls: Arc::default(),
        }
    }

    /// Returns what was recorded so far.
    pub fn cassette(&self) -> Cassette {
        Cassette::of(lock(&self.calls).clone())
    }
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Recorded");
        shown
            .field("inner", self.inner.descriptor())
            .field("calls", &lock(&self.calls).len());
        shown.finish_non_exhaustive()
    }
}

/// A push cannot fail halfway, so a poisoned list is as good as any.
fn lock(calls: &Mutex<Vec<RecordedCall>>) -> std::sync::MutexGuard<'_, Vec<RecordedCall>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Layer for Recorded {
    fn inner(&self) -> &dyn Model {
        &*self.inner
    }

    async fn call(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let mut recording = Recording {
            calls: Arc::clone(&self.calls),
            call: Some(RecordedCall {
                request: request.clone(),
                descriptor: self.inner.descriptor().clone(),
                events: Vec::new(),
                error: None,
            }),
        };
        let events = match self.inner.respond(request, context).await {
            Ok(events) => events,
            Err(error) => {
                recording.note_error(&error);
                return Err(error);
            }
        };
        let state = (events, recording);
        let recorded = stream::unfold(state, |(mut events, mut recording)| async move {
            let event = events.next().await?;
            match &event {
                Ok(event) => recording
                    .call
                    .iter_mut()
                    .for_each(|call| call.events.push(event.clone())),
                Err(error) => recording.note_error(error),
            }
            Some((event, (events, recording)))
        });
        Ok(recorded.boxed())
    }
}

/// A call that is being recorded; it is kept when this is dropped.
struct Recording {
    calls: Arc<Mutex<Vec<RecordedCall>>>,
    call: Option<RecordedCall>,
}

impl Recording {
    fn note_error(&mut self, error: &ModelError) {
        if let Some(call) = &mut self.call {
            call.error = Some(error.clone());
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            lock(&self.calls).push(call);
        }
    }
}
