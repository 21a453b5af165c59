//! Every fault at every operation: power cuts, failing and lying devices, full disks, flipped
//! bits. Whatever was acknowledged is there, nothing else than what was asked for is, and the
//! store goes on.

use std::sync::Arc;

use layercake_engine::journal::{
    Batch, Epoch, Fault, Journal, JournalError, JournalOptions, JournalReads, RedbJournal, Scan,
    SimulatedDisk, Write,
};

use super::sample::{finished, first_batch, large, row, run, started};

/// Small, so that some appends begin the log anew, and some do not fit.
const OPTIONS: JournalOptions = JournalOptions {
    cache_bytes: 64 << 10,
    log_bytes: 24 << 10,
};

/// The steps of the workload: how many runs take part, and how large their values are.
const STEPS: [(u64, usize); 8] = [
    (1, 0),
    (2, 700),
    (1, 9_000),
    (3, 200),
    (1, 40_000),
    (2, 600),
    (1, 9_000),
    (1, 10),
];

fn open(disk: &SimulatedDisk) -> Result<RedbJournal, JournalError> {
    RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), OPTIONS)
}

/// Makes the writes of a step; run 1 takes part in all.
fn writes(step: usize) -> Vec<Write> {
    let (runs, size) = STEPS[step];
    let of_run = |n: u64| {
        let id = run(n);
        let before = STEPS[..step].iter().filter(|(runs, _)| n <= *runs).count() as u64;
        if before == 0 {
            let mut first = first_batch(id);
            first.row.as_mut().expect("it has one").last_seq = 1;
            return first.into();
        }
        let mut row = row(id);
        row.last_seq = before + 1;
        let letter = char::from(b'a' + step as u8);
        let record = finished(id, before + 1, large(letter, size));
        Batch::of_records(id, vec![record]).with_row(row).into()
    };
    (1..=runs).map(of_run).collect()
}

/// Goes through the workload from a step on; returns how far it came, and what stopped it.
fn work(journal: &RedbJournal, epoch: Epoch, from: usize) -> (usize, Option<JournalError>) {
    for step in from..STEPS.len() {
        if let Err(error) = journal.append(epoch, &writes(step)) {
            return (step, Some(error));
        }
        // Idle moments are part of life.
        if step == 3
            && let Err(error) = journal.settle()
        {
            return (step + 1, Some(error));
        }
    }
    (STEPS.len(), None)
}

/// Returns how many steps are stored, after a look at everything.
fn stored(journal: &RedbJournal, what: &str) -> usize {
    assert_eq!(journal.check().expect("a check"), [], "{what}");
    for row in journal.scan(&Scan::newest(100)).expect("rows") {
        let records = journal.records(row.run, 1, 100).expect("records");
        assert_eq!(records.len() as u64, row.last_seq, "{what}");
    }
    let row = journal.row(run(1)).expect("a row");
    row.map_or(0, |row| row.last_seq as usize)
}

/// How many operations opening, claiming and the whole workload take.
fn operations() -> u64 {
    let disk = SimulatedDisk::new();
    let journal = open(&disk).expect("a store");
    let epoch = journal.claim().expect("a claim");
    assert_eq!(work(&journal, epoch, 0).0, STEPS.len());
    drop(journal);
    assert!(disk.operations() > 60, "the workload does too little");
    disk.operations()
}

/// Works until the power fails at an operation; returns how many steps were acknowledged.
fn work_until_dark(disk: &SimulatedDisk, cut: u64) -> usize {
    disk.cut_power_after(cut);
    let Ok(journal) = open(disk) else { return 0 };
    let Ok(epoch) = journal.claim() else { return 0 };
    work(&journal, epoch, 0).0
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    for cut in 1..=operations() {
        for seed in 0..2 {
            let what = format!("cut {cut}, seed {seed}");
            let disk = SimulatedDisk::new();
            let acknowledged = work_until_dark(&disk, cut);
            disk.restart(cut * 2 + seed);
            let journal = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            let found = stored(&journal, &what);
            assert!(
                (acknowledged..=acknowledged + 1).contains(&found),
                "{what}: {acknowledged} acknowledged, {found} stored"
            );
            let epoch = journal.claim().expect("a claim");
            assert_eq!(work(&journal, epoch, found).0, STEPS.len(), "{what}");
            drop(journal);
            let journal = open(&disk).expect("the store opens again");
            assert_eq!(stored(&journal, &what), STEPS.len());
        }
    }
}

#[test]
fn a_power_cut_while_a_crash_is_being_recovered_loses_nothing() {
    // The log has entries, and its last one is torn.
    for first in (5..operations()).step_by(11) {
        for second in (1..).step_by(2) {
            let what = format!("cuts {first}, {second}");
            let disk = SimulatedDisk::new();
            let acknowledged = work_until_dark(&disk, first);
            disk.restart(first);
            disk.cut_power_after(second);
            let again = open(&disk).and_then(|journal| journal.claim().map(|_| journal));
            let through = again.is_ok();
            drop(again);
            disk.restart(second);
            let journal = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            let found = stored(&journal, &what);
            assert!(
                (acknowledged..=acknowledged + 1).contains(&found),
                "{what}: {acknowledged} acknowledged, {found} stored"
            );
            if through {
                break;
            }
        }
    }
}

