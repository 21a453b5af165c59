//! Assertions and observations: reading their rows and opening what is sealed in them.

use super::Reading;
use crate::assertion::{Assertion, Entity, Object};
use crate::codec::Decoder;
use crate::key;
use crate::row::{AssertionRow, Content, Edge, LogRow, ObservationRow, Sealed, decode_value};
use crate::seal::{Key, Part};
use crate::{ContextError, EntityId, ItemId, Value};

/// The name of an entity that was forgotten.
const FORGOTTEN: &str = "(forgotten)";

impl Reading<'_> {
    /// Returns the edge of an assertion; `None` when it is not visible or was forgotten.
    pub(crate) fn edge_of(
        &self,
        item: ItemId,
        row: &AssertionRow,
    ) -> Result<Option<Edge>, ContextError> {
        let key = key::forward(self.scope, row.subject, row.predicate, item);
        let Some(bytes) = self.rows.get(&key)? else {
            return Ok(None);
        };
        Edge::decode(item, &bytes)
            .map(Some)
            .ok_or_else(|| ContextError::damaged(format!("edge of {item}")))
    }

    /// Returns the row of an assertion that the snapshot shows.
    pub(crate) fn assertion_row(&self, item: ItemId) -> Result<Option<AssertionRow>, ContextError> {
        if !item.is_visible_at(self.snapshot) {
            return Ok(None);
        }
        match self.log_row(item.number())? {
            Some(LogRow::Assertion(row)) => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    pub(crate) fn observation_row(
        &self,
        item: ItemId,
    ) -> Result<Option<ObservationRow>, ContextError> {
        if !item.is_visible_at(self.snapshot) {
            return Ok(None);
        }
        match self.log_row(item.number())? {
            Some(LogRow::Observation(row)) => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    /// Returns an assertion; `None` when the snapshot does not show it or it was forgotten.
    pub(crate) fn assertion(&self, item: ItemId) -> Result<Option<Assertion>, ContextError> {
        let Some(row) = self.assertion_row(item)? else {
            return Ok(None);
        };
        let Some(edge) = self.edge_of(item, &row)? else {
            return Ok(None);
        };
        self.assemble(item, row, &edge)
    }

    fn assemble(
        &self,
        item: ItemId,
        row: AssertionRow,
        edge: &Edge,
    ) -> Result<Option<Assertion>, ContextError> {
        let Some(subject) = self.entity(row.subject)? else {
            return Ok(None);
        };
        let Some(known) = edge.life.known_at(self.snapshot) else {
            return Ok(None);
        };
        let object = match &row.content {
            Content::Entity(id) => Object::Entity(self.entity(*id)?.unwrap_or(Entity {
                id: *id,
                name: FORGOTTEN.to_owned(),
                kind: String::new(),
            })),
            Content::Value(sealed) => Object::Value(self.value(item, row.subject, sealed)?),
        };
        let commit = self.commit(item.commit())?;
        Ok(Some(Assertion {
            id: item,
            subject,
            predicate: self.predicate_name(row.predicate)?,
            object,
            polarity: row.polarity,
            valid: row.valid,
            known,
            trust: self.trust(item, edge, &row, &commit)?,
            confidence: row.confidence,
            replaces: row.replaces,
            derived_from: row.derived_from,
            provenance: commit.provenance.clone(),
            committed_at: commit.at,
        }))
    }

    pub(crate) fn value(
        &self,
        item: ItemId,
        subject: EntityId,
        sealed: &Sealed,
    ) -> Result<Value, ContextError> {
        let damaged = || ContextError::damaged(format!("value of {item}"));
        let key = self.subject_key(subject)?.ok_or_else(damaged)?;
        let plain = open(&key, item.number(), sealed)?;
        decode_value(&mut Decoder::new(&plain)).ok_or_else(damaged)
    }

    /// Returns source and content of an observation; `None` when it was forgotten.
    pub(crate) fn observation_text(
        &self,
        item: ItemId,
        row: &ObservationRow,
    ) -> Result<Option<(String, Value)>, ContextError> {
        let Some(key) = self.subject_key(row.about)? else {
            return Ok(None);
        };
        let plain = open(&key, item.number(), &row.sealed)?;
        let mut input = Decoder::new(&plain);
        let source = input.text();
        let parts = source.zip(decode_value(&mut input));
        parts
            .map(Some)
            .ok_or_else(|| ContextError::damaged(format!("observation {item}")))
    }
}

pub(super) fn open(key: &Key, row: u64, sealed: &Sealed) -> Result<Vec<u8>, ContextError> {
    key.open(row, Part::Text, &sealed.ciphertext)
        .ok_or_else(|| ContextError::damaged(format!("sealed text of row {row}")))
}
