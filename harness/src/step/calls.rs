//! What happens next with the calls of a reply: refuse, ask, make, wait.

use layercake_model::ToolCall;

use crate::approval::{Question, QuestionKind};
use crate::session::{
    ApprovalAsked, RefusalCause, SessionEvent, SuspensionCause, ToolRefused, Verdict,
};
use crate::state::{CallState, CallStatus, SessionState};
use crate::step::{Command, Learned, Rules};
use crate::tool::Sharing;
use crate::toolbox::{CallPermission, Judgement, Pass};
use crate::{ApprovalId, CallId, Digest};

/// More calls in one reply than this are refused: no turn needs them, and a runaway does.
const CALLS_PER_TURN_MAX: u32 = 32;

/// Returns the calls that an earlier process made and that have no outcome.
pub(super) fn stale(state: &SessionState, learned: &Learned) -> Vec<CallId> {
    let stale = state.calls.iter().filter(|call| match &call.status {
        CallStatus::Intended(open) => open.is_stale && !learned.waiting.contains_key(&call.id),
        CallStatus::Wanted | CallStatus::Asked(_) | CallStatus::Closed(_) => false,
    });
    stale.map(|call| call.id).collect()
}

/// Says what happens next while some call of the newest reply has no result.
pub(super) fn next(state: &SessionState, learned: &Learned, rules: &Rules<'_>) -> Command {
    let judged: Vec<(&CallState, Judgement)> = state
        .calls
        .iter()
        .filter(|call| matches!(call.status, CallStatus::Wanted | CallStatus::Asked(_)))
        .map(|call| (call, judge(call, state, rules)))
        .collect();
    let refusals: Vec<SessionEvent> = judged.iter().filter_map(refusal).collect();
    if !refusals.is_empty() {
        return Command::Append(refusals);
    }
    let passed: Vec<(&CallState, Pass)> = judged
        .into_iter()
        .filter_map(|(call, judgement)| match judgement {
            Judgement::Pass(pass) => Some((call, pass)),
            Judgement::Refuse { .. } => None,
        })
        .collect();
    if let Some(command) = questions(state, learned, rules, &passed) {
        return command;
    }
    let group = next_group(state, rules, &passed);
    if !group.is_empty() {
        return Command::Call(group);
    }
    if !learned.asked_below.is_empty() {
        return Command::Rest(SuspensionCause::Waiting(learned.asked_below.clone()));
    }
    let waits: Vec<&str> = learned.waiting.values().map(String::as_str).collect();
    Command::Rest(SuspensionCause::ToolWaiting(waits.join("; ")))
}

/// Judges a call: the limits first, then a person's no, then the toolbox.
fn judge(call: &CallState, state: &SessionState, rules: &Rules<'_>) -> Judgement {
    if call.id.index >= CALLS_PER_TURN_MAX {
        return Judgement::Refuse {
            cause: RefusalCause::TooMany,
            message: format!(
                "Not run: a reply may ask for at most {CALLS_PER_TURN_MAX} calls. Ask again."
            ),
        };
    }
    let exhausted = state.budget.exhausted_for_tools(&state.spent);
    if let Some(kind) = exhausted {
        return Judgement::Refuse {
            cause: RefusalCause::Budget,
            message: format!("Not run: the budget of {} is used up.", kind.word()),
        };
    }
    let name = &rules.toolbox.resolved(&call.call).name;
    let made = state.calls_made.get(name).copied().unwrap_or(0);
    if own_limit(name, rules).is_some_and(|limit| made >= limit) {
        return Judgement::Refuse {
            cause: RefusalCause::Budget,
            message: format!("Not run: a session may call `{name}` only {made} times."),
        };
    }
    if let Some(rejection) = rejection(call, state) {
        return rejection;
    }
    rules.toolbox.judge(&call.call, state.autonomy, rules.book)
}

fn rejection(call: &CallState, state: &SessionState) -> Option<Judgement> {
    let CallStatus::Asked(question) = &call.status else {
        return None;
    };
    let decided = state.decisions.get(&question.id)?;
    (decided.verdict == Verdict::Reject).then(|| Judgement::Refuse {
        cause: RefusalCause::Rejected,
        message: match decided.why.as_str() {
            "" => format!("Not run: {} said no.", decided.by),
            why => format!("Not run: {} said no: {why}", decided.by),
        },
    })
}

