//! The embedded runtime: many runs at once on tokio, over a journal.

mod actor;
mod adopt;
mod birth;
mod clock;
mod committer;
mod control;
mod core;
mod definitions;
mod effects;
mod error;
mod events;
mod feed;
mod ledger;
mod lifecycle;
mod load;
mod queue;
mod recovery;
mod registry;
mod requests;
mod retention;
mod retry;
mod timekeeper;
mod watchers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use clock::Clock;
pub use error::{EngineError, EngineRemedy};
pub use events::EventSink;
pub use feed::{Feed, Progress};
pub use queue::{Limit, Rate};
pub use requests::{Routine, RunReport, StartRequest};
pub use watchers::Until;

use self::core::{Core, Stage};
use crate::journal::Journal;
use crate::{Catalog, Executor};

/// A running engine: performs runs, and makes every step of them durable before anything
/// depends on it. Clones are the same engine.
///
/// The engine ends when its last handle is dropped; [`Engine::shutdown`] ends it in good order.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    core: Arc<Core>,
}

/// How an engine works.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where the time comes from.
    pub clock: Clock,
    /// The most effects that are performed at once. Those of class
    /// [`crate::EffectClass::Resumable`] do not count: they mostly wait for others.
    pub effects_max: usize,
    /// The most runs that are brought into memory at once because time passed or the store
    /// was opened.
    pub loads_max: usize,
    /// For how long a failing journal is tried again before the engine stops, in milliseconds.
    pub storage_patience_ms: u64,
    /// How many runs of a routine are at work, begin and wait, by `namespace/name`. Runs that
    /// other runs ask for never wait.
    pub limits: BTreeMap<String, Limit>,
    /// Takes the events that `emit` tasks publish, after the runs of this engine have them.
    pub events: Option<Arc<dyn EventSink>>,
    /// Takes what happens to runs and tasks, as events of the standard. A slow one misses some.
    pub lifecycle: Option<Arc<dyn EventSink>>,
}

impl EngineOptions {
    /// Returns the options for a program with a terminal or a small server.
    pub fn standard() -> Self {
        Self {
            clock: Clock::system(),
            effects_max: 256,
            loads_max: 1024,
            storage_patience_ms: 2_000,
            limits: BTreeMap::new(),
            events: None,
            lifecycle: None,
        }
    }
}

impl Engine {
    /// Takes a journal over, and takes up every unfinished run in it.
    ///
    /// Runs that wait stay on disk. An effect whose intent is recorded and whose outcome is
    /// not is performed again, with the same id, where its class allows it; otherwise a
    /// person is asked.
    ///
    /// # Errors
    ///
    /// Fails when the journal fails.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn open(
        journal: Arc<dyn Journal>,
        executor: Arc<dyn Executor>,
        catalog: Catalog,
        options: EngineOptions,
    ) -> Result<Self, EngineError> {
        let lifecycle = options.lifecycle.clone();
        let core = Core::new(journal, executor, catalog, options)?;
        if let Some(sink) = lifecycle {
            let feed = Feed(core.feed.subscribe());
            core.spawn(lifecycle::report(Arc::clone(&core), feed, sink));
        }
        core.spawn(Arc::clone(&core).serve_queues());
        core.spawn(recovery::recover(Arc::clone(&core)));
        core.spawn(timekeeper::keep_time(Arc::clone(&core)));
        Ok(Self(Arc::new(Handle { core })))
    }

    /// Ends the engine in good order: begins nothing new, waits for at most `patience` until
    /// the effects under way have come back and are recorded, and settles the journal.
    ///
    /// Effects that are cut off count as unknown, unless they can be repeated.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the engine ending by itself, without the wait.
    pub async fn shutdown(&self, patience: Duration) {
        let core = &self.0.core;
        core.advance_to(Stage::Draining);
        let mut tasks = core.take_tasks();
        let drained = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, drained).await.is_err() {
            tracing::warn!("effects were cut off when the engine ended");
        }
        core.advance_to(Stage::Stopped);
        tasks.shutdown().await;
        core.watchers.close(&EngineError::Stopped);
        core.committer.stop();
    }

    fn core(&self) -> &Arc<Core> {
        &self.0.core
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.advance_to(Stage::Stopped);
    }
}
