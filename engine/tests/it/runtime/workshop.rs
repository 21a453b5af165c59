//! An engine to try things with, on a disk that survives it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use layercake_engine::journal::{
    Journal, JournalOptions, JournalReads, MemoryJournal, RedbJournal, SimulatedDisk,
};
use layercake_engine::runtime::{
    Clock, Engine, EngineOptions, Routine, RunReport, StartRequest, Until,
};
use layercake_engine::{
    Decision, Digest, Effect, EffectClass, FunctionSpec, Functions, Outcome, Problem, ProblemKind,
    Record, RunId, Timestamp, Verdict,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The moment at which manual clocks begin.
pub(crate) const NOON: u64 = 1_700_000_000_000;

/// Functions that tests look into.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    /// How often each effect was performed, by `function/task`.
    performed: Mutex<BTreeMap<String, u32>>,
    /// Lets `gate` go on.
    pub(crate) gate: Notify,
    /// Says that `gate` was reached.
    pub(crate) reached: Notify,
}

impl Bench {
    pub(crate) fn count(&self, name: &str) -> u32 {
        self.performed().get(name).copied().unwrap_or(0)
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u32> {
        self.performed().clone()
    }

    fn performed(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.performed
            .lock()
            .expect("nobody panics while it is held")
    }

    fn note(&self, effect: &Effect, function: &str) -> u32 {
        let mut performed = self.performed();
        let count = performed
            .entry(format!("{function}/{}", effect.task))
            .or_insert(0);
        *count += 1;
        *count
    }

    /// `echo` gives its arguments back; `gate` waits (idempotent), `risk` waits (unsafe);
    /// `fail` is a problem, `wander` the first time; `panic` panics twice; `broken` is broken machinery.
    pub(crate) fn functions(self: &Arc<Self>, clock: &Clock) -> Functions {
        let mut functions = Functions::with_clock(clock.clone());
        for (name, class) in [
            ("echo", EffectClass::Pure),
            ("fail", EffectClass::Pure),
            ("wander", EffectClass::Pure),
            ("gate", EffectClass::Idempotent),
            ("risk", EffectClass::Unsafe),
            ("prove", EffectClass::Pure),
            ("panic", EffectClass::Pure),
            ("broken", EffectClass::Unsafe),
        ] {
            let spec = FunctionSpec {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
                summary: String::new(),
                input: json!(true),
                output: json!(true),
                class,
            };
            if name == "broken" {
                // In the catalog, but nobody performs it.
                continue;
            }
            let bench = Arc::clone(self);
            functions = functions.with(spec, move |effect| {
                let bench = Arc::clone(&bench);
                async move { bench.perform(name, effect).await }
            });
        }
        functions
    }

    async fn perform(&self, name: &str, effect: Effect) -> Outcome {
        let count = self.note(&effect, name);
        let arguments = match &effect.request {
            layercake_engine::EffectRequest::Call(call) => call.arguments.clone(),
            other => panic!("not a call: {other:?}"),
        };
        match name {
            "echo" => Outcome::completed(arguments),
            "prove" => Outcome {
                evidence: Some(json!({ "proof": "e".repeat(4000) })),
                ..Outcome::completed(arguments)
            },
            "fail" => Outcome::failed(Problem::standard(ProblemKind::Communication, "it failed")),
            "wander" if count == 1 => {
                Outcome::failed(Problem::standard(ProblemKind::Communication, "it got lost"))
            }
            "wander" => Outcome::completed(arguments),
            "panic" if count <= 2 => panic!("this is a drill"),
            "panic" => Outcome::completed(json!(count)),
            _ => {
                self.reached.notify_one();
                self.gate.notified().await;
                Outcome::completed(arguments)
            }
        }
    }
}

/// A disk, and the engine that is opened on it.
pub(crate) struct Workshop {
    pub(crate) disk: SimulatedDisk,
    pub(crate) clock: Clock,
    pub(crate) bench: Arc<Bench>,
    pub(crate) engine: Engine,
}

impl Workshop {
    /// Opens an engine on a new disk.
    pub(crate) fn open() -> Self {
        Self::on(
            SimulatedDisk::new(),
            Clock::manual(Timestamp::from_millis(NOON)),
        )
    }

    fn on(disk: SimulatedDisk, clock: Clock) -> Self {
        let bench = Arc::new(Bench::default());
        let journal: Arc<dyn Journal> = Arc::new(store(&disk));
        let engine = open(journal, &bench, &clock);
        Self {
            disk,
            clock,
            bench,
            engine,
        }
    }

