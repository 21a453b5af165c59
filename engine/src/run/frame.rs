//! The frames of a run: which tasks are open, and how far each one is.
//!
//! Everything here is data. `V` is a value: a shared one in a live run, an index into a table
//! in a snapshot.

use serde::{Deserialize, Serialize};

use super::work::{Progress, Slot, Stage, Work};
use crate::{Digest, Sequence, TaskKey, Timestamp};

/// The number of a branch; the first one is the run itself.
pub(super) type BranchId = u32;

/// The branch that a run starts with.
pub(super) const TRUNK: BranchId = 0;

/// One line of work: a stack of open tasks with a context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Branch<V> {
    pub(super) id: BranchId,
    /// The branch whose innermost task began it; none for the trunk.
    pub(super) parent: Option<BranchId>,
    /// How many tasks are open around it.
    pub(super) depth: usize,
    /// The value of `$context`.
    pub(super) context: V,
    /// The open tasks, the outermost first; the first frame stands for the branch itself.
    pub(super) frames: Vec<Frame<V>>,
    /// When time alone wakes it; follows from the frames.
    #[serde(skip)]
    pub(super) due: Option<Timestamp>,
}

/// One open task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame<V> {
    pub(super) key: TaskKey,
    pub(super) attempt: u32,
    /// The record of its start.
    pub(super) started: Sequence,
    pub(super) started_at: Timestamp,
    /// The raw input.
    pub(super) raw: V,
    /// The value of `$input`.
    pub(super) input: V,
    pub(super) deadline: Option<Timestamp>,
    /// Whether a `try` that retries stands around it, so that its key may start again.
    pub(super) retried: bool,
    /// What was read since the last record about it.
    pub(super) reads: Vec<Digest>,
    pub(super) work: Work<V>,
}

impl<V> Branch<V> {
    /// Returns the innermost open task.
    pub(super) fn top(&self) -> &Frame<V> {
        self.frames.last().expect("a branch keeps its first frame")
    }

    pub(super) fn top_mut(&mut self) -> &mut Frame<V> {
        self.frames
            .last_mut()
            .expect("a branch keeps its first frame")
    }

    pub(super) fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Branch<W> {
        Branch {
            id: self.id,
            parent: self.parent,
            depth: self.depth,
            context: f(self.context),
            frames: self.frames.into_iter().map(|frame| frame.map(f)).collect(),
            due: self.due,
        }
    }
}

impl<V> Frame<V> {
    fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Frame<W> {
        Frame {
            key: self.key,
            attempt: self.attempt,
            started: self.started,
            started_at: self.started_at,
            raw: f(self.raw),
            input: f(self.input),
            deadline: self.deadline,
            retried: self.retried,
            reads: self.reads,
            work: self.work.map(f),
        }
    }

    /// Returns the place in the list that the task works through, if it has an inside.
    pub(super) fn progress(&self) -> Option<&Progress> {
        match &self.work {
            Work::Leaf | Work::Effect(_) | Work::Fork(_) => None,
            Work::Sequence(progress) => Some(progress),
            Work::Loop(state) => Some(&state.progress),
            Work::Attempts(state) => Some(&state.progress),
            Work::Slot(slot) => Some(&slot.progress),
            Work::Listen(state) => Some(&state.progress),
            Work::Undo(state) => Some(&state.progress),
            Work::Extension(state) => Some(&state.progress),
            Work::Contract(state) => Some(&state.progress),
        }
    }

    pub(super) fn progress_mut(&mut self) -> Option<&mut Progress> {
        match &mut self.work {
            Work::Leaf | Work::Effect(_) | Work::Fork(_) => None,
            Work::Sequence(progress) => Some(progress),
            Work::Loop(state) => Some(&mut state.progress),
            Work::Attempts(state) => Some(&mut state.progress),
            Work::Slot(slot) => Some(&mut slot.progress),
            Work::Listen(state) => Some(&mut state.progress),
            Work::Undo(state) => Some(&mut state.progress),
            Work::Extension(state) => Some(&mut state.progress),
            Work::Contract(state) => Some(&mut state.progress),
        }
    }

    /// Makes the key of a task inside this one.
    pub(super) fn child_key(&self, name: &str, visit: u32) -> TaskKey {
        match &self.work {
            Work::Loop(state) => self.key.child(name, Some(state.index as u64), visit),
            Work::Listen(state) => self.key.child(name, Some(state.index as u64), visit),
            Work::Attempts(state) if state.stage == Stage::Handler => {
                self.key.handler().child(name, None, visit)
            }
            Work::Slot(Slot {
                index,
                item: Some(item),
                ..
            }) => match &item.key {
                Some(key) => self.key.child_of(name, key),
                None => self.key.child(name, Some(*index as u64), visit),
            },
            Work::Extension(state) => {
                let word = if state.done.is_some() {
                    "after"
                } else {
                    "before"
                };
                self.key.part(word, &state.name).child(name, None, visit)
            }
            Work::Contract(state) => {
                let above = self.key.part("judge", &state.attempt.to_string());
                above.child(name, None, visit)
            }
            Work::Undo(state) => match state.open.last() {
                Some(undo) => self.key.child_of(name, undo.task.as_str()),
                None => self.key.child(name, None, visit),
            },
            _ => self.key.child(name, None, visit),
        }
    }
}
