//! The loop as a function: from what the log says to what happens next. Pure.

mod answer;
mod calls;
mod reservation;

pub(crate) use reservation::plan_summary;

use std::collections::BTreeMap;

use jsonschema::Validator;
use layercake_model::{ModelDescriptor, ModelErrorKind, Sampling, StopReason};

use crate::approval::Question;
use crate::budget::Reservation;
use crate::rule::RuleBook;
use crate::session::{
    CallPurpose, Charge, CostCause, ModelOutcome, ModelSettled, Notice, NoticeCause, SessionEvent,
    Settlement, StopCause, SuspensionCause,
};
use crate::state::SessionState;
use crate::{ApprovalId, BudgetKind, CallId, SessionId, Toolbox};

/// The same turn this often in a row earns a warning …
const REPEATED_WARNING: u32 = 3;
/// … and this often ends the session: the model does not take the hint.
const REPEATED_MAX: u32 = 6;
/// Empty replies in a row after which the session ends.
const IDLE_MAX: u32 = 3;
/// Replies cut at the output limit, in a row, after which the session ends.
const TRUNCATED_MAX: u32 = 3;

/// Attempts to make the window smaller for one reply: a gentle one and a hard one.
const SQUEEZES_MAX: u32 = 2;

/// What stays the same while a session is driven.
pub(crate) struct Rules<'a> {
    pub(crate) session: &'a SessionId,
    pub(crate) toolbox: &'a Toolbox,
    pub(crate) descriptor: &'a ModelDescriptor,
    pub(crate) sampling: &'a Sampling,
    /// What people decided beforehand.
    pub(crate) book: &'a RuleBook,
    /// The compiled schema of the answer.
    pub(crate) answer: Option<&'a Validator>,
    /// The most calls that run beside each other.
    pub(crate) beside_max: usize,
}

/// What this process has learned and no record says: it is learned again after a restart.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// Questions that nobody has decided yet, with the approver's own names for them.
    pub(crate) pending: BTreeMap<ApprovalId, String>,
    /// Calls that go on outside and take longer than this process, with what they wait for.
    pub(crate) waiting: BTreeMap<CallId, String>,
    /// Questions that agents below this one wait for.
    pub(crate) asked_below: Vec<Question>,
    /// How often the window was made smaller since the newest reply, or was tried to be.
    pub(crate) squeezes: u32,
}

impl Learned {
    /// Says whether making the window smaller can still help.
    fn can_compact(&self) -> bool {
        self.squeezes < SQUEEZES_MAX
    }
}

/// What the driver does next.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Write these events; they need nothing from outside.
    Append(Vec<SessionEvent>),
    /// Find out what became of calls that an earlier process made.
    Reconcile(Vec<CallId>),
    /// Put questions to the approver.
    Decide(Vec<Question>),
    /// Make these calls, beside each other.
    Call(Vec<CallId>),
    /// Summarise the oldest part of the conversation.
    Compact,
    /// Ask the model.
    AskModel(ModelCall),
    /// Pause and report.
    Rest(SuspensionCause),
    /// Report; the session has ended.
    Done,
}

/// A model call that is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelCall {
    pub(crate) purpose: CallPurpose,
    pub(crate) turn: u32,
    pub(crate) attempt: u32,
    pub(crate) cause: CostCause,
    pub(crate) reservation: Reservation,
    /// The cap to send along, when something limits the output.
    pub(crate) output_tokens_max: Option<u32>,
}

/// Says what happens next.
pub(crate) fn next_command(state: &SessionState, learned: &Learned, rules: &Rules<'_>) -> Command {
    if state.settlement.is_some() {
        return Command::Done;
    }
    if state.request_is_stale {
        return Command::Append(count_lost_request(state));
    }
    let stale: Vec<CallId> = calls::stale(state, learned);
    if !stale.is_empty() {
        return Command::Reconcile(stale);
    }
    if state.has_open_calls() {
        return calls::next(state, learned, rules);
    }
    if let Some(command) = after_model_failure(state, learned) {
        return command;
    }
    if let Some(command) = after_reply(state, learned, rules) {
        return command;
    }
    ask_model(state, learned, rules)
}

/// The process died during a model call: it was billed, and nobody knows how much.
fn count_lost_request(state: &SessionState) -> Vec<SessionEvent> {
    let Some(request) = &state.request else {
        return Vec::new();
    };
    let settled = ModelSettled {
        purpose: request.purpose,
        turn: request.turn,
        attempt: request.attempt,
        outcome: ModelOutcome::Lost,
    };
    let charge = Charge {
        cause: CostCause::Abandoned,
        model: state.started.model.clone(),
        usage: layercake_model::Usage {
            input_tokens: request.input_tokens,
            ..layercake_model::Usage::default()
        },
        usd: None,
    };
    vec![
        SessionEvent::ModelSettled(Box::new(settled)),
        SessionEvent::BudgetCharged(charge),
    ]
}

