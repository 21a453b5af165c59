//! The indexes: every row that repeats something of the log. Commits and the rebuilding of a
//! store use the same methods, so that both make the same rows.

use crate::assertion::Trust;
use crate::codec::Encoder;
use crate::commit::Policy;
use crate::key::{self, HashDomain, ObjectKey, PredicateId, ScopeId};
use crate::keyring::Keyring;
use crate::reading::{Origin, Reading};
use crate::reserved;
use crate::row::{AssertionRow, Content, Edge, LeaseRow, Lifecycle, policy_byte};
use crate::stage::{Stage, last_with_prefix};
use crate::store::Reader;
use crate::tail::RowValue;
use crate::text::{Document, Posting, Totals};
use crate::value::normalise;
use crate::{ContextError, EntityId, ItemId, Moment, Snapshot};

/// The indexes of one scope, while one commit is added to them.
pub(crate) struct Index<'d, 's> {
    pub(crate) stage: &'d mut Stage<'s>,
    pub(crate) keys: &'d Keyring,
    pub(crate) scope: ScopeId,
    pub(crate) commit: Snapshot,
    totals: Option<Totals>,
}

impl<'d, 's> Index<'d, 's> {
    pub(crate) fn new(
        stage: &'d mut Stage<'s>,
        keys: &'d Keyring,
        scope: ScopeId,
        commit: Snapshot,
    ) -> Self {
        Self {
            stage,
            keys,
            scope,
            commit,
            totals: None,
        }
    }

