//! Trying a failed run again from the task that failed.

use layercake_engine::runtime::EngineError;
use layercake_engine::{Actor, Phase};
use serde_json::json;

use super::workshop::Workshop;

fn ada() -> Actor {
    Actor::Person("ada".to_owned())
}

#[tokio::test]
async fn what_was_done_stays_done_and_the_rest_is_done_anew() {
    let shop = Workshop::open();
    let tasks = "
  - first: { call: 'echo:1.0.0@default', with: { n: 1 } }
  - pause: { wait: { seconds: 10 } }
  - wanders: { call: 'wander:1.0.0@default', with: { from: '${ .n }' }, timeout: { after: { seconds: 5 } } }
  - last: { call: 'echo:1.0.0@default', with: { got: '${ . }' } }
";
    let run = shop.start(tasks, json!({})).await;
    let pausing = || shop.engine.row(run).expect("a row").due.is_some();
    shop.until(pausing).await;
    shop.clock.advance(10_000);
    let failed = shop.end(run).await;
    assert_eq!(failed.row.phase, Phase::Faulted);
    shop.clock.advance(60_000);

    let again = shop
        .engine
        .retry(run, ada())
        .await
        .expect("it is tried again");
    let report = shop.end(again).await;
    assert_eq!(report.output, Some(json!({ "got": { "from": 1 } })));
    assert_eq!(shop.bench.count("echo/first"), 1, "it was done before");
    assert_eq!(shop.bench.count("wander/wanders"), 2);
    let row = shop.engine.row(again).expect("a row");
    assert_eq!(row.attributes.get("retry.of"), Some(&run.to_string()));
    assert_eq!(
        shop.end(run).await.row.phase,
        Phase::Faulted,
        "the old one stays"
    );
    let refused = shop
        .engine
        .retry(again, ada())
        .await
        .expect_err("it has completed");
    assert!(matches!(refused, EngineError::NotFailed(_)), "{refused}");
    let shop = shop.crash().await;
    assert_eq!(
        shop.records(again).len() as u64,
        shop.end(again).await.row.last_seq
    );
    shop.check();
}

#[tokio::test]
async fn a_cancelled_run_goes_on_where_it_was_stopped() {
    let shop = Workshop::open();
    let tasks = "
  - first: { call: 'echo:1.0.0@default', with: { n: 1 } }
  - hold: { call: 'gate:1.0.0@default', with: { got: '${ .n }' } }
";
    let run = shop.start(tasks, json!({})).await;
    shop.bench.reached.notified().await;
    shop.engine.cancel(run, ada()).await.expect("it stops");
    shop.end(run).await;
    let again = shop
        .engine
        .retry(run, ada())
        .await
        .expect("it is tried again");
    shop.bench.reached.notified().await;
    shop.bench.gate.notify_one();
    assert_eq!(shop.end(again).await.output, Some(json!({ "got": 1 })));
    assert_eq!(shop.bench.count("echo/first"), 1);
}

#[tokio::test]
async fn what_can_be_undone_is_undone_before_a_run_is_cancelled() {
    let shop = Workshop::open();
    let text = "
document: { dsl: '1.0.3', namespace: test, name: trial, version: '1.0.0' }
use:
  functions:
    book: { call: 'echo:1.0.0@default', with: { book: '${ $item }' } }
    cancel: { call: 'echo:1.0.0@default', with: { cancel: '${ $item }' } }
do:
  - rooms: { call: 'for-each:1.0.0@default', with: { in: [a, b], key: '${ $item }', do: book, undo: cancel } }
  - hold: { call: 'gate:1.0.0@default', with: {} }
";
    let definition = shop.engine.read(text).expect("the definition is sound");
    let routine = layercake_engine::runtime::Routine::Definition(definition);
    let request = layercake_engine::runtime::StartRequest::new(routine, json!({}));
    let run = shop.engine.start(request).await.expect("a run");
    shop.bench.reached.notified().await;
    let performed = shop.bench.counts().len();
    shop.engine.undo(run, ada()).await.expect("it is asked for");
    assert_eq!(shop.end(run).await.row.phase, Phase::Cancelled);
    assert_eq!(
        shop.bench.counts().len(),
        performed + 2,
        "both rooms are given back"
    );
    shop.check();
}
