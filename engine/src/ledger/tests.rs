//! Every cent has a cause, sums agree along every axis, and unknown is not zero.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Axis, Ledger};
use crate::{
    Actor, CostCause, CostEntry, Digest, RECORD_FORMAT, Record, RecordKind, RunId, TaskKey,
    Timestamp,
};

const CAUSES: [CostCause; 10] = [
    CostCause::Productive,
    CostCause::Retry,
    CostCause::Fallback,
    CostCause::Compaction,
    CostCause::Memory,
    CostCause::Evaluator,
    CostCause::Planner,
    CostCause::ApprovalRedo,
    CostCause::ReplayLive,
    CostCause::Abandoned,
];

fn record(seq: u64, usd: Option<&str>, cause: CostCause) -> Record {
    Record {
        format: RECORD_FORMAT,
        run: RunId::from_bytes([7; 16]),
        seq,
        at: Timestamp::from_millis(seq * 40_000_000),
        task: TaskKey::root().child("t", Some(seq), 1),
        attempt: 1,
        kind: RecordKind::TimePassed,
        reads: Vec::new(),
        caused_by: Vec::new(),
        output: None,
        definition: Digest::of_bytes(b"d"),
        versions: BTreeMap::new(),
        actor: Actor::Engine,
        costs: vec![CostEntry {
            usd: usd.map(|usd| usd.parse().expect("a decimal")),
            cause,
            model: format!("m-{}", seq % 3),
            tokens: BTreeMap::from([("input".to_owned(), seq), ("output".to_owned(), 1)]),
        }],
    }
}

fn ledger() -> Ledger {
    let log: Vec<Record> = CAUSES
        .into_iter()
        .zip(1..)
        .map(|(cause, seq)| record(seq, Some("0.00000001"), cause))
        .collect();
    let mut ledger = Ledger::default();
    ledger.add(&log);
    ledger
}

#[test]
fn sums_agree_along_every_axis_to_the_last_digit() {
    let ledger = ledger();
    let total = ledger.total();
    assert_eq!(total.usd, "0.0000001".parse().expect("a decimal"));
    assert_eq!(
        (total.calls, total.tokens["input"], total.tokens["output"]),
        (10, 55, 10)
    );
    for axis in [Axis::Cause, Axis::Model, Axis::Task, Axis::Name, Axis::Day] {
        let sums = ledger.by(axis);
        let usd: Decimal = sums.iter().map(|(_, sum)| sum.usd).sum();
        let calls: u64 = sums.iter().map(|(_, sum)| sum.calls).sum();
        assert_eq!((usd, calls), (total.usd, total.calls), "{axis:?}");
    }
    assert_eq!(ledger.by(Axis::Cause).len(), CAUSES.len());
    assert_eq!(ledger.orchestration_percent(), Some(Decimal::from(90)));
}

#[test]
fn an_unknown_price_is_not_zero() {
    let mut ledger = ledger();
    ledger.add(&[record(1, None, CostCause::Productive)]);
    let total = ledger.total();
    assert!(!total.exact);
    assert_eq!((total.unpriced, total.calls), (1, 11));
}
