//! Routines as tools: each published routine is one tool, and its input schema is the tool's.

use std::collections::BTreeMap;

use async_trait::async_trait;
use layercake_engine::journal::JournalReads;
use layercake_engine::runtime::{Engine, EngineError, Routine, RunReport, StartRequest};
use layercake_engine::{Actor, Definition, Phase, RunId};
use layercake_harness::tool::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use layercake_harness::{EffectClass, Reach};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::session::record::call_task;
use crate::settled;
use crate::skills::Shelf;

/// The longest name of a tool.
const NAME_CHARS_MAX: usize = 64;
/// The most published routines that are offered as tools.
const ROUTINES_MAX: usize = 1_000;
/// The longest that a call works before it counts as cut off, in milliseconds: a routine may
/// take days, and whether it waits is seen much earlier.
const CALL_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;

/// Returns the name of the tool that stands for a routine: `office/inbox-replies@1.0.0` becomes
/// `office_inbox-replies`.
pub(crate) fn tool_name(routine: &str) -> String {
    let name = routine.split('@').next().unwrap_or(routine);
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    name.chars().map(letter).take(NAME_CHARS_MAX).collect()
}

/// Returns the published routines, the latest version of each.
///
/// # Errors
///
/// The journal cannot be read.
pub(crate) fn published(engine: &Engine) -> Result<Vec<Definition>, CommandError> {
    let publications = engine
        .journal()
        .routines("", ROUTINES_MAX)
        .map_err(EngineError::from)?;
    let mut latest = BTreeMap::new();
    for publication in publications {
        let name = publication
            .name
            .split('@')
            .next()
            .unwrap_or_default()
            .to_owned();
        if let std::collections::btree_map::Entry::Vacant(slot) = latest.entry(name) {
            let definition = engine.routine(slot.key())?;
            slot.insert(definition);
        }
    }
    Ok(latest.into_values().collect())
}

/// A routine that an agent can call.
#[derive(Debug)]
pub(crate) struct RoutineTool {
    spec: ToolSpec,
    definition: Definition,
    engine: Engine,
    shelf: Shelf,
    /// The agent's run, and its name.
    caller: (RunId, String),
}

impl RoutineTool {
    /// Makes the tool of a routine for one agent.
    pub(crate) fn new(
        engine: &Engine,
        shelf: &Shelf,
        definition: Definition,
        caller: (RunId, String),
    ) -> Self {
        let schema = definition.input_schema().cloned();
        let about = format!("{}. {}", definition.title(), definition.summary());
        let spec = ToolSpec::new(
            tool_name(definition.name()),
            about.trim(),
            schema.unwrap_or_else(|| json!({"type": "object"})),
        );
        Self {
            // The same key finds the same run: after a crash, the call goes on.
            spec: spec
                .class(EffectClass::Resumable)
                .reach(Reach::World)
                .call_ms_max(CALL_MS_MAX),
            definition,
            engine: engine.clone(),
            shelf: shelf.clone(),
            caller,
        }
    }

    async fn run(&self, input: Value, context: &ToolContext) -> Result<RunReport, CommandError> {
        let (caller, agent) = self.caller.clone();
        let request = StartRequest {
            key: Some(context.idempotency_key.clone()),
            by: Actor::Agent(agent),
            parent: Some((caller, call_task(&context.call.to_string()))),
            attributes: self.shelf.pin_for(&self.definition)?,
            ..StartRequest::new(Routine::Definition(self.definition.clone()), input)
        };
        let run = self.engine.start(request).await?;
        settled::wait(&self.engine, run).await?;
        Ok(self.engine.report(run)?)
    }
}

#[async_trait]
impl Tool for RoutineTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let report = self.run(arguments, &context).await;
        let report = report.map_err(|error| ToolError::Unknown(error.told()))?;
        let name = self.definition.name();
        let run = report.row.run;
        let evidence = json!({ "run": run, "routine": name });
        match report.row.phase {
            Phase::Completed => {
                let output = report.output.unwrap_or_default();
                Ok(ToolOutput::text(output.to_string()).with_evidence(evidence))
            }
            Phase::Faulted | Phase::Cancelled => {
                let problem = json!(report.problem);
                Err(ToolError::Failed(format!(
                    "the routine {name} (run {run}) did not complete: {problem}"
                )))
            }
            Phase::Pending | Phase::Running | Phase::Waiting | Phase::Suspended => Err(
                ToolError::Waiting(format!("the routine {name} (run {run}) waits for a person")),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tool_name;

    #[test]
    fn a_routine_has_a_tool_name_that_models_accept() {
        assert_eq!(
            tool_name("office/inbox-replies@1.0.0"),
            "office_inbox-replies"
        );
        assert_eq!(tool_name(&"ä/".repeat(60)).len(), 64);
    }
}
