//! Events that were sent to a run and that no task has taken yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::datum::Datum;
use crate::{Digest, RunId, Sequence, Timestamp};

/// The most events that wait for a task. A run that does not take what it is sent would
/// otherwise grow without end; the sender is told.
const LETTERS_MAX: usize = 1_000;

/// How many events are remembered to recognise one that is sent twice. Senders repeat what
/// was not acknowledged, and that is recent.
const SEEN_MAX: usize = 4_096;

/// The events that wait, in the order of their arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Inbox<V> {
    letters: Vec<Letter<V>>,
    /// The names of events that came, with their records.
    seen: BTreeMap<Digest, Sequence>,
}

/// One event that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Letter<V> {
    /// The record of its arrival.
    pub(super) seq: Sequence,
    /// The event, with all its attributes.
    pub(super) event: V,
}

impl<V> Default for Inbox<V> {
    fn default() -> Self {
        Self {
            letters: Vec::new(),
            seen: BTreeMap::new(),
        }
    }
}

impl<V: Clone> Inbox<V> {
    pub(super) fn is_full(&self) -> bool {
        self.letters.len() >= LETTERS_MAX
    }

    pub(super) fn has_seen(&self, name: &Digest) -> bool {
        self.seen.contains_key(name)
    }

    pub(super) fn put(&mut self, name: Option<Digest>, letter: Letter<V>) {
        if let Some(name) = name {
            if self.seen.len() >= SEEN_MAX {
                let oldest = self.seen.iter().min_by_key(|(_, seq)| **seq);
                if let Some(oldest) = oldest.map(|(name, _)| *name) {
                    self.seen.remove(&oldest);
                }
            }
            self.seen.insert(name, letter.seq);
        }
        self.letters.push(letter);
    }

    pub(super) fn letters(&self) -> Vec<Letter<V>> {
        self.letters.clone()
    }

    /// Takes out the events with these records.
    pub(super) fn take(&mut self, taken: &[Sequence]) {
        self.letters.retain(|letter| !taken.contains(&letter.seq));
    }
}

impl<V> Inbox<V> {
    pub(super) fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Inbox<W> {
        let letters = self.letters.into_iter().map(|letter| Letter {
            seq: letter.seq,
            event: f(letter.event),
        });
        Inbox {
            letters: letters.collect(),
            seen: self.seen,
        }
    }
}

/// Returns the name under which an event is recognised when it is sent twice: its source and
/// its id. What is not a whole event has none.
///
/// Source: `CloudEvents` 1.0.2, "source": source and id together are unique.
pub(super) fn name_of(data: &Value) -> Option<Digest> {
    let (source, id) = (data.get("source")?, data.get("id")?);
    is_event(data).then(|| Digest::of_value(&json!([source, id])))
}

/// Makes the whole event of what was sent: the data itself when it is one already.
pub(super) fn event_of(
    run: RunId,
    seq: Sequence,
    at: Timestamp,
    signal: &str,
    data: &Datum,
) -> Datum {
    if is_event(data.value()) {
        return data.clone();
    }
    Datum::new(json!({
        "specversion": "1.0",
        "id": format!("{run}-{seq}"),
        "source": "urn:layercake:signal",
        "type": signal,
        "time": at.to_string(),
        "data": data.value(),
    }))
}

fn is_event(data: &Value) -> bool {
    data.get("specversion").is_some_and(Value::is_string)
        && data.get("type").is_some_and(Value::is_string)
}
