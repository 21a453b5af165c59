//! Integration tests: golden requests, recorded streams, provider bugs, and the transport
//! against loopback servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod ask;
mod decoding;
mod fuzz;
mod goldens;
mod inference;
mod keys;
mod peer;
mod provider_bugs;
mod server;
mod services;
mod transport;
