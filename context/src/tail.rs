//! The tail: changed rows of the indexes that are in memory and not yet in their blocks. What
//! they say is durable in the log, so a crash loses nothing: the next opening makes them again
//! from the commits after the watermark.
//!
//! Index rows are only ever added to by later commits, and readers ignore what is later than
//! their snapshot. So a reader may see the tail grow; it only must not see it vanish, and
//! therefore takes the tail before it looks at the store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map::Entry;
use smallvec::SmallVec;

use crate::block::{Blocks, fold};
use crate::key::{Place, RowKey, place_of};
use crate::store::{Batch, Order, Reader, StoreError, Visit};

/// The value of a row. Most of those in indexes fit without memory of their own.
pub(crate) type RowValue = SmallVec<[u8; 22]>;
/// A row that was set, or with `None` removed.
pub(crate) type Changed = (RowKey, Option<RowValue>);
/// Changed rows in order, each key once.
pub(crate) type Sorted = Vec<Changed>;
/// Changed rows in order, while there are more to come.
pub(crate) type Changes = BTreeMap<RowKey, Option<RowValue>>;

/// Rows that a group of commits changes from which on they become a layer of their own: sorted
/// already, they need not be sorted in again.
const WHOLE_ROWS_MIN: usize = 4_096;
/// Layers from which on the tail is folded: every reader looks into each of them.
const LAYERS_MAX: usize = 16;
/// Rows from which on the tail is folded; about 40 MB, and half a second of an opening that has
/// to make them again.
const ROWS_MAX: usize = 300_000;

/// The rows that are not in blocks yet. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Tail {
    /// The oldest first; a row of a later layer hides those of earlier ones.
    layers: Vec<Layer>,
    rows: usize,
}

#[derive(Clone)]
enum Layer {
    /// Takes small groups, one after the other. Only the writer inserts.
    Growing(Arc<SkipMap<RowKey, Option<RowValue>>>),
    /// One large group.
    Whole(Arc<Sorted>),
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("rows", &self.rows).finish()
    }
}

impl Tail {
    /// Says whether further changes should go into the blocks, together with all before them.
    pub(crate) fn is_full_with(&self, changes: &Sorted) -> bool {
        self.rows + changes.len() > ROWS_MAX || self.layers.len() >= LAYERS_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds the changes of a group.
    pub(crate) fn add(&mut self, changes: Sorted) {
        self.rows += changes.len();
        if changes.len() >= WHOLE_ROWS_MIN {
            self.layers.push(Layer::Whole(Arc::new(changes)));
            return;
        }
        let growing = match self.layers.last() {
            Some(Layer::Growing(rows)) => Arc::clone(rows),
            _ => {
                let rows = Arc::new(SkipMap::new());
                self.layers.push(Layer::Growing(Arc::clone(&rows)));
                rows
            }
        };
        for (key, value) in changes {
            growing.insert(key, value);
        }
    }

    /// Returns all rows, with further changes on top.
    pub(crate) fn with(&self, changes: Sorted) -> Sorted {
        if self.is_empty() {
            return changes;
        }
        let mut all = Sorted::with_capacity(self.rows + changes.len());
        for layer in &self.layers {
            match layer {
                Layer::Growing(rows) => {
                    all.extend(
                        rows.iter()
                            .map(|row| (row.key().clone(), row.value().clone())),
                    );
                }
                Layer::Whole(rows) => all.extend(rows.iter().cloned()),
            }
        }
        all.extend(changes);
        last_of_each(all)
    }
}

/// All rows of a store: those of the tail over those in blocks over those that stand alone.
pub(crate) struct Rows<'a> {
    tail: Tail,
    blocks: Blocks<'a>,
}

impl<'a> Rows<'a> {
    /// The tail must have been taken before the reader of the store.
    pub(crate) fn new(tail: Tail, stored: Box<dyn Reader + 'a>) -> Self {
        Self {
            tail,
            blocks: Blocks::new(stored),
        }
    }

    pub(crate) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Stages the whole tail, with further changes on top, into the blocks.
    pub(crate) fn fold(&self, changes: Sorted, batch: &mut Batch) -> Result<(), StoreError> {
        let changes = self.tail.with(changes);
        fold(self.blocks.stored(), changes.into_iter(), batch)
    }
}

