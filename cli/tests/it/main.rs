//! The real binary, as its users meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod peers;
mod world;

mod bundle;
mod compare;
#[cfg(target_os = "linux")]
mod crash_score;
mod documents;
mod editors;
mod errors;
mod fork;
mod gateway;
mod kill;
mod models;
mod operate;
mod terminals;
mod tour;
