//! Repeatable chance: the seed is given, so a run can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of numbers that is shared by the calls of one layer.
///
/// Source: the generator SplitMix64, as published by Steele, Lea and Flood (2014).
#[derive(Debug)]
pub(super) struct Dice {
    state: AtomicU64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// Returns a number from 0 to below 1.
    pub(super) fn roll(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.state.fetch_add(STEP, Ordering::Relaxed);
        let mut mixed = state.wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The 53 bits that a float holds exactly.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}
