//! An engine on a disk, and routines to measure.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use layercake_engine::journal::{Parent, RedbJournal, Scan};
use layercake_engine::runtime::{Engine, EngineOptions, Routine, StartRequest, Until};
use layercake_engine::{Catalog, Definition, EffectClass, Functions, Phase, Problem};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::targets::{Touches, touch};

/// A run of as many steps as its input says.
const SEQUENCE: &str = "
document: { dsl: '1.0.3', namespace: bench, name: sequence, version: '1.0.0' }
do:
  - loop:
      for: { each: n, in: '${ [range(.steps)] }' }
      do:
        - step: { call: 'touch:1.0.0@default', with: { n: '${ $n }' } }
";

/// A run that starts as many children as its input says.
const FAN: &str = "
document: { dsl: '1.0.3', namespace: bench, name: fan, version: '1.0.0' }
do:
  - loop:
      for: { each: n, in: '${ [range(.children)] }' }
      do:
        - child:
            run:
              workflow: { namespace: bench, name: sequence, version: '1.0.0', input: { steps: 1 } }
              await: false
";

/// A run that is cut off in its only step.
const HOLDER: &str = "
document: { dsl: '1.0.3', namespace: bench, name: holder, version: '1.0.0' }
do:
  - hold: { call: 'hold:1.0.0@default', with: {} }
";

/// A run that does something for each of the items in its input, all at once.
const SPREAD: &str = "
document: { dsl: '1.0.3', namespace: bench, name: spread, version: '1.0.0' }
use:
  functions:
    one: { call: 'touch:1.0.0@default', with: { n: '${ $item }' } }
do:
  - all:
      call: 'for-each:1.0.0@default'
      with: { in: '${ .items }', concurrency: 1000, do: one }
";

/// A run that waits for a day.
const SLEEPER: &str = "
document: { dsl: '1.0.3', namespace: bench, name: sleeper, version: '1.0.0' }
do:
  - sleep: { wait: { days: 1 } }
";

type Hold = Pin<Box<dyn Future<Output = Result<Value, Problem>> + Send>>;

