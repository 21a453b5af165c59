//! A run in memory: takes what happens to it, makes it durable, and sees to what it wants.
//!
//! One task for each run at work. A run that only waits leaves memory; whoever has something
//! for it brings it back.

mod events;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use self::events::{Event, Taken};
use super::EngineError;
use super::birth::{Births, intended_runs};
use super::core::{Core, Stage, outcome_of};
use super::effects::{Ended, is_repeatable};
use super::ledger::{Ledger, work_of};
use super::load::{Loaded, load};
use super::registry::Mailbox;
use crate::journal::{Batch, JournalReads, Trouble};
use crate::{
    ApplyError, Digest, Effect, EffectId, EffectRequest, Input, Outcome, Payload, Problem,
    ProblemKind, Record, RecordKind, Run, RunId, Timestamp,
};

/// The most children that one step starts: what is written together must stay small enough
/// for the others who share the flush.
const BIRTHS_MAX: usize = 256;

/// The task of one run in memory.
pub(super) struct Actor {
    core: Arc<Core>,
    run: Run,
    ledger: Ledger,
    mailbox: Mailbox,
    stage: watch::Receiver<Stage>,
    /// The effects that are being performed.
    effects: JoinSet<(EffectId, Ended)>,
    flights: BTreeMap<EffectId, Flight>,
    /// Awaited child runs that are known to be started.
    children: BTreeMap<EffectId, RunId>,
    /// Intents of child runs that were never started; the next commit starts them.
    missing: Vec<Effect>,
    /// Marks that were taken in and are not durable yet.
    taken: BTreeSet<Digest>,
    /// What the engine itself has to tell the run next.
    backlog: VecDeque<Input>,
    /// Bounds how many woken runs are loaded and advanced at once; returned after that.
    permit: Option<OwnedSemaphorePermit>,
    /// Whether the run left the registry in good order.
    left: bool,
}

/// An effect that is being performed.
#[derive(Debug)]
struct Flight {
    abort: AbortHandle,
    /// How often the machinery failed already.
    tries: u32,
}

/// Somebody who waits for an input to be durable, and what became of it.
type Reply = (
    oneshot::Sender<Result<(), EngineError>>,
    Result<(), ApplyError>,
);

/// Whether a run stays in memory.
#[derive(Debug, PartialEq, Eq)]
enum Stay {
    Yes,
    No,
}

impl Actor {
    /// Brings a new run to life. Its first records are durable, and it is registered.
    pub(super) fn spawn(core: &Arc<Core>, run: Run, ledger: Ledger, mailbox: Mailbox) {
        let actor = Self::new(Arc::clone(core), run, ledger, mailbox);
        core.spawn(actor.live(Vec::new()));
    }

    /// Loads a run and lets it live.
    pub(super) async fn load_and_live(core: Arc<Core>, id: RunId, mut mailbox: Mailbox) {
        let refusal = match load(&core, id) {
            Ok(Loaded::Ready(loaded)) => {
                let (run, ledger) = *loaded;
                let mut actor = Self::new(core, run, ledger, mailbox);
                let doubts = actor.doubts();
                actor.ledger.row.unstarted.clear();
                actor.ledger.row.trouble = None;
                return actor.live(doubts).await;
            }
            Ok(Loaded::Over) => EngineError::Refused(ApplyError::Stale("the run has ended")),
            Ok(Loaded::Troubled(mut row, trouble)) => {
                tracing::error!(run_id = %id, ?trouble, "a run does not advance");
                row.trouble = Some(trouble.clone());
                row.active = false;
                row.due = None;
                let batch = Batch::of_records(id, Vec::new()).with_row(*row);
                if let Ok(written) = core.commit(vec![batch.into()]).await {
                    core.publish(written);
                }
                EngineError::Troubled {
                    run: id,
                    trouble: Box::new(trouble),
                }
            }
            Err(error) => {
                if !matches!(
                    error,
                    EngineError::UnknownRun(_)
                        | EngineError::NotARoutine(_)
                        | EngineError::Queued(_)
                ) {
                    tracing::error!(run_id = %id, %error, "a run cannot be loaded");
                }
                error
            }
        };
        core.registry.leave(id, &mut mailbox, &refusal);
    }

