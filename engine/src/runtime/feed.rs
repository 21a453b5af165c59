//! The progress of all runs, as it becomes durable. Slow readers lose some of it; nobody
//! ever waits for them.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::Record;

/// How many steps a reader may lag behind before it loses the oldest.
pub(super) const FEED_STEPS: usize = 4096;

/// A reader of the progress of all runs.
#[derive(Debug)]
pub struct Feed(pub(super) broadcast::Receiver<Arc<Vec<Record>>>);

/// Something that a feed tells.
#[derive(Debug, Clone)]
pub enum Progress {
    /// The records of one step of one run; they are durable.
    Step(Arc<Vec<Record>>),
    /// So many steps were lost, because the reader was too slow; the journal has them.
    Lost(u64),
}

impl Feed {
    /// Waits for the next step; `None` when the engine is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future loses nothing.
    pub async fn next(&mut self) -> Option<Progress> {
        match self.0.recv().await {
            Ok(step) => Some(Progress::Step(step)),
            Err(broadcast::error::RecvError::Lagged(lost)) => Some(Progress::Lost(lost)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
