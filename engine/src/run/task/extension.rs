//! Extensions: what is done before and after a task.
//!
//! They see the task's raw input, or its raw output, and change neither. One thing they can
//! change: `then: exit` among what is done before ends the task with what was made so far.

use crate::definition::tree::{Flow, Task, TaskKind};
use crate::run::datum::Datum;
use crate::run::frame::{Branch, Frame};
use crate::run::machine::{Machine, Step};
use crate::run::work::{Done, Extending, Progress, Work};
use crate::{Problem, Sequence};

impl<'a> Machine<'a> {
    /// Begins a task: what its extensions do before, then the task itself.
    pub(in crate::run) fn begin_extended(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        from: usize,
    ) -> Result<Step<'a>, Problem> {
        let raw = branch.top().raw.clone();
        match self.next_extension(branch, task, from, None, &raw)? {
            Some(step) => Ok(step),
            None => self.begin(branch, task),
        }
    }

    /// Lets the extensions of a task that is done do what they do after it; `None` when there
    /// is nothing more to be done.
    pub(in crate::run) fn extend_after(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        from: usize,
        output: &Datum,
        then: Option<&Flow>,
    ) -> Result<Option<Step<'a>>, Problem> {
        let done = Done {
            output: output.clone(),
            then: then.cloned(),
        };
        self.next_extension(branch, task, from, Some(done), output)
    }

    fn next_extension(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        from: usize,
        done: Option<Done<Datum>>,
        data: &Datum,
    ) -> Result<Option<Step<'a>>, Problem> {
        let extensions = &self.definition.tree().uses.extensions;
        if extensions.len() <= from || self.is_inside_extension(branch) {
            return Ok(None);
        }
        for (at, extension) in extensions.iter().enumerate().skip(from) {
            let list = match done {
                None => &extension.before,
                Some(_) => &extension.after,
            };
            if list.0.is_empty() || !extension.is_about(&task.kind) {
                continue;
            }
            if let Some(when) = &extension.when {
                let raw = branch.top().raw.clone();
                if !self.is_true(branch, when, &raw)? {
                    continue;
                }
            }
            let frame = branch.top_mut();
            let caused_by = vec![frame.started];
            frame.work = Work::Extension(Box::new(Extending {
                at,
                name: extension.name.clone(),
                done,
                progress: Progress::default(),
            }));
            return Ok(Some(Step::Enter {
                position: 0,
                data: data.clone(),
                caused_by,
            }));
        }
        Ok(None)
    }

    /// Says whether the innermost task belongs to an extension: those are not extended.
    fn is_inside_extension(&self, branch: &Branch<Datum>) -> bool {
        let extends = |frame: &Frame<Datum>| matches!(frame.work, Work::Extension(_));
        let around = &branch.frames[..branch.frames.len() - 1];
        if around.iter().any(extends) {
            return true;
        }
        let mut parent = branch.parent;
        while let Some(branch) = parent.and_then(|id| self.state.branches.get(&id)) {
            if branch.frames.iter().any(extends) {
                return true;
            }
            parent = branch.parent;
        }
        false
    }

    /// Goes on after the tasks of an extension.
    pub(in crate::run) fn extension_done(
        &mut self,
        branch: &mut Branch<Datum>,
        task: &'a Task,
        caused_by: Vec<Sequence>,
    ) -> Step<'a> {
        let work = std::mem::replace(&mut branch.top_mut().work, Work::Leaf);
        let Work::Extension(state) = work else {
            return Step::Wait;
        };
        let next = state.at + 1;
        let Some(done) = state.done else {
            return self
                .begin_extended(branch, task, next)
                .unwrap_or_else(|problem| Step::Fault { problem, caused_by });
        };
        match self.extend_after(branch, task, next, &done.output, done.then.as_ref()) {
            Ok(Some(step)) => step,
            Ok(None) => {
                let then = done.then.as_ref().and_then(|then| same_flow(task, then));
                self.finish_extended(branch, task, &done.output, then, caused_by)
            }
            Err(problem) => Step::Fault { problem, caused_by },
        }
    }
}

/// Finds in the definition where a task said that it goes on.
fn same_flow<'d>(task: &'d Task, then: &Flow) -> Option<&'d Flow> {
    let found = match &task.kind {
        TaskKind::Switch(cases) => cases
            .iter()
            .map(|case| &case.then)
            .find(|flow| *flow == then),
        TaskKind::Try(tried) => tried.then.as_ref().filter(|flow| *flow == then),
        _ => None,
    };
    found.or(Some(&task.then).filter(|flow| *flow == then))
}
