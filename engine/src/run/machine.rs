//! The loop of the run machine: one step after the other until every branch waits.
//!
//! Nothing here recurses: how deep a definition nests is a matter of frames, not of the stack.

use std::collections::VecDeque;

use super::datum::Datum;
use super::frame::{Branch, BranchId, Frame};
use super::log::{self, Entry};
use super::state::State;
use super::work::Work;
use super::{place, timer};
use crate::definition::tree::{Flow, Task};
use crate::{Definition, Problem, ProblemKind, Record, RecordKind, Sequence};

/// The most tasks that one input may set going without any effect in between.
///
/// A definition that goes on for longer without wanting anything from outside spins, and its
/// records (about one kilobyte for a task) would fill the memory.
pub(super) const TASKS_PER_INPUT_MAX: u32 = 100_000;

/// The most tasks that may be open inside each other in a branch.
///
/// A definition nests 64 levels at most, but a custom function may call another one, or
/// itself; the keys of its tasks grow with every level.
const OPEN_TASKS_MAX: usize = 256;

/// What happens next in a branch.
#[derive(Debug)]
pub(super) enum Step<'d> {
    /// The innermost task goes on with the task at this position of its list.
    Enter {
        position: usize,
        data: Datum,
        caused_by: Vec<Sequence>,
    },
    /// The list of the innermost task came to its end.
    EndOfList {
        data: Datum,
        caused_by: Vec<Sequence>,
    },
    /// The innermost task has its raw output.
    Output {
        data: Datum,
        /// Where to go on, when it is not the task's own `then`.
        then: Option<&'d Flow>,
        caused_by: Vec<Sequence>,
    },
    /// The innermost task failed.
    Fault {
        problem: Problem,
        caused_by: Vec<Sequence>,
    },
    /// The attempt that the innermost task, a `try`, was making failed.
    AttemptFault {
        problem: Problem,
        caused_by: Vec<Sequence>,
    },
    /// The branch waits.
    Wait,
}

