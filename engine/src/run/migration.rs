//! Moving a run that waits to another version of its routine: explicit, tried first, recorded.
//!
//! What is open must be there under the same names, doing the same kind of thing; then every
//! place in a list of tasks is looked up by name. Nothing that is done is done again.

use super::datum::Datum;
use super::frame::{Branch, Frame};
use super::log::Entry;
use super::machine::Machine;
use super::place::{self, Branches};
use super::state::State;
use super::work::{Progress, Work};
use super::{ENGINE_VERSION, Run};
use crate::definition::tree::{Task, TaskKind};
use crate::{Actor, Definition, Digest, Record, RecordKind, TaskKey, Timestamp};

/// What moving a run to another definition would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The definition that the run is pinned to.
    pub from: Digest,
    /// The definition that it would be pinned to.
    pub to: Digest,
    /// The tasks that are open, and would go on as tasks of the new definition.
    pub open: Vec<TaskKey>,
}

/// Why a run cannot be moved. Let it end, or cancel it and start anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// It has ended.
    #[error("the run has ended")]
    Ended,
    /// It is there already.
    #[error("the run follows that definition already")]
    Same,
    /// It is another routine.
    #[error("`{to}` is not a version of `{from}`")]
    OtherRoutine {
        /// What runs.
        from: String,
        /// What was given.
        to: String,
    },
    /// An open task, or what it needs, is not there.
    #[error("`{task}` has no place there: {missing}")]
    Missing {
        /// The key of the task.
        task: TaskKey,
        /// What is not there.
        missing: String,
    },
    /// The run's input would not be admitted.
    #[error("the run's input does not satisfy the schema there: {0}")]
    Input(String),
}

impl Run {
    /// Says what moving the run to another version of its routine would do; nothing changes.
    ///
    /// # Errors
    ///
    /// Says why it cannot be moved.
    pub fn migration(&self, to: &Definition) -> Result<Migration, MigrationError> {
        self.migrated(to).map(|(plan, _)| plan)
    }

    /// Moves the run to another version of its routine, and returns the record of it. The log
    /// then needs both definitions to be replayed: [`Run::replay_with`].
    ///
    /// # Errors
    ///
    /// As [`Run::migration`]; nothing has changed then.
    pub fn migrate(
        &mut self,
        to: &Definition,
        by: Actor,
        at: Timestamp,
    ) -> Result<Vec<Record>, MigrationError> {
        self.migrate_as(to, by, at, ENGINE_VERSION)
    }

    pub(super) fn migrate_as(
        &mut self,
        to: &Definition,
        by: Actor,
        at: Timestamp,
        engine: &str,
    ) -> Result<Vec<Record>, MigrationError> {
        let (plan, state) = self.migrated(to)?;
        self.state = state;
        self.state.now = self.state.now.max(at);
        engine.clone_into(&mut self.state.engine);
        self.definition = to.clone();
        let mut machine = Machine::new(&self.definition, &mut self.state);
        let kind = RecordKind::Migrated {
            from: plan.from,
            to: plan.to,
        };
        machine.append(Entry::of_run(kind, Vec::new()).by(by));
        Ok(machine.records)
    }

    fn migrated(&self, to: &Definition) -> Result<(Migration, State<Datum>), MigrationError> {
        let from = &self.definition;
        if self.state.phase.is_final() {
            return Err(MigrationError::Ended);
        }
        if from.digest() == to.digest() {
            return Err(MigrationError::Same);
        }
        let routine = |of: &Definition| format!("{}/{}", of.namespace(), of.short_name());
        if routine(from) != routine(to) {
            return Err(MigrationError::OtherRoutine {
                from: routine(from),
                to: routine(to),
            });
        }
        if let Some(schema) = &to.tree().input.schema
            && let Err(complaints) = schema.check(self.state.input.value())
        {
            return Err(MigrationError::Input(complaints.join("; ")));
        }
        for undo in &self.state.undo {
            if !to.tree().uses.functions.contains_key(&undo.function) {
                return Err(missing(
                    &undo.task,
                    &format!("the function `{}`", undo.function),
                ));
            }
        }
        let mut state = self.state.clone();
        let mut moved: Branches<Datum> = Branches::new();
        let mut open = Vec::new();
        // A branch begins later than the one around it: parents come first.
        for (id, branch) in &self.state.branches {
            let branch = move_branch(from, to, &self.state.branches, &moved, branch)?;
            open.extend(branch.frames.iter().skip(1).map(|frame| frame.key.clone()));
            moved.insert(*id, branch);
        }
        state.branches = moved;
        let plan = Migration {
            from: from.digest(),
            to: to.digest(),
            open,
        };
        Ok((plan, state))
    }
}

