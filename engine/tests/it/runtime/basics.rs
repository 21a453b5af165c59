//! Starting, performing, ending, following.

use std::collections::BTreeSet;

use layercake_engine::journal::{JournalReads, Scan};
use layercake_engine::runtime::{EngineError, Progress, Routine, StartRequest, Until};
use layercake_engine::{Phase, RecordKind, RunId};
use serde_json::json;

use super::workshop::{Workshop, in_memory, text};

const TWO_STEPS: &str = "
  - one: { call: 'echo:1.0.0@default', with: { n: '${ .n }' } }
  - two: { call: 'echo:1.0.0@default', with: { twice: '${ .n * 2 }' } }
";

#[tokio::test]
async fn a_run_performs_its_steps_and_ends_with_an_output() {
    let shop = Workshop::open();
    let run = shop.start(TWO_STEPS, json!({ "n": 21 })).await;
    let report = shop.end(run).await;
    assert_eq!(report.output, Some(json!({ "twice": 42 })));
    assert_eq!(report.row.phase, Phase::Completed);
    assert_eq!(report.row.tool_calls, 2);
    assert!(!report.row.active);
    let records = shop.records(run);
    let seqs: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (1..=records.len() as u64).collect::<Vec<_>>());
    assert!(matches!(records[0].kind, RecordKind::RunStarted(_)));
    assert!(matches!(
        records[records.len() - 1].kind,
        RecordKind::RunFinished { .. }
    ));
    assert_eq!(report.row.last_seq, records.len() as u64);
    shop.check();
}

#[tokio::test]
async fn a_problem_ends_the_run_and_says_why() {
    let shop = Workshop::open();
    let run = shop
        .start(
            "\n  - bad: { call: 'fail:1.0.0@default', with: {} }",
            json!({}),
        )
        .await;
    let report = shop.end(run).await;
    assert_eq!(report.row.phase, Phase::Faulted);
    let problem = report.problem.expect("a problem");
    assert_eq!(problem.title, "it failed");
    assert_eq!(problem.instance.as_deref(), Some("/do/0/bad"));
}

