//! Commits: what a caller asks to be written, all of it or nothing, and the receipt.

use crate::advice::{Outcome, Recommendation};
use crate::assertion::{Confidence, Polarity};
use crate::{EntityId, Interval, ItemId, Moment, Provenance, Snapshot, Value};

/// The most operations of one commit; each may need a few of the commit's 65,535 rows.
pub(crate) const COMMIT_OPS_MAX: usize = 8_192;
/// The longest name of an entity, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 1_024;
/// The longest predicate, in bytes.
pub(crate) const PREDICATE_BYTES_MAX: usize = 128;
/// The most items that one assertion may be derived from.
pub(crate) const SOURCES_MAX: usize = 64;

/// A set of changes that is applied as a whole, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The time of the commit, by the caller's clock. It orders nothing; the snapshot does.
    pub at: Moment,
    /// Who writes, in the course of what.
    pub provenance: Provenance,
    /// What changes, in order.
    pub ops: Vec<Op>,
    /// What must still be so for the changes to make sense.
    pub expect: Vec<Expect>,
    /// The caller's name for this commit. A second commit with the same key and the same
    /// content changes nothing and returns the first receipt.
    pub idempotency_key: Option<String>,
}

impl Commit {
    /// Makes a commit of operations, without expectations and without a key.
    pub fn new(at: Moment, provenance: Provenance, ops: Vec<Op>) -> Self {
        Self {
            at,
            provenance,
            ops,
            expect: Vec::new(),
            idempotency_key: None,
        }
    }

    /// Gives the commit its idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Adds an expectation.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Says something about an entity.
    Assert(Statement),
    /// Records evidence as it was seen.
    Observe(Observation),
    /// Judges an assertion.
    Judge {
        /// The assertion.
        item: ItemId,
        /// The judgement.
        verdict: Verdict,
    },
    /// Gives an entity another name.
    Alias {
        /// The entity.
        entity: EntityRef,
        /// The other name.
        alias: String,
    },
    /// Says that two entities are one. It counts once it is accepted, rewrites nothing, and is
    /// undone by retracting it.
    Merge(Merge),
    /// Says how many values a predicate has at a time, and what happens to a second one.
    Declare {
        /// The predicate.
        predicate: String,
        /// The policy.
        policy: Policy,
    },
    /// Takes the right to change something, or prolongs it. The item in the receipt is the
    /// lease's epoch.
    TakeLease {
        /// What is leased; a name that callers agree on.
        resource: String,
        /// When the lease ends by itself. Others may take it from then on.
        until: Moment,
    },
    /// Gives a lease back before it ends.
    ReleaseLease {
        /// What is leased.
        resource: String,
        /// The epoch of the lease.
        epoch: ItemId,
    },
    /// Recommends to do something, or not to.
    Recommend(Recommendation),
    /// Records how it went when a recommendation was followed, or not.
    RecordOutcome(Outcome),
}

/// Says that two entities are one and the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The one.
    pub a: EntityRef,
    /// The other.
    pub b: EntityRef,
    /// How sure the author is.
    pub confidence: Confidence,
    /// The evidence.
    pub derived_from: Vec<ItemId>,
}

/// How many accepted values a subject has under one predicate at one moment, and what becomes
/// of a second one. Candidates do not count until they are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Any number. The policy of a predicate for which none was declared.
    Many,
    /// One; a second one is refused with a conflict.
    One,
    /// One; the newest wins, and the others end where it begins to hold.
    LastWins,
    /// One; when there are two, both are disputed until a person decides.
    KeepDisputed,
    /// One; what a routine asserts stays a candidate until a person accepts it. A person's
    /// value ends the others.
    NeedsReview,
}

/// Says something about an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub(crate) subject: EntityRef,
    pub(crate) predicate: String,
    pub(crate) object: ObjectRef,
    pub(crate) polarity: Polarity,
    pub(crate) valid: Interval,
    pub(crate) confidence: Confidence,
    pub(crate) derived_from: Vec<ItemId>,
    pub(crate) replaces: Option<ItemId>,
}

impl Statement {
    /// Makes a statement that holds always, with full confidence.
    pub fn new(
        subject: impl Into<EntityRef>,
        predicate: impl Into<String>,
        object: impl Into<ObjectRef>,
    ) -> Self {
        Self {
            subject: subject.into(),
            predicate: predicate.into(),
            object: object.into(),
            polarity: Polarity::Affirmed,
            valid: Interval::always(),
            confidence: Confidence::FULL,
            derived_from: Vec::new(),
            replaces: None,
        }
    }

