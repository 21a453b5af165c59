//! Waits, time limits and retries, with a clock that only the test moves.

use layercake_engine::Phase;
use layercake_engine::journal::JournalReads;
use serde_json::json;

use super::workshop::{NOON, Workshop};

const WAIT: &str = "
  - sleep: { wait: { minutes: 5 } }
  - after: { call: 'echo:1.0.0@default', with: { done: true } }
";

/// How long the engine has to wait according to the row.
fn due(shop: &Workshop, run: layercake_engine::RunId) -> Option<u64> {
    let row = shop.engine.row(run).expect("a row");
    Some(row.due?.as_millis() - NOON)
}

#[tokio::test]
async fn a_wait_ends_when_its_time_has_come() {
    let shop = Workshop::open();
    let run = shop.start(WAIT, json!({})).await;
    shop.until(|| due(&shop, run) == Some(300_000)).await;
    let row = shop.engine.row(run).expect("a row");
    assert_eq!((row.phase, row.active), (Phase::Waiting, false));
    shop.clock.advance(299_999);
    tokio::task::yield_now().await;
    assert_eq!(shop.bench.count("echo/after"), 0);
    shop.clock.advance(1);
    assert_eq!(shop.end(run).await.output, Some(json!({ "done": true })));
    shop.check();
}

#[tokio::test]
async fn a_wait_goes_on_over_crashes_and_may_end_while_nobody_looks() {
    let shop = Workshop::open();
    let short = shop.start(WAIT, json!({})).await;
    let long = WAIT.replace("minutes: 5", "hours: 5");
    shop.until(|| due(&shop, short) == Some(300_000)).await;
    let shop = shop.crash().await;
    assert_eq!(due(&shop, short), Some(300_000), "it is not begun anew");
    let long = {
        let source = super::workshop::text("longer", &long);
        let definition = shop.engine.publish(&source).await.expect("sound");
        let routine = layercake_engine::runtime::Routine::Definition(definition);
        let request = layercake_engine::runtime::StartRequest::new(routine, json!({}));
        shop.engine.start(request).await.expect("a run")
    };
    shop.until(|| due(&shop, long).is_some()).await;
    shop.disk.cut_power_after(1);
    shop.clock.advance(300_000);
    let shop = shop.crash().await;
    assert_eq!(shop.end(short).await.row.phase, Phase::Completed);
    assert_eq!(shop.engine.row(long).expect("a row").phase, Phase::Waiting);
    shop.clock.advance(5 * 3_600_000);
    assert_eq!(shop.end(long).await.row.phase, Phase::Completed);
    shop.check();
}

#[tokio::test]
async fn a_thousand_waits_of_the_same_moment_all_end() {
    let shop = Workshop::open();
    let mut runs = Vec::new();
    for n in 0..1000 {
        runs.push(
            shop.start("\n  - sleep: { wait: { seconds: 30 } }", json!(n))
                .await,
        );
    }
    let last = layercake_engine::Timestamp::from_millis(u64::MAX);
    let waiting = || {
        shop.engine
            .journal()
            .due(None, last, 2000)
            .expect("timers")
            .len()
    };
    shop.until(|| waiting() == 1000).await;
    shop.clock.advance(30_000);
    for run in runs {
        assert_eq!(shop.end(run).await.row.phase, Phase::Completed);
    }
    assert_eq!(waiting(), 0);
    shop.check();
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_given_up() {
    let shop = Workshop::open();
    let tasks = "
  - slow:
      call: 'gate:1.0.0@default'
      with: {}
      timeout: { after: { seconds: 10 } }
";
    let run = shop.start(tasks, json!({})).await;
    shop.bench.reached.notified().await;
    shop.clock.advance(10_000);
    let report = shop.end(run).await;
    let problem = report.problem.expect("a problem");
    assert_eq!((report.row.phase, problem.status), (Phase::Faulted, 408));
    shop.check();
}

#[tokio::test]
async fn retries_wait_and_are_counted_over_crashes() {
    let shop = Workshop::open();
    let tasks = "
  - guarded:
      try:
        - bad: { call: 'fail:1.0.0@default', with: {} }
      catch:
        retry:
          delay: { seconds: 60 }
          limit: { attempt: { count: 3 } }
";
    let run = shop.start(tasks, json!({})).await;
    let mut shop = shop;
    for n in 1..=2_u64 {
        shop.until(|| due(&shop, run) == Some(n * 60_000)).await;
        shop = shop.crash().await;
        shop.clock.advance(60_000);
    }
    let report = shop.end(run).await;
    assert_eq!(
        report.row.phase,
        Phase::Completed,
        "a caught problem ends the task well"
    );
    assert_eq!(report.row.tool_calls, 3);
    shop.check();
}
