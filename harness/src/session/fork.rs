//! Histories of forked sessions: the parent's records up to a point, then the session's own.
//! Nothing is copied; a fork's first record points at its parent.

use serde::{Deserialize, Serialize};

use super::{RecordError, SessionEvent, SessionRecord, SessionStore, verify_chain};
use crate::error::HarnessError;
use crate::{Digest, SessionId};

/// Forks of forks of forks: a longer line than this is a circle.
const FORKS_MAX: usize = 64;

/// The session goes on from a point of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fork {
    /// The other session.
    pub parent: SessionId,
    /// Its last record that counts here.
    pub seq: u64,
    /// The hash of that record.
    pub tip: Digest,
}

/// Everything that happened in a session, its parents included.
#[derive(Debug)]
pub(crate) struct History {
    /// All records, oldest first, in the order in which they are folded.
    pub(crate) records: Vec<SessionRecord>,
    /// How many of them, at the end, are the session's own.
    pub(crate) own: usize,
    /// The hash of the last own record.
    pub(crate) tip: Digest,
}

/// Loads the history of a session and checks every chain that is part of it.
pub(crate) async fn history(
    store: &dyn SessionStore,
    session: &SessionId,
) -> Result<History, HarnessError> {
    let own = store.load(session).await?;
    let tip = verify_chain(session, &own)?;
    let count = own.len();
    let mut parts = vec![own];
    for _ in 0..FORKS_MAX {
        let oldest = parts.last().and_then(|records| records.first());
        let Some(fork) = oldest.map(fork_of).transpose()?.flatten() else {
            let records = parts.into_iter().rev().flatten().collect();
            return Ok(History {
                records,
                own: count,
                tip,
            });
        };
        parts.push(up_to(store, &fork).await?);
    }
    Err(broken(session, 1).into())
}

/// Returns the records of a session that a fork goes on from.
async fn up_to(store: &dyn SessionStore, fork: &Fork) -> Result<Vec<SessionRecord>, HarnessError> {
    let mut records = store.load(&fork.parent).await?;
    records.truncate(usize::try_from(fork.seq).unwrap_or(usize::MAX));
    let tip = verify_chain(&fork.parent, &records)?;
    if records.len() as u64 != fork.seq || tip != fork.tip {
        return Err(broken(&fork.parent, fork.seq).into());
    }
    Ok(records)
}

fn fork_of(record: &SessionRecord) -> Result<Option<Fork>, RecordError> {
    if record.kind != "forked" {
        return Ok(None);
    }
    match record.event()? {
        SessionEvent::Forked(fork) => Ok(Some(fork)),
        _ => Ok(None),
    }
}

fn broken(session: &SessionId, seq: u64) -> RecordError {
    RecordError::BrokenChain {
        session: session.clone(),
        seq,
    }
}
