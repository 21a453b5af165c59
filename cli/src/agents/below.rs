//! Agents below an agent: the `delegate` tool, with the same model, tools and people.

use layercake_harness::tool::Delegate;
use layercake_harness::{Agent, AgentSpec, ToolSelection};

use super::AgentInput;

/// The tool's name; an agent gets it when its tools name it.
const DELEGATE: &str = "delegate";

/// How a sub-agent is called in records and questions.
const NAME: &str = "sub-agent";

/// Makes the tool. `agent` has no such tool itself, so that nothing goes deeper than one level.
pub(super) fn delegate(agent: Agent, input: &AgentInput) -> Delegate {
    let tools = input.tools.iter().filter(|name| *name != DELEGATE);
    let template = AgentSpec {
        model: input.model.clone(),
        instructions: input.instructions.clone(),
        tools: ToolSelection::Only(tools.cloned().collect()),
        autonomy: input.autonomy,
        budget: input.budget.clone(),
        ..AgentSpec::new(NAME, "")
    };
    Delegate::new(agent, template)
}
