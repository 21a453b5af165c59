//! What every [`SessionStore`] must do, as a check that any implementation can run.

use std::sync::Arc;

use super::{Notice, NoticeCause, SessionEvent, SessionRecord, SessionStore, StoreError};
use crate::{Digest, Fence, SessionId, Timestamp};

/// A store does not keep the contract of [`SessionStore`].
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// It did something else than it must.
    #[error("the store broke the contract: {0}")]
    Broken(String),
    /// It failed where it must not.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Checks a store. `open` opens the same, at first empty, store each time it is called; an
/// implementation that keeps nothing beyond its value returns a clone of one [`Arc`].
///
/// # Errors
///
/// Returns [`ContractError`] with the first rule that the store breaks.
pub async fn check_session_store(
    open: impl Fn() -> Arc<dyn SessionStore>,
) -> Result<(), ContractError> {
    starts_empty(&*open()).await?;
    keeps_what_was_appended(&open).await?;
    refuses_gaps(&*open()).await?;
    refuses_stale_fences(&open).await?;
    keeps_sessions_apart(&*open()).await
}

async fn starts_empty(store: &dyn SessionStore) -> Result<(), ContractError> {
    must(
        store.sessions().await?.is_empty(),
        "a new store has no sessions",
    )?;
    let records = store.load(&named("absent")).await?;
    must(
        records.is_empty(),
        "a session that never was has no records",
    )
}

async fn keeps_what_was_appended(
    open: &impl Fn() -> Arc<dyn SessionStore>,
) -> Result<(), ContractError> {
    let session = named("kept/with: odd [name] é");
    let records = sample(5);
    let store = open();
    let fence = store.claim(&session).await?;
    store.append(&session, fence, &records[..2]).await?;
    store.append(&session, fence, &records[2..]).await?;
    must(
        store.load(&session).await? == records,
        "load returns what was appended",
    )?;
    drop(store);
    let again = open();
    must(
        again.load(&session).await? == records,
        "what was appended outlives the writer",
    )?;
    let fence = again.claim(&session).await?;
    must(
        again.load(&session).await? == records,
        "a claim changes no record",
    )?;
    let more = sample(6).split_off(5);
    again.append(&session, fence, &more).await?;
    must(
        again.load(&session).await? == sample(6),
        "a later writer goes on",
    )?;
    must(
        again.sessions().await? == [session],
        "a session with records is listed",
    )
}

async fn refuses_gaps(store: &dyn SessionStore) -> Result<(), ContractError> {
    let session = named("gaps");
    let records = sample(3);
    let fence = store.claim(&session).await?;
    let gap = store.append(&session, fence, &records[1..]).await;
    must(
        matches!(gap, Err(StoreError::OutOfOrder { .. })),
        "a gap is refused",
    )?;
    store.append(&session, fence, &records[..1]).await?;
    let twice = store.append(&session, fence, &records[..1]).await;
    must(
        matches!(twice, Err(StoreError::OutOfOrder { .. })),
        "a repetition is refused",
    )?;
    let inner = [records[1].clone(), records[1].clone()];
    let inner = store.append(&session, fence, &inner).await;
    must(
        matches!(inner, Err(StoreError::OutOfOrder { .. })),
        "a gap within an append is refused",
    )?;
    must(
        store.load(&session).await? == records[..1],
        "a refused append leaves nothing",
    )
}

async fn refuses_stale_fences(
    open: &impl Fn() -> Arc<dyn SessionStore>,
) -> Result<(), ContractError> {
    let session = named("fenced");
    let records = sample(2);
    let (old_store, new_store) = (open(), open());
    let old = old_store.claim(&session).await?;
    old_store.append(&session, old, &records[..1]).await?;
    let new = new_store.claim(&session).await?;
    must(new > old, "a later claim has a larger fence")?;
    let late = old_store.append(&session, old, &records[1..]).await;
    must(
        matches!(late, Err(StoreError::Fenced { .. })),
        "a stale fence is refused",
    )?;
    let forged = Fence::new(new.number() + 1);
    let forged = new_store.append(&session, forged, &records[1..]).await;
    must(
        matches!(forged, Err(StoreError::Fenced { .. })),
        "an unclaimed fence is refused",
    )?;
    new_store.append(&session, new, &records[1..]).await?;
    must(
        new_store.load(&session).await? == records,
        "the last claim writes",
    )
}

async fn keeps_sessions_apart(store: &dyn SessionStore) -> Result<(), ContractError> {
    let (one, other) = (named("a"), named("a/b"));
    let one_fence = store.claim(&one).await?;
    let other_fence = store.claim(&other).await?;
    store.append(&one, one_fence, &sample(1)).await?;
    store.append(&other, other_fence, &sample(2)).await?;
    must(store.load(&one).await? == sample(1), "sessions do not mix")?;
    must(
        store.load(&other).await? == sample(2),
        "sessions do not mix",
    )?;
    let listed = store.sessions().await?;
    let sorted = listed.windows(2).all(|pair| pair[0] < pair[1]);
    let complete = listed.contains(&one) && listed.contains(&other);
    must(
        sorted && complete,
        "all sessions are listed once and in order",
    )
}

/// Makes a chain of records whose bodies are awkward to store.
fn sample(count: usize) -> Vec<SessionRecord> {
    let mut records: Vec<SessionRecord> = Vec::new();
    for position in 1..=count as u64 {
        let event = SessionEvent::Noticed(Notice {
            cause: NoticeCause::Idle,
            text: format!("{position} \u{0}\n\"é\u{1F382}\" {}", "x".repeat(700)),
        });
        let prev_hash = records.last().map_or(Digest::ZERO, SessionRecord::hash);
        let at = Timestamp::from_millis(1_790_000_000_000 + position);
        records.push(SessionRecord::wrap(&event, position, prev_hash, at));
    }
    records
}

fn named(name: &str) -> SessionId {
    SessionId::new(name).expect("the names of this check are short and printable")
}

fn must(holds: bool, rule: &str) -> Result<(), ContractError> {
    if holds {
        Ok(())
    } else {
        Err(ContractError::Broken(rule.to_owned()))
    }
}
