//! A small store with one of everything, always the same.

use std::collections::BTreeMap;

use layercake_engine::journal::{
    Batch, InboxItem, InboxKind, Journal, Publication, RunRow, Snapshot, StoredDefinition, Trouble,
    Write,
};
use layercake_engine::{
    Actor, Approval, Call, Decision, Digest, Effect, EffectClass, EffectRequest, IdempotencyKey,
    Payload, Phase, Problem, Record, RecordKind, Reviewers, RunId, RunKind, RunStart, TaskKey,
    Timestamp, Verdict,
};
use serde_json::{Value, json};

use crate::journal::sample::{effect, large, record, row, run};

const SOURCE: &str = "
document: { dsl: '1.0.3', namespace: golden, name: one, version: '1.0.0' }
do:
  - step: { set: { n: 1 } }
";

/// Writes one of everything, in two appends.
pub(crate) fn fill(journal: &dyn Journal) {
    let epoch = journal.claim().expect("a claim");
    let digest = Digest::of_bytes(SOURCE.as_bytes());
    let first = [
        Write::Define(StoredDefinition {
            digest,
            source: SOURCE.to_owned(),
        }),
        Write::Publish(Publication {
            name: "golden/one@1.0.0".to_owned(),
            digest,
            published_at: Timestamp::from_millis(77),
        }),
        routine().into(),
    ];
    journal.append(epoch, &first).expect("an append");
    let second = [child().into(), agent().into()];
    journal.append(epoch, &second).expect("an append");
}

/// A run with every kind of record, which waits for a person and for time.
fn routine() -> Batch {
    let id = run(1);
    let mut records = vec![record(id, 1, RecordKind::RunStarted(start(None)))];
    for kind in kinds(id) {
        let seq = records.len() as u64 + 1;
        records.push(record(id, seq, kind));
    }
    // One record that shares nothing with those before it.
    let last = records.last_mut().expect("there are some");
    last.at = Timestamp::from_millis(5);
    last.definition = Digest::of_bytes(b"another definition");
    last.versions = BTreeMap::from([("tool".to_owned(), "2".to_owned())]);
    last.actor = Actor::Person("ada".to_owned());
    let count = records.len() as u64;
    Batch {
        row: Some(RunRow {
            phase: Phase::Waiting,
            active: false,
            due: Some(Timestamp::from_millis(9_000)),
            key: Some("once".to_owned()),
            waiting_for: vec![effect(id, "ask")],
            attributes: BTreeMap::from([("customer".to_owned(), "ü 7".to_owned())]),
            last_seq: count,
            ..row(id)
        }),
        opened: vec![InboxItem {
            id: effect(id, "ask"),
            run: id,
            task: TaskKey::root().child("ask", None, 1),
            kind: InboxKind::Approval,
            title: "may it go on?".to_owned(),
            shown: json!({ "n": 1.0 }),
            shown_hash: Digest::of_value(&json!({ "n": 1.0 })),
            asked_at: Timestamp::from_millis(5),
            expires_at: Some(Timestamp::from_millis(6_000)),
        }],
        snapshot: Some(Snapshot {
            seq: 3,
            state: vec![1, 2, 3],
        }),
        taken: vec![Digest::of_bytes(b"a signal")],
        ..Batch::of_records(id, records)
    }
}

fn start(parent: Option<(RunId, TaskKey)>) -> RunStart {
    RunStart {
        run_kind: RunKind::Routine,
        name: "golden/one@1.0.0".to_owned(),
        input: Payload::Inline(json!({ "n": 1, "f": 2.5, "t": "ü", "l": [null, true] })),
        parent,
        key: Some("once".to_owned()),
        by: Actor::Agent("mara".to_owned()),
    }
}

fn kinds(id: RunId) -> Vec<RecordKind> {
    let shown = json!({ "text": "draft" });
    let approval = Approval {
        title: "may it be sent?".to_owned(),
        shown_hash: Digest::of_value(&shown),
        shown,
        expires_at: Some(Timestamp::from_millis(60)),
        reviewers: Reviewers::default(),
        lapses_to: None,
    };
    let shown_hash = approval.shown_hash;
    let mut kinds = wants(id, approval);
    kinds.extend(outcomes(id, shown_hash));
    kinds
}

fn problem() -> Problem {
    serde_json::from_value(json!({
        "type": "https://serverlessworkflow.io/spec/1.0.0/errors/timeout", "status": 408,
        "title": "too late", "detail": "after a second", "instance": "/do/0/step",
    }))
    .expect("a problem")
}

