//! The audit trail: a Merkle tree over everything that happened. Whoever keeps one checkpoint
//! can find out later whether anything before it was changed, left out or reordered.

mod leaf;
mod log;
mod tiles;
mod tree;

pub use leaf::{Commitment, Leaf, Origin};
pub use log::{AuditLog, AuditReport, Flaw};
pub(crate) use tiles::{TILE_LEAVES, Tree, encode_tile};
pub(crate) use tree::Frontier;
pub use tree::{Hash, InvalidHash, verify_consistency, verify_inclusion};
