//! A second run that shares the beginning of a first one and goes its own way from a boundary.
//!
//! The first run is only read. The second one has its own id, so its beginning is computed again
//! from the inputs that the record has: the same machine, the same outcomes, nothing is performed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    ApplyError, Decision, Definition, Digest, Effect, EffectId, EffectRequest, Input, Outcome,
    Payload, Problem, Record, RecordKind, Run, RunId, RunStart, Sequence, TaskKey, Timestamp,
};

/// Where a fork lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForkPoint {
    /// After the step that this record belongs to.
    Record(Sequence),
    /// Before this task begins to ask for anything.
    Task(TaskKey),
}

/// What a fork changes.
#[derive(Debug, Clone)]
pub struct ForkChange {
    /// The definition to go on with: the run's own, or another.
    pub definition: Definition,
    /// Another input, when that is the change.
    pub input: Option<Value>,
    /// Whether calls after the boundary whose request is unchanged are served from the record.
    pub is_counterfactual: bool,
    /// Who asks.
    pub by: crate::Actor,
}

/// A run that was forked and has not gone on yet.
#[derive(Debug, Clone)]
pub struct Forked {
    /// The machine, at the boundary.
    pub run: Run,
    /// Its records so far.
    pub records: Vec<Record>,
    /// The last record of the first run that the fork shares.
    pub shared: Sequence,
    /// How many outcomes after that were served from the record, because the same was asked for.
    pub served: usize,
}

/// Why a run cannot be forked like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForkError {
    /// It is not the log of a routine, or has no beginning.
    #[error("the log is not that of a routine")]
    Foreign,
    /// There is no such record or task in the log.
    #[error("the run has no {0}")]
    NoSuchPoint(String),
    /// With the change, the run does not come to the boundary: the change lies before it.
    #[error("record {seq} could not happen in the fork")]
    PrefixDiffers {
        /// The record of the first run.
        seq: Sequence,
        /// Why it is refused.
        #[source]
        reason: ApplyError,
    },
    /// The run was moved to another definition before the boundary.
    #[error("the run was moved to another definition by record {0}")]
    Moved(Sequence),
    /// The payload of an input is not at hand.
    #[error("the payload of record {0} is not at hand")]
    PayloadMissing(Sequence),
}

impl Forked {
    /// Forks the log of a routine.
    ///
    /// # Errors
    ///
    /// Says why; nothing is changed in any case.
    pub fn of(
        log: &[Record],
        id: RunId,
        point: &ForkPoint,
        change: ForkChange,
    ) -> Result<Self, ForkError> {
        let (start, first) = start_of(log)?;
        let shared = boundary(log, point)?;
        let mut start = start.clone();
        (start.parent, start.key, start.by) = (None, None, change.by);
        let is_changed = change.input.is_some();
        if let Some(input) = change.input {
            start.input = Payload::Inline(input);
        }
        let (run, records) = Run::start(id, start, change.definition, first.at);
        let mut forked = Self {
            run,
            records,
            shared,
            served: 0,
        };
        // Another input changes everything from the first record on.
        let kept = if is_changed && change.is_counterfactual {
            forked.shared = 1;
            &[][..]
        } else {
            log
        };
        for record in kept.iter().filter(|it| it.seq > 1 && it.seq <= shared) {
            let Some(input) = forked.input_of(record)? else {
                continue;
            };
            let seq = record.seq;
            forked
                .apply(input, record.at)
                .map_err(|reason| ForkError::PrefixDiffers { seq, reason })?;
        }
        if change.is_counterfactual {
            forked.serve(log, point)?;
        }
        Ok(forked)
    }

    /// Returns the effects that will be performed: what the fork asks for at the boundary.
    pub fn live(&self) -> impl Iterator<Item = &Effect> {
        self.run.pending()
    }

    fn apply(&mut self, input: Input, at: Timestamp) -> Result<(), ApplyError> {
        let at = at.max(self.run.last_at());
        let records = self.run.apply(input, at)?;
        self.records.extend(records);
        Ok(())
    }

    /// Returns the input that a record of the first run tells of, in the words of this one.
    fn input_of(&self, record: &Record) -> Result<Option<Input>, ForkError> {
        let effect = EffectId::derive(self.run.id(), &record.task, record.attempt);
        let by = || record.actor.clone();
        Ok(Some(match &record.kind {
            RecordKind::EffectFinished { result, .. } => Input::EffectFinished {
                effect,
                outcome: outcome_of(record, result)?,
            },
            RecordKind::EffectUnknown { explanation, .. } => Input::EffectUnknown {
                effect,
                explanation: explanation.clone(),
            },
            RecordKind::TimePassed => Input::TimePassed,
            RecordKind::Decided { decision, .. } => Input::Decided {
                effect,
                decision: self.decision_of(effect, decision),
            },
            RecordKind::Signalled { signal, data } => Input::Signalled {
                signal: signal.clone(),
                data: inline(data, record.seq)?,
                by: by(),
            },
            RecordKind::SuspendRequested => Input::SuspendRequested { by: by() },
            RecordKind::ResumeRequested => Input::ResumeRequested { by: by() },
            RecordKind::CancelRequested => Input::CancelRequested { by: by() },
            RecordKind::UndoRequested => Input::UndoRequested { by: by() },
            RecordKind::RetryRequested => Input::RetryRequested { by: by() },
            RecordKind::Migrated { .. } => return Err(ForkError::Moved(record.seq)),
            _ => return Ok(None),
        }))
    }

