//! What can be asked of an engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::birth::Births;
use super::feed::Feed;
use super::queue::{self, Admission};
use super::registry::Message;
use super::watchers::Until;
use super::{Engine, EngineError};
use crate::journal::{
    Epoch, Journal, JournalError, JournalReads, Publication, RunRow, StoredDefinition, Write,
};
use crate::{
    Actor, Decision, Definition, Digest, EffectId, Input, Payload, Problem, RecordKind, RunId,
    RunKind, RunStart, TaskKey,
};

/// What shall run.
#[derive(Debug, Clone)]
pub enum Routine {
    /// A published routine: `namespace/name@version`; without a version, the latest.
    Published(String),
    /// A definition, published or not.
    Definition(Definition),
}

/// A request to start a run.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// What shall run.
    pub routine: Routine,
    /// Its input.
    pub input: Value,
    /// An idempotency key: the same key returns the same run.
    pub key: Option<String>,
    /// Who asks.
    pub by: Actor,
    /// The run of an agent that asks, and the place in it.
    pub parent: Option<(RunId, TaskKey)>,
    /// The id of the new run, when the caller has one.
    pub id: Option<RunId>,
    /// Names and values that the run can be found by.
    pub attributes: BTreeMap<String, String>,
    /// Where a queue forms: the larger one goes first.
    pub priority: u8,
    /// Where a queue forms: on whose behalf. Those of equal priority take turns.
    pub share: Option<String>,
}

impl StartRequest {
    /// Makes a request without key, parent or attributes.
    pub fn new(routine: Routine, input: Value) -> Self {
        Self {
            routine,
            input,
            key: None,
            by: Actor::Engine,
            parent: None,
            id: None,
            attributes: BTreeMap::new(),
            priority: 0,
            share: None,
        }
    }
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The run at a glance.
    pub row: RunRow,
    /// The output of a completed run.
    pub output: Option<Value>,
    /// The problem of a faulted run.
    pub problem: Option<Problem>,
}

/// Where a run stands among those that wait.
struct Place {
    priority: u8,
    share: String,
}

/// Finds in a refusal the run that was started with the same key.
fn stands_already(error: EngineError, id: RunId) -> Result<RunId, EngineError> {
    let EngineError::Journal(error) = error else {
        return Err(error);
    };
    match &*error {
        JournalError::KeyTaken { run, .. } => Ok(*run),
        JournalError::OutOfOrder { run, .. } if *run == id => Err(EngineError::RunExists(id)),
        _ => Err(EngineError::Journal(error)),
    }
}