fn missing(task: &TaskKey, missing: &str) -> MigrationError {
    MigrationError::Missing {
        task: task.clone(),
        missing: missing.to_owned(),
    }
}

/// Finds the places of a branch in another definition, from the outside to the inside.
fn move_branch(
    from: &Definition,
    to: &Definition,
    branches: &Branches<Datum>,
    moved: &Branches<Datum>,
    branch: &Branch<Datum>,
) -> Result<Branch<Datum>, MigrationError> {
    let old_tasks: Vec<Option<&Task>> = place::tasks(from, branches, branch).collect();
    let mut new = branch.clone();
    for (depth, old_task) in old_tasks.into_iter().enumerate() {
        let frame = &branch.frames[depth];
        let mut outer = new.clone();
        outer.frames.truncate(depth + 1);
        let new_task = place::tasks(to, moved, &outer)
            .nth(depth)
            .ok_or_else(|| missing(&frame.key, "the task around it is another one"))?;
        same_kind(frame, old_task, new_task)?;
        if let Work::Extension(state) = &mut new.frames[depth].work {
            let extensions = &to.tree().uses.extensions;
            let found = extensions.iter().position(|found| found.name == state.name);
            state.at = found.ok_or_else(|| missing(&frame.key, "its extension"))?;
        }
        let old_list = place::list(from, old_task, frame).unwrap_or_default();
        let new_list = place::list(to, new_task, &new.frames[depth]);
        let is_around = depth + 1 < branch.frames.len();
        if let (Some(old), Some(progress)) = (frame.progress(), new.frames[depth].progress_mut()) {
            let new_list = match new_list {
                Some(list) => list,
                None if is_around => return Err(missing(&frame.key, "its list of tasks")),
                None => &[],
            };
            *progress = old
                .moved(old_list, new_list, is_around)
                .map_err(|name| missing(&frame.key, &format!("the task `{name}`")))?;
        }
    }
    Ok(new)
}

/// Checks that a task does there what it does here.
fn same_kind(
    frame: &Frame<Datum>,
    old: Option<&Task>,
    new: Option<&Task>,
) -> Result<(), MigrationError> {
    let (Some(old), Some(new)) = (old, new) else {
        return Ok(());
    };
    let is_same = match (&old.kind, &new.kind) {
        (TaskKind::Call(old), TaskKind::Call(new)) => {
            (&old.function, &old.version) == (&new.function, &new.version)
        }
        (TaskKind::Process(old), TaskKind::Process(new)) => old.kind == new.kind,
        (TaskKind::Fork(old), TaskKind::Fork(new)) => {
            let names = |list: &[Task]| -> Vec<String> {
                list.iter().map(|task| task.name.clone()).collect()
            };
            old.compete == new.compete && names(&old.branches.0) == names(&new.branches.0)
        }
        (TaskKind::Spread(old), TaskKind::Spread(new)) => old.function == new.function,
        (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
    };
    match is_same {
        true => Ok(()),
        false => Err(missing(&frame.key, "it does something else")),
    }
}

impl Progress {
    /// Returns the same place in another list of tasks; the error is the name that is not there.
    fn moved(&self, old: &[Task], new: &[Task], must_be: bool) -> Result<Self, String> {
        let find = |at: usize| {
            let name = &old.get(at)?.name;
            new.iter().position(|task| task.name == *name)
        };
        let position = match find(self.position) {
            Some(position) => position,
            None if must_be => {
                let name = old.get(self.position).map(|task| task.name.clone());
                return Err(name.unwrap_or_default());
            }
            None => 0,
        };
        let mut moved = Self::default();
        for at in 0..old.len() {
            if let Some(to) = find(at) {
                moved.set_visits(to, self.visits_of(at));
            }
        }
        moved.position = position;
        Ok(moved)
    }
}
