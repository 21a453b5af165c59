//! What happens to effects and runs when the power fails.

use layercake_engine::journal::{InboxKind, JournalReads};
use layercake_engine::{Phase, RecordKind, Verdict};
use serde_json::json;

use super::workshop::Workshop;

const HOLD: &str = "
  - before: { call: 'echo:1.0.0@default', with: { a: 1 } }
  - hold: { call: 'gate:1.0.0@default', with: { b: 2 } }
  - after: { call: 'echo:1.0.0@default', with: { c: 3 } }
";

const RISK: &str = "
  - risky: { call: 'risk:1.0.0@default', with: { pay: 100 } }
  - after: { call: 'echo:1.0.0@default', with: { got: '${ . }' } }
";

#[tokio::test]
async fn an_effect_that_can_be_repeated_is_performed_again_with_the_same_id() {
    let shop = Workshop::open();
    let run = shop.start(HOLD, json!({})).await;
    shop.bench.reached.notified().await;
    let shop = shop.crash().await;
    shop.bench.reached.notified().await;
    shop.bench.gate.notify_one();
    assert_eq!(shop.end(run).await.output, Some(json!({ "c": 3 })));
    assert_eq!(shop.bench.count("gate/hold"), 1);
    assert_eq!(
        shop.bench.count("echo/before"),
        0,
        "a recorded outcome is never repeated"
    );
    let intents = shop.records(run).into_iter().filter(
        |record| matches!(&record.kind, RecordKind::EffectIntended(e) if e.task.as_str() == "hold"),
    );
    assert_eq!(intents.count(), 1);
    shop.check();
}

#[tokio::test]
async fn an_unsafe_effect_is_put_to_a_person_who_says_again() {
    let shop = Workshop::open();
    let run = shop.start(RISK, json!({})).await;
    shop.bench.reached.notified().await;
    let shop = shop.crash().await;
    let report = shop.settled(run).await;
    assert_eq!(report.row.phase, Phase::Waiting);
    assert_eq!(
        shop.bench.count("risk/risky"),
        0,
        "nobody pays twice by accident"
    );
    let open = shop
        .engine
        .journal()
        .inbox(Some(run), 10)
        .expect("the inbox");
    assert_eq!(open[0].kind, InboxKind::Doubt);
    assert_eq!(open[0].shown["with"], json!({ "pay": 100 }));

    // The question survives another crash, and is not asked twice.
    let shop = shop.crash().await;
    assert_eq!(
        shop.engine.journal().inbox(None, 10).expect("the inbox"),
        open
    );
    shop.bench.gate.notify_one();
    shop.decide(Verdict::Approve).await;
    assert_eq!(
        shop.end(run).await.output,
        Some(json!({ "got": { "pay": 100 } }))
    );
    assert_eq!(shop.bench.count("risk/risky"), 1);
    shop.check();
}

#[tokio::test]
async fn an_unsafe_effect_that_a_person_rejects_is_a_problem() {
    let shop = Workshop::open();
    let run = shop.start(RISK, json!({})).await;
    shop.bench.reached.notified().await;
    let shop = shop.crash().await;
    shop.settled(run).await;
    shop.decide(Verdict::Reject).await;
    let report = shop.end(run).await;
    assert_eq!(report.row.phase, Phase::Faulted);
    assert_eq!(shop.bench.count("risk/risky"), 0);
    assert_eq!(
        shop.engine.journal().inbox(None, 10).expect("the inbox"),
        []
    );
}

#[tokio::test]
async fn ending_in_good_order_records_what_comes_back_in_time() {
    let shop = Workshop::open();
    let run = shop.start(RISK, json!({})).await;
    shop.bench.reached.notified().await;
    // The permit is stored: the effect comes back while the engine ends.
    shop.bench.gate.notify_one();
    let shop = shop.reopen().await;
    let report = shop.end(run).await;
    assert_eq!(report.output, Some(json!({ "got": { "pay": 100 } })));
    assert_eq!(shop.bench.count("risk/risky"), 0, "it was recorded before");
    shop.check();
}

#[tokio::test]
async fn an_effect_that_was_not_begun_is_not_in_doubt() {
    let shop = Workshop::open();
    let tasks = "
  - first: { call: 'risk:1.0.0@default', with: { n: 1 } }
  - second: { call: 'risk:1.0.0@default', with: { n: 2 } }
";
    let run = shop.start(tasks, json!({})).await;
    shop.bench.reached.notified().await;
    shop.bench.gate.notify_one();
    // The outcome of the first makes the intent of the second, which is never begun.
    let shop = shop.reopen().await;
    shop.bench.reached.notified().await;
    assert_eq!(shop.bench.count("risk/second"), 1);
    assert_eq!(
        shop.engine.journal().inbox(None, 10).expect("the inbox"),
        []
    );

    // Now it was begun, so a crash puts it in doubt.
    let shop = shop.crash().await;
    shop.settled(run).await;
    assert_eq!(
        shop.engine
            .journal()
            .inbox(None, 10)
            .expect("the inbox")
            .len(),
        1
    );
    shop.check();
}

#[tokio::test]
async fn all_unfinished_runs_are_taken_up() {
    let shop = Workshop::open();
    let mut runs = Vec::new();
    for n in 0..50 {
        runs.push(shop.start(HOLD, json!({ "n": n })).await);
    }
    shop.until(|| shop.bench.count("gate/hold") == 50).await;
    let shop = shop.crash().await;
    shop.until(|| shop.bench.count("gate/hold") == 50).await;
    for _ in 0..50 {
        shop.bench.gate.notify_one();
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        shop.bench.gate.notify_waiters();
        tokio::task::yield_now().await;
    }
    for run in runs {
        shop.bench.gate.notify_waiters();
        assert_eq!(shop.end(run).await.row.phase, Phase::Completed);
    }
    shop.check();
}

/// The recovery looks for runs to take up while new ones become visible: each must be taken
/// up by one of the two only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_start_during_the_recovery_are_performed_once() {
    let shop = Workshop::open();
    let mut old = Vec::new();
    for n in 0..100 {
        old.push(shop.start(HOLD, json!({ "n": n })).await);
    }
    shop.until(|| shop.bench.count("gate/hold") == 100).await;
    let shop = shop.crash().await;
    let tasks = "\n  - once: { call: 'echo:1.0.0@default', with: { n: 1 } }";
    let mut young = Vec::new();
    for n in 0..100 {
        young.push(shop.start(tasks, json!({ "n": n })).await);
    }
    for run in young {
        assert_eq!(shop.end(run).await.row.phase, Phase::Completed);
    }
    assert_eq!(shop.bench.count("echo/once"), 100);
    shop.until(|| shop.bench.count("gate/hold") == 100).await;
    shop.check();
}
