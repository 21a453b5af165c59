//! `agent`: a step that an agent does. Its session is a run below the routine's, with an id that
//! is derived from the effect, so that the same effect finds the same session again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use layercake_engine::journal::JournalReads;
use layercake_engine::runtime::Engine;
use layercake_engine::{Actor, Effect, ExecutorError, Outcome, Phase, Problem, ProblemKind, RunId};
use layercake_harness::{AgentOutcome, Autonomy, Report, Stop};
use layercake_model::layer::ModelBudget;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problems;
use crate::agents::{self, AgentInput, Agents};

/// The beginning of the attributes that pin a run's skills.
pub(crate) const SKILL_ATTRIBUTE: &str = "skill:";

const INSTRUCTIONS: &str = "\
You do one step of a routine. Load the skills that you are told about before you write anything.";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    goal: String,
    #[serde(default)]
    material: Value,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default)]
    tools: Vec<String>,
    #[serde(default)]
    skills: Vec<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    autonomy: Option<Autonomy>,
    #[serde(default)]
    budget: Budget,
    #[serde(default)]
    answer: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Budget {
    turns: Option<u32>,
    tokens: Option<u64>,
    usd: Option<Decimal>,
    minutes: Option<f64>,
}

/// Lets an agent do the step. An error means that the machinery failed; the step stays pending.
pub(super) async fn agent(
    effect: &Effect,
    arguments: &Value,
    agents: &Agents,
    engine: &Engine,
    project: &Path,
    money: Option<Arc<ModelBudget>>,
) -> Result<Outcome, ExecutorError> {
    let mut input = match input(effect, arguments, engine, project) {
        Ok(input) => input,
        Err(problem) => return Ok(Outcome::failed(problem)),
    };
    match agents.offers(Some(&input.tools)).await {
        Ok((offers, _)) => input.offers = offers,
        Err(error) => return Ok(Outcome::failed(problems::of_error(&error))),
    }
    let run = RunId::derived(effect.run, effect.asked_at, &effect.task, effect.attempt);
    let parent = Some((effect.run, effect.task.clone()));
    let start = agents::start_of(&name_of(effect), &input, parent, None, Actor::Engine);
    let report = agents
        .drive(run, start, money)
        .await
        .map_err(|error| ExecutorError {
            message: error.told(),
        })?;
    let outcome = outcome(run, &report)?;
    if let Err(problem) = &outcome.result {
        let log = agents.log(run).map_err(|error| failed(&error))?;
        let ended = log
            .end(Phase::Faulted, Some(problem.clone()), agents::now())
            .await;
        ended.map_err(|error| failed(&error))?;
    }
    Ok(outcome)
}

/// Names the agent of a step after the step: `draftReplies/draft[3]` is done by `draft`.
fn name_of(effect: &Effect) -> String {
    let last = effect
        .task
        .as_str()
        .rsplit('/')
        .next()
        .unwrap_or(agents::NAME);
    last.split(['[', '#']).next().unwrap_or(last).to_owned()
}

fn failed(error: &layercake_engine::runtime::EngineError) -> ExecutorError {
    ExecutorError {
        message: error.to_string(),
    }
}

fn input(
    effect: &Effect,
    arguments: &Value,
    engine: &Engine,
    project: &Path,
) -> Result<AgentInput, Problem> {
    let arguments: Arguments = super::arguments("agent", arguments)?;
    let pins = pinned(effect.run, engine)?;
    let mut skills = BTreeMap::new();
    for name in arguments.skills {
        let digest = pins.get(&format!("{SKILL_ATTRIBUTE}{name}")).cloned();
        let digest = digest.ok_or_else(|| {
            let title = format!("the run is not pinned to a skill `{name}`");
            problems::problem(problems::SKILL, title)
        })?;
        skills.insert(name, digest);
    }
    let own = arguments.instructions.unwrap_or_default();
    Ok(AgentInput {
        goal: arguments.goal,
        material: arguments.material,
        instructions: format!("{INSTRUCTIONS}\n\n{own}").trim().to_owned(),
        model: agents::alias(arguments.model.as_deref()),
        autonomy: arguments.autonomy.unwrap_or_default(),
        tools: arguments.tools,
        skills,
        cwd: project.to_path_buf(),
        budget: agents::budget(
            arguments.budget.turns,
            arguments.budget.tokens,
            arguments.budget.usd,
            arguments.budget.minutes,
        ),
        answer: arguments.answer,
        offers: Vec::new(),
    })
}

/// Returns what a run is pinned to; a run below has what the run above it has.
fn pinned(run: RunId, engine: &Engine) -> Result<BTreeMap<String, String>, Problem> {
    let mut attributes = BTreeMap::new();
    let mut next = Some(run);
    while let Some(run) = next {
        let row = engine.journal().row(run).map_err(|error| {
            let title = "the run's row cannot be read";
            Problem::standard(ProblemKind::Runtime, title).with_detail(error.to_string())
        })?;
        let Some(row) = row else { break };
        for (name, value) in row.attributes {
            attributes.entry(name).or_insert(value);
        }
        next = row.parent.map(|(run, _)| run);
    }
    Ok(attributes)
}

fn outcome(run: RunId, report: &Report) -> Result<Outcome, ExecutorError> {
    let mut outcome = match &report.outcome {
        AgentOutcome::Finished { text, answer } => {
            Outcome::completed(answer.clone().unwrap_or_else(|| json!({ "text": text })))
        }
        AgentOutcome::Stopped(Stop::Interrupted) | AgentOutcome::Waiting { .. } => {
            let message = "the agent was stopped before it had ended".to_owned();
            return Err(ExecutorError { message });
        }
        AgentOutcome::Stopped(Stop::Budget(kind)) => {
            let title = format!("the agent's budget of {} is used up", kind.word());
            Outcome::failed(problems::problem(problems::STOPPED, title))
        }
        AgentOutcome::Stopped(Stop::Hopeless(cause)) => {
            let title = format!("the agent was stopped: {cause:?}").to_lowercase();
            Outcome::failed(problems::problem(problems::MODEL_ANSWER, title))
        }
        AgentOutcome::Failed {
            model_error: Some(error),
            ..
        } => Outcome::failed(problems::of_model(error)),
        AgentOutcome::Failed { problem, .. } => {
            let failed = problems::problem(problems::MODEL_ANSWER, "the agent could not answer");
            Outcome::failed(failed.with_detail(problem.clone()))
        }
    };
    // Its costs stand in its own run, and are counted there, once.
    outcome.evidence = Some(json!({
        "run": run,
        "turns": report.turns,
        "toolCalls": report.tool_calls,
    }));
    Ok(outcome)
}
