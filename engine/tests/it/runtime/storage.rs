//! Full disks, other owners.

use std::sync::Arc;
use std::time::Duration;

use layercake_engine::journal::{Journal, JournalError, JournalReads, MemoryJournal};
use layercake_engine::runtime::{Clock, EngineError, EngineRemedy, Until};
use layercake_engine::{Actor, Phase, Timestamp};
use serde_json::json;

use super::workshop::{Bench, NOON, Workshop, open, text};

const HOLD: &str = "
  - hold: { call: 'gate:1.0.0@default', with: {} }
  - after: { call: 'echo:1.0.0@default', with: { done: true } }
";

#[tokio::test]
async fn a_full_disk_stops_the_engine_and_loses_nothing() {
    let shop = Workshop::open();
    let run = shop.start(HOLD, json!({})).await;
    shop.bench.reached.notified().await;
    shop.disk.limit(Some(shop.disk.used_bytes()));
    let large = json!({ "text": "x".repeat(8 << 20) });
    let error = shop
        .engine
        .signal(run, "big", large, Actor::Engine)
        .await
        .expect_err("full");
    let EngineError::Journal(cause) = &error else {
        panic!("another error: {error}");
    };
    assert!(matches!(**cause, JournalError::Full(_)), "{cause}");
    assert!(matches!(error.remedy(), EngineRemedy::Journal(_)));
    let after = shop
        .engine
        .cancel(run, Actor::Engine)
        .await
        .expect_err("it has stopped");
    assert!(
        matches!(after, EngineError::Journal(_)),
        "every caller learns why: {after}"
    );
    assert!(shop.engine.wait(run, Until::Ended).await.is_err());

    shop.disk.limit(None);
    let shop = shop.reopen().await;
    shop.bench.gate.notify_one();
    assert_eq!(shop.end(run).await.output, Some(json!({ "done": true })));
    shop.check();
}

#[tokio::test]
async fn a_disk_that_is_full_for_a_moment_costs_nothing_but_time() {
    let shop = Workshop::open();
    let run = shop.start(HOLD, json!({})).await;
    shop.bench.reached.notified().await;
    shop.disk.limit(Some(shop.disk.used_bytes()));
    let disk = shop.disk.clone();
    let freeing = std::thread::Builder::new()
        .spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            disk.limit(None);
        })
        .expect("a thread");
    let large = json!({ "text": "x".repeat(8 << 20) });
    shop.engine
        .signal(run, "big", large, Actor::Engine)
        .await
        .expect("it waits for room");
    freeing.join().expect("it ends");
    shop.bench.gate.notify_one();
    assert_eq!(shop.end(run).await.row.phase, Phase::Completed);
    shop.check();
}

#[tokio::test]
async fn a_new_owner_fences_the_old_one() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let clock = Clock::manual(Timestamp::from_millis(NOON));
    let (old_bench, new_bench) = (Arc::new(Bench::default()), Arc::new(Bench::default()));
    let old = open(Arc::clone(&journal), &old_bench, &clock);
    let definition = old.publish(&text("trial", HOLD)).await.expect("sound");
    let routine = layercake_engine::runtime::Routine::Definition(definition);
    let request = layercake_engine::runtime::StartRequest::new(routine, json!({}));
    let run = old.start(request.clone()).await.expect("a run");
    old_bench.reached.notified().await;

    let new = open(Arc::clone(&journal), &new_bench, &clock);
    assert!(new.epoch() > old.epoch());
    new_bench.reached.notified().await;
    old_bench.gate.notify_one();
    let error = old
        .wait(run, Until::Ended)
        .await
        .expect_err("it lost the store");
    let EngineError::Journal(cause) = &error else {
        panic!("another error: {error}");
    };
    assert!(matches!(**cause, JournalError::Fenced { .. }), "{cause}");
    assert!(old.start(request).await.is_err());

    new_bench.gate.notify_one();
    let report = new.wait(run, Until::Ended).await.expect("it ends");
    assert_eq!(report.output, Some(json!({ "done": true })));
    let records = journal.records(run, 1, 100).expect("records");
    assert_eq!(records.len() as u64, report.row.last_seq);
    assert_eq!(
        journal.row(run).expect("a row").expect("one").phase,
        Phase::Completed
    );
}
