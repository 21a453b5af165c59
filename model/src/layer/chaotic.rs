//! Makes trouble on purpose, the same trouble for the same seed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;

use super::Layer;
use super::dice::Dice;
use crate::limits::Limits;
use crate::{CallContext, EventStream, Model, ModelError, ModelErrorKind, Request};

/// How often which trouble comes: shares of all calls, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Chaos {
    /// The call is turned away: rate limited, with a short wait.
    pub rate_limited: f64,
    /// The call is turned away: overloaded.
    pub overloaded: f64,
    /// The stream breaks somewhere in the middle.
    pub interrupted: f64,
    /// The reply cannot be understood, somewhere in the middle.
    pub malformed: f64,
    /// The first event comes late.
    pub slow: f64,
    /// How late.
    pub slow_by: Duration,
}

/// A model that fails now and then, to see what its callers do.
pub struct Chaotic {
    inner: Arc<dyn Model>,
    chaos: Chaos,
    dice: Dice,
}

impl Chaotic {
    /// Wraps a model.
    pub fn new(inner: Arc<dyn Model>, chaos: Chaos, seed: u64) -> Self {
        Self {
            inner,
            chaos,
            dice: Dice::new(seed),
        }
    }

    fn happens(&self, share: f64) -> bool {
        self.dice.roll() < share
    }
}

impl std::fmt::Debug for Chaotic {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Chaotic");
        shown
            .field("inner", self.inner.descriptor())
            .field("chaos", &self.chaos);
        shown.finish_non_exhaustive()
    }
}

#[async_trait]
impl Layer for Chaotic {
    fn inner(&self) -> &dyn Model {
        &*self.inner
    }

    async fn call(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        const RETRY_AFTER: Duration = Duration::from_millis(5);
        // The dice are rolled for everything in one order, whatever happens.
        let rate_limited = self.happens(self.chaos.rate_limited);
        let overloaded = self.happens(self.chaos.overloaded);
        let interrupted = self.happens(self.chaos.interrupted);
        let malformed = self.happens(self.chaos.malformed);
        let slow = self.happens(self.chaos.slow);
        let place = self.dice.roll();
        if rate_limited {
            return Err(ModelError {
                retry_after: Some(RETRY_AFTER),
                status: Some(429),
                ..trouble(ModelErrorKind::RateLimited)
            });
        }
        if overloaded {
            return Err(trouble(ModelErrorKind::Overloaded));
        }
        if slow {
            Limits::of(&context).pause(self.chaos.slow_by).await?;
        }
        let events = self.inner.respond(request, context).await?;
        let kind = match (interrupted, malformed) {
            (true, _) => ModelErrorKind::Interrupted,
            (false, true) => ModelErrorKind::Malformed,
            (false, false) => return Ok(events),
        };
        /// The trouble comes within so many events; a reply that is shorter breaks at its end.
        const EVENTS_MAX: f64 = 20.0;
        let whole = (place * EVENTS_MAX) as usize;
        let not_the_end = |event: &Result<crate::Event, ModelError>| {
            let goes_on = !matches!(event, Ok(crate::Event::Finish { .. }));
            std::future::ready(goes_on)
        };
        let error = ModelError {
            partial: whole > 0,
            ..trouble(kind)
        };
        let broken = events.take(whole).take_while(not_the_end);
        Ok(broken.chain(stream::iter([Err(error)])).boxed())
    }
}

fn trouble(kind: ModelErrorKind) -> ModelError {
    ModelError::new(kind, "trouble was asked for")
}
