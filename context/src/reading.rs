//! A reading: one question to one scope at one snapshot. The writer reads its stage the same
//! way, so a conflict shows what a query would show.

mod assertions;
mod entities;
mod trust;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::assertion::{Entity, Trust};
use crate::codec::Decoder;
use crate::commit::Policy;
use crate::key::{self, HashDomain, ObjectKey, PredicateId, ScopeId, prefix_end, scoped_hash};
use crate::keyring::Keyring;
use crate::reserved;
use crate::row::{CommitRow, Edge, LogRow, decode_policy};
use crate::seal::Key;
use crate::store::{Order, Reader, Visit};
use crate::{ContextError, EntityId, ItemId, Moment, Snapshot};

/// Whether the rows that are read can still be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Stored,
    Staged {
        /// Up to this commit they cannot.
        durable: Snapshot,
    },
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
    /// Entities that are the same; filled for all members at once.
    classes: BTreeMap<EntityId, Rc<[EntityId]>>,
    /// Whether anything in the scope was ever merged.
    merged: Option<bool>,
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

    pub(crate) fn hash(&self, domain: HashDomain, text: &str) -> u64 {
        scoped_hash(self.keys.index(), domain, self.scope, text)
    }

    pub(crate) fn each(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), ContextError> {
        let end = prefix_end(prefix);
        Ok(self.rows.range(prefix, &end, Order::Ascending, visit)?)
    }

    /// Returns the numbers at the end of all keys with the prefix, in order.
    pub(crate) fn numbers(&self, prefix: &[u8]) -> Result<Vec<u64>, ContextError> {
        let mut numbers = Vec::new();
        self.each(prefix, &mut |key, _| {
            numbers.extend(key::last_number(key));
            ControlFlow::Continue(())
        })?;
        Ok(numbers)
    }

    pub(crate) fn subject_key(&self, id: EntityId) -> Result<Option<Key>, ContextError> {
        match self.origin {
            Origin::Stored => self.keys.subject(self.rows, self.scope, id),
            Origin::Staged { durable } if id.is_visible_at(durable) => {
                self.keys.subject(self.rows, self.scope, id)
            }
            Origin::Staged { .. } => self.keys.staged_subject(self.rows, self.scope, id),
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
        if let Some(id) = reserved::id(name) {
            return Ok(Some(id));
        }
        let Some(bytes) = self.rows.get(&key::predicate(self.scope, name))? else {
            return Ok(None);
        };
        let number = bytes.try_into().map(u32::from_be_bytes);
        let number = number.map_err(|_| ContextError::damaged(format!("predicate {name}")))?;
        Ok(Some(PredicateId(number)))
    }

    pub(crate) fn predicate_name(&self, id: PredicateId) -> Result<String, ContextError> {
        if let Some(name) = reserved::name(id) {
            return Ok(name.to_owned());
        }
        if let Some(name) = self.memo.borrow().predicates.get(&id) {
            return Ok(name.clone());
        }
        let (name, _) = self.predicate_row(id)?;
        self.memo.borrow_mut().predicates.insert(id, name.clone());
        Ok(name)
    }

    /// Returns the policy of a predicate as it is now, whatever the snapshot.
    pub(crate) fn policy(&self, id: PredicateId) -> Result<Policy, ContextError> {
        if reserved::name(id).is_some() {
            return Ok(Policy::Many);
        }
        Ok(self.predicate_row(id)?.1)
    }

    fn predicate_row(&self, id: PredicateId) -> Result<(String, Policy), ContextError> {
        let bytes = self.rows.get(&key::predicate_name(self.scope, id))?;
        let decode = |bytes: Vec<u8>| {
            let mut input = Decoder::new(&bytes);
            input.text().zip(decode_policy(input.byte()?))
        };
        bytes
            .and_then(decode)
            .ok_or_else(|| ContextError::damaged(format!("predicate {}", id.0)))
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
