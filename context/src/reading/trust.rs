//! Trust along lineage, and bans along merges.

use super::Reading;
use crate::assertion::Trust;
use crate::key::{self, ObjectKey, PredicateId, RowKey};
use crate::row::{AssertionRow, Bans, CommitRow, Edge};
use crate::{ContextError, EntityId, ItemId};

/// Steps of lineage that one question follows before it stops trusting what it cannot see.
const LINEAGE_STEPS_MAX: usize = 2_048;

impl Reading<'_> {
    /// Returns the trust of an assertion as a reader may rely on it: its own, that of what it
    /// was derived from, and none where the same was rejected for the same entity under
    /// another id.
    pub(super) fn trust(
        &self,
        item: ItemId,
        edge: &Edge,
        row: &AssertionRow,
        commit: &CommitRow,
    ) -> Result<Trust, ContextError> {
        let own = edge.life.trust_at(self.snapshot);
        let trust = self.derived_trust(item, own.unwrap_or(Trust::Retracted), row, commit)?;
        if trust.is_live() && self.is_banned_by_merge(row, edge)? {
            return Ok(Trust::Rejected);
        }
        Ok(trust)
    }

    /// Returns the least trust of an assertion and everything that it was derived from.
    pub(super) fn derived_trust(
        &self,
        item: ItemId,
        own: Trust,
        row: &AssertionRow,
        commit: &CommitRow,
    ) -> Result<Trust, ContextError> {
        if let Some(&trust) = self.memo.borrow().trust.get(&item) {
            return Ok(trust);
        }
        let mut trust = own;
        for &source in row
            .derived_from
            .iter()
            .chain(&commit.provenance.derived_from)
        {
            trust = trust.min(self.source_trust(source)?);
        }
        self.memo.borrow_mut().trust.insert(item, trust);
        Ok(trust)
    }

    /// Sources are older than what is derived from them, so the walk ends; the bound ends it
    /// before the stack does.
    fn source_trust(&self, source: ItemId) -> Result<Trust, ContextError> {
        if self.memo.borrow().trust.len() >= LINEAGE_STEPS_MAX {
            return Ok(Trust::Disputed);
        }
        let Some(row) = self.assertion_row(source)? else {
            return self.evidence_trust(source);
        };
        let Some(edge) = self.edge_of(source, &row)? else {
            return Ok(Trust::Retracted);
        };
        let own = edge.life.trust_at(self.snapshot);
        let commit = self.commit(source.commit())?;
        self.derived_trust(source, own.unwrap_or(Trust::Retracted), &row, &commit)
    }

    /// Evidence is what it is, as long as it was not forgotten.
    fn evidence_trust(&self, source: ItemId) -> Result<Trust, ContextError> {
        let Some(row) = self.observation_row(source)? else {
            return Ok(Trust::Retracted);
        };
        Ok(match self.subject_key(row.about)? {
            Some(_) => Trust::Accepted,
            None => Trust::Retracted,
        })
    }

    /// Returns the keys of all bans that speak of the same subject, predicate and object under
    /// any of their ids.
    pub(crate) fn ban_keys(
        &self,
        subject: EntityId,
        predicate: PredicateId,
        object: ObjectKey,
    ) -> Result<Vec<RowKey>, ContextError> {
        let objects = match object {
            ObjectKey::Value(_) => vec![object],
            ObjectKey::Entity(id) => {
                let class = self.class(id)?;
                class.iter().copied().map(ObjectKey::Entity).collect()
            }
        };
        let mut keys = Vec::new();
        for &subject in self.class(subject)?.iter() {
            for &object in &objects {
                keys.push(key::ban(self.scope, subject, predicate, object));
            }
        }
        Ok(keys)
    }

    pub(crate) fn bans(&self, key: &[u8]) -> Result<Bans, ContextError> {
        let Some(bytes) = self.rows.get(key)? else {
            return Ok(Bans::default());
        };
        Bans::decode(&bytes).ok_or_else(|| ContextError::damaged("a ban"))
    }

    /// Says whether the same was rejected for an entity that is now the same. Within one
    /// entity the writer refuses it; a merge can bring it together afterwards.
    fn is_banned_by_merge(&self, row: &AssertionRow, edge: &Edge) -> Result<bool, ContextError> {
        if !self.has_merges()? {
            return Ok(false);
        }
        let own = key::ban(self.scope, row.subject, row.predicate, edge.other);
        for key in self.ban_keys(row.subject, row.predicate, edge.other)? {
            if key != own && self.bans(&key)?.held_at(self.snapshot) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
