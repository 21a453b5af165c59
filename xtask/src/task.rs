//! The table of tasks: what `cargo xtask NAME` accepts, and what `cargo xtask help` prints.

use std::io::Write;

use anyhow::Result;

use crate::{bench, ci, crash_score, layers, licences, measure, proof, sim, tidy};

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
    /// The arguments it takes, as the table shows them; empty if it takes none.
    pub(crate) takes: &'static str,
    /// What it does, in one line.
    pub(crate) does: &'static str,
    /// Carries it out. An error means that the question could not be answered at all.
    pub(crate) run: fn(&[String], &mut dyn Write) -> Result<Verdict>,
}

const TASKS: [Task; 11] = [
    Task {
        name: "ci",
        takes: "",
        does: "everything that must hold before a change lands: format, all checks below, lints, docs, tests",
        run: |_, out| ci::run(out),
    },
    Task {
        name: "layers",
        takes: "",
        does: "which crate may know which, and what no crate may ever reach",
        run: |_, out| layers::run(out),
    },
    Task {
        name: "tidy",
        takes: "",
        does: "the rules of style that a program can check",
        run: |_, out| tidy::run(out),
    },
    Task {
        name: "licences",
        takes: "",
        does: "whether everything that is built in may be passed on",
        run: |_, out| licences::run(out),
    },
    Task {
        name: "measure",
        takes: "",
        does: "the figures of the comparison, for each crate; checks nothing",
        run: |_, out| measure::run(out),
    },
    Task {
        name: "sim",
        takes: "[--seeds N] [--from SEED] [--minutes M]",
        does: "a million seeds of the engine's simulation, or so many; prints the one that fails",
        run: sim::run,
    },
    Task {
        name: "bench",
        takes: "--peers [CRATE] [--only NAMES] [--rounds N]",
        does: "this project and others at the same work, in turn; installs the others",
        run: bench::run,
    },
    Task {
        name: "crash-score",
        takes: "[--short] [--kills N] [--seed N] [--binary PATH]",
        does: "kills the real binary over and over, and counts what it loses, repeats or gets wrong",
        run: crash_score::run,
    },
    Task {
        name: "conformance",
        takes: "[--ctk DIR]",
        does: "the conformance kit of the standard on a whole engine, one line for each scenario",
        run: proof::conformance,
    },
    Task {
        name: "torture",
        takes: "[--kills N]",
        does: "kills a process of the engine in the middle of every kind of task, 10,000 times",
        run: proof::torture,
    },
    Task {
        name: "help",
        takes: "",
        does: "this table",
        run: |_, out| help(out),
    },
];

/// Up to where the calls of the table reach, in characters.
const WIDTH: usize = 28;

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
        let call = format!("{} {}", task.name, task.takes);
        writeln!(out, "  {:<WIDTH$} {}", call.trim_end(), task.does)?;
    }
    writeln!(
        out,
        "\nExit code: 0 passed, 1 failed, 2 no such task or argument."
    )?;
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
