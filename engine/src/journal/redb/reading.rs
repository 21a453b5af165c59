//! Reading: records with their values put back, and the answers to questions.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};
use serde_json::Value;

use super::store::number;
use super::tables::{
    ACTIVE, DEFINITIONS, EPOCH_KEY, FORMAT_KEY, INBOX, KEYS, META, PAYLOADS, QUESTIONS, RECORDS,
    ROUTINES, ROWS, SNAPSHOTS, TAKEN, TIMERS, due_of, last_of, question_key, record_key,
    run_at_end, run_at_start, taken_key, timer_key,
};
use super::{failed, index};
use crate::journal::error::storage_error;
use crate::journal::payload::hydrate;
use crate::journal::{
    Answer, Disk, Epoch, InboxItem, JournalError, Publication, Query, Snapshot, StoreFacts, codec,
    stored,
};
use crate::{Digest, EffectId, Record, RunId, Sequence, Timestamp};

/// Returns records of a run from a number on.
pub(super) fn records(
    txn: &ReadTransaction,
    run: RunId,
    from: Sequence,
    limit: usize,
) -> Result<Vec<Record>, JournalError> {
    let table = txn.open_table(RECORDS).map_err(failed)?;
    let payloads = txn.open_table(PAYLOADS).map_err(failed)?;
    let mut load = |digest: Digest| match value(&payloads, digest)? {
        Some(value) => Ok(value),
        None => Err(JournalError::Damaged(format!(
            "the value {digest} is missing"
        ))),
    };
    let mut found = Vec::new();
    let range = record_key(run, from)..=record_key(run, Sequence::MAX);
    for entry in table.range(range).map_err(failed)? {
        if found.len() >= limit {
            break;
        }
        let (key, bytes) = entry.map_err(failed)?;
        for slim in stored::decode(bytes.value(), run, last_of(key.value()))? {
            let mut record = slim.record;
            if record.seq >= from {
                hydrate(&mut record.kind, slim.slot, &mut load)?;
                found.push(record);
            }
        }
    }
    Ok(found)
}

/// Returns a payload.
fn value(
    payloads: &impl ReadableTable<[u8; 32], &'static [u8]>,
    digest: Digest,
) -> Result<Option<Value>, JournalError> {
    match payloads.get(digest.as_bytes()).map_err(failed)? {
        Some(bytes) => codec::decode(bytes.value(), "a value").map(Some),
        None => Ok(None),
    }
}

/// Answers a question.
pub(super) fn answer(
    txn: &ReadTransaction,
    query: &Query,
    disk: &dyn Disk,
) -> Result<Answer, JournalError> {
    Ok(match query {
        Query::Row(run) => {
            let rows = txn.open_table(ROWS).map_err(failed)?;
            let bytes = rows.get(run.to_bytes()).map_err(failed)?;
            let row = bytes
                .map(|bytes| index::decode_row(bytes.value()))
                .transpose()?;
            Answer::Row(row.map(Box::new))
        }
        Query::Key(key) => {
            let keys = txn.open_table(KEYS).map_err(failed)?;
            let run = keys.get(key.as_str()).map_err(failed)?;
            Answer::Key(run.map(|run| RunId::from_bytes(run.value())))
        }
        Query::Active { after, limit } => Answer::Active(active(txn, *after, *limit)?),
        Query::Due {
            after,
            until,
            limit,
        } => Answer::Due(due(txn, *after, *until, *limit)?),
        Query::Snapshot(run) => Answer::Snapshot(snapshot(txn, *run)?),
        Query::Taken { run, mark } => {
            let taken = txn.open_table(TAKEN).map_err(failed)?;
            let entry = taken.get(taken_key(*run, *mark)).map_err(failed)?;
            Answer::Taken(entry.is_some())
        }
        Query::Inbox { run, limit } => Answer::Inbox(inbox(txn, *run, *limit)?),
        Query::InboxItem(id) => Answer::InboxItem(inbox_item(txn, *id)?.map(Box::new)),
        Query::Payload(digest) => {
            let payloads = txn.open_table(PAYLOADS).map_err(failed)?;
            Answer::Payload(value(&payloads, *digest)?)
        }
        Query::Definition(digest) => {
            let definitions = txn.open_table(DEFINITIONS).map_err(failed)?;
            let source = definitions.get(digest.as_bytes()).map_err(failed)?;
            Answer::Definition(source.map(|source| source.value().to_owned()))
        }
        Query::Routines { prefix, limit } => Answer::Routines(routines(txn, prefix, *limit)?),
        Query::Store => Answer::Store(facts(txn, disk)?),
    })
}

