//! What every store must do, as one check that all implementations run.

use std::ops::ControlFlow;

use super::{Batch, Order, Store};

/// Checks a fresh store against the contract of [`Store`].
///
/// # Panics
/// When the store breaks the contract; the message says how.
pub fn check_store(store: &dyn Store) {
    assert_eq!(rows(store, b"", b"\xff", Order::Ascending), []);
    let mut batch = Batch::new();
    for key in [b"b", b"a", b"c"] {
        batch.put(key.to_vec(), [key.as_slice(), b"1"].concat());
    }
    assert!(store.commit(batch).is_ok(), "the first batch is taken");
    check_ranges(store);
    check_consistent_reader(store);
}

fn check_ranges(store: &dyn Store) {
    let keys = |from: &[u8], to: &[u8], order| -> Vec<Vec<u8>> {
        let rows = rows(store, from, to, order);
        rows.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(b"a", b"c", Order::Ascending), [b"a", b"b"]);
    assert_eq!(keys(b"a", b"z", Order::Descending), [b"c", b"b", b"a"]);
    assert!(keys(b"b", b"b", Order::Ascending).is_empty(), "empty range");
    assert!(keys(b"c", b"a", Order::Ascending).is_empty(), "wrong way");
    let reader = store.reader().expect("a healthy store can be read");
    let mut shown = 0;
    let seen = reader.range(b"a", b"z", Order::Ascending, &mut |_, _| {
        shown += 1;
        ControlFlow::Break(())
    });
    assert!(seen.is_ok() && shown == 1, "a break ends the range");
}

fn check_consistent_reader(store: &dyn Store) {
    let before = store.reader().expect("a healthy store can be read");
    let mut batch = Batch::new();
    batch.put(b"a".to_vec(), b"a2".to_vec());
    batch.remove(b"b".to_vec());
    batch.remove(b"never there".to_vec());
    assert!(store.commit(batch).is_ok(), "a commit beside a reader");
    let get = |key: &[u8]| before.get(key).expect("a healthy store can be read");
    assert_eq!(get(b"a").as_deref(), Some(b"a1".as_slice()), "old reader");
    assert_eq!(get(b"b").as_deref(), Some(b"b1".as_slice()), "old reader");
    assert_eq!(
        rows(store, b"", b"\xff", Order::Ascending),
        [
            (b"a".to_vec(), b"a2".to_vec()),
            (b"c".to_vec(), b"c1".to_vec())
        ],
        "a new reader sees the whole batch"
    );
}

fn rows(store: &dyn Store, from: &[u8], to: &[u8], order: Order) -> Vec<(Vec<u8>, Vec<u8>)> {
    let reader = store.reader().expect("a healthy store can be read");
    let mut rows = Vec::new();
    reader
        .range(from, to, order, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .expect("a healthy store can be read");
    rows
}
