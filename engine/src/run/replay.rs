//! Replay: the same inputs again, and whether they give the records that are stored.

use std::iter::Peekable;

use super::input::{ApplyError, Input};
use super::{ENGINE_VERSION, Run};
use crate::{Definition, Digest, Outcome, Payload, Problem, Record, RecordKind, Sequence, TaskKey};

/// Where a replay and the stored log part.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    /// The position in the log.
    pub seq: Sequence,
    /// The task that the differing record is about.
    pub task: TaskKey,
    /// What is stored; `None` when the log ends before.
    pub expected: Option<Record>,
    /// What the machine gives; `None` when it gives nothing more.
    pub actual: Option<Record>,
}

/// Why a log could not be replayed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// The machine gives another record than the one that is stored: the engine, the
    /// definition or the log was changed. The run must not go on.
    #[error("record {} of task `{}` is not what a replay gives", .0.seq, .0.task)]
    Diverged(Box<Divergence>),
    /// A stored input is not admissible at its place; the log was changed.
    #[error("record {seq} could not have happened")]
    Refused {
        /// The position of the input.
        seq: Sequence,
        /// Why it is refused.
        #[source]
        reason: ApplyError,
    },
    /// The log does not begin with the start of a routine, or skips a position.
    #[error("record {expected} is missing: the log goes on with {found:?}")]
    Gap {
        /// The position that was expected.
        expected: Sequence,
        /// The position that was found, if any.
        found: Option<Sequence>,
    },
    /// The record does not belong into the log of a routine's run.
    #[error("record {0} does not belong into the log of a routine's run")]
    Foreign(Sequence),
    /// The payload of an input is not at hand; fetch it and replay again.
    #[error("the payload of record {0} is not at hand")]
    PayloadMissing(Sequence),
    /// The log was written for another definition.
    #[error("the log belongs to definition {expected}, not to {found}")]
    OtherDefinition {
        /// The digest that the log names.
        expected: Digest,
        /// The digest of what was given.
        found: Digest,
    },
}

