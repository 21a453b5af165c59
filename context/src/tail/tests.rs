//! The tail against a plain map: layers over blocks read as if every row had been stored.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::store::{MemoryStore, Store};

fn key(body: u8) -> RowKey {
    let mut key = RowKey::from_slice(&[b'F', 0, 0, 0, 1]);
    key.extend_from_slice(&[0; 19]);
    key.push(body);
    key
}

fn read(rows: &Rows<'_>, (from, to): (u8, u8), order: Order) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let visited = rows.range(&key(from), &key(to), order, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    });
    visited.unwrap();
    found
}

proptest! {
    #[test]
    fn a_tail_reads_like_a_plain_map_before_and_after_it_is_folded(
        groups in prop::collection::vec(
            (any::<bool>(), prop::collection::btree_map(0_u8..60, any::<Option<u8>>(), 0..30)), 1..8),
        span in (0_u8..60, 0_u8..60),
    ) {
        let store = MemoryStore::new();
        let mut tail = Tail::default();
        let mut model = BTreeMap::new();
        for (is_large, group) in groups {
            let rows = group.iter().map(|(&k, v)| (key(k), v.map(|v| RowValue::from_slice(&[v]))));
            let rows: Sorted = rows.collect();
            if is_large {
                tail.rows += rows.len();
                tail.layers.push(Layer::Whole(Arc::new(rows)));
            } else {
                tail.add(rows);
            }
            for (body, value) in group {
                match value {
                    Some(value) => model.insert(key(body).to_vec(), vec![value]),
                    None => model.remove(&key(body).to_vec()),
                };
            }
        }
        let expected: Vec<_> = model
            .iter()
            .filter(|(k, _)| **k >= key(span.0).to_vec() && **k < key(span.1).to_vec())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let check = |rows: &Rows<'_>| {
            let mut descending = read(rows, span, Order::Descending);
            descending.reverse();
            assert_eq!(read(rows, span, Order::Ascending), expected);
            assert_eq!(descending, expected);
            for body in 0..60 {
                let stored = rows.get(&key(body)).unwrap();
                assert_eq!(stored.as_ref(), model.get(&key(body).to_vec()));
            }
        };
        let rows = Rows::new(tail, store.reader().unwrap());
        check(&rows);
        let mut batch = Batch::new();
        rows.fold(Sorted::new(), &mut batch).unwrap();
        store.commit(batch).unwrap();
        check(&Rows::new(Tail::default(), store.reader().unwrap()));
    }
}
