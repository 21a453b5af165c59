//! Integration tests of the engine: one binary.

mod definition;
mod journal;
mod run;
