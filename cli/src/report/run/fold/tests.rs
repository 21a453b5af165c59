//! The same records give the same view; money is never guessed.

use std::collections::BTreeMap;

use layercake_engine::{
    Actor, CostCause, CostEntry, Digest, Payload, Phase, RECORD_FORMAT, Record, RecordKind, RunId,
    RunKind, RunStart, TaskKey, Timestamp,
};
use serde_json::json;

use super::{RunView, view};

/// Writes logs by hand, one record after the other.
struct Log {
    run: RunId,
    records: Vec<Record>,
}

impl Log {
    fn new(identity: u128, parent: Option<RunId>) -> Self {
        let at = Timestamp::from_millis(1_000);
        let mut log = Self {
            run: RunId::from_parts(at, identity),
            records: Vec::new(),
        };
        let start = RunStart {
            run_kind: RunKind::Routine,
            name: "a/b@1.0.0".to_owned(),
            input: Payload::Inline(json!({"x": 1})),
            parent: parent.map(|run| (run, TaskKey::root().child("t", None, 1))),
            key: None,
            by: Actor::Engine,
        };
        log.push("", RecordKind::RunStarted(start), &[]);
        log
    }

    fn push(&mut self, task: &str, kind: RecordKind, costs: &[Option<&str>]) {
        let seq = self.records.len() as u64 + 1;
        let entry = |usd: &Option<&str>| CostEntry {
            usd: usd.map(|text| text.parse().unwrap()),
            cause: CostCause::Productive,
            model: "m".to_owned(),
            tokens: BTreeMap::from([("input".to_owned(), 10)]),
        };
        self.records.push(Record {
            format: RECORD_FORMAT,
            run: self.run,
            seq,
            at: Timestamp::from_millis(1_000 + seq * 10),
            task: TaskKey::from(task.to_owned()),
            attempt: 1,
            kind,
            reads: Vec::new(),
            caused_by: Vec::new(),
            output: None,
            definition: Digest::of_bytes(b"definition"),
            versions: BTreeMap::new(),
            actor: Actor::Engine,
            costs: costs.iter().map(entry).collect(),
        });
    }

    fn finish(mut self) -> Vec<Record> {
        let kind = RecordKind::RunFinished {
            phase: Phase::Completed,
            output: Some(Payload::Inline(json!("done"))),
            problem: None,
        };
        self.push("", kind, &[]);
        self.records
    }
}

fn check(logs: &[Vec<Record>]) -> RunView {
    view(logs).expect("the first log begins with a start")
}

#[test]
fn a_completed_run_has_its_output_and_its_tasks() {
    let mut log = Log::new(1, None);
    log.push("t", RecordKind::TaskStarted, &[]);
    log.push("t", RecordKind::TaskFinished, &[]);
    let view = check(&[log.finish()]);
    assert_eq!(
        (view.status.as_str(), &view.output),
        ("completed", &json!("done"))
    );
    assert_eq!(view.tasks[0].status, "completed");
    assert_eq!(view.tasks[0].records, (2, 3));
    assert!(view.waiting_for.is_empty());
}

#[test]
fn runs_below_count_once_and_an_unknown_price_is_no_zero() {
    let mut log = Log::new(1, None);
    log.push("t", RecordKind::TaskStarted, &[Some("0.25")]);
    let mut child = Log::new(2, Some(log.run));
    child.push("u", RecordKind::TaskStarted, &[Some("0.5"), None]);
    let view = check(&[log.finish(), child.finish()]);
    assert_eq!(view.cost.usd.to_string(), "0.75");
    assert!(!view.cost.exact);
    assert_eq!((view.model_calls, view.cost.tokens), (3, 30));
    assert_eq!(view.runs.len(), 1);
}

#[test]
fn a_log_without_a_start_is_no_run() {
    assert!(view(&[]).is_none());
    assert!(view(&[Vec::new()]).is_none());
}