impl Run {
    /// Makes a run from its whole log, and checks every record of it.
    ///
    /// # Errors
    ///
    /// Says which record is missing, foreign or different. Nothing is repaired.
    pub fn replay(
        definition: Definition,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, ReplayError> {
        Self::replay_with(definition, &|_| None, records)
    }

    /// Makes a run from its whole log, which may tell of moves to other definitions.
    ///
    /// `definition` is the one that the run was started with, `others` finds those that it was
    /// moved to.
    ///
    /// # Errors
    ///
    /// As [`Run::replay`]; [`ReplayError::OtherDefinition`] also when a definition that the run
    /// was moved to is not found.
    pub fn replay_with(
        definition: Definition,
        others: &dyn Fn(&Digest) -> Option<Definition>,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, ReplayError> {
        let mut records = records.into_iter().peekable();
        let first = records.next();
        let missing = ReplayError::Gap {
            expected: 1,
            found: first.as_ref().map(|record| record.seq),
        };
        let Some(first) = first.filter(|record| record.seq == 1) else {
            return Err(missing);
        };
        if first.definition != definition.digest() {
            return Err(ReplayError::OtherDefinition {
                expected: first.definition,
                found: definition.digest(),
            });
        }
        let RecordKind::RunStarted(start) = &first.kind else {
            return Err(ReplayError::Foreign(1));
        };
        inline(&start.input, 1)?;
        let engine = engine_of(&first).to_owned();
        let (mut run, actual) =
            Self::start_as(first.run, start.clone(), definition, first.at, &engine);
        compare(first, actual, &mut records)?;
        run.replay_tail_with(others, records)?;
        Ok(run)
    }

    /// Makes the run of which only the first record is stored, as if it had begun when that
    /// was written. Returns it with the records that are missing after the first.
    ///
    /// # Errors
    ///
    /// When the record does not begin a run, or not the one that the definition gives.
    #[cfg(feature = "runtime")]
    pub(crate) fn begin_stored(
        first: &Record,
        definition: Definition,
    ) -> Result<(Self, Vec<Record>), ReplayError> {
        let RecordKind::RunStarted(start) = &first.kind else {
            return Err(ReplayError::Foreign(first.seq));
        };
        inline(&start.input, 1)?;
        let engine = engine_of(first).to_owned();
        let (run, mut records) =
            Self::start_as(first.run, start.clone(), definition, first.at, &engine);
        let rest = records.split_off(1.min(records.len()));
        compare(first.clone(), records, &mut std::iter::empty().peekable())?;
        Ok((run, rest))
    }

    /// Goes on with the records after a snapshot, and checks each of them.
    ///
    /// # Errors
    ///
    /// As [`Run::replay`]. The run is then somewhere in the middle; do not use it.
    pub fn replay_tail(
        &mut self,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<(), ReplayError> {
        self.replay_tail_with(&|_| None, records)
    }

    /// Goes on with the records after a snapshot, which may tell of moves to other definitions.
    ///
    /// # Errors
    ///
    /// As [`Run::replay_with`].
    pub fn replay_tail_with(
        &mut self,
        others: &dyn Fn(&Digest) -> Option<Definition>,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<(), ReplayError> {
        let mut records = records.into_iter().peekable();
        while let Some(record) = records.next() {
            let seq = record.seq;
            if seq != self.state.last_seq + 1 {
                return Err(ReplayError::Gap {
                    expected: self.state.last_seq + 1,
                    found: Some(seq),
                });
            }
            if let RecordKind::Migrated { to, .. } = record.kind {
                self.replay_migration(record, &to, others, &mut records)?;
                continue;
            }
            let Some(input) = input_of(&record)? else {
                return Err(diverged(Some(record), None));
            };
            let engine = engine_of(&record).to_owned();
            let actual = self
                .apply_as(input, record.at, &engine)
                .map_err(|reason| ReplayError::Refused { seq, reason })?;
            compare(record, actual, &mut records)?;
        }
        Ok(())
    }
}

impl Run {
    fn replay_migration(
        &mut self,
        record: Record,
        to: &Digest,
        others: &dyn Fn(&Digest) -> Option<Definition>,
        stored: &mut Peekable<impl Iterator<Item = Record>>,
    ) -> Result<(), ReplayError> {
        let found = others(to).filter(|found| found.digest() == *to);
        let definition = found.ok_or(ReplayError::OtherDefinition {
            expected: *to,
            found: self.definition.digest(),
        })?;
        let (by, engine) = (record.actor.clone(), engine_of(&record).to_owned());
        let moved = self.migrate_as(&definition, by, record.at, &engine);
        match moved {
            Ok(actual) => compare(record, actual, stored),
            Err(_) => Err(diverged(Some(record), None)),
        }
    }
}

/// Compares what the machine gave for one input with what is stored for it.
fn compare(
    first: Record,
    actual: Vec<Record>,
    stored: &mut Peekable<impl Iterator<Item = Record>>,
) -> Result<(), ReplayError> {
    let mut first = Some(first);
    for actual in actual {
        match first.take().or_else(|| stored.next()) {
            Some(expected) if is_same(&expected, &actual) => {}
            expected => return Err(diverged(expected, Some(actual))),
        }
    }
    Ok(())
}

fn diverged(expected: Option<Record>, actual: Option<Record>) -> ReplayError {
    let place = expected.as_ref().or(actual.as_ref());
    ReplayError::Diverged(Box::new(Divergence {
        seq: place.map_or(0, |record| record.seq),
        task: place.map_or_else(TaskKey::root, |record| record.task.clone()),
        expected,
        actual,
    }))
}

/// Compares two records; where a payload is kept makes no difference, and neither does evidence
/// that is kept elsewhere: a replay does not fetch it, because nothing depends on it.
fn is_same(expected: &Record, actual: &Record) -> bool {
    if expected == actual {
        return true;
    }
    let mut expected = expected.clone();
    match (&mut expected.kind, &actual.kind) {
        (
            RecordKind::RunFinished {
                output: Some(expected),
                ..
            },
            RecordKind::RunFinished {
                output: Some(actual),
                ..
            },
        ) if expected.is_same_value(actual) => *expected = actual.clone(),
        (
            RecordKind::EffectFinished {
                evidence: evidence @ Some(Payload::Stored { .. }),
                ..
            },
            RecordKind::EffectFinished { evidence: None, .. },
        ) => *evidence = None,
        _ => return false,
    }
    expected == *actual
}

fn engine_of(record: &Record) -> &str {
    record
        .versions
        .get("engine")
        .map_or(ENGINE_VERSION, String::as_str)
}

fn inline(payload: &Payload, seq: Sequence) -> Result<serde_json::Value, ReplayError> {
    payload
        .inline()
        .cloned()
        .ok_or(ReplayError::PayloadMissing(seq))
}

/// Returns the input that a record tells of; `None` when it is a derived one.
pub(crate) fn input_of(record: &Record) -> Result<Option<Input>, ReplayError> {
    let by = || record.actor.clone();
    Ok(Some(match &record.kind {
        RecordKind::EffectFinished {
            effect,
            result,
            evidence,
        } => Input::EffectFinished {
            effect: *effect,
            outcome: outcome_of(record, result, evidence.as_ref())?,
        },
        RecordKind::EffectUnknown {
            effect,
            explanation,
        } => Input::EffectUnknown {
            effect: *effect,
            explanation: explanation.clone(),
        },
        RecordKind::TimePassed => Input::TimePassed,
        RecordKind::Decided { effect, decision } => Input::Decided {
            effect: *effect,
            decision: decision.clone(),
        },
        RecordKind::Signalled { signal, data } => Input::Signalled {
            signal: signal.clone(),
            data: inline(data, record.seq)?,
            by: by(),
        },
        RecordKind::CancelRequested => Input::CancelRequested { by: by() },
        RecordKind::UndoRequested => Input::UndoRequested { by: by() },
        RecordKind::RetryRequested => Input::RetryRequested { by: by() },
        RecordKind::SuspendRequested => Input::SuspendRequested { by: by() },
        RecordKind::ResumeRequested => Input::ResumeRequested { by: by() },
        RecordKind::RunStarted(_) | RecordKind::Migrated { .. } | RecordKind::Session { .. } => {
            return Err(ReplayError::Foreign(record.seq));
        }
        RecordKind::TaskStarted
        | RecordKind::TaskSkipped
        | RecordKind::EffectIntended(_)
        | RecordKind::EffectAbandoned { .. }
        | RecordKind::TaskFinished
        | RecordKind::TaskCancelled
        | RecordKind::TaskFaulted { .. }
        | RecordKind::TaskRetried { .. }
        | RecordKind::PhaseChanged { .. }
        | RecordKind::RunFinished { .. } => return Ok(None),
    }))
}

fn outcome_of(
    record: &Record,
    result: &Result<Payload, Problem>,
    evidence: Option<&Payload>,
) -> Result<Outcome, ReplayError> {
    let mut versions = record.versions.clone();
    versions.remove("engine");
    Ok(Outcome {
        result: match result {
            Ok(payload) => Ok(inline(payload, record.seq)?),
            Err(problem) => Err(problem.clone()),
        },
        reads: record.reads.clone(),
        costs: record.costs.clone(),
        versions,
        // Nothing depends on the evidence, so it need not be fetched.
        evidence: evidence.and_then(Payload::inline).cloned(),
    })
}