fn active(
    txn: &ReadTransaction,
    after: Option<RunId>,
    limit: usize,
) -> Result<Vec<RunId>, JournalError> {
    let table = txn.open_table(ACTIVE).map_err(failed)?;
    let low = after.map_or([0; 16], RunId::to_bytes);
    let range = table.range(low..).map_err(failed)?;
    let mut found = Vec::new();
    for entry in range {
        let run = RunId::from_bytes(entry.map_err(failed)?.0.value());
        if found.len() == limit {
            break;
        }
        if Some(run) != after {
            found.push(run);
        }
    }
    Ok(found)
}

fn due(
    txn: &ReadTransaction,
    after: Option<(Timestamp, RunId)>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<(Timestamp, RunId)>, JournalError> {
    let table = txn.open_table(TIMERS).map_err(failed)?;
    let low = match after {
        Some((due, run)) => Bound::Excluded(timer_key(due, run)),
        None => Bound::Unbounded,
    };
    let high = timer_key(until, RunId::from_bytes([u8::MAX; 16]));
    if after.is_some_and(|(due, run)| timer_key(due, run) >= high) {
        return Ok(Vec::new());
    }
    let range = table.range::<[u8; 24]>((low, Bound::Included(high)));
    range
        .map_err(failed)?
        .take(limit)
        .map(|entry| {
            let key = entry.map_err(failed)?.0.value();
            Ok((due_of(key), run_at_end(&key)))
        })
        .collect()
}

fn snapshot(txn: &ReadTransaction, run: RunId) -> Result<Option<Snapshot>, JournalError> {
    let table = txn.open_table(SNAPSHOTS).map_err(failed)?;
    let Some(bytes) = table.get(run.to_bytes()).map_err(failed)? else {
        return Ok(None);
    };
    match bytes.value().split_first_chunk() {
        Some((seq, state)) => Ok(Some(Snapshot {
            seq: Sequence::from_be_bytes(*seq),
            state: state.to_vec(),
        })),
        None => Err(JournalError::Damaged(format!(
            "the snapshot of run {run} is cut off"
        ))),
    }
}

fn inbox(
    txn: &ReadTransaction,
    run: Option<RunId>,
    limit: usize,
) -> Result<Vec<InboxItem>, JournalError> {
    let table = txn.open_table(INBOX).map_err(failed)?;
    let (mut low, mut high) = ([0; 48], [u8::MAX; 48]);
    if let Some(run) = run {
        low[..16].copy_from_slice(&run.to_bytes());
        high[..16].copy_from_slice(&run.to_bytes());
    }
    let range = table.range(low..=high).map_err(failed)?;
    range
        .take(limit)
        .map(|entry| codec::decode(entry.map_err(failed)?.1.value(), "a question"))
        .collect()
}

fn inbox_item(txn: &ReadTransaction, id: EffectId) -> Result<Option<InboxItem>, JournalError> {
    let questions = txn.open_table(QUESTIONS).map_err(failed)?;
    let Some(run) = questions.get(id.digest().as_bytes()).map_err(failed)? else {
        return Ok(None);
    };
    let run = run_at_start(&run.value());
    let inbox = txn.open_table(INBOX).map_err(failed)?;
    match inbox.get(question_key(run, id)).map_err(failed)? {
        Some(bytes) => codec::decode(bytes.value(), "a question").map(Some),
        None => Err(JournalError::Damaged(format!(
            "question {id} is indexed, but missing"
        ))),
    }
}

fn routines(
    txn: &ReadTransaction,
    prefix: &str,
    limit: usize,
) -> Result<Vec<Publication>, JournalError> {
    let table = txn.open_table(ROUTINES).map_err(failed)?;
    let mut found = Vec::new();
    for entry in table.range(prefix..).map_err(failed)? {
        let (name, bytes) = entry.map_err(failed)?;
        if found.len() == limit || !name.value().starts_with(prefix) {
            break;
        }
        found.push(codec::decode(bytes.value(), "a publication")?);
    }
    Ok(found)
}

fn facts(txn: &ReadTransaction, disk: &dyn Disk) -> Result<StoreFacts, JournalError> {
    let meta = txn.open_table(META).map_err(failed)?;
    let rows = txn.open_table(ROWS).map_err(failed)?;
    Ok(StoreFacts {
        format: number(&meta, FORMAT_KEY)?,
        epoch: Epoch::new(number(&meta, EPOCH_KEY)?),
        runs: rows.len().map_err(failed)?,
        size_bytes: disk.size_bytes().map_err(storage_error)?,
    })
}
