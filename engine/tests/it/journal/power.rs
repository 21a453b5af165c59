//! A power cut after any write: everything acknowledged is there, nothing is torn.

use std::sync::Arc;

use layercake_engine::journal::{
    Batch, Journal, JournalOptions, JournalReads, RedbJournal, Scan, SimulatedDisk,
};

use super::sample::{finished, first_batch, large, row, run};

/// Steps of three runs, some with large values, in appends of different size.
fn write_until_dark(journal: &RedbJournal, acknowledged: &mut u64) {
    let Ok(epoch) = journal.claim() else { return };
    for step in 0..16_u64 {
        let seq = step + 1;
        let writes: Vec<_> = (1..=3 + (step % 2) * 20)
            .map(|n| {
                let id = run(n);
                let at = journal.row(id).ok().flatten().map_or(0, |row| row.last_seq);
                if at == 0 {
                    let mut first = first_batch(id);
                    first.row.as_mut().expect("it has one").last_seq = 1;
                    return first.into();
                }
                let mut row = row(id);
                row.last_seq = at + 1;
                let value = large('z', (seq * 200) as usize);
                Batch::of_records(id, vec![finished(id, at + 1, value)])
                    .with_row(row)
                    .into()
            })
            .collect();
        if journal.append(epoch, &writes).is_err() {
            return;
        }
        *acknowledged = step + 1;
    }
}

/// The number of appends that must have happened, judged by run 1, which takes part in all.
fn stored(journal: &RedbJournal) -> u64 {
    journal
        .row(run(1))
        .expect("a row")
        .map_or(0, |row| row.last_seq)
}

#[test]
fn a_power_cut_after_any_write_loses_nothing_acknowledged() {
    // Small, so that some appends go to the log, some begin it anew, and some do not fit.
    let options = JournalOptions {
        log_bytes: 48 << 10,
        ..JournalOptions::default()
    };
    let dry = SimulatedDisk::new();
    let journal = RedbJournal::on_disks(Arc::new(dry.part(0)), Arc::new(dry.part(1)), options)
        .expect("a store");
    let before = dry.operations();
    write_until_dark(&journal, &mut 0);
    let operations = dry.operations() - before;
    assert!(operations > 100, "the test does too little: {operations}");
    drop(journal);

    for cut in 1..=operations {
        let disk = SimulatedDisk::new();
        let journal =
            RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options)
                .expect("a store");
        disk.cut_power_after(cut);
        let mut acknowledged = 0;
        write_until_dark(&journal, &mut acknowledged);
        drop(journal);
        disk.restart(cut);
        let journal =
            RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options)
                .expect("the store opens");
        let stored = stored(&journal);
        assert!(
            (acknowledged..=acknowledged + 1).contains(&stored),
            "cut {cut}: {acknowledged} acknowledged, {stored} stored"
        );
        assert_eq!(journal.check().expect("a check"), [], "cut {cut}");
        for row in journal.scan(&Scan::newest(1000)).expect("rows") {
            let records = journal.records(row.run, 1, 1000).expect("records");
            assert_eq!(records.len() as u64, row.last_seq, "cut {cut}");
        }
    }
}
