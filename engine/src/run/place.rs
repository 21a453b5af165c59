//! Where a branch stands in the definition: from frames to tasks.

use std::collections::BTreeMap;

use super::frame::{Branch, BranchId, Frame};
use super::work::{Stage, Work};
use crate::Definition;
use crate::definition::tree::{Task, TaskKind};

/// Branches by number, to look up what is around a branch.
pub(super) type Branches<V> = BTreeMap<BranchId, Branch<V>>;

/// Returns the task of each frame, the outermost first. The first frame of the trunk has none;
/// that of another branch has the task that began the branch.
///
/// It ends early when the frames do not fit the definition, which a snapshot of another
/// definition could cause.
pub(super) fn tasks<'d, V>(
    definition: &'d Definition,
    branches: &Branches<V>,
    branch: &Branch<V>,
) -> impl Iterator<Item = Option<&'d Task>> {
    let base = branch.parent.map_or(Some(None), |parent| {
        let parent = branches.get(&parent)?;
        Some(Some(top_task(definition, branches, parent)?))
    });
    let frames = &branch.frames;
    let inner = frames.iter().scan(base, move |task, frame| {
        let open = (*task)?;
        *task = open_child(definition, open, frame).map(Some);
        Some(open)
    });
    inner.take(frames.len())
}

/// Returns the task of the innermost frame.
pub(super) fn top_task<'d, V>(
    definition: &'d Definition,
    branches: &Branches<V>,
    branch: &Branch<V>,
) -> Option<&'d Task> {
    tasks(definition, branches, branch).last().flatten()
}

/// Returns the tasks that a frame works through.
pub(super) fn list<'d, V>(
    definition: &'d Definition,
    task: Option<&'d Task>,
    frame: &Frame<V>,
) -> Option<&'d [Task]> {
    if let Work::Undo(state) = &frame.work {
        return function_list(definition, &state.open.last()?.function);
    }
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
        (TaskKind::Fork(fork), Work::Slot(slot)) => {
            fork.branches.0.get(slot.index).map(std::slice::from_ref)
        }
        (TaskKind::Listen(listen), Work::Listen(_)) => {
            listen.each.as_ref().map(|each| each.body.0.as_slice())
        }
        (TaskKind::CallCustom { function, .. }, Work::Sequence(_)) => {
            function_list(definition, function)
        }
        (TaskKind::Spread(spread), Work::Slot(_)) => function_list(definition, &spread.function),
        (TaskKind::Call(call), Work::Contract(_)) => {
            function_list(definition, call.evaluator.as_deref()?)
        }
        (_, Work::Extension(state)) => {
            let extension = definition.tree().uses.extensions.get(state.at)?;
            Some(match state.done {
                None => &extension.before.0,
                Some(_) => &extension.after.0,
            })
        }
        _ => None,
    }
}

fn function_list<'d>(definition: &'d Definition, name: &str) -> Option<&'d [Task]> {
    let function = definition.tree().uses.functions.get(name)?;
    Some(std::slice::from_ref(function))
}

fn open_child<'d, V>(
    definition: &'d Definition,
    task: Option<&'d Task>,
    frame: &Frame<V>,
) -> Option<&'d Task> {
    let position = frame.progress()?.position;
    list(definition, task, frame)?.get(position)
}
