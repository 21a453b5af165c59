//! Large values leave the records and are stored once, by their hash; reading puts them back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{JournalError, codec};
use crate::{Digest, Effect, EffectRequest, Payload, RecordKind, canonical_json};

/// The longest value, in bytes of text, that stays in a record. A few of them fit a page.
pub(super) const INLINE_BYTES_MAX: usize = 512;

/// The largest value that is stored at all. Larger things belong in files.
pub(super) const PAYLOAD_BYTES_MAX: u64 = 256 << 20;

/// The deepest value that is stored: the decoder's own limit is 1024, counting more levels.
const DEPTH_MAX: usize = 512;

/// A value that left its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shelved {
    /// The hash of the value.
    pub(super) digest: Digest,
    /// The length of its canonical text, in bytes.
    pub(super) size_bytes: u64,
}

/// Collects the values that leave the records of one append.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Hash and encoded value of each, in the order in which they were met.
    pub(super) payloads: Vec<(Digest, Vec<u8>)>,
}

impl Shelf {
    /// Returns the kind without its large values, and the value that had no place of its own
    /// to leave a reference in.
    pub(super) fn slim<'a>(
        &mut self,
        kind: &'a RecordKind,
    ) -> Result<(Cow<'a, RecordKind>, Option<Shelved>), JournalError> {
        let slim = match kind {
            RecordKind::RunStarted(start) => {
                let mut start = start.clone();
                start.input = self.payload(&start.input)?;
                Cow::Owned(RecordKind::RunStarted(start))
            }
            RecordKind::EffectFinished {
                effect,
                result: Ok(value),
                evidence,
            } => Cow::Owned(RecordKind::EffectFinished {
                effect: *effect,
                result: Ok(self.payload(value)?),
                evidence: evidence.as_ref().map(|e| self.payload(e)).transpose()?,
            }),
            RecordKind::EffectFinished {
                effect,
                result,
                evidence: Some(evidence),
            } => Cow::Owned(RecordKind::EffectFinished {
                effect: *effect,
                result: result.clone(),
                evidence: Some(self.payload(evidence)?),
            }),
            RecordKind::Signalled { signal, data } => Cow::Owned(RecordKind::Signalled {
                signal: signal.clone(),
                data: self.payload(data)?,
            }),
            RecordKind::Session { event, body } => Cow::Owned(RecordKind::Session {
                event: event.clone(),
                body: self.payload(body)?,
            }),
            RecordKind::RunFinished {
                phase,
                output: Some(output),
                problem,
            } => Cow::Owned(RecordKind::RunFinished {
                phase: *phase,
                output: Some(self.payload(output)?),
                problem: problem.clone(),
            }),
            RecordKind::EffectIntended(_) | RecordKind::Decided { .. } => {
                return self.slim_in_place(kind);
            }
            other => Cow::Borrowed(other),
        };
        Ok((slim, None))
    }

    /// Slims the kinds that have no place of their own for a reference.
    fn slim_in_place<'a>(
        &mut self,
        kind: &'a RecordKind,
    ) -> Result<(Cow<'a, RecordKind>, Option<Shelved>), JournalError> {
        let large = match kind {
            RecordKind::EffectIntended(effect) => self.shelve(asked(effect))?,
            RecordKind::Decided { decision, .. } => match &decision.edited {
                Some(edited) => self.shelve(edited)?,
                None => None,
            },
            _ => None,
        };
        let slim = match kind {
            RecordKind::EffectIntended(effect) if large.is_some() => {
                Cow::Owned(RecordKind::EffectIntended(Box::new(without(effect))))
            }
            RecordKind::Decided { effect, decision } if large.is_some() => {
                let mut decision = decision.clone();
                decision.edited = Some(Value::Null);
                Cow::Owned(RecordKind::Decided {
                    effect: *effect,
                    decision,
                })
            }
            other => Cow::Borrowed(other),
        };
        Ok((slim, large))
    }

    fn payload(&mut self, payload: &Payload) -> Result<Payload, JournalError> {
        let Payload::Inline(value) = payload else {
            return Ok(payload.clone());
        };
        Ok(match self.shelve(value)? {
            Some(Shelved { digest, size_bytes }) => Payload::Stored { digest, size_bytes },
            None => payload.clone(),
        })
    }

    /// Takes a value when it is large and its hash says everything about it.
    ///
    /// A float without a fraction stays where it is: its canonical text is that of an
    /// integer, and the run machine must read back exactly what it saw.
    pub(super) fn shelve(&mut self, value: &Value) -> Result<Option<Shelved>, JournalError> {
        let measure = Measure::of(value);
        if measure.size_bytes > PAYLOAD_BYTES_MAX || measure.depth > DEPTH_MAX {
            return Err(JournalError::TooLarge {
                size_bytes: measure.size_bytes,
                bytes_max: PAYLOAD_BYTES_MAX,
            });
        }
        if measure.size_bytes <= INLINE_BYTES_MAX as u64 || measure.ambiguous {
            return Ok(None);
        }
        let text = canonical_json(value);
        let digest = Digest::of_bytes(text.as_bytes());
        self.payloads.push((digest, codec::encode(value)));
        Ok(Some(Shelved {
            digest,
            size_bytes: text.len() as u64,
        }))
    }
}

