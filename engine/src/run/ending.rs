//! How branches and runs end.

use super::datum::Datum;
use super::frame::Branch;
use super::inbox::Inbox;
use super::log::Entry;
use super::machine::{Machine, Step, TASKS_PER_INPUT_MAX};
use super::work::Work;
use crate::definition::tree::Task;
use crate::{Digest, Payload, Phase, Problem, ProblemKind, RecordKind, Sequence};

impl<'a> Machine<'a> {
    /// Ends the run from inside: what is open around the task ends with it.
    pub(super) fn end_run(
        &mut self,
        branch: &mut Branch<Datum>,
        data: &Datum,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let mut caused_by = caused_by;
        loop {
            while branch.frames.len() > 1 {
                caused_by = vec![self.close(branch, data, caused_by)];
            }
            let parent = branch.parent.and_then(|id| self.state.branches.remove(&id));
            let Some(mut parent) = parent else {
                return self.finish_branch(branch, data, caused_by);
            };
            self.clear_work(&mut parent, caused_by[0]);
            *branch = parent;
        }
    }

    /// Ends a branch whose list came to its end, and with the trunk the run.
    pub(super) fn finish_branch(
        &mut self,
        branch: &mut Branch<Datum>,
        data: &Datum,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        if let Some(parent) = branch.parent {
            self.join(branch, parent, data, caused_by);
            return Step::Wait;
        }
        if let Work::Undo(_) = &branch.top().work {
            self.end(Phase::Cancelled, None, None, Vec::new(), caused_by);
            return Step::Wait;
        }
        match self.put_out_run(branch, data) {
            Ok(output) => {
                let reads = std::mem::take(&mut branch.top_mut().reads);
                self.end(Phase::Completed, Some(output), None, reads, caused_by);
            }
            Err(problem) => return Step::Fault { problem, caused_by },
        }
        Step::Wait
    }

    /// Ends the run. Nothing can happen to it afterwards.
    pub(super) fn end(
        &mut self,
        phase: Phase,
        output: Option<Datum>,
        problem: Option<Problem>,
        reads: Vec<Digest>,
        caused_by: Vec<Sequence>,
    ) {
        let kind = RecordKind::RunFinished {
            phase,
            output: output
                .as_ref()
                .map(|datum| Payload::Inline(datum.value().clone())),
            problem: problem.clone(),
        };
        self.append(Entry {
            reads,
            output: output.as_ref().map(Datum::digest),
            ..Entry::of_run(kind, caused_by)
        });
        self.state.phase = phase;
        self.state.output = output;
        self.state.problem = problem;
        self.state.branches.clear();
        self.state.pending.clear();
        self.state.held.clear();
        self.state.inbox = Inbox::default();
        self.state.entries.clear();
        self.state.undo.clear();
        self.ready.clear();
    }

    pub(super) fn stop_spinning(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &Task,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let mut problem = Problem::standard(ProblemKind::Runtime, "the routine spins").with_detail(
            format!("{TASKS_PER_INPUT_MAX} tasks ran in a row without any effect"),
        );
        problem.instance = Some(task.pointer.clone());
        self.give_up_run(branch, Phase::Faulted, Some(problem), caused_by);
        Step::Wait
    }
}
