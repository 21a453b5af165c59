//! A view: everything that can be read, at one snapshot, in one scope. Its answers stay the
//! same for ever, so a caller stores the snapshot's number and asks again.

mod advise;
mod lineage;
mod neighbours;
mod query;
mod recall;

use std::fmt;
use std::sync::Arc;

pub use advise::{Advice, Course, Grounds, PastRecord, Recommended, Situation};
pub(crate) use advise::{RecommendationValue, outcome_value, recommendation_value};
pub use lineage::{Lineage, Related, Source};
pub use neighbours::{Neighbour, Neighbourhood, Walk};
pub use query::{Found, Pattern, Rest};
pub(crate) use query::{label, live_pair, name_of, version_of};
pub use recall::{LeftOut, Recall, Recalled, RecalledItem, Recollection, Why};

use crate::assertion::{Assertion, Entity};
use crate::commit::{EntityRef, Version};
use crate::reading::{Origin, Reading, find_scope};
use crate::scope::{Access, Scope};
use crate::vault::VaultError;
use crate::writer::Shared;
use crate::{ContextError, ItemId, Moment, Snapshot, Value};

/// One scope at one snapshot.
#[derive(Clone)]
pub struct View {
    shared: Arc<Shared>,
    scope: Scope,
    snapshot: Snapshot,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("scope", &self.scope)
            .field("snapshot", &self.snapshot)
            .finish_non_exhaustive()
    }
}

/// Evidence as it is read: an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its id.
    pub id: ItemId,
    /// The entity that it is about.
    pub about: Entity,
    /// What was seen.
    pub content: Value,
    /// Where it was seen.
    pub source: String,
    /// When it was seen.
    pub observed_at: Moment,
}

impl View {
    pub(crate) fn new(
        shared: Arc<Shared>,
        access: &Access,
        snapshot: Snapshot,
    ) -> Result<Self, ContextError> {
        let last = shared.snapshot();
        if snapshot > last {
            return Err(ContextError::FutureSnapshot {
                asked: snapshot,
                last,
            });
        }
        Ok(Self {
            shared,
            scope: access.scope().clone(),
            snapshot,
        })
    }

    pub(crate) fn latest(shared: Arc<Shared>, access: &Access) -> Self {
        Self {
            scope: access.scope().clone(),
            snapshot: shared.snapshot(),
            shared,
        }
    }