    /// Says when it holds.
    #[must_use]
    pub fn valid(mut self, valid: Interval) -> Self {
        self.valid = valid;
        self
    }

    /// Says that it is not so.
    #[must_use]
    pub fn denied(mut self) -> Self {
        self.polarity = Polarity::Denied;
        self
    }

    /// Says how sure the author is.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Names the observations and assertions that it was derived from.
    #[must_use]
    pub fn derived_from(mut self, items: impl IntoIterator<Item = ItemId>) -> Self {
        self.derived_from.extend(items);
        self
    }

    /// Names the assertion that it corrects: that one is retracted in the same commit.
    #[must_use]
    pub fn replacing(mut self, item: ItemId) -> Self {
        self.replaces = Some(item);
        self
    }
}

/// Evidence as it was seen. It is never judged; assertions are derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The entity that it is about; its text is forgotten together with that entity.
    pub about: EntityRef,
    /// What was seen: the text, or the name and hash of what holds it.
    pub content: Value,
    /// Where it was seen, for instance `mail:42`.
    pub source: String,
    /// When it was seen.
    pub observed_at: Moment,
}

/// The judgement of an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is confirmed. Needs a person's authority.
    Accept,
    /// It is in doubt.
    Dispute,
    /// It is wrong. The same value of the same subject and predicate is refused from now on,
    /// whoever asserts it. Needs a person's authority.
    Reject,
    /// It is wrong for some time: the value is refused until the moment.
    RejectUntil(Moment),
    /// The value may be asserted again; the assertion itself stays rejected. Needs a person's
    /// authority.
    Lift,
    /// It is taken back.
    Retract,
}

/// Names an entity: by its id, or by a name that is looked up and, in a write, introduced
/// when nobody has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityRef {
    /// By id.
    Id(EntityId),
    /// By name, with the kind to introduce it with (may be empty).
    Name {
        /// The name. Letter case and white space make no difference.
        name: String,
        /// The kind of an entity that is introduced; not part of its identity.
        kind: String,
    },
}

impl EntityRef {
    /// Names an entity and its kind.
    pub fn of_kind(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self::Name {
            name: name.into(),
            kind: kind.into(),
        }
    }
}

impl From<EntityId> for EntityRef {
    fn from(id: EntityId) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for EntityRef {
    fn from(name: &str) -> Self {
        Self::of_kind(name, "")
    }
}

impl From<String> for EntityRef {
    fn from(name: String) -> Self {
        Self::of_kind(name, "")
    }
}

/// The other side of a predicate, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectRef {
    /// An entity.
    Entity(EntityRef),
    /// A value.
    Value(Value),
}

impl From<EntityRef> for ObjectRef {
    fn from(entity: EntityRef) -> Self {
        Self::Entity(entity)
    }
}

impl From<EntityId> for ObjectRef {
    fn from(id: EntityId) -> Self {
        Self::Entity(EntityRef::Id(id))
    }
}

impl<V: Into<Value>> From<V> for ObjectRef {
    fn from(value: V) -> Self {
        Self::Value(value.into())
    }
}

/// What must be so for a commit to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nobody has changed what is said of a subject and predicate.
    Unchanged {
        /// The subject.
        subject: EntityRef,
        /// The predicate.
        predicate: String,
        /// The version that was read.
        version: Version,
    },
    /// The caller still holds a lease.
    Lease {
        /// What is leased.
        resource: String,
        /// The epoch that the caller was given.
        epoch: ItemId,
    },
}

/// The version of everything that is said about one subject and predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Nothing was ever said.
    Absent,
    /// The last change was made by this commit.
    Commit(Snapshot),
}

/// The answer to a commit that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The first snapshot that shows the commit.
    pub snapshot: Snapshot,
    /// For each operation, in order: the item that it made or judged.
    pub ids: Vec<ItemId>,
    /// Whether an earlier commit with the same key had made the changes.
    pub repeated: Repeated,
}

/// Whether a commit was applied now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    /// It was applied now.
    No,
    /// It had been applied before; nothing changed.
    Yes,
}
