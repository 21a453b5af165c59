//! A draft: one commit while its rows are being staged. It numbers the rows, seals their text
//! and keeps every index in step.

use std::collections::BTreeMap;

use crate::assertion::Trust;
use crate::audit::Hash;
use crate::codec::Encoder;
use crate::commit::{EntityRef, NAME_BYTES_MAX, PREDICATE_BYTES_MAX};
use crate::head::Head;
use crate::id::ORDINAL_MAX;
use crate::key::{self, HashDomain, PredicateId, ScopeId};
use crate::keyring::Keyring;
use crate::reading::{Origin, Reading};
use crate::row::{EntityRow, LogRow, PredicateRow, Sealed};
use crate::scope::{Access, Scope};
use crate::seal::{Entropy, Key, Part};
use crate::text::{DOCUMENT_WORDS_MAX, Posting, Totals, append_posting, postings, words};
use crate::value::normalise;
use crate::writer::trail::CommitDigest;
use crate::writer::{Stage, last_with_prefix};
use crate::{ContextError, EntityId, ItemId, Snapshot};

/// The longest chunk of a word's list, in bytes: appending to it rewrites it.
const CHUNK_BYTES_MAX: usize = 512;

/// One commit under construction.
pub(crate) struct Draft<'d, 's> {
    pub(crate) stage: &'d mut Stage<'s>,
    pub(crate) keys: &'d Keyring,
    pub(crate) scope: ScopeId,
    /// The number that the commit will have.
    pub(crate) commit: Snapshot,
    pub(crate) access: &'d Access,
    entropy: &'d mut Entropy,
    /// The row that was numbered last.
    ordinal: u16,
    digest: CommitDigest,
    totals: Option<Totals>,
    /// Names of entities that the commit has touched, for their words.
    names: BTreeMap<EntityId, String>,
}

impl<'d, 's> Draft<'d, 's> {
    pub(crate) fn new(
        stage: &'d mut Stage<'s>,
        head: &mut Head,
        keys: &'d Keyring,
        entropy: &'d mut Entropy,
        access: &'d Access,
    ) -> Result<Self, ContextError> {
        let scope = scope_number(stage, head, access.scope())?;
        Ok(Self {
            stage,
            keys,
            scope,
            commit: head.snapshot.next(),
            access,
            entropy,
            ordinal: 0,
            digest: CommitDigest::default(),
            totals: None,
            names: BTreeMap::new(),
        })
    }

