//! Sessions of agents in the engine's journal: an agent is a run of kind `agent`, and each event
//! of its session is a record of that run.
//!
//! One [`AgentLog`] is the only writer of its run. It knows both vocabularies and nothing else.

mod crash;
pub(crate) mod rechain;
pub(crate) mod record;
pub(crate) mod steps;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use layercake_engine::journal::{Batch, CostSummary, InboxItem, JournalReads, RunRow};
use layercake_engine::runtime::{Engine, EngineError};
use layercake_engine::{
    Digest, EffectId, Payload, Phase, Problem, Record, RecordKind, RunId, RunKind, RunStart,
    TaskKey, Timestamp,
};
use tokio::sync::{Mutex, Notify};

use crate::budgets::BUDGET_ATTRIBUTE;
pub(crate) use store::JournalSessions;

/// The most records of one session that are read at once.
const RECORDS_MAX: usize = 1_000_000;

/// The log of one agent, as a run of the journal.
#[derive(Debug)]
pub(crate) struct AgentLog {
    engine: Engine,
    run: RunId,
    /// Told after every decision of a person.
    decided: Notify,
    /// What stands at the end of the log. Held while appending, so that records are in order.
    tip: Mutex<Tip>,
}

/// What stands at the end of a log.
#[derive(Debug)]
struct Tip {
    /// Not there before the first append.
    row: Option<RunRow>,
    /// What the run will be started with, until it is.
    start: Option<RunStart>,
    /// Session events so far.
    session_seq: u64,
    /// Claims so far in this process; the newest may append.
    fence: u64,
    /// Names of the tools of open calls.
    tools: BTreeMap<String, String>,
    /// The newest model call that came back: what is charged next was spent on it.
    turn: TaskKey,
    /// Decisions of people, by question.
    decisions: BTreeMap<EffectId, layercake_engine::Decision>,
    /// Questions that stand in the inbox.
    questions: BTreeMap<EffectId, InboxItem>,
}

impl AgentLog {
    /// Opens the log of an agent; `start` begins it when there is none.
    ///
    /// # Errors
    ///
    /// The journal cannot be read, or there is no such run and nothing to start it with.
    pub(crate) fn open(
        engine: &Engine,
        run: RunId,
        start: Option<RunStart>,
    ) -> Result<Arc<Self>, EngineError> {
        let journal = engine.journal();
        let row = journal.row(run)?;
        if row.is_none() && start.is_none() {
            return Err(EngineError::UnknownRun(run));
        }
        let mut tip = Tip {
            row: row.map(|row| *row),
            start,
            session_seq: 0,
            fence: 0,
            tools: BTreeMap::new(),
            turn: TaskKey::root(),
            decisions: BTreeMap::new(),
            questions: BTreeMap::new(),
        };
        for record in journal.records(run, 1, RECORDS_MAX)? {
            tip.note(&record);
        }
        for item in journal.inbox(Some(run), RECORDS_MAX)? {
            tip.questions.insert(item.id, item);
        }
        Ok(Arc::new(Self {
            engine: engine.clone(),
            run,
            decided: Notify::new(),
            tip: Mutex::new(tip),
        }))
    }

    /// Returns the run.
    pub(crate) fn run(&self) -> RunId {
        self.run
    }

    /// Makes the start durable, if it is not yet.
    ///
    /// # Errors
    ///
    /// The journal fails.
    pub(crate) async fn begin(&self, at: Timestamp) -> Result<(), EngineError> {
        let mut tip = self.tip.lock().await;
        if tip.row.is_some() {
            return Ok(());
        }
        let mut batch = tip.begin_batch(self.run, at);
        tip.finish_batch(&mut batch, Phase::Running);
        self.append(batch).await
    }

    /// Waits for the next decision of a person on one of these questions.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: waiting changes nothing.
    pub(crate) async fn wait_for_decision(&self, questions: &[EffectId]) {
        loop {
            let noticed = self.decided.notified();
            let decided = {
                let tip = self.tip.lock().await;
                questions.iter().any(|id| tip.decisions.contains_key(id))
            };
            if decided {
                return;
            }
            noticed.await;
        }
    }

