//! Contexts, callers and commits that the tests share.

use std::ops::ControlFlow;
use std::sync::Arc;

use layercake_context::store::{MemoryStore, Order, Store};
use layercake_context::{
    Access, Actor, Authority, Commit, Context, MemoryVault, Moment, Op, Provenance, Scope,
    Statement, Vault,
};

/// A store, its vault, and how to open a context on them again.
pub(crate) struct Place {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<dyn Vault>,
    opened: u8,
}

impl Place {
    pub(crate) fn in_memory() -> Self {
        Self::on(MemoryStore::new())
    }

    pub(crate) fn on(store: impl Store + 'static) -> Self {
        Self {
            store: Arc::new(store),
            vault: Arc::new(MemoryVault::new()),
            opened: 0,
        }
    }

    /// Opens a context; each opening brings its own entropy, as a caller must.
    pub(crate) fn open(&mut self) -> Context {
        self.opened += 1;
        let entropy = [self.opened; 32];
        Context::open(Arc::clone(&self.store), Arc::clone(&self.vault), entropy)
            .expect("a healthy store opens")
    }
}

impl Place {
    /// Opens a context whose indexes were all made again from the log.
    pub(crate) fn open_rebuilt(&mut self) -> Context {
        self.opened += 1;
        let (store, vault) = (Arc::clone(&self.store), Arc::clone(&self.vault));
        Context::open_rebuilt(store, vault, [self.opened; 32]).expect("a healthy store opens")
    }

    /// Returns all rows of the store, those in blocks one by one, as `docs/format.md` says.
    pub(crate) fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        for (key, value) in self.raw() {
            if b"LNFBVWXDOY".contains(&key[0]) {
                rows.extend(rows_of_block(&key, &value));
            } else {
                rows.push((key, value));
            }
        }
        rows
    }

    /// Returns all rows as they are stored.
    pub(crate) fn raw(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        let reader = self.store.reader().unwrap();
        let visit = &mut |key: &[u8], value: &[u8]| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        reader
            .range(&[], &[u8::MAX], Order::Ascending, visit)
            .unwrap();
        rows
    }
}

/// Takes a block apart: for each row a byte of two lengths, those lengths that do not fit, the
/// end of the key that is new, and the value.
pub(crate) fn rows_of_block(first: &[u8], mut block: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut take = |length: usize| {
        let (head, rest) = block.split_at_checked(length)?;
        block = rest;
        Some(head)
    };
    let mut rows = Vec::new();
    let mut key = first.to_vec();
    while let Some(lengths) = take(1) {
        let mut length = |short: u8| {
            if short < 15 {
                return usize::from(short);
            }
            let mut number = 0;
            for shift in (0..).step_by(7) {
                let byte = take(1).unwrap()[0];
                number |= usize::from(byte & 0x7F) << shift;
                if byte < 0x80 {
                    break;
                }
            }
            number
        };
        let (fresh, value) = (length(lengths[0] & 15), length(lengths[0] >> 4));
        let at = key.len() - fresh;
        key[at..].copy_from_slice(take(fresh).unwrap());
        rows.push((key.clone(), take(value).unwrap().to_vec()));
    }
    rows
}

pub(crate) fn memory() -> Context {
    Place::in_memory().open()
}

pub(crate) fn access(scope: &str, authority: Authority) -> Access {
    Access::new(Scope::tenant(scope).unwrap(), authority)
}

pub(crate) fn agent() -> Access {
    access("acme", Authority::Agent)
}

pub(crate) fn person() -> Access {
    access("acme", Authority::Person)
}

pub(crate) fn provenance() -> Provenance {
    Provenance::of(Actor::Agent("clerk".into()))
}

pub(crate) fn commit(ops: impl IntoIterator<Item = Op>) -> Commit {
    Commit::new(moment(0), provenance(), ops.into_iter().collect())
}

pub(crate) fn says(subject: &str, predicate: &str, object: &str) -> Op {
    Op::Assert(Statement::new(subject, predicate, object))
}

pub(crate) fn moment(millis: i64) -> Moment {
    Moment::from_millis(millis)
}
