//! A journal on disk. The only place, with the folder beside it, that names the store behind.

mod append;
mod backend;
mod check;
mod copy;
mod index;
mod reading;
mod tables;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableHandle, WriteTransaction};

use super::error::storage_error;
use super::{
    Answer, Damage, Disk, Epoch, FileDisk, Journal, JournalError, Query, RunRow, Scan, Write,
    format,
};
use crate::{Record, RunId, Sequence};
use backend::DiskBackend;
use tables::{EPOCH_KEY, FORMAT_KEY, META};

/// How a journal on disk is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalOptions {
    /// The memory for pages, in bytes.
    pub cache_bytes: usize,
}

/// Enough for the hot pages of a thousand runs at work; a waiting run needs none. In bytes.
const CACHE_BYTES: usize = 16 << 20;

/// From so many writes on, a commit also stores what makes the next opening quick: beside
/// their own cost that is little. Source: research/engine.md 7.2.
const QUICK_REPAIR_WRITES: usize = 16;

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            cache_bytes: CACHE_BYTES,
        }
    }
}

/// A journal on disk.
///
/// After a failure of the storage, the next call opens the store again from what is durable,
/// so that a journal recovers when its disk does.
pub struct RedbJournal {
    disk: Arc<dyn Disk>,
    options: JournalOptions,
    /// Nothing after a failure, until the next call opens it again.
    database: RwLock<Option<Database>>,
    /// Whether the last commit stored what makes the next opening quick.
    settled: AtomicBool,
}

impl RedbJournal {
    /// Opens the store in a file, or makes it.
    ///
    /// # Errors
    ///
    /// [`JournalError::InUse`] when another process has it open, [`JournalError::NewerFormat`]
    /// when a later version wrote it, [`JournalError::Damaged`] when it is no store.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Self::on_disk(Arc::new(FileDisk::open(path)?), JournalOptions::default())
    }

    /// Opens the store on a disk, or makes it.
    ///
    /// # Errors
    ///
    /// As [`RedbJournal::open`].
    pub fn on_disk(disk: Arc<dyn Disk>, options: JournalOptions) -> Result<Self, JournalError> {
        let database = open_database(&disk, options)?;
        Ok(Self {
            disk,
            options,
            database: RwLock::new(Some(database)),
            settled: AtomicBool::new(true),
        })
    }

    /// Lends the database to some work; forgets it when the storage fails.
    fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let lent = {
            let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
            match &*guard {
                Some(database) => work(database),
                None => {
                    drop(guard);
                    let mut guard = self
                        .database
                        .write()
                        .unwrap_or_else(PoisonError::into_inner);
                    if guard.is_none() {
                        *guard = Some(open_database(&self.disk, self.options)?);
                    }
                    work(guard.as_ref().expect("it was opened just now"))
                }
            }
        };
        if let Err(JournalError::Full(_) | JournalError::Storage(_)) = &lent {
            let mut guard = self
                .database
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *guard = None;
        }
        lent
    }
}