    /// Ends the engine in good order, and opens another one on the same disk.
    pub(crate) async fn reopen(self) -> Self {
        self.engine.shutdown(Duration::from_secs(5)).await;
        let (disk, clock) = self.close();
        Self::on(disk, clock)
    }

    /// Cuts the power, and opens another engine on what is left.
    pub(crate) async fn crash(self) -> Self {
        self.disk.cut_power_after(1);
        self.engine.shutdown(Duration::ZERO).await;
        let (disk, clock) = self.close();
        disk.restart(7);
        Self::on(disk, clock)
    }

    /// Drops the engine, and with it the last hand on the store: two hands would tear it.
    fn close(self) -> (SimulatedDisk, Clock) {
        (self.disk.clone(), self.clock.clone())
    }

    pub(crate) async fn start(&self, tasks: &str, input: Value) -> RunId {
        self.start_keyed(tasks, input, None).await
    }

    pub(crate) async fn start_keyed(&self, tasks: &str, input: Value, key: Option<&str>) -> RunId {
        let definition = self.engine.read(&text("trial", tasks));
        let definition = definition.expect("the definition is sound");
        let mut request = StartRequest::new(Routine::Definition(definition), input);
        request.key = key.map(str::to_owned);
        self.engine.start(request).await.expect("the run starts")
    }

    pub(crate) async fn end(&self, run: RunId) -> RunReport {
        self.engine
            .wait(run, Until::Ended)
            .await
            .expect("the run ends")
    }

    pub(crate) async fn settled(&self, run: RunId) -> RunReport {
        self.engine
            .wait(run, Until::Settled)
            .await
            .expect("the run settles")
    }

    pub(crate) fn records(&self, run: RunId) -> Vec<Record> {
        self.engine
            .journal()
            .records(run, 1, usize::MAX)
            .expect("records")
    }

    /// Decides the only open question.
    pub(crate) async fn decide(&self, verdict: Verdict) {
        let open = self.engine.journal().inbox(None, 10).expect("the inbox");
        let [item] = &open[..] else {
            panic!("one question is expected: {open:?}");
        };
        let decision = self.decision(item.shown_hash, verdict);
        self.engine
            .decide(item.id, decision)
            .await
            .expect("the decision is taken");
    }

    pub(crate) fn decision(&self, shown_hash: Digest, verdict: Verdict) -> Decision {
        Decision {
            verdict,
            by: "ada".to_owned(),
            at: self.clock.now(),
            comment: None,
            edited: None,
            shown_hash,
            roles: Vec::new(),
        }
    }

    /// Checks what must hold at any time.
    pub(crate) fn check(&self) {
        let damages = self.engine.journal().check().expect("a check");
        assert_eq!(damages, []);
    }

    /// Waits until a run is no longer in memory, and its row says what it waits for.
    pub(crate) async fn until(&self, condition: impl Fn() -> bool) {
        let patience = tokio::time::timeout(Duration::from_secs(20), async {
            while !condition() {
                tokio::task::yield_now().await;
            }
        });
        patience.await.expect("it happens within a bounded time");
    }
}

/// Opens the store on a disk.
pub(crate) fn store(disk: &SimulatedDisk) -> RedbJournal {
    let (data, log) = (Arc::new(disk.part(0)), Arc::new(disk.part(1)));
    RedbJournal::on_disks(data, log, JournalOptions::default()).expect("the store opens")
}

/// Opens an engine in memory only.
pub(crate) fn in_memory() -> Engine {
    let bench = Arc::new(Bench::default());
    let clock = Clock::manual(Timestamp::from_millis(NOON));
    open(Arc::new(MemoryJournal::new()), &bench, &clock)
}

pub(crate) fn open(journal: Arc<dyn Journal>, bench: &Arc<Bench>, clock: &Clock) -> Engine {
    let functions = bench.functions(clock);
    let approval = layercake_engine::Catalog::standard();
    let approval = approval
        .function("approval", "1.0.0")
        .expect("it is standard");
    let broken = FunctionSpec {
        name: "broken".to_owned(),
        input: json!(true),
        ..approval.clone()
    };
    let standard = layercake_engine::Catalog::standard();
    let for_each = standard.function("for-each", "1.0.0");
    let catalog = functions
        .catalog()
        .with(approval.clone())
        .with(for_each.expect("it is standard").clone())
        .with(broken);
    let options = EngineOptions {
        clock: clock.clone(),
        storage_patience_ms: 200,
        ..EngineOptions::standard()
    };
    Engine::open(journal, Arc::new(functions), catalog, options).expect("the engine opens")
}

/// Writes a definition around tasks.
pub(crate) fn text(name: &str, tasks: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0' }}\ndo:\n{tasks}"
    )
}
