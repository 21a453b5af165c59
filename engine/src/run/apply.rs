//! One input: is it admissible, what is its record, what does it set going.

use serde_json::Value;

use super::datum::Datum;
use super::frame::BranchId;
use super::inbox::Letter;
use super::input::{ApplyError, Input};
use super::log::Entry;
use super::machine::{Machine, Step};
use super::state::{Held, Open};
use super::task::{EMIT, decision_value};
use super::{Run, inbox, timer};
use crate::{
    Actor, Decision, Effect, EffectId, EffectRequest, Outcome, Payload, Phase, Problem,
    ProblemKind, Record, RecordKind, Sequence, Timestamp, Verdict,
};

const SETTLED: ApplyError = ApplyError::Stale("the effect is settled, given up or unheard of");

impl Run {
    /// The same as [`Run::apply`], under the name of the engine version that did it first.
    pub(super) fn apply_as(
        &mut self,
        input: Input,
        at: Timestamp,
        engine: &str,
    ) -> Result<Vec<Record>, ApplyError> {
        let now = self.state.now.max(at);
        self.check(&input, now)?;
        self.state.now = now;
        if self.state.engine != engine {
            engine.clone_into(&mut self.state.engine);
        }
        let mut machine = Machine::new(&self.definition, &mut self.state);
        let seq = machine.take(input);
        machine.note_phase(seq);
        Ok(machine.records)
    }

    fn check(&self, input: &Input, now: Timestamp) -> Result<(), ApplyError> {
        let state = &self.state;
        if state.phase.is_final() {
            return match input {
                Input::RetryRequested { .. } if state.failed.is_some() => Ok(()),
                Input::RetryRequested { .. } => Err(ApplyError::Stale(
                    "the run has ended, and no task of it can be tried again",
                )),
                _ => Err(ApplyError::Stale("the run has ended")),
            };
        }
        let open = |effect: &EffectId| state.pending.find(effect).map(|(_, open)| open);
        match input {
            Input::EffectFinished { effect, .. } => match open(effect).ok_or(SETTLED)?.request() {
                EffectRequest::Timer { .. } => Err(ApplyError::Misfit("only time ends a wait")),
                EffectRequest::Approval(_) => {
                    Err(ApplyError::Misfit("only a decision ends an approval"))
                }
                EffectRequest::Call(_) | EffectRequest::Run { .. } => Ok(()),
            },
            Input::EffectUnknown { effect, .. } => {
                let open = open(effect).ok_or(SETTLED)?;
                match open.request() {
                    _ if open.unknown.is_some() => {
                        Err(ApplyError::Stale("the effect is unknown already"))
                    }
                    EffectRequest::Call(_) | EffectRequest::Run { .. } => Ok(()),
                    EffectRequest::Timer { .. } | EffectRequest::Approval(_) => {
                        Err(ApplyError::Misfit("only a call can be unknown"))
                    }
                }
            }
            Input::TimePassed => match timer::next(state) {
                Some(due) if due <= now => Ok(()),
                _ => Err(ApplyError::Stale("nothing is due")),
            },
            Input::Decided { effect, decision } => {
                check_decision(open(effect).ok_or(SETTLED)?, decision)
            }
            Input::Signalled { data, .. } => {
                let is_known = |name| state.inbox.has_seen(&name);
                if inbox::name_of(data).is_some_and(is_known) {
                    Err(ApplyError::Stale("the event has come already"))
                } else if state.inbox.is_full() {
                    Err(ApplyError::InboxFull)
                } else {
                    Ok(())
                }
            }
            Input::CancelRequested { .. } => Ok(()),
            Input::UndoRequested { .. } if state.is_undoing() => {
                Err(ApplyError::Stale("the run is being undone already"))
            }
            Input::UndoRequested { .. } => Ok(()),
            Input::RetryRequested { .. } => Err(ApplyError::Stale("the run has not failed")),
            Input::SuspendRequested { .. } if state.suspended => {
                Err(ApplyError::Stale("the run is suspended already"))
            }
            Input::ResumeRequested { .. } if !state.suspended => {
                Err(ApplyError::Stale("the run is not suspended"))
            }
            Input::SuspendRequested { .. } | Input::ResumeRequested { .. } => Ok(()),
        }
    }
}

