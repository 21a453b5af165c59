//! Writing: the changes of one append, table by table, in one transaction.

use redb::{ReadableTable, Table, WriteTransaction};

use super::change::{Change, Progress};
use super::failed;
use super::index;
use super::tables::{
    DEFINITIONS, INBOX, PAYLOADS, QUESTIONS, RECORDS, REFERENCES, ROUTINES, SNAPSHOTS, TAKEN,
    last_of, question_key, record_key, reference_key, taken_key,
};
use crate::journal::payload::references;
use crate::journal::{JournalError, Publication, StoredDefinition, codec, stored};
use crate::{Digest, RunId, Sequence};

/// Writes everything; the caller commits, or drops the transaction after a refusal.
pub(super) fn write(txn: &WriteTransaction, changes: &[Change]) -> Result<(), JournalError> {
    write_definitions(txn, changes)?;
    let progress: Vec<&Progress> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Run(progress) => Some(&**progress),
            Change::Define(_) | Change::Publish(_) | Change::Remove(_) => None,
        })
        .collect();
    write_records(txn, &progress)?;
    write_payloads(txn, &progress)?;
    index::write_rows(txn, &progress)?;
    write_inbox(txn, &progress)?;
    write_snapshots(txn, &progress)?;
    write_marks(txn, &progress)?;
    for change in changes {
        if let Change::Remove(run) = change {
            remove(txn, *run)?;
        }
    }
    Ok(())
}

fn write_definitions(txn: &WriteTransaction, changes: &[Change]) -> Result<(), JournalError> {
    let concerned = |change: &Change| matches!(change, Change::Define(_) | Change::Publish(_));
    if !changes.iter().any(concerned) {
        return Ok(());
    }
    let mut definitions = txn.open_table(DEFINITIONS).map_err(failed)?;
    let mut routines = txn.open_table(ROUTINES).map_err(failed)?;
    for change in changes {
        match change {
            Change::Define(StoredDefinition { digest, source }) => {
                let key = digest.as_bytes();
                if definitions.get(key).map_err(failed)?.is_none() {
                    definitions.insert(key, source.as_str()).map_err(failed)?;
                }
            }
            Change::Publish(publication) => {
                let key = publication.digest.as_bytes();
                if definitions.get(key).map_err(failed)?.is_none() {
                    return Err(JournalError::UnknownDefinition(publication.digest));
                }
                publish(&mut routines, publication)?;
            }
            Change::Run(_) | Change::Remove(_) => {}
        }
    }
    Ok(())
}

fn publish(
    routines: &mut Table<'_, &str, &[u8]>,
    publication: &Publication,
) -> Result<(), JournalError> {
    let name = publication.name.as_str();
    let stored: Option<Publication> = match routines.get(name).map_err(failed)? {
        Some(bytes) => Some(codec::decode(bytes.value(), "a publication")?),
        None => None,
    };
    match stored {
        Some(stored) if stored.digest == publication.digest => Ok(()),
        Some(stored) => Err(JournalError::AlreadyPublished {
            name: stored.name,
            digest: stored.digest,
        }),
        None => {
            let bytes = codec::encode(publication);
            routines.insert(name, bytes.as_slice()).map_err(failed)?;
            Ok(())
        }
    }
}

fn write_records(txn: &WriteTransaction, progress: &[&Progress]) -> Result<(), JournalError> {
    if progress.iter().all(|progress| progress.seqs.is_none()) {
        return Ok(());
    }
    let mut table = txn.open_table(RECORDS).map_err(failed)?;
    for progress in progress {
        let Some((first, last)) = progress.seqs else {
            continue;
        };
        let run = progress.run;
        let expected = last_seq(&table, run)? + 1;
        if first != expected {
            return Err(JournalError::OutOfOrder {
                run,
                expected,
                found: first,
            });
        }
        table
            .insert(record_key(run, last), progress.records.as_slice())
            .map_err(failed)?;
    }
    Ok(())
}

/// Returns the number of the run's last record; zero when it has none.
pub(super) fn last_seq(
    table: &impl ReadableTable<[u8; 24], &'static [u8]>,
    run: RunId,
) -> Result<Sequence, JournalError> {
    let range = record_key(run, 0)..=record_key(run, Sequence::MAX);
    let mut range = table.range(range).map_err(failed)?;
    match range.next_back() {
        Some(entry) => Ok(last_of(entry.map_err(failed)?.0.value())),
        None => Ok(0),
    }
}

fn write_payloads(txn: &WriteTransaction, progress: &[&Progress]) -> Result<(), JournalError> {
    let concerned = |p: &&Progress| !p.payloads.is_empty() || !p.borrowed.is_empty();
    if !progress.iter().any(concerned) {
        return Ok(());
    }
    let mut payloads = txn.open_table(PAYLOADS).map_err(failed)?;
    let mut refs = txn.open_table(REFERENCES).map_err(failed)?;
    for progress in progress {
        let run = progress.run;
        for (digest, bytes) in &progress.payloads {
            if payloads.get(digest.as_bytes()).map_err(failed)?.is_none() {
                payloads
                    .insert(digest.as_bytes(), bytes.as_slice())
                    .map_err(failed)?;
            }
            refs.insert(reference_key(*digest, run), ())
                .map_err(failed)?;
        }
        for digest in &progress.borrowed {
            if payloads.get(digest.as_bytes()).map_err(failed)?.is_none() {
                return Err(JournalError::UnknownPayload(*digest));
            }
            refs.insert(reference_key(*digest, run), ())
                .map_err(failed)?;
        }
    }
    Ok(())
}

