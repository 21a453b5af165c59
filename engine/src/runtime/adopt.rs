//! Takes a run in that was computed elsewhere: a fork, which goes on from where it stands.

use std::collections::BTreeMap;

use super::birth::Births;
use super::{Engine, EngineError};
use crate::RunId;
use crate::fork::Forked;
use crate::journal::JournalError;

impl Engine {
    /// Makes a fork durable and lets it go on; returns when it is durable.
    ///
    /// # Errors
    ///
    /// [`EngineError::RunExists`] when the id is taken, or the journal's.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have begun the run; the same id finds it.
    pub async fn adopt(
        &self,
        forked: Forked,
        attributes: BTreeMap<String, String>,
    ) -> Result<RunId, EngineError> {
        let core = self.core();
        core.require_running()?;
        let id = forked.run.id();
        let mut births = Births::new(core);
        births.grown(forked.run, forked.records, attributes);
        if births.runs.is_empty() {
            return Err(EngineError::RunExists(id));
        }
        let writes = std::mem::take(&mut births.writes);
        match core.commit(writes).await {
            Ok(written) => {
                births.live();
                core.publish(written);
                Ok(id)
            }
            Err(EngineError::Journal(error)) => match &*error {
                JournalError::OutOfOrder { run, .. } if *run == id => {
                    Err(EngineError::RunExists(id))
                }
                _ => Err(EngineError::Journal(error)),
            },
            Err(error) => Err(error),
        }
    }
}
