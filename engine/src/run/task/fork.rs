//! `fork`: branches at the same time, each with a context of its own.
//!
//! A branch starts with a copy of the context; what it exports is seen by itself only.
//! `for-each` is the same with one branch for each item, so many of them at a time.

use serde_json::Value;

use super::output;
use crate::definition::tree::{Fork as ForkTask, TaskKind};
use crate::run::datum::Datum;
use crate::run::frame::{Branch, BranchId, Frame};
use crate::run::machine::{Machine, Step};
use crate::run::work::{Arm, Fork, Item, Progress, Slot, Undo, Work};
use crate::{Problem, Sequence};

impl<'a> Machine<'a> {
    pub(super) fn begin_fork(
        &mut self,
        branch: &mut Branch<Datum>,
        fork: &'a ForkTask,
    ) -> Step<'a> {
        let count = fork.branches.0.len();
        if count == 0 {
            return output(branch, Datum::new(Value::Array(Vec::new())), None);
        }
        let slots = (0..count)
            .map(|index| Arm::Open(self.begin_arm(branch, index, None)))
            .collect();
        branch.top_mut().work = Work::Fork(Box::new(Fork { slots, items: None }));
        Step::Wait
    }

    /// Begins a branch, with an item or with the input of the task around.
    pub(in crate::run) fn begin_arm(
        &mut self,
        branch: &Branch<Datum>,
        index: usize,
        item: Option<Item<Datum>>,
    ) -> BranchId {
        let id = self.state.next_branch;
        self.state.next_branch += 1;
        let around = branch.top();
        let data = item
            .as_ref()
            .map_or(&around.input, |item| &item.value)
            .clone();
        let caused_by = vec![around.started];
        let root = Frame {
            key: around.key.clone(),
            attempt: around.attempt,
            started: around.started,
            started_at: around.started_at,
            raw: data.clone(),
            input: data.clone(),
            deadline: None,
            retried: around.retried,
            reads: Vec::new(),
            work: Work::Slot(Slot {
                index,
                item,
                progress: Progress::default(),
            }),
        };
        let arm = Branch {
            id,
            parent: Some(branch.id),
            depth: branch.depth + branch.frames.len(),
            context: branch.context.clone(),
            frames: vec![root],
            due: None,
        };
        self.keep(arm);
        let step = Step::Enter {
            position: 0,
            data,
            caused_by,
        };
        self.wake(id, step);
        id
    }

    /// Takes the output of a branch; with the last one, or with the first that competes, the
    /// task around ends.
    pub(in crate::run) fn join(
        &mut self,
        arm: &mut Branch<Datum>,
        parent: BranchId,
        data: &Datum,
        caused_by: Vec<Sequence>,
    ) {
        let Some((mut branch, slot)) = self.leave(arm, parent) else {
            return;
        };
        let step = match self.task(&branch).map(|task| &task.kind) {
            Some(TaskKind::Fork(fork)) if fork.compete => {
                self.clear_fork(&mut branch, caused_by[0]);
                Step::Output {
                    data: data.clone(),
                    then: None,
                    caused_by,
                }
            }
            Some(TaskKind::Spread(spread)) => {
                if let Some(function) = &spread.undo {
                    self.remember_undo(&branch, &spread.function, function, &slot, data);
                }
                self.take_output(&mut branch, slot.index, data, caused_by)
            }
            _ => self.take_output(&mut branch, slot.index, data, caused_by),
        };
        self.keep(branch);
        self.wake(parent, step);
    }

    fn take_output(
        &mut self,
        branch: &mut Branch<Datum>,
        index: usize,
        data: &Datum,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        self.begin_next_item(branch);
        let Work::Fork(fork) = &mut branch.top_mut().work else {
            return Step::Wait;
        };
        fork.slots[index] = Arm::Done(data.clone(), caused_by);
        match fork.result() {
            Some((values, caused_by)) => Step::Output {
                data: Datum::new(Value::Array(values)),
                then: None,
                caused_by,
            },
            None => Step::Wait,
        }
    }

    fn remember_undo(
        &mut self,
        branch: &Branch<Datum>,
        function: &str,
        undo: &str,
        slot: &Slot<Datum>,
        output: &Datum,
    ) {
        let Some(item) = &slot.item else { return };
        let key = &branch.top().key;
        let task = match &item.key {
            Some(name) => key.child_of(function, name),
            None => key.child(function, Some(slot.index as u64), 1),
        };
        // Done again by a retry: it is undone once.
        self.state.undo.retain(|undo| undo.task != task);
        self.state.undo.push(Undo {
            task,
            function: undo.to_owned(),
            index: slot.index,
            item: item.value.clone(),
            output: output.clone(),
        });
    }

    /// Takes the problem of a branch: it is the problem of the task around, unless others
    /// that compete can still win.
    pub(in crate::run) fn fail_arm(
        &mut self,
        arm: &mut Branch<Datum>,
        parent: BranchId,
        problem: Problem,
        caused_by: Vec<Sequence>,
    ) {
        let Some((mut branch, slot)) = self.leave(arm, parent) else {
            return;
        };
        let competes = matches!(
            self.task(&branch).map(|task| &task.kind),
            Some(TaskKind::Fork(fork)) if fork.compete
        );
        let mut others_go_on = false;
        if let Work::Fork(fork) = &mut branch.top_mut().work {
            fork.slots[slot.index] = Arm::Failed;
            others_go_on = competes && fork.slots.iter().any(|arm| matches!(arm, Arm::Open(_)));
        }
        let mut step = Step::Wait;
        if !others_go_on {
            let done = kept(&branch.top().work);
            self.clear_fork(&mut branch, caused_by[0]);
            branch.top_mut().work = done;
            step = Step::Fault { problem, caused_by };
        }
        self.keep(branch);
        self.wake(parent, step);
    }

    /// Ends a branch: returns the one around it, and the place there.
    fn leave(
        &mut self,
        arm: &mut Branch<Datum>,
        parent: BranchId,
    ) -> Option<(Branch<Datum>, Slot<Datum>)> {
        let root = std::mem::take(&mut arm.frames).into_iter().next()?;
        let Work::Slot(slot) = root.work else {
            return None;
        };
        Some((self.state.branches.remove(&parent)?, slot))
    }

    /// Gives up the branches that are still at work.
    pub(in crate::run) fn clear_fork(&mut self, branch: &mut Branch<Datum>, cause: Sequence) {
        let work = std::mem::replace(&mut branch.top_mut().work, Work::Leaf);
        let Work::Fork(fork) = work else { return };
        for arm in fork.slots {
            let Arm::Open(id) = arm else { continue };
            if let Some(mut arm) = self.state.branches.remove(&id) {
                self.clear_inside(&mut arm, 0, cause);
            }
        }
    }
}

