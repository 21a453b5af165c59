//! Why the journal refused or failed, and what the caller can do about it.

use std::io;

use super::Epoch;
use crate::{Digest, RunId, Sequence};

/// The journal refused a write, or could not read or write its storage.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has the store open.
    #[error("the store is open in another process")]
    InUse,
    /// A later version of this program wrote the store.
    #[error("the store has format {found}; this version knows formats up to {supported}")]
    NewerFormat {
        /// The format of the store.
        found: u64,
        /// The newest format that this version reads.
        supported: u64,
    },
    /// There is no room left; what was acknowledged before is safe.
    #[error("the disk is full")]
    Full(#[source] io::Error),
    /// The storage failed; what was acknowledged before is safe.
    #[error("the storage failed")]
    Storage(#[source] io::Error),
    /// What is stored contradicts itself, or is not a journal at all.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Somebody else has taken the store over since the caller claimed it.
    #[error("the store was taken over: epoch {held} is past, the owner's is {current}")]
    Fenced {
        /// The caller's epoch.
        held: Epoch,
        /// The owner's epoch.
        current: Epoch,
    },
    /// The records do not continue what is stored of the run.
    #[error("run {run} continues with record {expected}, not with {found}")]
    OutOfOrder {
        /// The run.
        run: RunId,
        /// The number that its next record must have.
        expected: Sequence,
        /// The number that was given.
        found: Sequence,
    },
    /// A start key names another run already.
    #[error("the key `{key}` belongs to run {run}")]
    KeyTaken {
        /// The key.
        key: String,
        /// The run that was started with it.
        run: RunId,
    },
    /// The version of a routine is published with another content; published is for ever.
    #[error("`{name}` is already published with other content ({digest})")]
    AlreadyPublished {
        /// `namespace/name@version`.
        name: String,
        /// The digest of what is published.
        digest: Digest,
    },
    /// A publication names a definition that is not stored.
    #[error("no definition {0} is stored")]
    UnknownDefinition(Digest),
    /// A record refers to a value that is neither stored nor given.
    #[error("no value {0} is stored")]
    UnknownPayload(Digest),
    /// The first batch of a run comes without a row.
    #[error("run {0} has no row yet, and none is given")]
    NoRow(RunId),
    /// Only runs that have ended can be removed.
    #[error("run {0} has not ended")]
    NotEnded(RunId),
    /// A value is larger than the journal stores.
    #[error("a value of {size_bytes} bytes is too large to be stored; {bytes_max} is the most")]
    TooLarge {
        /// Its size, in bytes.
        size_bytes: u64,
        /// The limit, in bytes.
        bytes_max: u64,
    },
}

/// What the caller of a failed journal call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask the process that has the store open.
    AskOwner,
    /// Use a version of the program that is at least as new as the store.
    UpgradeProgram,
    /// Make room on the disk, then try again.
    FreeSpace,
    /// Look after the storage (rights, device, mount), then try again.
    FixStorage,
    /// Restore a backup, after a check has said what is damaged.
    RestoreBackup,
    /// Stop: another owner is at work.
    Stop,
    /// Nothing was written; the request itself is wrong.
    FixRequest,
}

impl JournalError {
    /// Says what the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::InUse => Remedy::AskOwner,
            Self::NewerFormat { .. } => Remedy::UpgradeProgram,
            Self::Full(_) => Remedy::FreeSpace,
            Self::Storage(_) => Remedy::FixStorage,
            Self::Damaged(_) => Remedy::RestoreBackup,
            Self::Fenced { .. } => Remedy::Stop,
            Self::OutOfOrder { .. }
            | Self::KeyTaken { .. }
            | Self::AlreadyPublished { .. }
            | Self::UnknownDefinition(_)
            | Self::UnknownPayload(_)
            | Self::NoRow(_)
            | Self::NotEnded(_)
            | Self::TooLarge { .. } => Remedy::FixRequest,
        }
    }

    /// Says whether the journal looked at the write and refused it, as opposed to failing.
    ///
    /// After a refusal nothing of the call is stored; after a failure it is unknown.
    pub fn is_refusal(&self) -> bool {
        matches!(self.remedy(), Remedy::FixRequest | Remedy::Stop)
    }
}

/// Sorts an input or output error: a full disk is its own error.
pub(crate) fn storage_error(error: io::Error) -> JournalError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            JournalError::Full(error)
        }
        _ => JournalError::Storage(error),
    }
}
