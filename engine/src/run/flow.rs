//! What follows when a list of tasks came to its end.

use super::datum::Datum;
use super::frame::Branch;
use super::machine::{Machine, Step};
use super::work::{Stage, Work};
use crate::Sequence;
use crate::definition::tree::TaskKind;

impl<'a> Machine<'a> {
    pub(super) fn end_of_list(
        &mut self,
        branch: &mut Branch<Datum>,
        data: Datum,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let task = self.task(branch);
        if let (Work::Extension(_), Some(task)) = (&branch.top().work, task) {
            return self.extension_done(branch, task, caused_by);
        }
        if let Work::Undo(_) = &branch.top().work {
            return self.undo_done(branch, &caused_by);
        }
        if let (Work::Contract(_), Some(task)) = (&branch.top().work, task) {
            return self.judged(branch, task, &data, caused_by);
        }
        match task.map(|task| &task.kind) {
            Some(TaskKind::For(each)) => self
                .next_pass(branch, each, data, caused_by.clone())
                .unwrap_or_else(|problem| Step::Fault { problem, caused_by }),
            Some(TaskKind::Listen(listen)) => self
                .event_done(branch, listen, &data, caused_by.clone())
                .unwrap_or_else(|problem| Step::Fault { problem, caused_by }),
            Some(TaskKind::Try(tried)) if is_handling(&branch.top().work) => Step::Output {
                data,
                then: tried.then.as_ref(),
                caused_by,
            },
            _ => Step::Output {
                data,
                then: None,
                caused_by,
            },
        }
    }
}

fn is_handling(work: &Work<Datum>) -> bool {
    matches!(work, Work::Attempts(attempts) if attempts.stage == Stage::Handler)
}
