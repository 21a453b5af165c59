//! Watches a stream go by, for layers that settle something when it ends.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream;

use crate::{Event, EventStream, ModelError, Usage};

/// What a call used so far, all of its attempts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seen {
    /// The usage of attempts that failed.
    failed: Usage,
    /// The usage of the attempt that runs.
    running: Usage,
    /// Whether any usage was reported.
    pub(super) is_known: bool,
}

impl Seen {
    pub(super) fn usage(&self) -> Usage {
        self.failed.plus(&self.running)
    }

    fn note(&mut self, event: &Result<Event, ModelError>) {
        let usage_of_failure = match event {
            Ok(Event::Usage(usage)) => {
                self.running = *usage;
                self.is_known = true;
                return;
            }
            Ok(Event::Restart(attempt)) => attempt.error.usage,
            Err(error) => error.usage,
            Ok(_) => return,
        };
        // The error repeats what the attempt had reported before, if it knows anything.
        let usage = usage_of_failure.unwrap_or(self.running);
        self.is_known |= usage.total_tokens() > 0;
        self.failed = self.failed.plus(&usage);
        self.running = Usage::default();
    }
}

/// Calls `settle` once: when the stream has ended, has failed, or is dropped.
pub(super) fn settled(
    events: EventStream,
    settle: impl FnOnce(Seen) + Send + 'static,
) -> EventStream {
    let watch = Watch {
        seen: Seen::default(),
        settle: Some(settle),
    };
    let state = (events, watch);
    let watched = stream::unfold(state, |(mut events, mut watch)| async move {
        let event = events.next().await?;
        watch.seen.note(&event);
        Some((event, (events, watch)))
    });
    watched.boxed()
}

struct Watch<F: FnOnce(Seen)> {
    seen: Seen,
    settle: Option<F>,
}

impl<F: FnOnce(Seen)> Drop for Watch<F> {
    fn drop(&mut self) {
        if let Some(settle) = self.settle.take() {
            settle(self.seen);
        }
    }
}

/// Adds to a final error what failed attempts used that the reader will not hear of.
pub(super) fn with_unheard(mut error: ModelError, unheard: &VecDeque<Event>) -> ModelError {
    let usages = unheard.iter().filter_map(|event| match event {
        Event::Restart(attempt) => attempt.error.usage,
        _ => None,
    });
    let unheard = usages.reduce(|sum, usage| sum.plus(&usage));
    error.usage = match (error.usage, unheard) {
        (Some(own), Some(unheard)) => Some(own.plus(&unheard)),
        (own, unheard) => own.or(unheard),
    };
    error
}
