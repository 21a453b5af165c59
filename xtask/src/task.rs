//! The table of tasks: what `cargo xtask NAME` accepts, and what `cargo xtask help` prints.

use std::io::Write;

use anyhow::Result;

use crate::{ci, layers, licences, measure, tidy};

/// Whether the repository passed what a task checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing to mend.
    Passed,
    /// The task has said what to mend.
    Failed,
}

/// One task of the table.
pub(crate) struct Task {
    /// What is typed after `cargo xtask`.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) does: &'static str,
    /// Carries it out. An error means that the question could not be answered at all.
    pub(crate) run: fn(&mut dyn Write) -> Result<Verdict>,
}

const TASKS: [Task; 6] = [
    Task {
        name: "ci",
        does: "everything that must hold before a change lands: format, all checks below, lints, docs, tests",
        run: ci::run,
    },
    Task {
        name: "layers",
        does: "which crate may know which, and what no crate may ever reach",
        run: layers::run,
    },
    Task {
        name: "tidy",
        does: "the rules of style that a program can check",
        run: tidy::run,
    },
    Task {
        name: "licences",
        does: "whether everything that is built in may be passed on",
        run: licences::run,
    },
    Task {
        name: "measure",
        does: "the figures of the comparison, for each crate; checks nothing",
        run: measure::run,
    },
    Task {
        name: "help",
        does: "this table",
        run: help,
    },
];

/// Finds a task by its name.
pub(crate) fn find(name: &str) -> Option<&'static Task> {
    let name = if matches!(name, "-h" | "--help") {
        "help"
    } else {
        name
    };
    TASKS.iter().find(|task| task.name == name)
}

/// Writes the table of tasks.
pub(crate) fn help(out: &mut dyn Write) -> Result<Verdict> {
    writeln!(out, "cargo xtask TASK\n")?;
    for task in &TASKS {
        writeln!(out, "  {:<8} {}", task.name, task.does)?;
    }
    writeln!(out, "\nExit code: 0 passed, 1 failed, 2 no such task.")?;
    Ok(Verdict::Passed)
}

#[cfg(test)]
mod tests {
    use super::{TASKS, find, help};

    #[test]
    fn help_names_every_task() {
        let mut out = Vec::new();
        help(&mut out).expect("a vector takes every write");
        let text = String::from_utf8(out).expect("the table is text");
        for task in &TASKS {
            assert!(text.contains(task.name), "{} is missing", task.name);
        }
    }

    #[test]
    fn only_whole_names_are_found() {
        assert!(find("tidy").is_some());
        assert!(find("--help").is_some());
        assert!(find("tid").is_none());
        assert!(find("").is_none());
    }
}
