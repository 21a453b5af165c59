//! Neighbourhoods: what lies around an entity, breadth first, within hard bounds. Entities
//! that are the same count as one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;

use crate::assertion::{Assertion, Entity, Object, Polarity, Trust};
use crate::commit::EntityRef;
use crate::key::{self, PredicateId};
use crate::reading::{FoundEdge, Reading, holds_at, other_entity};
use crate::view::query::{Rest, label};
use crate::{ContextError, EntityId, ItemId, Moment};

/// The farthest that a walk goes: beyond three hops nearly everything is a neighbour.
const HOPS_MAX: u32 = 4;
/// Entities that a walk returns when nothing else is asked.
const ENTITIES: usize = 100;
/// The most entities that a walk returns.
const ENTITIES_MAX: usize = 1_000;
/// Edges that a walk looks at before it gives up and says so.
const EDGES_MAX: usize = 50_000;

/// How far to walk around an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    hops: u32,
    entities: usize,
    predicates: BTreeSet<String>,
    at: Option<Moment>,
    trust_min: Trust,
}

impl Default for Walk {
    fn default() -> Self {
        Self::hops(1)
    }
}

impl Walk {
    /// Walks so many hops, 4 at most, to at most 100 entities.
    pub fn hops(hops: u32) -> Self {
        Self {
            hops: hops.min(HOPS_MAX),
            entities: ENTITIES,
            predicates: BTreeSet::new(),
            at: None,
            trust_min: Trust::Disputed,
        }
    }

    /// Stops at so many entities, 1,000 at most.
    #[must_use]
    pub fn entities_max(mut self, entities: usize) -> Self {
        self.entities = entities.min(ENTITIES_MAX);
        self
    }

    /// Follows this predicate, and others that are named the same way, instead of all.
    #[must_use]
    pub fn along(mut self, predicate: impl Into<String>) -> Self {
        self.predicates.insert(predicate.into());
        self
    }

    /// Follows what holds at a moment.
    #[must_use]
    pub fn at(mut self, moment: Moment) -> Self {
        self.at = Some(moment);
        self
    }

    /// Follows what has at least this trust.
    #[must_use]
    pub fn trust_min(mut self, trust: Trust) -> Self {
        self.trust_min = trust;
        self
    }
}

/// What lies around an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbourhood {
    /// The entity in the middle.
    pub centre: Entity,
    /// The others, the nearest first, then by id.
    pub neighbours: Vec<Neighbour>,
    /// The assertions that connect them, the oldest first.
    pub connections: Vec<Assertion>,
    /// Whether there is more.
    pub rest: Rest,
}

/// One entity nearby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The entity.
    pub entity: Entity,
    /// How many hops away it is.
    pub hops: u32,
}

pub(super) fn neighbours(
    reading: &Reading<'_>,
    entity: &EntityRef,
    walk: &Walk,
) -> Result<Neighbourhood, ContextError> {
    let unknown = || ContextError::UnknownEntity {
        name: label(entity),
    };
    let start = reading.find(entity)?.ok_or_else(unknown)?;
    let centre = reading.entity(start)?.ok_or_else(unknown)?;
    let mut ground = Ground::new(eldest(reading, start)?);
    while let Some((at, hops)) = ground.queue.pop_front() {
        if hops == walk.hops {
            continue;
        }
        ground.visit(reading, walk, at, hops + 1)?;
    }
    ground.into_neighbourhood(reading, walk, centre)
}

/// Returns the oldest of the entities that are the same as this one; it stands for all.
fn eldest(reading: &Reading<'_>, id: EntityId) -> Result<EntityId, ContextError> {
    Ok(reading.class(id)?.first().copied().unwrap_or(id))
}

/// What a walk has covered.
struct Ground {
    /// Distance of every entity that was reached.
    hops: BTreeMap<EntityId, u32>,
    queue: VecDeque<(EntityId, u32)>,
    items: BTreeSet<ItemId>,
    edges: usize,
    rest: Rest,
}

impl Ground {
    fn new(start: EntityId) -> Self {
        Self {
            hops: BTreeMap::from([(start, 0)]),
            queue: VecDeque::from([(start, 0)]),
            items: BTreeSet::new(),
            edges: 0,
            rest: Rest::None,
        }
    }

    fn visit(
        &mut self,
        reading: &Reading<'_>,
        walk: &Walk,
        from: EntityId,
        hops: u32,
    ) -> Result<(), ContextError> {
        let mut found = Vec::new();
        for &member in reading.class(from)?.iter() {
            let tables = [
                key::forward_of(reading.scope, member),
                key::backward_of(reading.scope, member),
            ];
            for prefix in tables {
                reading.edges(&prefix, &mut |edge| {
                    self.edges += 1;
                    if self.edges > EDGES_MAX {
                        self.rest = Rest::NotLookedAt;
                        return ControlFlow::Break(());
                    }
                    if leads(reading, walk, &edge) {
                        found.push(edge);
                    }
                    ControlFlow::Continue(())
                })?;
            }
        }
        for edge in found {
            self.take(reading, walk, &edge, hops)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        reading: &Reading<'_>,
        walk: &Walk,
        found: &FoundEdge,
        hops: u32,
    ) -> Result<(), ContextError> {
        let Some(other) = other_entity(&found.edge) else {
            return Ok(());
        };
        let named = walk.predicates.is_empty()
            || walk
                .predicates
                .contains(&reading.predicate_name(found.predicate)?);
        if !named {
            return Ok(());
        }
        let other = eldest(reading, other)?;
        if !self.hops.contains_key(&other) {
            if self.hops.len() > walk.entities {
                self.rest = Rest::More;
                return Ok(());
            }
            self.hops.insert(other, hops);
            self.queue.push_back((other, hops));
        }
        self.items.insert(found.item);
        Ok(())
    }

    /// Looks at derived trust last, for the few that are shown: an entity that is reached only
    /// over an assertion that is not trusted enough falls out with it.
    fn into_neighbourhood(
        self,
        reading: &Reading<'_>,
        walk: &Walk,
        centre: Entity,
    ) -> Result<Neighbourhood, ContextError> {
        let mut connections = Vec::new();
        let mut connected = BTreeSet::new();
        for item in self.items {
            let Some(assertion) = reading.assertion(item)? else {
                continue;
            };
            if assertion.trust < walk.trust_min {
                continue;
            }
            connected.insert(eldest(reading, assertion.subject.id)?);
            if let Object::Entity(object) = &assertion.object {
                connected.insert(eldest(reading, object.id)?);
            }
            connections.push(assertion);
        }
        let mut neighbours = Vec::new();
        for (id, hops) in self.hops {
            if hops > 0
                && connected.contains(&id)
                && let Some(entity) = reading.entity(id)?
            {
                neighbours.push(Neighbour { entity, hops });
            }
        }
        neighbours.sort_by_key(|neighbour| (neighbour.hops, neighbour.entity.id));
        Ok(Neighbourhood {
            centre,
            neighbours,
            connections,
            rest: self.rest,
        })
    }
}

/// Says whether an edge leads on: affirmed, valid at the moment and believed at the snapshot.
/// Names, merges and advice lead nowhere.
fn leads(reading: &Reading<'_>, walk: &Walk, found: &FoundEdge) -> bool {
    let trust = found.edge.life.trust_at(reading.snapshot);
    found.predicate >= PredicateId::FIRST
        && found.edge.polarity == Polarity::Affirmed
        && trust.is_some_and(|trust| trust >= walk.trust_min)
        && holds_at(&found.edge, walk.at)
}
