//! Takes up every unfinished run when the store is opened.

use std::sync::Arc;

use super::EngineError;
use super::core::{Core, Stage};
use crate::journal::{JournalReads, Scan};

/// How many runs are read at once.
const PAGE: usize = 1024;

/// Wakes the runs that were at work, and those that were in trouble: this version may be
/// able to do what the last one was not. Runs that only wait stay on disk.
pub(super) async fn recover(core: Arc<Core>) {
    let mut stage = core.stage.subscribe();
    let ended = async {
        // The sender lives in the core, so waiting cannot fail.
        drop(stage.wait_for(|stage| *stage > Stage::Running).await);
    };
    tokio::select! {
        () = ended => {}
        result = wake_all(&core) => {
            if let Err(error) = result {
                core.fail(error);
            }
        }
    }
}

async fn wake_all(core: &Arc<Core>) -> Result<(), EngineError> {
    let mut after = None;
    loop {
        let page = core.journal.active(after, PAGE)?;
        for run in &page {
            core.wake(*run).await;
        }
        match page.last() {
            Some(last) => after = Some(*last),
            None => break,
        }
    }
    let troubled = Scan {
        troubled: true,
        ..Scan::newest(PAGE)
    };
    for row in core.journal.scan(&troubled)? {
        core.wake(row.run).await;
    }
    Ok(())
}
