//! The changes of one append, encoded: what goes to the log, and from there or directly to
//! the tables.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::journal::payload::{Shelf, references};
use crate::journal::{Batch, JournalError, Publication, StoredDefinition, Write, codec, stored};
use crate::{Digest, EffectId, Record, RunId, Sequence};

/// One write, encoded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// Progress of one run.
    Run(Box<Progress>),
    /// The text of a definition.
    Define(StoredDefinition),
    /// A version of a routine.
    Publish(Publication),
    /// A run that is removed.
    Remove(RunId),
}

/// Progress of one run, encoded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) run: RunId,
    /// The first and the last record, if there are any.
    pub(super) seqs: Option<(Sequence, Sequence)>,
    pub(super) records: Bytes,
    pub(super) payloads: Vec<(Digest, Bytes)>,
    /// Values that the records refer to although they do not come with them.
    pub(super) borrowed: Vec<Digest>,
    pub(super) row: Option<Bytes>,
    pub(super) opened: Vec<(EffectId, Bytes)>,
    pub(super) closed: Vec<EffectId>,
    pub(super) snapshot: Option<Bytes>,
    pub(super) taken: Vec<Digest>,
}

/// Encodes the writes of an append, before anything is locked.
pub(super) fn changes_of(writes: &[Write]) -> Result<Vec<Change>, JournalError> {
    writes.iter().map(change_of).collect()
}

fn change_of(write: &Write) -> Result<Change, JournalError> {
    Ok(match write {
        Write::Run(batch) => Change::Run(Box::new(progress_of(batch)?)),
        Write::Define(definition) => Change::Define(definition.clone()),
        Write::Publish(publication) => Change::Publish(publication.clone()),
        Write::Remove(run) => Change::Remove(*run),
    })
}

fn progress_of(batch: &Batch) -> Result<Progress, JournalError> {
    let mut shelf = Shelf::default();
    let records = stored::encode(&batch.records, &mut shelf)?;
    let opened = batch.opened.iter();
    Ok(Progress {
        run: batch.run,
        seqs: seqs_of(batch.run, &batch.records)?,
        records: Bytes(records),
        payloads: shelf
            .payloads
            .into_iter()
            .map(|(digest, bytes)| (digest, Bytes(bytes)))
            .collect(),
        borrowed: batch
            .records
            .iter()
            .flat_map(|record| references(&record.kind, None))
            .collect(),
        row: batch.row.as_ref().map(|row| Bytes(codec::encode(row))),
        opened: opened
            .map(|item| (item.id, Bytes(codec::encode(item))))
            .collect(),
        closed: batch.closed.clone(),
        snapshot: batch.snapshot.as_ref().map(|snapshot| {
            let mut bytes = snapshot.seq.to_be_bytes().to_vec();
            bytes.extend_from_slice(&snapshot.state);
            Bytes(bytes)
        }),
        taken: batch.taken.clone(),
    })
}

/// Returns the first and the last number of records without gaps.
fn seqs_of(run: RunId, records: &[Record]) -> Result<Option<(Sequence, Sequence)>, JournalError> {
    let Some(first) = records.first() else {
        return Ok(None);
    };
    for (expected, record) in (first.seq..).zip(records) {
        if record.seq != expected {
            return Err(JournalError::OutOfOrder {
                run,
                expected,
                found: record.seq,
            });
        }
    }
    Ok(Some((first.seq, first.seq + records.len() as u64 - 1)))
}

/// Bytes that are stored as such, and not number by number.
#[derive(PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;
        impl Visitor<'_> for BytesVisitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}
