//! Behaviour of the context through its public face, against simple models.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests look at files from outside"
)]

mod advice;
mod disk;
mod fixture;
mod golden;
mod journal;
mod merkle;
mod model;
mod processes;
mod properties;
mod stores;
mod tampering;
mod writing;
