//! Sessions below the work's own: their specifications, and what became of them.

use layercake_model::AnswerSchema;

use super::Role;
use crate::agent::log::SessionLog;
use crate::approval::ApproverError;
use crate::error::HarnessError;
use crate::report::{AgentOutcome, Report, Stop};
use crate::session::{BelowSettled, SessionEvent, SuspensionCause};
use crate::spec::{AgentSpec, ParentCall};
use crate::tool::Below;
use crate::{Autonomy, CallId, SessionId};

/// Why the work cannot go on now.
#[derive(Debug)]
pub(super) enum Halt {
    /// It pauses.
    Pause(SuspensionCause),
    /// It has failed.
    Fail(String),
    /// A session cannot be driven.
    Broken(HarnessError),
}

impl From<HarnessError> for Halt {
    fn from(error: HarnessError) -> Self {
        Self::Broken(error)
    }
}

impl From<ApproverError> for Halt {
    fn from(error: ApproverError) -> Self {
        Self::Broken(error.into())
    }
}

/// Makes the specification of a role for one session: the role's own, within what the work has
/// left, and never above its autonomy.
pub(super) fn spec_for(
    role: &Role,
    log: &SessionLog<'_>,
    autonomy: Autonomy,
    goal: String,
    answer: Option<AnswerSchema>,
) -> AgentSpec {
    let mut spec = role.spec.clone();
    let state = log.begun();
    spec.goal = goal;
    spec.autonomy = spec.autonomy.min(autonomy);
    spec.budget = spec.budget.within(&state.budget.left(state.spent(), 1));
    spec.parent = Some(ParentCall {
        session: log.session().clone(),
        call: CallId { turn: 0, index: 0 },
    });
    spec.answer = answer.or(spec.answer);
    spec
}

/// Runs an agent in a session below, and returns its answer as text: JSON, where it has a
/// schema. What it did and cost is counted once, when it is done.
pub(super) async fn run_below(
    log: &mut SessionLog<'_>,
    role: &Role,
    name: &str,
    spec: AgentSpec,
) -> Result<String, Halt> {
    log.save().await?;
    let below = format!("{}/{name}", log.session());
    let session = SessionId::new(below).map_err(|error| Halt::Fail(error.to_string()))?;
    let report = role.agent.run(&session, &spec).await?;
    let result = answer_of(name, &report);
    if !matches!(result, Err(Halt::Pause(_))) && !log.begun().settled_below.contains(&session) {
        let below = Below {
            turns: report.turns,
            tool_calls: report.tool_calls,
            agents: 1 + report.agents,
        };
        log.push(SessionEvent::BelowSettled(BelowSettled { session, below }))?;
        for charge in report.charges {
            log.push(SessionEvent::BudgetCharged(charge))?;
        }
    }
    result
}

fn answer_of(name: &str, report: &Report) -> Result<String, Halt> {
    match &report.outcome {
        AgentOutcome::Finished { text, answer: None } => Ok(text.clone()),
        AgentOutcome::Finished {
            answer: Some(answer),
            ..
        } => Ok(answer.to_string()),
        AgentOutcome::Waiting { questions, reason } if questions.is_empty() => {
            Err(Halt::Pause(SuspensionCause::ToolWaiting(reason.clone())))
        }
        AgentOutcome::Waiting { questions, .. } => {
            Err(Halt::Pause(SuspensionCause::Waiting(questions.clone())))
        }
        AgentOutcome::Stopped(Stop::Interrupted) => Err(Halt::Pause(SuspensionCause::Interrupted)),
        AgentOutcome::Stopped(Stop::Budget(kind)) => {
            Err(Halt::Pause(SuspensionCause::Budget(*kind)))
        }
        AgentOutcome::Stopped(Stop::Hopeless(cause)) => {
            Err(Halt::Fail(format!("`{name}` was stopped: {cause:?}")))
        }
        AgentOutcome::Failed {
            model_error: Some(error),
            ..
        } => Err(Halt::Pause(SuspensionCause::ModelFailed(error.clone()))),
        AgentOutcome::Failed { problem, .. } => {
            Err(Halt::Fail(format!("`{name}` failed: {problem}")))
        }
    }
}
