//! The frames of a run: which tasks are open, and how far each one is.
//!
//! Everything here is data. `V` is a value: a shared one in a live run, an index into a table
//! in a snapshot.

use serde::{Deserialize, Serialize};

use crate::{Digest, Sequence, TaskKey, Timestamp};

/// The number of a branch; the first one is the run itself.
pub(super) type BranchId = u32;

/// The branch that a run starts with.
pub(super) const TRUNK: BranchId = 0;

/// One line of work: a stack of open tasks with a context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Branch<V> {
    pub(super) id: BranchId,
    /// The value of `$context`.
    pub(super) context: V,
    /// The open tasks, the outermost first; the first frame stands for the branch itself.
    pub(super) frames: Vec<Frame<V>>,
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

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Work<V> {
    /// It has just begun, or has no inside.
    Leaf,
    /// It waits for the effect that this record intended.
    Effect(Sequence),
    /// Tasks in order: the run itself, `do`, a custom function.
    Sequence(Progress),
    /// A `for`.
    Loop(Box<Loop<V>>),
    /// A `try`.
    Attempts(Box<Attempts<V>>),
}

/// The place in a list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The task that is open, or the next one.
    pub(super) position: usize,
    /// How often each position was entered.
    visits: Vec<u32>,
}

/// The state of a `for`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Loop<V> {
    /// The items, an array.
    pub(super) items: V,
    /// The pass, from 0.
    pub(super) index: usize,
    pub(super) progress: Progress,
}

/// The state of a `try`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Attempts<V> {
    pub(super) progress: Progress,
    pub(super) stage: Stage,
    /// Whether it has a retry policy.
    pub(super) retries: bool,
    /// How many attempts have failed.
    pub(super) failed: u32,
    /// When the time of this attempt is over.
    pub(super) deadline: Option<Timestamp>,
    /// The problem that was caught.
    pub(super) problem: Option<V>,
}

/// What a `try` is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Its tasks run.
    Body,
    /// It waits before the next attempt.
    Delay {
        /// When the next attempt begins.
        due: Timestamp,
        /// The record that says so.
        cause: Sequence,
    },
    /// `catch.do` runs.
    Handler,
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
            context: f(self.context),
            frames: self.frames.into_iter().map(|frame| frame.map(f)).collect(),
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
            Work::Leaf | Work::Effect(_) => None,
            Work::Sequence(progress) => Some(progress),
            Work::Loop(state) => Some(&state.progress),
            Work::Attempts(state) => Some(&state.progress),
        }
    }

    pub(super) fn progress_mut(&mut self) -> Option<&mut Progress> {
        match &mut self.work {
            Work::Leaf | Work::Effect(_) => None,
            Work::Sequence(progress) => Some(progress),
            Work::Loop(state) => Some(&mut state.progress),
            Work::Attempts(state) => Some(&mut state.progress),
        }
    }

    /// Makes the key of a task inside this one.
    pub(super) fn child_key(&self, name: &str, visit: u32) -> TaskKey {
        match &self.work {
            Work::Loop(state) => self.key.child(name, Some(state.index as u64), visit),
            Work::Attempts(state) if state.stage == Stage::Handler => {
                self.key.handler().child(name, None, visit)
            }
            Work::Leaf | Work::Effect(_) | Work::Sequence(_) | Work::Attempts(_) => {
                self.key.child(name, None, visit)
            }
        }
    }
}

impl<V> Work<V> {
    /// Says whether tasks inside may start again under the same key.
    pub(super) fn is_retrying(&self) -> bool {
        matches!(self, Self::Attempts(state) if state.retries)
    }

    fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Work<W> {
        match self {
            Self::Leaf => Work::Leaf,
            Self::Effect(seq) => Work::Effect(seq),
            Self::Sequence(progress) => Work::Sequence(progress),
            Self::Loop(state) => Work::Loop(Box::new(Loop {
                items: f(state.items),
                index: state.index,
                progress: state.progress,
            })),
            Self::Attempts(state) => Work::Attempts(Box::new(Attempts {
                progress: state.progress,
                stage: state.stage,
                retries: state.retries,
                failed: state.failed,
                deadline: state.deadline,
                problem: state.problem.map(f),
            })),
        }
    }
}

impl Progress {
    /// Notes that a position is entered, and returns how often it has been by now.
    pub(super) fn enter(&mut self, position: usize) -> u32 {
        self.position = position;
        if self.visits.len() <= position {
            self.visits.resize(position + 1, 0);
        }
        let visits = &mut self.visits[position];
        *visits = visits.saturating_add(1);
        *visits
    }
}
