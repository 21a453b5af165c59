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
    let journal = RedbJournal::on_disk(Arc::new(disk.clone()), options).expect("a store");
    let epoch = journal.claim().expect("a claim");
    let id = run(1);
    journal
        .append(epoch, &[first_batch(id).into()])
        .expect("an append");
    disk.limit(Some(disk.size_bytes().expect("a size")));
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
    let again = journal
        .append(epoch, &[step(seq).into()])
        .expect_err("still full");
    assert!(matches!(again, JournalError::Full(_)), "{again}");
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
    let journal = RedbJournal::on_disk(Arc::new(disk.clone()), options).expect("a store");
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
    let journal = RedbJournal::on_disk(Arc::new(disk), options).expect("the store opens");
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
