//! A draft: one commit while its rows are being staged. It numbers the rows, seals their text,
//! writes them to the log and keeps the indexes in step.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::audit::Hash;
use crate::codec::Encoder;
use crate::commit::{Commit, EntityRef, NAME_BYTES_MAX, PREDICATE_BYTES_MAX, Policy};
use crate::head::Head;
use crate::id::ORDINAL_MAX;
use crate::key::{self, PredicateId, ScopeId};
use crate::keyring::Keyring;
use crate::reading::Reading;
use crate::reserved;
use crate::row::{CommitRow, EntityRow, LogRow, PredicateRow, Sealed};
use crate::scope::{Access, Scope};
use crate::seal::{Entropy, Key, Part};
use crate::stage::{Stage, last_with_prefix};
use crate::value::normalise;
use crate::writer::index::Index;
use crate::writer::trail::CommitDigest;
use crate::{ContextError, EntityId, ItemId, Moment, Snapshot};

/// One commit under construction.
pub(crate) struct Draft<'d, 's> {
    pub(crate) index: Index<'d, 's>,
    pub(crate) scope: ScopeId,
    /// The number that the commit will have.
    pub(crate) commit: Snapshot,
    pub(crate) access: &'d Access,
    /// The time of the commit.
    pub(crate) at: Moment,
    /// Items that everything in the commit is derived from.
    pub(crate) sources: &'d [ItemId],
    /// Whether any value of the scope was ever rejected.
    pub(crate) has_bans: bool,
    entropy: &'d mut Entropy,
    /// The row that was numbered last.
    ordinal: u16,
    digest: CommitDigest,
    /// Entities that the commit has named, by the name that it used.
    found: BTreeMap<String, EntityId>,
    /// Keys of entities that the commit has sealed text under.
    subject_keys: BTreeMap<EntityId, Key>,
    /// Names of entities that the commit has touched, for their words.
    names: BTreeMap<EntityId, String>,
    /// Predicates that the commit has used, with their policies.
    predicates: BTreeMap<String, (PredicateId, Policy)>,
}

impl<'d, 's> Draft<'d, 's> {
    pub(crate) fn new(
        stage: &'d mut Stage<'s>,
        head: &mut Head,
        keys: &'d Keyring,
        entropy: &'d mut Entropy,
        access: &'d Access,
        commit: &'d Commit,
    ) -> Result<Self, ContextError> {
        let scope = scope_number(stage, head, access.scope())?;
        let has_bans = last_with_prefix(stage, &key::bans(scope))?.is_some();
        let number = head.snapshot.next();
        Ok(Self {
            index: Index::new(stage, keys, scope, number),
            scope,
            commit: number,
            access,
            at: commit.at,
            sources: &commit.provenance.derived_from,
            has_bans,
            entropy,
            ordinal: 0,
            digest: CommitDigest::default(),
            found: BTreeMap::new(),
            subject_keys: BTreeMap::new(),
            names: BTreeMap::new(),
            predicates: BTreeMap::new(),
        })
    }

    /// Stages the head of the commit, so that what the commit reads of itself has its
    /// provenance; it is staged again at the end, when the rows are counted.
    pub(crate) fn begin(&mut self, commit: &Commit) {
        let row = LogRow::Commit(commit_row(commit, 0));
        let key = key::log_commit(self.scope, self.commit);
        self.index.stage.put(key, row.encode());
    }

