//! Behaviour of the context through its public face, against simple models.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests look at files from outside"
)]

mod crash;
mod fixture;
mod graph;
mod merkle;
mod stores;
mod writing;
