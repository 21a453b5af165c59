//! The stored format, version 1: every table and key.
#![doc = include_str!("../../docs/format.md")]

/// The format of the stores that this version writes, and the newest that it reads.
pub const VERSION: u64 = 1;
