//! Interchange: other people's forms of memory, in and out. The store keeps facts; these are
//! ways to speak to it in words that a client knows already.

mod memory_files;
mod memory_graph;
mod memory_names;
mod memory_server;
mod memory_tools;

pub use memory_files::{FileError, MemoryFiles};
pub use memory_graph::{InvalidLine, MemoryEntity, MemoryGraph, MemoryRelation};
pub use memory_server::{Added, Deleted, MemoryError, MemoryServer};
