//! Full disks and failing devices, and how the journal recovers with them.

use std::sync::Arc;

use layercake_engine::journal::{
    Batch, Disk, FileDisk, Journal, JournalError, JournalOptions, JournalReads, RedbJournal,
    Remedy, SimulatedDisk,
};

use super::sample::{finished, first_batch, large, run};

#[test]
fn a_full_disk_is_its_own_error_and_heals() {
    let disk = SimulatedDisk::new();
    let options = JournalOptions::default();
    let journal = RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options)
        .expect("a store");
    let epoch = journal.claim().expect("a claim");
    let id = run(1);
    journal
        .append(epoch, &[first_batch(id).into()])
        .expect("an append");
    disk.limit(Some(disk.used_bytes()));
    let step = |seq: u64| {
        let letter = char::from(b'a' + (seq % 26) as u8);
        Batch::of_records(id, vec![finished(id, seq, large(letter, 100_000))])
    };
    let mut seq = 2;
    let error = loop {
        match journal.append(epoch, &[step(seq).into()]) {
            Ok(()) => seq += 1,
            Err(error) => break error,
        }
        assert!(seq < 1000, "the disk never fills");
    };
    assert!(matches!(error, JournalError::Full(_)), "{error}");
    assert_eq!(error.remedy(), Remedy::FreeSpace);
    // Opening the store again may have made room for a little more, or not.
    match journal.append(epoch, &[step(seq).into()]) {
        Ok(()) => seq += 1,
        Err(again) => assert!(matches!(again, JournalError::Full(_)), "{again}"),
    }
    let records = journal.records(id, 1, usize::MAX).expect("reading goes on");
    assert_eq!(
        records.len() as u64,
        seq - 1,
        "what was acknowledged is there"
    );

    disk.limit(None);
    journal
        .append(epoch, &[step(seq).into()])
        .expect("there is room again");
    let records = journal.records(id, 1, usize::MAX).expect("records");
    assert_eq!(records.len() as u64, seq);
    assert_eq!(journal.check().expect("a check"), []);
}

#[test]
fn settling_makes_the_next_opening_quick_and_changes_nothing() {
    let disk = SimulatedDisk::new();
    let options = JournalOptions::default();
    let journal = RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options)
        .expect("a store");
    let epoch = journal.claim().expect("a claim");
    journal
        .append(epoch, &[first_batch(run(1)).into()])
        .expect("an append");
    journal.settle().expect("it settles");
    let operations = disk.operations();
    journal.settle().expect("nothing to do");
    assert_eq!(disk.operations(), operations);
    disk.cut_power_after(1);
    drop(journal);
    disk.restart(1);
    let journal = RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options)
        .expect("the store opens");
    assert_eq!(journal.facts().expect("facts").runs, 1);
}

#[test]
fn a_file_grows_by_zeros_and_keeps_what_is_written_anywhere() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("disk");
    let size = 5 << 20;
    let places = [4 << 20, 100, (1 << 20) - 5, 3 << 20];
    {
        let disk = FileDisk::open(&path).expect("a disk");
        disk.resize(size).expect("room");
        for place in places {
            disk.write(place, b"ninechars").expect("a write");
        }
        disk.flush().expect("a flush");
    }
    let disk = FileDisk::open(&path).expect("the disk");
    let mut all = vec![1; size as usize];
    disk.read(0, &mut all).expect("all of it");
    for place in places {
        let place = place as usize;
        assert_eq!(&all[place..place + 9], b"ninechars");
        all[place..place + 9].fill(0);
    }
    assert!(all.iter().all(|byte| *byte == 0), "everything else is zero");
}

/// A store with some entries in its log, as a crash leaves it.
fn crashed_with_a_log() -> (SimulatedDisk, u64) {
    let disk = SimulatedDisk::new();
    let options = JournalOptions::default();
    let journal = RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options)
        .expect("a store");
    let epoch = journal.claim().expect("a claim");
    let id = run(1);
    journal
        .append(epoch, &[first_batch(id).into()])
        .expect("an append");
    for seq in 2..=5 {
        let letter = char::from(b'a' + seq as u8);
        let batch = Batch::of_records(id, vec![finished(id, seq, large(letter, 600))]);
        journal.append(epoch, &[batch.into()]).expect("an append");
    }
    disk.cut_power_after(1);
    drop(journal);
    disk.restart(3);
    (disk, 5)
}

fn reopen(data: &SimulatedDisk, log: &SimulatedDisk) -> Result<RedbJournal, JournalError> {
    let (data, log) = (Arc::new(data.clone()), Arc::new(log.clone()));
    RedbJournal::on_disks(data, log, JournalOptions::default())
}

