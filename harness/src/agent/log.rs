//! A session's log while it is driven: folds each event at once, makes it durable on demand.

use crate::clock::Clock;
use crate::error::HarnessError;
use crate::session::{SessionEvent, SessionRecord, SessionStore, history};
use crate::state::{FoldError, SessionState};
use crate::{Digest, Fence, SessionId, Timestamp};

/// The log of one session and the state that it folds to. Events that were pushed and not yet
/// saved must not have any effect outside: [`SessionLog::save`] comes first.
pub(crate) struct SessionLog<'a> {
    store: &'a dyn SessionStore,
    clock: &'a dyn Clock,
    session: SessionId,
    fence: Fence,
    state: Option<SessionState>,
    /// The position of the newest record, saved or not.
    seq: u64,
    /// The hash of the newest record, saved or not.
    tip: Digest,
    unsaved: Vec<SessionRecord>,
}

impl<'a> SessionLog<'a> {
    /// Takes the session over, reads what there is, checks its chain and folds it.
    pub(crate) async fn open(
        store: &'a dyn SessionStore,
        session: &SessionId,
        clock: &'a dyn Clock,
    ) -> Result<Self, HarnessError> {
        let fence = store.claim(session).await?;
        let history = history(store, session).await?;
        let mut log = Self {
            store,
            clock,
            session: session.clone(),
            fence,
            state: None,
            seq: history.own as u64,
            tip: history.tip,
            unsaved: Vec::new(),
        };
        for (event, at) in history.events {
            log.fold(event, at)?;
        }
        Ok(log)
    }

    /// Begins the log of a session that goes on from record `seq` of another one: the state is
    /// the other one's, and the log is empty.
    pub(crate) async fn of_fork(
        store: &'a dyn SessionStore,
        parent: &SessionId,
        seq: u64,
        session: &SessionId,
        clock: &'a dyn Clock,
    ) -> Result<Self, HarnessError> {
        let fence = store.claim(session).await?;
        let mut history = history(store, parent).await?;
        let inherited = history.events.len() - history.own;
        let kept = usize::try_from(seq).unwrap_or(usize::MAX);
        history.events.truncate(inherited.saturating_add(kept));
        let mut log = Self {
            store,
            clock,
            session: session.clone(),
            fence,
            state: None,
            seq: 0,
            tip: Digest::ZERO,
            unsaved: Vec::new(),
        };
        for (event, at) in history.events {
            log.fold(event, at)?;
        }
        Ok(log)
    }

    /// Returns the session.
    pub(crate) fn session(&self) -> &SessionId {
        &self.session
    }

    /// Returns the state; `None` before the first event.
    pub(crate) fn state(&self) -> Option<&SessionState> {
        self.state.as_ref()
    }

    /// Returns the state of a session that has begun.
    pub(crate) fn begun(&self) -> &SessionState {
        self.state.as_ref().expect("a driven session has begun")
    }

    /// Returns the digest of what the model has been shown.
    pub(crate) fn conversation(&mut self) -> Digest {
        let state = self.state.as_mut();
        state.expect("a driven session has begun").conversation()
    }

    /// Adds an event to the log and the state; it is durable after the next save.
    pub(crate) fn push(&mut self, event: SessionEvent) -> Result<(), HarnessError> {
        // Time never runs backwards within a log, whatever the wall clock does.
        let last = self.state.as_ref().map(|state| state.last_at);
        let at = self.clock.now().max(last.unwrap_or_default());
        let record = SessionRecord::wrap(&event, self.seq + 1, self.tip, at);
        self.fold(event, at)?;
        self.seq += 1;
        self.tip = record.hash();
        self.unsaved.push(record);
        Ok(())
    }

    /// Makes everything that was pushed durable, in one append.
    pub(crate) async fn save(&mut self) -> Result<(), HarnessError> {
        if !self.unsaved.is_empty() {
            self.store
                .append(&self.session, self.fence, &self.unsaved)
                .await?;
            self.unsaved.clear();
        }
        Ok(())
    }

    fn fold(&mut self, event: SessionEvent, at: Timestamp) -> Result<(), FoldError> {
        match &mut self.state {
            Some(state) => state.apply(event, at),
            None => {
                self.state = Some(SessionState::begin(event, at)?);
                Ok(())
            }
        }
    }
}
