//! Both stores keep one contract.

use layercake_context::store::{MemoryStore, RedbStore, StoreProblem, check_store};

#[test]
fn memory_store_keeps_the_contract() {
    check_store(&MemoryStore::new());
}

#[test]
fn redb_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    check_store(&RedbStore::open(&folder.path().join("context.redb")).unwrap());
}

#[test]
fn a_second_opening_is_told_who_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("context.redb");
    let _first = RedbStore::open(&path).unwrap();
    let error = RedbStore::open(&path).unwrap_err();
    assert_eq!(error.problem(), StoreProblem::Busy);
}

#[test]
fn a_file_that_is_no_store_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("context.redb");
    std::fs::write(
        &path,
        b"something else entirely, and longer than a header".repeat(50),
    )
    .unwrap();
    assert_eq!(
        RedbStore::open(&path).unwrap_err().problem(),
        StoreProblem::Damaged
    );
    assert!(std::fs::read(&path).unwrap().starts_with(b"something else"));
}
