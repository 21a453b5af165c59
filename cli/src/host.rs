//! One store, many terminals: whoever opens the store serves it; others ask that process.
//!
//! A command says what it wants as a [`protocol::Request`]. Whether the answer comes from this
//! process or through the socket, it is made by the same code.

mod follow;
pub(crate) mod forking;
mod guest;
pub(crate) mod protocol;
pub(crate) mod reading;
mod server;
mod service;
pub(crate) mod socket;
mod steering;
mod store;

pub(crate) use guest::{Guest, Unanswered};
pub(crate) use store::{Purpose, Store};
