//! `ask`: a question to a person, whose answer is the result.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{AnsweredBy, Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use crate::EffectClass;

/// Asks a person. The harness puts the question to the approver; the tool itself does nothing.
#[derive(Debug, Clone)]
pub struct AskPerson {
    spec: ToolSpec,
}

impl AskPerson {
    /// Makes the tool.
    pub fn new() -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "question": {"type": "string", "minLength": 1, "description": "The question, with everything that the person needs to know"}
            },
            "required": ["question"],
            "additionalProperties": false
        });
        let about =
            "Asks a person. Use it when only a person can know or decide; an answer may take long.";
        let mut spec = ToolSpec::new("ask", about, schema).class(EffectClass::Read);
        spec.answered_by = AnsweredBy::Person;
        Self { spec }
    }
}

impl Default for AskPerson {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Tool for AskPerson {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        // Only reached after somebody agreed to the question without answering it.
        Err(ToolError::Failed(
            "the person agreed and gave no answer".to_owned(),
        ))
    }
}