/// Returns what is left of branches when one has failed: the outputs of those that are done.
fn kept(work: &Work<Datum>) -> Work<Datum> {
    let Work::Fork(fork) = work else {
        return Work::Leaf;
    };
    let mut fork = fork.clone();
    for arm in &mut fork.slots {
        if matches!(arm, Arm::Open(_)) {
            *arm = Arm::Failed;
        }
    }
    Work::Fork(fork)
}

impl Fork<Datum> {
    /// Returns how many branches there are to be.
    fn count(&self) -> usize {
        match &self.items {
            Some(items) => items.values.value().as_array().map_or(0, Vec::len),
            None => self.slots.len(),
        }
    }

    /// Returns the outputs in order, once all branches are done, with the records that led
    /// to them.
    fn result(&self) -> Option<(Vec<Value>, Vec<Sequence>)> {
        if self.slots.len() < self.count() {
            return None;
        }
        // The last ones are done last, as a rule.
        if self
            .slots
            .iter()
            .rev()
            .any(|arm| !matches!(arm, Arm::Done(..)))
        {
            return None;
        }
        let mut causes = Vec::new();
        let mut values = Vec::new();
        for arm in &self.slots {
            if let Arm::Done(value, caused_by) = arm {
                causes.extend_from_slice(caused_by);
                values.push(value.value().clone());
            }
        }
        Some((values, causes))
    }
}
