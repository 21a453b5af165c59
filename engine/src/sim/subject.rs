//! One run under test: what this process knows of it, and what must be true of its log.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Plan;
use super::reference::{Ending, Expected};
use crate::journal::Journal;
use crate::{
    Call, Definition, Effect, EffectClass, EffectId, EffectRequest, Phase, Record, RecordKind, Run,
    RunId, Sequence,
};

/// The most records that are read at once.
pub(super) const RECORDS_MAX: usize = 1 << 20;

/// Nothing, or what is wrong.
pub(super) type Checked<T = ()> = Result<T, String>;

/// One run under test.
pub(super) struct Subject {
    pub(super) plan: Plan,
    pub(super) expected: Expected,
    pub(super) definition: Definition,
    pub(super) id: RunId,
    /// The run, while the process that holds it lives.
    pub(super) run: Option<Run>,
    /// The calls that this process has begun, with the moment each comes back.
    pub(super) begun: BTreeMap<EffectId, u64>,
    /// The last record that the journal has acknowledged.
    pub(super) acknowledged: Sequence,
    /// Unsafe calls that a person has let this process perform.
    pub(super) vouched: BTreeSet<EffectId>,
    /// A settled effect, to send its answer again.
    pub(super) settled: Option<(Effect, Call)>,
}

impl Subject {
    /// Returns a pending call that this process has not begun.
    pub(super) fn unbegun(&self) -> Option<(Effect, Call)> {
        let run = self.run.as_ref()?;
        if run.phase() == Phase::Suspended {
            return None;
        }
        let mut pending = run
            .pending()
            .filter(|effect| !self.begun.contains_key(&effect.id));
        pending.find_map(|effect| Some((effect.clone(), call_of(effect)?)))
    }

    /// Returns an unsafe call of which this process cannot know whether it was begun.
    pub(super) fn doubtful(&self) -> Option<EffectId> {
        let mut pending = self.run.as_ref()?.pending();
        let doubtful = pending.find(|effect| {
            let is_unsafe = call_of(effect).is_some_and(|call| call.class == EffectClass::Unsafe);
            is_unsafe && !self.begun.contains_key(&effect.id) && !self.vouched.contains(&effect.id)
        });
        doubtful.map(|effect| effect.id)
    }

    /// Returns the call that comes back first, and when.
    pub(super) fn first_answer(&self) -> Option<(EffectId, u64)> {
        let begun = self.begun.iter().map(|(id, at)| (*id, *at));
        begun.min_by_key(|(_, at)| *at)
    }

    pub(super) fn check(&self, journal: &dyn Journal) -> Checked {
        let records = journal
            .records(self.id, 1, RECORDS_MAX)
            .map_err(|e| e.to_string())?;
        let replayed = Run::replay(self.definition.clone(), records.clone())
            .map_err(|error| format!("the log does not replay: {error}"))?;
        if self.run.as_ref() != Some(&replayed) {
            return Err("a replay comes to another state".to_owned());
        }
        let starts = starts(&records);
        if starts != self.expected.starts {
            return Err(format!(
                "other tasks began\nexpected {:?}\nactual   {starts:?}",
                self.expected.starts
            ));
        }
        let ending = ending(&replayed);
        if ending != self.expected.ending {
            return Err(format!(
                "it ended otherwise: expected {:?}, actual {ending:?}",
                self.expected.ending
            ));
        }
        check_effects(&records)
    }
}

pub(super) fn call_of(effect: &Effect) -> Option<Call> {
    match &effect.request {
        EffectRequest::Call(call) => Some(call.clone()),
        EffectRequest::Timer { .. } | EffectRequest::Approval(_) | EffectRequest::Run { .. } => {
            None
        }
    }
}

fn starts(records: &[Record]) -> Vec<(u64, String, u32)> {
    let begin = records.first().map_or(0, |record| record.at.as_millis());
    let mut starts: Vec<_> = records
        .iter()
        .filter(|record| record.kind == RecordKind::TaskStarted)
        .map(|record| {
            let at = record.at.as_millis() - begin;
            (at, record.task.as_str().to_owned(), record.attempt)
        })
        .collect();
    starts.sort();
    starts
}

fn ending(run: &Run) -> Ending {
    match run.problem() {
        None => {
            let n = run.output().and_then(|output| output.get("n")?.as_u64());
            Ending::Completed(n.unwrap_or(u64::MAX))
        }
        Some(problem) => Ending::Faulted {
            status: problem.status,
            instance: problem.instance.clone().unwrap_or_default(),
        },
    }
}

/// No two intents share an id, and each is settled or given up at most once; calls exactly
/// once.
fn check_effects(records: &[Record]) -> Checked {
    let mut calls = BTreeSet::new();
    let mut open = BTreeSet::new();
    let mut settled_twice = false;
    for record in records {
        match &record.kind {
            RecordKind::EffectIntended(effect) => {
                if !open.insert(effect.id) {
                    return Err(format!("`{}` was intended twice", effect.task));
                }
                if call_of(effect).is_some() {
                    calls.insert(effect.id);
                }
            }
            RecordKind::EffectFinished { effect, .. } | RecordKind::EffectAbandoned { effect } => {
                let was_open = open.remove(effect);
                settled_twice |= !was_open;
            }
            _ => {}
        }
    }
    if settled_twice {
        return Err("an effect was settled twice".to_owned());
    }
    if open.is_disjoint(&calls) {
        Ok(())
    } else {
        Err("a call was neither settled nor given up".to_owned())
    }
}
