//! The store while it is open: the tables, and the log in front of them.
//!
//! *Invariant*: only a checkpoint and a good end make the tables durable. So what is durable of
//! them says truly whether the log is needed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{Database, Durability, ReadableTable, Table, WriteTransaction};

use super::change::Change;
use super::log::{Log, Place};
use super::tables::{COMPLETE_KEY, EPOCH_KEY, GENERATION_KEY, META};
use super::{append, failed};
use crate::journal::{Damage, Epoch, JournalError, codec};

/// The store while it is open.
pub(super) struct Store {
    pub(super) database: Database,
    log: Log,
    tail: Mutex<Tail>,
}

/// Where the log goes on. Only writers hold it, for the whole of an append.
pub(super) struct Tail {
    pub(super) place: Place,
    /// The number of the owner, as in the tables.
    pub(super) epoch: Epoch,
    /// Whether a checkpoint must come before the next entry, because bytes that were never
    /// acknowledged may stand where the log goes on, or in the tables.
    pub(super) unclear: bool,
}

impl Store {
    pub(super) fn new(database: Database, log: Log, tail: Tail) -> Self {
        Self {
            database,
            log,
            tail: Mutex::new(tail),
        }
    }

    /// Makes the next epoch; it is durable in the tables.
    pub(super) fn claim(&self) -> Result<Epoch, JournalError> {
        let mut tail = self.tail();
        let epoch = Epoch::new(tail.epoch.number() + 1);
        self.checkpoint(&mut tail, |txn| {
            let mut meta = txn.open_table(META).map_err(failed)?;
            meta.insert(EPOCH_KEY, epoch.number()).map_err(failed)?;
            Ok(())
        })?;
        tail.epoch = epoch;
        Ok(epoch)
    }

    /// Makes changes durable: in the log, or, when they are too large for it, in the tables.
    pub(super) fn append(&self, epoch: Epoch, changes: &[Change]) -> Result<(), JournalError> {
        let body = codec::encode(&changes);
        let mut tail = self.tail();
        if epoch != tail.epoch {
            return Err(JournalError::Fenced {
                held: epoch,
                current: tail.epoch,
            });
        }
        let fits = self.log.takes(&body);
        // Also before something too large for the log: whoever asks again after a failure may
        // be told that it is stored already, and then it has to be durable.
        if tail.unclear || (fits && !self.log.has_room(tail.place, &body)) {
            self.checkpoint(&mut tail, |_| Ok(()))?;
        }
        if !fits {
            return self.checkpoint(&mut tail, |txn| append::write(txn, changes));
        }
        let txn = begin_in_memory(&self.database)?;
        if tail.place.index == 0 {
            note_complete(&txn, IsComplete::Yes)?;
        }
        append::write(&txn, changes)?;
        tail.unclear = true;
        tail.place = self.log.append(tail.place, &body)?;
        txn.commit().map_err(failed)?;
        tail.unclear = false;
        Ok(())
    }

    /// Makes the tables durable, unless they are.
    pub(super) fn settle(&self) -> Result<(), JournalError> {
        let mut tail = self.tail();
        match tail.place.index {
            0 => Ok(()),
            _ => self.checkpoint(&mut tail, |_| Ok(())),
        }
    }

    /// Reads again what the log has acknowledged since the last checkpoint.
    pub(super) fn check_log(&self) -> Result<Option<Damage>, JournalError> {
        let tail = self.tail();
        let mut place = Place::first_of(tail.place.generation);
        while place.index < tail.place.index {
            match self.log.read(place)? {
                Some((_, next)) => place = next,
                None => {
                    return Ok(Some(Damage {
                        table: "log".to_owned(),
                        run: None,
                        message: format!("entry {} cannot be read", place.index),
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Makes the tables durable together with some work; what is in the log no longer counts.
    ///
    /// The commit also stores what makes the next opening quick, also after a crash.
    fn checkpoint(
        &self,
        tail: &mut Tail,
        work: impl FnOnce(&WriteTransaction) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        self.log.make_room()?;
        let mut txn = self.database.begin_write().map_err(failed)?;
        txn.set_quick_repair(true);
        work(&txn)?;
        let generation = tail.place.generation + 1;
        {
            let mut meta = txn.open_table(META).map_err(failed)?;
            meta.insert(GENERATION_KEY, generation).map_err(failed)?;
        }
        note_complete(&txn, IsComplete::No)?;
        tail.unclear = true;
        txn.commit().map_err(failed)?;
        tail.place = Place::first_of(generation);
        tail.unclear = false;
        Ok(())
    }

    /// Says in the tables that they are complete, before they are closed.
    fn complete(&self) -> Result<(), JournalError> {
        let tail = self.tail();
        if tail.unclear || tail.place.index > 0 {
            return Ok(()); // somebody else has to look, or they say so already
        }
        let txn = begin_in_memory(&self.database)?;
        note_complete(&txn, IsComplete::Yes)?;
        txn.commit().map_err(failed)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    /// Ends well: closing the tables makes them durable as they are, and they are complete.
    fn drop(&mut self) {
        if let Err(error) = self.complete() {
            tracing::debug!(%error, "the log is needed to open the store again");
        }
    }
}

/// Whether the tables have everything that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IsComplete {
    /// They do; the log is not needed.
    Yes,
    /// The log may have more.
    No,
}

pub(super) fn note_complete(
    txn: &WriteTransaction,
    is_complete: IsComplete,
) -> Result<(), JournalError> {
    let mut meta: Table<'_, _, _> = txn.open_table(META).map_err(failed)?;
    let number = u64::from(is_complete == IsComplete::Yes);
    meta.insert(COMPLETE_KEY, number).map_err(failed)?;
    Ok(())
}

/// Begins a transaction that readers see when it is committed, and that a crash undoes.
pub(super) fn begin_in_memory(database: &Database) -> Result<WriteTransaction, JournalError> {
    let mut txn = database.begin_write().map_err(failed)?;
    txn.set_durability(Durability::None)
        .map_err(|error| JournalError::Damaged(error.to_string()))?;
    Ok(txn)
}

/// Returns a number of [`META`].
pub(super) fn number(
    meta: &impl ReadableTable<&'static str, u64>,
    name: &str,
) -> Result<u64, JournalError> {
    match meta.get(name).map_err(failed)? {
        Some(number) => Ok(number.value()),
        None => Err(JournalError::Damaged(format!(
            "`{name}` is missing in `meta`"
        ))),
    }
}
