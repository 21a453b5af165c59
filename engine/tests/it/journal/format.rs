//! What opening refuses: newer formats, foreign files, stores in use.

use std::path::Path;

use layercake_engine::journal::{Journal, JournalError, RedbJournal, Remedy};

use super::sample::{first_batch, run};

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

fn refusal(path: &Path) -> JournalError {
    RedbJournal::open(path).expect_err("it must not open")
}

#[test]
fn a_store_of_a_newer_format_is_refused() {
    let folder = scratch();
    let path = folder.path().join("journal.redb");
    drop(RedbJournal::open(&path).expect("a new store"));
    {
        let database = redb::Database::open(&path).expect("the file opens");
        let txn = database.begin_write().expect("a transaction");
        let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
        let mut table = txn.open_table(meta).expect("the table");
        table.insert("format", 99).expect("an insert");
        drop(table);
        txn.commit().expect("a commit");
    }
    let error = refusal(&path);
    assert!(
        matches!(
            error,
            JournalError::NewerFormat {
                found: 99,
                supported: 2
            }
        ),
        "{error}"
    );
    assert_eq!(error.remedy(), Remedy::UpgradeProgram);
}

#[test]
fn a_store_in_use_is_refused_until_it_is_closed() {
    let folder = scratch();
    let path = folder.path().join("journal.redb");
    let journal = RedbJournal::open(&path).expect("a new store");
    let error = refusal(&path);
    assert!(matches!(error, JournalError::InUse), "{error}");
    assert_eq!(error.remedy(), Remedy::AskOwner);
    drop(journal);
    RedbJournal::open(&path).expect("the store is free again");
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let folder = scratch();
    let path = folder.path().join("letter.txt");
    let text = "Dear Sir or Madam, ".repeat(1000);
    std::fs::write(&path, &text).expect("a file");
    let error = refusal(&path);
    assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), text);
}

#[test]
fn a_flipped_bit_is_noticed_by_the_check() {
    use std::sync::Arc;

    use layercake_engine::journal::{JournalOptions, SimulatedDisk};
    let disk = SimulatedDisk::new();
    let options = JournalOptions::default();
    let batch = super::sample::finished(run(1), 2, super::sample::large('m', 20_000));
    {
        let journal =
            RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options)
                .expect("a store");
        let epoch = journal.claim().expect("a claim");
        let mut first = first_batch(run(1));
        first.records.push(batch);
        journal.append(epoch, &[first.into()]).expect("an append");
    }
    let offset = disk.find(&[b'm'; 64]).expect("the value is on the disk");
    disk.flip_bit(offset + 100, 1);
    let journal = RedbJournal::on_disks(Arc::new(disk.part(0)), Arc::new(disk.part(1)), options);
    let noticed = match journal {
        Ok(journal) => journal.check().map_or(true, |damages| !damages.is_empty()),
        Err(_) => true,
    };
    assert!(noticed, "a damaged value passed the check");
}
