//! The time limits and the cancellation of one call, for everything that waits in it.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{CallContext, ModelError, ModelErrorKind};

/// The time limits of one call, counted from its start.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    first_byte_at: Option<Instant>,
    end_at: Option<Instant>,
    idle: Option<Duration>,
    cancellation: CancellationToken,
}

impl Limits {
    /// Starts the clock of a call.
    pub(crate) fn of(context: &CallContext) -> Self {
        let now = Instant::now();
        Self {
            first_byte_at: context.first_byte_timeout.map(|limit| now + limit),
            end_at: context.timeout.map(|limit| now + limit),
            idle: context.idle_timeout,
            cancellation: context.cancellation.clone(),
        }
    }

    /// Waits for the first sign of the provider.
    pub(crate) async fn first_byte<T>(
        &self,
        wait: impl Future<Output = T>,
    ) -> Result<T, ModelError> {
        let message = "the provider sent nothing within the limit for the first byte";
        self.wait(wait, self.first_byte_at, message).await
    }

    /// Waits for a further sign.
    pub(crate) async fn piece<T>(&self, wait: impl Future<Output = T>) -> Result<T, ModelError> {
        let idle_at = self.idle.map(|idle| Instant::now() + idle);
        let message = "the provider fell silent in the middle of the reply";
        self.wait(wait, idle_at, message).await
    }

    /// Waits for something, unless the call ends before.
    pub(crate) async fn total<T>(&self, wait: impl Future<Output = T>) -> Result<T, ModelError> {
        self.wait(wait, None, "the call took longer than its limit")
            .await
    }

    /// Waits for a time, unless the call ends before.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), ModelError> {
        if time.is_zero() {
            return Ok(());
        }
        self.total(tokio::time::sleep(time)).await
    }

    async fn wait<T>(
        &self,
        wait: impl Future<Output = T>,
        sooner: Option<Instant>,
        message: &str,
    ) -> Result<T, ModelError> {
        let wait = async {
            let limit = match (sooner, self.end_at) {
                (Some(sooner), Some(end)) => Some(sooner.min(end)),
                (one, other) => one.or(other),
            };
            match limit {
                None => Some(wait.await),
                Some(limit) => timeout_at(limit, wait).await.ok(),
            }
        };
        match self.cancellation.run_until_cancelled(wait).await {
            Some(Some(value)) => Ok(value),
            Some(None) => {
                let is_over = self.end_at.is_some_and(|end| Instant::now() >= end);
                let message = if is_over {
                    "the call took longer than its limit"
                } else {
                    message
                };
                Err(ModelError::new(ModelErrorKind::Timeout, message))
            }
            None => {
                let message = "the call was cancelled";
                Err(ModelError::new(ModelErrorKind::Cancelled, message))
            }
        }
    }
}
