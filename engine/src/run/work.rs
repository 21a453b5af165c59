//! How far a task is: the state of each kind of task that does not end at once.
//!
//! Everything here is data, as in the frames.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::BranchId;
use crate::definition::tree::Flow;
use crate::{SecretUse, Sequence, TaskKey, Timestamp};

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
    /// A `fork` or a `for-each`, whose branches are at work.
    Fork(Box<Fork<V>>),
    /// The first frame of a branch.
    Slot(Slot<V>),
    /// A `compensate`.
    Undo(Box<Undoing<V>>),
    /// A `listen`.
    Listen(Box<Listening<V>>),
    /// What an extension does before or after the task.
    Extension(Box<Extending<V>>),
    /// A question or a piece of work whose answer is checked.
    Contract(Box<Contract<V>>),
}

/// The state of a `fork`, or of a `for-each`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fork<V> {
    /// The branches that have begun, in the order of the definition or of the items.
    pub(super) slots: Vec<Arm<V>>,
    /// What is worked on by a `for-each`.
    pub(super) items: Option<Items<V>>,
}

/// What a `for-each` works on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Items<V> {
    /// The items, an array.
    pub(super) values: V,
    /// Their names, where they have some.
    pub(super) keys: Vec<String>,
    /// The item whose name is being made.
    pub(super) at: usize,
}

/// One branch, as seen from the task that began it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Arm<V> {
    /// It is at work.
    Open(BranchId),
    /// It ended with an output; the records that led to it.
    Done(V, Vec<Sequence>),
    /// It failed.
    Failed,
}

/// Which branch this is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Slot<V> {
    pub(super) index: usize,
    /// The item of a `for-each`.
    pub(super) item: Option<Item<V>>,
    pub(super) progress: Progress,
}

/// An item of a `for-each` that is worked on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Item<V> {
    pub(super) value: V,
    /// Its name, where it has one.
    pub(super) key: Option<String>,
}

/// Work that can be undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Undo<V> {
    /// The task that did it.
    pub(super) task: TaskKey,
    /// The function in `use.functions` that undoes it.
    pub(super) function: String,
    pub(super) index: usize,
    pub(super) item: V,
    /// What it gave.
    pub(super) output: V,
}

/// The state of a `compensate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Undoing<V> {
    /// What is still to be undone; the last one comes first.
    pub(super) open: Vec<Undo<V>>,
    /// The tasks whose work was undone.
    pub(super) undone: Vec<TaskKey>,
    /// How often the one at work has failed.
    pub(super) failed: u32,
    /// When it is tried again, and the record that says so.
    pub(super) again: Option<(Timestamp, Sequence)>,
    pub(super) progress: Progress,
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

/// The state of a `listen`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Listening<V> {
    /// The events so far, as they are read; with a body, what it made of them.
    pub(super) taken: Vec<V>,
    /// The records of these events.
    pub(super) causes: Vec<Sequence>,
    /// Which of the filters have had their event.
    pub(super) met: Vec<bool>,
    /// The same for the events that end it.
    pub(super) met_until: Vec<bool>,
    /// What the events have in common, by name.
    pub(super) correlated: BTreeMap<String, V>,
    /// The number of the event, from 0.
    pub(super) index: usize,
    /// The event that the body works on.
    pub(super) item: Option<V>,
    pub(super) progress: Progress,
}

/// The state of a call whose answer has to satisfy a contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Contract<V> {
    /// The attempt, from 1.
    pub(super) attempt: u32,
    /// What is waited for.
    pub(super) stage: ContractStage,
    /// The evaluated arguments, the contract's own among them.
    pub(super) arguments: V,
    /// Where in them secrets are meant.
    pub(super) secrets: Vec<SecretUse>,
    /// The last answer.
    pub(super) answer: Option<V>,
    pub(super) progress: Progress,
}

/// What a contract waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ContractStage {
    /// The answer; the record of the intent.
    Answer(Sequence),
    /// The evaluator's judgement.
    Judgement,
    /// A person's decision; the record of the intent.
    Decision(Sequence),
}

