//! Words of people to an agent at work: heard at the next safe point, between calls.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::log::SessionLog;
use super::{Agent, Drive};
use crate::SessionId;
use crate::error::HarnessError;
use crate::session::{Resumption, SessionEvent, Steering, Suspension};

/// Words that wait for a safe point of one session; more are refused.
const WORDS_MAX: usize = 100;

/// Words on their way to sessions that are driven right now.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// An entry exists while a session is driven; written by [`Agent::steer`], emptied by the
    /// drive.
    sessions: Mutex<BTreeMap<SessionId, VecDeque<Steering>>>,
}

impl Mailbox {
    fn sessions(&self) -> MutexGuard<'_, BTreeMap<SessionId, VecDeque<Steering>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the box of a session until the guard is dropped.
    pub(super) fn open(&self, session: &SessionId) -> OpenBox<'_> {
        self.sessions().entry(session.clone()).or_default();
        OpenBox {
            mailbox: self,
            session: session.clone(),
        }
    }

    /// Puts words into an open box; gives them back when it is closed or full.
    fn put(&self, session: &SessionId, steering: Steering) -> Result<(), Steering> {
        match self.sessions().get_mut(session) {
            Some(words) if words.len() < WORDS_MAX => {
                words.push_back(steering);
                Ok(())
            }
            Some(_) | None => Err(steering),
        }
    }

    fn take(&self, session: &SessionId) -> VecDeque<Steering> {
        self.sessions()
            .get_mut(session)
            .map(std::mem::take)
            .unwrap_or_default()
    }
}

/// The open box of a session that is driven.
pub(super) struct OpenBox<'a> {
    mailbox: &'a Mailbox,
    session: SessionId,
}

impl Drop for OpenBox<'_> {
    fn drop(&mut self) {
        self.mailbox.sessions().remove(&self.session);
    }
}

impl Agent {
    /// Tells the agent something, in a person's name. A session that this agent drives hears it
    /// before its next model call; one that pauses hears it when it goes on. Returns whether
    /// there was anybody to hear it.
    ///
    /// # Errors
    ///
    /// Returns [`HarnessError`] when the log of a pausing session cannot be read or written.
    pub async fn steer(
        &self,
        session: &SessionId,
        by: impl Into<String> + Send,
        text: impl Into<String> + Send,
    ) -> Result<bool, HarnessError> {
        let steering = Steering {
            by: by.into(),
            text: text.into(),
        };
        let Err(steering) = self.mailbox.put(session, steering) else {
            return Ok(true);
        };
        let mut log = SessionLog::open(&*self.store, session, &*self.clock).await?;
        let Some(state) = log.state() else {
            return Ok(false);
        };
        let Some(cause) = state.suspension.clone() else {
            return Ok(false);
        };
        let resumption = Resumption {
            autonomy: state.autonomy,
            budget: state.budget.clone(),
            rules: state.rules.clone(),
        };
        log.push(SessionEvent::Resumed(resumption))?;
        log.push(SessionEvent::Steered(steering))?;
        log.push(SessionEvent::Suspended(Suspension { cause }))?;
        log.save().await?;
        Ok(true)
    }
}

impl Drive<'_> {
    /// Writes down what people have said since the last safe point.
    pub(super) fn hear(&mut self) -> Result<(), HarnessError> {
        if self.log.begun().settlement().is_some() {
            return Ok(());
        }
        for steering in self.agent.mailbox.take(self.log.session()) {
            self.push(SessionEvent::Steered(steering))?;
        }
        Ok(())
    }
}
