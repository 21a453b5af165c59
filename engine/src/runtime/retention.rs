//! Removing runs that are no longer needed, whole trees at a time.

use super::{Engine, EngineError};
use crate::journal::{Parent, RunRow, Scan, Write};
use crate::{Phase, RunId, Timestamp};

/// How many runs are looked at, or removed, at once.
const PAGE: usize = 256;

impl Engine {
    /// Removes a run that has ended, with its children, and what only they refer to. Returns
    /// how many runs were removed.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`]; [`crate::journal::JournalError::NotEnded`] when the run
    /// or one below it has not ended, and then nothing is removed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have removed a part of the children; asking again removes the rest.
    pub async fn remove(&self, run: RunId) -> Result<u64, EngineError> {
        self.core().require_running()?;
        let row = self.row(run)?;
        let tree = self.tree(&row)?;
        self.remove_all(tree).await
    }

    /// Removes every tree of runs that ended before a moment. Returns how many runs were
    /// removed. Trees with a run that has not ended stay.
    ///
    /// # Errors
    ///
    /// Fails when the journal fails.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has removed a part of them; asking again removes the rest.
    pub async fn prune(&self, ended_before: Timestamp) -> Result<u64, EngineError> {
        self.core().require_running()?;
        // Ids begin with the time of creation: what ended before was created before.
        let mut before = RunId::from_parts(ended_before, 0);
        let mut removed = 0;
        loop {
            let page = self.journal().scan(&Scan {
                phases: [Phase::Cancelled, Phase::Faulted, Phase::Completed].into(),
                parent: Parent::None,
                before: Some(before),
                ..Scan::newest(PAGE)
            })?;
            let Some(last) = page.last() else {
                return Ok(removed);
            };
            before = last.run;
            for row in &page {
                if row.ended_at.is_none_or(|ended| ended >= ended_before) {
                    continue;
                }
                match self.tree(row) {
                    Ok(tree) => removed += self.remove_all(tree).await?,
                    Err(EngineError::Journal(error)) if error.is_refusal() => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Returns the runs of a tree that has ended, children before parents.
    fn tree(&self, root: &RunRow) -> Result<Vec<RunId>, EngineError> {
        let mut found = Vec::new();
        let mut open = vec![root.clone()];
        while let Some(row) = open.pop() {
            if !row.phase.is_final() {
                return Err(crate::journal::JournalError::NotEnded(row.run).into());
            }
            found.push(row.run);
            let mut before = None;
            loop {
                let page = self.journal().scan(&Scan {
                    parent: Parent::Run(row.run),
                    before,
                    ..Scan::newest(PAGE)
                })?;
                before = page.last().map(|row| row.run);
                let complete = page.len() < PAGE;
                open.extend(page);
                if complete {
                    break;
                }
            }
        }
        found.reverse();
        Ok(found)
    }

    async fn remove_all(&self, runs: Vec<RunId>) -> Result<u64, EngineError> {
        for page in runs.chunks(PAGE) {
            let writes = page.iter().map(|run| Write::Remove(*run)).collect();
            self.core().commit(writes).await?;
        }
        Ok(runs.len() as u64)
    }
}