    /// Returns the snapshot, to be stored for a later reading.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot
    }

    /// Returns an entity; `None` when the scope does not know it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn entity(&self, entity: impl Into<EntityRef>) -> Result<Option<Entity>, ContextError> {
        let entity = entity.into();
        self.ask(None, |reading| match reading.find(&entity)? {
            Some(id) => reading.entity(id),
            None => Ok(None),
        })
    }

    /// Returns an assertion, believed or not; `None` when the scope has none with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn assertion(&self, item: ItemId) -> Result<Option<Assertion>, ContextError> {
        self.ask(None, |reading| reading.assertion(item))
    }

    /// Returns an observation; `None` when the scope has none with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn observation(&self, item: ItemId) -> Result<Option<Evidence>, ContextError> {
        self.ask(None, |reading| evidence(reading, item))
    }

    /// Returns the assertions that fit a pattern, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn query(&self, pattern: &Pattern) -> Result<Found, ContextError> {
        self.ask(Found::nothing(), |reading| query::query(reading, pattern))
    }

    /// Returns what was believed at the snapshot to hold at a moment, about one entity.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn as_of(
        &self,
        subject: impl Into<EntityRef>,
        valid: Moment,
    ) -> Result<Vec<Assertion>, ContextError> {
        let pattern = Pattern::about(subject).at(valid);
        Ok(self.query(&pattern)?.assertions)
    }

    /// Returns everything that was ever said of a subject and predicate, the oldest first,
    /// whatever became of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(
        &self,
        subject: impl Into<EntityRef>,
        predicate: &str,
    ) -> Result<Vec<Assertion>, ContextError> {
        let subject = subject.into();
        self.ask(Vec::new(), |reading| {
            query::history(reading, &subject, predicate)
        })
    }

    /// Returns the version of what is said of a subject and predicate, for
    /// [`Expect`](crate::Expect).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn version(
        &self,
        subject: impl Into<EntityRef>,
        predicate: &str,
    ) -> Result<Version, ContextError> {
        let subject = subject.into();
        self.ask(Version::Absent, |reading| {
            version_of(reading, &subject, predicate)
        })
    }

    /// Returns what lies around an entity, within bounds.
    ///
    /// # Errors
    /// [`ContextError::UnknownEntity`] when the scope does not know it.
    pub fn neighbours(
        &self,
        entity: impl Into<EntityRef>,
        walk: &Walk,
    ) -> Result<Neighbourhood, ContextError> {
        let entity = entity.into();
        self.ask(None, |reading| {
            neighbours::neighbours(reading, &entity, walk).map(Some)
        })?
        .ok_or_else(|| ContextError::UnknownEntity {
            name: query::label(&entity),
        })
    }

    /// Returns everything that an item was derived from, directly and indirectly, and what it
    /// replaced.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn why(&self, item: ItemId) -> Result<Lineage, ContextError> {
        self.ask(None, |reading| lineage::why(reading, item).map(Some))?
            .ok_or(ContextError::UnknownItem { id: item })
    }

    /// Returns everything that was derived from an item, directly and indirectly: what is in
    /// doubt when the item is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn impact(&self, item: ItemId) -> Result<Lineage, ContextError> {
        self.ask(None, |reading| lineage::impact(reading, item).map(Some))?
            .ok_or(ContextError::UnknownItem { id: item })
    }

    /// Advises before an action: whether to proceed, to ask, to hand over or to stop, with the
    /// facts and past outcomes that say so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn advise(&self, situation: &Situation) -> Result<Advice, ContextError> {
        let unknown = Advice::without_facts();
        self.ask(unknown, |reading| advise::advise(reading, situation))
    }

    /// Finds what is worth knowing for a question, ranked, within a budget of tokens.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recall(&self, recall: &Recall) -> Result<Recollection, ContextError> {
        let nothing = Recollection::nothing(self.snapshot);
        self.ask(nothing, |reading| recall::recall(reading, recall))
    }

    /// Asks one question of the scope; a scope that was never written to has one answer.
    fn ask<T>(
        &self,
        in_empty_scope: T,
        question: impl Fn(&Reading<'_>) -> Result<T, ContextError>,
    ) -> Result<T, ContextError> {
        match self.ask_once(&question)? {
            Some(answer) => Ok(answer),
            None => Ok(in_empty_scope),
        }
    }

    /// Asks once, and once more when the keys were replaced in between.
    fn ask_once<T>(
        &self,
        question: &dyn Fn(&Reading<'_>) -> Result<T, ContextError>,
    ) -> Result<Option<T>, ContextError> {
        match self.attempt(question) {
            Err(ContextError::Vault(VaultError::WrongKey)) => self.attempt(question),
            answer => answer,
        }
    }

    fn attempt<T>(
        &self,
        question: &dyn Fn(&Reading<'_>) -> Result<T, ContextError>,
    ) -> Result<Option<T>, ContextError> {
        let rows = self.shared.reader()?;
        let Some(scope) = find_scope(&rows, &self.scope.to_bytes())? else {
            return Ok(None);
        };
        let keys = &self.shared.keys;
        let reading = Reading::new(&rows, keys, scope, self.snapshot, Origin::Stored);
        question(&reading).map(Some)
    }
}

/// Reads an observation as evidence.
pub(crate) fn evidence(
    reading: &Reading<'_>,
    item: ItemId,
) -> Result<Option<Evidence>, ContextError> {
    let Some(row) = reading.observation_row(item)? else {
        return Ok(None);
    };
    let Some((source, content)) = reading.observation_text(item, &row)? else {
        return Ok(None);
    };
    Ok(reading.entity(row.about)?.map(|about| Evidence {
        id: item,
        about,
        content,
        source,
        observed_at: row.observed_at,
    }))
}
