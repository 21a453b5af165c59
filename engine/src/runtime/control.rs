//! Stopping, undoing, pausing and going on.

use super::queue;
use super::{Engine, EngineError};
use crate::{Actor, Input, RunId};

impl Engine {
    /// Stops a run for good; returns when that is durable. Its effects are given up, the
    /// children that it waits for are cancelled.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or [`EngineError::Refused`] when the run has ended.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the request back.
    pub async fn cancel(&self, run: RunId, by: Actor) -> Result<(), EngineError> {
        let input = Input::CancelRequested { by };
        match self.core().apply(run, input.clone()).await {
            Err(EngineError::Queued(_)) => {
                let row = self.row(run)?;
                if self
                    .core()
                    .queues
                    .take_one(queue::routine_of(&row.name), run)
                {
                    return self.core().release(run, Some(input)).await;
                }
                // It has begun in the meantime.
                self.core().apply(run, input).await
            }
            result => result,
        }
    }

    /// Stops a run for good, after undoing what can be undone, the last first; returns when the
    /// request is durable. Each undo is durable and tried again like everything else.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or [`EngineError::Refused`] when the run has ended.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the request back.
    pub async fn undo(&self, run: RunId, by: Actor) -> Result<(), EngineError> {
        self.core().apply(run, Input::UndoRequested { by }).await
    }

    /// Returns how many runs of a routine (`namespace/name`) wait to begin.
    pub fn queued(&self, routine: &str) -> usize {
        self.core().queues.waiting(routine)
    }

    /// Pauses a run; returns when that is durable. What is under way may end, and is recorded.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or [`EngineError::Refused`] when the run cannot pause.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the request back.
    pub async fn suspend(&self, run: RunId, by: Actor) -> Result<(), EngineError> {
        self.core().apply(run, Input::SuspendRequested { by }).await
    }

    /// Lets a paused run go on; returns when that is durable.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or [`EngineError::Refused`] when the run is not paused.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the request back.
    pub async fn resume(&self, run: RunId, by: Actor) -> Result<(), EngineError> {
        self.core().apply(run, Input::ResumeRequested { by }).await
    }
}