    fn new(core: Arc<Core>, run: Run, ledger: Ledger, mailbox: Mailbox) -> Self {
        Self {
            stage: core.stage.subscribe(),
            core,
            run,
            ledger,
            mailbox,
            effects: JoinSet::new(),
            flights: BTreeMap::new(),
            children: BTreeMap::new(),
            missing: Vec::new(),
            taken: BTreeSet::new(),
            backlog: VecDeque::new(),
            permit: None,
            left: false,
        }
    }

    /// Returns what has to be said about effects that were intended before this run was
    /// loaded, and that nobody may simply perform again.
    fn doubts(&self) -> Vec<Input> {
        let row = &self.ledger.row;
        let unknown: BTreeSet<EffectId> = self.run.unknowns().map(|(e, _)| e.id).collect();
        let stuck = match &row.trouble {
            Some(Trouble::Stuck { effect, .. }) => Some(*effect),
            _ => None,
        };
        let certain = |effect: &Effect| match &effect.request {
            EffectRequest::Call(call) => {
                is_repeatable(call.class)
                    || unknown.contains(&effect.id)
                    || row.unstarted.contains(&effect.id)
                    || stuck == Some(effect.id)
            }
            EffectRequest::Run { .. }
            | EffectRequest::Timer { .. }
            | EffectRequest::Approval(_) => true,
        };
        let doubtful = self.run.pending().filter(|effect| !certain(effect));
        doubtful
            .map(|effect| Input::EffectUnknown {
                effect: effect.id,
                explanation: format!(
                    "it was asked for at {}, and the engine ended before its outcome was recorded",
                    effect.asked_at
                ),
            })
            .collect()
    }

    async fn live(mut self, first: Vec<Input>) {
        self.backlog.extend(first);
        let refusal = match self.work().await {
            Ok(()) => EngineError::Refused(ApplyError::Stale("the run has ended")),
            Err(error) => error,
        };
        if !self.left {
            self.left = true;
            let registry = &self.core.registry;
            registry.leave(self.run.id(), &mut self.mailbox, &refusal);
        }
    }

    /// Works until the run leaves memory.
    async fn work(&mut self) -> Result<(), EngineError> {
        self.take_up_children()?;
        // What the run was brought into memory for comes before anything is begun.
        let events = self.waiting_events();
        if !events.is_empty() || self.has_news() || self.ledger.is_dirty(&self.run) {
            self.advance(events).await?;
        }
        loop {
            self.begin_effects();
            if self.stay().await? == Stay::No {
                return Ok(());
            }
            let events = self.next_events().await;
            if *self.stage.borrow() == Stage::Stopped {
                return Err(EngineError::Stopped);
            }
            self.advance(events).await?;
        }
    }

    /// Says whether there is something to do without anything happening outside.
    fn has_news(&self) -> bool {
        let due = self.run.next_due();
        !self.backlog.is_empty()
            || !self.missing.is_empty()
            || due.is_some_and(|due| due <= self.core.clock.now())
    }

    /// Decides whether the run stays in memory, and takes it out if not.
    async fn stay(&mut self) -> Result<Stay, EngineError> {
        if self.run.phase().is_final() {
            return Ok(Stay::No);
        }
        if self.has_news() || !self.flights.is_empty() {
            return Ok(Stay::Yes);
        }
        if *self.stage.borrow() > Stage::Running {
            // Nobody may take these for begun when the store is opened again.
            let calls = self.run.pending().filter(|effect| is_call(effect));
            self.ledger.row.unstarted = calls.map(|effect| effect.id).collect();
        } else if work_of(&self.run).calls > 0 && self.ledger.row.trouble.is_none() {
            return Ok(Stay::Yes);
        }
        if self.ledger.is_dirty(&self.run) {
            let births = Births::new(&self.core);
            self.commit(Vec::new(), births, Vec::new()).await?;
        }
        if self
            .core
            .registry
            .leave_if_idle(self.run.id(), &self.mailbox)
        {
            self.left = true;
            return Ok(Stay::No);
        }
        Ok(Stay::Yes)
    }

