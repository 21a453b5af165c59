//! Small runs, rows and records to write.

use std::collections::BTreeMap;

use layercake_engine::journal::{Batch, CostSummary, InboxItem, InboxKind, RunRow};
use layercake_engine::{
    Actor, Digest, EffectId, Payload, Phase, RECORD_FORMAT, Record, RecordKind, RunId, RunKind,
    RunStart, Sequence, TaskKey, Timestamp,
};
use serde_json::Value;

/// The n-th run.
pub(crate) fn run(n: u64) -> RunId {
    RunId::from_parts(Timestamp::from_millis(1_000 * n), u128::from(n))
}

/// The effect of a task of a run.
pub(crate) fn effect(run: RunId, task: &str) -> EffectId {
    EffectId::derive(run, &TaskKey::root().child(task, None, 1), 1)
}

pub(crate) fn definition() -> Digest {
    Digest::of_bytes(b"definition")
}

pub(crate) fn record(run: RunId, seq: Sequence, kind: RecordKind) -> Record {
    Record {
        format: RECORD_FORMAT,
        run,
        seq,
        at: Timestamp::from_millis(1_000_000 + seq),
        task: TaskKey::root().child("step", Some(seq), 1),
        attempt: 1,
        kind,
        reads: vec![Digest::of_bytes(&seq.to_be_bytes())],
        caused_by: vec![seq.saturating_sub(1)],
        output: Some(definition()),
        definition: definition(),
        versions: BTreeMap::from([("engine".to_owned(), "1".to_owned())]),
        actor: Actor::Engine,
        costs: Vec::new(),
    }
}

pub(crate) fn started(run: RunId, input: Value) -> Record {
    let start = RunStart {
        run_kind: RunKind::Routine,
        name: "test/sample@1.0.0".to_owned(),
        input: Payload::Inline(input),
        parent: None,
        key: None,
        by: Actor::Engine,
    };
    record(run, 1, RecordKind::RunStarted(start))
}

/// A record with a payload.
pub(crate) fn finished(run: RunId, seq: Sequence, result: Value) -> Record {
    let kind = RecordKind::EffectFinished {
        effect: effect(run, "step"),
        result: Ok(Payload::Inline(result)),
        evidence: None,
    };
    record(run, seq, kind)
}

pub(crate) fn row(run: RunId) -> RunRow {
    RunRow {
        run,
        kind: RunKind::Routine,
        name: "test/sample@1.0.0".to_owned(),
        definition: definition(),
        phase: Phase::Running,
        active: true,
        due: None,
        trouble: None,
        started_at: Timestamp::from_millis(1_000_000),
        ended_at: None,
        parent: None,
        key: None,
        unstarted: Vec::new(),
        waiting_for: Vec::new(),
        model_calls: 0,
        tool_calls: 0,
        cost: CostSummary::default(),
        attributes: BTreeMap::new(),
        last_seq: 0,
    }
}

/// The first batch of a run: its start, and its row.
pub(crate) fn first_batch(run: RunId) -> Batch {
    Batch::of_records(run, vec![started(run, Value::Null)]).with_row(row(run))
}

pub(crate) fn question(run: RunId, task: &str) -> InboxItem {
    InboxItem {
        id: effect(run, task),
        run,
        task: TaskKey::root().child(task, None, 1),
        kind: InboxKind::Approval,
        title: format!("may {task} go on?"),
        shown: Value::String(task.to_owned()),
        shown_hash: Digest::of_value(&Value::String(task.to_owned())),
        asked_at: Timestamp::from_millis(5),
        expires_at: None,
    }
}

/// A value of about this many bytes.
pub(crate) fn large(letter: char, bytes: usize) -> Value {
    serde_json::json!({ "text": letter.to_string().repeat(bytes) })
}
