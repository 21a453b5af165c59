//! Integration tests of the engine: one binary.

mod definition;
mod http;
mod journal;
mod run;
mod runtime;
