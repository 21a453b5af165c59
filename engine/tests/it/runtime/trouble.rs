//! Broken machinery, panics, histories that no longer replay.

use std::sync::Arc;

use layercake_engine::journal::{
    Batch, Journal, JournalReads, MemoryJournal, StoredDefinition, Trouble, Write,
};
use layercake_engine::runtime::{Clock, EngineError, Until};
use layercake_engine::{Actor, Digest, Phase, RecordKind, Timestamp};
use serde_json::json;

use super::workshop::{Bench, NOON, Workshop, open};

#[tokio::test]
async fn a_panic_of_the_executor_is_contained_and_tried_again() {
    let shop = Workshop::open();
    let run = shop
        .start(
            "\n  - a: { call: 'panic:1.0.0@default', with: {} }",
            json!({}),
        )
        .await;
    let clock = shop.clock.clone();
    let moving = tokio::spawn(async move {
        loop {
            clock.advance(1_000);
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(shop.end(run).await.output, Some(json!(3)));
    moving.abort();
}

#[tokio::test]
async fn machinery_that_keeps_failing_leaves_the_run_stuck_and_visible() {
    let shop = Workshop::open();
    let run = shop
        .start(
            "\n  - a: { call: 'broken:1.0.0@default', with: {} }",
            json!({}),
        )
        .await;
    let clock = shop.clock.clone();
    let moving = tokio::spawn(async move {
        loop {
            clock.advance(1_000);
            tokio::task::yield_now().await;
        }
    });
    let report = shop.settled(run).await;
    moving.abort();
    assert_eq!(report.row.phase, Phase::Running);
    assert!(matches!(
        report.row.trouble,
        Some(Trouble::Stuck { attempts: 6, .. })
    ));
    let scan = layercake_engine::journal::Scan {
        troubled: true,
        ..layercake_engine::journal::Scan::newest(10)
    };
    assert_eq!(shop.engine.journal().scan(&scan).expect("rows").len(), 1);
    shop.engine
        .cancel(run, Actor::Engine)
        .await
        .expect("it can be stopped");
    assert_eq!(shop.end(run).await.row.phase, Phase::Cancelled);
    shop.check();
}

#[tokio::test]
async fn a_run_whose_definition_cannot_be_read_is_in_trouble() {
    let shop = Workshop::open();
    let tasks = "
  - ask: { call: 'approval:1.0.0@default', with: { title: one, show: 1 } }
  - after: { call: 'gate:1.0.0@default', with: {} }
";
    let run = shop.start(tasks, json!({})).await;
    shop.settled(run).await;
    shop.engine
        .shutdown(std::time::Duration::from_secs(1))
        .await;
    // The next engine knows no function but the built-in ones.
    let functions = layercake_engine::Functions::new();
    let catalog = functions.catalog();
    let engine = layercake_engine::runtime::Engine::open(
        std::sync::Arc::new(super::workshop::store(&shop.disk)),
        std::sync::Arc::new(functions),
        catalog,
        layercake_engine::runtime::EngineOptions::standard(),
    )
    .expect("the engine opens");
    let error = engine
        .cancel(run, Actor::Engine)
        .await
        .expect_err("it cannot be read");
    assert!(matches!(error, EngineError::Troubled { .. }), "{error}");
    let row = engine.row(run).expect("a row");
    assert!(
        matches!(row.trouble, Some(Trouble::Unreadable { .. })),
        "{row:?}"
    );
    engine.shutdown(std::time::Duration::from_secs(1)).await;
}

/// A log that was changed by hand, or written by an engine that computed something else.
#[tokio::test]
async fn a_history_that_no_longer_replays_blocks_the_run_visibly() {
    let shop = Workshop::open();
    let tasks = "
  - first: { call: 'echo:1.0.0@default', with: { n: 1 } }
  - ask: { call: 'approval:1.0.0@default', with: { title: one, show: 1 } }
";
    let run = shop.start(tasks, json!({})).await;
    let row = shop.settled(run).await.row;
    let source = shop
        .engine
        .definition_of(run)
        .expect("a definition")
        .source()
        .to_owned();
    let mut records = shop.records(run);
    let tampered = records
        .iter_mut()
        .find(|record| matches!(record.kind, RecordKind::TaskFinished))
        .expect("a task ended");
    tampered.output = Some(Digest::of_bytes(b"something else"));
    let seq = tampered.seq;

    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let epoch = journal.claim().expect("a claim");
    let definition = StoredDefinition {
        digest: row.definition,
        source,
    };
    let mut batch = Batch::of_records(run, records).with_row(row);
    batch.opened = shop
        .engine
        .journal()
        .inbox(Some(run), 10)
        .expect("the inbox");
    let writes = [Write::Define(definition), batch.into()];
    journal.append(epoch, &writes).expect("an append");

    let clock = Clock::manual(Timestamp::from_millis(NOON));
    let engine = open(Arc::clone(&journal), &Arc::new(Bench::default()), &clock);
    let item = journal.inbox(Some(run), 10).expect("the inbox").remove(0);
    let decision = shop.decision(item.shown_hash, layercake_engine::Verdict::Approve);
    let error = engine
        .decide(item.id, decision)
        .await
        .expect_err("it is blocked");
    assert!(matches!(error, EngineError::Troubled { .. }), "{error}");
    let report = engine
        .wait(run, Until::Settled)
        .await
        .expect("it is visible");
    let Some(Trouble::Blocked {
        seq: at,
        expected,
        actual,
    }) = report.row.trouble
    else {
        panic!("the run is not blocked: {:?}", report.row);
    };
    assert_eq!(at, seq);
    assert_ne!(expected, actual, "side by side they must differ");
    assert_eq!(
        journal.records(run, 1, 1000).expect("records").len() as u64,
        report.row.last_seq
    );
}

#[tokio::test]
async fn evidence_stays_on_disk_and_is_not_missed_by_a_replay() {
    let shop = Workshop::open();
    let tasks = "
  - first: { call: 'prove:1.0.0@default', with: { n: 1 } }
  - hold: { call: 'gate:1.0.0@default', with: {} }
";
    let run = shop.start(tasks, json!({})).await;
    shop.bench.reached.notified().await;
    let shop = shop.crash().await;
    shop.bench.reached.notified().await;
    shop.bench.gate.notify_one();
    assert_eq!(shop.end(run).await.row.phase, Phase::Completed);
    let records = shop.records(run);
    let evidence = records.iter().find_map(|record| match &record.kind {
        RecordKind::EffectFinished { evidence, .. } => evidence.clone(),
        _ => None,
    });
    let evidence = evidence.expect("there is evidence");
    assert_eq!(evidence.inline(), None);
    let value = shop
        .engine
        .journal()
        .payload(evidence.digest())
        .expect("it can be read");
    assert_eq!(value, Some(json!({ "proof": "e".repeat(4000) })));
    shop.check();
}
