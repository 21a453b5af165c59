//! The journal: the one place where runs are durable.
//!
//! A journal is synchronous and knows nothing of tasks or clocks. [`Journal::append`] is durable
//! when it returns; everything else reads. Two implementations share one contract:
//! [`MemoryJournal`] for tests and simulation, [`RedbJournal`] for disks. The stored format is
//! described in [`mod@format`].

mod codec;
mod disk;
mod error;
mod memory;
mod payload;
mod query;
mod redb;
mod row;
mod stored;
mod write;

pub mod format;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::redb::{JournalOptions, RedbJournal};
pub use disk::{Disk, Fault, FileDisk, SimulatedDisk};
pub use error::{JournalError, Remedy};
pub use memory::MemoryJournal;
pub use query::{Answer, JournalReads, Parent, Query, Scan, StoreFacts};
pub use row::{CostSummary, RunRow, Trouble};
pub use write::{Batch, InboxItem, InboxKind, Publication, Snapshot, StoredDefinition, Write};

use crate::{Record, RunId, Sequence};

/// Durable storage of runs. Synchronous; shared by reference between threads.
///
/// Readers never wait for a writer, and see the last append that returned.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Takes the store over: returns a new epoch, larger than all before, durable.
    ///
    /// Whoever holds an older epoch can no longer write.
    ///
    /// # Errors
    ///
    /// Fails when the storage fails.
    fn claim(&self) -> Result<Epoch, JournalError>;

    /// Writes everything in one transaction with one flush: durable when it returns, all or
    /// nothing.
    ///
    /// # Errors
    ///
    /// A refusal (see [`JournalError::is_refusal`]) stores nothing. After a failure of the
    /// storage it is unknown whether the writes are stored: look whether the records are
    /// there. Nothing acknowledged is lost.
    fn append(&self, epoch: Epoch, writes: &[Write]) -> Result<(), JournalError>;

    /// Returns records of a run from a number on, at least `limit` of them if there are as many.
    ///
    /// Payloads that the run machine needs stand in the records; evidence stays a reference.
    ///
    /// # Errors
    ///
    /// Fails when the storage cannot be read or is damaged.
    fn records(
        &self,
        run: RunId,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, JournalError>;

    /// Returns the rows of runs, newest first.
    ///
    /// # Errors
    ///
    /// Fails when the storage cannot be read or is damaged.
    fn scan(&self, scan: &Scan) -> Result<Vec<RunRow>, JournalError>;

    /// Answers a question; [`JournalReads`] has a typed method for each.
    ///
    /// # Errors
    ///
    /// Fails when the storage cannot be read or is damaged.
    fn ask(&self, query: &Query) -> Result<Answer, JournalError>;

    /// Makes the next opening quick, also after a crash. Called when nothing else is to do.
    ///
    /// # Errors
    ///
    /// Fails when the storage fails.
    fn settle(&self) -> Result<(), JournalError>;

    /// Reads everything and says what contradicts itself. An empty list is a sound store.
    ///
    /// # Errors
    ///
    /// Fails when the storage cannot be read at all.
    fn check(&self) -> Result<Vec<Damage>, JournalError>;

    /// Copies the store, as it is at one moment, into a new file while it is in use.
    ///
    /// # Errors
    ///
    /// Fails when the storage fails, or when the target exists.
    fn copy_to(&self, target: &Path) -> Result<(), JournalError>;
}

/// The number of an owner of a store; the largest one may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// Makes an epoch from its number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that contradicts itself in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The table it is in.
    pub table: String,
    /// The run it is about, if it is about one.
    pub run: Option<RunId>,
    /// What is wrong.
    pub message: String,
}
