//! The nine operations of the reference MCP memory server over the shared context. What the
//! reference keeps in one file, and loses when two write at once, are facts here: with history,
//! provenance, and a commit that is on disk when the call returns.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::memory_names::{ENTITY, Names, OBSERVATION, RELATION, unwrap};
use super::{MemoryEntity, MemoryGraph, MemoryRelation};
use crate::commit::{Commit, Op, Verdict};
use crate::scope::Access;
use crate::view::{Pattern, Rest, View};
use crate::{Assertion, Context, ContextError, ItemId, Moment, Object, Provenance};

/// How often a call is tried when others write to the same names meanwhile.
const TRIES_MAX: usize = 256;
/// Operations of one commit; a larger import is cut.
const OPS_MAX: usize = 4_096;
/// Facts that are read at once.
const PAGE: usize = 1_000;

/// The reference memory server's operations, in one scope.
#[derive(Debug, Clone)]
pub struct MemoryServer {
    context: Context,
    access: Access,
    provenance: Provenance,
}

/// An operation of the memory server failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// No entity has the name; the words are those of the reference server, but for the case.
    #[error("entity with name {name} not found")]
    NotFound {
        /// The name.
        name: String,
    },
    /// The tool or its arguments are not known.
    #[error("{rule}")]
    Arguments {
        /// What is expected.
        rule: String,
    },
    /// The context refused.
    #[error("the context refused")]
    Context(#[source] ContextError),
}

impl From<ContextError> for MemoryError {
    fn from(error: ContextError) -> Self {
        Self::Context(error)
    }
}

/// What was noted by a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    /// The entity.
    pub entity_name: String,
    /// What was new of it.
    pub added_observations: Vec<String>,
}

/// What was deleted by a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How many things.
    pub count: usize,
    /// Names that no entity has.
    pub not_found: Vec<String>,
}

/// The memory as it is stored: each part with the assertion that says it.
#[derive(Default)]
struct Stored {
    entities: Vec<(ItemId, String, String)>,
    observations: BTreeMap<String, Vec<(ItemId, String)>>,
    relations: Vec<(ItemId, MemoryRelation)>,
}

impl MemoryServer {
    /// Makes the server of a scope; what it writes carries this provenance.
    pub fn new(context: Context, access: Access, provenance: Provenance) -> Self {
        Self {
            context,
            access,
            provenance,
        }
    }

    /// Makes entities, and returns those whose names were new.
    ///
    /// # Errors
    /// When the context refuses, for instance a name of more than 1,024 bytes.
    pub fn create_entities(
        &self,
        at: Moment,
        entities: &[MemoryEntity],
    ) -> Result<Vec<MemoryEntity>, MemoryError> {
        self.change(at, |stored, names| {
            let mut known: BTreeSet<String> = stored.names();
            let mut fresh = Vec::new();
            let mut ops = Vec::new();
            for entity in entities {
                if !known.insert(entity.name.clone()) {
                    continue;
                }
                ops.push(names.says(&entity.name, ENTITY, &entity.entity_type));
                for text in &entity.observations {
                    ops.push(names.says(&entity.name, OBSERVATION, text));
                }
                fresh.push(entity.clone());
            }
            Ok((ops, fresh))
        })
    }

    /// Makes relations between entities that are there, and returns those that were new.
    ///
    /// # Errors
    /// [`MemoryError::NotFound`] for a name that no entity has; nothing is made then.
    pub fn create_relations(
        &self,
        at: Moment,
        relations: &[MemoryRelation],
    ) -> Result<Vec<MemoryRelation>, MemoryError> {
        self.change(at, |stored, names| {
            let known = stored.names();
            for name in relations.iter().flat_map(|r| [&r.from, &r.to]) {
                if !known.contains(name) {
                    return Err(MemoryError::NotFound { name: name.clone() });
                }
            }
            let mut there: BTreeSet<_> = stored.relations.iter().map(|(_, r)| r.clone()).collect();
            let fresh = relations.iter().filter(|r| there.insert((*r).clone()));
            let fresh: Vec<_> = fresh.cloned().collect();
            let ops = fresh
                .iter()
                .map(|relation| names.relates(relation))
                .collect();
            Ok((ops, fresh))
        })
    }