    /// Applies what happened, and makes it durable together with what follows from it.
    async fn advance(&mut self, events: Vec<Event>) -> Result<(), EngineError> {
        let at = self.core.clock.now();
        let mut records = Vec::new();
        let mut replies: Vec<Reply> = Vec::new();
        let backlog = std::mem::take(&mut self.backlog);
        let mut inputs: Vec<Taken> = backlog.into_iter().map(Taken::of).collect();
        inputs.extend(events.into_iter().filter_map(|event| self.input_of(event)));
        for Taken { input, once, reply } in inputs {
            let result = match self.took_before(once)? {
                true => Ok(()),
                false => self.run.apply(input, at).map(|more| records.extend(more)),
            };
            if let (Ok(()), Some(mark)) = (&result, once) {
                self.taken.insert(mark);
            }
            match reply {
                Some(reply) => replies.push((reply, result)),
                None => self.remark(result),
            }
        }
        if self.run.next_due().is_some_and(|due| due <= at) {
            match self.run.apply(Input::TimePassed, at) {
                Ok(more) => records.extend(more),
                Err(error) => self.remark(Err(error)),
            }
        }
        let births = self.ask_for_children(&mut records, at);
        self.commit(records, births, replies).await
    }

    /// Prepares the children that new records ask for. What is settled by that alone, because
    /// nobody waits for the child, is applied at once: parent and child become durable together.
    fn ask_for_children(&mut self, records: &mut Vec<Record>, at: Timestamp) -> Births {
        let mut births = Births::new(&self.core);
        let missing = std::mem::take(&mut self.missing);
        let mut asked = births.children(intended_runs(records).chain(&missing));
        loop {
            self.children.extend(asked.awaited);
            let mut more = Vec::new();
            for (effect, outcome) in asked.settled {
                let input = Input::EffectFinished { effect, outcome };
                if births.runs.len() >= BIRTHS_MAX {
                    self.backlog.push_back(input);
                    continue;
                }
                match self.run.apply(input, at) {
                    Ok(applied) => more.extend(applied),
                    Err(error) => self.remark(Err(error)),
                }
            }
            if more.is_empty() {
                return births;
            }
            asked = births.children(intended_runs(&more));
            records.append(&mut more);
        }
    }

    /// Says whether something with this mark was taken in already.
    fn took_before(&self, once: Option<Digest>) -> Result<bool, EngineError> {
        match once {
            Some(mark) if self.taken.contains(&mark) => Ok(true),
            Some(mark) => Ok(self.core.journal.has_taken(self.run.id(), mark)?),
            None => Ok(false),
        }
    }

    /// Late inputs are normal: an effect may come back after it was given up.
    fn remark(&self, result: Result<(), ApplyError>) {
        match result {
            Ok(()) | Err(ApplyError::Stale(_)) => {}
            Err(error) => tracing::warn!(run_id = %self.run.id(), %error, "an input was refused"),
        }
    }

    /// Makes records durable, with the children that they ask for; then tells everybody.
    async fn commit(
        &mut self,
        records: Vec<Record>,
        mut births: Births,
        replies: Vec<Reply>,
    ) -> Result<(), EngineError> {
        let abandoned: Vec<EffectId> = records.iter().filter_map(abandoned).collect();
        let mut batch = self.ledger.batch(&self.run, records);
        batch.taken = std::mem::take(&mut self.taken).into_iter().collect();
        let empty = batch.records.is_empty() && batch.row.is_none();
        if !empty || !births.writes.is_empty() {
            let mut writes = std::mem::take(&mut births.writes);
            writes.push(batch.into());
            let written = match self.core.commit(writes).await {
                Ok(written) => written,
                Err(error) => {
                    for (reply, _) in replies {
                        drop(reply.send(Err(error.clone())));
                    }
                    return Err(error);
                }
            };
            self.core.publish(written);
        }
        births.live();
        for (reply, result) in replies {
            drop(reply.send(result.map_err(EngineError::Refused)));
        }
        self.give_up(&abandoned);
        if self.run.phase().is_final() {
            self.tell_parent();
        }
        Ok(())
    }

