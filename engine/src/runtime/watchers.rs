//! Callers that wait for a run to come to a certain point.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::EngineError;
use crate::journal::RunRow;
use crate::{Phase, RunId};

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The run has ended.
    Ended,
    /// Nothing but somebody outside can move the run: it has ended, is suspended, waits for
    /// a person, or is in trouble.
    Settled,
}

impl Until {
    /// Says whether a run has come to that point.
    pub fn holds(self, row: &RunRow) -> bool {
        match self {
            Self::Ended => row.phase.is_final(),
            Self::Settled => {
                row.phase.is_final()
                    || row.phase == Phase::Suspended
                    || row.trouble.is_some()
                    || (row.phase == Phase::Waiting && !row.waiting_for.is_empty())
            }
        }
    }
}

type Waiter = (Until, oneshot::Sender<Result<RunRow, EngineError>>);

/// Callers by the run that they wait for.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    waiters: Mutex<BTreeMap<RunId, Vec<Waiter>>>,
    /// How many runs are waited for, so that the common case takes no lock.
    count: AtomicUsize,
}

impl Watchers {
    /// Registers a caller.
    pub(super) fn watch(
        &self,
        run: RunId,
        until: Until,
    ) -> oneshot::Receiver<Result<RunRow, EngineError>> {
        let (done, wait) = oneshot::channel();
        let mut waiters = self.waiters();
        let of_run = waiters.entry(run).or_default();
        of_run.retain(|(_, waiter)| !waiter.is_closed());
        of_run.push((until, done));
        self.count.store(waiters.len(), Ordering::Release);
        wait
    }

    /// Wakes the callers whose point has come. The row is durable.
    pub(super) fn note(&self, row: &RunRow) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut waiters = self.waiters();
        let Some(of_run) = waiters.remove(&row.run) else {
            return;
        };
        let (reached, waiting): (Vec<_>, Vec<_>) =
            of_run.into_iter().partition(|(until, _)| until.holds(row));
        if !waiting.is_empty() {
            waiters.insert(row.run, waiting);
        }
        self.count.store(waiters.len(), Ordering::Release);
        drop(waiters);
        for (_, done) in reached {
            // Whoever waited may have gone.
            drop(done.send(Ok(row.clone())));
        }
    }

    /// Tells everybody that nothing comes any more.
    pub(super) fn close(&self, error: &EngineError) {
        let waiters = std::mem::take(&mut *self.waiters());
        self.count.store(0, Ordering::Release);
        for (_, done) in waiters.into_values().flatten() {
            drop(done.send(Err(error.clone())));
        }
    }

    fn waiters(&self) -> std::sync::MutexGuard<'_, BTreeMap<RunId, Vec<Waiter>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
