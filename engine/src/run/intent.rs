//! Wanting something from outside.

use super::datum::Datum;
use super::frame::{Branch, Frame};
use super::log::Entry;
use super::machine::{Machine, Step};
use super::state::Open;
use super::work::Work;
use crate::{
    Digest, Effect, EffectId, EffectRequest, IdempotencyKey, RecordKind, Sequence, TaskKey,
    Timestamp,
};

impl<'a> Machine<'a> {
    /// Intends an effect for the innermost task, which waits for it from now on.
    pub(super) fn intend(
        &mut self,
        branch: &mut Branch<Datum>,
        request: EffectRequest,
        produced: Option<Digest>,
    ) -> Step<'a> {
        let key = branch.top().key.clone();
        let intent = self.intend_as(branch, &key, request, produced);
        branch.top_mut().work = Work::Effect(intent);
        Step::Wait
    }

    /// Intends an effect for the innermost task under the name of one of its parts; returns the
    /// record of the intent.
    pub(super) fn intend_as(
        &mut self,
        branch: &mut Branch<Datum>,
        key: &TaskKey,
        request: EffectRequest,
        produced: Option<Digest>,
    ) -> Sequence {
        let deadline = self.limit_around(branch);
        let frame = branch.top_mut();
        let (run, input) = (self.state.id, frame.input.digest());
        let effect = Effect {
            id: EffectId::derive(run, key, frame.attempt),
            run,
            task: frame.key.clone(),
            attempt: frame.attempt,
            idempotency_key: IdempotencyKey::derive(run, key),
            asked_at: self.state.now,
            deadline,
            request,
        };
        let kind = RecordKind::EffectIntended(Box::new(effect.clone()));
        let caused_by = vec![frame.started];
        let mut entry = Entry::of_task(frame, kind, caused_by).reading(input);
        entry.output = produced;
        let seq = self.append(entry);
        self.state.counts.effects += 1;
        self.state.pending.insert(
            seq,
            Open {
                effect,
                branch: branch.id,
                unknown: None,
                approved_by: Vec::new(),
            },
        );
        self.tasks_entered = 0;
        seq
    }

    /// Returns when the time of the first task around is over.
    fn limit_around(&self, branch: &Branch<Datum>) -> Option<Timestamp> {
        let mut limit = branch.limit();
        let mut parent = branch.parent;
        while let Some(around) = parent.and_then(|parent| self.state.branches.get(&parent)) {
            limit = limit.into_iter().chain(around.limit()).min();
            parent = around.parent;
        }
        limit
    }
}

impl Branch<Datum> {
    fn limit(&self) -> Option<Timestamp> {
        self.frames.iter().filter_map(Frame::limit).min()
    }
}

impl Frame<Datum> {
    /// Returns when the time of the task, or of its attempt, is over.
    fn limit(&self) -> Option<Timestamp> {
        let attempt = match &self.work {
            Work::Attempts(state) => state.deadline,
            _ => None,
        };
        self.deadline.into_iter().chain(attempt).min()
    }
}
