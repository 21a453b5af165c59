//! Deciding, signalling, pausing, going on, stopping.

use layercake_engine::journal::JournalReads;
use layercake_engine::runtime::EngineError;
use layercake_engine::{Actor, Phase, RecordKind, Verdict};
use serde_json::json;

use super::workshop::Workshop;

const ASK: &str = "
  - ask: { call: 'approval:1.0.0@default', with: { title: 'May I?', show: { sum: 10 } } }
  - after: { call: 'echo:1.0.0@default', with: { got: '${ .decision }' } }
";

const HOLD: &str = "
  - hold: { call: 'gate:1.0.0@default', with: {} }
  - after: { call: 'echo:1.0.0@default', with: { done: true } }
";

fn ada() -> Actor {
    Actor::Person("ada".to_owned())
}

#[tokio::test]
async fn an_approval_waits_on_disk_until_somebody_decides() {
    let shop = Workshop::open();
    let run = shop.start(ASK, json!({})).await;
    let report = shop.settled(run).await;
    assert_eq!(report.row.phase, Phase::Waiting);
    assert_eq!(report.row.waiting_for.len(), 1);
    let shop = shop.crash().await;
    let open = shop.engine.journal().inbox(None, 10).expect("the inbox");
    assert_eq!(
        (open[0].title.as_str(), &open[0].shown),
        ("May I?", &json!({ "sum": 10 }))
    );
    shop.decide(Verdict::Approve).await;
    assert_eq!(
        shop.end(run).await.output,
        Some(json!({ "got": "approve" }))
    );
    assert_eq!(
        shop.engine.journal().inbox(None, 10).expect("the inbox"),
        []
    );
    shop.check();
}

#[tokio::test]
async fn only_the_first_decision_counts_and_only_on_what_was_shown() {
    let shop = Workshop::open();
    let run = shop.start(ASK, json!({})).await;
    shop.settled(run).await;
    let item = shop
        .engine
        .journal()
        .inbox(None, 10)
        .expect("the inbox")
        .remove(0);
    let blind = shop.decision(
        layercake_engine::Digest::of_bytes(b"else"),
        Verdict::Approve,
    );
    let error = shop
        .engine
        .decide(item.id, blind)
        .await
        .expect_err("it differs");
    assert!(matches!(error, EngineError::Refused(_)), "{error}");
    let no = shop.decision(item.shown_hash, Verdict::Reject);
    shop.engine
        .decide(item.id, no)
        .await
        .expect("the first decision");
    let yes = shop.decision(item.shown_hash, Verdict::Approve);
    let error = shop
        .engine
        .decide(item.id, yes)
        .await
        .expect_err("too late");
    assert!(matches!(error, EngineError::NotOpen(_)), "{error}");
    assert_eq!(shop.end(run).await.output, Some(json!({ "got": "reject" })));
}

#[tokio::test]
async fn a_cancelled_run_stops_its_effects_and_stays_stopped() {
    let shop = Workshop::open();
    let run = shop.start(HOLD, json!({})).await;
    shop.bench.reached.notified().await;
    shop.engine.cancel(run, ada()).await.expect("it stops");
    let report = shop.end(run).await;
    assert_eq!(report.row.phase, Phase::Cancelled);
    let error = shop
        .engine
        .cancel(run, ada())
        .await
        .expect_err("it is over");
    assert!(matches!(error, EngineError::Refused(_)), "{error}");
    let shop = shop.crash().await;
    assert_eq!(shop.end(run).await.row.phase, Phase::Cancelled);
    assert_eq!(shop.bench.counts().len(), 0);
    shop.check();
}

#[tokio::test]
async fn a_paused_run_keeps_what_comes_back_and_goes_on_later() {
    let shop = Workshop::open();
    let run = shop.start(HOLD, json!({})).await;
    shop.bench.reached.notified().await;
    shop.engine.suspend(run, ada()).await.expect("it pauses");
    shop.bench.gate.notify_one();
    let held = || {
        let records = shop.records(run);
        records
            .iter()
            .any(|record| matches!(record.kind, RecordKind::EffectFinished { .. }))
    };
    shop.until(held).await;
    assert_eq!(shop.engine.row(run).expect("a row").phase, Phase::Suspended);
    let shop = shop.crash().await;
    assert_eq!(shop.engine.row(run).expect("a row").phase, Phase::Suspended);
    assert_eq!(shop.bench.count("echo/after"), 0);
    shop.engine.resume(run, ada()).await.expect("it goes on");
    assert_eq!(shop.end(run).await.output, Some(json!({ "done": true })));
    assert_eq!(
        shop.bench.count("gate/hold"),
        0,
        "it was recorded before the crash"
    );
    shop.check();
}