    /// Stops what nobody wants any more: calls under way, and children that are waited for.
    fn give_up(&mut self, abandoned: &[EffectId]) {
        for id in abandoned {
            if let Some(flight) = self.flights.remove(id) {
                flight.abort.abort();
            }
            if let Some(child) = self.children.remove(id) {
                let core = Arc::clone(&self.core);
                self.core.spawn(async move {
                    let input = Input::CancelRequested {
                        by: crate::Actor::Engine,
                    };
                    if let Err(error) = core.apply(child, input).await {
                        tracing::debug!(run_id = %child, %error, "a child was not cancelled");
                    }
                });
            }
        }
    }

    fn tell_parent(&self) {
        if let Some((parent, _)) = &self.ledger.row.parent {
            let outcome = outcome_of(
                self.run.phase(),
                self.run.output().cloned(),
                self.run.problem().cloned(),
            );
            self.core.tell_parent(*parent, self.run.id(), outcome);
        }
    }

    /// Finds out about the children that the run asked for before it was in memory.
    fn take_up_children(&mut self) -> Result<(), EngineError> {
        let asked: Vec<Effect> = self
            .run
            .pending()
            .filter(|e| !is_call(e))
            .cloned()
            .collect();
        let mut missing = Vec::new();
        for effect in asked {
            let EffectRequest::Run { child, wait, .. } = &effect.request else {
                continue;
            };
            let outcome = match self.core.journal.row(*child)? {
                None => {
                    missing.push(effect);
                    continue;
                }
                Some(_) if !wait => {
                    let output = serde_json::json!({ "run": child.to_string() });
                    Some(Outcome::completed(output))
                }
                Some(row) if row.phase.is_final() => Some(self.outcome_of_child(*child)?),
                Some(_) => None,
            };
            self.children.insert(effect.id, *child);
            if let Some(outcome) = outcome {
                let effect = effect.id;
                self.backlog
                    .push_back(Input::EffectFinished { effect, outcome });
            }
        }
        self.missing = missing;
        Ok(())
    }

    /// Reads from its last record how a child ended.
    fn outcome_of_child(&self, child: RunId) -> Result<Outcome, EngineError> {
        let row = self.core.journal.row(child)?;
        let last = row.map_or(1, |row| row.last_seq);
        let records = self.core.journal.records(child, last, 1)?;
        let ended = records.into_iter().find_map(|record| match record.kind {
            RecordKind::RunFinished {
                phase,
                output,
                problem,
            } => Some(outcome_of(
                phase,
                output.as_ref().and_then(Payload::inline).cloned(),
                problem,
            )),
            _ => None,
        });
        Ok(ended.unwrap_or_else(|| {
            let title = "the end of the child run is not recorded";
            Outcome::failed(Problem::standard(ProblemKind::Runtime, title))
        }))
    }
}

impl Drop for Actor {
    /// Only a panic leaves a run in the registry: it is taken out, and its row says so.
    fn drop(&mut self) {
        if self.left || *self.stage.borrow() == Stage::Stopped {
            return;
        }
        let refusal = EngineError::Troubled {
            run: self.run.id(),
            trouble: Box::new(Trouble::Crashed),
        };
        let registry = &self.core.registry;
        registry.leave(self.run.id(), &mut self.mailbox, &refusal);
        let mut row = self.ledger.row.clone();
        tracing::error!(run_id = %row.run, "the engine failed on a run");
        row.active = false;
        row.due = None;
        row.trouble = Some(Trouble::Crashed);
        let core = Arc::clone(&self.core);
        self.core.spawn(async move {
            let batch = Batch::of_records(row.run, Vec::new()).with_row(row);
            if let Ok(written) = core.commit(vec![batch.into()]).await {
                core.publish(written);
            }
        });
    }
}

fn is_call(effect: &Effect) -> bool {
    matches!(effect.request, EffectRequest::Call(_))
}

fn abandoned(record: &Record) -> Option<EffectId> {
    match record.kind {
        RecordKind::EffectAbandoned { effect } => Some(effect),
        _ => None,
    }
}
