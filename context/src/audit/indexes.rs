//! The indexes and texts beside the log: what answers are made of must be what the commits say.
//! All of it is made again in memory and compared, so this takes memory as the indexes do.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::Flaw;
use crate::head::Watermark;
use crate::key::{self, Place, ScopeId, place_of, prefix_end};
use crate::keyring::Keyring;
use crate::rebuild::{replay, scopes};
use crate::row::{Content, LogRow, Sealed};
use crate::seal::Part;
use crate::stage::Stage;
use crate::store::{Order, Reader, StoreError, Visit};
use crate::tail::{Sorted, last_of_each};
use crate::{ContextError, EntityId, ItemId};

/// Compares all indexes and texts with the log.
pub(super) fn differences(rows: &dyn Reader, keys: &Keyring) -> Result<Vec<Flaw>, ContextError> {
    match compare(rows, keys) {
        Err(ContextError::Store(error)) => Err(ContextError::Store(error)),
        Err(error) => Ok(vec![Flaw::Unreadable {
            why: error.to_string(),
        }]),
        flaws => flaws,
    }
}

fn compare(rows: &dyn Reader, keys: &Keyring) -> Result<Vec<Flaw>, ContextError> {
    let log = LogOnly(rows);
    let mut stage = Stage::new(&log);
    replay(&mut stage, &log, keys, Watermark::default(), usize::MAX)?;
    let (batch, mut made) = stage.into_parts();
    made.extend(batch.changes.into_iter().map(|(key, value)| {
        let value = value.map(Into::into);
        (key.into(), value)
    }));
    let made = last_of_each(made);
    let mut flaws = BTreeSet::new();
    keys.check(rows)?;
    for scope in scopes(rows)? {
        for table in key::index_tables(scope) {
            if !is_same(rows, &table, &made)? {
                let table = char::from(table[0]);
                flaws.insert(Flaw::Index { table });
            }
        }
        texts(rows, keys, scope, &mut flaws)?;
    }
    Ok(flaws.into_iter().collect())
}

/// Says whether a table holds exactly the rows that were made from the log.
fn is_same(rows: &dyn Reader, table: &[u8], made: &Sorted) -> Result<bool, ContextError> {
    let begin = made.partition_point(|(key, _)| key[..] < *table);
    let mut expected = made[begin..]
        .iter()
        .take_while(|(key, _)| key.starts_with(table))
        .filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let mut same = true;
    rows.range(
        table,
        &prefix_end(table),
        Order::Ascending,
        &mut |key, value| {
            same = expected
                .next()
                .is_some_and(|(made, content)| made[..] == *key && content[..] == *value);
            match same {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        },
    )?;
    Ok(same && expected.next().is_none())
}

/// Opens every text of a scope, and compares it with its commitment. What was forgotten has an
/// erasure in the log.
fn texts(
    rows: &dyn Reader,
    keys: &Keyring,
    scope: ScopeId,
    flaws: &mut BTreeSet<Flaw>,
) -> Result<(), ContextError> {
    let mut sealed = Vec::new();
    let mut erased = BTreeSet::new();
    let prefix = key::log(scope, 0);
    let end = prefix_end(&prefix[..5]);
    rows.range(&prefix[..5], &end, Order::Ascending, &mut |key, value| {
        let item = ItemId::from_number(key::last_number(key).unwrap_or_default());
        match LogRow::decode(value) {
            Some(LogRow::Assertion(row)) => {
                if let Content::Value(text) = row.content {
                    sealed.push((item, row.subject, text));
                }
            }
            Some(LogRow::Observation(row)) => sealed.push((item, row.about, row.sealed)),
            Some(LogRow::Entity(row)) => {
                sealed.push((item, EntityId::from_number(item.number()), row.sealed));
            }
            Some(LogRow::Erasure(entity)) => drop(erased.insert(entity)),
            Some(_) => {}
            None => drop(flaws.insert(Flaw::Text { item })),
        }
        ControlFlow::Continue(())
    })?;
    for (item, about, text) in sealed {
        let holds = match keys.stored_subject(rows, scope, about) {
            Ok(Some(key)) => holds(&key, item, &text) && !erased.contains(&about),
            Ok(None) => erased.contains(&about),
            Err(_) => false,
        };
        if !holds {
            flaws.insert(Flaw::Text { item });
        }
    }
    Ok(())
}

fn holds(key: &crate::seal::Key, item: ItemId, text: &Sealed) -> bool {
    let plain = key.open(item.number(), Part::Text, &text.ciphertext);
    plain.is_some_and(|plain| key.commitment(item.number(), &plain) == text.commitment)
}

/// The rows that everything else is made from: no index is visible.
struct LogOnly<'a>(&'a dyn Reader);

impl LogOnly<'_> {
    fn hides(key: &[u8]) -> bool {
        place_of(key) == Place::Index || key::is_small_index(key)
    }
}

impl Reader for LogOnly<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if Self::hides(key) {
            return Ok(None);
        }
        self.0.get(key)
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if Self::hides(from) {
            return Ok(());
        }
        self.0.range(from, to, order, visit)
    }
}
