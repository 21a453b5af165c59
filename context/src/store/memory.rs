//! A store in memory: the naive implementation that the one on disk is compared with, and a
//! scratch store for tests of callers.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Batch, Order, Reader, Store, StoreError, Visit};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store that is gone when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    /// Readers take the `Arc`; a commit copies the rows only while somebody reads.
    rows: Mutex<Arc<Rows>>,
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(MemoryReader(Arc::clone(&rows))))
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = Arc::make_mut(&mut rows);
        for (key, value) in batch.changes {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(())
    }
}

struct MemoryReader(Arc<Rows>);

impl Reader for MemoryReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let rows = self.0.range::<[u8], _>((
            std::ops::Bound::Included(from),
            std::ops::Bound::Excluded(to),
        ));
        let show = |(key, value): (&Vec<u8>, &Vec<u8>)| visit(key, value);
        let _: ControlFlow<()> = match order {
            Order::Ascending => rows.map(show).find(ControlFlow::is_break),
            Order::Descending => rows.rev().map(show).find(ControlFlow::is_break),
        }
        .unwrap_or(ControlFlow::Continue(()));
        Ok(())
    }
}
