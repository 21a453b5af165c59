//! Trying a failed run again from the task that failed: a new run that takes over what the
//! failed one has, and does the rest anew.

use std::collections::BTreeMap;

use super::birth::Births;
use super::{Engine, EngineError};
use crate::journal::Journal;
use crate::{
    Actor, Definition, EffectId, Input, Outcome, Payload, Phase, Record, RecordKind, Run, RunId,
    RunStart,
};

/// The attribute that names the run that is tried again.
const RETRY_OF: &str = "retry.of";

impl Engine {
    /// Tries a run that failed or was cancelled again, from where it failed; returns the new
    /// run, when its start is durable.
    ///
    /// The new run has everything that the failed one was told up to its end: outcomes,
    /// decisions, signals. They cost nothing a second time. What led to the end is done anew,
    /// under new idempotency keys, and so is everything after it. All times move so that no
    /// time limit has passed in between.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`]; [`EngineError::NotFailed`] when it has not ended, or has
    /// completed; or the journal's.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have started the new run, which is found by its attribute
    /// `retry.of`.
    pub async fn retry(&self, run: RunId, by: Actor) -> Result<RunId, EngineError> {
        let core = self.core();
        core.require_running()?;
        let row = self.row(run)?;
        if !matches!(row.phase, Phase::Faulted | Phase::Cancelled) {
            return Err(EngineError::NotFailed(run));
        }
        let definition = self.definition_of(run)?;
        let records = core.journal.records(run, 1, usize::MAX)?;
        let id = self.fresh_id();
        let retold = retell(
            &**self.journal(),
            id,
            definition,
            records,
            by,
            core.clock.now(),
        )?;
        let Some((renewed, renewed_records)) = retold else {
            return Err(EngineError::UnknownRun(run));
        };
        let mut attributes = row.attributes;
        attributes.insert(RETRY_OF.to_owned(), run.to_string());
        let mut births = Births::new(core);
        births.retold(renewed, renewed_records, attributes);
        let written = core.commit(std::mem::take(&mut births.writes)).await?;
        births.live();
        core.publish(written);
        Ok(id)
    }
}

/// Tells a new run what an old one was told, but for what led to its end.
fn retell(
    journal: &dyn Journal,
    id: RunId,
    definition: Definition,
    records: Vec<Record>,
    by: Actor,
    now: crate::Timestamp,
) -> Result<Option<(Run, Vec<Record>)>, EngineError> {
    let last_input = records.iter().rposition(|record| record.kind.is_input());
    let last = last_input
        .and_then(|at| records.get(at))
        .map(|record| record.at);
    let (Some(end), Some(last)) = (last_input, last) else {
        return Ok(None);
    };
    let later = now.as_millis().saturating_sub(last.as_millis());
    let mut run: Option<(Run, Vec<Record>)> = None;
    let mut names: BTreeMap<EffectId, EffectId> = BTreeMap::new();
    for (at, record) in records.into_iter().enumerate() {
        if let RecordKind::EffectIntended(effect) = &record.kind {
            names.insert(
                effect.id,
                EffectId::derive(id, &effect.task, effect.attempt),
            );
        }
        let moment = record.at.plus_millis(later);
        let Some((run, told)) = &mut run else {
            let RecordKind::RunStarted(start) = record.kind else {
                return Ok(None);
            };
            // The key stays with the first run; the new one stands alone.
            let start = RunStart {
                key: None,
                parent: None,
                by: by.clone(),
                ..start
            };
            run = Some(Run::start(id, start, definition.clone(), moment));
            continue;
        };
        if at >= end {
            break;
        }
        let Some(input) = input_of(record, &names, journal)? else {
            continue;
        };
        match run.apply(input, moment) {
            Ok(more) => told.extend(more),
            // The new run has come another way; from here on it decides for itself.
            Err(error) => {
                tracing::debug!(run_id = %id, %error, "a run that is tried again leaves the old way");
                break;
            }
        }
    }
    Ok(run)
}

/// Makes the input of a record again, with the names of effects that the new run has.
fn input_of(
    record: Record,
    names: &BTreeMap<EffectId, EffectId>,
    journal: &dyn Journal,
) -> Result<Option<Input>, EngineError> {
    let name = |effect: EffectId| names.get(&effect).copied().unwrap_or(effect);
    Ok(Some(match record.kind {
        RecordKind::EffectFinished { effect, result, .. } => {
            let result = match result {
                Ok(payload) => Ok(value_of(payload, journal)?),
                Err(problem) => Err(problem),
            };
            let outcome = match result {
                Ok(output) => Outcome::completed(output),
                Err(problem) => Outcome::failed(problem),
            };
            Input::EffectFinished {
                effect: name(effect),
                // What it cost was paid for by the old run.
                outcome: Outcome {
                    versions: record.versions,
                    ..outcome
                },
            }
        }
        RecordKind::EffectUnknown {
            effect,
            explanation,
        } => Input::EffectUnknown {
            effect: name(effect),
            explanation,
        },
        RecordKind::TimePassed => Input::TimePassed,
        RecordKind::Decided { effect, decision } => Input::Decided {
            effect: name(effect),
            decision,
        },
        RecordKind::Signalled { signal, data } => Input::Signalled {
            signal,
            data: value_of(data, journal)?,
            by: record.actor,
        },
        RecordKind::SuspendRequested => Input::SuspendRequested { by: record.actor },
        RecordKind::ResumeRequested => Input::ResumeRequested { by: record.actor },
        _ => return Ok(None),
    }))
}

fn value_of(payload: Payload, journal: &dyn Journal) -> Result<serde_json::Value, EngineError> {
    match payload {
        Payload::Inline(value) => Ok(value),
        Payload::Stored { digest, .. } => {
            let found = crate::journal::JournalReads::payload(journal, digest)?;
            Ok(found.unwrap_or_default())
        }
    }
}
