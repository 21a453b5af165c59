//! The real binary, as its users meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

#[cfg(target_os = "linux")]
mod crash_score;
mod documents;
mod errors;
mod kill;
mod models;
mod terminals;
mod tour;