    /// Reads what the commit sees: everything before it, and what it has staged itself.
    pub(crate) fn reading(&self) -> Reading<'_> {
        let rows: &Stage<'_> = self.stage;
        Reading::new(rows, self.keys, self.scope, self.commit, Origin::Staged)
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
        self.stage.put(key::log(self.scope, number), bytes);
    }

    /// Ends the draft and returns the stage and the hash of all rows.
    pub(crate) fn finish(mut self) -> (&'d mut Stage<'s>, Hash) {
        if let Some(totals) = self.totals.take() {
            let key = key::word_totals(self.scope, self.commit);
            self.stage.put(key, totals.encode());
        }
        (self.stage, self.digest.finish())
    }

    /// Finds an entity, or introduces it when it is named and nobody has the name.
    pub(crate) fn entity(&mut self, entity: &EntityRef) -> Result<EntityId, ContextError> {
        if let Some(id) = self.reading().find(entity)? {
            return Ok(id);
        }
        match entity {
            EntityRef::Id(id) => Err(ContextError::UnknownEntity {
                name: id.to_string(),
            }),
            EntityRef::Name { name, kind } => self.introduce(name, kind),
        }
    }

    fn introduce(&mut self, name: &str, kind: &str) -> Result<EntityId, ContextError> {
        let normalised = normalise(name);
        if normalised.is_empty() || name.len() + kind.len() > NAME_BYTES_MAX {
            return Err(ContextError::invalid(format!(
                "the name and kind of an entity take 1 to {NAME_BYTES_MAX} bytes"
            )));
        }
        let id = EntityId::new(self.commit, self.next_ordinal()?);
        let key = self
            .keys
            .create_subject(self.stage, self.scope, id, self.entropy)?;
        let mut plain = Encoder::new();
        plain.text(name).text(kind);
        let sealed = seal(&key, id.number(), &plain.finish());
        self.put_log(id.number(), &LogRow::Entity(EntityRow { sealed }));
        let hash = self.reading().hash(HashDomain::Name, &normalised);
        self.stage.put(key::name(self.scope, hash, id), Vec::new());
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
    pub(crate) fn predicate(&mut self, name: &str) -> Result<PredicateId, ContextError> {
        if let Some(id) = self.reading().predicate(name)? {
            return Ok(id);
        }
        let fits = !name.trim().is_empty() && name.len() <= PREDICATE_BYTES_MAX;
        if !fits || name.chars().any(char::is_control) {
            return Err(ContextError::invalid(format!(
                "a predicate takes 1 to {PREDICATE_BYTES_MAX} bytes without control characters"
            )));
        }
        let last = last_with_prefix(self.stage, &key::predicate_names(self.scope))?;
        let last = last.and_then(|(key, _)| key.last_chunk().copied());
        let next = last.map_or(PredicateId::FIRST.0, |number| {
            u32::from_be_bytes(number) + 1
        });
        let id = PredicateId(next);
        let ordinal = self.next_ordinal()?;
        let number = ItemId::new(self.commit, ordinal).number();
        let row = PredicateRow {
            id,
            name: name.to_owned(),
        };
        self.put_log(number, &LogRow::Predicate(row));
        let mut stored = Encoder::new();
        stored.text(name);
        self.stage
            .put(key::predicate_name(self.scope, id), stored.finish());
        self.stage.put(
            key::predicate(self.scope, name),
            next.to_be_bytes().to_vec(),
        );
        Ok(id)
    }

    /// Seals text of a row under the key of the entity that it is about.
    pub(crate) fn seal(
        &self,
        about: EntityId,
        item: ItemId,
        plain: &[u8],
    ) -> Result<Sealed, ContextError> {
        let key = self.reading().subject_key(about)?;
        let key = key.ok_or_else(|| ContextError::UnknownEntity {
            name: about.to_string(),
        })?;
        Ok(seal(&key, item.number(), plain))
    }

    /// Says whether the caller's authority reaches an assertion of this trust.
    pub(crate) fn may_end(&self, trust: Trust) -> bool {
        self.access.authority().first_trust() >= trust
    }

    /// Puts a document into the lists of its words.
    pub(crate) fn index_words(&mut self, item: ItemId, text: &str) -> Result<(), ContextError> {
        let mut counts = BTreeMap::<String, u32>::new();
        let mut length = 0_u32;
        for word in words(text).take(DOCUMENT_WORDS_MAX) {
            *counts.entry(word).or_default() += 1;
            length += 1;
        }
        for (word, count) in counts {
            let posting = Posting {
                item,
                count,
                length,
            };
            self.append_posting(&word, posting)?;
        }
        let mut totals = match self.totals {
            Some(totals) => totals,
            None => self.stored_totals()?,
        };
        totals.documents += 1;
        totals.words += u64::from(length);
        self.totals = Some(totals);
        Ok(())
    }

    fn append_posting(&mut self, word: &str, posting: Posting) -> Result<(), ContextError> {
        let hash = self.reading().hash(HashDomain::Word, word);
        let last = last_with_prefix(self.stage, &key::word_chunks(self.scope, hash))?;
        let (key, mut chunk) = match last {
            Some((key, chunk)) if chunk.len() < CHUNK_BYTES_MAX => (key, chunk),
            _ => (key::word(self.scope, hash, posting.item), Vec::new()),
        };
        let before = postings(&chunk).last().map(|posting| posting.item);
        append_posting(&mut chunk, before, posting);
        self.stage.put(key, chunk);
        Ok(())
    }

    fn stored_totals(&self) -> Result<Totals, ContextError> {
        let prefix = key::word_totals_of(self.scope);
        let last = last_with_prefix(self.stage, &prefix)?;
        match last {
            None => Ok(Totals::default()),
            Some((_, bytes)) => {
                Totals::decode(&bytes).ok_or_else(|| ContextError::damaged("the word totals"))
            }
        }
    }
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
