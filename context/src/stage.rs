//! The stage: what a batch of commits has changed so far, over what is stored. Each commit is
//! checked against the state that the one before it left; one that fails is taken back.

use std::ops::ControlFlow;

use crate::Snapshot;
use crate::block::{Row, pack};
use crate::key::{Place, RowKey, place_of, prefix_end};
use crate::store::{Batch, Order, Reader, StoreError, Visit};
use crate::tail::{Changes, RowValue, Sorted, bounds, last_of_each, merge};

/// A key and what the stage held for it; `None` when it held nothing.
type Replaced = (RowKey, Option<Option<RowValue>>);

/// Changes over a reader.
pub(crate) struct Stage<'a> {
    base: &'a dyn Reader,
    /// The last commit below the stage: what it and those before it wrote is not taken back.
    pub(crate) durable: Snapshot,
    /// What has to be stored with the commit.
    alone: Changes,
    log: Changes,
    /// What the indexes make of it.
    index: Changes,
    /// Fresh rows of indexes that no commit reads: most of them, and cheaper to sort at the end.
    unread: Sorted,
    /// How many of them belong to commits that are kept.
    unread_kept: usize,
    /// What the changes of the commit in work have replaced, the oldest first.
    undo: Vec<Replaced>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(base: &'a dyn Reader) -> Self {
        Self {
            base,
            durable: Snapshot::default(),
            alone: Changes::new(),
            log: Changes::new(),
            index: Changes::new(),
            unread: Sorted::new(),
            unread_kept: 0,
            undo: Vec::new(),
        }
    }

    /// Returns how many rows were changed.
    pub(crate) fn len(&self) -> usize {
        self.alone.len() + self.log.len() + self.index.len() + self.unread.len()
    }

    pub(crate) fn put(&mut self, key: RowKey, value: impl Into<RowValue>) {
        self.change(key, Some(value.into()));
    }

    /// Adds a fresh row of an index that reading the stage does not show.
    pub(crate) fn append(&mut self, key: RowKey, value: impl Into<RowValue>) {
        self.unread.push((key, Some(value.into())));
    }

    pub(crate) fn remove(&mut self, key: RowKey) {
        self.change(key, None);
    }

    fn change(&mut self, key: RowKey, value: Option<RowValue>) {
        let before = self.changes_mut(&key).insert(key.clone(), value);
        self.undo.push((key, before));
    }

    fn changes(&self, key: &[u8]) -> &Changes {
        match place_of(key) {
            Place::Alone => &self.alone,
            Place::Log => &self.log,
            Place::Index => &self.index,
        }
    }

    fn changes_mut(&mut self, key: &[u8]) -> &mut Changes {
        match place_of(key) {
            Place::Alone => &mut self.alone,
            Place::Log => &mut self.log,
            Place::Index => &mut self.index,
        }
    }

    /// Keeps the changes of the commit in work.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
        self.unread_kept = self.unread.len();
    }

    /// Takes back the changes of the commit in work.
    pub(crate) fn take_back(&mut self) {
        self.unread.truncate(self.unread_kept);
        for (key, before) in std::mem::take(&mut self.undo).into_iter().rev() {
            let changes = self.changes_mut(&key);
            match before {
                Some(value) => changes.insert(key, value),
                None => changes.remove(&key),
            };
        }
    }

    /// Takes the changes apart: what has to be stored with the commit, and what the indexes
    /// make of it.
    pub(crate) fn into_parts(self) -> (Batch, Sorted) {
        let mut batch = Batch::new();
        for (key, value) in self.alone {
            let value = value.map(RowValue::into_vec);
            drop(batch.changes.insert(key.into_vec(), value));
        }
        let log = self.log.into_iter();
        let log = log.filter_map(|(key, value)| Some((key, value?)));
        pack(log.collect(), &mut batch);
        let mut index = self.unread;
        index.extend(self.index);
        (batch, last_of_each(index))
    }
}

impl Reader for Stage<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes(key).get(key) {
            Some(value) => Ok(value.as_ref().map(|value| value.to_vec())),
            None => self.base.get(key),
        }
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
        let changed = self.changes(from).range::<[u8], _>(bounds((from, to)));
        let mut base = |visit: &mut Visit<'_>| self.base.range(from, to, order, visit);
        match order {
            Order::Ascending => merge(&mut base, order, changed, visit),
            Order::Descending => merge(&mut base, order, changed.rev(), visit),
        }
    }
}

/// Returns the last row whose key starts with the prefix.
pub(crate) fn last_with_prefix(
    rows: &dyn Reader,
    prefix: &[u8],
) -> Result<Option<Row>, StoreError> {
    let mut found = None;
    rows.range(
        prefix,
        &prefix_end(prefix),
        Order::Descending,
        &mut |key, value| {
            found = Some((RowKey::from_slice(key), RowValue::from_slice(value)));
            ControlFlow::Break(())
        },
    )?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::{MemoryStore, Store};

    fn rows(reader: &dyn Reader, order: Order) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        let visited = reader.range(&[0], &[20], order, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        });
        visited.unwrap();
        rows
    }

    proptest! {
        /// A stage reads as the store does after the batch was committed.
        #[test]
        fn a_stage_reads_like_the_committed_store(
            stored in prop::collection::btree_map(0_u8..20, any::<u8>(), 0..12),
            kept in prop::collection::vec((0_u8..20, any::<Option<u8>>()), 0..12),
            dropped in prop::collection::vec((0_u8..20, any::<Option<u8>>()), 0..12),
        ) {
            let store = MemoryStore::new();
            let mut batch = Batch::new();
            for (key, value) in stored {
                batch.put(vec![key], vec![value]);
            }
            store.commit(batch).unwrap();
            let base = store.reader().unwrap();
            let mut stage = Stage::new(base.as_ref());
            for (changes, keep) in [(kept, true), (dropped, false)] {
                for (key, value) in changes {
                    stage.change(RowKey::from_slice(&[key]), value.map(|v| vec![v].into()));
                }
                if keep { stage.keep() } else { stage.take_back() }
            }
            let ascending = rows(&stage, Order::Ascending);
            let mut descending = rows(&stage, Order::Descending);
            descending.reverse();
            prop_assert_eq!(&ascending, &descending);
            store.commit(stage.into_parts().0).unwrap();
            prop_assert_eq!(ascending, rows(store.reader().unwrap().as_ref(), Order::Ascending));
        }
    }
}
