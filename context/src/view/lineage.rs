//! Lineage: what an item rests on, and what rests on it.

use std::collections::{BTreeMap, BTreeSet};

use crate::assertion::Assertion;
use crate::key;
use crate::reading::Reading;
use crate::view::query::Rest;
use crate::view::{Evidence, evidence};
use crate::{ContextError, ItemId};

/// Items that one answer about lineage holds.
const ITEMS_MAX: usize = 1_000;

/// Items that are connected by derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The item that was asked about.
    pub item: ItemId,
    /// The others, the nearest first, then by id.
    pub related: Vec<Related>,
    /// Whether there is more.
    pub rest: Rest,
}

/// One item of a lineage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// How many derivations away it is.
    pub steps: u32,
    /// The item.
    pub source: Source,
}

/// What an assertion can be derived from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an answer holds at most 1,000")]
pub enum Source {
    /// Another assertion.
    Assertion(Assertion),
    /// Evidence.
    Evidence(Evidence),
    /// Something that was forgotten.
    Forgotten(ItemId),
}

/// Walks from an item to everything it was derived from.
pub(super) fn why(reading: &Reading<'_>, item: ItemId) -> Result<Lineage, ContextError> {
    walk(reading, item, |reading, item| {
        let Some(row) = reading.assertion_row(item)? else {
            return Ok(Vec::new());
        };
        let commit = reading.commit(item.commit())?;
        let mut sources = row.derived_from;
        sources.extend(&commit.provenance.derived_from);
        sources.extend(row.replaces);
        Ok(sources)
    })
}

/// Walks from an item to everything that was derived from it.
pub(super) fn impact(reading: &Reading<'_>, item: ItemId) -> Result<Lineage, ContextError> {
    walk(reading, item, |reading, item| {
        let numbers = reading.numbers(&key::lineage_of(reading.scope, item))?;
        let derived = numbers.into_iter().map(ItemId::from_number);
        Ok(derived
            .filter(|item| item.is_visible_at(reading.snapshot))
            .collect())
    })
}

fn walk(
    reading: &Reading<'_>,
    start: ItemId,
    next: impl Fn(&Reading<'_>, ItemId) -> Result<Vec<ItemId>, ContextError>,
) -> Result<Lineage, ContextError> {
    let mut rest = Rest::None;
    let mut steps = BTreeMap::from([(start, 0)]);
    let mut ring = BTreeSet::from([start]);
    for distance in 1.. {
        let mut further = BTreeSet::new();
        for item in std::mem::take(&mut ring) {
            for other in next(reading, item)? {
                if steps.contains_key(&other) {
                    continue;
                }
                if steps.len() > ITEMS_MAX {
                    rest = Rest::More;
                    break;
                }
                steps.insert(other, distance);
                further.insert(other);
            }
        }
        if further.is_empty() {
            break;
        }
        ring = further;
    }
    steps.remove(&start);
    let mut related = Vec::with_capacity(steps.len());
    for (item, steps) in steps {
        let source = source(reading, item)?;
        related.push(Related { steps, source });
    }
    related.sort_by_key(|related| related.steps);
    Ok(Lineage {
        item: start,
        related,
        rest,
    })
}

fn source(reading: &Reading<'_>, item: ItemId) -> Result<Source, ContextError> {
    if let Some(assertion) = reading.assertion(item)? {
        return Ok(Source::Assertion(assertion));
    }
    Ok(match evidence(reading, item)? {
        Some(evidence) => Source::Evidence(evidence),
        None => Source::Forgotten(item),
    })
}

impl Source {
    /// Returns the id of the item.
    pub fn id(&self) -> ItemId {
        match self {
            Self::Assertion(assertion) => assertion.id,
            Self::Evidence(evidence) => evidence.id,
            Self::Forgotten(item) => *item,
        }
    }
}
