//! The seam to wherever sessions are kept.

use async_trait::async_trait;

use super::SessionRecord;
use crate::{Fence, SessionId};

/// Keeps the logs of sessions. It knows nothing of what the records mean.
///
/// One writer at a time: whoever claimed the session last may append, everyone before is
/// refused. [`check_session_store`](crate::session::check_session_store) checks an implementation.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Takes the session for one writer; earlier fences of the session are stale from now on.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] when the store cannot be written.
    async fn claim(&self, session: &SessionId) -> Result<Fence, StoreError>;

    /// Appends records, all or none, durably when it returns. They follow what is there
    /// without a gap.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Fenced`] when the session was claimed by another writer,
    /// [`StoreError::OutOfOrder`] when the first record does not follow the last stored one,
    /// and [`StoreError::Unavailable`] when the store cannot be written.
    ///
    /// # Cancel safety
    ///
    /// A dropped append has happened as a whole or not at all.
    async fn append(
        &self,
        session: &SessionId,
        fence: Fence,
        records: &[SessionRecord],
    ) -> Result<(), StoreError>;

    /// Returns all records of the session, oldest first; none for a session that never was.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] when the store cannot be read, and
    /// [`StoreError::Corrupt`] when what is stored is damaged other than by a torn last write.
    async fn load(&self, session: &SessionId) -> Result<Vec<SessionRecord>, StoreError>;

    /// Returns the ids of all sessions, in order.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] when the store cannot be read.
    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError>;
}

/// A store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer took the session; this one must stop at once.
    #[error("session `{session}` is driven by another process")]
    Fenced {
        /// The session.
        session: SessionId,
    },
    /// The records do not follow the stored ones: the caller lost track of the log.
    #[error("record {found} was appended to session `{session}` where {expected} belongs")]
    OutOfOrder {
        /// The session.
        session: SessionId,
        /// The position that comes next.
        expected: u64,
        /// The position of the first record given.
        found: u64,
    },
    /// What is stored is damaged.
    #[error("session `{session}` is damaged: {message}")]
    Corrupt {
        /// The session.
        session: SessionId,
        /// Where and how.
        message: String,
    },
    /// The store cannot be reached, read or written: a full disk, a missing folder.
    #[error("the session store did not {action}")]
    Unavailable {
        /// What it was asked to do.
        action: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Makes an [`StoreError::Unavailable`] from any error.
    pub fn unavailable(
        action: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable {
            action: action.into(),
            source: source.into(),
        }
    }
}
