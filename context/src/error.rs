//! What can go wrong, and what a caller can do about it.

use std::fmt;

use crate::assertion::Assertion;
use crate::audit::CheckpointError;
use crate::commit::Version;
use crate::store::StoreError;
use crate::vault::VaultError;
use crate::{Actor, ItemId, Moment, Snapshot};

/// An operation of the context failed. Nothing of a failed commit was written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// What the commit expected is no longer so.
    #[error("{0}")]
    Conflict(Box<Conflict>),
    /// The value was rejected and may not be asserted again.
    #[error("this value was rejected as {item}")]
    Banned {
        /// The rejected assertion.
        item: ItemId,
    },
    /// Somebody else holds the lease.
    #[error("`{resource}` is leased by {holder} until {until}")]
    LeaseHeld {
        /// What is leased.
        resource: String,
        /// Who holds it.
        holder: Actor,
        /// When the lease ends.
        until: Moment,
    },
    /// The caller no longer holds the lease.
    #[error("the lease of `{resource}` has ended")]
    LeaseLost {
        /// What was leased.
        resource: String,
    },
    /// The input breaks a rule that is known beforehand.
    #[error("{rule}")]
    Invalid {
        /// The rule, as a sentence about the input.
        rule: String,
    },
    /// No such entity in the scope.
    #[error("no entity is known as `{name}`")]
    UnknownEntity {
        /// How the caller named it.
        name: String,
    },
    /// No such item in the scope.
    #[error("no item {id} in this scope")]
    UnknownItem {
        /// The item.
        id: ItemId,
    },
    /// The authority of the caller does not reach that far.
    #[error("{act} needs the authority of a person")]
    NotAllowed {
        /// What was tried.
        act: &'static str,
    },
    /// The idempotency key was used before, for something else.
    #[error("the idempotency key `{key}` was used for a different commit")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The snapshot lies ahead of everything that was committed.
    #[error("snapshot {asked} does not exist yet: the last one is {last}")]
    FutureSnapshot {
        /// The snapshot that was asked for.
        asked: Snapshot,
        /// The last one.
        last: Snapshot,
    },
    /// The store was written by a newer version of this program.
    #[error("the store has format {found}, and this version reads up to format {supported}")]
    NewerFormat {
        /// The format of the store.
        found: u64,
        /// The newest that can be read.
        supported: u64,
    },
    /// The store was written by an older version of this program, in a format that this one
    /// does not read.
    #[error("the store has format {found}, and this version reads format {supported} only")]
    OlderFormat {
        /// The format of the store.
        found: u64,
        /// The format that can be read.
        supported: u64,
    },
    /// A stored row cannot be read.
    #[error("the stored row is damaged: {detail}")]
    Damaged {
        /// Which, and how.
        detail: String,
    },
    /// The store failed.
    #[error("the store of the context failed")]
    Store(#[source] StoreError),
    /// The key vault failed.
    #[error("the keys of the context could not be used")]
    Vault(#[source] VaultError),
    /// The name of a log cannot stand in a checkpoint.
    #[error("the audit trail was not signed")]
    Checkpoint(#[source] CheckpointError),
    /// The journal of runs that the audit trail follows cannot be read.
    #[error("the journal of runs cannot be read: {why}")]
    Journal {
        /// Why not.
        why: String,
    },
    /// The writer has stopped after an earlier failure.
    #[error("the writer of the context has stopped")]
    Stopped,
}

impl ContextError {
    pub(crate) fn invalid(rule: impl Into<String>) -> Self {
        Self::Invalid { rule: rule.into() }
    }

    pub(crate) fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged {
            detail: detail.into(),
        }
    }

    /// Returns what the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Conflict(_)
            | Self::FutureSnapshot { .. }
            | Self::LeaseHeld { .. }
            | Self::LeaseLost { .. } => Remedy::ReadAgain,
            Self::Invalid { .. }
            | Self::UnknownEntity { .. }
            | Self::UnknownItem { .. }
            | Self::Checkpoint(_)
            | Self::KeyReused { .. } => Remedy::ChangeTheRequest,
            Self::Journal { .. } => Remedy::FixTheEnvironment,
            Self::NotAllowed { .. } | Self::Banned { .. } => Remedy::AskAPerson,
            Self::NewerFormat { .. } => Remedy::UpdateTheProgram,
            Self::OlderFormat { .. } => Remedy::ExportWithTheOldProgram,
            Self::Damaged { .. } => Remedy::RestoreABackup,
            Self::Store(error) => error.remedy(),
            Self::Vault(error) => error.remedy(),
            Self::Stopped => Remedy::OpenAgain,
        }
    }
}

impl From<StoreError> for ContextError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CheckpointError> for ContextError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

impl From<VaultError> for ContextError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

/// What a caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// Read the current state and decide again.
    ReadAgain,
    /// Change the request: repeating it fails again.
    ChangeTheRequest,
    /// Let a person do it.
    AskAPerson,
    /// Install a newer version of the program.
    UpdateTheProgram,
    /// Export the store with the program that wrote it, and import it into a new one.
    ExportWithTheOldProgram,
    /// Restore the store and its keys from a backup.
    RestoreABackup,
    /// Find who has the store open, or free disk space, and try again.
    FixTheEnvironment,
    /// Open the store again; what was acknowledged is there.
    OpenAgain,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadAgain => "read the current state and decide again",
            Self::ChangeTheRequest => "change the request; repeating it fails again",
            Self::AskAPerson => "let a person do it",
            Self::UpdateTheProgram => "install a newer version of the program",
            Self::ExportWithTheOldProgram => {
                "export it with the program that wrote it, and import that into a new store"
            }
            Self::RestoreABackup => "restore the store and its keys from a backup",
            Self::FixTheEnvironment => {
                "see who has the store open and whether the disk has room, then try again"
            }
            Self::OpenAgain => "open the store again; what was acknowledged is there",
        })
    }
}

/// Somebody else changed what a commit relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The subject's name.
    pub subject: String,
    /// The predicate.
    pub predicate: String,
    /// What clashes.
    pub clash: Clash,
    /// What the store says now, each with its provenance.
    pub assertions: Vec<Assertion>,
}

/// What clashes in a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clash {
    /// The version is not the one that the commit expected.
    Version {
        /// The version that the commit expected.
        expected: Version,
        /// The version that the store has.
        current: Version,
    },
    /// The predicate takes one accepted value at a time, and there is another one.
    OneValue,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of `{}` ", self.predicate, self.subject)?;
        let Clash::Version { expected, current } = self.clash else {
            return f.write_str("takes one value at a time, and has another one");
        };
        match (expected, current) {
            (Version::Absent, _) => f.write_str("has been asserted meanwhile"),
            (Version::Commit(expected), Version::Commit(current)) => write!(
                f,
                "was changed by commit {current}, after the expected {expected}"
            ),
            (Version::Commit(expected), Version::Absent) => {
                write!(
                    f,
                    "was never asserted, although commit {expected} is expected"
                )
            }
        }
    }
}