    /// Returns the decision on a question, if a person has made it.
    pub(crate) async fn decision(&self, question: EffectId) -> Option<layercake_engine::Decision> {
        self.tip.lock().await.decisions.get(&question).cloned()
    }

    /// Puts a question into the inbox; one that stands there already changes nothing.
    ///
    /// # Errors
    ///
    /// The journal fails.
    pub(crate) async fn ask(&self, question: record::Asked) -> Result<(), EngineError> {
        let mut tip = self.tip.lock().await;
        let id = question.effect.id;
        if tip.questions.contains_key(&id) || tip.decisions.contains_key(&id) {
            return Ok(());
        }
        let item = question.item();
        let mut batch = tip.begin_batch(self.run, question.effect.asked_at);
        tip.push(&mut batch, question.record());
        batch.opened.push(item.clone());
        tip.questions.insert(id, item);
        tip.finish_batch(&mut batch, Phase::Waiting);
        self.append(batch).await
    }

    /// Writes down what a person decided; the first decision counts.
    ///
    /// # Errors
    ///
    /// The question is not open, the person saw something else, or the journal fails.
    pub(crate) async fn decide(
        &self,
        question: EffectId,
        decision: layercake_engine::Decision,
    ) -> Result<(), EngineError> {
        let mut tip = self.tip.lock().await;
        let item = tip
            .questions
            .get(&question)
            .ok_or(EngineError::NotOpen(question))?;
        let task = item.task.clone();
        if item.shown_hash != decision.shown_hash {
            return Err(EngineError::Refused(
                layercake_engine::ApplyError::ShownDiffers {
                    shown: item.shown_hash,
                    decided: decision.shown_hash,
                },
            ));
        }
        let mut batch = tip.begin_batch(self.run, decision.at);
        tip.push(&mut batch, record::decided(task, question, &decision));
        batch.closed.push(question);
        tip.questions.remove(&question);
        tip.decisions.insert(question, decision);
        tip.finish_batch(&mut batch, Phase::Waiting);
        let appended = self.append(batch).await;
        drop(tip);
        self.decided.notify_waiters();
        appended
    }

    /// Ends a run that the harness will not end: it was given up, or cancelled.
    ///
    /// # Errors
    ///
    /// The journal fails.
    pub(crate) async fn end(
        &self,
        phase: Phase,
        problem: Option<Problem>,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let mut tip = self.tip.lock().await;
        if tip.row.as_ref().is_none_or(|row| row.phase.is_final()) {
            return Ok(());
        }
        let mut batch = tip.begin_batch(self.run, at);
        let kind = RecordKind::RunFinished {
            phase,
            output: None,
            problem,
        };
        tip.push(&mut batch, record::Draft::of_run(at, kind));
        batch.closed = tip.questions.keys().copied().collect();
        tip.questions.clear();
        tip.finish_batch(&mut batch, phase);
        self.append(batch).await
    }

    /// Puts an agent aside that somebody paused: whoever drives it has been stopped.
    ///
    /// # Errors
    ///
    /// The journal fails.
    pub(crate) async fn pause(&self, at: Timestamp) -> Result<(), EngineError> {
        let mut tip = self.tip.lock().await;
        if tip.row.as_ref().is_none_or(|row| row.phase.is_final()) {
            return Ok(());
        }
        let mut batch = tip.begin_batch(self.run, at);
        tip.finish_batch_at(&mut batch, Phase::Suspended, at);
        self.append(batch).await
    }

    async fn append(&self, batch: Batch) -> Result<(), EngineError> {
        let number = crash::before_append();
        let appended = self.engine.append(vec![batch.into()]).await;
        crash::after_append(number);
        appended
    }
}

