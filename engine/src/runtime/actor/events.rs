//! What can happen to a run in memory, and what it means to the run.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinError};

use super::{Actor, Flight};
use crate::journal::Trouble;
use crate::runtime::EngineError;
use crate::runtime::core::Stage;
use crate::runtime::effects::{Ended, TRIES_MAX, is_repeatable, perform};
use crate::runtime::registry::Message;
use crate::{Digest, Effect, EffectClass, EffectId, EffectRequest, Input, RunId};

/// How many events one step takes in: enough to share a flush, few enough to keep records
/// of one step small.
const EVENTS_MAX: usize = 256;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// Something was sent to the run.
    Message(Message),
    /// An effect ended.
    Effect(EffectId, Ended),
    /// The executor panicked.
    Panic(Id),
}

/// An input, and who waits for it.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) input: Input,
    /// A mark: the same input with the same mark is taken in once.
    pub(super) once: Option<Digest>,
    pub(super) reply: Option<oneshot::Sender<Result<(), EngineError>>>,
}

impl Taken {
    /// Makes an input that nobody waits for.
    pub(super) fn of(input: Input) -> Self {
        Self {
            input,
            once: None,
            reply: None,
        }
    }
}

impl Actor {
    /// Waits for something to happen, and takes what else has happened by then.
    pub(super) async fn next_events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        if !self.has_news() {
            // The burst that the permit bounds is over.
            self.permit = None;
            let due = self.run.next_due();
            let clock = self.core.clock.clone();
            let time = async {
                match due {
                    Some(due) => clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(message) = self.mailbox.next() => events.push(Event::Message(message)),
                Some(ended) = self.effects.join_next_with_id() => events.extend(event_of(ended)),
                () = time => {}
                _ = self.stage.changed() => {}
            }
        }
        events.append(&mut self.waiting_events());
        events
    }

    /// Takes what has happened by now, up to a bound.
    pub(super) fn waiting_events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < EVENTS_MAX
            && let Some(message) = self.mailbox.take()
        {
            events.push(Event::Message(message));
        }
        while events.len() < EVENTS_MAX
            && let Some(ended) = self.effects.try_join_next_with_id()
        {
            events.extend(event_of(ended));
        }
        events
    }

    /// Turns an event into an input, if it is one for the run.
    pub(super) fn input_of(&mut self, event: Event) -> Option<Taken> {
        let input = match event {
            Event::Message(Message::Input { input, once, reply }) => {
                return Some(Taken {
                    input: *input,
                    once,
                    reply: Some(reply),
                });
            }
            Event::Message(Message::ChildEnded { child, outcome }) => Input::EffectFinished {
                effect: self.effect_of_child(child)?,
                outcome: *outcome,
            },
            Event::Message(Message::Wake(permit)) => {
                self.permit = permit.or(self.permit.take());
                return None;
            }
            Event::Effect(effect, Ended::Outcome(outcome)) => {
                self.flights.remove(&effect);
                Input::EffectFinished {
                    effect,
                    outcome: *outcome,
                }
            }
            Event::Effect(effect, Ended::Failed(message)) => {
                self.try_again(effect, message);
                return None;
            }
            Event::Effect(effect, Ended::NotBegun) => {
                self.flights.remove(&effect);
                return None;
            }
            Event::Panic(task) => return self.contain(task).map(Taken::of),
        };
        Some(Taken::of(input))
    }

    fn effect_of_child(&mut self, ended: RunId) -> Option<EffectId> {
        let asked = self.run.pending().find(
            |effect| matches!(&effect.request, EffectRequest::Run { child, .. } if *child == ended),
        );
        let effect = asked?.id;
        self.children.remove(&effect);
        Some(effect)
    }

    /// Begins every call that is wanted and not under way.
    pub(super) fn begin_effects(&mut self) {
        let running = *self.stage.borrow() == Stage::Running;
        if !running || self.ledger.row.trouble.is_some() || self.run.phase().is_final() {
            return;
        }
        let unknown: BTreeSet<EffectId> = self.run.unknowns().map(|(e, _)| e.id).collect();
        let wanted: Vec<Effect> = self
            .run
            .pending()
            .filter(|effect| super::is_call(effect))
            .filter(|effect| !self.flights.contains_key(&effect.id))
            .filter(|effect| !unknown.contains(&effect.id))
            .cloned()
            .collect();
        for effect in wanted {
            self.begin(effect, 0);
        }
    }

    fn begin(&mut self, effect: Effect, tries: u32) {
        let id = effect.id;
        let task = perform(Arc::clone(&self.core), effect, tries);
        let abort = self.effects.spawn(task);
        self.flights.insert(id, Flight { abort, tries });
    }

    /// Tries an effect again after the machinery failed, or calls the run stuck.
    fn try_again(&mut self, id: EffectId, message: String) {
        let Some(flight) = self.flights.remove(&id) else {
            return;
        };
        let attempts = flight.tries + 1;
        let Some(effect) = self.run.effect(&id).cloned() else {
            return;
        };
        tracing::warn!(effect_id = %id, attempts, message, "an effect could not be performed");
        if attempts < TRIES_MAX {
            self.begin(effect, attempts);
        } else {
            self.ledger.row.trouble = Some(Trouble::Stuck {
                effect: id,
                attempts,
                message,
            });
        }
    }

    /// Contains a panic of the executor: the effect may have happened or not.
    fn contain(&mut self, task: Id) -> Option<Input> {
        let mut flights = self.flights.iter();
        let (id, _) = flights.find(|(_, flight)| flight.abort.id() == task)?;
        let id = *id;
        let class = match &self.run.effect(&id)?.request {
            EffectRequest::Call(call) => call.class,
            _ => EffectClass::Pure,
        };
        let message = "the executor panicked while it was performed".to_owned();
        if is_repeatable(class) {
            self.try_again(id, message);
            return None;
        }
        self.flights.remove(&id);
        Some(Input::EffectUnknown {
            effect: id,
            explanation: message,
        })
    }
}

type Joined = Result<(Id, (EffectId, Ended)), JoinError>;

fn event_of(joined: Joined) -> Option<Event> {
    match joined {
        Ok((_, (effect, ended))) => Some(Event::Effect(effect, ended)),
        Err(error) if error.is_panic() => Some(Event::Panic(error.id())),
        // Somebody gave the effect up.
        Err(_) => None,
    }
}
