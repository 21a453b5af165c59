//! `cargo xtask layers`: proves who may know whom.
//!
//! Two questions: which siblings each crate declares (`edges`), and which foreign crates it
//! reaches under each set of features (`reach`).

mod edges;
mod graph;
mod metadata;
mod reach;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::task::Verdict;
use crate::tree;

/// Carries out the task.
pub(crate) fn run(out: &mut dyn Write) -> Result<Verdict> {
    let complaints = complaints()?;
    for complaint in &complaints {
        writeln!(out, "{complaint}")?;
    }
    if complaints.is_empty() {
        writeln!(
            out,
            "layers: every edge and every reach is as the table says"
        )?;
        return Ok(Verdict::Passed);
    }
    writeln!(out, "layers: {} to mend", complaints.len())?;
    Ok(Verdict::Failed)
}

/// Everything that is not as the tables say.
fn complaints() -> Result<Vec<String>> {
    let metadata = metadata::read()?;
    let mut complaints = edges::compare(&edges::declared(&metadata));
    for walk in reach::WALKS {
        complaints.extend(walk.check(&reach::resolve(walk)?));
    }
    Ok(complaints)
}

/// The members that have features, each with those beside `default`.
pub(crate) fn features() -> Result<Vec<(String, Vec<String>)>> {
    let members = metadata::read()?.packages.into_iter();
    let features = members.map(|member| {
        let names = member.features.into_keys().filter(|name| name != "default");
        (member.name, names.collect::<Vec<_>>())
    });
    Ok(features.filter(|(_, names)| !names.is_empty()).collect())
}

/// Runs cargo at the top of the repository and returns what it printed.
pub(crate) fn cargo(arguments: &[&str]) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(tree::root())
        .output()
        .context("cargo cannot be started")?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("`cargo {}` failed: {}", arguments.join(" "), error.trim());
    }
    String::from_utf8(output.stdout).context("cargo printed something that is not text")
}
