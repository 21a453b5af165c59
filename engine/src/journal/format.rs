//! The stored format, version 2: every table and key.
#![doc = include_str!("../../docs/format.md")]

/// The format of the stores that this version writes, and the newest that it reads.
pub const VERSION: u64 = 2;

/// The format before there was a log in front of the tables.
pub(crate) const WITHOUT_LOG: u64 = 1;
