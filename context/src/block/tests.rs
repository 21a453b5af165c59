//! Blocks against a plain map: whatever is folded in, reading gives what the map has.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::{Batch, MemoryStore, Order, Reader, Store};

/// A key of a table in blocks: `F`, a scope, and a body of one length.
fn key(scope: u8, body: u16) -> Vec<u8> {
    let mut key = vec![b'F', 0, 0, 0, scope];
    key.extend_from_slice(&[0; 18]);
    key.extend_from_slice(&body.to_be_bytes());
    key
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn read(reader: &dyn Reader, from: &[u8], to: &[u8], order: Order) -> Vec<Row> {
    let mut rows = Vec::new();
    let visited = reader.range(from, to, order, &mut |key, value| {
        rows.push((RowKey::from_slice(key), RowValue::from_slice(value)));
        ControlFlow::Continue(())
    });
    visited.unwrap();
    rows
}

fn check(store: &MemoryStore, model: &Model, from: &[u8], to: &[u8]) {
    let blocks = Blocks::new(store.reader().unwrap());
    let expected: Vec<Row> = model
        .range(from.to_vec()..to.to_vec().max(from.to_vec()))
        .map(|(key, value)| (key.clone().into(), value.clone().into()))
        .collect();
    let ascending = read(&blocks, from, to, Order::Ascending);
    let mut descending = read(&blocks, from, to, Order::Descending);
    descending.reverse();
    assert_eq!(ascending, expected);
    assert_eq!(descending, expected);
    assert_eq!(blocks.get(from).unwrap().as_ref(), model.get(from));
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        4 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
    ]
}

proptest! {
    #[test]
    fn folded_rows_read_like_a_plain_map(
        folds in prop::collection::vec(
            prop::collection::btree_map((0_u8..2, 0_u16..400), value(), 0..200), 1..6),
        ranges in prop::collection::vec((0_u8..2, 0_u16..400, 0_u16..400), 1..8),
    ) {
        let store = MemoryStore::new();
        let mut model = Model::new();
        for changes in folds {
            let changes = changes.into_iter().map(|((s, b), v)| (key(s, b), v));
            let changes: Vec<_> = changes.collect();
            for (key, value) in changes.clone() {
                match value {
                    Some(value) => model.insert(key, value),
                    None => model.remove(&key),
                };
            }
            let mut batch = Batch::new();
            let rows = changes.into_iter();
            let rows = rows.map(|(key, value)| (key.into(), value.map(Into::into)));
            fold(store.reader().unwrap().as_ref(), rows, &mut batch).unwrap();
            store.commit(batch).unwrap();
        }
        for (scope, from, to) in ranges {
            check(&store, &model, &key(scope, from), &key(scope, to));
            check(&store, &model, &key(scope, 0)[..SHELF_BYTES], &key(scope, to));
        }
    }

    #[test]
    fn no_bytes_make_a_block_panic(bytes: Vec<u8>) {
        let first = key(1, 1);
        let mut rows = 0;
        each(&first, &bytes, &mut |_, _| {
            rows += 1;
            ControlFlow::Continue(())
        });
        prop_assert!(rows <= bytes.len());
    }
}

#[test]
fn a_block_takes_less_than_its_rows() {
    let rows: Vec<Row> = (0..30)
        .map(|i| (key(1, i).into(), vec![1, 2].into()))
        .collect();
    let plain: usize = rows.iter().map(|row| row.0.len() + row.1.len()).sum();
    assert!(encode(&rows).len() * 5 < plain);
}