fn check_decision(open: &Open, decision: &Decision) -> Result<(), ApplyError> {
    let shown = match (&open.unknown, open.request()) {
        (Some(explanation), _) => open.effect.doubt(explanation).shown_hash,
        (None, EffectRequest::Approval(approval)) => approval.shown_hash,
        (None, _) => return Err(ApplyError::Misfit("the effect asks nobody")),
    };
    if decision.shown_hash != shown {
        return Err(ApplyError::ShownDiffers {
            shown,
            decided: decision.shown_hash,
        });
    }
    if open.approved_by.contains(&decision.by) {
        return Err(ApplyError::NotReviewer("that person has decided already"));
    }
    match (&open.unknown, open.request()) {
        (None, EffectRequest::Approval(approval)) => approval
            .reviewers
            .objection(decision)
            .map_or(Ok(()), |why| Err(ApplyError::NotReviewer(why))),
        _ => Ok(()),
    }
}

impl Machine<'_> {
    /// Writes the record of an input and lets it take effect.
    fn take(&mut self, input: Input) -> Sequence {
        match input {
            Input::EffectFinished { effect, outcome } => self.take_outcome(effect, outcome),
            Input::EffectUnknown {
                effect,
                explanation,
            } => self.take_unknown(effect, explanation),
            Input::TimePassed => {
                let due = timer::due_by_now(self.state);
                let seq = self.append(Entry::of_run(RecordKind::TimePassed, Vec::new()));
                self.fire(due, seq);
                seq
            }
            Input::Decided { effect, decision } => self.take_decision(effect, decision),
            Input::Signalled { signal, data, by } => self.take_signal(signal, data, by),
            Input::CancelRequested { by } => {
                let seq = self.append_request(RecordKind::CancelRequested, by);
                self.give_up(Phase::Cancelled, None, vec![seq]);
                seq
            }
            Input::UndoRequested { by } => {
                let seq = self.append_request(RecordKind::UndoRequested, by);
                self.undo_run(seq);
                seq
            }
            Input::RetryRequested { by } => {
                let seq = self.append_request(RecordKind::RetryRequested, by);
                self.revive(seq);
                seq
            }
            Input::SuspendRequested { by } => {
                self.state.suspended = true;
                self.append_request(RecordKind::SuspendRequested, by)
            }
            Input::ResumeRequested { by } => {
                let seq = self.append_request(RecordKind::ResumeRequested, by);
                self.state.suspended = false;
                self.release();
                seq
            }
        }
    }

    fn take_signal(&mut self, signal: String, data: Value, by: Actor) -> Sequence {
        let data = Datum::new(data);
        let kind = RecordKind::Signalled {
            signal: signal.clone(),
            data: Payload::Inline(data.value().clone()),
        };
        let entry = Entry::of_run(kind, Vec::new()).by(by);
        let seq = self.append(entry.producing(data.digest()));
        let event = inbox::event_of(self.state.id, seq, self.state.now, &signal, &data);
        let name = inbox::name_of(data.value());
        self.state.inbox.put(name, Letter { seq, event });
        if !self.state.suspended {
            self.offer();
        }
        seq
    }

    fn append_request(&mut self, kind: RecordKind, by: Actor) -> Sequence {
        self.append(Entry::of_run(kind, Vec::new()).by(by))
    }

    fn take_outcome(&mut self, effect: EffectId, outcome: Outcome) -> Sequence {
        let (intent, open) = self.settle(&effect);
        let result = outcome.result.map(Datum::new);
        let kind = RecordKind::EffectFinished {
            effect,
            result: match &result {
                Ok(datum) => Ok(Payload::Inline(datum.value().clone())),
                Err(problem) => Err(problem.clone()),
            },
            evidence: outcome.evidence.map(Payload::Inline),
        };
        let cause = self.append(Entry {
            task: open.effect.task.clone(),
            attempt: open.effect.attempt,
            reads: outcome.reads,
            output: result.as_ref().ok().map(Datum::digest),
            actor: performer(&open.effect),
            versions: outcome.versions,
            costs: outcome.costs,
            ..Entry::of_run(kind, vec![intent])
        });
        let result = match &open.effect.request {
            // What was published is the output, whatever the other side says.
            EffectRequest::Call(call) if call.function == EMIT => {
                result.map(|_| Datum::new(call.arguments.clone()))
            }
            _ => result,
        };
        self.deliver(open.branch, intent, result, cause);
        cause
    }

    fn take_unknown(&mut self, effect: EffectId, explanation: String) -> Sequence {
        let (intent, open) = self
            .state
            .pending
            .find(&effect)
            .expect("the input was checked");
        let entry = Entry {
            task: open.effect.task.clone(),
            attempt: open.effect.attempt,
            ..Entry::of_run(
                RecordKind::EffectUnknown {
                    effect,
                    explanation: explanation.clone(),
                },
                vec![intent],
            )
        };
        if let Some(open) = self.state.pending.find_mut(&effect) {
            open.unknown = Some(explanation);
        }
        self.append(entry)
    }

    fn take_decision(&mut self, effect: EffectId, decision: Decision) -> Sequence {
        let (intent, open) = self
            .state
            .pending
            .find(&effect)
            .expect("the input was checked");
        let is_about_unknown = open.unknown.is_some();
        let entry = Entry {
            task: open.effect.task.clone(),
            attempt: open.effect.attempt,
            reads: vec![decision.shown_hash],
            actor: Actor::Person(decision.by.clone()),
            ..Entry::of_run(
                RecordKind::Decided {
                    effect,
                    decision: decision.clone(),
                },
                vec![intent],
            )
        };
        let cause = self.append(entry);
        let result = match (is_about_unknown, decision.verdict) {
            (true, Verdict::Approve) => {
                if let Some(open) = self.state.pending.find_mut(&effect) {
                    open.unknown = None;
                }
                return cause;
            }
            (true, Verdict::Reject) => Err(unknown_outcome(&decision)),
            (false, Verdict::Approve) if self.others_must_approve(&effect, &decision.by) => {
                return cause;
            }
            (false, _) => Ok(Datum::new(decision_value(&decision))),
        };
        let (intent, open) = self.settle(&effect);
        self.deliver(open.branch, intent, result, cause);
        cause
    }

    /// Notes who approved; says whether more people must.
    fn others_must_approve(&mut self, effect: &EffectId, by: &str) -> bool {
        let Some(open) = self.state.pending.find_mut(effect) else {
            return false;
        };
        let EffectRequest::Approval(approval) = &open.effect.request else {
            return false;
        };
        open.approved_by.push(by.to_owned());
        open.approved_by.len() < approval.reviewers.approvals_needed()
    }

    fn settle(&mut self, effect: &EffectId) -> (Sequence, Open) {
        let intent = self.state.pending.find(effect).map(|(intent, _)| intent);
        intent
            .and_then(|intent| Some((intent, self.state.pending.remove(intent)?)))
            .expect("the input was checked")
    }

    /// Gives an outcome to the branch that waits for it, or keeps it until the run is resumed.
    fn deliver(
        &mut self,
        branch: BranchId,
        intent: Sequence,
        result: Result<Datum, Problem>,
        cause: Sequence,
    ) {
        let held = Held {
            branch,
            intent,
            cause,
            result,
        };
        if self.state.suspended {
            self.state.held.push(held);
        } else {
            self.go_on(held);
        }
    }

    fn release(&mut self) {
        for held in std::mem::take(&mut self.state.held) {
            if self.state.phase.is_final() {
                return;
            }
            self.go_on(held);
        }
        self.offer();
    }

    fn go_on(&mut self, held: Held<Datum>) {
        let Some(mut branch) = self.state.branches.remove(&held.branch) else {
            return;
        };
        // A task that was given up in the meantime waits no more.
        let step = match (branch.top().work.awaited(), self.task(&branch)) {
            (Some(intent), Some(task)) if intent == held.intent => {
                self.settled(&mut branch, task, held.result, held.cause)
            }
            _ => Step::Wait,
        };
        self.keep(branch);
        self.wake(held.branch, step);
        self.drive();
    }

    /// Writes down the phase when it is another one now.
    pub(super) fn note_phase(&mut self, cause: Sequence) {
        if self.state.phase.is_final() {
            return;
        }
        let phase = if self.state.suspended {
            Phase::Suspended
        } else if self.state.pending.iter().any(|(_, open)| open.is_at_work()) {
            Phase::Running
        } else {
            Phase::Waiting
        };
        if phase != self.state.phase {
            self.append(Entry::of_run(
                RecordKind::PhaseChanged { phase },
                vec![cause],
            ));
            self.state.phase = phase;
        }
    }
}

impl Open {
    fn request(&self) -> &EffectRequest {
        &self.effect.request
    }

    /// Says whether something is being done, as opposed to waited for.
    fn is_at_work(&self) -> bool {
        match self.request() {
            EffectRequest::Call(_) | EffectRequest::Run { .. } => self.unknown.is_none(),
            EffectRequest::Timer { .. } | EffectRequest::Approval(_) => false,
        }
    }
}

/// Says who performed an effect.
fn performer(effect: &Effect) -> Actor {
    match &effect.request {
        EffectRequest::Call(call) => Actor::Tool(call.function.clone()),
        EffectRequest::Run { .. } | EffectRequest::Timer { .. } | EffectRequest::Approval(_) => {
            Actor::Engine
        }
    }
}

fn unknown_outcome(decision: &Decision) -> Problem {
    Problem::standard(
        ProblemKind::Runtime,
        "nobody can say whether the effect happened",
    )
    .with_detail(format!(
        "after a crash its outcome is unknown, and {} decided not to perform it again",
        decision.by
    ))
}
