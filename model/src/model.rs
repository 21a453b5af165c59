//! The seam: one stateless call to one model. Everything the call needs is in the request.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::Stream;

use crate::loss::Loss;
use crate::wire::WireRequest;
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

    /// Says what this backend would drop or change of the request. Empty: nothing.
    fn check(&self, request: &Request) -> Vec<Loss> {
        let _ = request;
        Vec::new()
    }

    /// Returns what would be sent for the request: pure, and the same bytes every time.
    ///
    /// A backend without a wire shows the request itself as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `InvalidRequest` when the request cannot be said in the
    /// backend's dialect.
    fn encode(&self, request: &Request) -> Result<WireRequest, ModelError> {
        WireRequest::of_request(request)
    }

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

#[async_trait]
impl<M: Model + ?Sized> Model for Arc<M> {
    fn descriptor(&self) -> &ModelDescriptor {
        (**self).descriptor()
    }

    fn check(&self, request: &Request) -> Vec<Loss> {
        (**self).check(request)
    }

    fn encode(&self, request: &Request) -> Result<WireRequest, ModelError> {
        (**self).encode(request)
    }

    async fn respond(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        (**self).respond(request, context).await
    }
}
