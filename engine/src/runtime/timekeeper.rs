//! Wakes the runs that wait on disk for a moment that has come.

use std::sync::Arc;

use super::EngineError;
use super::core::{Core, Stage};
use crate::journal::JournalReads;
use crate::{RunId, Timestamp};

/// How many entries are read at once.
const PAGE: usize = 1024;

/// Runs until the engine ends.
pub(super) async fn keep_time(core: Arc<Core>) {
    let mut stage = core.stage.subscribe();
    let ended = async {
        // The sender lives in the core, so waiting cannot fail.
        drop(stage.wait_for(|stage| *stage > Stage::Running).await);
    };
    tokio::select! {
        () = ended => {}
        result = watch_timers(&core) => {
            if let Err(error) = result {
                core.fail(error);
            }
        }
    }
}

async fn watch_timers(core: &Arc<Core>) -> Result<(), EngineError> {
    let mut notes = core.earliest.subscribe();
    loop {
        // Whatever is written from here on is noted anew.
        core.earliest.send_replace(None);
        notes.mark_unchanged();
        let now = core.clock.now();
        let next = wake_due(core, now).await?;
        let sleep = async {
            match next {
                Some(next) => core.clock.sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        let sooner =
            notes.wait_for(|noted| noted.is_some_and(|noted| next.is_none_or(|next| noted < next)));
        tokio::select! {
            () = sleep => {}
            sooner = sooner => drop(sooner),
        }
    }
}

/// Wakes every run that is due by now; returns the next moment after that.
async fn wake_due(core: &Arc<Core>, now: Timestamp) -> Result<Option<Timestamp>, EngineError> {
    let mut after: Option<(Timestamp, RunId)> = None;
    loop {
        let page = core.journal.due(after, now, PAGE)?;
        for (_, run) in &page {
            core.wake(*run).await;
        }
        match page.last() {
            Some(last) => after = Some(*last),
            None => break,
        }
    }
    let later = core.journal.due(
        after.or(Some(end_of(now))),
        Timestamp::from_millis(u64::MAX),
        1,
    )?;
    Ok(later.first().map(|(due, _)| *due))
}

/// Returns the last possible entry of a moment.
fn end_of(moment: Timestamp) -> (Timestamp, RunId) {
    (moment, RunId::from_bytes([u8::MAX; 16]))
}
