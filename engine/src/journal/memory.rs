//! A journal in memory: for tests, simulation and runs that need no tomorrow.

mod state;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::payload::hydrate;
use super::{Answer, Damage, Epoch, Journal, JournalError, Query, RunRow, Scan, StoreFacts, Write};
use crate::{Record, RunId, Sequence};
use state::State;

/// A journal in memory. Durable only as long as it lives.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

impl MemoryJournal {
    /// Makes an empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn claim(&self) -> Result<Epoch, JournalError> {
        let mut state = self.state();
        state.epoch += 1;
        Ok(Epoch::new(state.epoch))
    }

    fn append(&self, epoch: Epoch, writes: &[Write]) -> Result<(), JournalError> {
        let mut state = self.state();
        let current = Epoch::new(state.epoch);
        if epoch != current {
            return Err(JournalError::Fenced {
                held: epoch,
                current,
            });
        }
        let planned = state.plan(writes)?;
        state.apply(planned);
        Ok(())
    }

    fn records(
        &self,
        run: RunId,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, JournalError> {
        let state = self.state();
        let range = (run, from)..=(run, Sequence::MAX);
        let mut records = Vec::new();
        for slim in state.records.range(range).map(|(_, slim)| slim).take(limit) {
            let mut record = slim.record.clone();
            hydrate(&mut record.kind, slim.slot, &mut |d| state.payload(d))?;
            records.push(record);
        }
        Ok(records)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<RunRow>, JournalError> {
        let state = self.state();
        let rows = state.rows.values().rev();
        Ok(rows
            .filter(|row| scan.matches(row))
            .take(scan.limit)
            .cloned()
            .collect())
    }

    fn ask(&self, query: &Query) -> Result<Answer, JournalError> {
        let state = self.state();
        Ok(match query {
            Query::Row(run) => Answer::Row(state.rows.get(run).cloned().map(Box::new)),
            Query::Key(key) => Answer::Key(state.keys.get(key).copied()),
            Query::Active { after, limit } => Answer::Active(state.active(*after, *limit)),
            Query::Due {
                after,
                until,
                limit,
            } => Answer::Due(state.due(*after, *until, *limit)),
            Query::Snapshot(run) => Answer::Snapshot(state.snapshots.get(run).cloned()),
            Query::Taken { run, mark } => Answer::Taken(state.taken.contains(&(*run, *mark))),
            Query::Inbox { run, limit } => Answer::Inbox(state.questions(*run, *limit)),
            Query::InboxItem(id) => {
                let item = state.inbox.values().find(|item| item.id == *id);
                Answer::InboxItem(item.cloned().map(Box::new))
            }
            Query::Payload(digest) => Answer::Payload(state.payload(*digest).ok()),
            Query::Definition(digest) => Answer::Definition(state.definitions.get(digest).cloned()),
            Query::Routines { prefix, limit } => Answer::Routines(state.published(prefix, *limit)),
            Query::Store => Answer::Store(StoreFacts {
                format: super::format::VERSION,
                epoch: Epoch::new(state.epoch),
                runs: state.rows.len() as u64,
                size_bytes: 0,
            }),
        })
    }

    fn settle(&self) -> Result<(), JournalError> {
        Ok(())
    }

    fn check(&self) -> Result<Vec<Damage>, JournalError> {
        Ok(self.state().damages())
    }

    fn copy_to(&self, target: &Path) -> Result<(), JournalError> {
        self.state().write_to(target)
    }
}