#[test]
fn a_device_that_fails_once_loses_nothing_acknowledged() {
    for failing in 1..=operations() {
        for fault in [Fault::Refused, Fault::Misreported] {
            let what = format!("operation {failing}, {fault:?}");
            let disk = SimulatedDisk::new();
            let journal = open(&disk).expect("a store");
            let epoch = journal.claim().expect("a claim");
            disk.fail_once_after(failing, fault);
            let (mut step, mut error) = work(&journal, epoch, 0);
            if let Some(error) = error.take() {
                assert!(!error.is_refusal(), "{what}: {error}");
                // Ask again, as the writer does; a refusal says that it is stored already.
                if step < STEPS.len() {
                    match journal.append(epoch, &writes(step)) {
                        Ok(()) => {}
                        Err(JournalError::OutOfOrder { .. }) => {
                            let row = journal.row(run(1)).expect("a row").expect("one");
                            assert_eq!(row.last_seq as usize, step + 1, "{what}");
                        }
                        Err(error) => panic!("{what}: {error}"),
                    }
                    step += 1;
                }
                // What was acknowledged now survives the power.
                disk.cut_power_after(1);
                drop(journal);
                disk.restart(failing);
                let journal = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(stored(&journal, &what), step, "{what}");
                let epoch = journal.claim().expect("a claim");
                assert_eq!(work(&journal, epoch, step).0, STEPS.len(), "{what}");
            }
        }
    }
}

/// Writes something else until the disk has to grow, or so many times.
fn fill(journal: &RedbJournal, epoch: Epoch, disk: &SimulatedDisk, most: u64) -> u64 {
    let begin = disk.used_bytes();
    for n in 1..=most {
        let id = run(1_000 + n);
        let mut row = row(id);
        row.last_seq = 1;
        let letter = char::from(b'A' + (n % 26) as u8);
        let value = large(letter, 8_000 + n as usize);
        let batch = Batch::of_records(id, vec![started(id, value)]).with_row(row);
        journal.append(epoch, &[batch.into()]).expect("an append");
        if disk.used_bytes() > begin {
            return n;
        }
    }
    most
}

#[test]
fn a_disk_that_is_full_at_any_moment_loses_nothing_and_heals() {
    let fresh = || {
        let disk = SimulatedDisk::new();
        let journal = open(&disk).expect("a store");
        let epoch = journal.claim().expect("a claim");
        (disk, journal, epoch)
    };
    let growing = {
        let (disk, journal, epoch) = fresh();
        fill(&journal, epoch, &disk, 500)
    };
    assert!((10..500).contains(&growing), "{growing}");
    let mut stopped_at = std::collections::BTreeSet::new();
    for room in 1..=9 {
        let what = format!("room for {room}");
        let (disk, journal, epoch) = fresh();
        fill(&journal, epoch, &disk, growing - room);
        disk.limit(Some(disk.used_bytes()));
        let (step, error) = work(&journal, epoch, 0);
        if let Some(error) = error {
            stopped_at.insert(step);
            assert!(matches!(error, JournalError::Full(_)), "{what}: {error}");
            disk.limit(None);
            let found = stored(&journal, &what);
            assert!((step..=step + 1).contains(&found), "{what}");
            assert_eq!(work(&journal, epoch, found).0, STEPS.len(), "{what}");
        }
        assert_eq!(stored(&journal, &what), STEPS.len());
    }
    assert!(
        stopped_at.len() > 1,
        "it was always full at once: {stopped_at:?}"
    );
}

#[test]
fn a_flipped_bit_is_noticed_or_makes_no_difference() {
    let crashed = || {
        let disk = SimulatedDisk::new();
        let journal = open(&disk).expect("a store");
        let epoch = journal.claim().expect("a claim");
        work(&journal, epoch, 0);
        disk.cut_power_after(1);
        drop(journal);
        disk.restart(1);
        disk
    };
    let mut noticed = 0;
    let sizes = {
        use layercake_engine::journal::Disk;
        [0, 1].map(|part| crashed().part(part).size_bytes().expect("a size"))
    };
    for (part, size) in (0..).zip(sizes) {
        for i in 0..150_u64 {
            let at = i * 7919 * 13 % size;
            let disk = crashed();
            disk.part(part).flip_bit(at, (i % 8) as u8);
            let what = format!("part {part}, byte {at}");
            let Ok(journal) = open(&disk) else {
                noticed += 1;
                continue;
            };
            match journal.check() {
                Ok(damages) if damages.is_empty() => {
                    // The last entry of a log is the one that may be missing.
                    let found = stored(&journal, &what);
                    assert!(found + 1 >= STEPS.len(), "{what}: {found} steps");
                }
                Ok(_) | Err(_) => noticed += 1,
            }
        }
    }
    assert!(noticed > 5, "no flip was noticed: {noticed}");
}