impl Engine {
    /// Returns the journal, to read from.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.core().journal
    }

    /// Returns the epoch under which this engine owns the journal.
    pub fn epoch(&self) -> Epoch {
        self.core().epoch
    }

    /// Makes an id for a new run.
    ///
    /// # Panics
    ///
    /// When the system has no randomness to give.
    pub fn fresh_id(&self) -> RunId {
        let mut identity = [0; 16];
        getrandom::fill(&mut identity).expect("the system gives random bytes");
        RunId::from_parts(self.core().clock.now(), u128::from_be_bytes(identity))
    }

    /// Writes to the journal under this engine's epoch, together with what runs write at the
    /// same time; returns when it is durable. For logs that somebody else keeps, such as
    /// those of agents.
    ///
    /// # Errors
    ///
    /// Fails when the journal refuses or fails.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the writes back.
    pub async fn append(&self, writes: Vec<Write>) -> Result<(), EngineError> {
        let core = self.core();
        core.require_running()?;
        let written = core.commit(writes).await?;
        core.publish(written);
        Ok(())
    }

    /// Reads a definition, with the functions that this engine can call.
    ///
    /// # Errors
    ///
    /// [`EngineError::Definition`] with every mistake.
    pub fn read(&self, source: &str) -> Result<Definition, EngineError> {
        self.core().definitions.read(source)
    }

    /// Publishes a version of a routine, for ever.
    ///
    /// # Errors
    ///
    /// [`EngineError::Definition`] when the text has mistakes;
    /// [`JournalError::AlreadyPublished`] when that version has another content.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the publication back.
    pub async fn publish(&self, source: &str) -> Result<Definition, EngineError> {
        let core = self.core();
        core.require_running()?;
        let definition = core.definitions.read(source)?;
        let digest = definition.digest();
        let writes = vec![
            Write::Define(StoredDefinition {
                digest,
                source: source.to_owned(),
            }),
            Write::Publish(Publication {
                name: definition.name().to_owned(),
                digest,
                published_at: core.clock.now(),
            }),
        ];
        core.commit(writes).await?;
        core.definitions.keep(definition.clone());
        Ok(definition)
    }

    /// Returns a published routine: `namespace/name@version`; without a version, the latest.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRoutine`] when there is none.
    pub fn routine(&self, name: &str) -> Result<Definition, EngineError> {
        self.core().definitions.of_name(name)
    }

    /// Returns the definition that a run is pinned to.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`] when there is no such run or nothing is stored for it.
    pub fn definition_of(&self, run: RunId) -> Result<Definition, EngineError> {
        let row = self.row(run)?;
        let found = self.core().definitions.of_digest(row.definition)?;
        found.ok_or(EngineError::UnknownRun(run))
    }

    /// Starts a run; returns when its start is durable. The same key returns the same run.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRoutine`], [`EngineError::RunExists`], or the journal's.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have started the run; asking again with the same key finds it.
    pub async fn start(&self, request: StartRequest) -> Result<RunId, EngineError> {
        let core = self.core();
        core.require_running()?;
        if let Some(key) = &request.key
            && let Some(run) = core.journal.run_of_key(key)?
        {
            return Ok(run);
        }
        let definition = match request.routine {
            Routine::Published(name) => core.definitions.of_name(&name)?,
            Routine::Definition(definition) => definition,
        };
        let id = request.id.unwrap_or_else(|| self.fresh_id());
        let start = RunStart {
            run_kind: RunKind::Routine,
            name: definition.name().to_owned(),
            input: Payload::Inline(request.input),
            parent: request.parent,
            key: request.key,
            by: request.by,
        };
        let queue = Place {
            priority: request.priority,
            share: request.share.unwrap_or_default(),
        };
        self.begin(id, start, &definition, request.attributes, queue)
            .await
    }

    /// Begins a run, or puts it in its queue.
    async fn begin(
        &self,
        id: RunId,
        start: RunStart,
        definition: &Definition,
        mut attributes: BTreeMap<String, String>,
        place: Place,
    ) -> Result<RunId, EngineError> {
        let core = self.core();
        let name = start.name.clone();
        let routine = queue::routine_of(&name);
        let mut births = Births::new(core);
        let admission = match start.parent {
            // Somebody waits for it who may hold the very place that it would wait for.
            Some(_) => Admission::Begins,
            None => core.queues.admit(routine, id, core.clock.now())?,
        };
        match admission {
            Admission::Begins => births.run(id, start, definition, attributes),
            Admission::Waits => {
                attributes.insert(queue::PRIORITY.to_owned(), place.priority.to_string());
                attributes.insert(queue::SHARE.to_owned(), place.share.clone());
                births.waiting(id, start, definition, attributes);
            }
        }
        if births.writes.is_empty() {
            return Err(EngineError::RunExists(id));
        }
        let writes = std::mem::take(&mut births.writes);
        match core.commit(writes).await {
            Ok(written) => {
                births.live();
                core.publish(written);
                if admission == Admission::Waits {
                    core.queues.enter(routine, id, place.priority, &place.share);
                }
                Ok(id)
            }
            Err(error) => {
                core.queues.note_end(&name, id);
                stands_already(error, id)
            }
        }
    }

    /// Waits until a run comes to a certain point.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or why the engine stopped in the meantime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: waiting changes nothing.
    pub async fn wait(&self, run: RunId, until: Until) -> Result<RunReport, EngineError> {
        let core = self.core();
        let wait = core.watchers.watch(run, until);
        let row = self.row(run)?;
        if until.holds(&row) {
            return self.report_of(row);
        }
        core.require_running()?;
        match wait.await {
            Ok(row) => self.report_of(row?),
            Err(_) => Err(EngineError::Stopped),
        }
    }

    /// Returns what has become of a run by now.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or the journal's.
    pub fn report(&self, run: RunId) -> Result<RunReport, EngineError> {
        self.report_of(self.row(run)?)
    }

    fn report_of(&self, row: RunRow) -> Result<RunReport, EngineError> {
        let mut report = RunReport {
            row,
            output: None,
            problem: None,
        };
        if !report.row.phase.is_final() {
            return Ok(report);
        }
        let journal = self.journal();
        for record in journal.records(report.row.run, report.row.last_seq, 1)? {
            if let RecordKind::RunFinished {
                output, problem, ..
            } = record.kind
            {
                report.output = output.as_ref().and_then(Payload::inline).cloned();
                report.problem = problem;
            }
        }
        Ok(report)
    }

    /// Returns the row of a run.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or the journal's.
    pub fn row(&self, run: RunId) -> Result<RunRow, EngineError> {
        let row = self.journal().row(run)?;
        row.map(|row| *row).ok_or(EngineError::UnknownRun(run))
    }

    /// Follows the progress of all runs from now on.
    pub fn subscribe(&self) -> Feed {
        Feed(self.core().feed.subscribe())
    }

    /// Settles an open question; returns when the decision is durable. The first decision
    /// counts.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotOpen`] when somebody was faster, [`EngineError::Refused`] when the
    /// person saw something else than what is asked now.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the decision back.
    pub async fn decide(&self, question: EffectId, decision: Decision) -> Result<(), EngineError> {
        let item = self.journal().inbox_item(question)?;
        let run = item.ok_or(EngineError::NotOpen(question))?.run;
        let input = Input::Decided {
            effect: question,
            decision,
        };
        match self.core().apply(run, input).await {
            Err(EngineError::Refused(crate::ApplyError::Stale(_))) => {
                Err(EngineError::NotOpen(question))
            }
            result => result,
        }
    }

    /// Sends something to a run; returns when it is durable.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or [`EngineError::Refused`] when the run has ended.
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the signal back.
    pub async fn signal(
        &self,
        run: RunId,
        signal: impl Into<String>,
        data: Value,
        by: Actor,
    ) -> Result<(), EngineError> {
        let signal = signal.into();
        let input = Input::Signalled { signal, data, by };
        self.core().apply(run, input).await
    }

    /// Sends something to a run under an id of the sender's; the same id is recorded once,
    /// however often it is sent.
    ///
    /// # Errors
    ///
    /// As [`Engine::signal`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future does not take the signal back; sending it again is safe.
    pub async fn signal_once(
        &self,
        run: RunId,
        id: &str,
        signal: impl Into<String>,
        data: Value,
        by: Actor,
    ) -> Result<(), EngineError> {
        let signal = signal.into();
        let input = Input::Signalled { signal, data, by };
        let mark = Digest::of_bytes(id.as_bytes());
        self.core().apply_once(run, input, Some(mark)).await
    }

    /// Looks again at a run that is in trouble: perhaps what was in the way is gone.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`], or the journal's. Whether it helped, the row tells.
    pub fn reconsider(&self, run: RunId) -> Result<(), EngineError> {
        self.core().require_running()?;
        if self.row(run)?.trouble.is_some() {
            self.core().deliver(run, Message::Wake(None));
        }
        Ok(())
    }
}
