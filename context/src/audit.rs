//! The audit trail: a Merkle tree over everything that happened. Whoever keeps one checkpoint
//! can find out later whether anything before it was changed, left out or reordered.

mod bundle;
mod check;
mod checkpoint;
mod flaw;
mod indexes;
mod leaf;
mod log;
mod runs;
mod tiles;
mod tree;

pub use bundle::{Bundle, BundleError};
pub use checkpoint::{Checkpoint, CheckpointError, PublicKey};
pub use flaw::{AuditReport, Flaw};
pub use leaf::{Commitment, Leaf, Origin};
pub use log::AuditLog;
pub use runs::RunLog;
pub(crate) use tiles::{TILE_LEAVES, Tree, encode_tile};
pub(crate) use tree::Frontier;
pub use tree::{Hash, InvalidHash, verify_consistency, verify_inclusion};