#[test]
fn what_only_the_log_has_is_taken_in() {
    let (disk, records) = crashed_with_a_log();
    for _ in 0..2 {
        let journal = reopen(&disk.part(0), &disk.part(1)).expect("the store opens");
        let found = journal.records(run(1), 1, 100).expect("records");
        assert_eq!(found.len() as u64, records);
        assert_eq!(journal.check().expect("a check"), []);
        // Ending in good order makes the tables complete; the log is then not needed.
    }
    let journal = reopen(&disk.part(0), &SimulatedDisk::new()).expect("the store opens");
    let found = journal.records(run(1), 1, 100).expect("records");
    assert_eq!(found.len() as u64, records);
}

#[test]
fn a_damaged_entry_in_the_middle_of_the_log_is_never_passed_over() {
    for at in [10, 20, 70, 500] {
        let (disk, _) = crashed_with_a_log();
        disk.part(1).flip_bit(2 * 4096 + at, 2);
        let error = reopen(&disk.part(0), &disk.part(1)).expect_err("it is damaged");
        assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    }
}

#[test]
fn a_log_that_another_store_left_behind_is_not_taken_in() {
    let (disk, _) = crashed_with_a_log();
    let fresh = SimulatedDisk::new();
    for round in 1..4 {
        let journal = reopen(&fresh, &disk.part(1)).expect("a new store");
        let epoch = journal.claim().expect("a claim");
        let mut batch = first_batch(run(round));
        batch.row.as_mut().expect("it has one").last_seq = 1;
        journal.append(epoch, &[batch.into()]).expect("an append");
        assert_eq!(journal.facts().expect("facts").runs, round);
        // The process falls: the tables know nothing of the append.
        fresh.cut_power_after(1);
        drop(journal);
        fresh.restart(round);
        let journal = reopen(&fresh, &disk.part(1)).expect("the store opens");
        assert_eq!(journal.facts().expect("facts").runs, round);
        assert_eq!(journal.check().expect("a check"), []);
    }
}

#[test]
fn a_log_that_is_needed_and_missing_is_damage() {
    let (disk, _) = crashed_with_a_log();
    let error = reopen(&disk.part(0), &SimulatedDisk::new()).expect_err("it is missing");
    assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn a_file_that_is_no_log_is_left_alone() {
    let log = SimulatedDisk::new();
    log.resize(9_000).expect("room");
    log.write(0, b"Dear Sir or Madam").expect("a write");
    let error = reopen(&SimulatedDisk::new(), &log).expect_err("it is no log");
    assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    let mut begin = [0; 17];
    log.read(0, &mut begin).expect("the file");
    assert_eq!(&begin, b"Dear Sir or Madam");
}

#[test]
fn the_check_notices_a_log_that_goes_bad_in_use() {
    let disk = SimulatedDisk::new();
    let journal = reopen(&disk.part(0), &disk.part(1)).expect("a store");
    let epoch = journal.claim().expect("a claim");
    for n in 1..4 {
        let batch = first_batch(run(n));
        journal.append(epoch, &[batch.into()]).expect("an append");
    }
    disk.part(1).flip_bit(2 * 4096 + 100, 0);
    let damages = journal.check().expect("a check");
    assert!(
        damages.iter().any(|damage| damage.table == "log"),
        "{damages:?}"
    );
    // Nothing is lost as long as the store is open: the next checkpoint has it all.
    journal.settle().expect("a checkpoint");
    assert_eq!(journal.check().expect("a check"), []);
}

/// A copy was put in the place of a store, and its log forgotten beside it.
#[test]
fn a_restored_copy_does_not_take_the_old_log_for_its_own() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let (path, copy) = (
        folder.path().join("journal.redb"),
        folder.path().join("copy"),
    );
    let journal = RedbJournal::open(&path).expect("a store");
    let epoch = journal.claim().expect("a claim");
    journal
        .append(epoch, &[first_batch(run(1)).into()])
        .expect("an append");
    journal.copy_to(&copy).expect("a copy");
    journal
        .append(epoch, &[first_batch(run(2)).into()])
        .expect("an append");
    // As a crash leaves the log.
    let log = std::fs::read(folder.path().join("journal.wal")).expect("the log");
    drop(journal);
    for _ in 0..2 {
        std::fs::write(folder.path().join("journal.wal"), &log).expect("the old log");
        std::fs::copy(&copy, &path).expect("the copy is restored");
        for _ in 0..2 {
            let journal = RedbJournal::open(&path).expect("the copy opens");
            journal.claim().expect("a claim");
            assert_eq!(journal.facts().expect("facts").runs, 1);
            assert_eq!(journal.check().expect("a check"), []);
        }
    }
}
