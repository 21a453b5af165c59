//! Lets only so many calls run at once.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::Layer;
use super::watch::settled;
use crate::limits::Limits;
use crate::{CallContext, EventStream, Model, ModelError, ModelErrorKind, Request};

/// A model that answers at most so many calls at once; further ones wait, in order.
///
/// A call counts until its stream has ended or is dropped. The wait counts against the call's
/// own time limit.
pub struct Limited {
    inner: Arc<dyn Model>,
    places: Arc<Semaphore>,
}

impl Limited {
    /// Wraps a model. At least one call may run.
    pub fn new(inner: Arc<dyn Model>, calls_max: usize) -> Self {
        let places = calls_max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            inner,
            places: Arc::new(Semaphore::new(places)),
        }
    }
}

impl std::fmt::Debug for Limited {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Limited");
        let free = self.places.available_permits();
        shown
            .field("inner", self.inner.descriptor())
            .field("free", &free)
            .finish()
    }
}

#[async_trait]
impl Layer for Limited {
    fn inner(&self) -> &dyn Model {
        &*self.inner
    }

    async fn call(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let places = Arc::clone(&self.places);
        let place = Limits::of(&context).total(places.acquire_owned()).await?;
        let place = place.map_err(|_| {
            ModelError::new(
                ModelErrorKind::Cancelled,
                "the model takes no further calls",
            )
        })?;
        let events = self.inner.respond(request, context).await?;
        Ok(settled(events, move |_| drop(place)))
    }
}
