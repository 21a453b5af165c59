//! How the names and texts of the memory server stand in the context.

use std::collections::BTreeMap;

use super::MemoryRelation;
use crate::commit::{Expect, ObjectRef, Op, Statement};
use crate::value::normalise;
use crate::view::View;
use crate::{ContextError, EntityRef, Value};

/// That a name is an entity of the memory; the value is its type.
pub(super) const ENTITY: &str = "memory:entity";
/// What was noted about an entity.
pub(super) const OBSERVATION: &str = "memory:observation";
/// A relation whose names or word cannot stand in the graph as they are.
pub(super) const RELATION: &str = "memory:relation";

/// How names are written. The context takes `Ada` and `ada` for one entity, the reference server
/// does not: a name that is not the first one of its entity is written down with the value.
pub(super) struct Names<'v> {
    view: &'v View,
    first: BTreeMap<String, String>,
}

impl<'v> Names<'v> {
    pub(super) fn new(view: &'v View) -> Self {
        Self {
            view,
            first: BTreeMap::new(),
        }
    }

    fn is_first(&mut self, name: &str) -> Result<bool, ContextError> {
        let normalised = normalise(name);
        if let Some(first) = self.first.get(&normalised) {
            return Ok(first == name);
        }
        let there = self.view.entity(name)?.map(|entity| entity.name);
        let first = there.unwrap_or_else(|| name.to_owned());
        let same = first == name;
        self.first.insert(normalised, first);
        Ok(same)
    }

    pub(super) fn says(
        &mut self,
        name: &str,
        predicate: &str,
        text: &str,
    ) -> Result<Op, ContextError> {
        let value = match self.is_first(name)? {
            true => Value::from(text),
            false => Value::object(&[("name", name), ("text", text)]),
        };
        Ok(Op::Assert(Statement::new(name, predicate, value)))
    }

    pub(super) fn relates(&mut self, relation: &MemoryRelation) -> Result<Op, ContextError> {
        let MemoryRelation {
            from,
            to,
            relation_type: word,
        } = relation;
        let fits = crate::writer::is_predicate(word) && !word.starts_with("memory:");
        // The subject is introduced in any case, the other name only as an entity.
        let from_is_first = self.is_first(from)?;
        if fits && from_is_first && self.is_first(to)? {
            let object = ObjectRef::Entity(EntityRef::from(to.as_str()));
            return Ok(Op::Assert(Statement::new(
                from.as_str(),
                word.as_str(),
                object,
            )));
        }
        let value = Value::object(&[("from", from), ("relationType", word), ("to", to)]);
        Ok(Op::Assert(Statement::new(from.as_str(), RELATION, value)))
    }

    /// Nobody may have written the same names since they were read.
    pub(super) fn expectations(&self, ops: &[Op]) -> Result<Vec<Expect>, ContextError> {
        let mut expect = BTreeMap::new();
        for op in ops {
            let Op::Assert(statement) = op else { continue };
            let EntityRef::Name { name, .. } = &statement.subject else {
                continue;
            };
            let key = (normalise(name), statement.predicate.clone());
            let version = self
                .view
                .version(statement.subject.clone(), &statement.predicate)?;
            expect.entry(key).or_insert(Expect::Unchanged {
                subject: statement.subject.clone(),
                predicate: statement.predicate.clone(),
                version,
            });
        }
        Ok(expect.into_values().collect())
    }
}

/// Returns the name and the text that a value stands for.
pub(super) fn unwrap(subject: String, value: &Value) -> (String, String) {
    if let Value::Json(json) = value
        && let Some(parts) = json.field("name").zip(json.field("text"))
    {
        return parts;
    }
    (subject, value.to_string())
}