    /// Reads everything up to the commit, and what it has staged itself.
    pub(crate) fn reading(&self) -> Reading<'_> {
        let rows: &Stage<'_> = self.stage;
        let origin = Origin::Staged {
            durable: rows.durable,
        };
        Reading::new(rows, self.keys, self.scope, self.commit, origin)
    }

    /// Ends the commit.
    pub(crate) fn finish(self) -> &'d mut Stage<'s> {
        if let Some(totals) = self.totals {
            let key = key::word_totals(self.scope, self.commit);
            self.stage.put(key, totals.encode());
        }
        self.stage
    }

    pub(crate) fn hash(&self, domain: HashDomain, text: &str) -> u64 {
        key::scoped_hash(self.keys.index(), domain, self.scope, text)
    }

    /// The first name of an entity.
    pub(crate) fn name(&mut self, id: EntityId, name: &str) {
        let hash = self.hash(HashDomain::Name, &normalise(name));
        self.stage.put(key::name(self.scope, hash, id), Vec::new());
    }

    /// Another name of an entity, and the assertion that gives it.
    pub(crate) fn alias(
        &mut self,
        id: EntityId,
        item: ItemId,
        alias: &str,
    ) -> Result<(), ContextError> {
        let hash = self.hash(HashDomain::Name, &normalise(alias));
        let key = key::name(self.scope, hash, id);
        let mut row = self.stage.get(&key)?.unwrap_or_default();
        row.extend_from_slice(&item.number().to_be_bytes());
        self.stage.put(key, row);
        Ok(())
    }

    pub(crate) fn predicate(&mut self, id: PredicateId, name: &str, policy: Policy) {
        let mut row = Encoder::new();
        row.text(name).byte(policy_byte(policy));
        let by_number = key::predicate_name(self.scope, id);
        self.stage.put(by_number, row.finish());
        let by_name = key::predicate(self.scope, name);
        self.stage.put(by_name, id.0.to_be_bytes().to_vec());
    }

    pub(crate) fn lineage(&mut self, source: ItemId, derived: ItemId) {
        let key = key::lineage(self.scope, source, derived);
        self.stage.append(key, Vec::new());
    }

    /// An assertion, from both ends and by its value.
    pub(crate) fn assertion(&mut self, item: ItemId, row: &AssertionRow, object: ObjectKey) {
        let (scope, subject, predicate) = (self.scope, row.subject, row.predicate);
        self.merge_mark(row);
        let edge = Edge {
            other: object,
            polarity: row.polarity,
            valid: row.valid,
            life: Lifecycle::new(item, row.trust),
        };
        let by_value = key::by_value(scope, predicate, object, item);
        let subject_bytes = RowValue::from_slice(&subject.number().to_be_bytes());
        self.stage.append(by_value, subject_bytes);
        self.edges(item, row, edge);
    }

    /// The mark that something in the scope was merged; it stays when that is forgotten.
    pub(crate) fn merge_mark(&mut self, row: &AssertionRow) {
        if row.predicate == reserved::SAME_AS {
            self.stage.put(key::merged(self.scope), Vec::new());
        }
    }

    fn edges(&mut self, item: ItemId, row: &AssertionRow, mut edge: Edge) {
        let forward = key::forward(self.scope, row.subject, row.predicate, item);
        self.stage.put(forward, edge.encode(item));
        if let Content::Entity(object) = row.content {
            edge.other = ObjectKey::Entity(row.subject);
            let backward = key::backward(self.scope, object, row.predicate, item);
            self.stage.put(backward, edge.encode(item));
        }
    }

    /// A change of trust: the edge has the new state already.
    pub(crate) fn transition(
        &mut self,
        item: ItemId,
        row: &AssertionRow,
        mut edge: Edge,
        trust: Trust,
    ) {
        edge.life.push(self.commit, trust);
        self.edges(item, row, edge);
    }

    pub(crate) fn observation(&mut self, item: ItemId, about: EntityId) {
        let key = key::observed(self.scope, about, item);
        self.stage.put(key, Vec::new());
    }

    /// A ban on the value of an assertion.
    pub(crate) fn ban(
        &mut self,
        item: ItemId,
        row: &AssertionRow,
        object: ObjectKey,
        expires: Option<Moment>,
    ) -> Result<(), ContextError> {
        let key = key::ban(self.scope, row.subject, row.predicate, object);
        let mut bans = self.reading().bans(&key)?;
        bans.add(item, self.commit, expires);
        self.stage.put(key, bans.encode());
        Ok(())
    }

    /// Lifts the bans on the value of an assertion, for its subject and all that are the same.
    /// Says whether there were any.
    pub(crate) fn lift(
        &mut self,
        row: &AssertionRow,
        object: ObjectKey,
    ) -> Result<bool, ContextError> {
        let keys = self
            .reading()
            .ban_keys(row.subject, row.predicate, object)?;
        let mut lifted = false;
        for key in keys {
            let mut bans = self.reading().bans(&key)?;
            if bans.lift(self.commit) {
                self.stage.put(key, bans.encode());
                lifted = true;
            }
        }
        Ok(lifted)
    }

    pub(crate) fn lease(&mut self, epoch: ItemId, row: &LeaseRow) {
        let mut out = Encoder::new();
        out.number(epoch.number());
        row.encode(&mut out);
        let key = key::lease(self.scope, &row.resource);
        self.stage.put(key, out.finish());
    }

    /// The words of an item.
    pub(crate) fn document(
        &mut self,
        item: ItemId,
        document: &Document,
    ) -> Result<(), ContextError> {
        for (word, &count) in &document.counts {
            let posting = Posting {
                item,
                count,
                length: document.length,
            };
            self.posting(word, posting);
        }
        self.count_document(document.length)
    }

    /// One item in the list of a word.
    pub(crate) fn posting(&mut self, word: &str, posting: Posting) {
        let hash = self.hash(HashDomain::Word, word);
        let key = key::word(self.scope, hash, posting.item);
        self.stage.append(key, posting.encode());
    }

    /// Counts a document; one without words does not count.
    pub(crate) fn count_document(&mut self, words: u32) -> Result<(), ContextError> {
        if words == 0 {
            return Ok(());
        }
        let mut totals = match self.totals {
            Some(totals) => totals,
            None => self.stored_totals()?,
        };
        totals.documents += 1;
        totals.words += u64::from(words);
        self.totals = Some(totals);
        Ok(())
    }

    fn stored_totals(&self) -> Result<Totals, ContextError> {
        let prefix = key::word_totals_of(self.scope);
        match last_with_prefix(self.stage, &prefix)? {
            None => Ok(Totals::default()),
            Some((_, bytes)) => {
                Totals::decode(&bytes).ok_or_else(|| ContextError::damaged("the word totals"))
            }
        }
    }
}
