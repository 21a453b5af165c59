//! The clock of the runtime: the system's, or one that a test moves by hand.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::Timestamp;

/// The longest sleep without looking at the clock again: somebody may set it. In milliseconds.
const NAP_MS_MAX: u64 = 60_000;

/// Where the runtime takes the time from. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<watch::Sender<Timestamp>>),
}

impl Clock {
    /// Returns the clock of the system.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Makes a clock that stands still until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Moves a manual clock forward by so many milliseconds, and wakes who waits for that.
    /// The clock of the system moves by itself.
    pub fn advance(&self, millis: u64) {
        if let Source::Manual(time) = &self.0 {
            time.send_modify(|now| *now = now.plus_millis(millis));
        }
    }

    /// Waits until the clock shows a moment.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing happens but waiting.
    pub async fn sleep_until(&self, due: Timestamp) {
        match &self.0 {
            Source::System => loop {
                let left = due.as_millis().saturating_sub(system_now().as_millis());
                if left == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(left.min(NAP_MS_MAX))).await;
            },
            Source::Manual(time) => {
                let mut changes = time.subscribe();
                // The sender lives in `self`, so waiting cannot fail.
                drop(changes.wait_for(|now| *now >= due).await);
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the engine reads a clock"
)]
fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is wrong; the epoch is as good as any other answer.
    Timestamp::from_millis(since.map_or(0, |since| since.as_millis() as u64))
}
