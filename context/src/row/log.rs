//! Rows of the log: everything that was ever committed, in order. Text stands in them sealed.

use crate::assertion::{Confidence, Polarity, Trust};
use crate::codec::{Decoder, Encoder};
use crate::commit::Policy;
use crate::key::PredicateId;
use crate::provenance::{Actor, Provenance};
use crate::{EntityId, Interval, ItemId, Moment, Value};

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogRow {
    Commit(CommitRow),
    Assertion(AssertionRow),
    Observation(ObservationRow),
    Transition(TransitionRow),
    Entity(EntityRow),
    Predicate(PredicateRow),
    Policy(PolicyRow),
    Lease(LeaseRow),
    Ban(BanRow),
    /// The bans on the value of an item were lifted.
    Lift(ItemId),
    /// An entity was forgotten.
    Erasure(EntityId),
}

/// The head of a commit: the first of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitRow {
    pub(crate) at: Moment,
    pub(crate) provenance: Provenance,
    /// The first half of the hash of the idempotency key.
    pub(crate) key_hash: Option<[u8; 16]>,
    /// The rows of the commit after this one.
    pub(crate) rows: u16,
}

/// Sealed text, with the commitment that the audit trail vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) commitment: [u8; 32],
    pub(crate) ciphertext: Vec<u8>,
}

/// The other side of an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Entity(EntityId),
    Value(Sealed),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AssertionRow {
    pub(crate) subject: EntityId,
    pub(crate) predicate: PredicateId,
    pub(crate) polarity: Polarity,
    pub(crate) valid: Interval,
    pub(crate) trust: Trust,
    pub(crate) confidence: Confidence,
    pub(crate) replaces: Option<ItemId>,
    pub(crate) derived_from: Vec<ItemId>,
    pub(crate) content: Content,
    /// Words under which it is found; 0 when it is not.
    pub(crate) words: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservationRow {
    pub(crate) about: EntityId,
    pub(crate) observed_at: Moment,
    /// Source and content.
    pub(crate) sealed: Sealed,
    /// Words under which it is found.
    pub(crate) words: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransitionRow {
    pub(crate) item: ItemId,
    pub(crate) trust: Trust,
}

/// A ban on the value of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BanRow {
    pub(crate) item: ItemId,
    /// When the value may be asserted again.
    pub(crate) expires: Option<Moment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityRow {
    /// Name and kind.
    pub(crate) sealed: Sealed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PredicateRow {
    pub(crate) id: PredicateId,
    pub(crate) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyRow {
    pub(crate) predicate: PredicateId,
    pub(crate) policy: Policy,
}

/// A lease as it was taken or given back. Its epoch is the row's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeaseRow {
    pub(crate) resource: String,
    pub(crate) holder: Actor,
    /// When it ends; the beginning of time when it was given back.
    pub(crate) until: Moment,
}

impl LogRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        match self {
            Self::Commit(row) => row.encode(out.byte(0)),
            Self::Assertion(row) => row.encode(out.byte(1)),
            Self::Observation(row) => {
                out.byte(2).number(row.about.number());
                out.signed(row.observed_at.as_millis());
                row.sealed.encode(&mut out);
                out.number(u64::from(row.words));
            }
            Self::Transition(row) => {
                out.byte(3).number(row.item.number());
                out.byte(row.trust.to_byte());
            }
            Self::Entity(row) => row.sealed.encode(out.byte(4)),
            Self::Predicate(row) => {
                out.byte(5).number(u64::from(row.id.0)).text(&row.name);
            }
            Self::Policy(row) => {
                out.byte(6).number(u64::from(row.predicate.0));
                out.byte(policy_byte(row.policy));
            }
            Self::Lease(row) => row.encode(out.byte(7)),
            Self::Lift(item) => {
                out.byte(8).number(item.number());
            }
            Self::Erasure(entity) => {
                out.byte(9).number(entity.number());
            }
            Self::Ban(row) => {
                out.byte(10).number(row.item.number());
                out.optional_moment(row.expires);
            }
        }
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Decoder::new(bytes);
        Some(match input.byte()? {
            0 => Self::Commit(CommitRow::decode(&mut input)?),
            1 => Self::Assertion(AssertionRow::decode(&mut input)?),
            2 => Self::Observation(ObservationRow {
                about: EntityId::from_number(input.number()?),
                observed_at: Moment::from_millis(input.signed()?),
                sealed: Sealed::decode(&mut input)?,
                words: input.small()?,
            }),
            3 => Self::Transition(TransitionRow {
                item: ItemId::from_number(input.number()?),
                trust: Trust::from_byte(input.byte()?)?,
            }),
            4 => Self::Entity(EntityRow {
                sealed: Sealed::decode(&mut input)?,
            }),
            5 => Self::Predicate(PredicateRow {
                id: PredicateId(input.small()?),
                name: input.text()?,
            }),
            6 => Self::Policy(PolicyRow {
                predicate: PredicateId(input.small()?),
                policy: decode_policy(input.byte()?)?,
            }),
            7 => Self::Lease(LeaseRow::decode(&mut input)?),
            8 => Self::Lift(ItemId::from_number(input.number()?)),
            9 => Self::Erasure(EntityId::from_number(input.number()?)),
            10 => Self::Ban(BanRow {
                item: ItemId::from_number(input.number()?),
                expires: input.optional_moment()?,
            }),
            _ => return None,
        })
    }
}

impl CommitRow {
    fn encode(&self, out: &mut Encoder) {
        let provenance = &self.provenance;
        out.signed(self.at.as_millis());
        encode_actor(&provenance.actor, out);
        out.optional_text(provenance.run.as_deref());
        out.optional_text(provenance.task.as_deref());
        out.number(u64::from(provenance.attempt));
        out.optional_text(provenance.model_call.as_deref());
        out.optional_text(provenance.tool_call.as_deref());
        out.items(&provenance.derived_from);
        out.optional_snapshot(provenance.read_snapshot);
        match &self.key_hash {
            None => out.byte(0),
            Some(hash) => out.byte(1).raw(hash),
        };
        out.number(u64::from(self.rows));
    }

    fn decode(input: &mut Decoder<'_>) -> Option<Self> {
        Some(Self {
            at: Moment::from_millis(input.signed()?),
            provenance: Provenance {
                actor: decode_actor(input)?,
                run: input.optional_text()?,
                task: input.optional_text()?,
                attempt: input.small()?,
                model_call: input.optional_text()?,
                tool_call: input.optional_text()?,
                derived_from: input.items()?,
                read_snapshot: input.optional_snapshot()?,
            },
            key_hash: match input.byte()? {
                0 => None,
                _ => Some(input.raw()?),
            },
            rows: input.small()?,
        })
    }
}

impl AssertionRow {
    fn encode(&self, out: &mut Encoder) {
        out.number(self.subject.number());
        out.number(u64::from(self.predicate.0));
        let denied = u8::from(self.polarity == Polarity::Denied);
        let is_value = u8::from(matches!(self.content, Content::Value(_)));
        let replaces = u8::from(self.replaces.is_some());
        out.byte(denied | (is_value << 1) | (replaces << 2));
        out.interval(self.valid);
        out.byte(self.trust.to_byte());
        out.number(u64::from(self.confidence.extraction_permille));
        out.number(u64::from(self.confidence.source_permille));
        if let Some(item) = self.replaces {
            out.number(item.number());
        }
        out.items(&self.derived_from);
        match &self.content {
            Content::Entity(id) => {
                out.number(id.number());
            }
            Content::Value(sealed) => sealed.encode(out),
        }
        out.number(u64::from(self.words));
    }

    fn decode(input: &mut Decoder<'_>) -> Option<Self> {
        let subject = EntityId::from_number(input.number()?);
        let predicate = PredicateId(input.small()?);
        let flags = input.byte()?;
        Some(Self {
            subject,
            predicate,
            polarity: match flags & 1 {
                0 => Polarity::Affirmed,
                _ => Polarity::Denied,
            },
            valid: input.interval()?,
            trust: Trust::from_byte(input.byte()?)?,
            confidence: Confidence {
                extraction_permille: input.small()?,
                source_permille: input.small()?,
            },
            replaces: match flags & 4 {
                0 => None,
                _ => Some(ItemId::from_number(input.number()?)),
            },
            derived_from: input.items()?,
            content: match flags & 2 {
                0 => Content::Entity(EntityId::from_number(input.number()?)),
                _ => Content::Value(Sealed::decode(input)?),
            },
            words: input.small()?,
        })
    }
}

impl LeaseRow {
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.text(&self.resource);
        encode_actor(&self.holder, out);
        out.signed(self.until.as_millis());
    }

    pub(crate) fn decode(input: &mut Decoder<'_>) -> Option<Self> {
        Some(Self {
            resource: input.text()?,
            holder: decode_actor(input)?,
            until: Moment::from_millis(input.signed()?),
        })
    }
}