/// How long it took after a crash until …
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovery {
    /// … the engine was open.
    pub(crate) opened: Duration,
    /// … the first effect was performed again.
    pub(crate) progress: Duration,
    /// … every run had ended.
    pub(crate) ended: Duration,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads a clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// An engine to measure.
pub(crate) struct Stage {
    runtime: Runtime,
    pub(crate) engine: Engine,
    pub(crate) sequence: Definition,
    pub(crate) fan: Definition,
    pub(crate) holder: Definition,
    pub(crate) spread: Definition,
    sleeper: Definition,
    /// When the last steps were done.
    pub(crate) touches: Touches,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Opens an engine on a file in a scratch folder.
    pub(crate) fn on_disk() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let touches = Touches::default();
        let (engine, definitions) = runtime.block_on(async {
            let path = folder.path().join("journal.redb");
            let engine = open(&path, &touches, || Box::pin(std::future::pending()));
            let mut definitions = Vec::new();
            for source in [SEQUENCE, FAN, HOLDER, SPREAD, SLEEPER] {
                definitions.push(engine.publish(source).await.expect("a sound routine"));
            }
            (engine, definitions)
        });
        let definitions = definitions.try_into().expect("five routines");
        let [sequence, fan, holder, spread, sleeper] = definitions;
        Self {
            runtime,
            engine,
            sequence,
            fan,
            holder,
            spread,
            sleeper,
            touches,
            folder,
        }
    }

    /// Starts a run that starts children, and waits for the end of all of them.
    pub(crate) fn complete_with_children(&self, definition: &Definition, input: Value) {
        self.runtime.block_on(async {
            let routine = Routine::Definition(definition.clone());
            let request = StartRequest::new(routine, input);
            let run = self.engine.start(request).await.expect("a run");
            self.engine.wait(run, Until::Ended).await.expect("an end");
            let unfinished = Scan {
                parent: Parent::Run(run),
                phases: [Phase::Running].into(),
                ..Scan::newest(1)
            };
            while let Some(child) = self.engine.journal().scan(&unfinished).expect("rows").pop() {
                self.engine
                    .wait(child.run, Until::Ended)
                    .await
                    .expect("an end");
            }
        });
    }

    /// Starts so many runs that wait for a day.
    pub(crate) fn start_sleepers(&self, runs: u64) {
        self.runtime.block_on(async {
            let mut starts = tokio::task::JoinSet::new();
            for _ in 0..runs {
                if starts.len() >= 256 {
                    starts.join_next().await;
                }
                let routine = Routine::Definition(self.sleeper.clone());
                let request = StartRequest::new(routine, Value::Null);
                let engine = self.engine.clone();
                starts.spawn(async move { engine.start(request).await.expect("a run") });
            }
            while let Some(started) = starts.join_next().await {
                started.expect("it is started");
            }
        });
    }

    /// Makes a store as a crash leaves it, with so many runs that were cut off in their step.
    pub(crate) fn crashed(&self, runs: u64) -> PathBuf {
        self.runtime.block_on(async {
            for _ in 0..runs {
                let routine = Routine::Definition(self.holder.clone());
                let request = StartRequest::new(routine, Value::Null);
                self.engine.start(request).await.expect("a run");
            }
        });
        let image = self.folder.path().join("crashed.redb");
        copy_store(&self.folder.path().join("journal.redb"), &image);
        image
    }

    /// Opens a crashed store and waits until so many runs have ended.
    pub(crate) fn recover(&self, image: &Path, runs: u64) -> Recovery {
        let path = self.folder.path().join("recovering.redb");
        copy_store(image, &path);
        self.runtime.block_on(async {
            let start = now();
            let (begun, mut first) = tokio::sync::watch::channel(0_u64);
            let engine = open(&path, &Touches::default(), move || {
                begun.send_modify(|count| *count += 1);
                Box::pin(async { Ok(Value::Null) })
            });
            let opened = start.elapsed();
            first.wait_for(|count| *count > 0).await.expect("progress");
            let progress = start.elapsed();
            first
                .wait_for(|count| *count >= runs)
                .await
                .expect("all of them");
            let unfinished = Scan {
                phases: [Phase::Running].into(),
                ..Scan::newest(1)
            };
            while let Some(row) = engine.journal().scan(&unfinished).expect("rows").pop() {
                engine.wait(row.run, Until::Ended).await.expect("an end");
            }
            let ended = start.elapsed();
            engine.shutdown(Duration::from_secs(1)).await;
            Recovery {
                opened,
                progress,
                ended,
            }
        })
    }

    /// Starts runs at once, and waits for their end.
    pub(crate) fn complete(&self, definition: &Definition, input: Value, runs: u64) {
        self.runtime.block_on(async {
            let tasks: Vec<_> = (0..runs)
                .map(|_| {
                    let engine = self.engine.clone();
                    let routine = Routine::Definition(definition.clone());
                    let request = StartRequest::new(routine, input.clone());
                    tokio::spawn(async move {
                        let run = engine.start(request).await.expect("a run");
                        let report = engine.wait(run, Until::Ended).await.expect("an end");
                        assert_eq!(report.row.phase, Phase::Completed);
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("it ends well");
            }
        });
    }
}

/// Copies both files of a store, as a crash leaves them.
fn copy_store(from: &Path, to: &Path) {
    for extension in ["redb", "wal"] {
        let (from, to) = (from.with_extension(extension), to.with_extension(extension));
        std::fs::copy(from, to).expect("a copy");
    }
}

fn open(path: &Path, touches: &Touches, hold: impl Fn() -> Hold + Send + Sync + 'static) -> Engine {
    let journal = RedbJournal::open(path).expect("a store");
    let touches = Arc::clone(touches);
    let functions = Functions::new()
        .function("touch", EffectClass::Pure, move |arguments| {
            touch(&touches);
            std::future::ready(Ok(arguments))
        })
        .function("hold", EffectClass::Pure, move |_| hold());
    let standard = Catalog::standard();
    let for_each = standard.function("for-each", "1.0.0");
    let catalog = functions
        .catalog()
        .with(for_each.expect("a function of the standard").clone());
    let options = EngineOptions {
        // Every run that holds is under way at once.
        effects_max: 1_000_000,
        ..EngineOptions::standard()
    };
    Engine::open(Arc::new(journal), Arc::new(functions), catalog, options).expect("an engine")
}