fn wants(id: RunId, approval: Approval) -> Vec<RecordKind> {
    let call = |arguments: Value| {
        EffectRequest::Call(Call {
            function: "touch".to_owned(),
            version: "1.0.0".to_owned(),
            arguments,
            class: EffectClass::Idempotent,
            secrets: Vec::new(),
        })
    };
    vec![
        RecordKind::TaskStarted,
        RecordKind::TaskSkipped,
        intended(id, "step", call(json!({ "n": 1 }))),
        intended(id, "large", call(large('a', 2_000))),
        intended(
            id,
            "wait",
            EffectRequest::Timer {
                due: Timestamp::from_millis(9_000),
            },
        ),
        intended(id, "ask", EffectRequest::Approval(approval)),
        intended(
            id,
            "child",
            EffectRequest::Run {
                child: run(2),
                routine: "golden/one@latest".to_owned(),
                input: json!({ "n": 2 }),
                wait: true,
            },
        ),
    ]
}

fn outcomes(id: RunId, shown_hash: Digest) -> Vec<RecordKind> {
    let problem = problem();
    let decision = Decision {
        verdict: Verdict::Approve,
        by: "ada".to_owned(),
        at: Timestamp::from_millis(50),
        comment: Some("fine".to_owned()),
        edited: Some(large('e', 900)),
        shown_hash,
        roles: Vec::new(),
    };
    let finished = |result| RecordKind::EffectFinished {
        effect: effect(id, "step"),
        result,
        evidence: Some(Payload::Inline(large('v', 700))),
    };
    vec![
        finished(Ok(Payload::Inline(json!(1.0)))),
        finished(Ok(Payload::Inline(large('p', 3_000)))),
        finished(Err(problem.clone())),
        RecordKind::EffectUnknown {
            effect: effect(id, "step"),
            explanation: "the process fell".to_owned(),
        },
        RecordKind::TimePassed,
        RecordKind::Decided {
            effect: effect(id, "ask"),
            decision,
        },
        RecordKind::Signalled {
            signal: "news".to_owned(),
            data: Payload::Inline(json!([1, 2])),
        },
        RecordKind::CancelRequested,
        RecordKind::SuspendRequested,
        RecordKind::ResumeRequested,
        RecordKind::EffectAbandoned {
            effect: effect(id, "wait"),
        },
        RecordKind::TaskFinished,
        RecordKind::TaskCancelled,
        RecordKind::TaskFaulted {
            problem: problem.clone(),
        },
        RecordKind::TaskRetried {
            problem: problem.clone(),
            failed: 2,
            due: Timestamp::from_millis(12),
        },
        RecordKind::PhaseChanged {
            phase: Phase::Waiting,
        },
        RecordKind::RunFinished {
            phase: Phase::Faulted,
            output: Some(Payload::Inline(json!({ "n": 3 }))),
            problem: Some(problem),
        },
        RecordKind::Session {
            event: "model-settled".to_owned(),
            body: Payload::Inline(large('s', 600)),
        },
    ]
}

fn intended(id: RunId, task: &str, request: EffectRequest) -> RecordKind {
    let key = TaskKey::root().child(task, None, 1);
    RecordKind::EffectIntended(Box::new(Effect {
        id: effect(id, task),
        run: id,
        idempotency_key: IdempotencyKey::derive(id, &key),
        task: key,
        attempt: 1,
        asked_at: Timestamp::from_millis(4),
        deadline: Some(Timestamp::from_millis(8_000)),
        request,
    }))
}

/// A child that is in trouble and shares a value with its parent.
fn child() -> Batch {
    let id = run(2);
    let key = TaskKey::root().child("child", None, 1);
    let parent = Some((run(1), key));
    let mut second = record(id, 2, RecordKind::TaskStarted);
    second.costs = vec![
        serde_json::from_value(json!({
            "usd": "0.0125", "cause": "retry", "model": "m-1", "tokens": { "input": 12 },
        }))
        .expect("a cost"),
    ];
    let third = RecordKind::EffectFinished {
        effect: effect(id, "step"),
        result: Ok(Payload::Inline(large('p', 3_000))),
        evidence: None,
    };
    let mut unkeyed = start(parent.clone());
    unkeyed.key = None;
    let records: Vec<Record> = vec![
        record(id, 1, RecordKind::RunStarted(unkeyed)),
        second,
        record(id, 3, third),
    ];
    Batch::of_records(id, records).with_row(RunRow {
        parent,
        trouble: Some(Trouble::Stuck {
            effect: effect(id, "step"),
            attempts: 4,
            message: "no answer".to_owned(),
        }),
        unstarted: vec![effect(id, "child")],
        active: false,
        last_seq: 3,
        ..row(id)
    })
}

/// The run of an agent, at work.
fn agent() -> Batch {
    let id = run(3);
    let begun = RunStart {
        run_kind: RunKind::Agent,
        name: "mara".to_owned(),
        input: Payload::Inline(Value::Null),
        parent: None,
        key: None,
        by: Actor::Person("ada".to_owned()),
    };
    Batch::of_records(id, vec![record(id, 1, RecordKind::RunStarted(begun))]).with_row(RunRow {
        kind: RunKind::Agent,
        model_calls: 3,
        tool_calls: 2,
        last_seq: 1,
        ..row(id)
    })
}
