//! The rules of this repository, executable: `cargo xtask` lists the tasks.
//!
//! Owns the dispatch and nothing else. A task writes what it found to the writer that it is
//! given and answers whether the repository passed; only this file turns that into an exit code.

use std::io::Write;
use std::process::ExitCode;

mod task;

mod bench;
mod ci;
mod crash_score;
mod layers;
mod licences;
mod measure;
mod proof;
mod sim;
mod tidy;

mod finding;
mod syntax;
mod tree;

/// The exit code of a call that names no task.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "help".to_owned());
    let Some(task) = task::find(&name) else {
        return report_unknown(&mut out, &name);
    };
    let arguments: Vec<String> = arguments.collect();
    if task.takes.is_empty() && !arguments.is_empty() {
        drop(writeln!(out, "{name} takes no arguments"));
        return ExitCode::from(USAGE);
    }
    match (task.run)(&arguments, &mut out) {
        Ok(task::Verdict::Passed) => ExitCode::SUCCESS,
        Ok(task::Verdict::Failed) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(out, "{name} could not be carried out: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn report_unknown(out: &mut dyn Write, name: &str) -> ExitCode {
    drop(writeln!(
        out,
        "there is no task `{name}`; these are the tasks:\n"
    ));
    drop(task::help(out));
    ExitCode::from(USAGE)
}
