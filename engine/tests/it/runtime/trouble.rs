//! Broken machinery, panics, histories that no longer replay.

use layercake_engine::journal::Trouble;
use layercake_engine::runtime::EngineError;
use layercake_engine::{Actor, Phase};
use serde_json::json;

use super::workshop::Workshop;

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