    /// What was shown may carry an id of the run, so its hash is that of the fork.
    fn decision_of(&self, effect: EffectId, decision: &Decision) -> Decision {
        let shown = self
            .run
            .effect(&effect)
            .and_then(|effect| match &effect.request {
                EffectRequest::Approval(approval) => Some(approval.shown_hash),
                _ => None,
            });
        Decision {
            shown_hash: shown.unwrap_or(decision.shown_hash),
            ..decision.clone()
        }
    }

    /// Serves calls whose request is unchanged from the record, as far as it goes. People are
    /// asked again, and the task of the fork is done anew.
    fn serve(&mut self, log: &[Record], point: &ForkPoint) -> Result<(), ForkError> {
        let mut recorded = recorded_calls(log);
        loop {
            let found = self.run.pending().find_map(|effect| {
                let is_point = matches!(point, ForkPoint::Task(task) if *task == effect.task);
                let key = (effect.task.clone(), request_hash(effect)?);
                (!is_point && recorded.contains_key(&key)).then_some((effect.id, key))
            });
            let Some((effect, key)) = found else {
                return Ok(());
            };
            let Some(record) = recorded.remove(&key) else {
                return Ok(());
            };
            let RecordKind::EffectFinished { result, .. } = &record.kind else {
                return Ok(());
            };
            let outcome = outcome_of(record, result)?;
            let input = Input::EffectFinished { effect, outcome };
            let seq = record.seq;
            self.apply(input, record.at)
                .map_err(|reason| ForkError::PrefixDiffers { seq, reason })?;
            self.served += 1;
        }
    }
}

fn start_of(log: &[Record]) -> Result<(&RunStart, &Record), ForkError> {
    let first = log.first().ok_or(ForkError::Foreign)?;
    match &first.kind {
        RecordKind::RunStarted(start) if start.run_kind == crate::RunKind::Routine => {
            Ok((start, first))
        }
        _ => Err(ForkError::Foreign),
    }
}

/// Returns the last record that both runs share: the end of a step.
fn boundary(log: &[Record], point: &ForkPoint) -> Result<Sequence, ForkError> {
    let at = match point {
        ForkPoint::Record(seq) => {
            let found = log.iter().find(|record| record.seq == *seq);
            found.ok_or_else(|| ForkError::NoSuchPoint(format!("record {seq}")))?
        }
        ForkPoint::Task(task) => {
            let found = log.iter().find(|record| record.task == *task);
            found.ok_or_else(|| ForkError::NoSuchPoint(format!("task `{task}`")))?
        }
    };
    let rest = log.iter().skip_while(|record| record.seq <= at.seq);
    let step = rest.take_while(|record| !record.kind.is_input());
    Ok(step.last().map_or(at.seq, |last| last.seq))
}

/// Returns the outcomes of calls by task and request.
fn recorded_calls(log: &[Record]) -> BTreeMap<(TaskKey, Digest), &Record> {
    let mut requests: BTreeMap<EffectId, (TaskKey, Digest)> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for record in log {
        match &record.kind {
            RecordKind::EffectIntended(effect) => {
                if let Some(hash) = request_hash(effect) {
                    requests.insert(effect.id, (effect.task.clone(), hash));
                }
            }
            RecordKind::EffectFinished { effect, .. } => {
                if let Some(key) = requests.remove(effect) {
                    found.insert(key, record);
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns the hash of what a call asks for; nothing for what is not a call.
fn request_hash(effect: &Effect) -> Option<Digest> {
    match &effect.request {
        EffectRequest::Call(call) => Some(Digest::of_value(&serde_json::json!([
            call.function,
            call.version,
            call.arguments
        ]))),
        _ => None,
    }
}

/// The money was spent by the first run, so the fork's record of the outcome costs nothing.
fn outcome_of(record: &Record, result: &Result<Payload, Problem>) -> Result<Outcome, ForkError> {
    let mut versions = record.versions.clone();
    versions.remove("engine");
    Ok(Outcome {
        result: match result {
            Ok(payload) => Ok(inline(payload, record.seq)?),
            Err(problem) => Err(problem.clone()),
        },
        reads: record.reads.clone(),
        costs: Vec::new(),
        versions,
        evidence: None,
    })
}

fn inline(payload: &Payload, seq: Sequence) -> Result<Value, ForkError> {
    payload
        .inline()
        .cloned()
        .ok_or(ForkError::PayloadMissing(seq))
}
