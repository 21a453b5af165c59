//! Integration tests of the engine: one binary.

#[cfg(feature = "http")]
mod conformance;
#[cfg(feature = "runtime")]
mod crash;
mod definition;
mod diff;
#[cfg(feature = "http")]
mod http;
mod journal;
#[cfg(feature = "runtime")]
mod process;
mod run;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(feature = "sim")]
mod sim;
