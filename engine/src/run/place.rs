//! Where a branch stands in the definition: from frames to tasks.

use super::frame::{Branch, Frame, Stage, Work};
use crate::Definition;
use crate::definition::tree::{Task, TaskKind};

/// Returns the task of each frame, the outermost first; the branch itself has none.
///
/// It ends early when the frames do not fit the definition, which a snapshot of another
/// definition could cause.
pub(super) fn tasks<'d, V>(
    definition: &'d Definition,
    branch: &Branch<V>,
) -> impl Iterator<Item = Option<&'d Task>> {
    let inner = branch.frames.iter().scan(None, move |task, frame| {
        *task = Some(open_child(definition, *task, frame)?);
        Some(*task)
    });
    std::iter::once(None).chain(inner).take(branch.frames.len())
}

/// Returns the task of the innermost frame.
pub(super) fn top_task<'d, V>(definition: &'d Definition, branch: &Branch<V>) -> Option<&'d Task> {
    tasks(definition, branch).last().flatten()
}

/// Returns the tasks that a frame works through.
pub(super) fn list<'d, V>(
    definition: &'d Definition,
    task: Option<&'d Task>,
    frame: &Frame<V>,
) -> Option<&'d [Task]> {
    let Some(task) = task else {
        return Some(&definition.tree().tasks.0);
    };
    match (&task.kind, &frame.work) {
        (TaskKind::Do(body), Work::Sequence(_)) => Some(&body.0),
        (TaskKind::For(each), Work::Loop(_)) => Some(&each.body.0),
        (TaskKind::Try(tried), Work::Attempts(state)) => match state.stage {
            Stage::Body | Stage::Delay { .. } => Some(&tried.body.0),
            Stage::Handler => tried.handler.as_ref().map(|handler| handler.0.as_slice()),
        },
        (TaskKind::CallCustom { function, .. }, Work::Sequence(_)) => definition
            .tree()
            .uses
            .functions
            .get(function)
            .map(std::slice::from_ref),
        _ => None,
    }
}

fn open_child<'d, V>(
    definition: &'d Definition,
    task: Option<&'d Task>,
    frame: &Frame<V>,
) -> Option<&'d Task> {
    let position = frame.progress()?.position;
    list(definition, task, frame)?.get(position)
}