/// Puts the large values back that the run machine and its readers need. Evidence stays a
/// reference: it is for people, and read on demand.
pub(super) fn hydrate(
    kind: &mut RecordKind,
    slot: Option<Shelved>,
    load: &mut dyn FnMut(Digest) -> Result<Value, JournalError>,
) -> Result<(), JournalError> {
    let place = match kind {
        RecordKind::RunStarted(start) => Some(&mut start.input),
        RecordKind::EffectFinished { result, .. } => result.as_mut().ok(),
        RecordKind::Signalled { data, .. } => Some(data),
        RecordKind::Session { body, .. } => Some(body),
        RecordKind::RunFinished { output, .. } => output.as_mut(),
        _ => None,
    };
    if let Some(place @ &mut Payload::Stored { digest, .. }) = place {
        *place = Payload::Inline(load(digest)?);
    }
    let Some(slot) = slot else { return Ok(()) };
    let value = load(slot.digest)?;
    match kind {
        RecordKind::EffectIntended(effect) => put_back(effect, value),
        RecordKind::Decided { decision, .. } => decision.edited = Some(value),
        _ => {
            return Err(JournalError::Damaged(
                "a record refers to a value that its kind has no place for".to_owned(),
            ));
        }
    }
    Ok(())
}

/// Returns every hash that a slim record refers to.
pub(super) fn references(kind: &RecordKind, slot: Option<Shelved>) -> Vec<Digest> {
    let mut found: Vec<Digest> = slot.iter().map(|slot| slot.digest).collect();
    found.extend(kind.stored_payloads());
    found
}

fn asked(effect: &Effect) -> &Value {
    match &effect.request {
        EffectRequest::Call(call) => &call.arguments,
        EffectRequest::Approval(approval) => &approval.shown,
        EffectRequest::Run { input, .. } => input,
        EffectRequest::Timer { .. } => &Value::Null,
    }
}

fn without(effect: &Effect) -> Effect {
    let request = match &effect.request {
        EffectRequest::Call(call) => EffectRequest::Call(crate::Call {
            function: call.function.clone(),
            version: call.version.clone(),
            arguments: Value::Null,
            class: call.class,
            secrets: call.secrets.clone(),
        }),
        EffectRequest::Approval(approval) => EffectRequest::Approval(crate::Approval {
            title: approval.title.clone(),
            shown: Value::Null,
            shown_hash: approval.shown_hash,
            expires_at: approval.expires_at,
            reviewers: approval.reviewers.clone(),
            lapses_to: approval.lapses_to,
        }),
        EffectRequest::Run {
            child,
            routine,
            wait,
            ..
        } => EffectRequest::Run {
            child: *child,
            routine: routine.clone(),
            input: Value::Null,
            wait: *wait,
        },
        EffectRequest::Timer { due } => EffectRequest::Timer { due: *due },
    };
    Effect {
        id: effect.id,
        run: effect.run,
        task: effect.task.clone(),
        attempt: effect.attempt,
        idempotency_key: effect.idempotency_key.clone(),
        asked_at: effect.asked_at,
        deadline: effect.deadline,
        request,
    }
}

fn put_back(effect: &mut Effect, value: Value) {
    match &mut effect.request {
        EffectRequest::Call(call) => call.arguments = value,
        EffectRequest::Approval(approval) => approval.shown = value,
        EffectRequest::Run { input, .. } => *input = value,
        EffectRequest::Timer { .. } => {}
    }
}

/// What has to be known of a value before it is stored.
struct Measure {
    /// About the length of its text, in bytes.
    size_bytes: u64,
    /// The levels of arrays and objects.
    depth: usize,
    /// Whether another value has the same canonical text.
    ambiguous: bool,
}

impl Measure {
    fn of(value: &Value) -> Self {
        let mut measure = Self {
            size_bytes: 0,
            depth: 0,
            ambiguous: false,
        };
        // A stack of its own: the value may be deeper than the thread's stack allows.
        let mut open = vec![(value, 1)];
        while let Some((value, level)) = open.pop() {
            measure.depth = measure.depth.max(level);
            measure.size_bytes += match value {
                Value::Null | Value::Bool(_) => 4,
                Value::Number(number) => {
                    measure.ambiguous |=
                        number.is_f64() && number.as_f64().is_some_and(|f| f.fract() == 0.0);
                    8
                }
                Value::String(text) => text.len() as u64 + 2,
                Value::Array(items) => {
                    open.extend(items.iter().map(|item| (item, level + 1)));
                    items.len() as u64 + 2
                }
                Value::Object(map) => {
                    open.extend(map.values().map(|item| (item, level + 1)));
                    map.keys().map(|key| key.len() as u64 + 4).sum::<u64>() + 2
                }
            };
        }
        measure
    }
}
