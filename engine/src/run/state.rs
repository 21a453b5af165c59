//! The state of a run: all of it, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::{Branch, BranchId, TRUNK};
use super::inbox::Inbox;
use super::work::{Undo, Work};
use crate::{Actor, Effect, EffectId, Phase, Problem, RunId, Sequence, TaskKey, Timestamp};

/// Everything that a run is, beside its definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State<V> {
    pub(super) id: RunId,
    pub(super) last_seq: Sequence,
    /// The latest time that came with an input; it never goes back.
    pub(super) now: Timestamp,
    pub(super) started_at: Timestamp,
    /// The version of the engine that the records of the last input name.
    pub(super) engine: String,
    /// Who asked for the run.
    pub(super) asked_by: Actor,
    /// The raw input of the run.
    pub(super) input: V,
    /// The phase that the records say.
    pub(super) phase: Phase,
    pub(super) suspended: bool,
    pub(super) branches: BTreeMap<BranchId, Branch<V>>,
    pub(super) next_branch: BranchId,
    pub(super) pending: Pending,
    /// Events that no task has taken yet.
    pub(super) inbox: Inbox<V>,
    /// Outcomes that arrived while the run was suspended, in order.
    pub(super) held: Vec<Held<V>>,
    /// Work that can be undone, in the order in which it was done.
    pub(super) undo: Vec<Undo<V>>,
    /// How often each key below a `try` that retries was entered.
    pub(super) entries: BTreeMap<TaskKey, u32>,
    /// What every attempt counts from: the highest one before the run was taken up again.
    pub(super) attempt_base: u32,
    /// The highest attempt of any task so far.
    pub(super) attempts_max: u32,
    pub(super) counts: Counts,
    pub(super) output: Option<V>,
    pub(super) problem: Option<Problem>,
    /// Where a failed run was when it failed.
    pub(super) failed: Option<Box<Failed<V>>>,
}

/// Where a failed run was when it failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Failed<V> {
    /// When.
    pub(super) at: Timestamp,
    /// The trunk with its open tasks; the innermost one is what failed.
    pub(super) trunk: Branch<V>,
    /// What could be undone.
    pub(super) undo: Vec<Undo<V>>,
    /// Events that no task had taken.
    pub(super) inbox: Inbox<V>,
}

/// How much happened in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Tasks that began, retries included.
    pub tasks_started: u64,
    /// Tasks that ended well.
    pub tasks_finished: u64,
    /// Tasks that failed.
    pub tasks_faulted: u64,
    /// Attempts made after a failure.
    pub retries: u64,
    /// Effects that were intended.
    pub effects: u64,
}

/// The effects that are intended and not settled, by the record that intended them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Pending {
    effects: BTreeMap<Sequence, Open>,
    /// The same by name; not stored, because it follows from the effects.
    #[serde(skip)]
    by_id: BTreeMap<EffectId, Sequence>,
}

/// An effect that is not settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) effect: Effect,
    /// The branch whose innermost task waits for it.
    pub(super) branch: BranchId,
    /// What is known, when nobody can say whether it happened.
    pub(super) unknown: Option<String>,
    /// Who has approved so far, where several people must.
    pub(super) approved_by: Vec<String>,
}

/// An outcome that waits for the run to be resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Held<V> {
    pub(super) branch: BranchId,
    /// The record of the intent.
    pub(super) intent: Sequence,
    /// The record of the outcome.
    pub(super) cause: Sequence,
    pub(super) result: Result<V, Problem>,
}

impl Pending {
    pub(super) fn insert(&mut self, seq: Sequence, open: Open) {
        self.by_id.insert(open.effect.id, seq);
        self.effects.insert(seq, open);
    }

    pub(super) fn find(&self, id: &EffectId) -> Option<(Sequence, &Open)> {
        let seq = *self.by_id.get(id)?;
        Some((seq, self.effects.get(&seq)?))
    }

    pub(super) fn get(&self, seq: Sequence) -> Option<&Open> {
        self.effects.get(&seq)
    }

    pub(super) fn find_mut(&mut self, id: &EffectId) -> Option<&mut Open> {
        self.effects.get_mut(self.by_id.get(id)?)
    }

    pub(super) fn remove(&mut self, seq: Sequence) -> Option<Open> {
        let open = self.effects.remove(&seq)?;
        self.by_id.remove(&open.effect.id);
        Some(open)
    }

    /// Returns the effects in the order of their intents.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Sequence, &Open)> {
        self.effects.iter().map(|(seq, open)| (*seq, open))
    }

    pub(super) fn clear(&mut self) {
        self.effects.clear();
        self.by_id.clear();
    }

    /// Makes the index by name again, after the effects were read from a snapshot.
    pub(super) fn index(&mut self) {
        self.by_id = self
            .effects
            .iter()
            .map(|(seq, open)| (open.effect.id, *seq))
            .collect();
    }
}

impl<V> State<V> {
    /// Returns the same state with other values.
    pub(super) fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> State<W> {
        State {
            id: self.id,
            last_seq: self.last_seq,
            now: self.now,
            started_at: self.started_at,
            engine: self.engine,
            asked_by: self.asked_by,
            input: f(self.input),
            phase: self.phase,
            suspended: self.suspended,
            branches: self
                .branches
                .into_iter()
                .map(|(id, branch)| (id, branch.map(f)))
                .collect(),
            next_branch: self.next_branch,
            pending: self.pending,
            inbox: self.inbox.map(f),
            held: self.held.into_iter().map(|held| held.map(f)).collect(),
            undo: self.undo.into_iter().map(|undo| undo.map(f)).collect(),
            entries: self.entries,
            attempt_base: self.attempt_base,
            attempts_max: self.attempts_max,
            counts: self.counts,
            output: self.output.map(&mut *f),
            problem: self.problem,
            failed: self.failed.map(|failed| {
                Box::new(Failed {
                    at: failed.at,
                    trunk: failed.trunk.map(f),
                    undo: failed.undo.into_iter().map(|undo| undo.map(f)).collect(),
                    inbox: failed.inbox.map(f),
                })
            }),
        }
    }

    /// Says whether the run is being undone, to be cancelled then.
    pub(super) fn is_undoing(&self) -> bool {
        let trunk = self.branches.get(&TRUNK);
        trunk.is_some_and(|trunk| matches!(trunk.frames[0].work, Work::Undo(_)))
    }
}

impl<V> Held<V> {
    fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Held<W> {
        Held {
            branch: self.branch,
            intent: self.intent,
            cause: self.cause,
            result: self.result.map(f),
        }
    }
}
