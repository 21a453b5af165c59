//! `cargo xtask conformance` and `cargo xtask torture`: single tests of the engine, with more
//! of it and told in more words than `cargo test` does.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::task::Verdict;
use crate::tree;

/// How often processes are killed unless somebody says otherwise.
const KILLS: u32 = 10_000;

/// Runs the conformance kit of the Open Workflow Specification on a whole engine.
pub(crate) fn conformance(arguments: &[String], out: &mut dyn Write) -> Result<Verdict> {
    let folder = match arguments {
        [] => tree::root().join("../shared/ctk"),
        [option, folder] if option == "--ctk" => PathBuf::from(folder),
        _ => bail!("it takes `--ctk DIR`, the folder with the kit's feature files"),
    };
    let folder = folder
        .canonicalize()
        .with_context(|| format!("there is no kit at {}", folder.display()))?;
    let test = Test {
        name: "conformance::every_scenario_of_the_kit_holds_on_a_whole_engine",
        profile: &[],
        variable: ("LAYERCAKE_CTK", folder.into_os_string()),
    };
    test.run(out)
}

/// Kills a real process over and over, in the middle of every kind of task.
pub(crate) fn torture(arguments: &[String], out: &mut dyn Write) -> Result<Verdict> {
    let kills: u32 = match arguments {
        [] => KILLS,
        [option, kills] if option == "--kills" => kills.parse().context("`--kills` is a number")?,
        _ => bail!("it takes `--kills N`"),
    };
    let test = Test {
        name: "crash::nothing_told_is_lost_and_nothing_happens_twice",
        profile: &["--release"],
        variable: ("LAYERCAKE_KILLS", kills.to_string().into()),
    };
    test.run(out)
}

/// A test of the engine.
struct Test {
    name: &'static str,
    profile: &'static [&'static str],
    /// What it is told, and how.
    variable: (&'static str, OsString),
}

impl Test {
    /// Runs the test, and passes on what it says.
    fn run(self, out: &mut dyn Write) -> Result<Verdict> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut child = Command::new(cargo)
            .args(["test", "-q", "-p", "layercake-engine", "--test", "it"])
            .args(self.profile)
            .args(["--", "--exact", "--nocapture", self.name])
            .env(self.variable.0, self.variable.1)
            .current_dir(tree::root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cargo cannot be started")?;
        let printed = child.stdout.take().context("cargo has no output")?;
        let mut was_run = false;
        for line in BufReader::new(printed).lines() {
            let line = line.context("the output of the test broke off")?;
            was_run |= line.contains("1 passed");
            writeln!(out, "{line}")?;
        }
        let status = child.wait().context("cargo cannot be waited for")?;
        Ok(match status.success() && was_run {
            true => Verdict::Passed,
            false => Verdict::Failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{conformance, torture};

    #[test]
    fn what_it_does_not_take_is_refused_before_anything_runs() {
        let mut out = Vec::new();
        for arguments in [&["--ctk"][..], &["--ctk", "/no/such/folder"], &["folder"]] {
            let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
            assert!(conformance(&arguments, &mut out).is_err(), "{arguments:?}");
        }
        for arguments in [&["--kills"][..], &["--kills", "many"], &["1000"]] {
            let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
            assert!(torture(&arguments, &mut out).is_err(), "{arguments:?}");
        }
        assert!(out.is_empty());
    }
}
