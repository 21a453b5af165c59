//! The store on disk: one redb file. Nothing outside this file knows redb.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use ::redb::{
    Builder, Database, DatabaseError, ReadOnlyTable, ReadableDatabase, StorageBackend,
    StorageError, TableDefinition,
};

use super::{Batch, Order, Reader, Store, StoreError, StoreProblem, Visit};

/// All rows live in one tree, so that a commit copies few pages: the upper ones are shared.
const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("context");
/// Memory for pages, in bytes. The operating system caches the file as well; this only saves
/// reading and checking hot pages again.
const CACHE_BYTES: usize = 64 << 20;

/// A store in one file on disk.
pub struct RedbStore {
    database: Database,
}

/// A disk under a store: the seam where tests pull the plug.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Returns the length, in bytes.
    ///
    /// # Errors
    /// When the disk refuses.
    fn length(&self) -> std::io::Result<u64>;

    /// Reads bytes; all of them lie within the length.
    ///
    /// # Errors
    /// When the disk refuses.
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()>;

    /// Changes the length; new bytes are zero.
    ///
    /// # Errors
    /// When the disk refuses.
    fn set_length(&self, length: u64) -> std::io::Result<()>;

    /// Returns when everything written before is safe.
    ///
    /// # Errors
    /// When the disk refuses.
    fn sync(&self) -> std::io::Result<()>;

    /// Writes bytes; all of them lie within the length.
    ///
    /// # Errors
    /// When the disk refuses.
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()>;
}

impl RedbStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`StoreProblem::Busy`] when another process has it open, [`StoreProblem::Damaged`] when
    /// it is no store, [`StoreProblem::Disk`] when it cannot be read or made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            make(path)?;
        }
        Self::prepare(builder().create(path).map_err(database_error)?)
    }

    /// Opens a store on another disk.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn on_disk(disk: impl Disk) -> Result<Self, StoreError> {
        let database = builder().create_with_backend(Backend(disk));
        Self::prepare(database.map_err(database_error)?)
    }

    /// Makes sure that the table is there, so that readers need not care.
    fn prepare(database: Database) -> Result<Self, StoreError> {
        let has_table = database
            .begin_read()
            .map_err(any_error)?
            .open_table(ROWS)
            .is_ok();
        if !has_table {
            let transaction = database.begin_write().map_err(any_error)?;
            transaction.open_table(ROWS).map_err(any_error)?;
            transaction.commit().map_err(any_error)?;
        }
        Ok(Self { database })
    }
}

/// Makes an empty file. redb writes a new file in several steps, and one that was left half made
/// is no store: it is made beside its place and put there whole.
#[expect(
    clippy::disallowed_methods,
    reason = "the file beside the store is this function's own"
)]
fn make(path: &Path) -> Result<(), StoreError> {
    let disk_error = |error: std::io::Error| database_error(StorageError::Io(error).into());
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".unfinished-{}", std::process::id()));
    let beside = Path::new(&beside);
    // What a process of the same number left half made is nobody's any more.
    drop(std::fs::remove_file(beside));
    drop(builder().create(beside).map_err(database_error)?);
    // A link, not a rename: it never replaces a store that another process has just made.
    let placed = match std::fs::hard_link(beside, path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(disk_error(error)),
        Ok(()) | Err(_) => Ok(()),
    };
    drop(std::fs::remove_file(beside));
    placed
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").finish_non_exhaustive()
    }
}

impl Store for RedbStore {
    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        let transaction = self.database.begin_read().map_err(any_error)?;
        let table = transaction.open_table(ROWS).map_err(any_error)?;
        Ok(Box::new(RedbReader { table }))
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(any_error)?;
        {
            let mut table = transaction.open_table(ROWS).map_err(any_error)?;
            for (key, value) in batch.iter() {
                match value {
                    Some(value) => drop(table.insert(key, value).map_err(any_error)?),
                    None => drop(table.remove(key).map_err(any_error)?),
                }
            }
        }
        transaction.commit().map_err(any_error)
    }
}

struct RedbReader {
    /// Keeps the pages of its transaction alive by itself.
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

impl Reader for RedbReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.table.get(key).map_err(any_error)?;
        Ok(value.map(|guard| guard.value().to_vec()))
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let mut rows = self.table.range(from..to).map_err(any_error)?;
        loop {
            let row = match order {
                Order::Ascending => rows.next(),
                Order::Descending => rows.next_back(),
            };
            let Some(row) = row else { return Ok(()) };
            let (key, value) = row.map_err(any_error)?;
            if let ControlFlow::Break(()) = visit(key.value(), value.value()) {
                return Ok(());
            }
        }
    }
}

fn database_error(error: DatabaseError) -> StoreError {
    let problem = match &error {
        DatabaseError::DatabaseAlreadyOpen => StoreProblem::Busy,
        DatabaseError::UpgradeRequired(_) | DatabaseError::RepairAborted => StoreProblem::Damaged,
        DatabaseError::Storage(storage) => storage_problem(storage),
        _ => StoreProblem::Disk,
    };
    StoreError::new(problem, Some(Arc::new(error)))
}

fn any_error(error: impl Into<::redb::Error>) -> StoreError {
    let error = error.into();
    let problem = match &error {
        ::redb::Error::Corrupted(_) => StoreProblem::Damaged,
        ::redb::Error::PreviousIo | ::redb::Error::DatabaseClosed => StoreProblem::Closed,
        _ => StoreProblem::Disk,
    };
    StoreError::new(problem, Some(Arc::new(error)))
}

fn storage_problem(error: &StorageError) -> StoreProblem {
    match error {
        StorageError::Corrupted(_) => StoreProblem::Damaged,
        StorageError::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => {
            StoreProblem::Damaged
        }
        _ => StoreProblem::Disk,
    }
}

#[derive(Debug)]
struct Backend<D>(D);

impl<D: Disk> StorageBackend for Backend<D> {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.set_length(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.write(offset, data)
    }
}
