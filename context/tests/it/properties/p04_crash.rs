//! Property 4: pulling the plug at any write loses nothing that was acknowledged, and leaves
//! nothing by half.

use std::sync::Arc;

use layercake_context::store::RedbStore;
use layercake_context::{Context, MemoryVault, Pattern, Recall, Snapshot, Vault};
use proptest::prelude::*;

use crate::disk::ShakyDisk;
use crate::fixture::{agent, commit, says};

fn open(disk: &ShakyDisk, vault: &Arc<dyn Vault>, entropy: u8) -> Option<Context> {
    let store = RedbStore::on_disk(disk.clone()).ok()?;
    Context::open(Arc::new(store), Arc::clone(vault), [entropy; 32]).ok()
}

/// Commits until the power goes; returns the last acknowledged snapshot.
fn write_until_cut(disk: &ShakyDisk, vault: &Arc<dyn Vault>, commits: u64) -> Snapshot {
    let mut acknowledged = Snapshot::default();
    let Some(context) = open(disk, vault, 1) else {
        return acknowledged;
    };
    for i in 1..=commits {
        let ops = [
            says(&format!("n{i}"), "holds", "water"),
            says("hub", "holds", "water"),
        ];
        match context.commit(&agent(), commit(ops)) {
            Ok(receipt) => acknowledged = receipt.snapshot,
            Err(_) => break,
        }
    }
    acknowledged
}

const COMMITS: u64 = 6;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// After a cut at any write, with any of the unsynced writes lost, every acknowledged
    /// commit is there, no commit is there by half, and the audit trail holds.
    #[test]
    fn property_04_a_power_cut_loses_nothing_acknowledged(at in 0.0..1.0_f64, coins: u64) {
        let vault: Arc<dyn Vault> = Arc::new(MemoryVault::new());
        let whole = ShakyDisk::default();
        write_until_cut(&whole, &vault, COMMITS);
        let cut = (whole.writes() as f64 * at) as u64;

        let vault: Arc<dyn Vault> = Arc::new(MemoryVault::new());
        let disk = ShakyDisk::default();
        disk.cut_at(cut);
        let acknowledged = write_until_cut(&disk, &vault, COMMITS);

        let back = disk.after_the_cut(coins);
        let Some(context) = open(&back, &vault, 2) else {
            prop_assert_eq!(acknowledged, Snapshot::default(), "the store does not open");
            return Ok(());
        };
        let last = context.snapshot();
        prop_assert!(last >= acknowledged, "{} of {}", last, acknowledged);
        let view = context.latest(&agent());
        let found = view.query(&Pattern::anything().predicate("holds")).unwrap();
        prop_assert_eq!(found.assertions.len() as u64, 2 * last.number());
        let recalled = view.recall(&Recall::of("water").limit(100)).unwrap();
        prop_assert_eq!(recalled.items.len() as u64, 2 * last.number());
        let report = context.audit().verify().unwrap();
        prop_assert_eq!(report.flaws, vec![]);
        prop_assert_eq!(report.commits, last.number());
        context.commit(&agent(), commit([says("after", "holds", "water")])).unwrap();
    }
}
