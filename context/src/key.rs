//! The keys of all rows. One ordered map holds every table; the first byte names the table,
//! the next four the scope. `docs/format.md` describes them for people.

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher24;
use smallvec::SmallVec;

use crate::{EntityId, ItemId, Snapshot};

/// A key of a row. All but those with names in them fit without memory of their own.
pub(crate) type RowKey = SmallVec<[u8; 30]>;

/// The number that stands for a scope in keys. 0 is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScopeId(pub(crate) u32);

/// The number that stands for a predicate in the keys of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PredicateId(pub(crate) u32);

impl PredicateId {
    /// Predicates of callers start here; smaller numbers belong to this crate.
    pub(crate) const FIRST: Self = Self(64);
}

/// The other side of a predicate, as it stands in keys: an entity's id or a value's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ObjectKey {
    Entity(EntityId),
    Value(u64),
}

impl ObjectKey {
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Entity(_) => 0,
            Self::Value(_) => 1,
        }
    }

    pub(crate) fn word(self) -> u64 {
        match self {
            Self::Entity(id) => id.number(),
            Self::Value(hash) => hash,
        }
    }

    pub(crate) fn from_parts(tag: u8, word: u64) -> Option<Self> {
        match tag {
            0 => Some(Self::Entity(EntityId::from_number(word))),
            1 => Some(Self::Value(word)),
            _ => None,
        }
    }
}

/// Domains of the keyed hash, in its top byte; the scope fills the rest, so that equal words
/// of two scopes share nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HashDomain {
    Name,
    Value,
    Word,
}

pub(crate) fn scoped_hash(key: IndexKey, domain: HashDomain, scope: ScopeId, text: &str) -> u64 {
    let domain = match domain {
        HashDomain::Name => 1_u64,
        HashDomain::Value => 2,
        HashDomain::Word => 3,
    };
    key.hash((domain << 56) | u64::from(scope.0), text.as_bytes())
}

/// The secret that names, values and words are hashed with, so that an index shows no text;
/// drawn once for a store.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
#[derive(Clone, Copy)]
pub(crate) struct IndexKey {
    k0: u64,
    k1: u64,
}

impl IndexKey {
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(bytes);
        Self {
            k0: number as u64,
            k1: (number >> 64) as u64,
        }
    }

    /// Hashes a text; the domain separates the indexes from each other.
    fn hash(self, domain: u64, text: &[u8]) -> u64 {
        SipHasher24::new_with_keys(self.k0 ^ domain, self.k1).hash(text)
    }
}

impl std::fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexKey(secret)")
    }
}

const META: u8 = b'M';
const SCOPE: u8 = b'S';
const SCOPE_PATH: u8 = b'T';
const PREDICATE: u8 = b'P';
const PREDICATE_NAME: u8 = b'Q';
const LOG: u8 = b'L';
const NAME: u8 = b'N';
const FORWARD: u8 = b'F';
const BACKWARD: u8 = b'B';
const BY_VALUE: u8 = b'V';
const WORD: u8 = b'W';
const WORD_TOTALS: u8 = b'X';
const LINEAGE: u8 = b'D';
const OBSERVED: u8 = b'O';
const BAN: u8 = b'Y';
const LEASE: u8 = b'E';
const IDEMPOTENCY: u8 = b'I';
const SUBJECT_KEY: u8 = b'K';
const BUCKET_KEY: u8 = b'U';
const AUDIT_LEAF: u8 = b'a';
const AUDIT_TILE: u8 = b'b';
const AUDIT_RUN: u8 = b'r';

/// How a row is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Under its own key, with the commit that writes it.
    Alone,
    /// In a block of its commit.
    Log,
    /// First in memory, later in a block of its table: it can be made again from the log.
    Index,
}

/// Says how the row under a key is kept.
pub(crate) fn place_of(key: &[u8]) -> Place {
    match key.first() {
        Some(&LOG) => Place::Log,
        Some(
            &(NAME | FORWARD | BACKWARD | BY_VALUE | WORD | WORD_TOTALS | LINEAGE | OBSERVED | BAN),
        ) => Place::Index,
        _ => Place::Alone,
    }
}

/// Says whether the row under a key repeats something of the log although it stands alone.
pub(crate) fn is_small_index(key: &[u8]) -> bool {
    matches!(key.first(), Some(&(PREDICATE | PREDICATE_NAME | LEASE)))
}

/// A key under construction.
struct Key(RowKey);

impl Key {
    fn new(table: u8) -> Self {
        let mut bytes = RowKey::new();
        bytes.push(table);
        Self(bytes)
    }

    fn scoped(table: u8, scope: ScopeId) -> Self {
        Self::new(table).u32(scope.0)
    }

    fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// Returns the first key after all keys that start with the prefix.
pub(crate) fn prefix_end(prefix: &[u8]) -> RowKey {
    let mut end = RowKey::from_slice(prefix);
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    unreachable!("table letters are below 255, so some byte can be counted up")
}

pub(crate) fn meta(name: &str) -> RowKey {
    Key::new(META).bytes(name.as_bytes()).0
}

pub(crate) fn scope(path: &[u8]) -> RowKey {
    Key::new(SCOPE).bytes(path).0
}

pub(crate) fn scope_path(scope: ScopeId) -> RowKey {
    Key::scoped(SCOPE_PATH, scope).0
}

pub(crate) fn scope_paths() -> RowKey {
    Key::new(SCOPE_PATH).0
}

pub(crate) fn predicate(scope: ScopeId, name: &str) -> RowKey {
    Key::scoped(PREDICATE, scope).bytes(name.as_bytes()).0
}

pub(crate) fn predicate_name(scope: ScopeId, predicate: PredicateId) -> RowKey {
    Key::scoped(PREDICATE_NAME, scope).u32(predicate.0).0
}

pub(crate) fn predicate_names(scope: ScopeId) -> RowKey {
    Key::scoped(PREDICATE_NAME, scope).0
}

/// All tables of a scope that repeat something of the log.
pub(crate) fn index_tables(scope: ScopeId) -> Vec<RowKey> {
    [
        PREDICATE,
        PREDICATE_NAME,
        NAME,
        FORWARD,
        BACKWARD,
        BY_VALUE,
        WORD,
        WORD_TOTALS,
        LINEAGE,
        OBSERVED,
        BAN,
        LEASE,
    ]
    .map(|table| Key::scoped(table, scope).0)
    .to_vec()
}

/// The rows of a scope that belong to commits after one.
pub(crate) fn log_after(scope: ScopeId, commit: Snapshot) -> RowKey {
    log_item(scope, ItemId::new(commit.next(), 0))
}

/// The row of an item, an entity or (with number `commit << 16`) a commit.
pub(crate) fn log(scope: ScopeId, row: u64) -> RowKey {
    Key::scoped(LOG, scope).u64(row).0
}

pub(crate) fn log_item(scope: ScopeId, item: ItemId) -> RowKey {
    log(scope, item.number())
}

pub(crate) fn log_commit(scope: ScopeId, commit: Snapshot) -> RowKey {
    log(scope, ItemId::new(commit, 0).number())
}

pub(crate) fn name(scope: ScopeId, hash: u64, entity: EntityId) -> RowKey {
    Key::scoped(NAME, scope).u64(hash).u64(entity.number()).0
}

pub(crate) fn names(scope: ScopeId, hash: u64) -> RowKey {
    Key::scoped(NAME, scope).u64(hash).0
}

pub(crate) fn forward(
    scope: ScopeId,
    subject: EntityId,
    predicate: PredicateId,
    item: ItemId,
) -> RowKey {
    Key::scoped(FORWARD, scope)
        .u64(subject.number())
        .u32(predicate.0)
        .u64(item.number())
        .0
}

pub(crate) fn forward_of(scope: ScopeId, subject: EntityId) -> RowKey {
    Key::scoped(FORWARD, scope).u64(subject.number()).0
}

pub(crate) fn forward_all(scope: ScopeId) -> RowKey {
    Key::scoped(FORWARD, scope).0
}

pub(crate) fn forward_pair(scope: ScopeId, subject: EntityId, predicate: PredicateId) -> RowKey {
    Key::scoped(FORWARD, scope)
        .u64(subject.number())
        .u32(predicate.0)
        .0
}

pub(crate) fn backward(
    scope: ScopeId,
    object: EntityId,
    predicate: PredicateId,
    item: ItemId,
) -> RowKey {
    Key::scoped(BACKWARD, scope)
        .u64(object.number())
        .u32(predicate.0)
        .u64(item.number())
        .0
}

pub(crate) fn backward_of(scope: ScopeId, object: EntityId) -> RowKey {
    Key::scoped(BACKWARD, scope).u64(object.number()).0
}

pub(crate) fn backward_pair(scope: ScopeId, object: EntityId, predicate: PredicateId) -> RowKey {
    Key::scoped(BACKWARD, scope)
        .u64(object.number())
        .u32(predicate.0)
        .0
}

pub(crate) fn by_value(
    scope: ScopeId,
    predicate: PredicateId,
    object: ObjectKey,
    item: ItemId,
) -> RowKey {
    Key::scoped(BY_VALUE, scope)
        .u32(predicate.0)
        .byte(object.tag())
        .u64(object.word())
        .u64(item.number())
        .0
}

pub(crate) fn by_value_of(scope: ScopeId, predicate: PredicateId) -> RowKey {
    Key::scoped(BY_VALUE, scope).u32(predicate.0).0
}

pub(crate) fn by_value_pair(scope: ScopeId, predicate: PredicateId, object: ObjectKey) -> RowKey {
    Key::scoped(BY_VALUE, scope)
        .u32(predicate.0)
        .byte(object.tag())
        .u64(object.word())
        .0
}

pub(crate) fn word(scope: ScopeId, word: u64, item: ItemId) -> RowKey {
    Key::scoped(WORD, scope).u64(word).u64(item.number()).0
}

pub(crate) fn word_list(scope: ScopeId, word: u64) -> RowKey {
    Key::scoped(WORD, scope).u64(word).0
}

pub(crate) fn word_totals(scope: ScopeId, commit: Snapshot) -> RowKey {
    Key::scoped(WORD_TOTALS, scope).u64(commit.number()).0
}

pub(crate) fn word_totals_of(scope: ScopeId) -> RowKey {
    Key::scoped(WORD_TOTALS, scope).0
}

pub(crate) fn lineage(scope: ScopeId, source: ItemId, derived: ItemId) -> RowKey {
    Key::scoped(LINEAGE, scope)
        .u64(source.number())
        .u64(derived.number())
        .0
}

pub(crate) fn lineage_of(scope: ScopeId, source: ItemId) -> RowKey {
    Key::scoped(LINEAGE, scope).u64(source.number()).0
}

pub(crate) fn observed(scope: ScopeId, about: EntityId, item: ItemId) -> RowKey {
    Key::scoped(OBSERVED, scope)
        .u64(about.number())
        .u64(item.number())
        .0
}

pub(crate) fn observed_of(scope: ScopeId, about: EntityId) -> RowKey {
    Key::scoped(OBSERVED, scope).u64(about.number()).0
}

pub(crate) fn ban(
    scope: ScopeId,
    subject: EntityId,
    predicate: PredicateId,
    object: ObjectKey,
) -> RowKey {
    Key::scoped(BAN, scope)
        .u64(subject.number())
        .u32(predicate.0)
        .byte(object.tag())
        .u64(object.word())
        .0
}

/// A row that is there once anything in the scope was merged.
pub(crate) fn merged(scope: ScopeId) -> RowKey {
    predicate_name(scope, crate::reserved::SAME_AS)
}

pub(crate) fn bans_of(scope: ScopeId, subject: EntityId) -> RowKey {
    Key::scoped(BAN, scope).u64(subject.number()).0
}

pub(crate) fn bans(scope: ScopeId) -> RowKey {
    Key::scoped(BAN, scope).0
}

/// The resource stands under its hash, so that keys have one length.
pub(crate) fn lease(scope: ScopeId, resource: &str) -> RowKey {
    let hash = Sha256::digest(resource);
    Key::scoped(LEASE, scope).bytes(&hash[..16]).0
}

pub(crate) fn idempotency(scope: ScopeId, hash: &[u8; 32]) -> RowKey {
    Key::scoped(IDEMPOTENCY, scope).bytes(&hash[..16]).0
}

pub(crate) fn subject_key(bucket: u8, scope: ScopeId, entity: EntityId) -> RowKey {
    Key::new(SUBJECT_KEY)
        .byte(bucket)
        .u32(scope.0)
        .u64(entity.number())
        .0
}

pub(crate) fn subject_keys(bucket: u8) -> RowKey {
    Key::new(SUBJECT_KEY).byte(bucket).0
}

pub(crate) fn bucket_keys() -> RowKey {
    Key::new(BUCKET_KEY).0
}

pub(crate) fn bucket_key(bucket: u16) -> RowKey {
    Key::new(BUCKET_KEY).bytes(&bucket.to_be_bytes()).0
}

pub(crate) fn audit_leaf(position: u64) -> RowKey {
    Key::new(AUDIT_LEAF).u64(position).0
}

pub(crate) fn audit_leaves() -> RowKey {
    Key::new(AUDIT_LEAF).0
}

pub(crate) fn audit_tile(level: u8, index: u64) -> RowKey {
    Key::new(AUDIT_TILE).byte(level).u64(index).0
}

pub(crate) fn audit_runs() -> RowKey {
    Key::new(AUDIT_RUN).0
}

pub(crate) fn audit_run(run: &[u8; 16], seq: u64) -> RowKey {
    Key::new(AUDIT_RUN).bytes(run).u64(seq).0
}

/// Returns the last eight bytes of a key as a number: the row id that most keys end with.
pub(crate) fn last_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*key.last_chunk()?))
}

/// Returns the predicate that stands in a key of the forward or backward table.
pub(crate) fn edge_predicate(key: &[u8]) -> Option<PredicateId> {
    let bytes = key.get(13..17)?.try_into().ok()?;
    Some(PredicateId(u32::from_be_bytes(bytes)))
}
