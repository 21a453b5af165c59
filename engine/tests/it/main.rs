//! Integration tests of the engine: one binary.

#[cfg(feature = "runtime")]
mod crash;
mod definition;
#[cfg(feature = "http")]
mod http;
mod journal;
mod run;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(feature = "sim")]
mod sim;
