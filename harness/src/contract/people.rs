//! What people have a say in: commands that a model proposed, and what to do when the attempts
//! are used up.

use serde_json::Value;

use super::below::Halt;
use super::{Check, Contract, Criterion, text};
use crate::agent::log::SessionLog;
use crate::approval::{Approver, Decision, Question, QuestionKind};
use crate::digest::{Digest, plain};
use crate::session::SuspensionCause;
use crate::{ApprovalId, Autonomy, CallId, EffectClass};

/// Asks about commands that a planner proposed, where the autonomy wants that.
pub(super) async fn allow_commands(
    approver: &dyn Approver,
    log: &SessionLog<'_>,
    contract: &Contract,
    autonomy: Autonomy,
) -> Result<(), Halt> {
    let mut criteria = contract.criteria.iter();
    let has_commands = criteria.any(|criterion| matches!(criterion, Criterion::Command { .. }));
    if !has_commands || autonomy == Autonomy::Full {
        return Ok(());
    }
    let title = "Commands of a proposed contract shall be run".to_owned();
    let question = question(log, 0, QuestionKind::Approval, title, plain(contract));
    match approver.decide(&question).await? {
        Decision::Approved { .. } | Decision::Answered { .. } => Ok(()),
        Decision::Rejected { by, why } => {
            Err(Halt::Fail(format!("{by} rejected the contract: {why}")))
        }
        Decision::Pending { ticket } => Err(pause(question, ticket)),
    }
}

/// Asks what to do after the last attempt; the answer is advice for another one.
pub(super) async fn escalate(
    approver: &dyn Approver,
    log: &SessionLog<'_>,
    contract: &Contract,
    check: &Check,
) -> Result<String, Halt> {
    let title = text::for_person(contract, check);
    let kind = QuestionKind::Answer;
    let question = question(log, check.attempt, kind, title.clone(), plain(check));
    match approver.decide(&question).await? {
        Decision::Answered { text, .. } => Ok(text),
        Decision::Approved { why, .. } => Ok(why),
        Decision::Rejected { .. } => Err(Halt::Fail(title)),
        Decision::Pending { ticket } => Err(pause(question, ticket)),
    }
}

fn pause(question: Question, ticket: String) -> Halt {
    let ticket = Some(ticket);
    Halt::Pause(SuspensionCause::Waiting(vec![Question {
        ticket,
        ..question
    }]))
}

fn question(
    log: &SessionLog<'_>,
    attempt: u32,
    kind: QuestionKind,
    title: String,
    shown: Value,
) -> Question {
    let call = CallId {
        turn: attempt,
        index: 0,
    };
    let digest = Digest::of_value(&shown);
    Question {
        id: ApprovalId::derive(log.session(), call, digest),
        kind,
        session: log.session().clone(),
        agent: log.begun().started.agent.clone(),
        call,
        tool: "contract".to_owned(),
        class: EffectClass::Unsafe,
        title,
        arguments: shown,
        arguments_digest: digest,
        ticket: None,
    }
}
