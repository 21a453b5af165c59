//! A reading: one question to one scope at one snapshot. The writer reads its stage the same
//! way, so a conflict shows what a query would show.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::assertion::{Assertion, Entity, Object, Trust};
use crate::codec::Decoder;
use crate::commit::EntityRef;
use crate::key::{self, HashDomain, ObjectKey, PredicateId, ScopeId, prefix_end, scoped_hash};
use crate::keyring::Keyring;
use crate::provenance::Provenance;
use crate::row::{
    AssertionRow, CommitRow, Content, Edge, LogRow, ObservationRow, Sealed, decode_value,
};
use crate::seal::{Key, Part};
use crate::store::{Order, Reader};
use crate::value::normalise;
use crate::{ContextError, EntityId, ItemId, Moment, Snapshot, Value};

/// Steps of lineage that one question follows before it stops trusting what it cannot see.
const LINEAGE_STEPS_MAX: usize = 2_048;

/// Whether the rows that are read can still be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Stored,
    Staged,
}

/// One question.
pub(crate) struct Reading<'a> {
    pub(crate) rows: &'a dyn Reader,
    pub(crate) keys: &'a Keyring,
    pub(crate) scope: ScopeId,
    pub(crate) snapshot: Snapshot,
    origin: Origin,
    memo: RefCell<Memo>,
}

/// What one question has already looked up.
#[derive(Default)]
struct Memo {
    entities: BTreeMap<EntityId, Option<Entity>>,
    predicates: BTreeMap<PredicateId, String>,
    trust: BTreeMap<ItemId, Trust>,
    commits: BTreeMap<Snapshot, Rc<CommitRow>>,
}

/// An edge with where it was found.
#[derive(Debug, Clone)]
pub(crate) struct FoundEdge {
    pub(crate) item: ItemId,
    pub(crate) predicate: PredicateId,
    pub(crate) edge: Edge,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(
        rows: &'a dyn Reader,
        keys: &'a Keyring,
        scope: ScopeId,
        snapshot: Snapshot,
        origin: Origin,
    ) -> Self {
        Self {
            rows,
            keys,
            scope,
            snapshot,
            origin,
            memo: RefCell::default(),
        }
    }

    /// Finds an entity; `None` when nobody has the name at the snapshot.
    pub(crate) fn find(&self, entity: &EntityRef) -> Result<Option<EntityId>, ContextError> {
        match entity {
            EntityRef::Id(id) => Ok(self.entity(*id)?.map(|entity| entity.id)),
            EntityRef::Name { name, .. } => self.find_name(name),
        }
    }

