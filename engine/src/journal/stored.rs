//! The stored form of the records of one step: what repeats in a batch is stored once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::payload::{Shelf, Shelved};
use super::{JournalError, codec};
use crate::{Actor, CostEntry, Digest, Record, RecordKind, RunId, Sequence, TaskKey, Timestamp};

/// A record as it is stored, with its large values elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SlimRecord {
    /// The record.
    pub(super) record: Record,
    /// The value that the kind has no reference for.
    pub(super) slot: Option<Shelved>,
}

#[derive(Serialize)]
struct BatchOut<'a> {
    at: Timestamp,
    definition: Digest,
    versions: &'a BTreeMap<String, String>,
    records: Vec<RecordOut<'a>>,
}

#[derive(Serialize)]
struct RecordOut<'a> {
    format: u16,
    later_ms: i64,
    task: Option<&'a TaskKey>,
    attempt: u32,
    kind: Cow<'a, RecordKind>,
    slot: Option<Shelved>,
    reads: &'a [Digest],
    caused_by: &'a [Sequence],
    output: Option<Digest>,
    definition: Option<Digest>,
    versions: Option<&'a BTreeMap<String, String>>,
    actor: &'a Actor,
    costs: &'a [CostEntry],
}

#[derive(Deserialize)]
struct BatchIn {
    at: Timestamp,
    definition: Digest,
    versions: BTreeMap<String, String>,
    records: Vec<RecordIn>,
}

#[derive(Deserialize)]
struct RecordIn {
    format: u16,
    later_ms: i64,
    task: Option<TaskKey>,
    attempt: u32,
    kind: RecordKind,
    slot: Option<Shelved>,
    reads: Vec<Digest>,
    caused_by: Vec<Sequence>,
    output: Option<Digest>,
    definition: Option<Digest>,
    versions: Option<BTreeMap<String, String>>,
    actor: Actor,
    costs: Vec<CostEntry>,
}

/// Encodes the records of one step; their large values go to the shelf.
pub(super) fn encode(records: &[Record], shelf: &mut Shelf) -> Result<Vec<u8>, JournalError> {
    let Some(first) = records.first() else {
        return Ok(Vec::new());
    };
    let mut out = BatchOut {
        at: first.at,
        definition: first.definition,
        versions: &first.versions,
        records: Vec::with_capacity(records.len()),
    };
    let mut task = None;
    for record in records {
        let (kind, slot) = shelf.slim(&record.kind)?;
        out.records.push(RecordOut {
            format: record.format,
            later_ms: record.at.as_millis() as i64 - first.at.as_millis() as i64,
            task: (task != Some(&record.task)).then_some(&record.task),
            attempt: record.attempt,
            kind,
            slot,
            reads: &record.reads,
            caused_by: &record.caused_by,
            output: record.output,
            definition: (record.definition != first.definition).then_some(record.definition),
            versions: (record.versions != first.versions).then_some(&record.versions),
            actor: &record.actor,
            costs: &record.costs,
        });
        task = Some(&record.task);
    }
    Ok(codec::encode(&out))
}

/// Decodes the records of one step, which ends with the record `last`.
pub(super) fn decode(
    bytes: &[u8],
    run: RunId,
    last: Sequence,
) -> Result<Vec<SlimRecord>, JournalError> {
    let batch: BatchIn = codec::decode(bytes, "a batch of records")?;
    let first = (last + 1)
        .checked_sub(batch.records.len() as u64)
        .filter(|first| *first > 0)
        .ok_or_else(|| {
            JournalError::Damaged(format!("a batch of run {run} has too many records"))
        })?;
    let mut task = TaskKey::root();
    let mut records = Vec::with_capacity(batch.records.len());
    for (seq, stored) in (first..).zip(batch.records) {
        task = stored.task.unwrap_or(task);
        records.push(SlimRecord {
            record: Record {
                format: stored.format,
                run,
                seq,
                at: Timestamp::from_millis(
                    batch.at.as_millis().saturating_add_signed(stored.later_ms),
                ),
                task: task.clone(),
                attempt: stored.attempt,
                kind: stored.kind,
                reads: stored.reads,
                caused_by: stored.caused_by,
                output: stored.output,
                definition: stored.definition.unwrap_or(batch.definition),
                versions: stored.versions.unwrap_or_else(|| batch.versions.clone()),
                actor: stored.actor,
                costs: stored.costs,
            },
            slot: stored.slot,
        });
    }
    Ok(records)
}