impl Reader for Rows<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.tail.is_empty() && place_of(key) == Place::Index {
            for layer in self.tail.layers.iter().rev() {
                let found = match layer {
                    Layer::Growing(rows) => rows.get(key).map(|row| row.value().clone()),
                    Layer::Whole(rows) => {
                        let at = rows.binary_search_by(|row| row.0[..].cmp(key));
                        at.ok().map(|at| rows[at].1.clone())
                    }
                };
                if let Some(found) = found {
                    return Ok(found.map(SmallVec::into_vec));
                }
            }
        }
        self.blocks.get(key)
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if self.tail.is_empty() || from >= to || place_of(from) != Place::Index {
            return self.blocks.range(from, to, order, visit);
        }
        self.range_below(&self.tail.layers, (from, to), order, visit)
    }
}

impl Rows<'_> {
    /// Shows the rows of some layers and of everything below them.
    fn range_below(
        &self,
        layers: &[Layer],
        span: (&[u8], &[u8]),
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let Some((top, below)) = layers.split_last() else {
            return self.blocks.range(span.0, span.1, order, visit);
        };
        let mut base = |visit: &mut Visit<'_>| self.range_below(below, span, order, visit);
        let bounds = bounds(span);
        match (top, order) {
            (Layer::Growing(rows), Order::Ascending) => {
                merge(&mut base, order, rows.range::<[u8], _>(bounds), visit)
            }
            (Layer::Growing(rows), Order::Descending) => {
                merge(&mut base, order, rows.range::<[u8], _>(bounds).rev(), visit)
            }
            (Layer::Whole(rows), Order::Ascending) => {
                merge(&mut base, order, within(rows, span).iter(), visit)
            }
            (Layer::Whole(rows), Order::Descending) => {
                merge(&mut base, order, within(rows, span).iter().rev(), visit)
            }
        }
    }
}

/// Sorts rows, and keeps of those with one key the last. Runs that are sorted already are only
/// merged.
pub(crate) fn last_of_each(mut rows: Sorted) -> Sorted {
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    rows
}

/// Returns the rows with `from <= key < to`.
fn within<'r>(rows: &'r Sorted, (from, to): (&[u8], &[u8])) -> &'r [Changed] {
    let begin = rows.partition_point(|row| row.0[..] < *from);
    let length = rows[begin..].partition_point(|row| row.0[..] < *to);
    &rows[begin..begin + length]
}

/// A span of keys: the first that belongs to it and the first that does not any more.
type Span<'k> = (std::ops::Bound<&'k [u8]>, std::ops::Bound<&'k [u8]>);

pub(crate) fn bounds<'k>((from, to): (&'k [u8], &'k [u8])) -> Span<'k> {
    (
        std::ops::Bound::Included(from),
        std::ops::Bound::Excluded(to),
    )
}

/// One changed row.
pub(crate) trait Change {
    fn key(&self) -> &[u8];
    fn value(&self) -> Option<&[u8]>;
}

impl Change for (&RowKey, &Option<RowValue>) {
    fn key(&self) -> &[u8] {
        self.0
    }

    fn value(&self) -> Option<&[u8]> {
        self.1.as_deref()
    }
}

impl Change for &Changed {
    fn key(&self) -> &[u8] {
        &self.0
    }

    fn value(&self) -> Option<&[u8]> {
        self.1.as_deref()
    }
}

impl Change for Entry<'_, RowKey, Option<RowValue>> {
    fn key(&self) -> &[u8] {
        let key: &RowKey = Self::key(self);
        key
    }

    fn value(&self) -> Option<&[u8]> {
        Self::value(self).as_deref()
    }
}

/// Shows the rows of a range.
pub(crate) type Show<'a> = dyn FnMut(&mut Visit<'_>) -> Result<(), StoreError> + 'a;

/// Shows rows and changes over them in one order; a changed row hides the one below.
pub(crate) fn merge<C: Change>(
    base: &mut Show<'_>,
    order: Order,
    changed: impl Iterator<Item = C>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    use std::ops::ControlFlow;
    let mut changed = changed.peekable();
    if changed.peek().is_none() {
        return base(visit);
    }
    let mut stopped = false;
    base(&mut |key, value| {
        while let Some(change) = changed.next_if(|change| match order {
            Order::Ascending => change.key() <= key,
            Order::Descending => change.key() >= key,
        }) {
            if let Some(value) = change.value()
                && visit(change.key(), value).is_break()
            {
                stopped = true;
                return ControlFlow::Break(());
            }
            if change.key() == key {
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
    for change in changed {
        if let Some(value) = change.value()
            && visit(change.key(), value).is_break()
        {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
