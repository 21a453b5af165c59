//! Writing: everything of one append, table by table, in one transaction.

use redb::{ReadableTable, Table, WriteTransaction};

use super::failed;
use super::index;
use super::tables::{
    DEFINITIONS, INBOX, PAYLOADS, QUESTIONS, RECORDS, REFERENCES, ROUTINES, SNAPSHOTS, TAKEN,
    last_of, question_key, record_key, reference_key, taken_key,
};
use crate::journal::payload::{Shelf, references};
use crate::journal::{Batch, JournalError, Publication, Write, codec, stored};
use crate::{Digest, Record, RunId, Sequence};

/// The writes of one append, encoded before the transaction begins.
pub(super) struct Prepared<'a> {
    batches: Vec<Encoded<'a>>,
    writes: &'a [Write],
}

struct Encoded<'a> {
    batch: &'a Batch,
    records: Vec<u8>,
    payloads: Vec<(Digest, Vec<u8>)>,
    /// Values that the records refer to although the batch does not bring them.
    borrowed: Vec<Digest>,
}

/// Encodes everything, before anything is locked.
pub(super) fn prepare(writes: &[Write]) -> Result<Prepared<'_>, JournalError> {
    let mut batches = Vec::with_capacity(writes.len());
    for write in writes {
        if let Write::Run(batch) = write {
            let mut shelf = Shelf::default();
            batches.push(Encoded {
                records: stored::encode(&batch.records, &mut shelf)?,
                payloads: shelf.payloads,
                borrowed: borrowed(&batch.records),
                batch,
            });
        }
    }
    Ok(Prepared { batches, writes })
}

fn borrowed(records: &[Record]) -> Vec<Digest> {
    let kinds = records.iter().map(|record| &record.kind);
    kinds.flat_map(|kind| references(kind, None)).collect()
}

/// Writes everything; the caller commits, or drops the transaction after a refusal.
pub(super) fn write(txn: &WriteTransaction, prepared: Prepared<'_>) -> Result<(), JournalError> {
    let Prepared { batches, writes } = prepared;
    write_definitions(txn, writes)?;
    write_records(txn, &batches)?;
    write_payloads(txn, &batches)?;
    index::write_rows(txn, batches.iter().map(|encoded| encoded.batch))?;
    write_inbox(txn, &batches)?;
    write_snapshots(txn, &batches)?;
    write_marks(txn, &batches)?;
    for write in writes {
        if let Write::Remove(run) = write {
            remove(txn, *run)?;
        }
    }
    Ok(())
}

