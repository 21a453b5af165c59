//! `cargo xtask sim`: many seeds of the engine's simulation, in an optimised build.

use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result};

use crate::task::Verdict;
use crate::tree;

/// How many seeds are gone through when nothing is said.
const SEEDS: &str = "1000000";

/// What the simulation is built with: nothing but the engine's core.
const BUILD: [&str; 9] = [
    "run",
    "--release",
    "--locked",
    "--package=layercake-engine",
    "--no-default-features",
    "--features=sim",
    "--example=simulate",
    "--quiet",
    "--",
];

/// Carries out the task. `arguments` go to the simulation: `--seeds`, `--from`, `--minutes`.
pub(crate) fn run(arguments: &[String], out: &mut dyn Write) -> Result<Verdict> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(BUILD).current_dir(tree::root());
    if !arguments.iter().any(|argument| argument == "--seeds") {
        command.args(["--seeds", SEEDS]);
    }
    command.args(arguments);
    writeln!(out, "{command:?}")?;
    out.flush()?;
    let status = command.status().context("cargo cannot be started")?;
    Ok(if status.success() {
        Verdict::Passed
    } else {
        Verdict::Failed
    })
}
