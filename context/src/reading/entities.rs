//! Entities: finding them by name, and which of them are the same.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;

use super::{Reading, other_entity};
use crate::assertion::{Entity, Polarity, Trust};
use crate::codec::Decoder;
use crate::commit::EntityRef;
use crate::key::{self, HashDomain};
use crate::reserved;
use crate::row::LogRow;
use crate::value::normalise;
use crate::{ContextError, EntityId, ItemId, Object};

/// The most entities that are taken as one; merging more is a mistake that a question must
/// survive.
const CLASS_MAX: usize = 256;

impl Reading<'_> {
    /// Finds an entity; `None` when nobody has the name at the snapshot.
    pub(crate) fn find(&self, entity: &EntityRef) -> Result<Option<EntityId>, ContextError> {
        match entity {
            EntityRef::Id(id) => Ok(self.entity(*id)?.map(|entity| entity.id)),
            EntityRef::Name { name, .. } => self.find_name(name),
        }
    }

    /// Of several entities with one name: the oldest that was introduced with it, otherwise
    /// the oldest that was given it.
    fn find_name(&self, name: &str) -> Result<Option<EntityId>, ContextError> {
        let normalised = normalise(name);
        let hash = self.hash(HashDomain::Name, &normalised);
        let mut named = None;
        for (id, aliases) in self.name_rows(hash)? {
            let Some(entity) = self.entity(id)? else {
                continue;
            };
            if normalise(&entity.name) == normalised {
                return Ok(Some(id));
            }
            if named.is_none() && self.has_alias(&aliases, &normalised)? {
                named = Some(id);
            }
        }
        Ok(named)
    }

    /// Returns the entities under the hash of a name, each with the assertions that gave it.
    fn name_rows(&self, hash: u64) -> Result<Vec<(EntityId, Vec<ItemId>)>, ContextError> {
        let mut rows = Vec::new();
        self.each(&key::names(self.scope, hash), &mut |key, value| {
            let (aliases, _) = value.as_chunks::<8>();
            let aliases = aliases.iter().copied().map(u64::from_be_bytes);
            let aliases = aliases.map(ItemId::from_number).collect();
            let id = key::last_number(key).map(EntityId::from_number);
            rows.extend(id.zip(Some(aliases)));
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    fn has_alias(&self, aliases: &[ItemId], normalised: &str) -> Result<bool, ContextError> {
        for &item in aliases {
            if let Some(assertion) = self.assertion(item)?
                && assertion.trust.is_live()
                && let Object::Value(value) = &assertion.object
                && value.normalised() == normalised
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns an entity; `None` when it does not exist at the snapshot or was forgotten.
    pub(crate) fn entity(&self, id: EntityId) -> Result<Option<Entity>, ContextError> {
        if let Some(entity) = self.memo.borrow().entities.get(&id) {
            return Ok(entity.clone());
        }
        let entity = self.read_entity(id)?;
        self.memo.borrow_mut().entities.insert(id, entity.clone());
        Ok(entity)
    }

    fn read_entity(&self, id: EntityId) -> Result<Option<Entity>, ContextError> {
        if !id.is_visible_at(self.snapshot) {
            return Ok(None);
        }
        let Some(LogRow::Entity(row)) = self.log_row(id.number())? else {
            return Ok(None);
        };
        let Some(key) = self.subject_key(id)? else {
            return Ok(None);
        };
        let plain = super::assertions::open(&key, id.number(), &row.sealed)?;
        let mut input = Decoder::new(&plain);
        let names = input.text().zip(input.text());
        let (name, kind) = names.ok_or_else(|| ContextError::damaged(format!("entity {id}")))?;
        Ok(Some(Entity { id, name, kind }))
    }

    /// Returns all entities that are the same as this one, itself included, by id.
    ///
    /// Merges count while they are accepted and not denied; they are looked up, never applied,
    /// so that taking one back restores what was before.
    pub(crate) fn class(&self, id: EntityId) -> Result<Rc<[EntityId]>, ContextError> {
        if let Some(class) = self.memo.borrow().classes.get(&id) {
            return Ok(Rc::clone(class));
        }
        let members = if self.has_merges()? {
            self.connected(id)?
        } else {
            BTreeSet::from([id])
        };
        let class: Rc<[EntityId]> = members.into_iter().collect();
        let mut memo = self.memo.borrow_mut();
        for &member in class.iter() {
            memo.classes.insert(member, Rc::clone(&class));
        }
        Ok(class)
    }

    pub(super) fn has_merges(&self) -> Result<bool, ContextError> {
        if let Some(merged) = self.memo.borrow().merged {
            return Ok(merged);
        }
        let merged = self.rows.get(&key::merged(self.scope))?.is_some();
        self.memo.borrow_mut().merged = Some(merged);
        Ok(merged)
    }

    fn connected(&self, start: EntityId) -> Result<BTreeSet<EntityId>, ContextError> {
        let mut members = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(member) = open.pop() {
            for other in self.twins(member)? {
                if members.len() < CLASS_MAX && members.insert(other) {
                    open.push(other);
                }
            }
        }
        Ok(members)
    }

    /// Returns the entities that were merged with this one directly.
    fn twins(&self, id: EntityId) -> Result<Vec<EntityId>, ContextError> {
        let mut merges = Vec::new();
        for prefix in [
            key::forward_pair(self.scope, id, reserved::SAME_AS),
            key::backward_pair(self.scope, id, reserved::SAME_AS),
        ] {
            self.edges(&prefix, &mut |found| {
                let trust = found.edge.life.trust_at(self.snapshot);
                if trust == Some(Trust::Accepted) && found.edge.polarity == Polarity::Affirmed {
                    merges.extend(other_entity(&found.edge).map(|other| (found.item, other)));
                }
                ControlFlow::Continue(())
            })?;
        }
        let mut twins = Vec::new();
        for (item, other) in merges {
            if self.merge_holds(item)? {
                twins.push(other);
            }
        }
        Ok(twins)
    }

    /// Looks at what a merge was derived from, without asking which entities are the same.
    fn merge_holds(&self, item: ItemId) -> Result<bool, ContextError> {
        let Some(row) = self.assertion_row(item)? else {
            return Ok(false);
        };
        let commit = self.commit(item.commit())?;
        let trust = self.derived_trust(item, Trust::Accepted, &row, &commit)?;
        Ok(trust == Trust::Accepted)
    }
}
