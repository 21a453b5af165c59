//! What comes back from a run of an agent: how it stands, and what it cost.

use layercake_model::{ModelError, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::Question;
use crate::session::{Charge, Settlement, StopCause, SuspensionCause};
use crate::state::SessionState;
use crate::{BudgetKind, SessionId};

/// How a session stands when a run of it returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The session.
    pub session: SessionId,
    /// How it stands.
    pub outcome: AgentOutcome,
    /// Turns that have a reply, over the whole session.
    pub turns: u32,
    /// Tool calls that were made, over the whole session.
    pub tool_calls: u32,
    /// Agents below, at all levels, over the whole session.
    #[serde(default)]
    pub agents: u32,
    /// Tokens, over the whole session.
    pub usage: Usage,
    /// What was spent, one entry for each billable attempt, over the whole session.
    pub charges: Vec<Charge>,
}

/// How a session stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentOutcome {
    /// The agent answered.
    Finished {
        /// The text of the answer.
        text: String,
        /// The answer as data, when the specification has a schema for it.
        answer: Option<Value>,
    },
    /// The agent waits; running the same session again goes on.
    Waiting {
        /// Questions that nobody has decided yet.
        questions: Vec<Question>,
        /// What a tool waits for, when it is no question; empty otherwise.
        reason: String,
    },
    /// The harness stopped the agent.
    Stopped(Stop),
    /// The agent could not answer.
    Failed {
        /// What happened, for people.
        problem: String,
        /// The model's error, when that was the reason; running again tries again.
        model_error: Option<ModelError>,
    },
}

/// Why the harness stopped an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// A budget is used up. Running again with a larger one goes on.
    Budget(BudgetKind),
    /// Whoever runs the agent stopped it. Running again goes on.
    Interrupted,
    /// The agent went round in circles, or the model refused. Final.
    Hopeless(StopCause),
}

impl Report {
    /// Reports a session that pauses or has ended.
    pub(crate) fn of(session: &SessionId, state: &SessionState) -> Self {
        Self {
            session: session.clone(),
            outcome: AgentOutcome::of(state),
            turns: state.turns_replied,
            tool_calls: state.spent.tool_calls,
            agents: state.spent.agents,
            usage: state.spent.usage,
            charges: state.charges.clone(),
        }
    }
}

impl AgentOutcome {
    fn of(state: &SessionState) -> Self {
        match (&state.settlement, &state.suspension) {
            (Some(Settlement::Finished { text, answer }), _) => Self::Finished {
                text: text.clone(),
                answer: answer.clone(),
            },
            (Some(Settlement::Stopped(cause)), _) => Self::Stopped(Stop::Hopeless(*cause)),
            (Some(Settlement::Failed { problem }), _) => Self::Failed {
                problem: problem.clone(),
                model_error: None,
            },
            (None, Some(cause)) => Self::paused(cause),
            // A run returns only after one of the two was recorded.
            (None, None) => Self::Stopped(Stop::Interrupted),
        }
    }

    fn paused(cause: &SuspensionCause) -> Self {
        match cause {
            SuspensionCause::Waiting(questions) => Self::Waiting {
                questions: questions.clone(),
                reason: String::new(),
            },
            SuspensionCause::ToolWaiting(reason) => Self::Waiting {
                questions: Vec::new(),
                reason: reason.clone(),
            },
            SuspensionCause::Budget(kind) => Self::Stopped(Stop::Budget(*kind)),
            SuspensionCause::Interrupted => Self::Stopped(Stop::Interrupted),
            SuspensionCause::ModelFailed(error) => Self::Failed {
                problem: error.message.clone(),
                model_error: Some(error.clone()),
            },
        }
    }
}
