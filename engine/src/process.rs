//! The executor of `run: script`, `run: shell` and `run: container`, over the seam to whoever
//! may start programs.

mod container;
mod request;
mod unconfined;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    Effect, EffectId, EffectRequest, Executor, ExecutorError, Outcome, Problem, ProblemKind,
    Secrets,
};

pub use unconfined::Unconfined;

/// A program that is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name, to be found on the path, or where it is.
    pub name: String,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// What is set in its environment, beyond what whoever runs it gives it.
    pub environment: BTreeMap<String, String>,
    /// What it reads.
    pub stdin: Option<String>,
    /// The effect that asks: the same effect means the same program.
    pub effect: EffectId,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// Its code; that of a signal is 128 and the signal's number.
    pub code: i32,
    /// What it wrote, up to a bound.
    pub stdout: String,
    /// What it wrote to its standard error, up to a bound.
    pub stderr: String,
}

/// Why a program did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// There is no such program, or it may not be run.
    #[error("the program `{0}` cannot be run here")]
    NotHere(String),
    /// The machinery failed.
    #[error("the program could not be run: {0}")]
    Failed(String),
}

/// Runs programs: in a sandbox, or not.
#[async_trait]
pub trait Programs: Send + Sync {
    /// Runs a program to its end.
    ///
    /// # Errors
    ///
    /// A program that ends with another code than zero has run; an error means that it did not
    /// run to its end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the program, and whatever it started.
    async fn run(&self, program: Program) -> Result<Ended, ProgramError>;
}

/// Performs the calls `script`, `shell` and `container`.
///
/// Without a sandbox there are no scripts and no commands, and without a command line for
/// containers no containers: such calls fail, and say so.
#[derive(Clone, Default)]
pub struct Processes {
    sandbox: Option<Arc<dyn Programs>>,
    containers: Option<(String, Arc<dyn Programs>)>,
    secrets: Option<Arc<dyn Secrets>>,
    #[cfg(feature = "http")]
    http: Option<crate::Http>,
    /// Programs that nobody waits for; they end with the last clone.
    loose: Arc<Mutex<JoinSet<()>>>,
}

/// The most programs that nobody waits for.
const LOOSE_MAX: usize = 64;

impl Processes {
    /// Makes an executor that runs nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs scripts and commands in this sandbox.
    #[must_use]
    pub fn with_sandbox(mut self, sandbox: Arc<dyn Programs>) -> Self {
        self.sandbox = Some(sandbox);
        self
    }

    /// Runs containers by a command line that is compatible with Docker's, for instance
    /// `docker` or `podman`. What confines a container is the container; the command line
    /// itself is run by `programs`.
    #[must_use]
    pub fn with_containers(
        mut self,
        command: impl Into<String>,
        programs: Arc<dyn Programs>,
    ) -> Self {
        self.containers = Some((command.into(), programs));
        self
    }

