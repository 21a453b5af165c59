//! A contestant that runs: a program that is asked line by line.
//!
//! It says `{"ready": "NAME VERSION"}` when it is up. Asked `SCENARIO COUNT`, it does that work
//! and answers `{"value": NUMBER}`, or `{"unsupported": "WHY"}`. At the end of its input it stops
//! what it started, and itself.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::listing::{Contestant, Scenario};

/// How long a contestant may take until it is up; a server may have to create its store.
const READY_MAX: Duration = Duration::from_secs(120);

/// How long one piece of work may take.
const WORK_MAX: Duration = Duration::from_secs(180);

/// How long a contestant may take to stop what it started.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How often it is looked whether it has stopped.
const LOOK: Duration = Duration::from_millis(50);

/// What a contestant says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// It is up, under this name and version.
    Ready(String),
    /// The figure.
    Value(f64),
    /// It has nothing of the kind, and why.
    Unsupported(String),
    /// It did not answer; filled in here.
    #[serde(skip)]
    Failed(String),
}

/// A contestant that was started.
#[derive(Debug)]
pub(super) struct Running {
    name: String,
    version: String,
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    /// Why nothing can be asked any more.
    broken: Option<String>,
}

impl Running {
    /// Starts a contestant and waits until it is up.
    pub(super) fn start(
        contestant: &Contestant,
        folder: &Path,
        arena: &Path,
        log: &Path,
    ) -> Result<Self> {
        let (program, arguments) = contestant.start.split_first().context("no command")?;
        let scratch = arena.join("scratch").join(&contestant.name);
        if scratch.exists() {
            std::fs::remove_dir_all(&scratch)?;
        }
        std::fs::create_dir_all(&scratch)?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env("PEER_SCRATCH", scratch.canonicalize()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::options().append(true).create(true).open(log)?)
            .spawn()
            .with_context(|| format!("`{program}` cannot be started"))?;
        let output = child.stdout.take().context("no output")?;
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut running = Self {
            name: contestant.name.clone(),
            version: String::new(),
            input: child.stdin.take(),
            child,
            answers,
            broken: None,
        };
        match running.answer(READY_MAX) {
            Ok(Answer::Ready(version)) => running.version = version,
            other => {
                let said = format!("{other:?}");
                running.stop();
                bail!("it did not come up ({said}); see {}", log.display());
            }
        }
        Ok(running)
    }

    /// Its name in the tables.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it calls itself.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Has it do one piece of work.
    pub(super) fn measure(&mut self, scenario: &Scenario) -> Answer {
        if let Some(why) = &self.broken {
            return Answer::Failed(why.clone());
        }
        match self.ask(scenario) {
            Ok(answer) => answer,
            Err(error) => {
                let why = format!("{}: {error:#}", scenario.name);
                self.broken = Some(why.clone());
                Answer::Failed(why)
            }
        }
    }

    fn ask(&mut self, scenario: &Scenario) -> Result<Answer> {
        let input = self.input.as_mut().context("it takes no questions")?;
        writeln!(input, "{} {}", scenario.name, scenario.count)?;
        input.flush()?;
        self.answer(WORK_MAX)
    }

    fn answer(&self, patience: Duration) -> Result<Answer> {
        let line = self
            .answers
            .recv_timeout(patience)
            .context("it did not answer")?;
        serde_json::from_str(&line).with_context(|| format!("it said `{line}`"))
    }

    /// Ends its input, waits until it has stopped, and kills it if it does not.
    pub(super) fn stop(mut self) {
        drop(self.input.take());
        let began = Instant::now();
        while began.elapsed() < STOP_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        // It may have ended in this moment; then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn answers_are_read() {
        let read = |line: &str| serde_json::from_str::<Answer>(line).unwrap();
        assert_eq!(read(r#"{"value": 1.5}"#), Answer::Value(1.5));
        assert_eq!(read(r#"{"ready": "x 1"}"#), Answer::Ready("x 1".into()));
        assert_eq!(
            read(r#"{"unsupported": "no"}"#),
            Answer::Unsupported("no".into())
        );
    }
}