fn write_definitions(txn: &WriteTransaction, writes: &[Write]) -> Result<(), JournalError> {
    let concerned = |write: &Write| matches!(write, Write::Define(_) | Write::Publish(_));
    if !writes.iter().any(concerned) {
        return Ok(());
    }
    let mut definitions = txn.open_table(DEFINITIONS).map_err(failed)?;
    let mut routines = txn.open_table(ROUTINES).map_err(failed)?;
    for write in writes {
        match write {
            Write::Define(definition) => {
                let key = definition.digest.as_bytes();
                if definitions.get(key).map_err(failed)?.is_none() {
                    let source = definition.source.as_str();
                    definitions.insert(key, source).map_err(failed)?;
                }
            }
            Write::Publish(publication) => {
                if definitions
                    .get(publication.digest.as_bytes())
                    .map_err(failed)?
                    .is_none()
                {
                    return Err(JournalError::UnknownDefinition(publication.digest));
                }
                publish(&mut routines, publication)?;
            }
            Write::Run(_) | Write::Remove(_) => {}
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

fn write_records(txn: &WriteTransaction, batches: &[Encoded<'_>]) -> Result<(), JournalError> {
    if batches.is_empty() {
        return Ok(());
    }
    let mut table = txn.open_table(RECORDS).map_err(failed)?;
    for encoded in batches {
        let run = encoded.batch.run;
        if let Some(last) = encoded.batch.records.last() {
            require_order(run, last_seq(&table, run)? + 1, &encoded.batch.records)?;
            let bytes = encoded.records.as_slice();
            table
                .insert(record_key(run, last.seq), bytes)
                .map_err(failed)?;
        }
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

fn require_order(
    run: RunId,
    mut expected: Sequence,
    records: &[Record],
) -> Result<(), JournalError> {
    for record in records {
        if record.seq != expected {
            return Err(JournalError::OutOfOrder {
                run,
                expected,
                found: record.seq,
            });
        }
        expected += 1;
    }
    Ok(())
}

fn write_payloads(txn: &WriteTransaction, batches: &[Encoded<'_>]) -> Result<(), JournalError> {
    let concerned = |e: &Encoded<'_>| !e.payloads.is_empty() || !e.borrowed.is_empty();
    if !batches.iter().any(concerned) {
        return Ok(());
    }
    let mut payloads = txn.open_table(PAYLOADS).map_err(failed)?;
    let mut refs = txn.open_table(REFERENCES).map_err(failed)?;
    for encoded in batches {
        let run = encoded.batch.run;
        for (digest, bytes) in &encoded.payloads {
            if payloads.get(digest.as_bytes()).map_err(failed)?.is_none() {
                payloads
                    .insert(digest.as_bytes(), bytes.as_slice())
                    .map_err(failed)?;
            }
            refs.insert(reference_key(*digest, run), ())
                .map_err(failed)?;
        }
        for digest in &encoded.borrowed {
            if payloads.get(digest.as_bytes()).map_err(failed)?.is_none() {
                return Err(JournalError::UnknownPayload(*digest));
            }
            refs.insert(reference_key(*digest, run), ())
                .map_err(failed)?;
        }
    }
    Ok(())
}

fn write_inbox(txn: &WriteTransaction, batches: &[Encoded<'_>]) -> Result<(), JournalError> {
    let concerned = |e: &Encoded<'_>| !e.batch.opened.is_empty() || !e.batch.closed.is_empty();
    if !batches.iter().any(concerned) {
        return Ok(());
    }
    let mut inbox = txn.open_table(INBOX).map_err(failed)?;
    let mut questions = txn.open_table(QUESTIONS).map_err(failed)?;
    for batch in batches.iter().map(|encoded| encoded.batch) {
        for item in &batch.opened {
            let bytes = codec::encode(item);
            inbox
                .insert(question_key(batch.run, item.id), bytes.as_slice())
                .map_err(failed)?;
            questions
                .insert(item.id.digest().as_bytes(), batch.run.to_bytes())
                .map_err(failed)?;
        }
        for id in &batch.closed {
            inbox.remove(question_key(batch.run, *id)).map_err(failed)?;
            questions.remove(id.digest().as_bytes()).map_err(failed)?;
        }
    }
    Ok(())
}

fn write_snapshots(txn: &WriteTransaction, batches: &[Encoded<'_>]) -> Result<(), JournalError> {
    if batches
        .iter()
        .all(|encoded| encoded.batch.snapshot.is_none())
    {
        return Ok(());
    }
    let mut table = txn.open_table(SNAPSHOTS).map_err(failed)?;
    for batch in batches.iter().map(|encoded| encoded.batch) {
        if let Some(snapshot) = &batch.snapshot {
            let mut bytes = snapshot.seq.to_be_bytes().to_vec();
            bytes.extend_from_slice(&snapshot.state);
            table
                .insert(batch.run.to_bytes(), bytes.as_slice())
                .map_err(failed)?;
        }
    }
    Ok(())
}

fn write_marks(txn: &WriteTransaction, batches: &[Encoded<'_>]) -> Result<(), JournalError> {
    if batches.iter().all(|encoded| encoded.batch.taken.is_empty()) {
        return Ok(());
    }
    let mut table = txn.open_table(TAKEN).map_err(failed)?;
    for batch in batches.iter().map(|encoded| encoded.batch) {
        for mark in &batch.taken {
            table
                .insert(taken_key(batch.run, *mark), ())
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
    let mut inbox = txn.open_table(INBOX).map_err(failed)?;
    let mut questions = txn.open_table(QUESTIONS).map_err(failed)?;
    let (low, high) = all_of(run);
    let mut taken = txn.open_table(TAKEN).map_err(failed)?;
    taken.retain_in(low..=high, |_, ()| false).map_err(failed)?;
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
