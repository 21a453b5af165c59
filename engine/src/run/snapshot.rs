//! Snapshots: the state of a run as bytes.
//!
//! Format 2: the format number (two bytes, big-endian), then MessagePack: an array of the
//! digest of the definition, the table of values, and the state with indices into that
//! table. A value that several places share stands in the table once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::datum::Datum;
use super::state::State;
use super::{Run, place, timer};
use crate::{Definition, Digest};

/// The format that this version writes.
const SNAPSHOT_FORMAT: u16 = 2;

#[derive(Serialize, Deserialize)]
struct Snapshot<V> {
    definition: Digest,
    values: Vec<V>,
    state: State<usize>,
}

/// Why a snapshot could not be read. Replay the log from its start instead.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are not a snapshot.
    #[error("the bytes are not a snapshot")]
    Malformed(#[source] rmp_serde::decode::Error),
    /// It was written in a format that this version does not know.
    #[error("the snapshot has format {0}, and {SNAPSHOT_FORMAT} is the newest that is known")]
    Format(u16),
    /// It belongs to another definition.
    #[error("the snapshot belongs to definition {expected}, not to {found}")]
    OtherDefinition {
        /// The digest that it names.
        expected: Digest,
        /// The digest of what was given.
        found: Digest,
    },
    /// It contradicts itself or its definition.
    #[error("the snapshot contradicts itself")]
    Inconsistent,
}

impl Run {
    /// Writes the state of the run.
    #[expect(
        clippy::missing_panics_doc,
        reason = "the state is plain data in memory"
    )]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut values: Vec<Datum> = Vec::new();
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        let state = self.state.clone().map(&mut |datum| {
            *places.entry(datum.address()).or_insert_with(|| {
                values.push(datum);
                values.len() - 1
            })
        });
        let snapshot = Snapshot {
            definition: self.definition.digest(),
            values: values.iter().map(Datum::value).collect(),
            state,
        };
        let mut bytes = SNAPSHOT_FORMAT.to_be_bytes().to_vec();
        rmp_serde::encode::write(&mut bytes, &snapshot).expect("the state is plain data");
        bytes
    }

    /// Reads a snapshot. The records after it are then given to [`Run::replay_tail`].
    ///
    /// # Errors
    ///
    /// When the bytes are not a snapshot of a run of this definition.
    pub fn restore(bytes: &[u8], definition: Definition) -> Result<Self, SnapshotError> {
        let snapshot = read(bytes)?;
        if snapshot.definition != definition.digest() {
            return Err(SnapshotError::OtherDefinition {
                expected: snapshot.definition,
                found: definition.digest(),
            });
        }
        let values: Vec<Datum> = snapshot.values.into_iter().map(Datum::new).collect();
        let nothing = Datum::new(Value::Null);
        let mut is_complete = true;
        let mut state = snapshot.state.map(&mut |index| {
            values.get(index).cloned().unwrap_or_else(|| {
                is_complete = false;
                nothing.clone()
            })
        });
        state.pending.index();
        for branch in state.branches.values_mut() {
            branch.due = timer::branch_due(&state.pending, branch);
        }
        let run = Self { definition, state };
        if is_complete && run.is_consistent() {
            Ok(run)
        } else {
            Err(SnapshotError::Inconsistent)
        }
    }

    /// Says whether every open task is a task of the definition.
    fn is_consistent(&self) -> bool {
        let branches = &self.state.branches;
        branches.iter().all(|(id, branch)| {
            // A branch begins later than the one that it belongs to; so nothing goes in circles.
            *id == branch.id
                && branch.parent.is_none_or(|parent| parent < *id)
                && !branch.frames.is_empty()
                && place::tasks(&self.definition, branches, branch).count() == branch.frames.len()
        })
    }
}

fn read(bytes: &[u8]) -> Result<Snapshot<Value>, SnapshotError> {
    let (head, body) = bytes.split_first_chunk().unwrap_or((&[0, 0], &[]));
    match u16::from_be_bytes(*head) {
        SNAPSHOT_FORMAT => rmp_serde::from_slice(body).map_err(SnapshotError::Malformed),
        other => Err(SnapshotError::Format(other)),
    }
}