    /// Notes something about entities, and returns what was new.
    ///
    /// # Errors
    /// [`MemoryError::NotFound`] for a name that no entity has; nothing is noted then.
    pub fn add_observations(
        &self,
        at: Moment,
        observations: &[(String, Vec<String>)],
    ) -> Result<Vec<Added>, MemoryError> {
        self.change(at, |stored, names| {
            let known = stored.names();
            let mut ops = Vec::new();
            let mut added = Vec::new();
            for (name, contents) in observations {
                if !known.contains(name) {
                    return Err(MemoryError::NotFound { name: name.clone() });
                }
                let there = stored.texts(name);
                let fresh = contents.iter().filter(|text| !there.contains(*text));
                let fresh: Vec<_> = fresh.cloned().collect();
                ops.extend(fresh.iter().map(|text| names.says(name, OBSERVATION, text)));
                added.push(Added {
                    entity_name: name.clone(),
                    added_observations: fresh,
                });
            }
            Ok((ops, added))
        })
    }

    /// Deletes entities with their observations and relations. History keeps them; forgetting
    /// is an act of its own.
    ///
    /// # Errors
    /// When the context refuses, for instance to take back what a person accepted.
    pub fn delete_entities(&self, at: Moment, names: &[String]) -> Result<Deleted, MemoryError> {
        self.change(at, |stored, _| {
            let known = stored.names();
            let (there, not_found): (Vec<_>, Vec<_>) =
                names.iter().cloned().partition(|name| known.contains(name));
            let gone = |name: &String| there.contains(name);
            let mut items = Vec::new();
            items.extend(stored.entities.iter().filter(|e| gone(&e.1)).map(|e| e.0));
            for (name, texts) in &stored.observations {
                items.extend(texts.iter().filter(|_| gone(name)).map(|text| text.0));
            }
            let relations = stored.relations.iter();
            let relations = relations.filter(|(_, r)| gone(&r.from) || gone(&r.to));
            items.extend(relations.map(|relation| relation.0));
            let count = there.len();
            Ok((retract(items), Deleted { count, not_found }))
        })
    }

    /// Deletes observations.
    ///
    /// # Errors
    /// As [`MemoryServer::delete_entities`].
    pub fn delete_observations(
        &self,
        at: Moment,
        deletions: &[(String, Vec<String>)],
    ) -> Result<Deleted, MemoryError> {
        self.change(at, |stored, _| {
            let known = stored.names();
            let mut items = Vec::new();
            let mut not_found = Vec::new();
            for (name, texts) in deletions {
                if !known.contains(name) {
                    not_found.push(name.clone());
                }
                let there = stored.observations.get(name).into_iter().flatten();
                items.extend(there.filter(|o| texts.contains(&o.1)).map(|o| o.0));
            }
            let count = items.len();
            Ok((retract(items), Deleted { count, not_found }))
        })
    }

    /// Deletes relations.
    ///
    /// # Errors
    /// As [`MemoryServer::delete_entities`].
    pub fn delete_relations(
        &self,
        at: Moment,
        relations: &[MemoryRelation],
    ) -> Result<Deleted, MemoryError> {
        self.change(at, |stored, _| {
            let there = stored
                .relations
                .iter()
                .filter(|(_, r)| relations.contains(r));
            let items: Vec<_> = there.map(|relation| relation.0).collect();
            let count = items.len();
            let not_found = Vec::new();
            Ok((retract(items), Deleted { count, not_found }))
        })
    }