    /// Fetches the source of scripts that stand elsewhere.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn with_http(mut self, http: crate::Http) -> Self {
        self.http = Some(http);
        self
    }

    /// Finds the secrets that arguments name there. Programs are given them as they are: what a
    /// program writes is recorded.
    #[must_use]
    pub fn with_secrets(mut self, secrets: impl Secrets + 'static) -> Self {
        self.secrets = Some(Arc::new(secrets));
        self
    }

    fn secret(&self, name: &str) -> Option<String> {
        Some(self.secrets.as_ref()?.secret(name)?.text())
    }

    /// Performs a call with these arguments, whose secrets are put in.
    async fn call(
        &self,
        effect: &Effect,
        function: &str,
        with: &Value,
    ) -> Result<Outcome, ExecutorError> {
        let source = match self.source(effect, with).await? {
            Ok(source) => source,
            Err(problem) => return Ok(Outcome::failed(problem)),
        };
        let made = match function {
            "script" => request::script(with, source.as_deref(), effect.id),
            "shell" => request::shell(with, effect.id),
            _ => match &self.containers {
                Some((command, _)) => container::program(command, with, effect.id),
                None => Err(configuration(
                    "there is no command line for containers here",
                )),
            },
        };
        let programs = match function {
            "container" => self.containers.as_ref().map(|(_, programs)| programs),
            _ => self.sandbox.as_ref(),
        };
        let (program, programs) = match (made, programs) {
            (Ok(program), Some(programs)) => (program, Arc::clone(programs)),
            (Err(problem), _) => return Ok(Outcome::failed(problem)),
            (Ok(_), None) => {
                let title = "there is no sandbox here, and nothing is run without one";
                return Ok(Outcome::failed(configuration(title)));
            }
        };
        if with["await"] == json!(false) {
            return Ok(self.let_go(programs, program));
        }
        outcome(programs.run(program).await)
    }

    /// Starts a program that nobody waits for.
    fn let_go(&self, programs: Arc<dyn Programs>, program: Program) -> Outcome {
        let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
        while loose.try_join_next().is_some() {}
        if loose.len() >= LOOSE_MAX {
            let title = format!("{LOOSE_MAX} programs run already that nobody waits for");
            return Outcome::failed(Problem::standard(ProblemKind::Runtime, title));
        }
        loose.spawn(async move {
            let effect = program.effect;
            if let Err(error) = programs.run(program).await {
                tracing::warn!(effect_id = %effect, %error, "a program that nobody waits for");
            }
        });
        Outcome::completed(Value::Null)
    }

    #[cfg(feature = "http")]
    async fn source(
        &self,
        effect: &Effect,
        with: &Value,
    ) -> Result<Result<Option<String>, Problem>, ExecutorError> {
        let endpoint = with.pointer("/source/endpoint");
        match (endpoint, &self.http) {
            (None, _) => Ok(Ok(None)),
            (Some(endpoint), Some(http)) => Ok(http.text(effect, endpoint).await?.map(Some)),
            (Some(_), None) => Ok(Err(configuration("nobody here fetches sources"))),
        }
    }

    #[cfg(not(feature = "http"))]
    async fn source(
        &self,
        _: &Effect,
        with: &Value,
    ) -> Result<Result<Option<String>, Problem>, ExecutorError> {
        Ok(match with.get("source") {
            None => Ok(None),
            Some(_) => Err(configuration("nobody here fetches sources")),
        })
    }
}

#[async_trait]
impl Executor for Processes {
    async fn perform(&self, effect: &Effect) -> Result<Outcome, ExecutorError> {
        match &effect.request {
            EffectRequest::Call(call) => match effect.revealed(&|name| self.secret(name)) {
                Ok(with) => self.call(effect, &call.function, &with).await,
                Err(missing) => {
                    let kind = ProblemKind::Authentication;
                    Ok(Outcome::failed(Problem::standard(
                        kind,
                        missing.to_string(),
                    )))
                }
            },
            _ => Err(ExecutorError {
                message: "only calls are performed here".to_owned(),
            }),
        }
    }
}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes")
            .field("has_sandbox", &self.sandbox.is_some())
            .field(
                "containers",
                &self.containers.as_ref().map(|(command, _)| command),
            )
            .finish_non_exhaustive()
    }
}

fn outcome(ended: Result<Ended, ProgramError>) -> Result<Outcome, ExecutorError> {
    match ended {
        Ok(Ended {
            code,
            stdout,
            stderr,
        }) => Ok(Outcome::completed(
            json!({ "code": code, "stdout": stdout, "stderr": stderr }),
        )),
        Err(error @ ProgramError::NotHere(_)) => {
            Ok(Outcome::failed(configuration(&error.to_string())))
        }
        Err(error @ ProgramError::Failed(_)) => Err(ExecutorError {
            message: error.to_string(),
        }),
    }
}

fn configuration(title: &str) -> Problem {
    Problem::standard(ProblemKind::Configuration, title)
}
