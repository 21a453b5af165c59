//! Assertions as they are read: who said what about whom, when it holds, since when it is
//! known, and how far it may be trusted.

use std::fmt;

use crate::{EntityId, Interval, ItemId, Moment, Provenance, Snapshot, Value};

/// An entity as it is read: its id and the name it was first given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entity {
    /// The id.
    pub id: EntityId,
    /// The first name.
    pub name: String,
    /// The kind that it was introduced with, empty when none was given.
    pub kind: String,
}

/// What an assertion says about its subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// Another entity.
    Entity(Entity),
    /// A value.
    Value(Value),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entity(entity) => f.write_str(&entity.name),
            Self::Value(value) => value.fmt(f),
        }
    }
}

/// One assertion, as seen from one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Its id.
    pub id: ItemId,
    /// What it is about.
    pub subject: Entity,
    /// What it says of the subject, for instance `works-at`.
    pub predicate: String,
    /// The other side of the predicate.
    pub object: Object,
    /// Whether it says so or denies it.
    pub polarity: Polarity,
    /// When it holds, in the world.
    pub valid: Interval,
    /// Since when, and until when, the store believed it.
    pub known: Known,
    /// How far it may be trusted at the snapshot: its own trust, and no more than that of
    /// anything it was derived from.
    pub trust: Trust,
    /// How sure its author was.
    pub confidence: Confidence,
    /// The assertion that it corrects.
    pub replaces: Option<ItemId>,
    /// The items that it was derived from.
    pub derived_from: Vec<ItemId>,
    /// Who wrote it, in which run, task and model call.
    pub provenance: Provenance,
    /// When it was committed.
    pub committed_at: Moment,
}

impl fmt::Display for Assertion {
    /// Writes `subject · predicate · object`, with `not` before a denied predicate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = match self.polarity {
            Polarity::Affirmed => "",
            Polarity::Denied => "not ",
        };
        write!(
            f,
            "{} · {not}{} · {}",
            self.subject.name, self.predicate, self.object
        )
    }
}

/// Whether an assertion says that something is so, or that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Polarity {
    /// It is so.
    Affirmed,
    /// It is not so.
    Denied,
}

/// The span of the transaction axis in which an assertion was believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// The commit that wrote it.
    pub from: Snapshot,
    /// The commit that ended the belief, at or before the snapshot that is read.
    pub to: Option<Snapshot>,
}

/// How far an assertion may be trusted. The order is the order of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trust {
    /// Taken back, or replaced by a newer assertion; no longer believed.
    Retracted,
    /// Judged to be wrong; no longer believed.
    Rejected,
    /// Contradicted by another one that has not been ruled out.
    Disputed,
    /// Written by a model or an import, not confirmed.
    Candidate,
    /// Confirmed by a person, or measured by a routine.
    Accepted,
}

impl Trust {
    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::Retracted => 0,
            Self::Rejected => 1,
            Self::Disputed => 2,
            Self::Candidate => 3,
            Self::Accepted => 4,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Retracted,
            1 => Self::Rejected,
            2 => Self::Disputed,
            3 => Self::Candidate,
            4 => Self::Accepted,
            _ => return None,
        })
    }

    /// Says whether an assertion in this state is believed at all.
    pub fn is_live(self) -> bool {
        self > Self::Rejected
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retracted => "retracted",
            Self::Rejected => "rejected",
            Self::Disputed => "disputed",
            Self::Candidate => "candidate",
            Self::Accepted => "accepted",
        })
    }
}

/// How sure the author of an assertion was, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence {
    /// That the assertion was read correctly from its source; 0 to 1000.
    pub extraction_permille: u16,
    /// That the source is right; 0 to 1000.
    pub source_permille: u16,
}

impl Confidence {
    /// The confidence of somebody who reports what they saw themselves.
    pub const FULL: Self = Self {
        extraction_permille: 1000,
        source_permille: 1000,
    };

    /// Returns the product of both, in thousandths.
    pub fn permille(self) -> u16 {
        let product = u32::from(self.extraction_permille) * u32::from(self.source_permille) / 1000;
        u16::try_from(product).unwrap_or(u16::MAX)
    }
}
