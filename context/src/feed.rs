//! The feed: what changed after a snapshot, in order and without gaps. The cursor is the
//! snapshot itself, so a reader that was away, even over a restart, goes on where it stopped.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;

use crate::assertion::{Assertion, Entity, Trust};
use crate::commit::{EntityRef, Policy};
use crate::key;
use crate::keyring::Keyring;
use crate::reading::{Origin, Reading, find_scope};
use crate::row::LogRow;
use crate::scope::Scope;
use crate::store::{Order, Reader};
use crate::view::{Evidence, evidence};
use crate::{Actor, ContextError, EntityId, ItemId, Moment, Provenance, Snapshot};

/// Rows of the log that one call reads, unless a single commit has more.
const ROWS_MAX: usize = 10_000;

/// Which changes are wanted. Empty, it wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only what is about this entity, or one that is the same.
    pub subject: Option<EntityRef>,
    /// Only assertions with this predicate, and judgements of them.
    pub predicate: Option<String>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The changes, in order. Those of one commit are never separated.
    pub changes: Vec<Change>,
    /// Where to go on: everything up to and with this snapshot was looked at.
    pub cursor: Snapshot,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The commit.
    pub commit: Snapshot,
    /// Its time, by the clock of who wrote it.
    pub at: Moment,
    /// Who wrote it.
    pub provenance: Provenance,
    /// What changed.
    pub event: Event,
}

/// What a change is. Items show as they were right after their commit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "an answer holds a bounded number"
)]
pub enum Event {
    /// An entity was named for the first time.
    Introduced(Entity),
    /// Something was asserted.
    Asserted(Assertion),
    /// Something was observed.
    Observed(Evidence),
    /// The trust of an assertion changed.
    Judged {
        /// The assertion.
        item: ItemId,
        /// Its trust now.
        trust: Trust,
    },
    /// The value of a rejected assertion may not be asserted again.
    Banned {
        /// The rejected assertion.
        item: ItemId,
        /// Until when; for good when it is `None`.
        expires: Option<Moment>,
    },
    /// A rejected value may be asserted again.
    Lifted(ItemId),
    /// A policy was declared.
    Declared {
        /// The predicate.
        predicate: String,
        /// The policy.
        policy: Policy,
    },
    /// A lease was taken, prolonged or given back.
    Leased {
        /// What is leased.
        resource: String,
        /// By whom.
        holder: Actor,
        /// Until when; the beginning of time when it was given back.
        until: Moment,
    },
    /// An entity was forgotten, with everything that was said of it.
    Forgotten(EntityId),
}

/// Reads what changed in a scope after a snapshot, up to and with another one.
pub(crate) fn changes(
    rows: &dyn Reader,
    keys: &Keyring,
    scope: &Scope,
    span: (Snapshot, Snapshot),
    filter: &Filter,
) -> Result<Changes, ContextError> {
    let (after, upto) = span;
    let mut found = Changes {
        changes: Vec::new(),
        cursor: upto,
    };
    let Some(scope) = find_scope(rows, &scope.to_bytes())? else {
        return Ok(found);
    };
    let reading = |snapshot| Reading::new(rows, keys, scope, snapshot, Origin::Stored);
    for (commit, ids) in commits(rows, scope, after, upto, &mut found.cursor)? {
        let reading = reading(commit);
        let head = reading.commit(commit)?;
        for id in ids {
            let Some(event) = event(&reading, id)? else {
                continue;
            };
            if wanted(&reading, filter, &event)? {
                found.changes.push(Change {
                    commit,
                    at: head.at,
                    provenance: head.provenance.clone(),
                    event,
                });
            }
        }
    }
    Ok(found)
}

/// Returns the rows of whole commits, and moves the cursor to the last of them when there is
/// more.
fn commits(
    rows: &dyn Reader,
    scope: key::ScopeId,
    after: Snapshot,
    upto: Snapshot,
    cursor: &mut Snapshot,
) -> Result<BTreeMap<Snapshot, Vec<ItemId>>, ContextError> {
    let mut commits = BTreeMap::<Snapshot, Vec<ItemId>>::new();
    let mut read = 0;
    let from = key::log_after(scope, after);
    let to = key::log_after(scope, upto);
    rows.range(&from, &to, Order::Ascending, &mut |key, _| {
        let Some(id) = key::last_number(key).map(ItemId::from_number) else {
            return ControlFlow::Continue(());
        };
        let commit = id.commit();
        match commits.entry(commit) {
            Entry::Occupied(mut ids) => ids.get_mut().push(id),
            Entry::Vacant(_) if read >= ROWS_MAX => return ControlFlow::Break(()),
            Entry::Vacant(slot) => drop(slot.insert(Vec::new())),
        }
        read += 1;
        ControlFlow::Continue(())
    })?;
    if read >= ROWS_MAX
        && let Some((&last, _)) = commits.last_key_value()
    {
        *cursor = last;
    }
    Ok(commits)
}

/// Reads one row as a change; what was forgotten since shows nothing any more.
fn event(reading: &Reading<'_>, id: ItemId) -> Result<Option<Event>, ContextError> {
    let Some(row) = reading.log_row(id.number())? else {
        return Ok(None);
    };
    Ok(match row {
        LogRow::Assertion(_) => reading.assertion(id)?.map(Event::Asserted),
        LogRow::Observation(_) => evidence(reading, id)?.map(Event::Observed),
        LogRow::Entity(_) => reading
            .entity(EntityId::from_number(id.number()))?
            .map(Event::Introduced),
        LogRow::Transition(row) => Some(Event::Judged {
            item: row.item,
            trust: row.trust,
        }),
        LogRow::Policy(row) => Some(Event::Declared {
            predicate: reading.predicate_name(row.predicate)?,
            policy: row.policy,
        }),
        LogRow::Lease(row) => Some(Event::Leased {
            resource: row.resource,
            holder: row.holder,
            until: row.until,
        }),
        LogRow::Lift(item) => Some(Event::Lifted(item)),
        LogRow::Erasure(entity) => Some(Event::Forgotten(entity)),
        LogRow::Ban(row) => Some(Event::Banned {
            item: row.item,
            expires: row.expires,
        }),
        LogRow::Commit(_) | LogRow::Predicate(_) => None,
    })
}

fn wanted(reading: &Reading<'_>, filter: &Filter, event: &Event) -> Result<bool, ContextError> {
    if *filter == Filter::default() {
        return Ok(true);
    }
    let (subject, predicate) = match event {
        Event::Asserted(assertion) => (
            Some(assertion.subject.id),
            Some(assertion.predicate.clone()),
        ),
        Event::Observed(evidence) => (Some(evidence.about.id), None),
        Event::Introduced(entity) => (Some(entity.id), None),
        Event::Forgotten(id) => (Some(*id), None),
        Event::Judged { item, .. } | Event::Banned { item, .. } | Event::Lifted(item) => {
            match reading.assertion_row(*item)? {
                Some(row) => (
                    Some(row.subject),
                    Some(reading.predicate_name(row.predicate)?),
                ),
                None => (None, None),
            }
        }
        Event::Declared { predicate, .. } => (None, Some(predicate.clone())),
        Event::Leased { .. } => (None, None),
    };
    let subject_fits = match &filter.subject {
        None => true,
        Some(wanted) => match (reading.find(wanted)?, subject) {
            (Some(wanted), Some(subject)) => reading.class(wanted)?.contains(&subject),
            _ => false,
        },
    };
    Ok(subject_fits && (filter.predicate.is_none() || filter.predicate == predicate))
}
