//! A run that goes on after its end: with the task that failed, or to undo what was done.

use serde_json::Value;

use super::datum::Datum;
use super::frame::{Branch, Frame, TRUNK};
use super::log::Entry;
use super::machine::{Machine, Step};
use super::state::Failed;
use super::work::{Arm, Fork, Item, Undoing, Work};
use crate::{Phase, RecordKind, Sequence, TaskKey};

impl<'a> Machine<'a> {
    /// Remembers a task that a problem has ended, as long as the problem goes on outwards.
    pub(super) fn note_unwound(&mut self, branch: &Branch<Datum>, frame: &Frame<Datum>) {
        let depth = branch.frames.len();
        let goes_on =
            |(id, inner, _): &(u32, usize, Frame<Datum>)| (*id, *inner) == (branch.id, depth + 1);
        if !self.unwound.last().is_some_and(goes_on) {
            self.unwound.clear();
        }
        self.unwound.push((branch.id, depth, frame.clone()));
    }

    /// Returns where the trunk was before a problem ended it.
    pub(super) fn failed_place(&mut self, trunk: &Branch<Datum>) -> Option<Box<Failed<Datum>>> {
        let unwound = std::mem::take(&mut self.unwound);
        let (id, depth, _) = unwound.last()?;
        if (*id, *depth) != (trunk.id, 1) {
            return None;
        }
        let mut trunk = trunk.clone();
        let frames = unwound.into_iter().rev().map(|(.., frame)| frame);
        trunk.frames.extend(frames);
        trunk.due = None;
        Some(Box::new(Failed {
            at: self.state.now,
            trunk,
            undo: std::mem::take(&mut self.state.undo),
            inbox: std::mem::take(&mut self.state.inbox),
        }))
    }

    /// Takes a failed run up again; `cause` is the record of the request.
    pub(super) fn revive(&mut self, cause: Sequence) {
        let Some(failed) = self.state.failed.take() else {
            return;
        };
        let Failed {
            at,
            mut trunk,
            undo,
            inbox,
        } = *failed;
        // Not an end any more; which phase it is follows from what is wanted.
        self.state.phase = Phase::Pending;
        self.state.problem = None;
        self.state.undo = undo;
        self.state.inbox = inbox;
        self.state.attempt_base = self.state.attempts_max;
        let pause = self.state.now.as_millis() - at.as_millis();
        for frame in &mut trunk.frames {
            // The time between the failure and the request counts for nobody.
            frame.deadline = frame.deadline.map(|limit| limit.plus_millis(pause));
        }
        let Some(mut frame) = trunk.frames.pop() else {
            return;
        };
        let step = if let Work::Fork(_) = &frame.work {
            frame.started = cause;
            trunk.frames.push(frame);
            self.reopen(&mut trunk);
            Step::Wait
        } else {
            if let Work::Undo(undoing) = &mut trunk.top_mut().work {
                undoing.failed = 0;
            }
            let position = trunk.top_mut().progress_mut().map(|progress| {
                progress.take_back();
                progress.position
            });
            Step::Enter {
                position: position.unwrap_or(0),
                data: frame.raw,
                caused_by: vec![cause],
            }
        };
        self.keep(trunk);
        self.wake(TRUNK, step);
        self.drive();
        self.offer();
    }

    /// Begins those branches of the innermost task again that are not done.
    fn reopen(&mut self, branch: &mut Branch<Datum>) {
        let kind = RecordKind::TaskStarted;
        let caused_by = vec![branch.top().started];
        let frame = branch.top_mut();
        frame.attempt = self.state.attempt_base.saturating_add(1);
        let raw = frame.raw.digest();
        let started = self.append(Entry::of_task(frame, kind, caused_by).reading(raw));
        branch.top_mut().started = started;
        self.state.counts.tasks_started += 1;
        self.state.attempts_max = self.state.attempts_max.max(branch.top().attempt);
        let Work::Fork(fork) = &branch.top().work else {
            return;
        };
        let (slots, items) = (fork.slots.clone(), fork.items.clone());
        let mut begun = Vec::with_capacity(slots.len());
        for (index, arm) in slots.into_iter().enumerate() {
            let Arm::Failed = arm else {
                begun.push(arm);
                continue;
            };
            let item = items.as_ref().and_then(|items| {
                Some(Item {
                    value: Datum::new(items.values.value().get(index)?.clone()),
                    key: items.keys.get(index).cloned(),
                })
            });
            begun.push(Arm::Open(self.begin_arm(branch, index, item)));
        }
        branch.top_mut().work = Work::Fork(Box::new(Fork {
            slots: begun,
            items,
        }));
    }

    /// Gives up what is open, undoes what can be undone, and cancels the run then.
    pub(super) fn undo_run(&mut self, cause: Sequence) {
        let context = self
            .state
            .branches
            .get(&TRUNK)
            .map_or_else(|| Datum::new(Value::Null), |trunk| trunk.context.clone());
        if self.state.undo.is_empty() {
            self.give_up(Phase::Cancelled, None, vec![cause]);
            return;
        }
        while let Some((_, mut branch)) = self.state.branches.pop_last() {
            self.clear_inside(&mut branch, 0, cause);
        }
        self.state.pending.clear();
        self.state.held.clear();
        self.state.suspended = false;
        self.ready.clear();
        let nothing = Datum::new(Value::Null);
        let root = Frame {
            key: TaskKey::root(),
            attempt: 1,
            started: cause,
            started_at: self.state.now,
            raw: nothing.clone(),
            input: nothing,
            deadline: None,
            retried: false,
            reads: Vec::new(),
            work: Work::Undo(Box::new(Undoing::of(self.state.undo.clone()))),
        };
        let mut trunk = Branch {
            id: TRUNK,
            parent: None,
            depth: 0,
            context,
            frames: vec![root],
            due: None,
        };
        let step = super::task::next_undo(&mut trunk, vec![cause]);
        self.keep(trunk);
        self.wake(TRUNK, step);
        self.drive();
    }
}
