//! `compensate`: undoing what was done, the last first, each until it succeeds or has failed
//! too often.

use serde_json::{Value, json};

use super::super::retry;
use super::output;
use crate::definition::tree::Backoff;
use crate::run::datum::Datum;
use crate::run::frame::Branch;
use crate::run::log::Entry;
use crate::run::machine::{Machine, Step};
use crate::run::work::{Progress, Undo, Undoing, Work};
use crate::{Problem, RecordKind, Sequence};

/// How often undoing one thing is tried. What cannot be undone by then needs a person.
const ATTEMPTS_MAX: u32 = 5;

/// The delay before the second attempt; it doubles each time.
const FIRST_DELAY_MILLIS: u64 = 1_000;

impl<'a> Machine<'a> {
    /// Begins to undo the work of the tasks under `scope`, or of all tasks.
    pub(super) fn begin_undo(&mut self, branch: &mut Branch<Datum>, arguments: &Value) -> Step<'a> {
        let scope = arguments.get("scope").and_then(Value::as_str);
        let is_meant = |task: &crate::TaskKey| scope.is_none_or(|scope| task.passes(scope));
        let open = self.state.undo.iter().filter(|undo| is_meant(&undo.task));
        let undoing = Undoing::of(open.cloned().collect());
        branch.top_mut().work = Work::Undo(Box::new(undoing));
        let started = branch.top().started;
        next(branch, vec![started])
    }

    /// Goes on after one thing is undone.
    pub(in crate::run) fn undo_done(
        &mut self,
        branch: &mut Branch<Datum>,
        caused_by: &[Sequence],
    ) -> Step<'a> {
        if let Some(undoing) = undoing(branch)
            && let Some(undo) = undoing.open.pop()
        {
            undoing.failed = 0;
            undoing.progress = Progress::default();
            undoing.undone.push(undo.task.clone());
            self.state.undo.retain(|other| other.task != undo.task);
        }
        next(branch, caused_by.to_vec())
    }

    /// Tries again, or gives up: what is not undone stays to be undone.
    pub(in crate::run) fn undo_failed(
        &mut self,
        branch: &mut Branch<Datum>,
        problem: Problem,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let Some(undoing) = undoing(branch) else {
            return Step::Fault { problem, caused_by };
        };
        undoing.failed += 1;
        undoing.progress = Progress::default();
        let failed = undoing.failed;
        if failed >= ATTEMPTS_MAX {
            return Step::Fault { problem, caused_by };
        }
        let delay = retry::delay_millis(Backoff::Exponential, FIRST_DELAY_MILLIS, failed);
        let due = self.state.now.plus_millis(delay);
        let kind = RecordKind::TaskRetried {
            problem,
            failed,
            due,
        };
        let cause = self.append(Entry::of_task(branch.top_mut(), kind, caused_by));
        if let Some(undoing) = self::undoing(branch) {
            undoing.again = Some((due, cause));
        }
        Step::Wait
    }

    /// Makes the next attempt: its delay is over.
    pub(in crate::run) fn undo_again(
        &mut self,
        branch: &mut Branch<Datum>,
        cause: Sequence,
    ) -> Step<'a> {
        self.state.counts.retries += 1;
        let again = undoing(branch).and_then(|undoing| undoing.again.take());
        let retried = again.map(|(_, retried)| retried);
        next(branch, retried.into_iter().chain([cause]).collect())
    }
}

/// Undoes what was done last, or ends the task.
pub(in crate::run) fn next<'d>(branch: &mut Branch<Datum>, caused_by: Vec<Sequence>) -> Step<'d> {
    let Some(undoing) = undoing(branch) else {
        let data = branch.top().input.clone();
        return output(branch, data, None);
    };
    match undoing.open.last() {
        Some(undo) => Step::Enter {
            position: 0,
            data: undo.output.clone(),
            caused_by,
        },
        None => {
            let undone: Vec<&str> = undoing.undone.iter().map(crate::TaskKey::as_str).collect();
            Step::Output {
                data: Datum::new(json!({ "undone": undone })),
                then: None,
                caused_by,
            }
        }
    }
}

impl Undoing<Datum> {
    /// Begins to undo these.
    pub(in crate::run) fn of(open: Vec<Undo<Datum>>) -> Self {
        Self {
            open,
            undone: Vec::new(),
            failed: 0,
            again: None,
            progress: Progress::default(),
        }
    }
}

fn undoing(branch: &mut Branch<Datum>) -> Option<&mut Undoing<Datum>> {
    match &mut branch.top_mut().work {
        Work::Undo(undoing) => Some(undoing),
        _ => None,
    }
}