fn after_model_failure(state: &SessionState, learned: &Learned) -> Option<Command> {
    let failure = state.model_failure.as_ref()?;
    if failure.kind == ModelErrorKind::ContextOverflow && learned.can_compact() {
        return Some(Command::Compact);
    }
    if let Some(kind) = state.budget.exhausted(&state.spent) {
        return Some(Command::Rest(SuspensionCause::Budget(kind)));
    }
    Some(Command::Rest(SuspensionCause::ModelFailed(failure.clone())))
}

/// Handles a reply without open calls: an answer, a pause, or something that went wrong.
fn after_reply(state: &SessionState, learned: &Learned, rules: &Rules<'_>) -> Option<Command> {
    let reply = state.last_reply.as_ref()?;
    if state.attempts > 0 {
        return None; // The reply was dealt with: a later call was made already.
    }
    if !state.calls.is_empty() {
        return after_results(state);
    }
    let noticed_after = state.watch.noticed.map(|(_, turn)| turn);
    if noticed_after == Some(state.turns_replied) || !state.queued.is_empty() {
        return None; // The model has yet to hear something.
    }
    match reply.reason {
        StopReason::Refusal => Some(settle(Settlement::Stopped(StopCause::Refused))),
        StopReason::Paused => None,
        StopReason::ContextLimit if learned.can_compact() => Some(Command::Compact),
        StopReason::OutputLimit => Some(after_truncation(state)),
        StopReason::End
        | StopReason::ToolCalls
        | StopReason::StopText
        | StopReason::ContextLimit
        | StopReason::Other => Some(match state.watch.idle {
            0 => answer::judge(state, &reply.text, rules.answer),
            IDLE_MAX.. => settle(Settlement::Stopped(StopCause::Idle)),
            _ => tell(
                NoticeCause::Idle,
                "Your reply was empty. Go on with the work, or answer if the goal is reached.",
            ),
        }),
    }
}

fn after_results(state: &SessionState) -> Option<Command> {
    if state.watch.repeated >= REPEATED_MAX {
        return Some(settle(Settlement::Stopped(StopCause::Looping)));
    }
    let is_warned = state.watch.noticed == Some((NoticeCause::Looping, state.turns_replied));
    (state.watch.repeated == REPEATED_WARNING && !is_warned).then(|| {
        tell(
            NoticeCause::Looping,
            "You made the same calls with the same results several times in a row. \
             Do something else, or answer with what you know.",
        )
    })
}

fn after_truncation(state: &SessionState) -> Command {
    if state.watch.truncated >= TRUNCATED_MAX {
        return settle(Settlement::Failed {
            problem: "every answer was cut off at the limit of output tokens".to_owned(),
        });
    }
    tell(
        NoticeCause::Truncated,
        "Your reply was cut off at the limit of output tokens. Say it again, whole and shorter.",
    )
}

fn ask_model(state: &SessionState, learned: &Learned, rules: &Rules<'_>) -> Command {
    if let Some(kind) = state.budget.exhausted(&state.spent) {
        return Command::Rest(SuspensionCause::Budget(kind));
    }
    let (unaffordable_turns, _) = state.watch.unaffordable;
    if unaffordable_turns > 1 || (unaffordable_turns == 1 && state.watch.budget_warned) {
        return Command::Rest(SuspensionCause::Budget(BudgetKind::ToolCalls));
    }
    let call = match reservation::plan(state, rules) {
        Ok(call) => call,
        Err(kind) => return Command::Rest(SuspensionCause::Budget(kind)),
    };
    if learned.can_compact() && reservation::window_is_full(state, rules.descriptor) {
        return Command::Compact;
    }
    match reservation::runs_out_after(state, &call) {
        // Calls that were refused have told the agent already.
        Some(kind) if !state.watch.budget_warned && unaffordable_turns == 0 => warn_of(kind),
        _ => Command::AskModel(call),
    }
}

fn warn_of(kind: BudgetKind) -> Command {
    tell(
        NoticeCause::BudgetWarning,
        &format!(
            "Your budget of {} is nearly used up: this is the last or nearly the last turn. \
             Answer now with what you have, and say what is missing.",
            kind.word()
        ),
    )
}

fn settle(settlement: Settlement) -> Command {
    Command::Append(vec![SessionEvent::Settled(settlement)])
}

fn tell(cause: NoticeCause, text: &str) -> Command {
    Command::Append(vec![SessionEvent::Noticed(Notice {
        cause,
        text: text.to_owned(),
    })])
}

#[cfg(test)]
mod tests;
