//! Staging assertions and observations: the row in the log and every index that repeats it.

use crate::assertion::{Confidence, Polarity, Trust};
use crate::codec::Encoder;
use crate::commit::{ObjectRef, Observation, Policy, SOURCES_MAX, Statement};
use crate::key::{HashDomain, ObjectKey, PredicateId};
use crate::reserved;
use crate::row::{AssertionRow, Content, LogRow, ObservationRow, encode_value};
use crate::scope::Authority;
use crate::text::Document;
use crate::value::VALUE_BYTES_MAX;
use crate::writer::document::{assertion_words, observation_words};
use crate::writer::draft::Draft;
use crate::writer::{judge, policy};
use crate::{ContextError, EntityId, Interval, ItemId, Value};

/// An assertion whose names are found.
pub(crate) struct New {
    pub(crate) subject: EntityId,
    pub(crate) predicate: PredicateId,
    pub(crate) object: Side,
    /// What stands in index keys when it is not the value itself.
    pub(crate) indexed_as: Option<ObjectKey>,
    pub(crate) polarity: Polarity,
    pub(crate) valid: Interval,
    pub(crate) trust: Trust,
    pub(crate) confidence: Confidence,
    pub(crate) replaces: Option<ItemId>,
    pub(crate) derived_from: Vec<ItemId>,
}

/// The other side of a predicate, with entities found.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    Entity(EntityId),
    Value(Value),
}

pub(crate) fn assert(
    draft: &mut Draft<'_, '_>,
    statement: &Statement,
) -> Result<ItemId, ContextError> {
    check_sources(draft, &statement.derived_from)?;
    let subject = draft.entity(&statement.subject)?;
    let (predicate, policy) = draft.predicate(&statement.predicate)?;
    if let Some(old) = statement.replaces {
        judge::retract(draft, old)?;
    }
    let object = match &statement.object {
        ObjectRef::Entity(entity) => Side::Entity(draft.entity(entity)?),
        ObjectRef::Value(value) => Side::Value(value.clone()),
    };
    let authority = draft.access.authority();
    let trust = match policy {
        Policy::NeedsReview if authority != Authority::Person => Trust::Candidate,
        _ => authority.first_trust(),
    };
    let new = New {
        subject,
        predicate,
        object,
        indexed_as: None,
        polarity: statement.polarity,
        valid: statement.valid,
        trust,
        confidence: statement.confidence,
        replaces: statement.replaces,
        derived_from: statement.derived_from.clone(),
    };
    let object_key = new.object_key(draft);
    judge::check_ban(draft, subject, predicate, object_key)?;
    let document = document(draft, &new, &statement.predicate)?;
    let item = put(draft, &new, &document)?;
    if trust == Trust::Accepted {
        policy::settle(draft, item, policy)?;
    }
    Ok(item)
}

pub(crate) fn check_sources(draft: &Draft<'_, '_>, sources: &[ItemId]) -> Result<(), ContextError> {
    if sources.len() > SOURCES_MAX {
        return Err(ContextError::invalid(format!(
            "an assertion is derived from at most {SOURCES_MAX} items"
        )));
    }
    let reading = draft.reading();
    for &id in sources {
        let known = reading.assertion_row(id)?.is_some() || reading.observation_row(id)?.is_some();
        if !known {
            return Err(ContextError::UnknownItem { id });
        }
    }
    Ok(())
}

/// Stages the row and all indexes of an assertion.
pub(crate) fn put(
    draft: &mut Draft<'_, '_>,
    new: &New,
    document: &Document,
) -> Result<ItemId, ContextError> {
    let item = draft.next_item()?;
    let row = AssertionRow {
        subject: new.subject,
        predicate: new.predicate,
        polarity: new.polarity,
        valid: new.valid,
        trust: new.trust,
        confidence: new.confidence,
        replaces: new.replaces,
        derived_from: new.derived_from.clone(),
        content: seal_object(draft, new.subject, item, &new.object)?,
        words: document.length,
    };
    let object_key = new.object_key(draft);
    draft.index.assertion(item, &row, object_key);
    for &source in draft.sources.iter().chain(&row.derived_from) {
        draft.index.lineage(source, item);
    }
    draft.put_log(item.number(), &LogRow::Assertion(row));
    draft.index.document(item, document)?;
    Ok(item)
}

/// Returns the words under which an assertion is found: those of its subject, predicate and
/// object.
pub(crate) fn document(
    draft: &mut Draft<'_, '_>,
    new: &New,
    predicate: &str,
) -> Result<Document, ContextError> {
    let subject = draft.name_of(new.subject)?;
    let object = match &new.object {
        Side::Entity(id) => draft.name_of(*id)?,
        Side::Value(value) => value.to_string(),
    };
    Ok(assertion_words(&subject, predicate, &object))
}

impl New {
    pub(crate) fn object_key(&self, draft: &Draft<'_, '_>) -> ObjectKey {
        if let Some(key) = self.indexed_as {
            return key;
        }
        match &self.object {
            Side::Entity(id) => ObjectKey::Entity(*id),
            Side::Value(value) => value_key(draft, &value.normalised()),
        }
    }
}

/// Returns the key under which a value, or the words that stand for it, is indexed.
pub(crate) fn value_key(draft: &Draft<'_, '_>, normalised: &str) -> ObjectKey {
    ObjectKey::Value(draft.index.hash(HashDomain::Value, normalised))
}

fn seal_object(
    draft: &mut Draft<'_, '_>,
    subject: EntityId,
    item: ItemId,
    object: &Side,
) -> Result<Content, ContextError> {
    match object {
        Side::Entity(id) => Ok(Content::Entity(*id)),
        Side::Value(value) => {
            check_value(value)?;
            let mut plain = Encoder::new();
            encode_value(value, &mut plain);
            Ok(Content::Value(draft.seal(
                subject,
                item,
                &plain.finish(),
            )?))
        }
    }
}

fn check_value(value: &Value) -> Result<(), ContextError> {
    if value.size_bytes() <= VALUE_BYTES_MAX {
        return Ok(());
    }
    Err(ContextError::invalid(format!(
        "a value takes at most {VALUE_BYTES_MAX} bytes, not {}",
        value.size_bytes()
    )))
}

pub(crate) fn observe(
    draft: &mut Draft<'_, '_>,
    observation: &Observation,
) -> Result<ItemId, ContextError> {
    check_value(&observation.content)?;
    let about = draft.entity(&observation.about)?;
    let item = draft.next_item()?;
    let document = observation_words(&draft.name_of(about)?, &observation.content);
    let mut plain = Encoder::new();
    plain.text(&observation.source);
    encode_value(&observation.content, &mut plain);
    let row = ObservationRow {
        about,
        observed_at: observation.observed_at,
        sealed: draft.seal(about, item, &plain.finish())?,
        words: document.length,
    };
    draft.put_log(item.number(), &LogRow::Observation(row));
    draft.index.observation(item, about);
    draft.index.document(item, &document)?;
    Ok(item)
}

/// Refuses a predicate that belongs to this crate.
pub(crate) fn check_predicate(name: &str) -> Result<(), ContextError> {
    if name.starts_with(reserved::PREFIX) {
        return Err(ContextError::invalid(format!(
            "predicates that start with `{}` are written by operations of their own",
            reserved::PREFIX
        )));
    }
    Ok(())
}
