//! Events from run to run, from outside, and out.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use layercake_engine::journal::{Journal, MemoryJournal};
use layercake_engine::runtime::{
    Clock, Engine, EngineError, EngineOptions, EventSink, Routine, StartRequest, Until,
};
use layercake_engine::{ExecutorError, Phase, RunId, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::workshop::{Bench, NOON, Workshop, text};

const LISTENS: &str = "
  - hear: { listen: { to: { one: { with: { type: order.paid } } } } }
";

const TELLS: &str = "
  - tell: { emit: { event: { with: { type: order.paid, data: { sum: 3 } } } } }
";

/// A sink that keeps what it gets.
#[derive(Debug, Default)]
struct Kept {
    events: Mutex<Vec<Value>>,
    news: Notify,
}

#[async_trait]
impl EventSink for Kept {
    async fn publish(&self, event: &Value) -> Result<(), ExecutorError> {
        let mut events = self.events.lock().expect("nobody panics while it is held");
        events.push(event.clone());
        self.news.notify_one();
        Ok(())
    }
}

impl Kept {
    fn types(&self) -> Vec<String> {
        let events = self.events.lock().expect("nobody panics while it is held");
        let types = events.iter().filter_map(|event| event["type"].as_str());
        types.map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn an_event_reaches_every_run_that_listens_also_after_a_crash() {
    let shop = Workshop::open();
    let listener = shop.start(LISTENS, json!({})).await;
    let other = shop
        .start(&LISTENS.replace("paid", "sent"), json!({}))
        .await;
    let waits =
        |shop: &Workshop, run: RunId| shop.engine.row(run).expect("a row").phase == Phase::Waiting;
    shop.until(|| waits(&shop, listener) && waits(&shop, other))
        .await;
    let shop = shop.crash().await;
    let teller = shop.start(TELLS, json!({})).await;
    assert_eq!(shop.end(teller).await.row.phase, Phase::Completed);
    assert_eq!(shop.end(listener).await.output, Some(json!([{ "sum": 3 }])));
    assert!(waits(&shop, other), "it listens to something else");
    let told = shop
        .engine
        .tell(json!({ "type": "order.sent", "data": 1 }))
        .await;
    assert_eq!(told.expect("it is told"), 1);
    assert_eq!(shop.end(other).await.output, Some(json!([1])));
    let told = shop
        .engine
        .tell(json!({ "type": "order.sent", "data": 1 }))
        .await;
    assert_eq!(told.expect("it is told"), 0, "nobody listens any more");
    let nothing = shop
        .engine
        .tell(json!("order.sent"))
        .await
        .expect_err("no event");
    assert!(matches!(nothing, EngineError::NoEvent), "{nothing}");
    shop.check();
}

#[tokio::test]
async fn an_event_that_comes_before_its_task_waits_and_counts_once() {
    let shop = Workshop::open();
    let tasks = format!(
        "
  - hold: {{ call: 'gate:1.0.0@default', with: {{}} }}{LISTENS}"
    );
    let run = shop.start(&tasks, json!({})).await;
    shop.bench.reached.notified().await;
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "till", "type": "order.paid", "data": { "n": 1 },
    });
    assert_eq!(
        shop.engine.tell(event.clone()).await.expect("it is told"),
        1
    );
    assert_eq!(
        shop.engine.tell(event).await.expect("it is told"),
        0,
        "it had it already"
    );
    shop.bench.gate.notify_one();
    assert_eq!(shop.end(run).await.output, Some(json!([{ "n": 1 }])));
}

#[tokio::test]
async fn events_go_out_and_lifecycles_are_told() {
    let (events, lifecycle) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
    let clock = Clock::manual(Timestamp::from_millis(NOON));
    let functions = Arc::new(Bench::default()).functions(&clock);
    let (journal, catalog): (Arc<dyn Journal>, _) =
        (Arc::new(MemoryJournal::new()), functions.catalog());
    let options = EngineOptions {
        clock,
        events: Some(events.clone()),
        lifecycle: Some(lifecycle.clone()),
        ..EngineOptions::standard()
    };
    let engine = Engine::open(journal, Arc::new(functions), catalog, options).expect("it opens");
    let definition = engine.read(&text("trial", TELLS)).expect("sound");
    let request = StartRequest::new(Routine::Definition(definition), json!({}));
    let run = engine.start(request).await.expect("a run");
    engine.wait(run, Until::Ended).await.expect("it ends");
    assert_eq!(events.types(), ["order.paid"]);
    while lifecycle.types().len() < 4 {
        lifecycle.news.notified().await;
    }
    assert_eq!(
        lifecycle.types(),
        [
            "io.serverlessworkflow.workflow.started.v1",
            "io.serverlessworkflow.task.started.v1",
            "io.serverlessworkflow.task.completed.v1",
            "io.serverlessworkflow.workflow.completed.v1",
        ]
    );
    let told = lifecycle
        .events
        .lock()
        .expect("nobody panics while it is held");
    assert_eq!(told[0]["subject"], json!(run.to_string()));
    assert_eq!(told[1]["data"]["task"], json!("tell"));
    assert_eq!(
        told[0]["data"]["definition"],
        json!({ "namespace": "test", "name": "trial", "version": "1.0.0" })
    );
}
