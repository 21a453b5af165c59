//! Random routines: a small grammar.
//!
//! Data is `{ n: … }`, a number below a thousand. Nothing takes the same time twice, so that
//! no two things ever happen at once and the order of everything is determined.

mod draw;
mod shrink;
mod write;

use super::chance::{Chance, mix};

/// A random routine, and how the world answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Where its numbers come from.
    pub seed: u64,
    /// The first `n`.
    pub start: u64,
    /// Its tasks.
    pub tasks: Vec<Task>,
}

/// One task; its name is `t` and its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// It runs only when `n` leaves this remainder by three.
    pub only: Option<u64>,
    /// Whether it adds `n` to the context afterwards.
    pub exports: bool,
    /// Its time limit, in milliseconds.
    pub limit: Option<u64>,
    /// Where it leads.
    pub then: Then,
    /// What it does.
    pub kind: Kind,
}

/// Where a task leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// To the next task.
    Continue,
    /// Out of the list.
    Exit,
    /// To the end of the run.
    End,
    /// To the task at this position, modulo the length of the list.
    Jump(usize),
}

/// What a task does.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `n` becomes `(n * 3 + add) % 1000`, plus the item inside of a loop.
    Set(u64),
    /// `n` becomes `(n + context) % 1000`.
    Recall,
    /// Tasks in order.
    Do(Vec<Task>),
    /// Where to go for the remainders of `n` by four, from zero on.
    Switch(Vec<Then>),
    /// Tasks for each item.
    For {
        /// The items.
        items: Vec<u64>,
        /// It goes on only while `n` is below this.
        below: Option<u64>,
        /// The body.
        body: Vec<Task>,
    },
    /// Tasks whose problems are dealt with.
    Try {
        /// The body.
        body: Vec<Task>,
        /// The status that is caught; by default every problem is.
        status: Option<u16>,
        /// How it is tried again.
        retry: Option<Retry>,
        /// What is done in the end.
        handler: Option<Vec<Task>>,
    },
    /// Branches at the same time; `n` becomes their sum, or that of the winner.
    Fork {
        /// The branches; each begins with a call.
        branches: Vec<Vec<Task>>,
        /// Whether the first one wins.
        compete: bool,
    },
    /// A problem.
    Raise(u16),
    /// A call; the classes are `pure`, `look`, `put` and `work`.
    Call(&'static str),
    /// So many milliseconds.
    Wait(u64),
}

/// How something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The most attempts.
    pub count: u32,
    /// The delay between them, in milliseconds.
    pub delay: u64,
    /// The time limit of one attempt, in milliseconds.
    pub attempt_limit: Option<u64>,
}

/// What a call comes back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// How long it takes, in milliseconds.
    pub takes: u64,
    /// What is added to twice `n`, or the status of the problem.
    pub result: Result<u64, u16>,
}

/// The functions that plans call.
pub(super) const FUNCTIONS: [&str; 4] = ["pure", "look", "put", "work"];

impl Plan {
    /// Returns how the world answers a call: always the same for the same attempt.
    pub fn answer(&self, key: &str, attempt: u32) -> Answer {
        let mut chance = Chance::of_seed(mix(self.seed, key) ^ u64::from(attempt));
        chance.number();
        Answer {
            takes: draw::millis(&mut chance),
            result: if chance.percent(75) {
                Ok(chance.below(9))
            } else {
                Err(draw::status(&mut chance))
            },
        }
    }
}
