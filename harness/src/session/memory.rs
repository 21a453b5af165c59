//! Sessions in memory: for tests, and for agents that need not survive their process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{SessionRecord, SessionStore, StoreError};
use crate::{Fence, SessionId};

/// Keeps sessions until it is dropped. What it holds is not durable.
#[derive(Debug, Default)]
pub struct MemorySessions {
    /// Written by `claim` and `append`; no lock is held across an await.
    logs: Mutex<BTreeMap<SessionId, Log>>,
}

#[derive(Debug, Default)]
struct Log {
    fence: u64,
    records: Vec<SessionRecord>,
}

impl MemorySessions {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<SessionId, Log>> {
        // A panic elsewhere cannot leave a log half changed: each change is one extend.
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for MemorySessions {
    async fn claim(&self, session: &SessionId) -> Result<Fence, StoreError> {
        let mut logs = self.logs();
        let log = logs.entry(session.clone()).or_default();
        log.fence += 1;
        Ok(Fence::new(log.fence))
    }

    async fn append(
        &self,
        session: &SessionId,
        fence: Fence,
        records: &[SessionRecord],
    ) -> Result<(), StoreError> {
        let mut logs = self.logs();
        let log = logs.entry(session.clone()).or_default();
        if log.fence != fence.number() {
            return Err(StoreError::Fenced {
                session: session.clone(),
            });
        }
        let positions = records.iter().map(|record| record.seq);
        check_positions(session, log.records.len() as u64, positions)?;
        log.records.extend_from_slice(records);
        Ok(())
    }

    async fn load(&self, session: &SessionId) -> Result<Vec<SessionRecord>, StoreError> {
        let logs = self.logs();
        Ok(logs
            .get(session)
            .map(|log| log.records.clone())
            .unwrap_or_default())
    }

    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError> {
        let logs = self.logs();
        let begun = logs.iter().filter(|(_, log)| !log.records.is_empty());
        Ok(begun.map(|(session, _)| session.clone()).collect())
    }
}

/// Checks that positions follow the `stored` ones without a gap.
pub(super) fn check_positions(
    session: &SessionId,
    stored: u64,
    positions: impl Iterator<Item = u64>,
) -> Result<(), StoreError> {
    for (found, expected) in positions.zip(stored + 1..) {
        if found != expected {
            return Err(StoreError::OutOfOrder {
                session: session.clone(),
                expected,
                found,
            });
        }
    }
    Ok(())
}
