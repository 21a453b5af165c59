//! What a tool does to the world, and so what happens to its calls after a crash.

use serde::{Deserialize, Serialize};

/// What repeating a call means.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum EffectClass {
    /// Computes; repeating changes nothing.
    Pure,
    /// Reads; repeating may give another answer.
    Read,
    /// Repeating with the same key is applied once.
    Idempotent,
    /// Its result can be looked up afterwards.
    Verifiable,
    /// It can be undone.
    Compensable,
    /// It can be taken up again by its key.
    Resumable,
    /// None of these: after a crash, nobody can say whether it happened.
    #[default]
    Unsafe,
}

impl EffectClass {
    /// Says whether a call changes nothing outside.
    pub fn only_looks(self) -> bool {
        matches!(self, Self::Pure | Self::Read)
    }

    /// Returns the word that records and messages use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Read => "read",
            Self::Idempotent => "idempotent",
            Self::Verifiable => "verifiable",
            Self::Compensable => "compensable",
            Self::Resumable => "resumable",
            Self::Unsafe => "unsafe",
        }
    }
}

/// How far a call can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Nothing outside the agent's workspace folder can change.
    Workspace,
    /// Anything.
    #[default]
    World,
}
