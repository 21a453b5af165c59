//! The stage: what a batch of commits has changed so far, over what is stored. Each commit is
//! checked against the state that the one before it left; one that fails is taken back.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::key::prefix_end;
use crate::store::{Batch, Order, Reader, StoreError, Visit};

type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
/// A key and what the stage held for it; `None` when it held nothing.
type Replaced = (Vec<u8>, Option<Option<Vec<u8>>>);
/// A key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Changes over a reader.
pub(crate) struct Stage<'a> {
    base: &'a dyn Reader,
    changes: Changes,
    /// What the changes of the commit in work have replaced, the oldest first.
    undo: Vec<Replaced>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(base: &'a dyn Reader) -> Self {
        Self {
            base,
            changes: Changes::new(),
            undo: Vec::new(),
        }
    }

    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.change(key, Some(value));
    }

    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.change(key, None);
    }

    fn change(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let before = self.changes.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    /// Keeps the changes of the commit in work.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Takes back the changes of the commit in work.
    pub(crate) fn take_back(&mut self) {
        for (key, before) in self.undo.drain(..).rev() {
            match before {
                Some(value) => self.changes.insert(key, value),
                None => self.changes.remove(&key),
            };
        }
    }

    pub(crate) fn into_batch(self) -> Batch {
        Batch {
            changes: self.changes,
        }
    }
}

impl Reader for Stage<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.get(key) {
            Some(value) => Ok(value.clone()),
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
        let bounds = (
            std::ops::Bound::Included(from),
            std::ops::Bound::Excluded(to),
        );
        let changed = self.changes.range::<[u8], _>(bounds);
        match order {
            Order::Ascending => self.merge(from, to, order, changed, visit),
            Order::Descending => self.merge(from, to, order, changed.rev(), visit),
        }
    }
}

impl Stage<'_> {
    /// Shows stored and changed rows in one order; a changed row hides the stored one.
    fn merge<'c>(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        changed: impl Iterator<Item = (&'c Vec<u8>, &'c Option<Vec<u8>>)>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut changed = changed.peekable();
        let mut stopped = false;
        self.base.range(from, to, order, &mut |key, value| {
            while let Some(&(changed_key, changed_value)) = changed.peek() {
                let comes_first = match order {
                    Order::Ascending => changed_key.as_slice() <= key,
                    Order::Descending => changed_key.as_slice() >= key,
                };
                if !comes_first {
                    break;
                }
                changed.next();
                if let Some(value) = changed_value
                    && visit(changed_key, value).is_break()
                {
                    stopped = true;
                    return ControlFlow::Break(());
                }
                if changed_key == key {
                    return ControlFlow::Continue(());
                }
            }
            let flow = visit(key, value);
            stopped = flow.is_break();
            flow
        })?;
        if stopped {
            return Ok(());
        }
        for (key, value) in changed {
            if let Some(value) = value
                && visit(key, value).is_break()
            {
                break;
            }
        }
        Ok(())
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
            found = Some((key.to_vec(), value.to_vec()));
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
                    stage.change(vec![key], value.map(|v| vec![v]));
                }
                if keep { stage.keep() } else { stage.take_back() }
            }
            let ascending = rows(&stage, Order::Ascending);
            let mut descending = rows(&stage, Order::Descending);
            descending.reverse();
            prop_assert_eq!(&ascending, &descending);
            store.commit(stage.into_batch()).unwrap();
            prop_assert_eq!(ascending, rows(store.reader().unwrap().as_ref(), Order::Ascending));
        }
    }
}
