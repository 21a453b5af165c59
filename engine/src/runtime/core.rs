//! What all parts of a running engine share.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, oneshot, watch};
use tokio::task::JoinSet;

use super::actor::Actor;
use super::birth::Births;
use super::committer::Committer;
use super::definitions::Definitions;
use super::events::EventSink;
use super::feed::FEED_STEPS;
use super::queue::Queues;
use super::registry::{Message, Registry, Sent};
use super::watchers::Watchers;
use super::{Clock, EngineError, EngineOptions};
use crate::journal::{Epoch, Journal, JournalReads, Write};
use crate::{Catalog, Digest, Executor, Input, Outcome, Phase, Record, RunId, RunKind, Timestamp};

/// What all parts of a running engine share.
pub(super) struct Core {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) definitions: Definitions,
    pub(super) committer: Committer,
    pub(super) epoch: Epoch,
    pub(super) clock: Clock,
    pub(super) registry: Registry,
    pub(super) watchers: Watchers,
    /// The records of each step, as they become durable.
    pub(super) feed: broadcast::Sender<Arc<Vec<Record>>>,
    /// Who waits for a place, and who has one.
    pub(super) queues: Queues,
    /// Takes the events that runs publish, after the runs of this engine have them.
    pub(super) events: Option<Arc<dyn EventSink>>,
    /// Bounds the effects that are performed at once.
    pub(super) effects: Arc<Semaphore>,
    /// Bounds the runs that are loaded because time passed or the engine was opened.
    pub(super) loads: Arc<Semaphore>,
    /// The earliest moment that a row was written with since the timekeeper looked last.
    pub(super) earliest: watch::Sender<Option<Timestamp>>,
    /// Only moves forward: written by `shutdown`, by the last handle, and after a failure.
    pub(super) stage: watch::Sender<Stage>,
    /// Why the engine stopped by itself; written once.
    failure: Mutex<Option<EngineError>>,
    /// Every task of this engine; `shutdown` joins them.
    tasks: Mutex<JoinSet<()>>,
}

/// How far the engine is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// At work.
    Running,
    /// No new effect is begun; those that are under way may finish.
    Draining,
    /// Everything ends now.
    Stopped,
}

impl Core {
    pub(super) fn new(
        journal: Arc<dyn Journal>,
        executor: Arc<dyn Executor>,
        catalog: Catalog,
        options: EngineOptions,
    ) -> Result<Arc<Self>, EngineError> {
        let epoch = journal.claim()?;
        let patience = Duration::from_millis(options.storage_patience_ms);
        let committer = Committer::start(Arc::clone(&journal), epoch, patience)
            .map_err(crate::journal::JournalError::Storage)?;
        let queues = Queues::new(options.limits);
        queues.load(&*journal, options.clock.now())?;
        Ok(Arc::new(Self {
            // Events are published here, whether somebody outside takes them or not.
            definitions: Definitions::new(Arc::clone(&journal), catalog.with_events()),
            journal,
            executor,
            committer,
            epoch,
            clock: options.clock,
            registry: Registry::default(),
            queues,
            events: options.events,
            watchers: Watchers::default(),
            feed: broadcast::Sender::new(FEED_STEPS),
            effects: Arc::new(Semaphore::new(options.effects_max)),
            loads: Arc::new(Semaphore::new(options.loads_max)),
            earliest: watch::Sender::new(None),
            stage: watch::Sender::new(Stage::Running),
            failure: Mutex::new(None),
            tasks: Mutex::new(JoinSet::new()),
        }))
    }

    /// Returns why nothing can be asked of the engine any more, if that is so.
    pub(super) fn require_running(&self) -> Result<(), EngineError> {
        if *self.stage.borrow() == Stage::Running {
            return Ok(());
        }
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        Err(failure.clone().unwrap_or(EngineError::Stopped))
    }

