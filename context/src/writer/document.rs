//! Documents: under which words an item is found. Writing, forgetting and rebuilding must
//! agree on them, so they are made here and nowhere else.

use crate::key::PredicateId;
use crate::reading::Reading;
use crate::reserved;
use crate::text::Document;
use crate::view::{RecommendationValue, evidence};
use crate::{ContextError, ItemId, Object, Value};

/// The words of an assertion: those of its subject, predicate and object.
pub(crate) fn assertion_words(subject: &str, predicate: &str, object: &str) -> Document {
    Document::of(&format!("{subject} {predicate} {object}"))
}

/// The words of an observation: those of the entity and of what was seen.
pub(crate) fn observation_words(about: &str, content: &Value) -> Document {
    Document::of(&format!("{about} {content}"))
}

/// The words of a recommendation: those of the entity and of the action.
pub(crate) fn recommendation_words(about: &str, action: &str) -> Document {
    Document::of(&format!("{about} recommendation {action}"))
}

/// Reads the words of an item that is there; names, merges and outcomes have none.
pub(crate) fn item_words(reading: &Reading<'_>, item: ItemId) -> Result<Document, ContextError> {
    if let Some(evidence) = evidence(reading, item)? {
        return Ok(observation_words(&evidence.about.name, &evidence.content));
    }
    let Some(row) = reading.assertion_row(item)? else {
        return Ok(Document::default());
    };
    let Some(assertion) = reading.assertion(item)? else {
        return Ok(Document::default());
    };
    let subject = &assertion.subject.name;
    if row.predicate == reserved::RECOMMENDATION {
        let value = RecommendationValue::read(&assertion);
        return Ok(value.map_or_else(Document::default, |value| {
            recommendation_words(subject, &value.action)
        }));
    }
    if row.predicate < PredicateId::FIRST {
        return Ok(Document::default());
    }
    // The name of a forgotten entity is no word of others.
    let object = match &assertion.object {
        Object::Value(value) => value.to_string(),
        Object::Entity(entity) => reading
            .entity(entity.id)?
            .map_or_else(String::new, |e| e.name),
    };
    Ok(assertion_words(subject, &assertion.predicate, &object))
}
