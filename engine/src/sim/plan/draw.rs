//! How a routine is drawn from a seed.

use super::{FUNCTIONS, Kind, Plan, Retry, Task, Then};
use crate::sim::chance::Chance;

/// How deep tasks nest.
const DEPTH_MAX: u32 = 4;

/// How long calls, waits and limits are at most, in milliseconds: long enough that two sums
/// of them are never equal.
const MILLIS_MAX: u64 = 1 << 40;

impl Plan {
    /// Draws a routine.
    pub fn draw(seed: u64) -> Self {
        let mut chance = Chance::of_seed(seed);
        let start = chance.below(1_000);
        Self {
            seed,
            start,
            tasks: list(&mut chance, 0),
        }
    }
}

pub(super) fn millis(chance: &mut Chance) -> u64 {
    // Small ones as well, so that limits pass and do not pass.
    let bits = 20 + chance.below(20);
    1 + chance.below(MILLIS_MAX.min(1 << bits))
}

pub(super) fn status(chance: &mut Chance) -> u16 {
    chance.pick(&[404, 503, 408])
}

fn list(chance: &mut Chance, depth: u32) -> Vec<Task> {
    let count = if depth == 0 { 2 } else { 1 } + chance.below(4);
    (0..count).map(|_| task(chance, depth)).collect()
}

fn task(chance: &mut Chance, depth: u32) -> Task {
    Task {
        only: chance.percent(15).then(|| chance.below(3)),
        exports: chance.percent(25),
        limit: chance.percent(15).then(|| millis(chance)),
        then: match chance.below(60) {
            0 | 1 => Then::Exit,
            2 => Then::End,
            3 | 4 => Then::Jump(chance.below(3) as usize),
            _ => Then::Continue,
        },
        kind: kind(chance, depth),
    }
}

fn kind(chance: &mut Chance, depth: u32) -> Kind {
    let leaf = depth >= DEPTH_MAX || chance.percent(if depth == 0 { 15 } else { 45 });
    match chance.below(if leaf { 12 } else { 16 }) {
        _ if !leaf => inner(chance, depth),
        0..=2 => Kind::Set(chance.below(9)),
        3 => Kind::Recall,
        4 => Kind::Switch(
            (0..=chance.below(2))
                .map(|_| match chance.below(6) {
                    0 => Then::Exit,
                    1 => Then::Jump(chance.below(3) as usize),
                    _ => Then::Continue,
                })
                .collect(),
        ),
        5 if depth > 0 => Kind::Raise(status(chance)),
        6 => Kind::Wait(millis(chance)),
        _ => Kind::Call(chance.pick(&FUNCTIONS)),
    }
}

fn inner(chance: &mut Chance, depth: u32) -> Kind {
    let depth = depth + 1;
    match chance.below(10) {
        0..=1 => Kind::Do(list(chance, depth)),
        2..=3 => Kind::For {
            items: (0..chance.below(4)).map(|_| chance.below(9)).collect(),
            below: chance.percent(30).then(|| chance.below(1_000)),
            body: list(chance, depth),
        },
        4..=7 => Kind::Try {
            body: list(chance, depth),
            status: chance.percent(30).then(|| status(chance)),
            retry: chance.percent(60).then(|| Retry {
                count: 1 + chance.below(3) as u32,
                delay: millis(chance),
                attempt_limit: chance.percent(30).then(|| millis(chance)),
            }),
            handler: chance.percent(50).then(|| list(chance, depth)),
        },
        _ => Kind::Fork {
            branches: (0..=chance.below(3)).map(|_| arm(chance, depth)).collect(),
            compete: chance.percent(40),
        },
    }
}

/// A branch begins with a call, so that it never ends in the moment in which it begins.
fn arm(chance: &mut Chance, depth: u32) -> Vec<Task> {
    let mut tasks = list(chance, depth);
    let first = Task {
        only: None,
        exports: false,
        limit: None,
        then: Then::Continue,
        kind: Kind::Call(chance.pick(&FUNCTIONS)),
    };
    tasks.insert(0, first);
    tasks
}
