//! Rebuilding: throws every index away and makes it again from the log. What a store answers
//! must not change by it; a crash in the middle is made up for by the next opening.

use std::ops::ControlFlow;

use crate::audit::{Leaf, Origin};
use crate::head::{Watermark, read_head, watermark_key};
use crate::key::{self, HashDomain, ObjectKey, RowKey, ScopeId, prefix_end};
use crate::keyring::Keyring;
use crate::reading::{Reading, find_scope};
use crate::reserved;
use crate::row::{AssertionRow, Content, Edge, LogRow, ObservationRow};
use crate::stage::Stage;
use crate::store::{Batch, Order, Reader, Store};
use crate::tail::{Rows, Tail};
use crate::view::RecommendationValue;
use crate::writer::{Index, item_words};
use crate::{ContextError, EntityId, ItemId, Policy, Snapshot, Value};

/// Rows that are changed with one flush.
const BATCH_ROWS: usize = 200_000;

/// Rebuilds all indexes of a store that nobody else has open.
pub(crate) fn rebuild(store: &dyn Store, keys: &Keyring) -> Result<(), ContextError> {
    let mut begun = Batch::new();
    begun.put(mark_key().to_vec(), Vec::new());
    begun.remove(watermark_key().to_vec());
    store.commit(begun)?;
    for scope in scopes(store.reader()?.as_ref())? {
        for table in key::index_tables(scope) {
            remove_table(store, &table)?;
        }
    }
    let head = read_head(store.reader()?.as_ref())?.unwrap_or_default();
    let mut indexed = Watermark::default();
    while indexed != Watermark::at(&head) {
        let rows = Rows::new(Tail::default(), store.reader()?);
        let mut stage = Stage::new(&rows);
        indexed = replay(&mut stage, &rows, keys, indexed, BATCH_ROWS)?;
        let (mut batch, index) = stage.into_parts();
        rows.fold(index, &mut batch)?;
        batch.put(watermark_key().to_vec(), indexed.encode());
        store.commit(batch)?;
    }
    let mut done = Batch::new();
    done.remove(mark_key().to_vec());
    Ok(store.commit(done)?)
}

/// Makes the index rows of the commits after the watermark: what a crash kept from being folded.
pub(crate) fn tail(store: &dyn Store, keys: &Keyring) -> Result<(Tail, Watermark), ContextError> {
    let rows = Rows::new(Tail::default(), store.reader()?);
    let indexed = Watermark::read(&rows)?;
    let last = Watermark::at(&read_head(&rows)?.unwrap_or_default());
    if indexed.leaves > last.leaves || indexed.snapshot > last.snapshot {
        return Err(ContextError::damaged("the watermark"));
    }
    let mut stage = Stage::new(&rows);
    replay(&mut stage, &rows, keys, indexed, usize::MAX)?;
    let (_, index) = stage.into_parts();
    let mut tail = Tail::default();
    if !index.is_empty() {
        tail.add(index);
    }
    Ok((tail, indexed))
}

/// Adds commits after the watermark to the indexes, until there are enough rows; says up to
/// where it came.
pub(crate) fn replay(
    stage: &mut Stage<'_>,
    rows: &dyn Reader,
    keys: &Keyring,
    indexed: Watermark,
    rows_max: usize,
) -> Result<Watermark, ContextError> {
    let mut reached = indexed;
    while stage.len() < rows_max {
        let Some(bytes) = rows.get(&key::audit_leaf(reached.leaves))? else {
            break;
        };
        let damaged = || ContextError::damaged(format!("audit leaf {}", reached.leaves));
        let leaf = Leaf::from_bytes(&bytes).ok_or_else(damaged)?;
        if let Origin::Context { commit } = leaf.origin {
            let scope = find_scope(rows, &leaf.scope.to_bytes())?.ok_or_else(damaged)?;
            let mut index = Index::new(stage, keys, scope, commit);
            for row in rows_of(rows, scope, commit)? {
                add(&mut index, row)?;
            }
            index.finish();
            reached.snapshot = commit;
        }
        reached.leaves += 1;
    }
    Ok(reached)
}

/// Returns the rows of a commit.
fn rows_of(
    rows: &dyn Reader,
    scope: ScopeId,
    commit: Snapshot,
) -> Result<Vec<ItemId>, ContextError> {
    let mut ids = Vec::new();
    let from = key::log_commit(scope, commit);
    let to = key::log_commit(scope, commit.next());
    rows.range(&from, &to, Order::Ascending, &mut |key, _| {
        ids.extend(key::last_number(key).map(ItemId::from_number));
        ControlFlow::Continue(())
    })?;
    Ok(ids)
}

/// Says whether a rebuilding was cut off.
pub(crate) fn is_unfinished(rows: &dyn Reader) -> Result<bool, ContextError> {
    Ok(rows.get(&mark_key())?.is_some())
}

fn mark_key() -> RowKey {
    key::meta("rebuild")
}

pub(crate) fn scopes(rows: &dyn Reader) -> Result<Vec<ScopeId>, ContextError> {
    let prefix = key::scope_paths();
    let mut scopes = Vec::new();
    let end = prefix_end(&prefix);
    rows.range(&prefix, &end, Order::Ascending, &mut |key, _| {
        let number = key.last_chunk().copied().map(u32::from_be_bytes);
        scopes.extend(number.map(ScopeId));
        ControlFlow::Continue(())
    })?;
    Ok(scopes)
}

