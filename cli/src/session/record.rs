//! Session events as records, and questions as inbox items: the translation, both directions.

use std::collections::BTreeMap;

use layercake_engine::journal::{InboxItem, InboxKind};
use layercake_engine::{
    Actor, CostEntry, Decision, Digest, Effect, EffectId, EffectRequest, Payload, RECORD_FORMAT,
    Record, RecordKind, RunId, Sequence, TaskKey, Timestamp,
};
use layercake_harness::session::{CallPurpose, ModelOutcome, SessionEvent, SessionRecord};
use serde_json::Value;

use crate::executor::translate;

/// A record before it has a place in a log.
#[derive(Debug)]
pub(super) struct Draft {
    at: Timestamp,
    task: TaskKey,
    kind: RecordKind,
    reads: Vec<Digest>,
    output: Option<Digest>,
    versions: BTreeMap<String, String>,
    actor: Actor,
    costs: Vec<CostEntry>,
    attempt: u32,
}

impl Draft {
    /// Makes a record about the run itself.
    pub(super) fn of_run(at: Timestamp, kind: RecordKind) -> Self {
        Self {
            at,
            task: TaskKey::root(),
            kind,
            reads: Vec::new(),
            output: None,
            versions: BTreeMap::new(),
            actor: Actor::Engine,
            costs: Vec::new(),
            attempt: 1,
        }
    }

