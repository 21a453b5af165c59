//! Keeping to a predicate's policy when an assertion becomes accepted. Only assertions with
//! the same subject and predicate are ever compared.

use std::ops::ControlFlow;

use crate::assertion::{Polarity, Trust};
use crate::commit::{EntityRef, Policy};
use crate::error::{Clash, Conflict};
use crate::key::{self, PredicateId};
use crate::reading::FoundEdge;
use crate::row::{AssertionRow, Content, Edge};
use crate::view::live_pair;
use crate::writer::assert::{self, New, Side};
use crate::writer::draft::Draft;
use crate::writer::judge::{change_trust, find};
use crate::{ContextError, EntityId, Interval, ItemId};

/// Returns the policy after a person has decided: where two would be disputed, one wins.
pub(crate) fn decided(policy: Policy) -> Policy {
    match policy {
        Policy::KeepDisputed => Policy::LastWins,
        Policy::Many | Policy::One | Policy::LastWins | Policy::NeedsReview => policy,
    }
}

/// Makes room for an assertion that has just been accepted.
pub(crate) fn settle(
    draft: &mut Draft<'_, '_>,
    item: ItemId,
    policy: Policy,
) -> Result<(), ContextError> {
    if policy == Policy::Many {
        return Ok(());
    }
    let (row, edge) = find(draft, item)?;
    let rivals = rivals(draft, item, &row, &edge, policy)?;
    if rivals.is_empty() {
        return Ok(());
    }
    match policy {
        Policy::Many => {}
        Policy::One => return Err(conflict(draft, item, &row)?),
        Policy::LastWins | Policy::NeedsReview => {
            for rival in rivals {
                end_within(draft, rival.item, edge.valid)?;
            }
        }
        Policy::KeepDisputed => {
            change_trust(draft, item, Trust::Disputed)?;
            for rival in rivals {
                change_trust(draft, rival.item, Trust::Disputed)?;
            }
        }
    }
    Ok(())
}

/// Returns the accepted assertions that say something else for some of the same time. Those
/// that are in dispute count where a further one would join the dispute.
fn rivals(
    draft: &Draft<'_, '_>,
    item: ItemId,
    row: &AssertionRow,
    edge: &Edge,
    policy: Policy,
) -> Result<Vec<FoundEdge>, ContextError> {
    let mut rivals = pair(draft, row.subject, row.predicate)?;
    let affirmed = edge.polarity == Polarity::Affirmed;
    rivals.retain(|rival| {
        let trust = rival.edge.life.trust();
        let counts = trust == Trust::Accepted
            || (policy == Policy::KeepDisputed && trust == Trust::Disputed);
        affirmed
            && rival.item != item
            && counts
            && rival.edge.polarity == Polarity::Affirmed
            && rival.edge.other != edge.other
            && rival.edge.valid.overlaps(edge.valid)
    });
    Ok(rivals)
}

/// Returns all edges of one subject and predicate as the commit sees them.
pub(crate) fn pair(
    draft: &Draft<'_, '_>,
    subject: EntityId,
    predicate: PredicateId,
) -> Result<Vec<FoundEdge>, ContextError> {
    let mut edges = Vec::new();
    let prefix = key::forward_pair(draft.scope, subject, predicate);
    draft.reading().edges(&prefix, &mut |edge| {
        edges.push(edge);
        ControlFlow::Continue(())
    })?;
    Ok(edges)
}

/// Ends an assertion where another begins to hold: it is retracted, and what is left of its
/// valid time is asserted again, with the old one as what it replaces.
fn end_within(
    draft: &mut Draft<'_, '_>,
    item: ItemId,
    valid: Interval,
) -> Result<(), ContextError> {
    let (row, edge) = find(draft, item)?;
    let object = match &row.content {
        Content::Entity(id) => Side::Entity(*id),
        Content::Value(sealed) => Side::Value(draft.reading().value(item, row.subject, sealed)?),
    };
    let trust = edge.life.trust();
    change_trust(draft, item, Trust::Retracted)?;
    for left in edge.valid.without(valid).into_iter().flatten() {
        let new = New {
            subject: row.subject,
            predicate: row.predicate,
            object: object.clone(),
            indexed_as: None,
            polarity: row.polarity,
            valid: left,
            trust,
            confidence: row.confidence,
            replaces: Some(item),
            derived_from: row.derived_from.clone(),
        };
        let predicate = draft.reading().predicate_name(row.predicate)?;
        let document = assert::document(draft, &new, &predicate)?;
        assert::put(draft, &new, &document)?;
    }
    Ok(())
}

fn conflict(
    draft: &Draft<'_, '_>,
    item: ItemId,
    row: &AssertionRow,
) -> Result<ContextError, ContextError> {
    let reading = draft.reading();
    let predicate = reading.predicate_name(row.predicate)?;
    let subject = EntityRef::Id(row.subject);
    let mut assertions = live_pair(&reading, &subject, &predicate)?;
    assertions.retain(|assertion| assertion.id != item);
    Ok(ContextError::Conflict(Box::new(Conflict {
        subject: crate::view::name_of(&reading, &subject)?,
        predicate,
        clash: Clash::OneValue,
        assertions,
    })))
}
