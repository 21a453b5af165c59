//! Patterns: which assertions are wanted. The index follows from what is given; the answer is
//! bounded, in order of ids, and can be continued.

use std::ops::ControlFlow;

use crate::assertion::{Assertion, Trust};
use crate::commit::{EntityRef, ObjectRef, Version};
use crate::key::{self, HashDomain, ObjectKey, PredicateId};
use crate::reading::{FoundEdge, Reading, holds_at};
use crate::row::Edge;
use crate::{ContextError, EntityId, ItemId, Moment, Snapshot};

/// Assertions that one answer holds when nothing else is asked.
const LIMIT: usize = 100;
/// The most assertions that one answer can hold.
const LIMIT_MAX: usize = 1_000;
/// Index rows that one question looks at before it gives up and says so.
const SCAN_MAX: usize = 200_000;

/// Which assertions are wanted. Empty, it fits all that are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    subject: Option<EntityRef>,
    predicate: Option<String>,
    object: Option<ObjectRef>,
    at: Option<Moment>,
    trust_min: Trust,
    after: Option<ItemId>,
    limit: usize,
}

impl Default for Pattern {
    fn default() -> Self {
        Self {
            subject: None,
            predicate: None,
            object: None,
            at: None,
            trust_min: Trust::Disputed,
            after: None,
            limit: LIMIT,
        }
    }
}

impl Pattern {
    /// Wants everything that is believed.
    pub fn anything() -> Self {
        Self::default()
    }

    /// Wants what is said of one subject.
    pub fn about(subject: impl Into<EntityRef>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..Self::default()
        }
    }

    /// Wants one predicate only.
    #[must_use]
    pub fn predicate(mut self, predicate: impl Into<String>) -> Self {
        self.predicate = Some(predicate.into());
        self
    }

    /// Wants one object only. Letter case and white space of texts make no difference.
    #[must_use]
    pub fn object(mut self, object: impl Into<ObjectRef>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Wants what holds at a moment.
    #[must_use]
    pub fn at(mut self, moment: Moment) -> Self {
        self.at = Some(moment);
        self
    }

    /// Wants at least this trust; [`Trust::Retracted`] shows all there ever was.
    #[must_use]
    pub fn trust_min(mut self, trust: Trust) -> Self {
        self.trust_min = trust;
        self
    }

    /// Continues an answer after its last assertion.
    #[must_use]
    pub fn after(mut self, item: ItemId) -> Self {
        self.after = Some(item);
        self
    }

    /// Wants at most so many; 100 when not said, never more than 1,000.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(LIMIT_MAX);
        self
    }
}

/// The answer to a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The assertions, the oldest first.
    pub assertions: Vec<Assertion>,
    /// Whether there is more.
    pub rest: Rest,
}

impl Found {
    pub(crate) fn nothing() -> Self {
        Self {
            assertions: Vec::new(),
            rest: Rest::None,
        }
    }
}

/// Whether an answer is all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It is.
    None,
    /// The limit was reached: continue with [`Pattern::after`].
    More,
    /// So many rows fit that not all were looked at: narrow the pattern.
    NotLookedAt,
}

pub(super) fn query(reading: &Reading<'_>, pattern: &Pattern) -> Result<Found, ContextError> {
    let Some(plan) = Plan::of(reading, pattern)? else {
        return Ok(Found::nothing());
    };
    let (mut items, mut rest) = plan.candidates(reading, pattern)?;
    items.sort_unstable();
    let mut assertions = Vec::new();
    for item in items {
        let Some(assertion) = reading.assertion(item)? else {
            continue;
        };
        if assertion.trust < pattern.trust_min {
            continue;
        }
        if assertions.len() == pattern.limit {
            rest = Rest::More;
            break;
        }
        assertions.push(assertion);
    }
    Ok(Found { assertions, rest })
}

/// A pattern whose names are found, with the index that answers it.
struct Plan {
    subject: Option<EntityId>,
    predicate: Option<PredicateId>,
    object: Option<ObjectKey>,
}

