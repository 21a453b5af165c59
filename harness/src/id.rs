//! The names of things: sessions, calls, approvals. Each is made in one place.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Longer names would not fit a file name in a folder store once they are escaped.
const SESSION_ID_BYTES_MAX: usize = 80;

/// Names a session. The caller chooses it; the same id is the same session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

impl SessionId {
    /// Makes an id from a text of 1 to 80 bytes without control characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidSessionId`] for any other text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSessionId> {
        let text = text.into();
        let fits = (1..=SESSION_ID_BYTES_MAX).contains(&text.len());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text))
        } else {
            Err(InvalidSessionId(text))
        }
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidSessionId;

    fn try_from(text: String) -> Result<Self, InvalidSessionId> {
        Self::new(text)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

/// The text cannot name a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a session: 1 to 80 bytes without control characters are expected")]
pub struct InvalidSessionId(String);

/// Names one tool call in its session: turn and position, so that models may reuse their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId {
    /// The turn that asked for the call, from 1.
    pub turn: u32,
    /// The position among the calls of that turn, from 0.
    pub index: u32,
}

impl CallId {
    /// Derives the key under which the outside may apply the call once.
    pub fn idempotency_key(self, session: &SessionId) -> String {
        format!("{session}/{self}")
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.turn, self.index)
    }
}

/// Names one question to a person; derived from what is asked, so that asking twice is asking
/// once, and so that an answer fits nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalId(Digest);

impl ApprovalId {
    /// Derives the id from the session, the call and the digest of its arguments.
    pub fn derive(session: &SessionId, call: CallId, arguments: Digest) -> Self {
        let asker = Digest::of_bytes(call.idempotency_key(session).as_bytes());
        Self(asker.then(arguments))
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A writer's right to append to a session. A later claim makes every earlier fence stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(u64);

impl Fence {
    /// Makes a fence from its number; stores count up by one with each claim.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub fn number(self) -> u64 {
        self.0
    }
}
