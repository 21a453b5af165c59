//! Folding: merging changed rows into the blocks where they belong.

use std::iter::Peekable;
use std::ops::ControlFlow;

use super::reader::{damaged, last_before};
use super::{INDEX_BYTES_MAX, LOG_BYTES_MAX, Row, SHELF_BYTES, each, encode, size_of};
use crate::key::{RowKey, prefix_end};
use crate::store::{Batch, Order, Reader, StoreError};
use crate::tail::RowValue;

/// A row to be set, or with `None` to be removed.
type Change = (RowKey, Option<RowValue>);

/// Stages fresh rows of the log, in order, as blocks of their own: rows that are written once
/// are never put into a block that is already there.
pub(crate) fn pack(rows: Vec<Row>, batch: &mut Batch) {
    for rows in rows.chunk_by(|a, b| a.0[..SHELF_BYTES] == b.0[..SHELF_BYTES]) {
        put(rows, LOG_BYTES_MAX, batch);
    }
}

/// Stages changes of indexes, in the order of their keys, into the blocks where they belong.
pub(crate) fn fold(
    stored: &dyn Reader,
    changes: impl Iterator<Item = Change>,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let mut changes = changes.peekable();
    while let Some((key, _)) = changes.peek() {
        let target = Target::of(stored, key)?;
        let merged = target.merge(&mut changes)?;
        if let Some((first, _)) = &target.block
            && merged.first().is_none_or(|(key, _)| key[..] != first[..])
        {
            batch.remove(first.to_vec());
        }
        put(&merged, INDEX_BYTES_MAX, batch);
    }
    Ok(())
}

/// Cuts rows into blocks of about the same size.
fn put(rows: &[Row], bytes_max: usize, batch: &mut Batch) {
    let total: usize = rows.iter().map(size_of).sum();
    let share = total / total.div_ceil(bytes_max).max(1);
    let mut begin = 0;
    let mut size = 0;
    for (i, row) in rows.iter().enumerate() {
        size += size_of(row);
        let is_last = i + 1 == rows.len();
        if size >= share || is_last {
            batch.put(rows[begin].0.to_vec(), encode(&rows[begin..=i]));
            begin = i + 1;
            size = 0;
        }
    }
}

/// A block as it is stored: the key of its first row, and its bytes.
type Stored = (Vec<u8>, Vec<u8>);

/// The block that changes go into.
struct Target {
    /// Key and bytes; `None` when the table has no block in this scope.
    block: Option<Stored>,
    /// The first key that is too large for the block.
    end: RowKey,
}

impl Target {
    /// Finds the block of a key: the last one that begins at or before it, otherwise the
    /// first one after it.
    fn of(stored: &dyn Reader, key: &[u8]) -> Result<Self, StoreError> {
        let shelf_end = prefix_end(&key[..SHELF_BYTES]);
        let mut block = None;
        last_before(stored, key, &mut |first, bytes| {
            block = Some((first.to_vec(), bytes.to_vec()));
        })?;
        if block.is_none() {
            block = next_block(stored, key, &shelf_end)?;
        }
        let end = match &block {
            None => None,
            Some((first, _)) => next_block(stored, &after(first), &shelf_end)?,
        };
        Ok(Self {
            block,
            end: end.map_or(shelf_end, |(first, _)| first.into()),
        })
    }

    /// Takes the changes that belong into the block, and returns its rows with them.
    fn merge(
        &self,
        changes: &mut Peekable<impl Iterator<Item = Change>>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        let mut next = || changes.next_if(|(key, _)| key[..] < self.end[..]);
        let mut change = next();
        if let Some((first, bytes)) = &self.block {
            each(first, bytes, &mut |key, value| {
                while let Some((changed, new)) = change.take_if(|(changed, _)| changed[..] <= *key)
                {
                    let replaces = changed[..] == *key;
                    rows.extend(new.map(|new| (changed, new)));
                    change = next();
                    if replaces {
                        return ControlFlow::Continue(());
                    }
                }
                rows.push((RowKey::from_slice(key), RowValue::from_slice(value)));
                ControlFlow::Continue(())
            })
            .ok_or_else(damaged)?;
        }
        while let Some((key, new)) = change {
            rows.extend(new.map(|new| (key, new)));
            change = next();
        }
        Ok(rows)
    }
}

fn next_block(stored: &dyn Reader, from: &[u8], to: &[u8]) -> Result<Option<Stored>, StoreError> {
    let mut found = None;
    stored.range(from, to, Order::Ascending, &mut |first, bytes| {
        found = Some((first.to_vec(), bytes.to_vec()));
        ControlFlow::Break(())
    })?;
    Ok(found)
}

fn after(key: &[u8]) -> Vec<u8> {
    let mut after = key.to_vec();
    after.push(0);
    after
}
