//! What can be written to a journal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunRow;
use crate::{Digest, EffectId, Record, RunId, Sequence, TaskKey, Timestamp};

/// One thing to write. All writes of one append become durable together, or none does.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Progress of one run.
    Run(Box<Batch>),
    /// The text of a definition, stored once by its digest.
    Define(StoredDefinition),
    /// A version of a routine; for ever.
    Publish(Publication),
    /// A run that has ended, with everything that only it refers to.
    Remove(RunId),
}

/// Progress of one run: what one step adds to its log, and what changes beside the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The run.
    pub run: RunId,
    /// Its next records, in order, without gaps. May be empty.
    pub records: Vec<Record>,
    /// Its row, when it changes; required with the first record.
    pub row: Option<RunRow>,
    /// Questions to people that were opened.
    pub opened: Vec<InboxItem>,
    /// Questions to people that are settled or no longer asked.
    pub closed: Vec<EffectId>,
    /// The state of the run after the last record, when it is time for one.
    pub snapshot: Option<Snapshot>,
    /// Marks of what was taken in, so that it is not taken in again when it comes twice.
    pub taken: Vec<Digest>,
}

impl Batch {
    /// Makes a batch of records and nothing else.
    pub fn of_records(run: RunId, records: Vec<Record>) -> Self {
        Self {
            run,
            records,
            row: None,
            opened: Vec::new(),
            closed: Vec::new(),
            snapshot: None,
            taken: Vec::new(),
        }
    }

    /// Returns the same batch with a row.
    #[must_use]
    pub fn with_row(mut self, row: RunRow) -> Self {
        self.row = Some(row);
        self
    }
}

impl From<Batch> for Write {
    fn from(batch: Batch) -> Self {
        Self::Run(Box::new(batch))
    }
}

/// An open question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InboxItem {
    /// The effect that asks.
    pub id: EffectId,
    /// The run that waits.
    pub run: RunId,
    /// The task that asks.
    pub task: TaskKey,
    /// What is asked.
    pub kind: InboxKind,
    /// One line.
    pub title: String,
    /// What the person decides on.
    pub shown: Value,
    /// The hash of what is shown; the decision names it.
    pub shown_hash: Digest,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the question lapses, if it does.
    pub expires_at: Option<Timestamp>,
}

/// What a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InboxKind {
    /// Whether something may happen.
    Approval,
    /// Whether an effect with an unknown outcome shall be performed again.
    Doubt,
}

/// The state of a run at one record, so that loading it costs the tail, not the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record that the state takes account of.
    pub seq: Sequence,
    /// The state, in the run machine's own encoding.
    pub state: Vec<u8>,
}

/// The text of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDefinition {
    /// The digest that runs pin.
    pub digest: Digest,
    /// The text.
    pub source: String,
}

/// A version of a routine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// `namespace/name@version`.
    pub name: String,
    /// The digest of its definition.
    pub digest: Digest,
    /// When it was published.
    pub published_at: Timestamp,
}
