//! Reading rows out of blocks, as if each stood under its own key.

use std::ops::ControlFlow;

use super::{SHELF_BYTES, each, find};
use crate::key::{Place, place_of};
use crate::store::{Order, Reader, StoreError, StoreProblem, Visit};

/// The rows of a store, those in blocks included.
pub(crate) struct Blocks<'a> {
    stored: Box<dyn Reader + 'a>,
}

impl<'a> Blocks<'a> {
    pub(crate) fn new(stored: Box<dyn Reader + 'a>) -> Self {
        Self { stored }
    }

    /// Returns the reader of the stored rows themselves.
    pub(crate) fn stored(&self) -> &dyn Reader {
        self.stored.as_ref()
    }
}

impl Reader for Blocks<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if place_of(key) == Place::Alone {
            return self.stored.get(key);
        }
        let mut found = Some(None);
        last_before(self.stored(), key, &mut |first, block| {
            found = find(first, block, key);
        })?;
        found.ok_or_else(damaged)
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if from >= to || place_of(from) == Place::Alone {
            return self.stored.range(from, to, order, visit);
        }
        let mut healthy = true;
        let mut show = |first: &[u8], block: &[u8]| {
            let flow = match order {
                Order::Ascending => ascending(first, block, (from, to), visit),
                Order::Descending => descending(first, block, (from, to), visit),
            };
            healthy = flow.is_some();
            flow.unwrap_or(ControlFlow::Break(()))
        };
        // Most ranges lie in one block: the last one that begins before their end.
        let shelf = &from[..SHELF_BYTES.min(from.len())];
        let mut is_whole = false;
        let mut last = |first: &[u8], block: &[u8]| {
            is_whole = first <= from;
            if is_whole {
                let _: ControlFlow<()> = show(first, block);
            }
            ControlFlow::Break(())
        };
        self.stored.range(shelf, to, Order::Descending, &mut last)?;
        if is_whole {
            return if healthy { Ok(()) } else { Err(damaged()) };
        }
        let begin = first_block(self.stored(), from)?;
        self.stored.range(&begin, to, order, &mut show)?;
        if healthy { Ok(()) } else { Err(damaged()) }
    }
}

/// Returns where to begin so that no row from a key on is missed.
fn first_block(stored: &dyn Reader, from: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut begin = from.to_vec();
    last_before(stored, from, &mut |first, _| begin = first.to_vec())?;
    Ok(begin)
}

/// Shows the block that a key belongs to: the last one that begins at or before it.
pub(super) fn last_before(
    stored: &dyn Reader,
    key: &[u8],
    show: &mut dyn FnMut(&[u8], &[u8]),
) -> Result<(), StoreError> {
    let shelf = &key[..SHELF_BYTES.min(key.len())];
    let mut end = Vec::with_capacity(key.len() + 1);
    end.extend_from_slice(key);
    end.push(0);
    stored.range(shelf, &end, Order::Descending, &mut |first, block| {
        show(first, block);
        ControlFlow::Break(())
    })
}

fn ascending(
    first: &[u8],
    block: &[u8],
    (from, to): (&[u8], &[u8]),
    visit: &mut Visit<'_>,
) -> Option<ControlFlow<()>> {
    let mut flow = ControlFlow::Continue(());
    each(first, block, &mut |key, value| {
        if key >= from {
            flow = if key < to {
                visit(key, value)
            } else {
                ControlFlow::Break(())
            };
        }
        flow
    })?;
    Some(flow)
}

fn descending(
    first: &[u8],
    block: &[u8],
    (from, to): (&[u8], &[u8]),
    visit: &mut Visit<'_>,
) -> Option<ControlFlow<()>> {
    let mut rows = Vec::new();
    each(first, block, &mut |key, value| {
        if key >= to {
            return ControlFlow::Break(());
        }
        if key >= from {
            rows.push((key.to_vec(), value.to_vec()));
        }
        ControlFlow::Continue(())
    })?;
    let mut rows = rows.iter().rev();
    let flow = rows.try_for_each(|(key, value)| visit(key, value));
    Some(flow)
}

pub(super) fn damaged() -> StoreError {
    StoreError::new(StoreProblem::Damaged, None)
}