impl fmt::Debug for RedbJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbJournal")
            .field("disk", &self.disk)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Journal for RedbJournal {
    fn claim(&self) -> Result<Epoch, JournalError> {
        self.with(|database| {
            let txn = database.begin_write().map_err(failed)?;
            let epoch = {
                let mut meta = txn.open_table(META).map_err(failed)?;
                let epoch = number(&meta, EPOCH_KEY)? + 1;
                meta.insert(EPOCH_KEY, epoch).map_err(failed)?;
                epoch
            };
            txn.commit().map_err(failed)?;
            Ok(Epoch::new(epoch))
        })
    }

    fn append(&self, epoch: Epoch, writes: &[Write]) -> Result<(), JournalError> {
        let prepared = append::prepare(writes)?;
        self.with(|database| {
            let mut txn = database.begin_write().map_err(failed)?;
            let quick = writes.len() >= QUICK_REPAIR_WRITES;
            txn.set_quick_repair(quick);
            require_epoch(&txn, epoch)?;
            append::write(&txn, prepared)?;
            txn.commit().map_err(failed)?;
            self.settled.store(quick, Ordering::Relaxed);
            Ok(())
        })
    }

    fn records(
        &self,
        run: RunId,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, JournalError> {
        self.with(|database| {
            let txn = database.begin_read().map_err(failed)?;
            reading::records(&txn, run, from, limit)
        })
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<RunRow>, JournalError> {
        self.with(|database| {
            let txn = database.begin_read().map_err(failed)?;
            index::scan(&txn, scan)
        })
    }

    fn ask(&self, query: &Query) -> Result<Answer, JournalError> {
        self.with(|database| {
            let txn = database.begin_read().map_err(failed)?;
            reading::answer(&txn, query, &*self.disk)
        })
    }

    fn settle(&self) -> Result<(), JournalError> {
        if self.settled.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.with(|database| {
            let mut txn = database.begin_write().map_err(failed)?;
            txn.set_quick_repair(true);
            txn.commit().map_err(failed)?;
            self.settled.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    fn check(&self) -> Result<Vec<Damage>, JournalError> {
        self.with(|database| {
            let txn = database.begin_read().map_err(failed)?;
            check::damages(&txn)
        })
    }

    fn copy_to(&self, target: &Path) -> Result<(), JournalError> {
        self.with(|database| {
            let txn = database.begin_read().map_err(failed)?;
            copy::copy_to(&txn, target)
        })
    }
}

fn open_database(disk: &Arc<dyn Disk>, options: JournalOptions) -> Result<Database, JournalError> {
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    let backend = DiskBackend(Arc::clone(disk));
    let database = builder.create_with_backend(backend).map_err(failed)?;
    let tables: Vec<String> = {
        let txn = database.begin_read().map_err(failed)?;
        let tables = txn.list_tables().map_err(failed)?;
        tables.map(|table| table.name().to_owned()).collect()
    };
    if tables.is_empty() {
        make_tables(&database)?;
    } else if !tables.iter().any(|name| name == META.name()) {
        return Err(JournalError::Damaged("the file is no journal".to_owned()));
    }
    require_format(&database)?;
    Ok(database)
}

/// Makes every table, so that no reader ever meets a missing one.
fn make_tables(database: &Database) -> Result<(), JournalError> {
    let mut txn = database.begin_write().map_err(failed)?;
    txn.set_quick_repair(true);
    copy::for_each_table(&mut |table| table.make(&txn))?;
    {
        let mut meta = txn.open_table(META).map_err(failed)?;
        meta.insert(FORMAT_KEY, format::VERSION).map_err(failed)?;
        meta.insert(EPOCH_KEY, 0).map_err(failed)?;
    }
    txn.commit().map_err(failed)
}

fn require_format(database: &Database) -> Result<(), JournalError> {
    let txn = database.begin_read().map_err(failed)?;
    let meta = txn.open_table(META).map_err(failed)?;
    match number(&meta, FORMAT_KEY)? {
        format::VERSION => Ok(()),
        found if found > format::VERSION => Err(JournalError::NewerFormat {
            found,
            supported: format::VERSION,
        }),
        found => Err(JournalError::Damaged(format!(
            "no version ever wrote format {found}"
        ))),
    }
}

fn require_epoch(txn: &WriteTransaction, held: Epoch) -> Result<(), JournalError> {
    let meta = txn.open_table(META).map_err(failed)?;
    let current = Epoch::new(number(&meta, EPOCH_KEY)?);
    if held == current {
        Ok(())
    } else {
        Err(JournalError::Fenced { held, current })
    }
}

fn number(meta: &impl ReadableTable<&'static str, u64>, name: &str) -> Result<u64, JournalError> {
    match meta.get(name).map_err(failed)? {
        Some(number) => Ok(number.value()),
        None => Err(JournalError::Damaged(format!(
            "`{name}` is missing in `meta`"
        ))),
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