fn refusal((call, judgement): &(&CallState, Judgement)) -> Option<SessionEvent> {
    match judgement {
        Judgement::Pass(_) => None,
        Judgement::Refuse { cause, message } => Some(SessionEvent::ToolRefused(ToolRefused {
            id: call.id,
            cause: *cause,
            message: message.clone(),
        })),
    }
}

/// Deals with everything that people have a say in, before any call of the turn is made.
fn questions(
    state: &SessionState,
    learned: &Learned,
    rules: &Rules<'_>,
    passed: &[(&CallState, Pass)],
) -> Option<Command> {
    let unasked = passed.iter().filter(|(call, pass)| {
        call.status == CallStatus::Wanted && pass.permission != CallPermission::Free
    });
    let asks: Vec<SessionEvent> = unasked
        .map(|(call, pass)| {
            let question = question(call, *pass, state, rules);
            SessionEvent::ApprovalAsked(ApprovalAsked { question })
        })
        .collect();
    if !asks.is_empty() {
        return Some(Command::Append(asks));
    }
    let undecided: Vec<Question> = passed
        .iter()
        .filter_map(|(call, _)| match &call.status {
            CallStatus::Asked(question) if !state.decisions.contains_key(&question.id) => {
                let ticket = learned.pending.get(&question.id).cloned();
                Some(Question {
                    ticket,
                    ..question.clone()
                })
            }
            _ => None,
        })
        .collect();
    let unheard: Vec<Question> = undecided
        .iter()
        .filter(|question| question.ticket.is_none())
        .cloned()
        .collect();
    match (undecided.is_empty(), unheard.is_empty()) {
        (true, _) => None,
        (false, false) => Some(Command::Decide(unheard)),
        (false, true) => Some(Command::Rest(SuspensionCause::Waiting(undecided))),
    }
}

fn question(call: &CallState, pass: Pass, state: &SessionState, rules: &Rules<'_>) -> Question {
    let asked = rules.toolbox.resolved(&call.call);
    let digest = Digest::of_value(&asked.arguments);
    let (kind, title) = match pass.permission {
        CallPermission::AnswerNeeded => (QuestionKind::Answer, asked_text(&asked)),
        CallPermission::ApprovalNeeded | CallPermission::Free => {
            let title = format!("{} wants to run `{}`", state.started.agent, asked.name);
            (QuestionKind::Approval, title)
        }
    };
    Question {
        id: ApprovalId::derive(rules.session, call.id, digest),
        kind,
        session: rules.session.clone(),
        agent: state.started.agent.clone(),
        call: call.id,
        tool: asked.name.clone(),
        class: pass.class,
        title,
        arguments: asked.arguments.clone(),
        arguments_digest: digest,
        ticket: None,
    }
}

fn asked_text(call: &ToolCall) -> String {
    let question = call.arguments.get("question");
    let text = question.and_then(serde_json::Value::as_str);
    text.unwrap_or("The agent has a question").to_owned()
}

/// Returns the next calls to make: one that runs alone, or neighbours that may run beside
/// each other, as many as the budget and the tools' own limits allow.
fn next_group(
    state: &SessionState,
    rules: &Rules<'_>,
    passed: &[(&CallState, Pass)],
) -> Vec<CallId> {
    let calls_left = state
        .budget
        .tool_calls_max
        .saturating_sub(state.spent.tool_calls);
    let most = rules.beside_max.min(calls_left as usize);
    let mut made = state.calls_made.clone();
    let beside = passed
        .iter()
        .take_while(|(_, pass)| pass.sharing == Sharing::Beside)
        .take_while(|(call, _)| {
            let name = &rules.toolbox.resolved(&call.call).name;
            let made = made.entry(name.clone()).or_default();
            *made += 1;
            own_limit(name, rules).is_none_or(|limit| *made <= limit)
        })
        .take(most);
    let group: Vec<CallId> = beside.map(|(call, _)| call.id).collect();
    if group.is_empty() {
        passed
            .first()
            .map(|(call, _)| call.id)
            .into_iter()
            .collect()
    } else {
        group
    }
}

/// Returns the most calls of a tool in one session, if the tool has such a limit.
fn own_limit(name: &str, rules: &Rules<'_>) -> Option<u32> {
    rules.toolbox.get(name)?.spec().calls_max
}
