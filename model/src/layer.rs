//! Layers: wrappers that implement [`Model`] around another model.
//!
//! Each adds one thing. The order is the caller's, and it matters: what is outside sees every
//! attempt of what is inside as one call. From outside in, the usual order is
//! `Cached`, `Budgeted`, `Fallback`, `Retrying`, `RateLimited`, `Limited`, backend.

use async_trait::async_trait;

use crate::loss::Loss;
use crate::wire::WireRequest;
use crate::{CallContext, EventStream, Model, ModelDescriptor, ModelError, Request};

mod budgeted;
mod cached;
mod chaotic;
mod dice;
mod fallback;
mod limited;
mod rate_limited;
mod recorded;
mod redacted;
mod replaying;
mod retrying;
mod routed;
mod watch;

pub use budgeted::{BudgetLimits, Budgeted, ModelBudget, Spent};
pub use cached::Cached;
pub use chaotic::{Chaos, Chaotic};
pub use fallback::Fallback;
pub use limited::Limited;
pub use rate_limited::{RateLimited, RateLimits};
pub use recorded::Recorded;
pub use redacted::{Redacted, Redaction};
pub use replaying::{CassetteMatch, Replaying};
pub use retrying::{BrokenStream, RetryPolicy, Retrying};
pub use routed::{RouteRule, Routed};

/// A wrapper that changes how the model inside of it is called, and nothing else of it.
///
/// Whoever implements this is a [`Model`]. A wrapper that shows itself as another model, or
/// sends another request, implements `Model` itself.
#[async_trait]
pub trait Layer: Send + Sync {
    /// Returns the model that is wrapped.
    fn inner(&self) -> &dyn Model;

    /// Makes the call. See [`Model::respond`].
    ///
    /// # Errors
    ///
    /// Returns the errors of the model inside, and those of the layer itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future or the stream abandons the call.
    async fn call(&self, request: Request, context: CallContext)
    -> Result<EventStream, ModelError>;
}

#[async_trait]
impl<L: Layer> Model for L {
    fn descriptor(&self) -> &ModelDescriptor {
        self.inner().descriptor()
    }

    fn check(&self, request: &Request) -> Vec<Loss> {
        self.inner().check(request)
    }

    fn encode(&self, request: &Request) -> Result<WireRequest, ModelError> {
        self.inner().encode(request)
    }

    async fn respond(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        self.call(request, context).await
    }
}

#[cfg(test)]
mod tests;
