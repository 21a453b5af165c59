//! The seam: one stateless call to one model. Everything the call needs is in the request.

use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;

use crate::{CallContext, Event, ModelDescriptor, ModelError, Request};

/// The events of one reply, in order, ended by exactly one [`Event::Finish`] or one error.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, ModelError>> + Send>>;

/// Answers a request with a stream of typed events, and keeps no memory between calls.
///
/// Retry, fallback, rate limit, budget, record and replay are wrappers that implement this
/// same trait; an implementation of a backend does none of that.
#[async_trait]
pub trait Model: Send + Sync {
    /// Describes the backend: its name, its family, its limits and its prices.
    fn descriptor(&self) -> &ModelDescriptor;

    /// Starts one call and returns its events.
    ///
    /// # Errors
    ///
    /// Returns a [`ModelError`] when the call could not be started; what fails later arrives
    /// as the last item of the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future or the stream abandons the call. The provider may still bill it.
    async fn respond(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError>;
}
