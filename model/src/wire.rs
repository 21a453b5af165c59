//! Wire dialects as pure codecs: requests into bytes, bytes into events. No I/O in here.

mod request;

pub use request::WireRequest;
