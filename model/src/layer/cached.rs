//! Remembers replies, so that the same question is paid once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;

use super::Layer;
use crate::{CallContext, Event, EventStream, Model, ModelError, Request, Usage};

/// A model that answers a question which it answered before from memory, with the same events
/// and no usage. Only complete replies are kept. Two questions are the same when they are
/// encoded to the same bytes.
pub struct Cached {
    inner: Arc<dyn Model>,
    replies: Arc<Mutex<Replies>>,
}

impl Cached {
    /// Wraps a model. When more than `replies_max` are known, the oldest is forgotten.
    pub fn new(inner: Arc<dyn Model>, replies_max: usize) -> Self {
        let replies = Replies {
            replies_max,
            by_question: BTreeMap::new(),
            oldest_first: VecDeque::new(),
        };
        Self {
            inner,
            replies: Arc::new(Mutex::new(replies)),
        }
    }
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Cached");
        let count = lock(&self.replies).by_question.len();
        shown
            .field("inner", self.inner.descriptor())
            .field("replies", &count)
            .finish()
    }
}

struct Replies {
    replies_max: usize,
    by_question: BTreeMap<String, Arc<Vec<Event>>>,
    oldest_first: VecDeque<String>,
}

impl Replies {
    fn keep(&mut self, question: String, events: Vec<Event>) {
        if self
            .by_question
            .insert(question.clone(), Arc::new(events))
            .is_none()
        {
            self.oldest_first.push_back(question);
        }
        while self.oldest_first.len() > self.replies_max {
            if let Some(oldest) = self.oldest_first.pop_front() {
                self.by_question.remove(&oldest);
            }
        }
    }
}

fn lock(replies: &Mutex<Replies>) -> MutexGuard<'_, Replies> {
    replies.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Layer for Cached {
    fn inner(&self) -> &dyn Model {
        &*self.inner
    }

    async fn call(
        &self,
        request: Request,
        context: CallContext,
    ) -> Result<EventStream, ModelError> {
        let wire = self.inner.encode(&request)?;
        let question = format!("{}\n{}", wire.path, wire.body);
        let known = lock(&self.replies).by_question.get(&question).cloned();
        if let Some(events) = known {
            let events: Vec<_> = events.iter().cloned().map(Ok).collect();
            return Ok(stream::iter(events).boxed());
        }
        let events = self.inner.respond(request, context).await?;
        let keeping = Keeping {
            events,
            question,
            heard: Vec::new(),
            replies: Arc::clone(&self.replies),
        };
        Ok(stream::unfold(keeping, Keeping::next).boxed())
    }
}

/// A reply that is passed on and remembered when it is complete.
struct Keeping {
    events: EventStream,
    question: String,
    heard: Vec<Event>,
    replies: Arc<Mutex<Replies>>,
}

impl Keeping {
    async fn next(mut self) -> Option<(Result<Event, ModelError>, Self)> {
        let event = self.events.next().await?;
        match &event {
            // What led to the reply is no part of it, and was paid once.
            Ok(Event::Restart(_)) => self.heard.clear(),
            Ok(Event::Usage(_)) => self.heard.push(Event::Usage(Usage::default())),
            Ok(event) => {
                self.heard.push(event.clone());
                if matches!(event, Event::Finish { .. }) {
                    let heard = std::mem::take(&mut self.heard);
                    lock(&self.replies).keep(self.question.clone(), heard);
                }
            }
            Err(_) => self.heard.clear(),
        }
        Some((event, self))
    }
}
