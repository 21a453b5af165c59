//! What surrounds a call and is no part of the question: time limits, cancellation, identity.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The circumstances of one call. `Default` sets no limit and never cancels.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    /// The most time for the whole call.
    pub timeout: Option<Duration>,
    /// The most time until the first byte of the reply.
    pub first_byte_timeout: Option<Duration>,
    /// The most time between two pieces of the reply.
    pub idle_timeout: Option<Duration>,
    /// Ends the call when cancelled; the stream then yields an error of kind `Cancelled`.
    pub cancellation: CancellationToken,
    /// Passed to providers that honour it, so that a repeated call is billed once.
    pub idempotency_key: Option<String>,
    /// The W3C `traceparent` header to send along.
    pub trace_parent: Option<String>,
}
