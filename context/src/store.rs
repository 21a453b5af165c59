//! The store's seam: one ordered map of bytes, read at a consistent moment, changed by whole
//! batches. What the bytes mean is decided above.

mod contract;
mod memory;
mod redb;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::Remedy;

pub use contract::check_store;
pub use memory::MemoryStore;
pub use redb::{Disk, RedbStore};

/// An ordered map of bytes that survives a crash.
///
/// One writer calls [`Store::commit`]; any number of threads read meanwhile. Implementations
/// are held to [`check_store`].
pub trait Store: fmt::Debug + Send + Sync {
    /// Begins reading: the reader sees every batch whose commit had returned, whole, and
    /// nothing of later ones.
    ///
    /// A reader is for one question. Keeping one open for long keeps old pages on disk.
    ///
    /// # Errors
    /// When the store failed before or cannot be read now.
    fn reader(&self) -> Result<Box<dyn Reader>, StoreError>;

    /// Applies a batch, all of it or nothing, and returns when it is on disk for good.
    ///
    /// # Errors
    /// When the disk refused. Whether the batch is there is then decided by the next opening.
    fn commit(&self, batch: Batch) -> Result<(), StoreError>;
}

/// One consistent view of a store.
pub trait Reader {
    /// Returns the value under a key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the rows with `from <= key < to` in order until the visitor breaks.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;
}

/// What is called for each row of a range: key and value.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// The direction of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Small keys first.
    Ascending,
    /// Large keys first.
    Descending,
}

/// Changes that are applied together: for each key its new value, or `None` to remove it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub(crate) changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Batch {
    /// Makes an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value under a key.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    /// Removes a key.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Says whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the changes in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.changes
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_deref()))
    }
}

/// A store failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{problem}")]
pub struct StoreError {
    problem: StoreProblem,
    #[source]
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The ways in which a store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum StoreProblem {
    /// Another process has it open.
    #[error("the store is open in another process")]
    Busy,
    /// The disk or the file system refused.
    #[error("the disk refused")]
    Disk,
    /// The file is damaged or not a store.
    #[error("the file is damaged or not a store")]
    Damaged,
    /// An earlier failure closed it.
    #[error("an earlier failure closed the store")]
    Closed,
}

impl StoreError {
    /// Makes an error, with what caused it.
    pub fn new(problem: StoreProblem, source: Option<Arc<dyn Error + Send + Sync>>) -> Self {
        Self { problem, source }
    }

    /// Returns what failed.
    pub fn problem(&self) -> StoreProblem {
        self.problem
    }

    /// Returns what the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self.problem {
            StoreProblem::Busy | StoreProblem::Disk => Remedy::FixTheEnvironment,
            StoreProblem::Damaged => Remedy::RestoreABackup,
            StoreProblem::Closed => Remedy::OpenAgain,
        }
    }
}
