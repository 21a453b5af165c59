//! Asks again when asking again can help.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::Instant;

use super::Layer;
use super::dice::Dice;
use super::watch::with_unheard;
use crate::error::Remedy;
use crate::limits::Limits;
use crate::reply::FailedAttempt;
use crate::{CallContext, Event, EventStream, Model, ModelError, Request};

/// When to ask again, and how long to wait before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts of one call, the first included.
    pub attempts_max: u32,
    /// The wait before the second attempt; it doubles from attempt to attempt.
    pub first_wait: Duration,
    /// The most that is waited when the provider names no time.
    pub wait_max: Duration,
    /// The most that is waited when the provider names a time; a longer one ends the call.
    pub retry_after_max: Duration,
    /// What happens to a stream that breaks after its first part began.
    pub broken_stream: BrokenStream,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 4,
            first_wait: Duration::from_millis(500),
            wait_max: Duration::from_secs(20),
            retry_after_max: Duration::from_secs(120),
            broken_stream: BrokenStream::Restart,
        }
    }
}

/// What happens to a stream that breaks after its first part began. One that breaks before is
/// always asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenStream {
    /// `Event::Restart` tells the reader to forget the parts, and the call is made again.
    Restart,
    /// The error is passed on. For readers that cannot take back what they showed.
    Fail,
}

/// A model that asks again: for failures whose remedy is [`Remedy::Retry`], after the time that
/// the provider named, or after a growing one with jitter.
///
/// Every failed attempt is reported as [`Event::Restart`], with what it had used. A whole-call
/// timeout covers all attempts and the waits between them.
pub struct Retrying {
    inner: Arc<dyn Model>,
    policy: RetryPolicy,
    dice: Arc<Dice>,
}

impl Retrying {
    /// Wraps a model. The seed decides the jitter; two programs should not share it.
    pub fn new(inner: Arc<dyn Model>, policy: RetryPolicy, seed: u64) -> Self {
        Self {
            inner,
            policy,
            dice: Arc::new(Dice::new(seed)),
        }
    }
}

impl std::fmt::Debug for Retrying {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Retrying");
        shown
            .field("inner", self.inner.descriptor())
            .field("policy", &self.policy);
        shown.finish_non_exhaustive()
    }
}

#[async_trait]
impl Layer for Retrying {
    fn inner(&self) -> &dyn Model {
        &*self.inner
    }

    async fn call(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let mut call = Call {
            inner: Arc::clone(&self.inner),
            policy: self.policy.clone(),
            dice: Arc::clone(&self.dice),
            limits: Limits::of(&context),
            end_at: context.timeout.map(|limit| Instant::now() + limit),
            request,
            context,
            attempts: 0,
            events: None,
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

/// One call with all of its attempts.
struct Call {
    inner: Arc<dyn Model>,
    policy: RetryPolicy,
    dice: Arc<Dice>,
    limits: Limits,
    end_at: Option<Instant>,
    request: Request,
    context: CallContext,
    attempts: u32,
    /// The stream of the attempt that runs.
    events: Option<EventStream>,
    /// Whether the attempt that runs has begun a part.
    has_parts: bool,
    /// The restarts that were not handed out yet.
    ready: VecDeque<Event>,
}

impl Call {
    /// Makes attempts until one is answered.
    async fn begin(&mut self) -> Result<(), ModelError> {
        loop {
            self.attempts += 1;
            self.has_parts = false;
            let mut context = self.context.clone();
            context.timeout = self
                .end_at
                .map(|end| end.saturating_duration_since(Instant::now()));
            match self.inner.respond(self.request.clone(), context).await {
                Ok(events) => {
                    self.events = Some(events);
                    return Ok(());
                }
                Err(error) => self.wait_after(error).await?,
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Event>, ModelError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some(events) = &mut self.events else {
                return Ok(None);
            };
            match events.next().await {
                Some(Ok(event)) => {
                    self.has_parts |= matches!(event, Event::PartStart { .. });
                    return Ok(Some(event));
                }
                None => return Ok(None),
                Some(Err(error)) => {
                    if self.has_parts && self.policy.broken_stream == BrokenStream::Fail {
                        return Err(error);
                    }
                    self.events = None;
                    self.wait_after(error).await?;
                    self.begin().await?;
                }
            }
        }
    }

    /// Waits before the next attempt, or returns the error when there shall be none.
    async fn wait_after(&mut self, error: ModelError) -> Result<(), ModelError> {
        let is_last = self.attempts >= self.policy.attempts_max;
        let wait = self.wait(&error);
        let now = Instant::now();
        let is_late = self.end_at.is_some_and(|end| now + wait >= end);
        let is_asked_too_much = error
            .retry_after
            .is_some_and(|wait| wait > self.policy.retry_after_max);
        if error.remedy() != Remedy::Retry || is_last || is_late || is_asked_too_much {
            return Err(error);
        }
        tracing::debug!(kind = ?error.kind, attempt = self.attempts, ?wait, "asking again");
        let descriptor = self.inner.descriptor();
        self.ready.push_back(Event::Restart(Box::new(FailedAttempt {
            provider: descriptor.provider.clone(),
            model: descriptor.model.clone(),
            error,
        })));
        self.limits.pause(wait).await
    }

    fn wait(&self, error: &ModelError) -> Duration {
        // Callers that were turned away together must not come back together.
        let share = 0.5 + self.dice.roll() / 2.0;
        if let Some(asked) = error.retry_after {
            const SPREAD: f64 = 0.1;
            return asked + asked.mul_f64(SPREAD * (share - 0.5));
        }
        const DOUBLINGS_MAX: u32 = 20;
        let doublings = self.attempts.saturating_sub(1).min(DOUBLINGS_MAX);
        let full = self.policy.first_wait.saturating_mul(1 << doublings);
        full.min(self.policy.wait_max).mul_f64(share)
    }
}
