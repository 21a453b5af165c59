//! The steps of the check, and how one is carried out.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::test_results::TestResults;
use crate::task::Verdict;
use crate::{layers, licences, tidy, tree};

/// How many seeds of the simulation a change has to pass, as far as the minutes reach.
const SIMULATED_SEEDS: &str = "10000";
const SIMULATED_MINUTES: &str = "4";

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    /// Its name in the summary.
    pub(super) name: String,
    /// What is set in its environment.
    environment: Option<(&'static str, &'static str)>,
    /// What follows `cargo`.
    arguments: Vec<String>,
    /// How it is carried out.
    work: Work,
}

/// How a step is carried out.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// By a task of this program.
    Task(fn(&mut dyn Write) -> Result<Verdict>),
    /// By cargo.
    Cargo,
    /// By cargo, reading the results of tests from what it prints.
    Tests,
}

impl Step {
    fn task(name: &str, run: fn(&mut dyn Write) -> Result<Verdict>) -> Self {
        let step = Self::cargo(name, &["xtask", name]);
        Self {
            work: Work::Task(run),
            ..step
        }
    }

    fn cargo(name: &str, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            environment: None,
            arguments: arguments
                .iter()
                .map(|argument| (*argument).to_owned())
                .collect(),
            work: Work::Cargo,
        }
    }

    /// The command that repeats the step alone.
    pub(super) fn command(&self) -> String {
        let environment = self
            .environment
            .map(|(key, value)| format!("{key}='{value}' "));
        format!(
            "{}cargo {}",
            environment.unwrap_or_default(),
            self.arguments.join(" ")
        )
    }

    /// Carries the step out.
    pub(super) fn run(&self, out: &mut dyn Write, results: &mut TestResults) -> Result<Verdict> {
        match self.work {
            Work::Task(run) => run(out),
            Work::Cargo => self.run_cargo(out, |_| ()),
            Work::Tests => self.run_cargo(out, |line| results.read(line)),
        }
    }

    /// Runs cargo, passes on what it prints and shows each line to a reader.
    fn run_cargo(&self, out: &mut dyn Write, mut reader: impl FnMut(&str)) -> Result<Verdict> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut child = Command::new(cargo)
            .args(&self.arguments)
            .envs(self.environment)
            .current_dir(tree::root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cargo cannot be started")?;
        let printed = child.stdout.take().context("cargo has no output")?;
        for line in BufReader::new(printed).split(b'\n') {
            let line = line.context("the output of cargo broke off")?;
            let line = String::from_utf8_lossy(&line);
            reader(&line);
            writeln!(out, "{line}")?;
            out.flush()?;
        }
        let passed = child
            .wait()
            .context("cargo cannot be waited for")?
            .success();
        Ok(if passed {
            Verdict::Passed
        } else {
            Verdict::Failed
        })
    }
}

/// All steps, the quickest first and the tests last.
pub(super) fn all() -> Result<Vec<Step>> {
    let mut steps = vec![
        Step::cargo("format", &["fmt", "--all", "--check"]),
        Step::task("layers", layers::run),
        Step::task("licences", licences::run),
        Step::task("tidy", tidy::run),
        Step::cargo(
            "lints",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--locked",
                "--",
                "-D",
                "warnings",
            ],
        ),
    ];
    steps.extend(features()?);
    steps.push(Step {
        environment: Some(("RUSTDOCFLAGS", "-D warnings")),
        ..Step::cargo(
            "docs",
            &[
                "doc",
                "--workspace",
                "--no-deps",
                "--all-features",
                "--locked",
            ],
        )
    });
    steps.push(Step::cargo(
        "simulation",
        &[
            "xtask",
            "sim",
            "--seeds",
            SIMULATED_SEEDS,
            "--minutes",
            SIMULATED_MINUTES,
        ],
    ));
    steps.push(Step {
        work: Work::Tests,
        ..Step::cargo(
            "tests",
            &[
                "test",
                "--workspace",
                "--all-features",
                "--locked",
                "--no-fail-fast",
            ],
        )
    });
    Ok(steps)
}

/// Every crate that has features, without any and with each one alone.
fn features() -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (krate, features) in layers::features()? {
        let alone = features.iter().map(|feature| vec!["--features", feature]);
        for choice in std::iter::once(vec![]).chain(alone) {
            let what = choice.last().map_or("without features", |feature| *feature);
            let mut arguments = vec!["clippy", "--package", &krate, "--no-default-features"];
            arguments.extend(choice.iter().copied());
            arguments.extend(["--locked", "--", "-D", "warnings"]);
            steps.push(Step::cargo(&format!("{krate}, {what}"), &arguments));
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::{Step, TestResults, Verdict, all};

    #[test]
    fn a_step_names_the_command_that_repeats_it() {
        let steps = all().expect("cargo answers");
        let commands: Vec<String> = steps.iter().map(Step::command).collect();
        for command in [
            "cargo fmt --all --check",
            "cargo xtask layers",
            "cargo clippy --package layercake-engine --no-default-features --locked -- -D warnings",
            "cargo clippy --package layercake-engine --no-default-features --features runtime --locked -- -D warnings",
            "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features --locked",
        ] {
            assert!(
                commands.iter().any(|c| c == command),
                "no step `{command}` in {commands:#?}"
            );
        }
        assert!(
            commands
                .last()
                .is_some_and(|last| last.starts_with("cargo test --workspace"))
        );
    }

    #[test]
    fn a_failing_command_fails_its_step() {
        let run = |arguments: &[&str]| {
            let step = Step::cargo("a step", arguments);
            let mut out = Vec::new();
            let verdict = step
                .run(&mut out, &mut TestResults::default())
                .expect("cargo starts");
            (verdict, String::from_utf8_lossy(&out).into_owned())
        };
        let (verdict, printed) = run(&["--version"]);
        assert_eq!(verdict, Verdict::Passed);
        assert!(printed.starts_with("cargo "), "{printed}");
        assert_eq!(run(&["no-such-command"]).0, Verdict::Failed);
    }
}
