//! Judging assertions: changing how far they are trusted, and banning values that were found
//! to be wrong.

use crate::assertion::Trust;
use crate::commit::Verdict;
use crate::key::{ObjectKey, PredicateId};
use crate::row::{AssertionRow, BanRow, Edge, LogRow, TransitionRow};
use crate::scope::Authority;
use crate::writer::draft::Draft;
use crate::writer::policy;
use crate::{ContextError, EntityId, ItemId, Moment};

pub(crate) fn judge(
    draft: &mut Draft<'_, '_>,
    item: ItemId,
    verdict: Verdict,
) -> Result<ItemId, ContextError> {
    match verdict {
        Verdict::Accept => accept(draft, item),
        Verdict::Dispute => dispute(draft, item),
        Verdict::Reject => reject(draft, item, None),
        Verdict::RejectUntil(expires) => reject(draft, item, Some(expires)),
        Verdict::Lift => lift(draft, item),
        Verdict::Retract => retract(draft, item),
    }?;
    Ok(item)
}

fn need_person(draft: &Draft<'_, '_>, act: &'static str) -> Result<(), ContextError> {
    if draft.access.authority() == Authority::Person {
        return Ok(());
    }
    Err(ContextError::NotAllowed { act })
}

/// Accepting a rejected value lifts its ban: a person has decided anew.
fn accept(draft: &mut Draft<'_, '_>, item: ItemId) -> Result<(), ContextError> {
    need_person(draft, "accepting")?;
    lift_ban(draft, item)?;
    change_trust(draft, item, Trust::Accepted)?;
    let (row, _) = find(draft, item)?;
    let policy = policy::decided(draft.policy(row.predicate)?);
    policy::settle(draft, item, policy)
}

/// Only what is believed can be in doubt.
fn dispute(draft: &mut Draft<'_, '_>, item: ItemId) -> Result<(), ContextError> {
    let (_, edge) = find(draft, item)?;
    if !edge.life.trust().is_live() {
        return Ok(());
    }
    change_trust(draft, item, Trust::Disputed)
}

/// Rejects every assertion that says the same, and bans the value.
fn reject(
    draft: &mut Draft<'_, '_>,
    item: ItemId,
    expires: Option<Moment>,
) -> Result<(), ContextError> {
    need_person(draft, "rejecting")?;
    let (row, edge) = find(draft, item)?;
    let same: Vec<_> = policy::pair(draft, row.subject, row.predicate)?
        .into_iter()
        .filter(|found| found.edge.other == edge.other && found.edge.life.trust().is_live())
        .map(|found| found.item)
        .collect();
    change_trust(draft, item, Trust::Rejected)?;
    for other in same {
        change_trust(draft, other, Trust::Rejected)?;
    }
    draft.add_log(&LogRow::Ban(BanRow { item, expires }))?;
    draft.index.ban(item, &row, edge.other, expires)
}

fn lift(draft: &mut Draft<'_, '_>, item: ItemId) -> Result<(), ContextError> {
    need_person(draft, "lifting a rejection")?;
    lift_ban(draft, item)
}

fn lift_ban(draft: &mut Draft<'_, '_>, item: ItemId) -> Result<(), ContextError> {
    let (row, edge) = find(draft, item)?;
    if draft.index.lift(&row, edge.other)? {
        draft.add_log(&LogRow::Lift(item))?;
    }
    Ok(())
}

/// Refuses a value that was rejected for the subject, or for an entity that is the same.
pub(crate) fn check_ban(
    draft: &Draft<'_, '_>,
    subject: EntityId,
    predicate: PredicateId,
    object: ObjectKey,
) -> Result<(), ContextError> {
    if !draft.has_bans {
        return Ok(());
    }
    let reading = draft.reading();
    for key in reading.ban_keys(subject, predicate, object)? {
        if let Some(item) = reading.bans(&key)?.forbids(draft.at) {
            return Err(ContextError::Banned { item });
        }
    }
    Ok(())
}

pub(crate) fn retract(draft: &mut Draft<'_, '_>, item: ItemId) -> Result<(), ContextError> {
    let (_, edge) = find(draft, item)?;
    if draft.access.authority().first_trust() < edge.life.trust() {
        return Err(ContextError::NotAllowed {
            act: "retracting what was accepted",
        });
    }
    if !edge.life.trust().is_live() {
        return Ok(());
    }
    change_trust(draft, item, Trust::Retracted)
}

/// Returns an assertion's row and forward edge.
pub(crate) fn find(
    draft: &Draft<'_, '_>,
    item: ItemId,
) -> Result<(AssertionRow, Edge), ContextError> {
    let reading = draft.reading();
    let unknown = || ContextError::UnknownItem { id: item };
    let row = reading.assertion_row(item)?.ok_or_else(unknown)?;
    let edge = reading.edge_of(item, &row)?.ok_or_else(unknown)?;
    Ok((row, edge))
}

/// Appends a state to the life of an assertion, in the log and in both edges. A judgement
/// that changes nothing writes nothing.
pub(crate) fn change_trust(
    draft: &mut Draft<'_, '_>,
    item: ItemId,
    trust: Trust,
) -> Result<(), ContextError> {
    let (row, edge) = find(draft, item)?;
    if edge.life.trust() == trust {
        return Ok(());
    }
    draft.names_changed();
    draft.add_log(&LogRow::Transition(TransitionRow { item, trust }))?;
    draft.index.transition(item, &row, edge, trust);
    Ok(())
}