fn write_inbox(txn: &WriteTransaction, progress: &[&Progress]) -> Result<(), JournalError> {
    let concerned = |p: &&Progress| !p.opened.is_empty() || !p.closed.is_empty();
    if !progress.iter().any(concerned) {
        return Ok(());
    }
    let mut inbox = txn.open_table(INBOX).map_err(failed)?;
    let mut questions = txn.open_table(QUESTIONS).map_err(failed)?;
    for progress in progress {
        for (id, item) in &progress.opened {
            inbox
                .insert(question_key(progress.run, *id), item.as_slice())
                .map_err(failed)?;
            questions
                .insert(id.digest().as_bytes(), progress.run.to_bytes())
                .map_err(failed)?;
        }
        for id in &progress.closed {
            inbox
                .remove(question_key(progress.run, *id))
                .map_err(failed)?;
            questions.remove(id.digest().as_bytes()).map_err(failed)?;
        }
    }
    Ok(())
}

fn write_snapshots(txn: &WriteTransaction, progress: &[&Progress]) -> Result<(), JournalError> {
    if progress.iter().all(|progress| progress.snapshot.is_none()) {
        return Ok(());
    }
    let mut table = txn.open_table(SNAPSHOTS).map_err(failed)?;
    for progress in progress {
        if let Some(snapshot) = &progress.snapshot {
            table
                .insert(progress.run.to_bytes(), snapshot.as_slice())
                .map_err(failed)?;
        }
    }
    Ok(())
}

fn write_marks(txn: &WriteTransaction, progress: &[&Progress]) -> Result<(), JournalError> {
    if progress.iter().all(|progress| progress.taken.is_empty()) {
        return Ok(());
    }
    let mut table = txn.open_table(TAKEN).map_err(failed)?;
    for progress in progress {
        for mark in &progress.taken {
            table
                .insert(taken_key(progress.run, *mark), ())
                .map_err(failed)?;
        }
    }
    Ok(())
}

/// Removes a run that has ended, and the values that only it refers to.
fn remove(txn: &WriteTransaction, run: RunId) -> Result<(), JournalError> {
    if !index::remove_row(txn, run)? {
        return Ok(());
    }
    let mut found = Vec::new();
    {
        let mut records = txn.open_table(RECORDS).map_err(failed)?;
        let range = record_key(run, 0)..=record_key(run, Sequence::MAX);
        let removed = records
            .extract_from_if(range, |_, _| true)
            .map_err(failed)?;
        for entry in removed {
            let (key, bytes) = entry.map_err(failed)?;
            for slim in stored::decode(bytes.value(), run, last_of(key.value()))? {
                found.extend(references(&slim.record.kind, slim.slot));
            }
        }
    }
    remove_references(txn, run, &found)?;
    let mut snapshots = txn.open_table(SNAPSHOTS).map_err(failed)?;
    snapshots.remove(run.to_bytes()).map_err(failed)?;
    let (low, high) = all_of(run);
    let mut taken = txn.open_table(TAKEN).map_err(failed)?;
    taken.retain_in(low..=high, |_, ()| false).map_err(failed)?;
    let mut inbox = txn.open_table(INBOX).map_err(failed)?;
    let mut questions = txn.open_table(QUESTIONS).map_err(failed)?;
    let removed = inbox
        .extract_from_if(low..=high, |_, _| true)
        .map_err(failed)?;
    for entry in removed {
        let key = entry.map_err(failed)?.0.value();
        let effect: [u8; 32] = *key.last_chunk().expect("the key ends with an effect");
        questions.remove(effect).map_err(failed)?;
    }
    Ok(())
}

/// Returns the bounds of the keys that begin with a run and go on with 32 bytes.
fn all_of(run: RunId) -> ([u8; 48], [u8; 48]) {
    let (mut low, mut high) = ([0; 48], [u8::MAX; 48]);
    low[..16].copy_from_slice(&run.to_bytes());
    high[..16].copy_from_slice(&run.to_bytes());
    (low, high)
}

fn remove_references(
    txn: &WriteTransaction,
    run: RunId,
    found: &[Digest],
) -> Result<(), JournalError> {
    let mut payloads = txn.open_table(PAYLOADS).map_err(failed)?;
    let mut refs = txn.open_table(REFERENCES).map_err(failed)?;
    for digest in found {
        refs.remove(reference_key(*digest, run)).map_err(failed)?;
        let low = reference_key(*digest, RunId::from_bytes([0; 16]));
        let high = reference_key(*digest, RunId::from_bytes([u8::MAX; 16]));
        let orphan = refs.range(low..=high).map_err(failed)?.next().is_none();
        if orphan {
            payloads.remove(digest.as_bytes()).map_err(failed)?;
        }
    }
    Ok(())
}
