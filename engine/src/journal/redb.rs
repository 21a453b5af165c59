//! A journal on disk. The only place, with the folder beside it, that names the store behind.

mod append;
mod backend;
mod change;
mod check;
mod copy;
mod index;
mod log;
mod opening;
mod reading;
mod store;
mod tables;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use redb::ReadableDatabase;

use super::error::storage_error;
use super::{
    Answer, Damage, Disk, Epoch, FileDisk, Journal, JournalError, Query, RunRow, Scan, Write,
};
use crate::{Record, RunId, Sequence};
use store::Store;

/// How a journal on disk is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalOptions {
    /// The memory for pages, in bytes.
    pub cache_bytes: usize,
    /// The largest size of the log between two checkpoints, in bytes. A larger one makes
    /// checkpoints rarer, and opening after a crash slower.
    pub log_bytes: u64,
}

/// Enough for the hot pages of a thousand runs at work; a waiting run needs none. In bytes.
const CACHE_BYTES: usize = 16 << 20;

/// Two thousand steps of one run, and less than a tenth of a second to take in again. In bytes.
const LOG_BYTES: u64 = 8 << 20;

/// The log is no diary that somebody may throw away, so it is not called `.log`.
const LOG_EXTENSION: &str = "wal";

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            cache_bytes: CACHE_BYTES,
            log_bytes: LOG_BYTES,
        }
    }
}

/// A journal on disk: tables in one file, and a log in another one beside it.
///
/// After a failure of the storage, the next call opens the store again from what is durable,
/// so that a journal recovers when its disk does.
pub struct RedbJournal {
    data: Arc<dyn Disk>,
    log: Arc<dyn Disk>,
    options: JournalOptions,
    /// Nothing after a failure, until the next call opens it again.
    store: RwLock<Option<Store>>,
}

impl RedbJournal {
    /// Opens the store in a file, or makes it. The log stands beside it, with the extension
    /// `wal`.
    ///
    /// # Errors
    ///
    /// [`JournalError::InUse`] when another process has it open, [`JournalError::NewerFormat`]
    /// when a later version wrote it, [`JournalError::Damaged`] when it is no store.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let data = Arc::new(FileDisk::open(path)?);
        let log = Arc::new(FileDisk::open(&path.with_extension(LOG_EXTENSION))?);
        Self::on_disks(data, log, JournalOptions::default())
    }

    /// Opens the store on a disk for the tables and one for the log, or makes it.
    ///
    /// # Errors
    ///
    /// As [`RedbJournal::open`].
    pub fn on_disks(
        data: Arc<dyn Disk>,
        log: Arc<dyn Disk>,
        options: JournalOptions,
    ) -> Result<Self, JournalError> {
        let store = opening::open(&data, &log, options)?;
        Ok(Self {
            data,
            log,
            options,
            store: RwLock::new(Some(store)),
        })
    }

    /// Lends the store to some work; forgets it when the storage fails.
    fn with<T>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let lent = {
            let guard = self.store.read().unwrap_or_else(PoisonError::into_inner);
            match &*guard {
                Some(store) => work(store),
                None => {
                    drop(guard);
                    let mut guard = self.store.write().unwrap_or_else(PoisonError::into_inner);
                    if guard.is_none() {
                        *guard = Some(opening::open(&self.data, &self.log, self.options)?);
                    }
                    work(guard.as_ref().expect("it was opened just now"))
                }
            }
        };
        if let Err(JournalError::Full(_) | JournalError::Storage(_)) = &lent {
            let mut guard = self.store.write().unwrap_or_else(PoisonError::into_inner);
            *guard = None;
        }
        lent
    }
}

impl fmt::Debug for RedbJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbJournal")
            .field("data", &self.data)
            .field("log", &self.log)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Journal for RedbJournal {
    fn claim(&self) -> Result<Epoch, JournalError> {
        self.with(Store::claim)
    }

    fn append(&self, epoch: Epoch, writes: &[Write]) -> Result<(), JournalError> {
        let changes = change::changes_of(writes)?;
        self.with(|store| store.append(epoch, &changes))
    }

    fn records(
        &self,
        run: RunId,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, JournalError> {
        self.with(|store| {
            let txn = store.database.begin_read().map_err(failed)?;
            reading::records(&txn, run, from, limit)
        })
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<RunRow>, JournalError> {
        self.with(|store| {
            let txn = store.database.begin_read().map_err(failed)?;
            index::scan(&txn, scan)
        })
    }

    fn ask(&self, query: &Query) -> Result<Answer, JournalError> {
        self.with(|store| {
            let txn = store.database.begin_read().map_err(failed)?;
            reading::answer(&txn, query, &*self.data)
        })
    }

    fn settle(&self) -> Result<(), JournalError> {
        self.with(Store::settle)
    }

    fn check(&self) -> Result<Vec<Damage>, JournalError> {
        let mut found = self.with(|store| {
            let txn = store.database.begin_read().map_err(failed)?;
            check::damages(&txn)
        })?;
        found.extend(self.with(Store::check_log)?);
        Ok(found)
    }

    fn copy_to(&self, target: &Path) -> Result<(), JournalError> {
        self.with(|store| {
            let txn = store.database.begin_read().map_err(failed)?;
            copy::copy_to(&txn, target)
        })
    }
}

/// Sorts an error of the store by what the caller can do.
fn failed(error: impl Into<redb::Error>) -> JournalError {
    match error.into() {
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            JournalError::Damaged(error.to_string())
        }
        redb::Error::Io(error) => storage_error(error),
        redb::Error::PreviousIo => {
            JournalError::Storage(std::io::Error::other("the storage failed before"))
        }
        redb::Error::DatabaseAlreadyOpen => JournalError::InUse,
        redb::Error::ValueTooLarge(size) => JournalError::TooLarge {
            size_bytes: size as u64,
            bytes_max: super::payload::PAYLOAD_BYTES_MAX,
        },
        other => JournalError::Damaged(other.to_string()),
    }
}
