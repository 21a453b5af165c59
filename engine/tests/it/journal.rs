//! The journal: one contract for all implementations, a naive model, power cuts, full disks.

mod contract;
mod disk;
mod faults;
mod format;
mod golden;
mod model;
mod power;
mod sample;

use std::sync::Arc;

use layercake_engine::journal::{Journal, MemoryJournal, RedbJournal};

#[test]
fn the_memory_journal_keeps_the_contract() {
    contract::check_journal(&|| Arc::new(MemoryJournal::new()));
}

#[test]
fn the_redb_journal_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let count = std::cell::Cell::new(0);
    contract::check_journal(&|| {
        count.set(count.get() + 1);
        let path = folder.path().join(format!("{}.redb", count.get()));
        Arc::new(RedbJournal::open(&path).expect("a new store opens")) as Arc<dyn Journal>
    });
}