impl Plan {
    /// Returns `None` when a name is not known, so that nothing can fit.
    fn of(reading: &Reading<'_>, pattern: &Pattern) -> Result<Option<Self>, ContextError> {
        let mut plan = Self {
            subject: None,
            predicate: None,
            object: None,
        };
        if let Some(subject) = &pattern.subject {
            plan.subject = reading.find(subject)?;
            if plan.subject.is_none() {
                return Ok(None);
            }
        }
        if let Some(predicate) = &pattern.predicate {
            plan.predicate = reading.predicate(predicate)?;
            if plan.predicate.is_none() {
                return Ok(None);
            }
        }
        if let Some(object) = &pattern.object {
            plan.object = object_key(reading, object)?;
            if plan.object.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(plan))
    }

    /// Returns the items that fit by index; derived trust is looked at later.
    fn candidates(
        &self,
        reading: &Reading<'_>,
        pattern: &Pattern,
    ) -> Result<(Vec<ItemId>, Rest), ContextError> {
        let mut items = Vec::new();
        let mut looked_at = 0;
        let mut take = |item: ItemId, edge: &Edge, backward: bool| {
            looked_at += 1;
            if looked_at > SCAN_MAX {
                return ControlFlow::Break(());
            }
            let object_fits = backward || self.object.is_none_or(|object| edge.other == object);
            if object_fits && fits(reading, pattern, item, edge) {
                items.push(item);
            }
            ControlFlow::Continue(())
        };
        match (self.subject, self.predicate, self.object) {
            (Some(subject), predicate, _) => {
                let prefix = match predicate {
                    Some(predicate) => key::forward_pair(reading.scope, subject, predicate),
                    None => key::forward_of(reading.scope, subject),
                };
                reading.edges(&prefix, &mut |found| take(found.item, &found.edge, false))?;
            }
            (None, predicate, Some(ObjectKey::Entity(object))) => {
                let prefix = match predicate {
                    Some(predicate) => key::backward_pair(reading.scope, object, predicate),
                    None => key::backward_of(reading.scope, object),
                };
                reading.edges(&prefix, &mut |found| take(found.item, &found.edge, true))?;
            }
            (None, Some(predicate), object) => {
                by_value(reading, predicate, object, &mut take)?;
            }
            (None, None, Some(object)) => {
                for predicate in predicates(reading)? {
                    by_value(reading, predicate, Some(object), &mut take)?;
                }
            }
            (None, None, None) => {
                let prefix = key::forward_all(reading.scope);
                reading.edges(&prefix, &mut |found| take(found.item, &found.edge, false))?;
            }
        }
        let rest = if looked_at > SCAN_MAX {
            Rest::NotLookedAt
        } else {
            Rest::None
        };
        Ok((items, rest))
    }
}

/// What an index scan does with each edge; says whether it came from the backward table.
type Take<'a> = dyn FnMut(ItemId, &Edge, bool) -> ControlFlow<()> + 'a;

