//! How long to wait before an attempt. Pure arithmetic: the random part comes from a hash.

use crate::definition::tree::Backoff;
use crate::{Digest, RunId, TaskKey};

/// Returns the delay after that many failed attempts (from 1), without jitter.
pub(super) fn delay_millis(backoff: Backoff, first_millis: u64, failed: u32) -> u64 {
    let factor = match backoff {
        Backoff::Constant => 1,
        Backoff::Linear => u64::from(failed),
        Backoff::Exponential => 1_u64
            .checked_shl(failed.saturating_sub(1))
            .unwrap_or(u64::MAX),
    };
    first_millis.saturating_mul(factor)
}

/// Returns a number that is the same whenever the same delay is computed, and spread evenly
/// over runs, tasks and attempts.
pub(super) fn seed(run: RunId, key: &TaskKey, attempt: u32, failed: u32) -> u64 {
    let mut text = run.to_bytes().to_vec();
    text.extend_from_slice(key.as_str().as_bytes());
    text.extend_from_slice(&attempt.to_be_bytes());
    text.extend_from_slice(&failed.to_be_bytes());
    let mut number = [0_u8; 8];
    number.copy_from_slice(&Digest::of_bytes(&text).as_bytes()[..8]);
    u64::from_be_bytes(number)
}

/// Returns the random part of a delay, both ends included.
pub(super) fn jitter_millis(from: u64, to: u64, seed: u64) -> u64 {
    match to.checked_sub(from) {
        None | Some(0) => from,
        Some(u64::MAX) => seed,
        Some(width) => from + seed % (width + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_as_the_policy_says() {
        let cases = [
            (Backoff::Constant, [100, 100, 100, 100]),
            (Backoff::Linear, [100, 200, 300, 400]),
            (Backoff::Exponential, [100, 200, 400, 800]),
        ];
        for (backoff, expected) in cases {
            let delays = [1, 2, 3, 4].map(|failed| delay_millis(backoff, 100, failed));
            assert_eq!(delays, expected, "{backoff:?}");
        }
    }

    #[test]
    fn delays_stay_at_the_end_of_time() {
        assert_eq!(delay_millis(Backoff::Exponential, 100, 63), u64::MAX);
        assert_eq!(delay_millis(Backoff::Exponential, 100, u32::MAX), u64::MAX);
        assert_eq!(delay_millis(Backoff::Exponential, 0, u32::MAX), 0);
    }

    #[test]
    fn jitter_stays_between_its_ends() {
        for seed in [0, 1, 2, 3, 1000, u64::MAX] {
            assert!((5..=7).contains(&jitter_millis(5, 7, seed)));
        }
        assert_eq!(jitter_millis(5, 5, 9), 5);
        assert_eq!(jitter_millis(7, 5, 9), 7);
        assert_eq!(jitter_millis(0, u64::MAX, 9), 9);
    }
}