fn remove_table(store: &dyn Store, prefix: &[u8]) -> Result<(), ContextError> {
    loop {
        let reader = store.reader()?;
        let mut batch = Batch::new();
        let mut rows = 0;
        let end = prefix_end(prefix);
        reader.range(prefix, &end, Order::Ascending, &mut |key, _| {
            batch.remove(key.to_vec());
            rows += 1;
            match rows {
                BATCH_ROWS.. => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
        if batch.is_empty() {
            return Ok(());
        }
        store.commit(batch)?;
    }
}

/// Adds one row of the log to the indexes.
fn add(index: &mut Index<'_, '_>, id: ItemId) -> Result<(), ContextError> {
    let row = index.reading().log_row(id.number())?;
    match row.ok_or_else(|| ContextError::damaged(format!("log row {id}")))? {
        LogRow::Commit(_) | LogRow::Erasure(_) => {}
        LogRow::Entity(_) => {
            let entity = EntityId::from_number(id.number());
            if let Some(entity) = index.reading().entity(entity)? {
                index.name(entity.id, &entity.name);
            }
        }
        LogRow::Predicate(row) => {
            index.predicate(row.id, &row.name, Policy::Many);
        }
        LogRow::Policy(row) => {
            let name = index.reading().predicate_name(row.predicate)?;
            index.predicate(row.predicate, &name, row.policy);
        }
        LogRow::Lease(row) => index.lease(id, &row),
        LogRow::Assertion(row) => add_assertion(index, id, &row)?,
        LogRow::Observation(row) => add_observation(index, id, &row)?,
        LogRow::Transition(row) => {
            if let Some((assertion, edge)) = find(index, row.item)? {
                index.transition(row.item, &assertion, edge, row.trust);
            }
        }
        LogRow::Ban(row) => {
            if let Some((assertion, edge)) = find(index, row.item)? {
                index.ban(row.item, &assertion, edge.other, row.expires)?;
            }
        }
        LogRow::Lift(item) => {
            if let Some((assertion, edge)) = find(index, item)? {
                index.lift(&assertion, edge.other)?;
            }
        }
    }
    Ok(())
}

/// Finds an assertion that was not forgotten.
fn find(index: &Index<'_, '_>, item: ItemId) -> Result<Option<(AssertionRow, Edge)>, ContextError> {
    let reading = index.reading();
    let Some(row) = reading.assertion_row(item)? else {
        return Ok(None);
    };
    let edge = reading.edge_of(item, &row)?;
    Ok(edge.map(|edge| (row, edge)))
}

/// Of what was forgotten, only the lineage and the count of words stay.
fn add_assertion(
    index: &mut Index<'_, '_>,
    item: ItemId,
    row: &AssertionRow,
) -> Result<(), ContextError> {
    let commit = index.reading().commit(item.commit())?;
    for &source in commit
        .provenance
        .derived_from
        .iter()
        .chain(&row.derived_from)
    {
        index.lineage(source, item);
    }
    if index.reading().subject_key(row.subject)?.is_none() {
        index.merge_mark(row);
        return index.count_document(row.words);
    }
    let object = object_key(&index.reading(), item, row)?;
    index.assertion(item, row, object);
    if row.predicate == reserved::ALIAS
        && let Content::Value(sealed) = &row.content
    {
        let alias = index
            .reading()
            .value(item, row.subject, sealed)?
            .to_string();
        index.alias(row.subject, item, &alias)?;
    }
    let mut document = item_words(&index.reading(), item)?;
    document.length = row.words;
    index.document(item, &document)
}

fn add_observation(
    index: &mut Index<'_, '_>,
    item: ItemId,
    row: &ObservationRow,
) -> Result<(), ContextError> {
    if index.reading().subject_key(row.about)?.is_none() {
        return index.count_document(row.words);
    }
    index.observation(item, row.about);
    let document = item_words(&index.reading(), item)?;
    index.document(item, &document)
}

/// Returns what stands for the other side of an assertion in index keys. Advice and outcomes
/// are found by their action.
fn object_key(
    reading: &Reading<'_>,
    item: ItemId,
    row: &AssertionRow,
) -> Result<ObjectKey, ContextError> {
    let sealed = match &row.content {
        Content::Entity(id) => return Ok(ObjectKey::Entity(*id)),
        Content::Value(sealed) => sealed,
    };
    let value = reading.value(item, row.subject, sealed)?;
    let text = match row.predicate {
        reserved::RECOMMENDATION | reserved::OUTCOME => action_of(&value),
        _ => value.normalised(),
    };
    Ok(ObjectKey::Value(reading.hash(HashDomain::Value, &text)))
}

fn action_of(value: &Value) -> String {
    RecommendationValue::action(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_tables_are_all_tables_but_the_base() {
        let tables = key::index_tables(ScopeId(1));
        for base in *b"MSTLIKUabrc" {
            assert!(tables.iter().all(|table| table[0] != base));
        }
        assert_eq!(tables.len(), 12, "a new index table is rebuilt as well");
    }
}
