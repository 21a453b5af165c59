//! The envelope of an event: position, time, and the hash of what stands before it.

use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SessionEvent, upcast};
use crate::digest::plain;
use crate::{Digest, SessionId, Timestamp};

/// The format that this version writes. Older formats are read for ever.
pub const SESSION_FORMAT: u16 = 2;

/// One entry of a session's log. Kind and body stay as they were stored, so that the chain of
/// hashes holds for ever; [`SessionRecord::event`] reads them in today's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRecord {
    /// The format that it was written in.
    pub format: u16,
    /// Its position, from 1, without gaps.
    pub seq: u64,
    /// The hash of the record before it; [`Digest::ZERO`] before the first.
    pub prev_hash: Digest,
    /// When it was written.
    pub at: Timestamp,
    /// The event's name, for instance `tool-settled`.
    pub kind: String,
    /// The event's content.
    pub body: Value,
}

impl SessionRecord {
    /// Wraps an event that follows a record with the given hash.
    pub fn wrap(event: &SessionEvent, seq: u64, prev_hash: Digest, at: Timestamp) -> Self {
        let value = plain(event);
        let Value::Object(mut members) = value else {
            unreachable!("an event is tagged with its kind");
        };
        let Some(Value::String(kind)) = members.remove("kind") else {
            unreachable!("an event is tagged with its kind");
        };
        Self {
            format: SESSION_FORMAT,
            seq,
            prev_hash,
            at,
            kind,
            body: members.remove("body").unwrap_or(Value::Null),
        }
    }

    /// Returns the hash of the whole record, which the next record carries.
    pub fn hash(&self) -> Digest {
        let head = format!(
            "{}\n{}\n{}\n{}\n{}",
            self.format,
            self.seq,
            self.prev_hash,
            self.at.as_millis(),
            self.kind
        );
        Digest::of_bytes(head.as_bytes()).then(Digest::of_value(&self.body))
    }

    /// Reads the event in today's words.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Newer`] for a format of a later version, and
    /// [`RecordError::Unreadable`] when the content does not fit its kind.
    pub fn event(&self) -> Result<SessionEvent, RecordError> {
        let newer = || RecordError::Newer {
            seq: self.seq,
            format: self.format,
        };
        let body = upcast::body(self.format, &self.kind, &self.body).ok_or_else(newer)?;
        let kind = Value::String(self.kind.clone());
        // The kind comes first, so that the body is read in place and never copied as a whole.
        let members = [("kind", &kind), ("body", &*body)];
        let members = MapDeserializer::<_, serde_json::Error>::new(members.into_iter());
        SessionEvent::deserialize(members).map_err(|source| RecordError::Unreadable {
            seq: self.seq,
            source,
        })
    }
}

/// Checks positions and hashes of a whole log and returns the hash of its last record.
pub(crate) fn verify_chain(
    session: &SessionId,
    records: &[SessionRecord],
) -> Result<Digest, RecordError> {
    let mut tip = Digest::ZERO;
    for (record, expected) in records.iter().zip(1..) {
        if record.seq != expected || record.prev_hash != tip {
            return Err(RecordError::BrokenChain {
                session: session.clone(),
                seq: expected,
            });
        }
        tip = record.hash();
    }
    Ok(tip)
}

/// A stored record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A later version wrote it.
    #[error("record {seq} has format {format}, which this version does not know")]
    Newer {
        /// Its position.
        seq: u64,
        /// Its format.
        format: u16,
    },
    /// Its content does not fit its kind.
    #[error("record {seq} cannot be read")]
    Unreadable {
        /// Its position.
        seq: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A record is missing, was changed or was moved.
    #[error("the log of session `{session}` was changed or cut before record {seq}")]
    BrokenChain {
        /// The session.
        session: SessionId,
        /// The first position that does not fit.
        seq: u64,
    },
}
