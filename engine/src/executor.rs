//! The seam to the outside: something that performs effects.

use async_trait::async_trait;

use crate::effect::{Effect, Outcome};

/// Performs the calls that runs ask for. Timers, approvals and child runs never arrive here.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Performs one effect and returns what came back.
    ///
    /// The same effect id twice means the same thing: an implementation that can recognise
    /// a repeated effect returns the first outcome.
    ///
    /// # Errors
    ///
    /// Failed work is an [`Outcome`]. An error means that the machinery itself failed; the
    /// effect stays pending, and is asked for again when the run is resumed.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the run is cancelled or the process stops; whatever it
    /// started outside must stop with it or be found again by the effect id.
    async fn perform(&self, effect: &Effect) -> Result<Outcome, ExecutorError>;
}

/// The machinery failed, not the work.
#[derive(Debug, thiserror::Error)]
#[error("the executor could not perform the effect: {message}")]
pub struct ExecutorError {
    /// What happened, for people.
    pub message: String,
}