    /// Says who did it.
    pub(super) fn by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Gives the record its place.
    pub(super) fn into_record(self, run: RunId, seq: Sequence, definition: Digest) -> Record {
        let mut versions = self.versions;
        versions.insert("engine".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Record {
            format: RECORD_FORMAT,
            run,
            seq,
            at: self.at,
            task: self.task,
            attempt: self.attempt,
            kind: self.kind,
            reads: self.reads,
            caused_by: if seq > 1 { vec![seq - 1] } else { Vec::new() },
            output: self.output,
            definition,
            versions,
            actor: self.actor,
            costs: self.costs,
        }
    }
}

/// A session record as a record of the journal. The hash chain goes along in `reads`.
pub(super) fn to_draft(
    record: &SessionRecord,
    agent: &str,
    tools: &BTreeMap<String, String>,
    turn: &TaskKey,
) -> Draft {
    let mut draft = Draft {
        at: Timestamp::from_millis(record.at.as_millis()),
        task: TaskKey::root(),
        kind: RecordKind::Session {
            event: record.kind.clone(),
            body: Payload::Inline(record.body.clone()),
        },
        reads: vec![to_engine(record.prev_hash)],
        output: Some(Digest::of_value(&record.body)),
        versions: BTreeMap::from([("session".to_owned(), record.format.to_string())]),
        actor: Actor::Agent(agent.to_owned()),
        costs: Vec::new(),
        attempt: 1,
    };
    match record.event() {
        Ok(SessionEvent::BudgetCharged(charge)) => {
            draft.costs.push(translate::cost_of_charge(&charge));
            draft.task = turn.clone();
        }
        Ok(SessionEvent::ModelRequested(requested)) => {
            draft.task = turn_task(requested.purpose, requested.turn);
            draft.attempt = requested.attempt;
        }
        Ok(SessionEvent::ModelSettled(settled)) => {
            draft.task = turn_task(settled.purpose, settled.turn);
            draft.attempt = settled.attempt;
            if let ModelOutcome::Replied(reply) = &settled.outcome {
                draft
                    .versions
                    .insert("model".to_owned(), reply.model.clone());
            }
        }
        Ok(SessionEvent::ToolIntended(intended)) => {
            draft.task = call_task(&intended.id.to_string());
            draft.actor = Actor::Tool(intended.call.name);
        }
        Ok(SessionEvent::ToolSettled(settled)) => {
            let call = settled.id.to_string();
            draft.task = call_task(&call);
            if let Some(tool) = tools.get(&call) {
                draft.actor = Actor::Tool(tool.clone());
            }
        }
        _ => {}
    }
    draft
}

/// A record of the journal as a session record; nothing when it is about something else.
pub(crate) fn to_session(record: &Record, seq: u64) -> Option<SessionRecord> {
    let RecordKind::Session { event, body } = &record.kind else {
        return None;
    };
    let format = record.versions.get("session")?.parse().ok()?;
    Some(SessionRecord {
        format,
        seq,
        prev_hash: to_harness(*record.reads.first()?),
        at: layercake_harness::Timestamp::from_millis(record.at.as_millis()),
        kind: event.clone(),
        body: body.inline()?.clone(),
    })
}

pub(super) fn to_engine(digest: layercake_harness::Digest) -> Digest {
    digest
        .to_string()
        .parse()
        .expect("both are SHA-256 in the same form")
}

fn to_harness(digest: Digest) -> layercake_harness::Digest {
    digest
        .to_string()
        .parse()
        .expect("both are SHA-256 in the same form")
}

/// Returns the stable key of a tool call in its agent's run: turn and position.
pub(crate) fn call_task(call: &str) -> TaskKey {
    TaskKey::root().child(&format!("call-{call}"), None, 1)
}

/// Returns the key of a model call of a session.
fn turn_task(purpose: CallPurpose, turn: u32) -> TaskKey {
    let word = match purpose {
        CallPurpose::Turn => "turn",
        CallPurpose::Compaction => "compaction",
    };
    TaskKey::root().child(&format!("{word}-{turn}"), None, 1)
}

/// Returns the model call that a draft is about, if it is about one.
pub(super) fn turn_of(draft: &Draft) -> Option<&TaskKey> {
    let about_model =
        matches!(&draft.kind, RecordKind::Session { event, .. } if event == "model-settled");
    about_model.then_some(&draft.task)
}

/// Keeps the names of the tools of open calls.
pub(super) fn note_tool(tools: &mut BTreeMap<String, String>, event: &str, body: Option<&Value>) {
    let Some(body) = body else { return };
    let call = || {
        let turn = body.pointer("/id/turn")?.as_u64()?;
        let index = body.pointer("/id/index")?.as_u64()?;
        Some(format!("{turn}.{index}"))
    };
    match (event, call()) {
        ("tool-intended", Some(call)) => {
            if let Some(name) = body.pointer("/call/name").and_then(Value::as_str) {
                tools.insert(call, name.to_owned());
            }
        }
        ("tool-settled", Some(call)) => {
            tools.remove(&call);
        }
        _ => {}
    }
}

/// A question of an agent to a person.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The effect that stands for the question; its request is an approval.
    pub(crate) effect: Effect,
}

impl Asked {
    /// Returns the entry for the inbox.
    pub(super) fn item(&self) -> InboxItem {
        let approval = match &self.effect.request {
            EffectRequest::Approval(approval) => approval.clone(),
            _ => unreachable!("a question is made with an approval"),
        };
        InboxItem {
            id: self.effect.id,
            run: self.effect.run,
            task: self.effect.task.clone(),
            kind: InboxKind::Approval,
            title: approval.title,
            shown: approval.shown,
            shown_hash: approval.shown_hash,
            asked_at: self.effect.asked_at,
            expires_at: None,
        }
    }

    /// Returns the record of the question.
    pub(super) fn record(self) -> Draft {
        let task = self.effect.task.clone();
        let at = self.effect.asked_at;
        let mut draft = Draft::of_run(at, RecordKind::EffectIntended(Box::new(self.effect)));
        draft.task = task;
        draft
    }
}

/// Returns the record of a person's decision.
pub(super) fn decided(task: TaskKey, effect: EffectId, decision: &Decision) -> Draft {
    let kind = RecordKind::Decided {
        effect,
        decision: decision.clone(),
    };
    let mut draft = Draft::of_run(decision.at, kind).by(Actor::Person(decision.by.clone()));
    draft.task = task;
    draft
}
