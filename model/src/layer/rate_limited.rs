//! Keeps to a number of requests and tokens per minute, so that the provider need not refuse.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Layer;
use super::watch::settled;
use crate::limits::Limits;
use crate::{CallContext, EventStream, Model, ModelError, Request, estimate};

/// How much a minute allows. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// Calls per minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens of all classes per minute.
    pub tokens_per_minute: Option<u64>,
}

/// A model that waits until a minute's allowance has room. The allowance refills evenly, and a
/// fresh one is full, so a first burst goes through at once.
///
/// Tokens are estimated before the call, and corrected when it reports its usage.
pub struct RateLimited {
    inner: Arc<dyn Model>,
    buckets: Arc<Buckets>,
}

impl RateLimited {
    /// Wraps a model.
    pub fn new(inner: Arc<dyn Model>, limits: RateLimits) -> Self {
        let bucket = |per_minute: f64| Mutex::new(Bucket::full(per_minute));
        let buckets = Buckets {
            requests: limits.requests_per_minute.map(f64::from).map(bucket),
            // Beyond 2^53 tokens a minute no limit is felt.
            tokens: limits.tokens_per_minute.map(|most| bucket(most as f64)),
        };
        Self {
            inner,
            buckets: Arc::new(buckets),
        }
    }
}

impl std::fmt::Debug for RateLimited {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("RateLimited");
        shown
            .field("inner", self.inner.descriptor())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Layer for RateLimited {
    fn inner(&self) -> &dyn Model {
        &*self.inner
    }

    async fn call(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let expected = estimate::usage_at_most(&request, self.descriptor()).total_tokens();
        let wait = self.buckets.take(expected);
        Limits::of(&context).pause(wait).await?;
        let buckets = Arc::clone(&self.buckets);
        let events = self.inner.respond(request, context).await?;
        Ok(settled(events, move |seen| {
            if seen.is_known {
                buckets.correct(expected, seen.usage().total_tokens());
            }
        }))
    }
}

struct Buckets {
    requests: Option<Mutex<Bucket>>,
    tokens: Option<Mutex<Bucket>>,
}

impl Buckets {
    /// Takes one request and its tokens; says how long to wait before it may be made.
    fn take(&self, tokens: u64) -> Duration {
        let of = |bucket: &Option<Mutex<Bucket>>, amount: f64| {
            bucket.as_ref().map_or(Duration::ZERO, |bucket| {
                bucket
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(amount)
            })
        };
        of(&self.requests, 1.0).max(of(&self.tokens, tokens as f64))
    }

    fn correct(&self, expected: u64, used: u64) {
        if let Some(bucket) = &self.tokens {
            let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.level += expected as f64 - used as f64;
        }
    }
}

/// An allowance that refills evenly. Its level may be below zero: then somebody waits.
struct Bucket {
    per_minute: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn full(per_minute: f64) -> Self {
        Self {
            per_minute: per_minute.max(1.0),
            level: per_minute.max(1.0),
            at: Instant::now(),
        }
    }

    fn take(&mut self, amount: f64) -> Duration {
        const MINUTE_SECONDS: f64 = 60.0;
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        let refilled = self.level + passed * self.per_minute / MINUTE_SECONDS;
        // A call larger than the whole allowance would wait for ever; it waits for a full one.
        self.level = refilled.min(self.per_minute) - amount.min(self.per_minute);
        let missing = (-self.level).max(0.0);
        Duration::from_secs_f64(missing * MINUTE_SECONDS / self.per_minute)
    }
}
