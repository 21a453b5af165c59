//! Routines as a mistaken machine would understand them.

use super::Mutant;
use crate::sim::plan::{Kind, Plan, Task, Then};

impl Mutant {
    /// Returns the routine that a machine with this mistake would execute.
    pub(in crate::sim) fn misread(self, plan: &Plan) -> Plan {
        Plan {
            tasks: self.misread_list(&plan.tasks),
            ..plan.clone()
        }
    }

    fn misread_list(self, tasks: &[Task]) -> Vec<Task> {
        tasks.iter().map(|task| self.misread_task(task)).collect()
    }

    fn misread_task(self, task: &Task) -> Task {
        let mut task = task.clone();
        match self {
            Self::LimitsIgnored => task.limit = None,
            Self::ConditionIgnored => task.only = None,
            Self::ExportForgotten => task.exports = false,
            Self::JumpIgnored => task.then = Then::Continue,
            _ => {}
        }
        task.kind = self.misread_kind(task.kind);
        task
    }

    fn misread_kind(self, kind: Kind) -> Kind {
        match kind {
            Kind::Do(tasks) => Kind::Do(self.misread_list(&tasks)),
            Kind::For { items, below, body } => Kind::For {
                items,
                below: below.filter(|_| self != Self::WhileIgnored),
                body: self.misread_list(&body),
            },
            Kind::Try {
                body,
                status,
                retry,
                handler,
            } => Kind::Try {
                body: self.misread_list(&body),
                status: status.filter(|_| self != Self::EverythingCaught),
                retry: retry.map(|mut retry| {
                    retry.count += u32::from(self == Self::RetryOnceMore);
                    retry
                }),
                handler: handler.map(|handler| self.misread_list(&handler)),
            },
            Kind::Fork { branches, compete } => Kind::Fork {
                branches: branches
                    .iter()
                    .map(|branch| self.misread_list(branch))
                    .collect(),
                compete: compete && self != Self::RaceIgnored,
            },
            Kind::Set(_)
            | Kind::Recall
            | Kind::Switch(_)
            | Kind::Raise(_)
            | Kind::Call(_)
            | Kind::Wait(_) => kind,
        }
    }
}