#[tokio::test]
async fn the_same_key_is_the_same_run() {
    let shop = Workshop::open();
    let first = shop
        .start_keyed(TWO_STEPS, json!({ "n": 1 }), Some("order-1"))
        .await;
    let again = shop
        .start_keyed(TWO_STEPS, json!({ "n": 1 }), Some("order-1"))
        .await;
    assert_eq!(first, again);
    let other = shop
        .start_keyed(TWO_STEPS, json!({ "n": 1 }), Some("order-2"))
        .await;
    assert_ne!(first, other);
    shop.end(first).await;
    shop.end(other).await;
    assert_eq!(shop.bench.count("echo/one"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_starts_with_one_key_give_one_run() {
    let shop = Workshop::open();
    let definition = shop
        .engine
        .publish(&text("trial", TWO_STEPS))
        .await
        .expect("sound");
    let starts: Vec<_> = (0..20)
        .map(|_| {
            let engine = shop.engine.clone();
            let routine = Routine::Definition(definition.clone());
            let mut request = StartRequest::new(routine, json!({ "n": 1 }));
            request.key = Some("once".to_owned());
            tokio::spawn(async move { engine.start(request).await.expect("a run") })
        })
        .collect();
    let mut runs = BTreeSet::new();
    for start in starts {
        runs.insert(start.await.expect("it ends"));
    }
    assert_eq!(runs.len(), 1);
    shop.end(*runs.first().expect("one")).await;
    assert_eq!(shop.bench.count("echo/one"), 1);
}

#[tokio::test]
async fn a_given_id_is_used_once() {
    let engine = in_memory();
    let definition = engine
        .publish(&text("trial", TWO_STEPS))
        .await
        .expect("sound");
    let mut request = StartRequest::new(Routine::Definition(definition), json!({ "n": 1 }));
    let id: RunId = engine.fresh_id();
    request.id = Some(id);
    assert_eq!(engine.start(request.clone()).await.expect("a run"), id);
    engine.wait(id, Until::Ended).await.expect("it ends");
    let error = engine.start(request).await.expect_err("it exists");
    assert!(
        matches!(error, EngineError::RunExists(run) if run == id),
        "{error}"
    );
}

#[tokio::test]
async fn routines_are_published_once_and_found_by_their_latest_version() {
    let engine = in_memory();
    let version = |version: &str, n: u32| {
        let tasks = format!("\n  - one: {{ set: {{ version: {n} }} }}");
        text("trial", &tasks).replace("1.0.0", version)
    };
    for (number, n) in [("1.9.0", 1), ("1.10.0", 2), ("2.0.0-rc.1", 3)] {
        engine
            .publish(&version(number, n))
            .await
            .expect("a publication");
    }
    engine
        .publish(&version("1.9.0", 1))
        .await
        .expect("the same again");
    let error = engine
        .publish(&version("1.9.0", 9))
        .await
        .expect_err("it differs");
    assert!(matches!(error, EngineError::Journal(_)), "{error}");
    for (name, expected) in [
        ("test/trial@1.9.0", 1),
        ("test/trial@1.10.0", 2),
        ("test/trial@latest", 3),
        ("test/trial", 3),
    ] {
        let routine = Routine::Published(name.to_owned());
        let run = engine
            .start(StartRequest::new(routine, json!({})))
            .await
            .expect("a run");
        let report = engine.wait(run, Until::Ended).await.expect("it ends");
        assert_eq!(
            report.output,
            Some(json!({ "version": expected })),
            "{name}"
        );
    }
    let unknown = Routine::Published("test/other".to_owned());
    let error = engine
        .start(StartRequest::new(unknown, json!({})))
        .await
        .expect_err("unknown");
    assert!(matches!(error, EngineError::UnknownRoutine(_)), "{error}");
}

#[tokio::test]
async fn a_feed_tells_every_step_in_order() {
    let shop = Workshop::open();
    let mut feed = shop.engine.subscribe();
    let run = shop.start(TWO_STEPS, json!({ "n": 1 })).await;
    shop.end(run).await;
    let mut heard = Vec::new();
    while heard.len() < shop.records(run).len() {
        match feed.next().await {
            Some(Progress::Step(records)) => heard.extend(records.iter().cloned()),
            other => panic!("the feed ended: {other:?}"),
        }
    }
    assert_eq!(heard, shop.records(run));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_runs_share_flushes() {
    let shop = Workshop::open();
    let definition = shop
        .engine
        .publish(&text("trial", TWO_STEPS))
        .await
        .expect("sound");
    let before = shop.disk.operations();
    let mut runs = Vec::new();
    for n in 0..200 {
        let routine = Routine::Definition(definition.clone());
        let engine = shop.engine.clone();
        let start = async move {
            engine
                .start(StartRequest::new(routine, json!({ "n": n })))
                .await
        };
        runs.push(tokio::spawn(start));
    }
    for run in runs {
        let run = run.await.expect("it ends").expect("a run");
        assert_eq!(shop.end(run).await.row.phase, Phase::Completed);
    }
    // Each run commits three times; one by one that would be 600 flushes and more writes.
    let operations = shop.disk.operations() - before;
    assert!(operations < 600 * 6, "{operations} writes and flushes");
    let rows = shop
        .engine
        .journal()
        .scan(&Scan::newest(1000))
        .expect("rows");
    assert_eq!(rows.len(), 200);
    shop.check();
}

#[tokio::test]
async fn a_long_run_is_taken_up_from_its_snapshot() {
    let shop = Workshop::open();
    let tasks = "
  - loop:
      for: { each: n, in: '${ [range(200)] }' }
      do:
        - step: { call: 'echo:1.0.0@default', with: { n: '${ $n }' } }
  - hold: { call: 'gate:1.0.0@default', with: {} }
";
    let run = shop.start(tasks, json!({})).await;
    shop.bench.reached.notified().await;
    let snapshot = shop
        .engine
        .journal()
        .snapshot(run)
        .expect("the journal answers");
    let seq = snapshot.expect("there is a snapshot").seq;
    assert!(seq > 256, "{seq}");
    let shop = shop.crash().await;
    shop.bench.reached.notified().await;
    shop.bench.gate.notify_one();
    assert_eq!(shop.end(run).await.row.phase, Phase::Completed);
    assert_eq!(
        shop.bench.count("gate/hold"),
        1,
        "the new engine asked again, once"
    );
    assert_eq!(shop.bench.counts().len(), 1, "no other step was repeated");
    shop.check();
}
