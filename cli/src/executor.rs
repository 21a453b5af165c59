//! Performs what routines ask for: one match on the function, one file for each of them.

mod agent;
mod decide;
mod facts;
mod file_write;
pub(crate) mod files_list;
pub(crate) mod problems;
pub(crate) mod translate;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use layercake_engine::runtime::Engine;
use layercake_engine::{
    Effect, EffectRequest, Executor, ExecutorError, Functions, Outcome, Problem, ProblemKind,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::SetOnce;

pub(crate) use agent::SKILL_ATTRIBUTE;
pub(crate) use facts::Facts;

use crate::agents::Agents;
use crate::budgets;
use crate::models::Models;

/// Everything that functions need, besides their arguments.
#[derive(Debug)]
pub(crate) struct CatalogExecutor {
    project: PathBuf,
    models: Arc<Models>,
    facts: Facts,
    /// `http`, `now` and `uuid`, which the engine brings along.
    functions: Functions,
    /// Set as soon as the engine is open; the first effects may come a moment earlier.
    home: SetOnce<(Engine, Arc<Agents>)>,
}

impl CatalogExecutor {
    /// Makes the executor; effects wait until [`CatalogExecutor::open`] was called.
    pub(crate) fn new(project: PathBuf, models: Arc<Models>, facts: Facts) -> Self {
        Self {
            project,
            models,
            facts,
            functions: Functions::new(),
            home: SetOnce::new(),
        }
    }

    /// Tells the executor which engine it belongs to.
    pub(crate) fn open(&self, engine: Engine, agents: Arc<Agents>) {
        // A second call would change nothing; there is none.
        drop(self.home.set((engine, agents)));
    }
}

#[async_trait]
impl Executor for CatalogExecutor {
    async fn perform(&self, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let EffectRequest::Call(call) = &effect.request else {
            let message = "only calls are performed here".to_owned();
            return Err(ExecutorError { message });
        };
        let (with, project) = (call.arguments.clone(), self.project.clone());
        let id = effect.id;
        match call.function.as_str() {
            "decide" => {
                let (engine, _) = self.home.wait().await;
                let money = budgets::of_run(engine, effect.run)?;
                Ok(decide::decide(effect, &with, &self.models, money).await)
            }
            "agent" => {
                let (engine, agents) = self.home.wait().await;
                let money = budgets::of_run(engine, effect.run)?;
                agent::agent(effect, &with, agents, engine, &project, money).await
            }
            "files-list" => {
                blocking(move || outcome(files_list::files_list(&with, &project))).await
            }
            "file-write" => {
                blocking(move || outcome(file_write::file_write(id, &with, &project))).await
            }
            "remember" => {
                let (facts, effect) = (self.facts.clone(), effect.clone());
                blocking(move || facts.remember(&effect, &with)).await
            }
            "recall" => {
                let facts = self.facts.clone();
                blocking(move || facts.recall(&with)).await
            }
            _ => self.functions.perform(effect).await,
        }
    }
}

/// Does work that waits for the disk, off the threads that others share.
async fn blocking(
    work: impl FnOnce() -> Outcome + Send + 'static,
) -> Result<Outcome, ExecutorError> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| ExecutorError {
        message: error.to_string(),
    })
}

fn outcome(result: Result<Value, Problem>) -> Outcome {
    match result {
        Ok(output) => Outcome::completed(output),
        Err(problem) => Outcome::failed(problem),
    }
}

/// Reads the arguments of a function. The catalog's schema has checked them, except for text
/// that looks right and means nothing.
fn arguments<T: DeserializeOwned>(function: &str, value: &Value) -> Result<T, Problem> {
    serde_json::from_value(value.clone()).map_err(|error| {
        let title = format!("the arguments of {function} are not usable");
        Problem::standard(ProblemKind::Validation, title).with_detail(error.to_string())
    })
}
