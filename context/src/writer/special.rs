//! Operations that speak in predicates of this crate: other names, merges, advice.

use crate::advice::{Outcome, Recommendation};
use crate::assertion::{Confidence, Polarity};
use crate::commit::{EntityRef, Merge, NAME_BYTES_MAX, Policy};
use crate::key::PredicateId;
use crate::reserved;
use crate::row::{LogRow, PolicyRow};
use crate::scope::Authority;
use crate::text::Document;
use crate::value::normalise;
use crate::view::{RecommendationValue, outcome_value, recommendation_value};
use crate::writer::assert::{self, New, Side, value_key};
use crate::writer::document::recommendation_words;
use crate::writer::draft::Draft;
use crate::writer::judge;
use crate::{ContextError, EntityId, Interval, ItemId};

/// Gives an entity another name, under which it is found while the assertion is believed.
pub(crate) fn alias(
    draft: &mut Draft<'_, '_>,
    entity: &EntityRef,
    alias: &str,
) -> Result<ItemId, ContextError> {
    if normalise(alias).is_empty() || alias.len() > NAME_BYTES_MAX {
        return Err(ContextError::invalid(format!(
            "the name of an entity takes 1 to {NAME_BYTES_MAX} bytes"
        )));
    }
    let subject = draft.entity(entity)?;
    let new = new(draft, subject, reserved::ALIAS, Side::Value(alias.into()));
    let object_key = new.object_key(draft);
    judge::check_ban(draft, subject, reserved::ALIAS, object_key)?;
    let item = assert::put(draft, &new, &Document::default())?;
    draft.index.alias(subject, item, alias)?;
    draft.names_changed();
    Ok(item)
}

pub(crate) fn merge(draft: &mut Draft<'_, '_>, merge: &Merge) -> Result<ItemId, ContextError> {
    assert::check_sources(draft, &merge.derived_from)?;
    let a = draft.entity(&merge.a)?;
    let b = draft.entity(&merge.b)?;
    if a == b {
        return Err(ContextError::invalid("an entity is not merged with itself"));
    }
    let mut new = new(draft, a, reserved::SAME_AS, Side::Entity(b));
    new.confidence = merge.confidence;
    new.derived_from = merge.derived_from.clone();
    let object_key = new.object_key(draft);
    judge::check_ban(draft, a, reserved::SAME_AS, object_key)?;
    assert::put(draft, &new, &Document::default())
}

pub(crate) fn declare(
    draft: &mut Draft<'_, '_>,
    predicate: &str,
    policy: Policy,
) -> Result<ItemId, ContextError> {
    if matches!(
        draft.access.authority(),
        Authority::Agent | Authority::Import
    ) {
        return Err(ContextError::NotAllowed {
            act: "declaring a policy",
        });
    }
    let (id, _) = draft.predicate(predicate)?;
    let item = draft.add_log(&LogRow::Policy(PolicyRow {
        predicate: id,
        policy,
    }))?;
    draft.set_policy(id, predicate, policy);
    Ok(item)
}

pub(crate) fn recommend(
    draft: &mut Draft<'_, '_>,
    recommendation: &Recommendation,
) -> Result<ItemId, ContextError> {
    assert::check_sources(draft, &recommendation.rationale)?;
    let action = normalise(&recommendation.action);
    if action.is_empty() {
        return Err(ContextError::invalid("a recommendation names an action"));
    }
    let subject = draft.entity(&recommendation.about)?;
    let value = recommendation_value(recommendation);
    let mut new = new(draft, subject, reserved::RECOMMENDATION, Side::Value(value));
    new.derived_from = recommendation.rationale.clone();
    new.indexed_as = Some(value_key(draft, &action));
    let document = recommendation_words(&draft.name_of(subject)?, &recommendation.action);
    assert::put(draft, &new, &document)
}

/// An outcome stands beside the recommendation, under the same subject and action, so that
/// both are counted by one look-up.
pub(crate) fn record_outcome(
    draft: &mut Draft<'_, '_>,
    outcome: &Outcome,
) -> Result<ItemId, ContextError> {
    assert::check_sources(draft, &outcome.evidence)?;
    let unknown = || ContextError::UnknownItem {
        id: outcome.recommendation,
    };
    let (row, edge) = judge::find(draft, outcome.recommendation)?;
    if row.predicate != reserved::RECOMMENDATION {
        return Err(unknown());
    }
    let advice = draft.reading().assertion(outcome.recommendation)?;
    let advice = advice.ok_or_else(unknown)?;
    let action = RecommendationValue::read(&advice)
        .ok_or_else(unknown)?
        .action;
    let value = outcome_value(outcome, &action);
    let mut new = new(draft, row.subject, reserved::OUTCOME, Side::Value(value));
    new.derived_from = vec![outcome.recommendation];
    new.derived_from.extend(&outcome.evidence);
    new.indexed_as = Some(edge.other);
    assert::put(draft, &new, &Document::default())
}

fn new(draft: &Draft<'_, '_>, subject: EntityId, predicate: PredicateId, object: Side) -> New {
    New {
        subject,
        predicate,
        object,
        indexed_as: None,
        polarity: Polarity::Affirmed,
        valid: Interval::always(),
        trust: draft.access.authority().first_trust(),
        confidence: Confidence::FULL,
        replaces: None,
        derived_from: Vec::new(),
    }
}