    /// Of several entities with one name, the oldest.
    fn find_name(&self, name: &str) -> Result<Option<EntityId>, ContextError> {
        let normalised = normalise(name);
        let hash = self.hash(HashDomain::Name, &normalised);
        let prefix = key::names(self.scope, hash);
        for candidate in self.numbers(&prefix)? {
            let id = EntityId::from_number(candidate);
            if let Some(entity) = self.entity(id)?
                && normalise(&entity.name) == normalised
            {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    pub(crate) fn hash(&self, domain: HashDomain, text: &str) -> u64 {
        scoped_hash(self.keys.index(), domain, self.scope, text)
    }

    /// Returns the numbers at the end of all keys with the prefix, in order.
    fn numbers(&self, prefix: &[u8]) -> Result<Vec<u64>, ContextError> {
        let mut numbers = Vec::new();
        self.each(prefix, &mut |key, _| {
            numbers.extend(key::last_number(key));
            ControlFlow::Continue(())
        })?;
        Ok(numbers)
    }

    pub(crate) fn each(
        &self,
        prefix: &[u8],
        visit: &mut crate::store::Visit<'_>,
    ) -> Result<(), ContextError> {
        let end = prefix_end(prefix);
        Ok(self.rows.range(prefix, &end, Order::Ascending, visit)?)
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
        let plain = open(&key, id.number(), &row.sealed)?;
        let mut input = Decoder::new(&plain);
        let names = input.text().zip(input.text());
        let (name, kind) = names.ok_or_else(|| ContextError::damaged(format!("entity {id}")))?;
        Ok(Some(Entity { id, name, kind }))
    }

    pub(crate) fn subject_key(&self, id: EntityId) -> Result<Option<Key>, ContextError> {
        match self.origin {
            Origin::Stored => self.keys.subject(self.rows, self.scope, id),
            Origin::Staged => self.keys.staged_subject(self.rows, self.scope, id),
        }
    }

    pub(crate) fn log_row(&self, row: u64) -> Result<Option<LogRow>, ContextError> {
        let Some(bytes) = self.rows.get(&key::log(self.scope, row))? else {
            return Ok(None);
        };
        LogRow::decode(&bytes)
            .map(Some)
            .ok_or_else(|| ContextError::damaged(format!("log row {row}")))
    }

    pub(crate) fn commit(&self, commit: Snapshot) -> Result<Rc<CommitRow>, ContextError> {
        if let Some(row) = self.memo.borrow().commits.get(&commit) {
            return Ok(Rc::clone(row));
        }
        let number = ItemId::new(commit, 0).number();
        let Some(LogRow::Commit(row)) = self.log_row(number)? else {
            return Err(ContextError::damaged(format!("commit {commit}")));
        };
        let row = Rc::new(row);
        self.memo
            .borrow_mut()
            .commits
            .insert(commit, Rc::clone(&row));
        Ok(row)
    }

    /// Finds the number of a predicate; `None` when it was never used.
    pub(crate) fn predicate(&self, name: &str) -> Result<Option<PredicateId>, ContextError> {
        let Some(bytes) = self.rows.get(&key::predicate(self.scope, name))? else {
            return Ok(None);
        };
        let number = bytes.try_into().map(u32::from_be_bytes);
        let number = number.map_err(|_| ContextError::damaged(format!("predicate {name}")))?;
        Ok(Some(PredicateId(number)))
    }

    pub(crate) fn predicate_name(&self, id: PredicateId) -> Result<String, ContextError> {
        if let Some(name) = self.memo.borrow().predicates.get(&id) {
            return Ok(name.clone());
        }
        let bytes = self.rows.get(&key::predicate_name(self.scope, id))?;
        let name = bytes
            .and_then(|bytes| Decoder::new(&bytes).text())
            .ok_or_else(|| ContextError::damaged(format!("predicate {}", id.0)))?;
        self.memo.borrow_mut().predicates.insert(id, name.clone());
        Ok(name)
    }

    /// Shows the edges under a prefix of the forward or backward table that the snapshot
    /// shows, oldest first within each predicate.
    pub(crate) fn edges(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(FoundEdge) -> ControlFlow<()>,
    ) -> Result<(), ContextError> {
        let mut damaged = None;
        self.each(prefix, &mut |key, value| {
            let Some(item) = key::last_number(key).map(ItemId::from_number) else {
                damaged = Some(key.to_vec());
                return ControlFlow::Break(());
            };
            if !item.is_visible_at(self.snapshot) {
                return ControlFlow::Continue(());
            }
            let parts = key::edge_predicate(key).zip(Edge::decode(item, value));
            let Some((predicate, edge)) = parts else {
                damaged = Some(key.to_vec());
                return ControlFlow::Break(());
            };
            visit(FoundEdge {
                item,
                predicate,
                edge,
            })
        })?;
        match damaged {
            None => Ok(()),
            Some(key) => Err(ContextError::damaged(format!("edge {key:02x?}"))),
        }
    }

    /// Returns the edge of an assertion; `None` when it is not visible or was forgotten.
    pub(crate) fn edge_of(
        &self,
        item: ItemId,
        row: &AssertionRow,
    ) -> Result<Option<Edge>, ContextError> {
        let key = key::forward(self.scope, row.subject, row.predicate, item);
        let Some(bytes) = self.rows.get(&key)? else {
            return Ok(None);
        };
        Edge::decode(item, &bytes)
            .map(Some)
            .ok_or_else(|| ContextError::damaged(format!("edge of {item}")))
    }

    /// Returns the row of an assertion that the snapshot shows.
    pub(crate) fn assertion_row(&self, item: ItemId) -> Result<Option<AssertionRow>, ContextError> {
        if !item.is_visible_at(self.snapshot) {
            return Ok(None);
        }
        match self.log_row(item.number())? {
            Some(LogRow::Assertion(row)) => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    pub(crate) fn observation_row(
        &self,
        item: ItemId,
    ) -> Result<Option<ObservationRow>, ContextError> {
        if !item.is_visible_at(self.snapshot) {
            return Ok(None);
        }
        match self.log_row(item.number())? {
            Some(LogRow::Observation(row)) => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    /// Returns an assertion; `None` when the snapshot does not show it or it was forgotten.
    pub(crate) fn assertion(&self, item: ItemId) -> Result<Option<Assertion>, ContextError> {
        let Some(row) = self.assertion_row(item)? else {
            return Ok(None);
        };
        let Some(edge) = self.edge_of(item, &row)? else {
            return Ok(None);
        };
        self.assemble(item, row, &edge)
    }

    fn assemble(
        &self,
        item: ItemId,
        row: AssertionRow,
        edge: &Edge,
    ) -> Result<Option<Assertion>, ContextError> {
        let Some(subject) = self.entity(row.subject)? else {
            return Ok(None);
        };
        let Some(known) = edge.life.known_at(self.snapshot) else {
            return Ok(None);
        };
        let object = match &row.content {
            Content::Entity(id) => Object::Entity(self.entity(*id)?.unwrap_or(Entity {
                id: *id,
                name: FORGOTTEN.to_owned(),
                kind: String::new(),
            })),
            Content::Value(sealed) => Object::Value(self.value(item, row.subject, sealed)?),
        };
        let own = edge.life.trust_at(self.snapshot);
        let commit = self.commit(item.commit())?;
        let trust = self.derived_trust(item, own.unwrap_or(Trust::Retracted), &row, &commit)?;
        Ok(Some(Assertion {
            id: item,
            subject,
            predicate: self.predicate_name(row.predicate)?,
            object,
            polarity: row.polarity,
            valid: row.valid,
            known,
            trust,
            confidence: row.confidence,
            replaces: row.replaces,
            derived_from: row.derived_from,
            provenance: commit.provenance.clone(),
            committed_at: commit.at,
        }))
    }

    fn value(
        &self,
        item: ItemId,
        subject: EntityId,
        sealed: &Sealed,
    ) -> Result<Value, ContextError> {
        let damaged = || ContextError::damaged(format!("value of {item}"));
        let key = self.subject_key(subject)?.ok_or_else(damaged)?;
        let plain = open(&key, item.number(), sealed)?;
        decode_value(&mut Decoder::new(&plain)).ok_or_else(damaged)
    }

    /// Returns source and content of an observation; `None` when it was forgotten.
    pub(crate) fn observation_text(
        &self,
        item: ItemId,
        row: &ObservationRow,
    ) -> Result<Option<(String, Value)>, ContextError> {
        let Some(key) = self.subject_key(row.about)? else {
            return Ok(None);
        };
        let plain = open(&key, item.number(), &row.sealed)?;
        let mut input = Decoder::new(&plain);
        let source = input.text();
        let parts = source.zip(decode_value(&mut input));
        parts
            .map(Some)
            .ok_or_else(|| ContextError::damaged(format!("observation {item}")))
    }

    /// Returns the least trust of an assertion and everything that it was derived from.
    fn derived_trust(
        &self,
        item: ItemId,
        own: Trust,
        row: &AssertionRow,
        commit: &CommitRow,
    ) -> Result<Trust, ContextError> {
        if let Some(&trust) = self.memo.borrow().trust.get(&item) {
            return Ok(trust);
        }
        let mut trust = own;
        for &source in row.derived_from.iter().chain(sources(&commit.provenance)) {
            if source != item {
                trust = trust.min(self.source_trust(source)?);
            }
        }
        self.memo.borrow_mut().trust.insert(item, trust);
        Ok(trust)
    }

    /// Sources are older than what is derived from them, so the walk ends; the bound ends it
    /// before the stack does.
    fn source_trust(&self, source: ItemId) -> Result<Trust, ContextError> {
        if self.memo.borrow().trust.len() >= LINEAGE_STEPS_MAX {
            return Ok(Trust::Disputed);
        }
        let Some(row) = self.assertion_row(source)? else {
            let evidence = self.observation_row(source)?.is_some();
            return Ok(if evidence {
                Trust::Accepted
            } else {
                Trust::Retracted
            });
        };
        let Some(edge) = self.edge_of(source, &row)? else {
            return Ok(Trust::Retracted);
        };
        let own = edge.life.trust_at(self.snapshot);
        let commit = self.commit(source.commit())?;
        self.derived_trust(source, own.unwrap_or(Trust::Retracted), &row, &commit)
    }
}

/// The name of an entity that was forgotten.
const FORGOTTEN: &str = "(forgotten)";

fn sources(provenance: &Provenance) -> &[ItemId] {
    &provenance.derived_from
}

fn open(key: &Key, row: u64, sealed: &Sealed) -> Result<Vec<u8>, ContextError> {
    key.open(row, Part::Text, &sealed.ciphertext)
        .ok_or_else(|| ContextError::damaged(format!("sealed text of row {row}")))
}

/// Finds the number of a scope; `None` when nothing was ever written there.
pub(crate) fn find_scope(rows: &dyn Reader, path: &[u8]) -> Result<Option<ScopeId>, ContextError> {
    let Some(bytes) = rows.get(&key::scope(path))? else {
        return Ok(None);
    };
    let number = bytes.try_into().map(u32::from_be_bytes);
    Ok(Some(ScopeId(number.map_err(|_| {
        ContextError::damaged("the number of a scope")
    })?)))
}

/// Returns the other end of an edge when it is an entity.
pub(crate) fn other_entity(edge: &Edge) -> Option<EntityId> {
    match edge.other {
        ObjectKey::Entity(id) => Some(id),
        ObjectKey::Value(_) => None,
    }
}

/// Says whether a moment lies in an edge's valid time; no moment asks for all of time.
pub(crate) fn holds_at(edge: &Edge, at: Option<Moment>) -> bool {
    at.is_none_or(|moment| edge.valid.contains(moment))
}