/// A run at work on one input.
pub(super) struct Machine<'a> {
    pub(super) definition: &'a Definition,
    pub(super) state: &'a mut State<Datum>,
    pub(super) records: Vec<Record>,
    pub(super) ready: VecDeque<(BranchId, Step<'a>)>,
    pub(super) tasks_entered: u32,
    /// Tasks that a problem has just ended, the innermost first, each with its branch and depth.
    pub(super) unwound: Vec<(BranchId, usize, Frame<Datum>)>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(definition: &'a Definition, state: &'a mut State<Datum>) -> Self {
        Self {
            definition,
            state,
            records: Vec::new(),
            ready: VecDeque::new(),
            tasks_entered: 0,
            unwound: Vec::new(),
        }
    }

    /// Sets a branch going, after those that are ready already.
    pub(super) fn wake(&mut self, branch: BranchId, step: Step<'a>) {
        self.ready.push_back((branch, step));
    }

    /// Puts a branch back after it was at work.
    pub(super) fn keep(&mut self, mut branch: Branch<Datum>) {
        branch.due = timer::branch_due(&self.state.pending, &branch);
        self.state.branches.insert(branch.id, branch);
    }

    /// Takes steps until every branch waits or the run has ended.
    pub(super) fn drive(&mut self) {
        while let Some((id, step)) = self.ready.pop_front() {
            let Some(mut branch) = self.state.branches.remove(&id) else {
                continue; // it was given up after it had been set going
            };
            let mut step = step;
            while !matches!(step, Step::Wait) && !self.state.phase.is_final() {
                step = self.step(&mut branch, step);
            }
            // A branch without frames has ended.
            if !self.state.phase.is_final() && !branch.frames.is_empty() {
                self.keep(branch);
            }
        }
    }

    fn step(&mut self, branch: &mut Branch<Datum>, step: Step<'a>) -> Step<'a> {
        match step {
            Step::Enter {
                position,
                data,
                caused_by,
            } => self.enter(branch, position, data, caused_by),
            Step::EndOfList { data, caused_by } => self.end_of_list(branch, data, caused_by),
            Step::Output {
                data,
                then,
                caused_by,
            } => self.finish(branch, &data, then, caused_by),
            Step::Fault { problem, caused_by } => self.fault(branch, problem, caused_by),
            Step::AttemptFault { problem, caused_by } => {
                self.attempt_failed(branch, problem, caused_by)
            }
            Step::Wait => Step::Wait,
        }
    }

    /// Begins the task at a position, or ends the list there.
    fn enter(
        &mut self,
        branch: &mut Branch<Datum>,
        position: usize,
        data: Datum,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let Some(task) = self.list(branch).get(position) else {
            return Step::EndOfList { data, caused_by };
        };
        self.tasks_entered += 1;
        if self.tasks_entered > TASKS_PER_INPUT_MAX {
            return self.stop_spinning(branch, task, caused_by);
        }
        if branch.depth + branch.frames.len() > OPEN_TASKS_MAX {
            let title = format!("more than {OPEN_TASKS_MAX} tasks are open inside each other");
            return Step::Fault {
                problem: Problem::standard(ProblemKind::Runtime, title),
                caused_by,
            };
        }
        self.push_frame(branch, task, position, data.clone());
        match self.condition_holds(branch, task) {
            Ok(true) => self.start(branch, task, caused_by),
            Ok(false) => self.skip(branch, position, data, caused_by),
            Err(problem) => {
                let started = self.record_start(branch, caused_by);
                Step::Fault {
                    problem,
                    caused_by: vec![started],
                }
            }
        }
    }

    fn push_frame(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &Task,
        position: usize,
        data: Datum,
    ) {
        let parent = branch.top_mut();
        let progress = parent
            .progress_mut()
            .expect("only a task with a list enters tasks");
        let visit = progress.enter(position);
        let key = parent.child_key(&task.name, visit);
        let retried = parent.retried || parent.work.is_retrying();
        let entries = if retried {
            let entries = self.state.entries.entry(key.clone()).or_default();
            *entries += 1;
            *entries
        } else {
            1
        };
        let attempt = self.state.attempt_base.saturating_add(entries);
        self.state.attempts_max = self.state.attempts_max.max(attempt);
        branch.frames.push(Frame {
            key,
            attempt,
            started: 0,
            started_at: self.state.now,
            raw: data.clone(),
            input: data,
            deadline: None,
            retried,
            reads: Vec::new(),
            work: Work::Leaf,
        });
    }

    fn skip(
        &mut self,
        branch: &mut Branch<Datum>,
        position: usize,
        data: Datum,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let mut frame = branch.frames.pop().expect("the task was just entered");
        let entry = Entry::of_task(&mut frame, RecordKind::TaskSkipped, caused_by);
        let seq = self.append(entry.reading(data.digest()));
        Step::Enter {
            position: position + 1,
            data,
            caused_by: vec![seq],
        }
    }

    fn start(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let started = self.record_start(branch, caused_by);
        let begun = self
            .take_in(branch, &task.input)
            .and_then(|()| self.arm_deadline(branch, task.timeout.as_ref()))
            .and_then(|()| self.begin_extended(branch, task, 0));
        begun.unwrap_or_else(|problem| Step::Fault {
            problem,
            caused_by: vec![started],
        })
    }

    fn record_start(&mut self, branch: &mut Branch<Datum>, caused_by: Vec<Sequence>) -> Sequence {
        let frame = branch.top_mut();
        let raw = frame.raw.digest();
        let entry = Entry::of_task(frame, RecordKind::TaskStarted, caused_by).reading(raw);
        let seq = self.append(entry);
        branch.top_mut().started = seq;
        self.state.counts.tasks_started += 1;
        seq
    }

    /// Ends the innermost task well and goes where it says.
    fn finish(
        &mut self,
        branch: &mut Branch<Datum>,
        raw: &Datum,
        then: Option<&'a Flow>,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let Some(task) = self.task(branch).filter(|_| branch.frames.len() > 1) else {
            return self.finish_branch(branch, raw, caused_by);
        };
        match self.extend_after(branch, task, 0, raw, then) {
            Ok(Some(step)) => step,
            Ok(None) => self.finish_extended(branch, task, raw, then, caused_by),
            Err(problem) => Step::Fault { problem, caused_by },
        }
    }

    /// Ends the innermost task, once its extensions are done with it.
    pub(super) fn finish_extended(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        raw: &Datum,
        then: Option<&'a Flow>,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let data = match self.put_out(branch, task, raw) {
            Ok(data) => data,
            Err(problem) => return Step::Fault { problem, caused_by },
        };
        let finished = self.close(branch, &data, caused_by);
        self.follow(branch, then.unwrap_or(&task.then), data, vec![finished])
    }

    /// Takes the innermost task off the stack with the record that it finished.
    pub(super) fn close(
        &mut self,
        branch: &mut Branch<Datum>,
        output: &Datum,
        caused_by: Vec<Sequence>,
    ) -> Sequence {
        let mut frame = self.pop_frame(branch);
        let input = frame.input.digest();
        let entry = Entry::of_task(&mut frame, RecordKind::TaskFinished, caused_by)
            .reading(input)
            .producing(output.digest());
        self.state.counts.tasks_finished += 1;
        self.append(entry)
    }

    /// Takes the innermost task off the stack, and forgets what only it needed.
    pub(super) fn pop_frame(&mut self, branch: &mut Branch<Datum>) -> Frame<Datum> {
        let frame = branch.frames.pop().expect("a task is open");
        if frame.work.is_retrying() && !frame.retried {
            self.state
                .entries
                .retain(|key, _| !key.is_inside(&frame.key));
        }
        frame
    }

    /// Goes on after a task of the innermost list.
    fn follow(
        &mut self,
        branch: &mut Branch<Datum>,
        flow: &Flow,
        data: Datum,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let position = branch
            .top()
            .progress()
            .map_or(0, |progress| progress.position);
        match flow {
            Flow::Continue => Step::Enter {
                position: position + 1,
                data,
                caused_by,
            },
            Flow::Exit => match &branch.top().work {
                // What an extension made before the task stands for it.
                Work::Extension(state) if state.done.is_none() => Step::Output {
                    data,
                    then: None,
                    caused_by,
                },
                _ => Step::EndOfList { data, caused_by },
            },
            Flow::End => self.end_run(branch, &data, caused_by),
            Flow::Task(name) => match self.list(branch).iter().position(|t| t.name == *name) {
                Some(position) => Step::Enter {
                    position,
                    data,
                    caused_by,
                },
                None => Step::Fault {
                    problem: Problem::standard(
                        ProblemKind::Configuration,
                        format!("there is no task `{name}` in this scope"),
                    ),
                    caused_by,
                },
            },
        }
    }

    pub(super) fn append(&mut self, entry: Entry) -> Sequence {
        log::append(&mut self.records, self.state, self.definition, entry)
    }

    /// Returns the innermost task of a branch, if it has one.
    pub(super) fn task(&self, branch: &Branch<Datum>) -> Option<&'a Task> {
        place::top_task(self.definition, &self.state.branches, branch)
    }

    /// Returns the tasks that the innermost task works through.
    pub(super) fn list(&self, branch: &Branch<Datum>) -> &'a [Task] {
        let task = self.task(branch);
        place::list(self.definition, task, branch.top())
            .expect("frames are only made for tasks of the definition")
    }
}