    /// Stops everything: what could be done now could not be recorded.
    pub(super) fn fail(&self, error: EngineError) {
        {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| error.clone());
        }
        self.advance_to(Stage::Stopped);
        self.watchers.close(&error);
    }

    /// Moves the engine nearer to its end, never back.
    pub(super) fn advance_to(&self, stage: Stage) {
        self.stage.send_if_modified(|current| {
            let later = stage > *current;
            *current = stage.max(*current);
            later
        });
    }

    /// Runs something in the background, until it ends or the engine does.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!(%error, "a task of the engine panicked");
            }
        }
        tasks.spawn(task);
    }

    /// Takes all tasks, to join them.
    pub(super) fn take_tasks(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends something to a run, wherever it is.
    pub(super) fn deliver(self: &Arc<Self>, run: RunId, message: Message) {
        match self.registry.send(run, message) {
            Sent::Delivered => {}
            Sent::Register(mailbox) => {
                self.spawn(Actor::load_and_live(Arc::clone(self), run, mailbox));
            }
            Sent::Busy(Message::Input { reply, .. }) => {
                drop(reply.send(Err(EngineError::Busy(run))));
            }
            // Only requests can be too many.
            Sent::Busy(_) => {}
        }
    }

    /// Lets something happen to a run; returns when it is durable.
    pub(super) async fn apply(
        self: &Arc<Self>,
        run: RunId,
        input: Input,
    ) -> Result<(), EngineError> {
        self.apply_once(run, input, None).await
    }

    /// As [`Core::apply`]; the same mark is taken in once.
    pub(super) async fn apply_once(
        self: &Arc<Self>,
        run: RunId,
        input: Input,
        once: Option<Digest>,
    ) -> Result<(), EngineError> {
        self.require_running()?;
        let (reply, answer) = oneshot::channel();
        let input = Box::new(input);
        self.deliver(run, Message::Input { input, once, reply });
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(self.require_running().err().unwrap_or(EngineError::Stopped)),
        }
    }

    /// Lets a queued run begin, or end at once; returns when that is durable.
    pub(super) async fn release(
        self: &Arc<Self>,
        run: RunId,
        ending: Option<Input>,
    ) -> Result<(), EngineError> {
        let row = self.journal.row(run)?.ok_or(EngineError::UnknownRun(run))?;
        let definition = self.definitions.of_digest(row.definition)?;
        let first = self.journal.records(run, 1, 1)?.into_iter().next();
        let (Some(definition), Some(first)) = (definition, first) else {
            return Err(EngineError::UnknownRun(run));
        };
        let mut births = Births::new(self);
        if let Err(error) = births.queued(*row, &first, &definition, ending) {
            tracing::error!(run_id = %run, %error, "a queued run cannot begin");
            return Err(EngineError::UnknownRun(run));
        }
        let written = self.commit(std::mem::take(&mut births.writes)).await?;
        births.live();
        self.publish(written);
        Ok(())
    }

    /// Tells the parent of a run how it ended, if the parent is a run of a routine.
    pub(super) fn tell_parent(self: &Arc<Self>, parent: RunId, child: RunId, outcome: Outcome) {
        let waits = match self.journal.row(parent) {
            Ok(row) => row.is_some_and(|row| {
                row.kind == RunKind::Routine && !row.phase.is_final() && row.trouble.is_none()
            }),
            Err(error) => {
                tracing::error!(%error, run_id = %parent, "the parent's row cannot be read");
                false
            }
        };
        if waits {
            let outcome = Box::new(outcome);
            self.deliver(parent, Message::ChildEnded { child, outcome });
        }
    }

    /// Wakes a run, when there is room for it in memory.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has woken nobody.
    pub(super) async fn wake(self: &Arc<Self>, run: RunId) {
        let permit: Option<OwnedSemaphorePermit> =
            Arc::clone(&self.loads).acquire_owned().await.ok();
        self.deliver(run, Message::Wake(permit));
    }

    /// Writes, and stops the engine when the journal has failed.
    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Write>, EngineError> {
        let result = self.committer.commit(writes).await;
        if let Err(EngineError::Journal(error)) = &result
            && (!error.is_refusal()
                || matches!(**error, crate::journal::JournalError::Fenced { .. }))
        {
            self.fail(EngineError::Journal(Arc::clone(error)));
        }
        result
    }

    /// Tells everybody who follows what has become durable.
    pub(super) fn publish(&self, writes: Vec<Write>) {
        let followed = self.feed.receiver_count() > 0;
        for write in writes {
            let Write::Run(batch) = write else { continue };
            if let Some(row) = &batch.row {
                self.watchers.note(row);
                if row.phase.is_final() {
                    self.queues.note_end(&row.name, row.run);
                }
                if let Some(due) = row.due {
                    self.note_due(due);
                }
            }
            if followed && !batch.records.is_empty() {
                // Nobody may be left to hear it.
                drop(self.feed.send(Arc::new(batch.records)));
            }
        }
    }

    fn note_due(&self, due: Timestamp) {
        self.earliest.send_if_modified(|earliest| {
            let sooner = earliest.is_none_or(|earliest| due < earliest);
            if sooner {
                *earliest = Some(due);
            }
            sooner
        });
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("journal", &self.journal)
            .field("epoch", &self.epoch)
            .field("stage", &*self.stage.borrow())
            .field("runs", &self.registry.len())
            .finish_non_exhaustive()
    }
}

/// Says how a run that ended looks to the run that asked for it.
pub(super) fn outcome_of(
    phase: Phase,
    output: Option<serde_json::Value>,
    problem: Option<crate::Problem>,
) -> Outcome {
    use crate::{Problem, ProblemKind};
    match (phase, problem) {
        (Phase::Completed, _) => Outcome::completed(output.unwrap_or_default()),
        (_, Some(problem)) => Outcome::failed(problem),
        (_, None) => Outcome::failed(
            Problem::standard(ProblemKind::Runtime, "the run was cancelled").with_status(499),
        ),
    }
}
