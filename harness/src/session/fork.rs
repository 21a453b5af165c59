//! Histories of forked sessions: the parent's records up to a point, then the session's own.
//! Nothing is copied; a fork's first record points at its parent.

use serde::{Deserialize, Serialize};

use super::{RecordError, SessionEvent, SessionRecord, SessionStore, verify_chain};
use crate::error::HarnessError;
use crate::{Digest, SessionId, Timestamp};

/// Forks of forks of forks: a longer line than this is a circle.
const FORKS_MAX: usize = 64;

/// A log of fewer records is read sooner than a thread is started.
const RECORDS_TOGETHER: usize = 512;

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
    /// All events, oldest first, in the order in which they are folded.
    pub(crate) events: Vec<(SessionEvent, Timestamp)>,
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
    let (tip, own) = read(session, &store.load(session).await?)?;
    let count = own.len();
    let mut parts = vec![own];
    for _ in 0..FORKS_MAX {
        let oldest = parts.last().and_then(|events| events.first());
        let Some((SessionEvent::Forked(fork), _)) = oldest else {
            return Ok(History {
                events: parts.into_iter().rev().flatten().collect(),
                own: count,
                tip,
            });
        };
        let part = up_to(store, fork).await?;
        parts.push(part);
    }
    Err(broken(session, 1).into())
}

/// Returns the events of a session that a fork goes on from.
async fn up_to(
    store: &dyn SessionStore,
    fork: &Fork,
) -> Result<Vec<(SessionEvent, Timestamp)>, HarnessError> {
    let mut records = store.load(&fork.parent).await?;
    records.truncate(usize::try_from(fork.seq).unwrap_or(usize::MAX));
    let (tip, events) = read(&fork.parent, &records)?;
    if events.len() as u64 != fork.seq || tip != fork.tip {
        return Err(broken(&fork.parent, fork.seq).into());
    }
    Ok(events)
}

/// Checks a chain and reads its events; of a long log, both at the same time.
fn read(
    session: &SessionId,
    records: &[SessionRecord],
) -> Result<(Digest, Vec<(SessionEvent, Timestamp)>), RecordError> {
    let check = || verify_chain(session, records);
    let events = || -> Result<Vec<_>, RecordError> {
        let read = records
            .iter()
            .map(|record| Ok((record.event()?, record.at)));
        read.collect()
    };
    if records.len() < RECORDS_TOGETHER {
        return Ok((check()?, events()?));
    }
    std::thread::scope(|scope| {
        let checked = scope.spawn(check);
        let events = events();
        let tip = checked.join().expect("checking a chain never panics")?;
        Ok((tip, events?))
    })
}

fn broken(session: &SessionId, seq: u64) -> RecordError {
    RecordError::BrokenChain {
        session: session.clone(),
        seq,
    }
}
