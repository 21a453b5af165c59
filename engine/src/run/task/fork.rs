//! `fork`: branches at the same time, each with a context of its own.
//!
//! A branch starts with a copy of the context; what it exports is seen by itself only.

use serde_json::Value;

use super::output;
use crate::definition::tree::{Fork as ForkTask, TaskKind};
use crate::run::datum::Datum;
use crate::run::frame::{Branch, BranchId, Frame};
use crate::run::machine::{Machine, Step};
use crate::run::work::{Arm, Fork, Progress, Slot, Work};
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
            .map(|index| Arm::Open(self.begin_arm(branch, index)))
            .collect();
        branch.top_mut().work = Work::Fork(Box::new(Fork { slots }));
        Step::Wait
    }

    fn begin_arm(&mut self, branch: &Branch<Datum>, index: usize) -> BranchId {
        let id = self.state.next_branch;
        self.state.next_branch += 1;
        let around = branch.top();
        let root = Frame {
            deadline: None,
            reads: Vec::new(),
            work: Work::Slot(Slot {
                index,
                progress: Progress::default(),
            }),
            ..around.clone()
        };
        let (data, caused_by) = (around.input.clone(), vec![around.started]);
        let arm = Branch {
            id,
            parent: Some(branch.id),
            depth: branch.depth + branch.frames.len(),
            context: branch.context.clone(),
            frames: vec![root],
        };
        self.state.branches.insert(id, arm);
        let step = Step::Enter {
            position: 0,
            data,
            caused_by,
        };
        self.wake(id, step);
        id
    }

    /// Takes the output of a branch; with the last one, or with the first that competes, the
    /// `fork` ends.
    pub(in crate::run) fn join(
        &mut self,
        arm: &mut Branch<Datum>,
        parent: BranchId,
        data: &Datum,
        caused_by: Vec<Sequence>,
    ) {
        let Some((mut branch, index)) = self.leave(arm, parent) else {
            return;
        };
        let competes = matches!(
            self.task(&branch).map(|task| &task.kind),
            Some(TaskKind::Fork(fork)) if fork.compete
        );
        let mut step = Step::Wait;
        if competes {
            self.clear_fork(&mut branch, caused_by[0]);
            step = Step::Output {
                data: data.clone(),
                then: None,
                caused_by,
            };
        } else if let Work::Fork(fork) = &mut branch.top_mut().work {
            fork.slots[index] = Arm::Done(data.clone(), caused_by);
            if let Some((values, caused_by)) = fork.result() {
                step = Step::Output {
                    data: Datum::new(Value::Array(values)),
                    then: None,
                    caused_by,
                };
            }
        }
        self.state.branches.insert(parent, branch);
        self.wake(parent, step);
    }

    /// Takes the problem of a branch: it is the problem of the `fork`, unless others that
    /// compete can still win.
    pub(in crate::run) fn fail_arm(
        &mut self,
        arm: &mut Branch<Datum>,
        parent: BranchId,
        problem: Problem,
        caused_by: Vec<Sequence>,
    ) {
        let Some((mut branch, index)) = self.leave(arm, parent) else {
            return;
        };
        let competes = matches!(
            self.task(&branch).map(|task| &task.kind),
            Some(TaskKind::Fork(fork)) if fork.compete
        );
        let mut others_go_on = false;
        if let Work::Fork(fork) = &mut branch.top_mut().work {
            fork.slots[index] = Arm::Failed;
            others_go_on = competes && fork.slots.iter().any(|arm| matches!(arm, Arm::Open(_)));
        }
        let mut step = Step::Wait;
        if !others_go_on {
            self.clear_fork(&mut branch, caused_by[0]);
            step = Step::Fault { problem, caused_by };
        }
        self.state.branches.insert(parent, branch);
        self.wake(parent, step);
    }

    /// Ends a branch: returns the one around it, and its place there.
    fn leave(
        &mut self,
        arm: &mut Branch<Datum>,
        parent: BranchId,
    ) -> Option<(Branch<Datum>, usize)> {
        let root = arm.frames.first()?;
        let Work::Slot(Slot { index, .. }) = root.work else {
            return None;
        };
        arm.frames.clear();
        Some((self.state.branches.remove(&parent)?, index))
    }

    /// Gives up the branches of a `fork` that are still at work.
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

impl Fork<Datum> {
    /// Returns the outputs in the order of the definition, once all branches are done, with
    /// the records that led to them.
    fn result(&self) -> Option<(Vec<Value>, Vec<Sequence>)> {
        let mut causes = Vec::new();
        let values = self.slots.iter().map(|arm| match arm {
            Arm::Done(value, caused_by) => {
                causes.extend_from_slice(caused_by);
                Some(value.value().clone())
            }
            Arm::Open(_) | Arm::Failed => None,
        });
        let values = values.collect::<Option<Vec<_>>>()?;
        Some((values, causes))
    }
}