    /// Reads what the commit sees: everything before it, and what it has staged itself.
    pub(crate) fn reading(&self) -> Reading<'_> {
        self.index.reading()
    }

    pub(crate) fn stage(&mut self) -> &mut Stage<'s> {
        self.index.stage
    }

    pub(crate) fn next_ordinal(&mut self) -> Result<u16, ContextError> {
        if self.ordinal == ORDINAL_MAX {
            return Err(ContextError::invalid(
                "a commit has at most 65535 rows: split it",
            ));
        }
        self.ordinal += 1;
        Ok(self.ordinal)
    }

    pub(crate) fn next_item(&mut self) -> Result<ItemId, ContextError> {
        let ordinal = self.next_ordinal()?;
        Ok(ItemId::new(self.commit, ordinal))
    }

    /// Returns how many rows were numbered.
    pub(crate) fn rows(&self) -> u16 {
        self.ordinal
    }

    /// Stages a row of the log, and counts it into the digest of the commit.
    pub(crate) fn put_log(&mut self, number: u64, row: &LogRow) {
        let bytes = row.encode();
        self.digest.row(number, &bytes);
        self.index.stage.put(key::log(self.scope, number), bytes);
    }

    /// Numbers and stages a row of the log.
    pub(crate) fn add_log(&mut self, row: &LogRow) -> Result<ItemId, ContextError> {
        let item = self.next_item()?;
        self.put_log(item.number(), row);
        Ok(item)
    }

    /// Ends the draft and returns the stage and the hash of all rows.
    pub(crate) fn finish(self) -> (&'d mut Stage<'s>, Hash) {
        (self.index.finish(), self.digest.finish())
    }

    /// Finds an entity, or introduces it when it is named and nobody has the name.
    pub(crate) fn entity(&mut self, entity: &EntityRef) -> Result<EntityId, ContextError> {
        if let EntityRef::Name { name, .. } = entity
            && let Some(&id) = self.found.get(name)
        {
            return Ok(id);
        }
        let id = match self.reading().find(entity)? {
            Some(id) => id,
            None => self.introduce_entity(entity)?,
        };
        if let EntityRef::Name { name, .. } = entity {
            self.found.insert(name.clone(), id);
        }
        Ok(id)
    }

    /// Forgets which entities were found by which names: a name has been given or taken.
    pub(crate) fn names_changed(&mut self) {
        self.found.clear();
    }

    fn introduce_entity(&mut self, entity: &EntityRef) -> Result<EntityId, ContextError> {
        match entity {
            EntityRef::Id(id) => Err(ContextError::UnknownEntity {
                name: id.to_string(),
            }),
            EntityRef::Name { name, kind } => self.introduce(name, kind),
        }
    }

    fn introduce(&mut self, name: &str, kind: &str) -> Result<EntityId, ContextError> {
        if normalise(name).is_empty() || name.len() + kind.len() > NAME_BYTES_MAX {
            return Err(ContextError::invalid(format!(
                "the name and kind of an entity take 1 to {NAME_BYTES_MAX} bytes"
            )));
        }
        let id = EntityId::new(self.commit, self.next_ordinal()?);
        let keys = self.index.keys;
        let key = keys.create_subject(self.index.stage, self.scope, id, self.entropy)?;
        let mut plain = Encoder::new();
        plain.text(name).text(kind);
        let sealed = seal(&key, id.number(), &plain.finish());
        self.put_log(id.number(), &LogRow::Entity(EntityRow { sealed }));
        self.index.name(id, name);
        self.subject_keys.insert(id, key);
        self.names.insert(id, name.to_owned());
        Ok(id)
    }

    /// Returns the name of an entity; empty when it was forgotten.
    pub(crate) fn name_of(&mut self, id: EntityId) -> Result<String, ContextError> {
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let name = self.reading().entity(id)?.map(|entity| entity.name);
        let name = name.unwrap_or_default();
        self.names.insert(id, name.clone());
        Ok(name)
    }

    /// Finds the number of a predicate, or gives it one.
    pub(crate) fn predicate(&mut self, name: &str) -> Result<(PredicateId, Policy), ContextError> {
        if let Some(&known) = self.predicates.get(name) {
            return Ok(known);
        }
        let known = match self.reading().predicate(name)? {
            Some(id) => (id, self.policy(id)?),
            None => (self.introduce_predicate(name)?, Policy::Many),
        };
        self.predicates.insert(name.to_owned(), known);
        Ok(known)
    }

    pub(crate) fn policy(&self, id: PredicateId) -> Result<Policy, ContextError> {
        self.reading().policy(id)
    }

    fn introduce_predicate(&mut self, name: &str) -> Result<PredicateId, ContextError> {
        if !is_predicate(name) {
            return Err(ContextError::invalid(format!(
                "a predicate takes 1 to {PREDICATE_BYTES_MAX} bytes without control characters"
            )));
        }
        let last = last_with_prefix(self.index.stage, &key::predicate_names(self.scope))?;
        let last = last.and_then(|(key, _)| key.last_chunk().copied());
        let next = last.map_or(0, |number| u32::from_be_bytes(number) + 1);
        let id = PredicateId(next.max(PredicateId::FIRST.0));
        self.add_log(&LogRow::Predicate(PredicateRow {
            id,
            name: name.to_owned(),
        }))?;
        self.index.predicate(id, name, Policy::Many);
        Ok(id)
    }

    /// Sets the policy of a predicate for the rest of the commit and from then on.
    pub(crate) fn set_policy(&mut self, id: PredicateId, name: &str, policy: Policy) {
        self.index.predicate(id, name, policy);
        self.predicates.insert(name.to_owned(), (id, policy));
    }

    /// Seals text of a row under the key of the entity that it is about.
    pub(crate) fn seal(
        &mut self,
        about: EntityId,
        item: ItemId,
        plain: &[u8],
    ) -> Result<Sealed, ContextError> {
        if let Some(key) = self.subject_keys.get(&about) {
            return Ok(seal(key, item.number(), plain));
        }
        let key = self.reading().subject_key(about)?;
        let key = key.ok_or_else(|| ContextError::UnknownEntity {
            name: about.to_string(),
        })?;
        let sealed = seal(&key, item.number(), plain);
        self.subject_keys.insert(about, key);
        Ok(sealed)
    }
}

/// Says whether a text can be a predicate.
pub(crate) fn is_predicate(name: &str) -> bool {
    let fits = !name.trim().is_empty() && name.len() <= PREDICATE_BYTES_MAX;
    fits && !name.chars().any(char::is_control) && !name.starts_with(reserved::PREFIX)
}

/// Makes the head of a commit.
pub(crate) fn commit_row(commit: &Commit, rows: u16) -> CommitRow {
    let key = commit.idempotency_key.as_deref();
    CommitRow {
        at: commit.at,
        provenance: commit.provenance.clone(),
        key_hash: key.map(|key| *key_hash(key).first_chunk().expect("16 of 32 bytes")),
        rows,
    }
}

/// Hashes an idempotency key, which may be of any length.
pub(crate) fn key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

fn seal(key: &Key, row: u64, plain: &[u8]) -> Sealed {
    Sealed {
        commitment: key.commitment(row, plain),
        ciphertext: key.seal(row, Part::Text, plain),
    }
}

/// Finds the number of a scope, or gives it the next one.
fn scope_number(
    stage: &mut Stage<'_>,
    head: &mut Head,
    scope: &Scope,
) -> Result<ScopeId, ContextError> {
    let path = scope.to_bytes();
    if let Some(id) = crate::reading::find_scope(stage, &path)? {
        return Ok(id);
    }
    let id = head.next_scope();
    stage.put(key::scope(&path), id.0.to_be_bytes().to_vec());
    stage.put(key::scope_path(id), path);
    Ok(id)
}
