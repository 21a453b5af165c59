//! Going on without the window: a note of where a session stands, for a fresh one or for another
//! agent. Made from the log alone, so that it says the same in every process.

use super::Agent;
use crate::SessionId;
use crate::compaction;
use crate::error::HarnessError;
use crate::session::history;
use crate::spec::{AgentSpec, Material};
use crate::state::SessionState;

impl Agent {
    /// Returns what a fresh session, of this or of another agent, needs to go on where one
    /// stands: its goal, what was done, and its plan and notes word for word. `None` for a
    /// session that has not begun.
    ///
    /// # Errors
    ///
    /// Returns [`HarnessError`] when the session's log cannot be read.
    pub async fn hand_over_note(
        &self,
        session: &SessionId,
    ) -> Result<Option<Material>, HarnessError> {
        let state = self.state_of(session).await?;
        Ok(state.map(|state| note_of(session, &state)))
    }

    /// Returns the specification of the agent that a session is handed off to: the given one
    /// with the hand-over note, with what the session has left of its budget, and with no more
    /// autonomy and no fewer rules than the session had. The session itself stays as it is.
    ///
    /// # Errors
    ///
    /// Returns [`HarnessError`] when the session's log cannot be read.
    pub async fn successor(
        &self,
        session: &SessionId,
        to: &AgentSpec,
    ) -> Result<AgentSpec, HarnessError> {
        let mut successor = to.clone();
        let Some(state) = self.state_of(session).await? else {
            return Ok(successor);
        };
        successor.material.push(note_of(session, &state));
        successor.autonomy = successor.autonomy.min(state.autonomy);
        successor.rules.extend(state.rules.iter().cloned());
        let left = state.budget.left(&state.spent, 1);
        successor.budget = successor.budget.within(&left);
        Ok(successor)
    }

    async fn state_of(&self, session: &SessionId) -> Result<Option<SessionState>, HarnessError> {
        let history = history(&*self.store, session).await?;
        let mut state: Option<SessionState> = None;
        for (event, at) in history.events {
            match &mut state {
                Some(state) => state.apply(event, at)?,
                None => state = Some(SessionState::begin(event, at)?),
            }
        }
        Ok(state)
    }
}

fn note_of(session: &SessionId, state: &SessionState) -> Material {
    Material {
        title: format!("hand-over note of session {session}"),
        text: format!(
            "The goal was: {}\n\n{}",
            state.started.goal,
            compaction::hand_over(state)
        ),
    }
}