fn by_value(
    reading: &Reading<'_>,
    predicate: PredicateId,
    object: Option<ObjectKey>,
    take: &mut Take<'_>,
) -> Result<(), ContextError> {
    let prefix = match object {
        Some(object) => key::by_value_pair(reading.scope, predicate, object),
        None => key::by_value_of(reading.scope, predicate),
    };
    let mut rows = Vec::new();
    reading.each(&prefix, &mut |key, value| {
        let item = key::last_number(key).map(ItemId::from_number);
        let subject = key::last_number(value).map(EntityId::from_number);
        rows.extend(item.zip(subject));
        if rows.len() > SCAN_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    for (item, subject) in rows {
        if !item.is_visible_at(reading.snapshot) {
            continue;
        }
        let key = key::forward(reading.scope, subject, predicate, item);
        let Some(bytes) = reading.rows.get(&key)? else {
            continue;
        };
        let edge = Edge::decode(item, &bytes)
            .ok_or_else(|| ContextError::damaged(format!("edge of {item}")))?;
        if take(item, &edge, false).is_break() {
            break;
        }
    }
    Ok(())
}

fn predicates(reading: &Reading<'_>) -> Result<Vec<PredicateId>, ContextError> {
    let mut ids = Vec::new();
    reading.each(&key::predicate_names(reading.scope), &mut |key, _| {
        let number = key.last_chunk().copied().map(u32::from_be_bytes);
        ids.extend(number.map(PredicateId));
        ControlFlow::Continue(())
    })?;
    Ok(ids)
}

fn fits(reading: &Reading<'_>, pattern: &Pattern, item: ItemId, edge: &Edge) -> bool {
    let trust = edge.life.trust_at(reading.snapshot);
    trust.is_some_and(|trust| trust >= pattern.trust_min)
        && pattern.after.is_none_or(|after| item > after)
        && holds_at(edge, pattern.at)
}

fn object_key(
    reading: &Reading<'_>,
    object: &ObjectRef,
) -> Result<Option<ObjectKey>, ContextError> {
    Ok(match object {
        ObjectRef::Entity(entity) => reading.find(entity)?.map(ObjectKey::Entity),
        ObjectRef::Value(value) => {
            let hash = reading.hash(HashDomain::Value, &value.normalised());
            Some(ObjectKey::Value(hash))
        }
    })
}

/// Returns every edge of a subject and predicate, live or not.
fn pair(
    reading: &Reading<'_>,
    subject: &EntityRef,
    predicate: &str,
) -> Result<Vec<FoundEdge>, ContextError> {
    let subject = reading.find(subject)?;
    let Some((subject, predicate)) = subject.zip(reading.predicate(predicate)?) else {
        return Ok(Vec::new());
    };
    let mut edges = Vec::new();
    let prefix = key::forward_pair(reading.scope, subject, predicate);
    reading.edges(&prefix, &mut |edge| {
        edges.push(edge);
        ControlFlow::Continue(())
    })?;
    Ok(edges)
}

pub(super) fn history(
    reading: &Reading<'_>,
    subject: &EntityRef,
    predicate: &str,
) -> Result<Vec<Assertion>, ContextError> {
    let mut assertions = Vec::new();
    for found in pair(reading, subject, predicate)? {
        assertions.extend(reading.assertion(found.item)?);
    }
    Ok(assertions)
}

/// Returns what is believed of a subject and predicate.
pub(crate) fn live_pair(
    reading: &Reading<'_>,
    subject: &EntityRef,
    predicate: &str,
) -> Result<Vec<Assertion>, ContextError> {
    let mut assertions = history(reading, subject, predicate)?;
    assertions.retain(|assertion| assertion.known.to.is_none());
    Ok(assertions)
}

/// Returns the version of a subject and predicate: the last commit that changed anything.
pub(crate) fn version_of(
    reading: &Reading<'_>,
    subject: &EntityRef,
    predicate: &str,
) -> Result<Version, ContextError> {
    let edges = pair(reading, subject, predicate)?;
    let changes = edges
        .iter()
        .filter_map(|found| found.edge.life.changed_at(reading.snapshot));
    let last: Option<Snapshot> = changes.max();
    Ok(last.map_or(Version::Absent, Version::Commit))
}

pub(crate) fn name_of(reading: &Reading<'_>, entity: &EntityRef) -> Result<String, ContextError> {
    let found = match reading.find(entity)? {
        Some(id) => reading.entity(id)?,
        None => None,
    };
    Ok(found.map_or_else(|| label(entity), |entity| entity.name))
}

/// Returns how the caller named an entity.
pub(super) fn label(entity: &EntityRef) -> String {
    match entity {
        EntityRef::Id(id) => id.to_string(),
        EntityRef::Name { name, .. } => name.clone(),
    }
}