/// The state of a task that an extension is at work on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Extending<V> {
    /// The position of the extension in the definition.
    pub(super) at: usize,
    /// Its name.
    pub(super) name: String,
    /// What the task gave, once it is done, and where it goes on.
    pub(super) done: Option<Done<V>>,
    pub(super) progress: Progress,
}

/// What a task gave before its extensions were done with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Done<V> {
    /// The raw output.
    pub(super) output: V,
    /// Where the scope goes on, when it is not the task's own `then`.
    pub(super) then: Option<Flow>,
}

impl<V> Work<V> {
    /// Says whether tasks inside may start again under the same key.
    pub(super) fn is_retrying(&self) -> bool {
        match self {
            Self::Attempts(state) => state.retries,
            Self::Undo(_) => true,
            _ => false,
        }
    }

    /// Returns the record of the intent that it waits for.
    pub(super) fn awaited(&self) -> Option<Sequence> {
        match self {
            Self::Effect(intent) => Some(*intent),
            Self::Contract(contract) => match contract.stage {
                ContractStage::Answer(intent) | ContractStage::Decision(intent) => Some(intent),
                ContractStage::Judgement => None,
            },
            _ => None,
        }
    }

    pub(super) fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Work<W> {
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
            Self::Fork(state) => Work::Fork(Box::new(state.map(f))),
            Self::Slot(slot) => Work::Slot(Slot {
                index: slot.index,
                item: slot.item.map(|item| Item {
                    value: f(item.value),
                    key: item.key,
                }),
                progress: slot.progress,
            }),
            Self::Undo(state) => Work::Undo(Box::new(Undoing {
                open: state.open.into_iter().map(|undo| undo.map(f)).collect(),
                undone: state.undone,
                failed: state.failed,
                again: state.again,
                progress: state.progress,
            })),
            Self::Listen(state) => Work::Listen(Box::new(state.map(f))),
            Self::Contract(state) => Work::Contract(Box::new(Contract {
                attempt: state.attempt,
                stage: state.stage,
                arguments: f(state.arguments),
                secrets: state.secrets,
                answer: state.answer.map(&mut *f),
                progress: state.progress,
            })),
            Self::Extension(state) => Work::Extension(Box::new(Extending {
                at: state.at,
                name: state.name,
                done: state.done.map(|done| Done {
                    output: f(done.output),
                    then: done.then,
                }),
                progress: state.progress,
            })),
        }
    }
}

impl<V> Listening<V> {
    fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Listening<W> {
        Listening {
            taken: self.taken.into_iter().map(&mut *f).collect(),
            causes: self.causes,
            met: self.met,
            met_until: self.met_until,
            correlated: self
                .correlated
                .into_iter()
                .map(|(name, value)| (name, f(value)))
                .collect(),
            index: self.index,
            item: self.item.map(&mut *f),
            progress: self.progress,
        }
    }
}

impl<V> Fork<V> {
    fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Fork<W> {
        Fork {
            slots: self.slots.into_iter().map(|arm| arm.map(f)).collect(),
            items: self.items.map(|items| Items {
                values: f(items.values),
                keys: items.keys,
                at: items.at,
            }),
        }
    }
}

impl<V> Undo<V> {
    pub(super) fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Undo<W> {
        Undo {
            task: self.task,
            function: self.function,
            index: self.index,
            item: f(self.item),
            output: f(self.output),
        }
    }
}

impl<V> Arm<V> {
    fn map<W>(self, f: &mut dyn FnMut(V) -> W) -> Arm<W> {
        match self {
            Self::Open(branch) => Arm::Open(branch),
            Self::Done(value, causes) => Arm::Done(f(value), causes),
            Self::Failed => Arm::Failed,
        }
    }
}

impl Progress {
    pub(super) fn visits_of(&self, position: usize) -> u32 {
        self.visits.get(position).copied().unwrap_or(0)
    }

    pub(super) fn set_visits(&mut self, position: usize, count: u32) {
        if count > 0 {
            if self.visits.len() <= position {
                self.visits.resize(position + 1, 0);
            }
            self.visits[position] = count;
        }
    }

    /// Takes back that a position was entered, so that it is entered under the same key.
    pub(super) fn take_back(&mut self) {
        if let Some(visits) = self.visits.get_mut(self.position) {
            *visits = visits.saturating_sub(1);
        }
    }

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
