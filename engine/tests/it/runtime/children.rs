//! Runs that start runs.

use layercake_engine::journal::{Parent, Scan};
use layercake_engine::{Actor, Phase, RunId};
use serde_json::json;

use super::workshop::{Workshop, text};

async fn publish_child(shop: &Workshop, tasks: &str) {
    shop.engine
        .publish(&text("child", tasks))
        .await
        .expect("the child is sound");
}

fn parent(wait: bool) -> String {
    format!(
        "
  - delegate:
      run:
        workflow: {{ namespace: test, name: child, version: '1.0.0', input: {{ n: '${{ .n }}' }} }}
        await: {wait}
  - after: {{ call: 'echo:1.0.0@default', with: {{ got: '${{ . }}' }} }}
"
    )
}

fn children(shop: &Workshop, run: RunId) -> Vec<RunId> {
    let scan = Scan {
        parent: Parent::Run(run),
        ..Scan::newest(2000)
    };
    let rows = shop.engine.journal().scan(&scan).expect("rows");
    rows.into_iter().map(|row| row.run).collect()
}

#[tokio::test]
async fn a_parent_gets_the_output_of_its_child() {
    let shop = Workshop::open();
    publish_child(&shop, "\n  - c: { set: { got: '${ .n }' } }").await;
    let run = shop.start(&parent(true), json!({ "n": 5 })).await;
    assert_eq!(
        shop.end(run).await.output,
        Some(json!({ "got": { "got": 5 } }))
    );
    assert_eq!(children(&shop, run).len(), 1);
    shop.check();
}

#[tokio::test]
async fn the_problem_of_a_child_is_the_problem_of_its_task() {
    let shop = Workshop::open();
    publish_child(&shop, "\n  - c: { call: 'fail:1.0.0@default', with: {} }").await;
    let run = shop.start(&parent(true), json!({ "n": 5 })).await;
    let problem = shop.end(run).await.problem.expect("a problem");
    assert_eq!(problem.title, "it failed");
    assert_eq!(problem.instance.as_deref(), Some("/do/0/delegate"));
}

#[tokio::test]
async fn a_child_that_nobody_published_is_a_problem() {
    let shop = Workshop::open();
    let run = shop.start(&parent(true), json!({ "n": 5 })).await;
    let report = shop.end(run).await;
    assert_eq!(report.row.phase, Phase::Faulted);
    assert_eq!(report.problem.expect("a problem").status, 400);
}

#[tokio::test]
async fn a_parent_that_does_not_wait_goes_on_at_once() {
    let shop = Workshop::open();
    publish_child(&shop, "\n  - c: { call: 'gate:1.0.0@default', with: {} }").await;
    let run = shop.start(&parent(false), json!({ "n": 5 })).await;
    assert_eq!(
        shop.end(run).await.output,
        Some(json!({ "got": { "n": 5 } }))
    );
    let child = children(&shop, run)[0];
    shop.bench.gate.notify_one();
    assert_eq!(shop.end(child).await.row.phase, Phase::Completed);
}

#[tokio::test]
async fn a_parent_learns_of_its_child_over_crashes() {
    let shop = Workshop::open();
    publish_child(
        &shop,
        "\n  - c: { call: 'gate:1.0.0@default', with: { done: 1 } }",
    )
    .await;
    let run = shop.start(&parent(true), json!({ "n": 5 })).await;
    shop.bench.reached.notified().await;
    let shop = shop.crash().await;
    shop.bench.reached.notified().await;
    let shop = shop.crash().await;
    shop.bench.gate.notify_one();
    assert_eq!(
        shop.end(run).await.output,
        Some(json!({ "got": { "done": 1 } }))
    );
    assert_eq!(children(&shop, run).len(), 1, "the child is started once");
    shop.check();
}

#[tokio::test]
async fn cancelling_a_parent_cancels_the_child_that_it_waits_for() {
    let shop = Workshop::open();
    publish_child(&shop, "\n  - c: { call: 'gate:1.0.0@default', with: {} }").await;
    let run = shop.start(&parent(true), json!({ "n": 5 })).await;
    shop.bench.reached.notified().await;
    let child = children(&shop, run)[0];
    shop.engine
        .cancel(run, Actor::Engine)
        .await
        .expect("it stops");
    assert_eq!(shop.end(child).await.row.phase, Phase::Cancelled);
    shop.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_of_children_all_end() {
    let shop = Workshop::open();
    publish_child(
        &shop,
        "\n  - c: { call: 'echo:1.0.0@default', with: { n: '${ .n }' } }",
    )
    .await;
    let tasks = "
  - fan:
      for: { each: n, in: '${ [range(300)] }' }
      do:
        - delegate:
            run:
              workflow: { namespace: test, name: child, version: latest, input: { n: '${ $n }' } }
              await: false
";
    let run = shop.start(tasks, json!({})).await;
    shop.end(run).await;
    let all = children(&shop, run);
    assert_eq!(all.len(), 300);
    for child in all {
        assert_eq!(shop.end(child).await.row.phase, Phase::Completed);
    }
    shop.check();
}
