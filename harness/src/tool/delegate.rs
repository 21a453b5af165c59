//! `delegate`: a task for a sub-agent, in a session of its own.

use std::fmt;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    AnsweredBy, Below, Sharing, Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments,
};
use crate::agent::Agent;
use crate::digest::Digest;
use crate::error::{HarnessError, Remedy};
use crate::report::{AgentOutcome, Report, Stop};
use crate::spec::{AgentSpec, Material, ParentCall};
use crate::{EffectClass, SessionId};

/// Sub-agents of one session, unless the caller says otherwise.
const CHILDREN_MAX: u32 = 16;

/// A sub-agent may take as long as its parent's budget lets it.
const CALL_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;

/// Hands tasks to sub-agents. Each has a session below its parent's, a budget out of what the
/// parent has left, and never more autonomy than the parent. How deep this goes is a matter of
/// construction: a sub-agent can delegate when its own toolbox holds another `Delegate`.
#[derive(Clone)]
pub struct Delegate {
    agent: Agent,
    template: AgentSpec,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    task: String,
    material: Option<String>,
}

impl Delegate {
    /// Makes the tool for an agent and what its sub-agents have in common; goal and material
    /// of the template are replaced by the task.
    pub fn new(agent: Agent, template: AgentSpec) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "task": {"type": "string", "minLength": 1, "description": "The task, with everything that is needed to do it: the other agent sees nothing of this conversation"},
                "material": {"type": "string", "description": "Data to work on"}
            },
            "required": ["task"],
            "additionalProperties": false
        });
        let about = format!(
            "Hands a task to another agent, `{}`, and returns its answer. Several calls in one reply run beside each other.",
            template.name
        );
        let mut spec = ToolSpec::new("delegate", about, schema)
            .class(EffectClass::Resumable)
            .sharing(Sharing::Beside)
            .call_ms_max(CALL_MS_MAX);
        spec.answered_by = AnsweredBy::Agent;
        spec.calls_max = Some(CHILDREN_MAX);
        Self {
            agent,
            template,
            spec,
        }
    }

    /// Gives the tool another name, for instance when there are several kinds of sub-agents.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.spec.name = name.into();
        self.spec.description = description.into();
        self
    }

    /// Sets the most sub-agents of one session.
    #[must_use]
    pub fn with_children_max(mut self, children: u32) -> Self {
        self.spec.calls_max = Some(children);
        self
    }

    /// Returns the specification of the sub-agent for one call.
    fn child(&self, asked: Arguments, context: &ToolContext) -> AgentSpec {
        let mut child = self.template.clone();
        child.goal = asked.task;
        child.material.extend(asked.material.map(|text| Material {
            title: "material".to_owned(),
            text,
        }));
        child.autonomy = child.autonomy.min(context.autonomy);
        child.rules.extend(context.rules.iter().cloned());
        child.budget = child.budget.within(&context.left.below());
        child.parent = Some(ParentCall {
            session: context.session.clone(),
            call: context.call,
        });
        child
    }
}

impl fmt::Debug for Delegate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegate")
            .field("template", &self.template.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Tool for Delegate {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        // Every agent below counts, this one first; none means none, however it was asked for.
        match (context.left.depth, context.left.agents) {
            (Some(0), _) => return Err(refused("agents may go no deeper than this one")),
            (_, Some(0)) => return Err(refused("no agents are left")),
            _ => {}
        }
        let session = child_session(&context);
        let child = self.child(asked, &context);
        let agent = self
            .agent
            .clone()
            .with_cancellation(context.cancellation.clone());
        match agent.run(&session, &child).await {
            Ok(report) => told(report),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn refused(why: &str) -> ToolError {
    ToolError::Failed(format!(
        "The task was not handed on: {why}. Do it yourself."
    ))
}

/// Derives the session of a sub-agent, so that the same call finds it again after a crash.
fn child_session(context: &ToolContext) -> SessionId {
    let name = format!("{}/{}", context.session, context.call);
    SessionId::new(name.clone()).unwrap_or_else(|_| {
        let digest = Digest::of_bytes(name.as_bytes()).to_string();
        SessionId::new(digest).expect("a digest is short and printable")
    })
}

fn told(report: Report) -> Result<ToolOutput, ToolError> {
    let (content, is_error) = match report.outcome {
        AgentOutcome::Finished { text, .. } => (text, false),
        AgentOutcome::Waiting { questions, reason } if questions.is_empty() => {
            return Err(ToolError::Waiting(reason));
        }
        AgentOutcome::Waiting { questions, .. } => return Err(ToolError::Asking(questions)),
        AgentOutcome::Stopped(Stop::Interrupted) => {
            return Err(ToolError::Waiting(
                "the sub-agent was interrupted".to_owned(),
            ));
        }
        AgentOutcome::Stopped(Stop::Budget(kind)) => {
            let text = format!(
                "The sub-agent has no answer: its budget of {} is used up.",
                kind.word()
            );
            (text, true)
        }
        AgentOutcome::Stopped(Stop::Hopeless(cause)) => (
            format!("The sub-agent has no answer: it was stopped ({cause:?})."),
            true,
        ),
        AgentOutcome::Failed {
            model_error: Some(error),
            ..
        } => {
            return Err(ToolError::Waiting(format!(
                "the sub-agent's model failed: {error}"
            )));
        }
        AgentOutcome::Failed { problem, .. } => {
            (format!("The sub-agent has no answer: {problem}."), true)
        }
    };
    Ok(ToolOutput {
        content,
        is_error,
        charges: report.charges,
        below: Below {
            turns: report.turns,
            tool_calls: report.tool_calls,
            agents: 1 + report.agents,
        },
        evidence: Some(json!({ "session": report.session })),
    })
}

fn failed(error: &HarnessError) -> ToolError {
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        text = format!("{text}: {source}");
    }
    match error.remedy() {
        Remedy::RunAgain | Remedy::LeaveIt => ToolError::Waiting(text),
        Remedy::FixSettings | Remedy::InspectLog => ToolError::Failed(text),
    }
}
