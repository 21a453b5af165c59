//! The real binary, as its users meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

mod documents;
mod errors;
mod kill;
mod terminals;
mod tour;
