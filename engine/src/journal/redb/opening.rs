//! Opening a store: new tables, tables of an older format, and what a crash left in the log.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use redb::{Builder, Database, ReadableDatabase, TableHandle};

use super::backend::DiskBackend;
use super::change::Change;
use super::log::{Log, Place};
use super::store::{IsComplete, Store, Tail, begin_in_memory, note_complete, number};
use super::tables::{COMPLETE_KEY, EPOCH_KEY, FORMAT_KEY, GENERATION_KEY, META};
use super::{JournalOptions, append, copy, failed};
use crate::journal::error::storage_error;
use crate::journal::{Disk, Epoch, JournalError, codec, format};

/// Opens the tables, and takes in what the log has beyond them.
pub(super) fn open(
    data: &Arc<dyn Disk>,
    log: &Arc<dyn Disk>,
    options: JournalOptions,
) -> Result<Store, JournalError> {
    let log = Log::new(Arc::clone(log), options.log_bytes);
    clear_unfinished(&**data, &log)?;
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    let backend = DiskBackend(Arc::clone(data));
    let database = open_tables(&builder, backend)?;
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
    bring_up_to_date(&database)?;
    let tail = take_in(&database, &log)?;
    Ok(Store::new(database, log, tail))
}

/// Opens the file of the tables. Where its bytes are not what they should be, redb may panic,
/// because it looks at some of them before their checksums; the caller is told as of any damage.
fn open_tables(builder: &Builder, backend: DiskBackend) -> Result<Database, JournalError> {
    let open = AssertUnwindSafe(|| builder.create_with_backend(backend));
    match catch_unwind(open) {
        Ok(database) => database.map_err(failed),
        Err(_) => Err(JournalError::Damaged(
            "its tables contradict themselves".to_owned(),
        )),
    }
}

/// What the tables' file begins with once it has been made, whatever it is, in bytes.
///
/// Source: redb, `docs/design.md`, the magic number; it is written last.
const MAGIC_BYTES: usize = 9;

/// Clears a file whose making a power cut broke off: nobody can have written to such a store.
///
/// A store that was ever used has a log.
fn clear_unfinished(data: &dyn Disk, log: &Log) -> Result<(), JournalError> {
    let size = data.size_bytes().map_err(storage_error)?;
    if size == 0 || !log.is_missing()? {
        return Ok(());
    }
    let mut magic = vec![0; MAGIC_BYTES.min(usize::try_from(size).unwrap_or(MAGIC_BYTES))];
    data.read(0, &mut magic).map_err(storage_error)?;
    if magic.iter().all(|byte| *byte == 0) {
        data.resize(0).map_err(storage_error)?;
    }
    Ok(())
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
        meta.insert(GENERATION_KEY, 0).map_err(failed)?;
    }
    note_complete(&txn, IsComplete::Yes)?;
    txn.commit().map_err(failed)
}

/// Changes a store of an older format, in one transaction; refuses one of a newer format.
fn bring_up_to_date(database: &Database) -> Result<(), JournalError> {
    let found = {
        let txn = database.begin_read().map_err(failed)?;
        number(&txn.open_table(META).map_err(failed)?, FORMAT_KEY)?
    };
    match found {
        format::VERSION => Ok(()),
        format::WITHOUT_LOG => {
            let mut txn = database.begin_write().map_err(failed)?;
            txn.set_quick_repair(true);
            {
                let mut meta = txn.open_table(META).map_err(failed)?;
                meta.insert(FORMAT_KEY, format::VERSION).map_err(failed)?;
                meta.insert(GENERATION_KEY, 0).map_err(failed)?;
            }
            note_complete(&txn, IsComplete::Yes)?;
            txn.commit().map_err(failed)
        }
        found if found > format::VERSION => Err(JournalError::NewerFormat {
            found,
            supported: format::VERSION,
        }),
        found => Err(JournalError::Damaged(format!(
            "no version ever wrote format {found}"
        ))),
    }
}

/// Takes the entries of the log in that the tables do not have; returns where it goes on.
///
/// It goes on after a checkpoint, in a generation that no entry on the disk was ever of: bytes
/// that another store or a restored copy left there never come to count.
fn take_in(database: &Database, log: &Log) -> Result<Tail, JournalError> {
    let (epoch, generation, is_complete) = {
        let txn = database.begin_read().map_err(failed)?;
        let meta = txn.open_table(META).map_err(failed)?;
        (
            Epoch::new(number(&meta, EPOCH_KEY)?),
            number(&meta, GENERATION_KEY)?,
            number(&meta, COMPLETE_KEY)? != 0,
        )
    };
    let heads = log.heads()?;
    let mut place = Place::first_of(generation);
    if !is_complete {
        if log.is_missing()? {
            return Err(JournalError::Damaged(
                "its log is missing; what was written last is in it".to_owned(),
            ));
        }
        while let Some((body, next)) = log.read(place)? {
            let changes: Vec<Change> = codec::decode(&body, "an entry of the log")?;
            let txn = begin_in_memory(database)?;
            if place.index == 0 {
                note_complete(&txn, IsComplete::Yes)?;
            }
            append::write(&txn, &changes)?;
            txn.commit().map_err(failed)?;
            place = next;
        }
        if heads.go_on_after(place, log)? {
            return Err(JournalError::Damaged(format!(
                "entry {} of the log cannot be read, and others follow it",
                place.index
            )));
        }
    }
    place.generation = generation.max(heads.newest_generation());
    Ok(Tail {
        place,
        epoch,
        unclear: true,
    })
}
