//! What a check of the audit trail can find.

use super::Hash;
use crate::{ItemId, Snapshot};

/// What a check of the audit trail found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Leaves that were read.
    pub size: u64,
    /// The root over all of them, computed from the leaves themselves.
    pub root: Hash,
    /// Commits of the context whose rows were compared with their leaves.
    pub commits: u64,
    /// What is wrong, the first hundred.
    pub flaws: Vec<Flaw>,
}

/// Something in the audit trail is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The bytes are no leaf.
    #[error("leaf {position} cannot be read")]
    UnreadableLeaf {
        /// Where.
        position: u64,
    },
    /// Leaves are missing or too many.
    #[error("{found} leaves are there, and {expected} were counted")]
    LeafCount {
        /// How many are there.
        found: u64,
        /// How many the head counts.
        expected: u64,
    },
    /// The leaves do not have the root that the head keeps.
    #[error("the leaves do not add up to the root that is kept")]
    Root,
    /// A tile does not hold the hashes of its leaves.
    #[error("tile {index} of level {level} does not fit its leaves")]
    Tile {
        /// The level.
        level: u8,
        /// The index.
        index: u64,
    },
    /// The records of a run have a gap in their numbers.
    #[error("run `{run}` has leaf {found} where {expected} should follow")]
    RunGap {
        /// The run.
        run: String,
        /// The number that should come.
        expected: u64,
        /// The number that comes.
        found: u64,
    },
    /// The rows of a commit are not what its leaf vouches for.
    #[error("the rows of commit {commit} are not what leaf {position} vouches for")]
    CommitRows {
        /// The commit.
        commit: Snapshot,
        /// Its leaf.
        position: u64,
    },
    /// A record of the journal has no leaf, several, or one that says something else.
    #[error(
        "record {seq} of run `{run}` has {leaves} leaves, and none or not the same in the trail"
    )]
    Record {
        /// The run.
        run: String,
        /// The record.
        seq: u64,
        /// How many leaves it has.
        leaves: u64,
    },
    /// A leaf speaks of a record that the journal does not have.
    #[error("record {seq} of run `{run}` has a leaf, and is not in the journal")]
    NoRecord {
        /// The run.
        run: String,
        /// The record.
        seq: u64,
    },
    /// The index of runs does not lead to the leaf of a record.
    #[error("the index of runs does not lead to leaf {position}")]
    RunIndex {
        /// The leaf.
        position: u64,
    },
    /// A row of an index is not what the log makes of it.
    #[error("a row of index `{table}` is not what the log makes of it")]
    Index {
        /// The letter of the table.
        table: char,
    },
    /// A text cannot be opened, or is not what its commitment vouches for.
    #[error("the text of row {item} cannot be opened, and was never forgotten")]
    Text {
        /// The row.
        item: ItemId,
    },
    /// The log, or a key, cannot be read.
    #[error("the log cannot be read: {why}")]
    Unreadable {
        /// Why not.
        why: String,
    },
    /// A checkpoint was not signed by this store.
    #[error("the checkpoint of {size} leaves was not signed by this store")]
    CheckpointSignature {
        /// Its size.
        size: u64,
    },
    /// A checkpoint knows more leaves than there are.
    #[error("the checkpoint has {size} leaves, and the trail has fewer")]
    CheckpointAhead {
        /// Its size.
        size: u64,
    },
    /// The trail does not begin with what a checkpoint vouches for.
    #[error("the first {size} leaves are not those of the checkpoint")]
    CheckpointRoot {
        /// Its size.
        size: u64,
    },
    /// A commit has no leaf, or more than one.
    #[error("commit {commit} has {leaves} leaves")]
    CommitLeaves {
        /// The commit.
        commit: Snapshot,
        /// How many it has.
        leaves: u64,
    },
}