    /// Returns everything.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read_graph(&self) -> Result<MemoryGraph, MemoryError> {
        Ok(self.stored(&self.context.latest(&self.access))?.graph())
    }

    /// Returns the entities whose name, type or observations hold a text, in any letters, and
    /// their relations.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn search_nodes(&self, query: &str) -> Result<MemoryGraph, MemoryError> {
        let query = query.to_lowercase();
        let holds = |text: &String| text.to_lowercase().contains(&query);
        Ok(self.read_graph()?.part(|entity| {
            holds(&entity.name)
                || holds(&entity.entity_type)
                || entity.observations.iter().any(holds)
        }))
    }

    /// Returns the entities of these names, and their relations.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_nodes(&self, names: &[String]) -> Result<MemoryGraph, MemoryError> {
        Ok(self
            .read_graph()?
            .part(|entity| names.contains(&entity.name)))
    }

    /// Takes over the file of a reference server: everything in it, duplicates as well, so that
    /// what is read afterwards is what the file says.
    ///
    /// # Errors
    /// When the context refuses; commits before the refused one stay.
    pub fn import(&self, at: Moment, graph: &MemoryGraph) -> Result<(), MemoryError> {
        let view = self.context.latest(&self.access);
        let mut names = Names::new(&view);
        let mut ops = Vec::new();
        for entity in &graph.entities {
            ops.push(names.says(&entity.name, ENTITY, &entity.entity_type));
            let texts = entity.observations.iter();
            ops.extend(texts.map(|text| names.says(&entity.name, OBSERVATION, text)));
        }
        ops.extend(
            graph
                .relations
                .iter()
                .map(|relation| names.relates(relation)),
        );
        let ops: Vec<Op> = ops.into_iter().collect::<Result<_, _>>()?;
        for ops in ops.chunks(OPS_MAX) {
            let commit = Commit::new(at, self.provenance.clone(), ops.to_vec());
            self.context.commit(&self.access, commit)?;
        }
        Ok(())
    }

    /// Reads, decides and writes, again when somebody else wrote in between.
    fn change<T>(
        &self,
        at: Moment,
        decide: impl Fn(
            &Stored,
            &mut Names<'_>,
        ) -> Result<(Vec<Result<Op, ContextError>>, T), MemoryError>,
    ) -> Result<T, MemoryError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let view = self.context.latest(&self.access);
            let stored = self.stored(&view)?;
            let mut names = Names::new(&view);
            let (ops, answer) = decide(&stored, &mut names)?;
            let ops: Vec<Op> = ops.into_iter().collect::<Result<_, _>>()?;
            if ops.is_empty() {
                return Ok(answer);
            }
            let mut commit = Commit::new(at, self.provenance.clone(), ops);
            commit.expect = names.expectations(&commit.ops)?;
            match self.context.commit(&self.access, commit) {
                Ok(_) => return Ok(answer),
                Err(ContextError::Conflict(_)) if tries < TRIES_MAX => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn stored(&self, view: &View) -> Result<Stored, ContextError> {
        let mut stored = Stored::default();
        let mut pattern = Pattern::anything().limit(PAGE);
        loop {
            let page = view.query(&pattern)?;
            let Some(last) = page.assertions.last().map(|assertion| assertion.id) else {
                return Ok(stored);
            };
            for assertion in page.assertions {
                stored.take(assertion);
            }
            if page.rest == Rest::None {
                return Ok(stored);
            }
            pattern = pattern.after(last);
        }
    }
}

fn retract(items: Vec<ItemId>) -> Vec<Result<Op, ContextError>> {
    let verdict = Verdict::Retract;
    let ops = items
        .into_iter()
        .map(|item| Ok(Op::Judge { item, verdict }));
    ops.collect()
}

impl Stored {
    fn take(&mut self, assertion: Assertion) {
        let (id, subject) = (assertion.id, assertion.subject.name);
        match (assertion.predicate.as_str(), assertion.object) {
            (ENTITY, Object::Value(value)) => {
                let (name, kind) = unwrap(subject, &value);
                self.entities.push((id, name, kind));
            }
            (OBSERVATION, Object::Value(value)) => {
                let (name, text) = unwrap(subject, &value);
                self.observations.entry(name).or_default().push((id, text));
            }
            (RELATION, Object::Value(value)) => {
                let relation = serde_json::from_str(&value.to_json());
                self.relations
                    .extend(relation.ok().map(|relation| (id, relation)));
            }
            (word, Object::Entity(object)) => {
                let relation = MemoryRelation {
                    from: subject,
                    to: object.name,
                    relation_type: word.to_owned(),
                };
                self.relations.push((id, relation));
            }
            _ => {}
        }
    }

    fn names(&self) -> BTreeSet<String> {
        self.entities
            .iter()
            .map(|entity| entity.1.clone())
            .collect()
    }

    fn texts(&self, name: &str) -> BTreeSet<String> {
        let texts = self.observations.get(name).into_iter().flatten();
        texts.map(|text| text.1.clone()).collect()
    }

    fn graph(mut self) -> MemoryGraph {
        let entities = self.entities.into_iter().map(|(_, name, entity_type)| {
            let texts = self.observations.remove(&name).unwrap_or_default();
            MemoryEntity {
                observations: texts.into_iter().map(|text| text.1).collect(),
                name,
                entity_type,
            }
        });
        MemoryGraph {
            entities: entities.collect(),
            relations: self
                .relations
                .into_iter()
                .map(|relation| relation.1)
                .collect(),
        }
    }
}

impl MemoryGraph {
    /// Returns some entities, and the relations that touch one of them.
    fn part(self, wanted: impl Fn(&MemoryEntity) -> bool) -> Self {
        let entities: Vec<_> = self.entities.into_iter().filter(wanted).collect();
        let names: BTreeSet<_> = entities.iter().map(|entity| entity.name.clone()).collect();
        let relations = self.relations.into_iter();
        let touching = relations.filter(|r| names.contains(&r.from) || names.contains(&r.to));
        Self {
            relations: touching.collect(),
            entities,
        }
    }
}
