//! `plan` and `note`: what the agent tells itself. It survives every summary word for word.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use crate::EffectClass;

/// The name of the tool whose newest call is the plan.
pub(crate) const PLAN: &str = "plan";
/// The name of the tool whose calls are notes.
pub(crate) const NOTE: &str = "note";

/// Keeps the agent's plan. The log is where it is kept; the tool itself does nothing.
#[derive(Debug, Clone)]
pub struct KeepPlan {
    spec: ToolSpec,
}

impl KeepPlan {
    /// Makes the tool.
    pub fn new() -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "plan": {"type": "string", "minLength": 1, "maxLength": 4000, "description": "The whole plan as a list of steps, each marked done, doing or open"}
            },
            "required": ["plan"],
            "additionalProperties": false
        });
        let about = "Writes down your plan; replaces the one before. You keep it however long the work takes.";
        Self {
            spec: ToolSpec::new(PLAN, about, schema).class(EffectClass::Pure),
        }
    }
}

impl Default for KeepPlan {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Tool for KeepPlan {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        Ok(ToolOutput::text("The plan is kept."))
    }
}

/// Keeps notes. The log is where they are kept; the tool itself does nothing.
#[derive(Debug, Clone)]
pub struct TakeNote {
    spec: ToolSpec,
}

impl TakeNote {
    /// Makes the tool.
    pub fn new() -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "note": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "One fact, with its source"}
            },
            "required": ["note"],
            "additionalProperties": false
        });
        let about =
            "Writes down a fact that you will need later. You keep it however long the work takes.";
        Self {
            spec: ToolSpec::new(NOTE, about, schema).class(EffectClass::Pure),
        }
    }
}

impl Default for TakeNote {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Tool for TakeNote {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        Ok(ToolOutput::text("The note is kept."))
    }
}