impl Sealed {
    fn encode(&self, out: &mut Encoder) {
        out.raw(&self.commitment).blob(&self.ciphertext);
    }

    fn decode(input: &mut Decoder<'_>) -> Option<Self> {
        Some(Self {
            commitment: input.raw()?,
            ciphertext: input.blob()?.to_vec(),
        })
    }
}

fn encode_actor(actor: &Actor, out: &mut Encoder) {
    match actor {
        Actor::Engine => out.byte(0),
        Actor::Agent(name) => out.byte(1).text(name),
        Actor::Person(name) => out.byte(2).text(name),
        Actor::Tool(name) => out.byte(3).text(name),
    };
}

fn decode_actor(input: &mut Decoder<'_>) -> Option<Actor> {
    Some(match input.byte()? {
        0 => Actor::Engine,
        1 => Actor::Agent(input.text()?),
        2 => Actor::Person(input.text()?),
        3 => Actor::Tool(input.text()?),
        _ => return None,
    })
}

pub(crate) fn policy_byte(policy: Policy) -> u8 {
    match policy {
        Policy::Many => 0,
        Policy::One => 1,
        Policy::LastWins => 2,
        Policy::KeepDisputed => 3,
        Policy::NeedsReview => 4,
    }
}

pub(crate) fn decode_policy(byte: u8) -> Option<Policy> {
    Some(match byte {
        0 => Policy::Many,
        1 => Policy::One,
        2 => Policy::LastWins,
        3 => Policy::KeepDisputed,
        4 => Policy::NeedsReview,
        _ => return None,
    })
}

/// Writes a value in the form in which it is sealed.
pub(crate) fn encode_value(value: &Value, out: &mut Encoder) {
    match value {
        Value::Text(text) => out.byte(0).text(text),
        Value::Integer(number) => out.byte(1).signed(*number),
        Value::Bool(truth) => out.byte(2).byte(u8::from(*truth)),
        Value::Moment(moment) => out.byte(3).signed(moment.as_millis()),
        Value::Json(json) => out.byte(4).text(json.as_str()),
    };
}

pub(crate) fn decode_value(input: &mut Decoder<'_>) -> Option<Value> {
    Some(match input.byte()? {
        0 => Value::Text(input.text()?),
        1 => Value::Integer(input.signed()?),
        2 => Value::Bool(input.byte()? != 0),
        3 => Value::Moment(Moment::from_millis(input.signed()?)),
        4 => Value::stored_json(input.text()?),
        _ => return None,
    })
}