impl Tip {
    /// Takes account of a record that is stored.
    fn note(&mut self, record: &Record) {
        match &record.kind {
            RecordKind::Session { event, body } => {
                self.session_seq += 1;
                record::note_tool(&mut self.tools, event, body.inline());
                if event == "model-settled" {
                    self.turn = record.task.clone();
                }
            }
            RecordKind::Decided { effect, decision } => {
                self.decisions.insert(*effect, decision.clone());
            }
            _ => {}
        }
    }

    /// Begins a batch; the first one of a run begins with its start.
    fn begin_batch(&mut self, run: RunId, at: Timestamp) -> Batch {
        let mut batch = Batch::of_records(run, Vec::new());
        if self.row.is_none()
            && let Some(start) = self.start.take()
        {
            self.row = Some(new_row(run, &start, at));
            let by = start.by.clone();
            let draft = record::Draft::of_run(at, RecordKind::RunStarted(start)).by(by);
            self.push(&mut batch, draft);
        }
        batch
    }

    /// Adds a record to a batch and to the row.
    fn push(&mut self, batch: &mut Batch, draft: record::Draft) {
        let Some(row) = &mut self.row else {
            return;
        };
        row.last_seq += 1;
        let record = draft.into_record(batch.run, row.last_seq, row.definition);
        row.model_calls += record.costs.len() as u64;
        for cost in &record.costs {
            row.cost.add(cost);
        }
        if matches!(&record.kind, RecordKind::Session { event, .. } if event == "tool-settled") {
            row.tool_calls += 1;
        }
        if let RecordKind::RunFinished { phase, .. } = &record.kind {
            row.phase = *phase;
            row.ended_at = Some(record.at);
        }
        batch.records.push(record);
    }

    /// Ends a batch with the phase that the run is in now, and its row.
    fn finish_batch(&mut self, batch: &mut Batch, phase: Phase) {
        let last = batch.records.last();
        let at = last.map(|record| record.at).unwrap_or_default();
        self.finish_batch_at(batch, phase, at);
    }

    fn finish_batch_at(&mut self, batch: &mut Batch, phase: Phase, at: Timestamp) {
        let changed = self
            .row
            .as_ref()
            .is_some_and(|row| row.phase != phase && !row.phase.is_final());
        if changed {
            let kind = RecordKind::PhaseChanged { phase };
            self.push(batch, record::Draft::of_run(at, kind));
        }
        if let Some(row) = &mut self.row {
            if !row.phase.is_final() {
                row.phase = phase;
            }
            row.waiting_for = self.questions.keys().copied().collect();
            batch.row = Some(row.clone());
        }
    }
}

fn new_row(run: RunId, start: &RunStart, at: Timestamp) -> RunRow {
    RunRow {
        run,
        kind: RunKind::Agent,
        name: start.name.clone(),
        definition: start_digest(start),
        phase: Phase::Running,
        // The engine never takes an agent up: whoever drives the agent does.
        active: false,
        due: None,
        trouble: None,
        started_at: at,
        ended_at: None,
        parent: start.parent.clone(),
        key: start.key.clone(),
        unstarted: Vec::new(),
        waiting_for: Vec::new(),
        model_calls: 0,
        tool_calls: 0,
        cost: CostSummary::default(),
        attributes: attributes(start),
        last_seq: 0,
    }
}

/// An agent's money limit holds for the routines that it calls, too.
fn attributes(start: &RunStart) -> BTreeMap<String, String> {
    let limit = start
        .input
        .inline()
        .and_then(|input| input.pointer("/budget/usdMax")?.as_str());
    let limit = limit.map(|usd| (BUDGET_ATTRIBUTE.to_owned(), usd.to_owned()));
    limit.into_iter().collect()
}

/// Returns what an agent is pinned to: everything that it was started with.
fn start_digest(start: &RunStart) -> Digest {
    match &start.input {
        Payload::Inline(input) => Digest::of_value(input),
        Payload::Stored { digest, .. } => *digest,
    }
}

#[cfg(test)]
mod tests;
