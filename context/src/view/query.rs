//! Patterns: which assertions are wanted. The index follows from what is given; the answer is
//! bounded, in order of ids, and can be continued.

use std::ops::ControlFlow;
use std::rc::Rc;

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
    let (items, mut rest) = plan.candidates(reading, pattern)?;
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
///
/// Subject and object stand for all entities that are the same as the one that was named.
struct Plan {
    subjects: Option<Rc<[EntityId]>>,
    predicate: Option<PredicateId>,
    objects: Option<Vec<ObjectKey>>,
}

impl Plan {
    /// Returns `None` when a name is not known, so that nothing can fit.
    fn of(reading: &Reading<'_>, pattern: &Pattern) -> Result<Option<Self>, ContextError> {
        let mut plan = Self {
            subjects: None,
            predicate: None,
            objects: None,
        };
        if let Some(subject) = &pattern.subject {
            let Some(subject) = reading.find(subject)? else {
                return Ok(None);
            };
            plan.subjects = Some(reading.class(subject)?);
        }
        if let Some(predicate) = &pattern.predicate {
            plan.predicate = reading.predicate(predicate)?;
            if plan.predicate.is_none() {
                return Ok(None);
            }
        }
        if let Some(object) = &pattern.object {
            plan.objects = object_keys(reading, object)?;
            if plan.objects.is_none() {
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
        let mut take = |item: ItemId, edge: &Edge, end: End| {
            looked_at += 1;
            if looked_at > SCAN_MAX {
                return ControlFlow::Break(());
            }
            let wanted = self.objects.as_ref();
            let object_fits =
                end == End::Subject || wanted.is_none_or(|keys| keys.contains(&edge.other));
            if object_fits && fits(reading, pattern, item, edge) {
                items.push(item);
            }
            ControlFlow::Continue(())
        };
        self.scan(reading, &mut take)?;
        items.sort_unstable();
        items.dedup();
        let rest = if looked_at > SCAN_MAX {
            Rest::NotLookedAt
        } else {
            Rest::None
        };
        Ok((items, rest))
    }

    /// Shows every edge that the best index has for what is known.
    fn scan(&self, reading: &Reading<'_>, take: &mut Take<'_>) -> Result<(), ContextError> {
        if let Some(subjects) = &self.subjects {
            for &subject in subjects.iter() {
                let prefix = match self.predicate {
                    Some(predicate) => key::forward_pair(reading.scope, subject, predicate),
                    None => key::forward_of(reading.scope, subject),
                };
                self.edges(reading, &prefix, End::Object, take)?;
            }
            return Ok(());
        }
        let Some(objects) = &self.objects else {
            return match self.predicate {
                Some(predicate) => by_value(reading, predicate, None, take),
                None => {
                    let all = key::forward_all(reading.scope);
                    self.edges(reading, &all, End::Object, take)
                }
            };
        };
        for &object in objects {
            match (object, self.predicate) {
                (ObjectKey::Entity(id), Some(predicate)) => {
                    let prefix = key::backward_pair(reading.scope, id, predicate);
                    self.edges(reading, &prefix, End::Subject, take)?;
                }
                (ObjectKey::Entity(id), None) => {
                    let prefix = key::backward_of(reading.scope, id);
                    self.edges(reading, &prefix, End::Subject, take)?;
                }
                (ObjectKey::Value(_), Some(predicate)) => {
                    by_value(reading, predicate, Some(object), take)?;
                }
                (ObjectKey::Value(_), None) => {
                    for predicate in predicates(reading)? {
                        by_value(reading, predicate, Some(object), take)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Shows the edges under a prefix. What this crate says of entities is shown by questions
    /// of its own, and here only when its predicate is asked for by name.
    fn edges(
        &self,
        reading: &Reading<'_>,
        prefix: &[u8],
        end: End,
        take: &mut Take<'_>,
    ) -> Result<(), ContextError> {
        reading.edges(prefix, &mut |found| {
            if self.predicate.is_none() && found.predicate < PredicateId::FIRST {
                return ControlFlow::Continue(());
            }
            take(found.item, &found.edge, end)
        })
    }
}

/// Which end of an assertion an edge shows as its other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Object,
    Subject,
}

/// What an index scan does with each edge.
type Take<'a> = dyn FnMut(ItemId, &Edge, End) -> ControlFlow<()> + 'a;

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
        if take(item, &edge, End::Object).is_break() {
            break;
        }
    }
    Ok(())
}

fn predicates(reading: &Reading<'_>) -> Result<Vec<PredicateId>, ContextError> {
    let mut ids = Vec::new();
    reading.each(&key::predicate_names(reading.scope), &mut |key, _| {
        let number = key.last_chunk().copied().map(u32::from_be_bytes);
        let callers = number.map(PredicateId);
        ids.extend(callers.filter(|id| *id >= PredicateId::FIRST));
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

fn object_keys(
    reading: &Reading<'_>,
    object: &ObjectRef,
) -> Result<Option<Vec<ObjectKey>>, ContextError> {
    Ok(match object {
        ObjectRef::Entity(entity) => match reading.find(entity)? {
            Some(id) => {
                let class = reading.class(id)?;
                Some(class.iter().copied().map(ObjectKey::Entity).collect())
            }
            None => None,
        },
        ObjectRef::Value(value) => {
            let hash = reading.hash(HashDomain::Value, &value.normalised());
            Some(vec![ObjectKey::Value(hash)])
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
    for &member in reading.class(subject)?.iter() {
        let prefix = key::forward_pair(reading.scope, member, predicate);
        reading.edges(&prefix, &mut |edge| {
            edges.push(edge);
            ControlFlow::Continue(())
        })?;
    }
    edges.sort_by_key(|found| found.item);
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
pub(crate) fn label(entity: &EntityRef) -> String {
    match entity {
        EntityRef::Id(id) => id.to_string(),
        EntityRef::Name { name, .. } => name.clone(),
    }
}
