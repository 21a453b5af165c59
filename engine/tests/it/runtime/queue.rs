//! Queues: who begins, who waits, and what of it survives the end of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use layercake_engine::journal::{Journal, JournalReads, MemoryJournal, RunRow, Scan};
use layercake_engine::runtime::{
    Clock, Engine, EngineError, EngineOptions, EngineRemedy, Limit, Routine, StartRequest, Until,
};
use layercake_engine::{Actor, Phase, RunId, Timestamp};
use serde_json::json;

use super::workshop::{Bench, NOON, text};

const HOLD: &str = "
  - hold: { call: 'gate:1.0.0@default', with: {} }
";

const QUICK: &str = "
  - note: { set: { done: true } }
";

struct House {
    journal: Arc<dyn Journal>,
    clock: Clock,
    bench: Arc<Bench>,
    engine: Engine,
    limit: Limit,
}

impl House {
    fn open(limit: Limit) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(NOON));
        Self::on(Arc::new(MemoryJournal::new()), clock, limit)
    }

    fn on(journal: Arc<dyn Journal>, clock: Clock, limit: Limit) -> Self {
        let bench = Arc::new(Bench::default());
        let functions = bench.functions(&clock);
        let catalog = functions.catalog();
        let options = EngineOptions {
            clock: clock.clone(),
            limits: BTreeMap::from([("test/trial".to_owned(), limit)]),
            ..EngineOptions::standard()
        };
        let engine = Engine::open(Arc::clone(&journal), Arc::new(functions), catalog, options);
        Self {
            journal,
            clock,
            bench,
            engine: engine.expect("the engine opens"),
            limit,
        }
    }

    async fn reopen(self) -> Self {
        self.engine.shutdown(Duration::ZERO).await;
        Self::on(self.journal, self.clock, self.limit)
    }

    async fn ask(&self, tasks: &str, priority: u8, key: &str) -> Result<RunId, EngineError> {
        let definition = self.engine.read(&text("trial", tasks)).expect("sound");
        let request = StartRequest {
            priority,
            key: Some(key.to_owned()),
            ..StartRequest::new(Routine::Definition(definition), json!({}))
        };
        self.engine.start(request).await
    }

    async fn start(&self, tasks: &str, priority: u8, key: &str) -> RunId {
        self.ask(tasks, priority, key)
            .await
            .expect("the run is taken")
    }

    fn row(&self, run: RunId) -> RunRow {
        self.engine.row(run).expect("a row")
    }

    async fn end(&self, run: RunId) -> RunRow {
        self.engine
            .wait(run, Until::Ended)
            .await
            .expect("it ends")
            .row
    }
}

#[tokio::test]
async fn who_has_to_wait_is_on_disk_and_begins_when_a_place_is_free() {
    let house = House::open(Limit::concurrency(1));
    let first = house.start(HOLD, 0, "first").await;
    house.bench.reached.notified().await;
    let plain = house.start(QUICK, 0, "plain").await;
    let urgent = house.start(QUICK, 5, "urgent").await;
    assert_eq!(
        house.start(QUICK, 0, "plain").await,
        plain,
        "the key finds it"
    );
    assert_eq!(house.row(plain).phase, Phase::Pending);
    assert_eq!(house.engine.queued("test/trial"), 2);
    let pending = house.journal.scan(&Scan {
        phases: [Phase::Pending].into(),
        ..Scan::newest(10)
    });
    assert_eq!(
        pending.expect("rows").len(),
        2,
        "they are found by their phase"
    );

    let house = house.reopen().await;
    assert_eq!(house.engine.queued("test/trial"), 2, "they have survived");
    house.bench.reached.notified().await;
    let early = house
        .engine
        .signal(plain, "hello", json!(1), Actor::Engine)
        .await;
    let early = early.expect_err("it has not begun");
    assert!(matches!(early, EngineError::Queued(_)), "{early}");
    assert_eq!(early.remedy(), EngineRemedy::Retry);
    house.bench.gate.notify_one();
    for run in [first, urgent, plain] {
        assert_eq!(house.end(run).await.phase, Phase::Completed);
    }
    let began = |run: RunId| {
        let released = house.row(run).attributes.get("queue.released").cloned();
        let order = house.journal.records(run, 2, 1).expect("records");
        (released.is_some(), order[0].seq)
    };
    assert_eq!(began(urgent), (true, 2));
    assert_eq!(house.journal.check().expect("a check"), []);
    let keyed = house.journal.run_of_key("urgent").expect("an answer");
    assert_eq!(keyed, Some(urgent));
}

#[tokio::test]
async fn a_rate_spreads_beginnings_over_time_also_after_a_restart() {
    let house = House::open(Limit::rate(2, 1_000));
    let mut runs = Vec::new();
    for n in 0..5 {
        runs.push(house.start(QUICK, 0, &n.to_string()).await);
        // Ids sort by the millisecond: who came first shows after a restart only beyond that.
        house.clock.advance(1);
    }
    for run in &runs[..2] {
        house.end(*run).await;
    }
    assert_eq!(house.engine.queued("test/trial"), 3);
    let house = house.reopen().await;
    assert_eq!(house.engine.queued("test/trial"), 3, "the span is not over");
    house.clock.advance(1_000);
    for run in &runs[2..4] {
        house.end(*run).await;
    }
    assert_eq!(house.row(runs[4]).phase, Phase::Pending);
    house.clock.advance(1_000);
    assert_eq!(house.end(runs[4]).await.phase, Phase::Completed);
}

#[tokio::test]
async fn a_queued_run_can_be_cancelled_and_a_full_queue_refuses() {
    let house = House::open(Limit {
        queued_max: 1,
        ..Limit::concurrency(1)
    });
    let first = house.start(HOLD, 0, "first").await;
    house.bench.reached.notified().await;
    let second = house.start(HOLD, 0, "second").await;
    let refused = house
        .ask(QUICK, 0, "third")
        .await
        .expect_err("the queue is full");
    assert!(matches!(refused, EngineError::QueueFull(_)), "{refused}");
    let by = Actor::Person("ada".to_owned());
    house
        .engine
        .cancel(second, by)
        .await
        .expect("it is cancelled");
    assert_eq!(house.end(second).await.phase, Phase::Cancelled);
    assert_eq!(house.bench.count("gate/hold"), 1, "it was never performed");
    house.start(QUICK, 0, "third").await;
    house.bench.gate.notify_one();
    assert_eq!(house.end(first).await.phase, Phase::Completed);
    assert_eq!(house.journal.check().expect("a check"), []);
}
