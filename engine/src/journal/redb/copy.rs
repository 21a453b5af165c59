//! Copies every table, as it is at one moment, into a new store.

use std::path::Path;

use redb::{
    Builder, Key, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction,
};

use super::failed;
use super::store::{IsComplete, note_complete};
use super::tables::{
    ACTIVE, ATTRIBUTES, CHILDREN, DEFINITIONS, INBOX, KEYS, META, PAYLOADS, PHASES, QUESTIONS,
    RECORDS, REFERENCES, ROUTINES, ROWS, SNAPSHOTS, TAKEN, TIMERS, TROUBLED,
};
use crate::journal::JournalError;
use crate::journal::disk::make_entry_durable;
use crate::journal::error::storage_error;

/// A table, whatever its types.
pub(super) trait AnyTable {
    /// Makes the table, empty.
    fn make(&self, txn: &WriteTransaction) -> Result<(), JournalError>;
    /// Copies the table.
    fn copy(&self, from: &ReadTransaction, to: &WriteTransaction) -> Result<(), JournalError>;
}

impl<K: Key + 'static, V: Value + 'static> AnyTable for TableDefinition<'_, K, V> {
    fn make(&self, txn: &WriteTransaction) -> Result<(), JournalError> {
        txn.open_table(*self).map_err(failed)?;
        Ok(())
    }

    fn copy(&self, from: &ReadTransaction, to: &WriteTransaction) -> Result<(), JournalError> {
        let source = from.open_table(*self).map_err(failed)?;
        let mut target = to.open_table(*self).map_err(failed)?;
        for entry in source.iter().map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            target.insert(key.value(), value.value()).map_err(failed)?;
        }
        Ok(())
    }
}

/// Visits every table of a journal.
pub(super) fn for_each_table(
    visit: &mut dyn FnMut(&dyn AnyTable) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let tables: [&dyn AnyTable; 18] = [
        &META,
        &RECORDS,
        &ROWS,
        &PHASES,
        &ACTIVE,
        &TIMERS,
        &CHILDREN,
        &TROUBLED,
        &ATTRIBUTES,
        &KEYS,
        &INBOX,
        &QUESTIONS,
        &SNAPSHOTS,
        &TAKEN,
        &PAYLOADS,
        &REFERENCES,
        &DEFINITIONS,
        &ROUTINES,
    ];
    tables.into_iter().try_for_each(visit)
}

/// Copies a store into a file that does not exist yet.
///
/// The copy is made beside the target and takes its name when it is complete and durable.
pub(super) fn copy_to(txn: &ReadTransaction, target: &Path) -> Result<(), JournalError> {
    if target.exists() {
        let exists = std::io::ErrorKind::AlreadyExists;
        return Err(JournalError::Storage(exists.into()));
    }
    let mut unfinished = target.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    if unfinished.exists() {
        std::fs::remove_file(unfinished).map_err(storage_error)?;
    }
    {
        let database = Builder::new().create(unfinished).map_err(failed)?;
        let mut copy = database.begin_write().map_err(failed)?;
        copy.set_quick_repair(true);
        for_each_table(&mut |table| table.copy(txn, &copy))?;
        note_complete(&copy, IsComplete::Yes)?;
        copy.commit().map_err(failed)?;
    }
    std::fs::rename(unfinished, target).map_err(storage_error)?;
    make_entry_durable(target).map_err(storage_error)
}