#[tokio::test]
async fn a_signal_is_recorded_in_memory_or_not() {
    let shop = Workshop::open();
    let run = shop.start(ASK, json!({})).await;
    shop.settled(run).await;
    let data = json!({ "large": "x".repeat(2000) });
    shop.engine
        .signal(run, "hello", data.clone(), ada())
        .await
        .expect("it is recorded");
    let shop = shop.crash().await;
    let records = shop.records(run);
    let heard = records.iter().find_map(|record| match &record.kind {
        RecordKind::Signalled { signal, data } => Some((signal.as_str(), data.inline().cloned())),
        _ => None,
    });
    assert_eq!(heard, Some(("hello", Some(data))));
    let nobody = shop.engine.fresh_id();
    let error = shop
        .engine
        .signal(nobody, "s", json!(1), ada())
        .await
        .expect_err("nobody");
    assert!(
        matches!(error, EngineError::UnknownRun(id) if id == nobody),
        "{error}"
    );
    shop.check();
}

#[tokio::test]
async fn the_same_signal_is_recorded_once_however_often_it_is_sent() {
    let shop = Workshop::open();
    let run = shop.start(ASK, json!({})).await;
    shop.settled(run).await;
    let send = async |shop: &Workshop, id: &str| {
        let sent = shop
            .engine
            .signal_once(run, id, "paid", json!({ "id": id }), ada());
        sent.await.expect("it is recorded, or was");
    };
    send(&shop, "a").await;
    send(&shop, "a").await;
    let shop = shop.crash().await;
    send(&shop, "a").await;
    send(&shop, "b").await;
    let records = shop.records(run);
    let signals = records
        .iter()
        .filter(|r| matches!(r.kind, RecordKind::Signalled { .. }));
    assert_eq!(signals.count(), 2);
    shop.check();
}

#[tokio::test]
async fn ended_runs_are_removed_with_their_children_and_others_stay() {
    let shop = Workshop::open();
    let child = super::workshop::text("child", "\n  - c: { set: { done: 1 } }");
    shop.engine.publish(&child).await.expect("sound");
    let tasks = "
  - delegate:
      run: { workflow: { namespace: test, name: child, version: '1.0.0', input: {} } }
";
    let old = shop.start(tasks, json!({})).await;
    shop.end(old).await;
    shop.clock.advance(1_000_000);
    let line = shop.clock.now();
    shop.clock.advance(1);
    let young = shop.start(tasks, json!({})).await;
    shop.end(young).await;
    let waiting = shop.start(ASK, json!({})).await;
    shop.settled(waiting).await;

    assert!(
        shop.engine.remove(waiting).await.is_err(),
        "it has not ended"
    );
    assert_eq!(shop.engine.prune(line).await.expect("it prunes"), 2);
    assert!(shop.engine.row(old).is_err());
    assert_eq!(
        shop.engine.row(young).expect("a row").phase,
        Phase::Completed
    );
    assert_eq!(shop.engine.prune(line).await.expect("it prunes"), 0);
    assert_eq!(shop.engine.remove(young).await.expect("it is removed"), 2);
    assert_eq!(shop.engine.journal().facts().expect("facts").runs, 1);
    shop.check();
}

#[tokio::test]
async fn nothing_is_taken_after_the_end_of_the_engine() {
    let shop = Workshop::open();
    let run = shop.start(ASK, json!({})).await;
    shop.settled(run).await;
    shop.engine
        .shutdown(std::time::Duration::from_secs(1))
        .await;
    let error = shop
        .engine
        .cancel(run, ada())
        .await
        .expect_err("it has ended");
    assert!(matches!(error, EngineError::Stopped), "{error}");
    assert_eq!(
        shop.engine.row(run).expect("reading goes on").phase,
        Phase::Waiting
    );
}

#[tokio::test]
async fn too_many_requests_at_once_are_told_to_come_back() {
    let shop = Workshop::open();
    let run = shop.start(HOLD, json!({})).await;
    shop.bench.reached.notified().await;
    let sends: Vec<_> = (0..1500)
        .map(|n| {
            let engine = shop.engine.clone();
            tokio::spawn(async move { engine.signal(run, "n", json!(n), ada()).await })
        })
        .collect();
    let (mut taken, mut busy) = (0, 0);
    for send in sends {
        match send.await.expect("it ends") {
            Ok(()) => taken += 1,
            // The engine bounds what waits in memory, the run what it keeps unread.
            Err(EngineError::Busy(_) | EngineError::Refused(_)) => busy += 1,
            Err(other) => panic!("another error: {other:?}"),
        }
    }
    assert_eq!(taken + busy, 1500);
    assert!(taken >= 100, "{taken} were taken");
    let records = shop.records(run);
    let signals = records
        .iter()
        .filter(|r| matches!(r.kind, RecordKind::Signalled { .. }));
    assert_eq!(
        signals.count(),
        taken,
        "what was acknowledged is recorded, and nothing else"
    );
    shop.check();
}
