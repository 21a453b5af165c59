//! What is due when: waits, delays before a retry, time limits, questions that lapse.

use super::datum::Datum;
use super::frame::{Branch, BranchId, Frame};
use super::machine::{Machine, Step};
use super::state::{Pending, State};
use super::task::lapse_value;
use super::variables;
use super::work::{Stage, Work};
use crate::{EffectRequest, Phase, Problem, ProblemKind, Sequence, Timestamp};

/// Something that becomes due.
///
/// Of things due at once, what goes on comes before what gives up, and of limits that pass at
/// once, the outer one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    at: Timestamp,
    gives_up: bool,
    branch: BranchId,
    /// The index of the frame.
    depth: usize,
    what: What,
    /// The start of the frame, because another one may stand there by then.
    started: Sequence,
}

/// What becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The wait is over.
    Wait(Sequence),
    /// The delay before the next attempt is over.
    Retry,
    /// The time of the task is over.
    Deadline,
    /// The time of one attempt is over.
    AttemptDeadline,
    /// The question lapsed.
    Lapse(Sequence),
}

/// Returns when the next thing is due in a run.
pub(super) fn next(state: &State<Datum>) -> Option<Timestamp> {
    if state.suspended {
        return None;
    }
    state
        .branches
        .values()
        .filter_map(|branch| branch.due)
        .min()
}

/// Returns when the next thing is due in a branch.
pub(super) fn branch_due(pending: &Pending, branch: &Branch<Datum>) -> Option<Timestamp> {
    dues(pending, branch).map(|due| due.at).min()
}

fn dues<'a>(pending: &'a Pending, branch: &'a Branch<Datum>) -> impl Iterator<Item = Due> + 'a {
    let frames = branch.frames.iter().enumerate();
    frames.flat_map(move |(depth, frame)| frame_dues(pending, branch, depth, frame))
}

fn frame_dues<'a>(
    pending: &'a Pending,
    branch: &'a Branch<Datum>,
    depth: usize,
    frame: &'a Frame<Datum>,
) -> impl Iterator<Item = Due> + 'a {
    let inner = match &frame.work {
        work @ (Work::Effect(_) | Work::Contract(_)) => work
            .awaited()
            .and_then(|intent| effect_due(pending, intent)),
        Work::Attempts(attempts) => match attempts.stage {
            Stage::Delay { due, .. } => Some((due, What::Retry)),
            Stage::Body => attempts.deadline.map(|at| (at, What::AttemptDeadline)),
            Stage::Handler => None,
        },
        Work::Undo(state) => state.again.map(|(due, _)| (due, What::Retry)),
        _ => None,
    };
    let outer = frame.deadline.map(|at| (at, What::Deadline));
    outer.into_iter().chain(inner).map(move |(at, what)| Due {
        at,
        gives_up: !matches!(what, What::Wait(_) | What::Retry),
        branch: branch.id,
        depth,
        what,
        started: frame.started,
    })
}

fn effect_due(pending: &Pending, intent: Sequence) -> Option<(Timestamp, What)> {
    let open = pending.get(intent)?;
    match &open.effect.request {
        EffectRequest::Timer { due } => Some((*due, What::Wait(intent))),
        EffectRequest::Approval(approval) => {
            approval.expires_at.map(|at| (at, What::Lapse(intent)))
        }
        EffectRequest::Call(_) | EffectRequest::Run { .. } => None,
    }
}

/// Returns what is due by now, the earliest first.
pub(super) fn due_by_now(state: &State<Datum>) -> Vec<Due> {
    let is_due = |at| at <= state.now;
    let branches = state.branches.values();
    let mut due: Vec<Due> = branches
        .filter(|branch| branch.due.is_some_and(is_due))
        .flat_map(|branch| dues(&state.pending, branch))
        .filter(|due| is_due(due.at))
        .collect();
    due.sort_unstable();
    due
}

impl<'a> Machine<'a> {
    /// Lets everything happen that is due; `cause` is the record of the time.
    pub(super) fn fire(&mut self, due: Vec<Due>, cause: Sequence) {
        for due in due {
            if self.state.phase.is_final() {
                return;
            }
            self.fire_one(due, cause);
            self.drive();
        }
    }

    fn fire_one(&mut self, due: Due, cause: Sequence) {
        // Something earlier may have ended the task, or the branch.
        let Some(mut branch) = self.state.branches.remove(&due.branch) else {
            return;
        };
        let still_open = branch
            .frames
            .get(due.depth)
            .is_some_and(|frame| frame.started == due.started);
        if !still_open {
            self.keep(branch);
            return;
        }
        let step = match due.what {
            What::Deadline if due.depth == 0 && due.branch == super::frame::TRUNK => {
                let problem = out_of_time("the run took longer than its time limit", "/");
                self.give_up_run(&mut branch, Phase::Faulted, Some(problem), vec![cause]);
                return;
            }
            What::Deadline => self.task_out_of_time(&mut branch, due.depth, cause),
            What::AttemptDeadline => self.attempt_out_of_time(&mut branch, due.depth, cause),
            What::Wait(intent) => self.wait_is_over(&mut branch, intent, cause),
            What::Lapse(intent) => self.question_lapsed(&mut branch, intent, cause),
            What::Retry => match &branch.top().work {
                Work::Undo(_) => self.undo_again(&mut branch, cause),
                _ => self.retry_now(&mut branch, cause),
            },
        };
        self.keep(branch);
        self.wake(due.branch, step);
    }

    fn task_out_of_time(
        &mut self,
        branch: &mut Branch<Datum>,
        depth: usize,
        cause: Sequence,
    ) -> Step<'a> {
        self.clear_inside(branch, depth, cause);
        let task = self.task(branch);
        Step::Fault {
            problem: out_of_time(
                "the task took longer than its time limit",
                variables::pointer(task),
            ),
            caused_by: vec![cause],
        }
    }

    fn attempt_out_of_time(
        &mut self,
        branch: &mut Branch<Datum>,
        depth: usize,
        cause: Sequence,
    ) -> Step<'a> {
        self.clear_inside(branch, depth, cause);
        let task = self.task(branch);
        Step::AttemptFault {
            problem: out_of_time(
                "the attempt took longer than its time limit",
                variables::pointer(task),
            ),
            caused_by: vec![cause],
        }
    }

    fn wait_is_over(
        &mut self,
        branch: &mut Branch<Datum>,
        intent: Sequence,
        cause: Sequence,
    ) -> Step<'a> {
        self.state.pending.remove(intent);
        Step::Output {
            data: branch.top().input.clone(),
            then: None,
            caused_by: vec![cause],
        }
    }

    fn question_lapsed(
        &mut self,
        branch: &mut Branch<Datum>,
        intent: Sequence,
        cause: Sequence,
    ) -> Step<'a> {
        let question = self.state.pending.remove(intent);
        let verdict = question.and_then(|open| match open.effect.request {
            EffectRequest::Approval(approval) => approval.lapses_to,
            _ => None,
        });
        let task = self.task(branch);
        if let (Some(verdict), Some(task)) = (verdict, task) {
            let answer = Datum::new(lapse_value(verdict, self.state.now));
            return self.settled(branch, task, Ok(answer), cause);
        }
        Step::Fault {
            problem: out_of_time("nobody decided in time", variables::pointer(task)),
            caused_by: vec![cause],
        }
    }
}

/// The problem of whatever took too long.
pub(super) fn out_of_time(title: &str, pointer: &str) -> Problem {
    let mut problem = Problem::standard(ProblemKind::Timeout, title);
    problem.instance = Some(pointer.to_owned());
    problem
}
