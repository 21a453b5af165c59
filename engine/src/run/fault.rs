//! When work fails or is given up: unwinding frames, with a record for each.

use super::datum::Datum;
use super::frame::Branch;
use super::log::Entry;
use super::machine::{Machine, Step};
use super::variables;
use super::work::{Stage, Work};
use crate::{Phase, Problem, RecordKind, Sequence};

impl<'a> Machine<'a> {
    /// Ends the innermost task with a problem; the task around it deals with it.
    pub(super) fn fault(
        &mut self,
        branch: &mut Branch<Datum>,
        mut problem: Problem,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let task = self.task(branch);
        if problem.instance.is_none() {
            problem.instance = Some(variables::pointer(task).to_owned());
        }
        if branch.frames.len() == 1 {
            return self.fault_branch(branch, problem, caused_by);
        }
        let mut frame = self.pop_frame(branch);
        self.note_unwound(branch, &frame);
        let input = frame.input.digest();
        let kind = RecordKind::TaskFaulted {
            problem: problem.clone(),
        };
        let seq = self.append(Entry::of_task(&mut frame, kind, caused_by).reading(input));
        self.state.counts.tasks_faulted += 1;
        let caused_by = vec![seq];
        match &branch.top().work {
            Work::Attempts(state) if state.stage == Stage::Body => {
                Step::AttemptFault { problem, caused_by }
            }
            Work::Undo(_) => self.undo_failed(branch, problem, caused_by),
            _ => Step::Fault { problem, caused_by },
        }
    }

    fn fault_branch(
        &mut self,
        branch: &mut Branch<Datum>,
        problem: Problem,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        if let Some(parent) = branch.parent {
            self.fail_arm(branch, parent, problem, caused_by);
            return Step::Wait;
        }
        let reads = std::mem::take(&mut branch.top_mut().reads);
        let failed = self.failed_place(branch);
        self.end(Phase::Faulted, None, Some(problem), reads, caused_by);
        self.state.failed = failed;
        Step::Wait
    }

    /// Gives up what is open inside the task at `depth`, its own effect included.
    pub(super) fn clear_inside(
        &mut self,
        branch: &mut Branch<Datum>,
        depth: usize,
        cause: Sequence,
    ) {
        while branch.frames.len() > depth + 1 {
            self.clear_work(branch, cause);
            let mut frame = self.pop_frame(branch);
            self.append(Entry::of_task(
                &mut frame,
                RecordKind::TaskCancelled,
                vec![cause],
            ));
        }
        self.clear_work(branch, cause);
    }

    /// Gives up what the innermost task waits for: an effect, or branches.
    pub(super) fn clear_work(&mut self, branch: &mut Branch<Datum>, cause: Sequence) {
        if let Some(intent) = branch.top().work.awaited() {
            branch.top_mut().work = Work::Leaf;
            self.abandon_effect(intent, cause);
            return;
        }
        if let Work::Fork(_) = &branch.top().work {
            self.clear_fork(branch, cause);
        }
    }

    fn abandon_effect(&mut self, intent: Sequence, cause: Sequence) {
        // An outcome that is held already has settled the effect.
        if let Some(open) = self.state.pending.remove(intent) {
            let kind = RecordKind::EffectAbandoned {
                effect: open.effect.id,
            };
            self.append(Entry {
                task: open.effect.task,
                attempt: open.effect.attempt,
                ..Entry::of_run(kind, vec![intent, cause])
            });
        }
    }

    /// Ends the run with everything that is open in it.
    pub(super) fn give_up_run(
        &mut self,
        branch: &mut Branch<Datum>,
        phase: Phase,
        problem: Option<Problem>,
        caused_by: Vec<Sequence>,
    ) {
        let taken = Branch {
            id: branch.id,
            parent: branch.parent,
            depth: branch.depth,
            context: branch.context.clone(),
            frames: std::mem::take(&mut branch.frames),
            due: None,
        };
        self.keep(taken);
        self.give_up(phase, problem, caused_by);
    }

    /// The same, while no branch is at work.
    pub(super) fn give_up(
        &mut self,
        phase: Phase,
        problem: Option<Problem>,
        caused_by: Vec<Sequence>,
    ) {
        let cause = caused_by.first().copied().unwrap_or(self.state.last_seq);
        // Branches are numbered as they begin: the last ones stand inside the first ones.
        while let Some((_, mut branch)) = self.state.branches.pop_last() {
            self.clear_inside(&mut branch, 0, cause);
        }
        self.end(phase, None, problem, Vec::new(), caused_by);
    }
}
