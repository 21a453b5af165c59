//! Another line of the same story: a session that goes on from any record of another one.

use super::Agent;
use super::log::SessionLog;
use crate::SessionId;
use crate::error::HarnessError;
use crate::session::{Fork, SessionEvent};

impl Agent {
    /// Makes a session that goes on from record number `seq` of another one; running it with
    /// the same specification does so. The other session stays as it is.
    ///
    /// Calls that were under way at that point are settled before anything else: what only
    /// looks is done again, what can be looked up is looked up, and of everything else the model
    /// is told that the outcome is unknown. Approvals are asked for again. Files are not
    /// touched: [`rewind_files`](crate::rewind::rewind_files) does that.
    ///
    /// # Errors
    ///
    /// Returns [`HarnessError::NoRecord`] when the other session has no such record of its own,
    /// [`HarnessError::Taken`] when the new one exists, and whatever the store fails with.
    pub async fn fork(
        &self,
        from: &SessionId,
        seq: u64,
        into: &SessionId,
    ) -> Result<(), HarnessError> {
        let records = self.store.load(from).await?;
        let last = usize::try_from(seq)
            .ok()
            .and_then(|seq| records.get(seq.checked_sub(1)?));
        let Some(last) = last else {
            return Err(HarnessError::NoRecord {
                session: from.clone(),
                seq,
            });
        };
        if !self.store.load(into).await?.is_empty() {
            return Err(HarnessError::Taken {
                session: into.clone(),
            });
        }
        let mut log = SessionLog::of_fork(&*self.store, from, seq, into, &*self.clock).await?;
        log.push(SessionEvent::Forked(Fork {
            parent: from.clone(),
            seq,
            tip: last.hash(),
        }))?;
        log.save().await
    }
}
