//! A switch for crash tests: this process ends itself, as hard as a kill from outside would,
//! right before or right after one of its appends to the log of an agent.
//!
//! `LAYERCAKE_CRASH_AT=before:7` or `after:7`; without the variable nothing is different.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// The variable that sets the switch.
const VARIABLE: &str = "LAYERCAKE_CRASH_AT";

/// Appends of this process so far.
static APPENDS: AtomicU64 = AtomicU64::new(0);

/// The switch, read from the environment once.
static SWITCH: OnceLock<Option<Moment>> = OnceLock::new();

/// When this process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// When the append is about to be made.
    Before(u64),
    /// When it is durable, and nobody knows yet.
    After(u64),
}

/// Counts an append that is about to be made, and returns its number, from 1.
pub(super) fn before_append() -> u64 {
    let number = APPENDS.fetch_add(1, Ordering::SeqCst) + 1;
    end_at(Moment::Before(number));
    number
}

/// Notes that an append is durable.
pub(super) fn after_append(number: u64) {
    end_at(Moment::After(number));
}

fn end_at(moment: Moment) {
    let switch = SWITCH.get_or_init(|| parse(&std::env::var(VARIABLE).ok()?));
    if *switch == Some(moment) {
        // A signal to oneself cannot fail; were it to, the test would notice that nobody died.
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

fn parse(text: &str) -> Option<Moment> {
    let (side, number) = text.split_once(':')?;
    let number = number.parse().ok()?;
    match side {
        "before" => Some(Moment::Before(number)),
        "after" => Some(Moment::After(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, parse};

    #[test]
    fn the_switch_is_read_or_left_alone() {
        assert_eq!(parse("before:7"), Some(Moment::Before(7)));
        assert_eq!(parse("after:1"), Some(Moment::After(1)));
        for other in ["", "after", "after:", "after:x", "during:1"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
