//! `agent`: a model in a loop with tools, towards a goal.

use serde_json::json;

use super::{FunctionSpec, contract, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "agent",
        // Its session is found again by its derived id and goes on.
        EffectClass::Resumable,
        "Lets an agent work towards a goal and returns its answer, or `{ text }` without a schema.",
        json!({
            "type": "object",
            "required": ["goal"],
            "additionalProperties": false,
            "properties": {
                "goal": { "type": "string", "minLength": 1 },
                "material": { "description": "What the agent works on." },
                "instructions": { "type": "string" },
                "tools": { "type": "array", "items": { "type": "string" } },
                "skills": { "type": "array", "items": { "type": "string" } },
                "model": { "type": "string", "description": "The alias of a model." },
                "autonomy": { "type": "string" },
                "budget": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "turns": { "type": "integer", "minimum": 1 },
                        "tokens": { "type": "integer", "minimum": 1 },
                        "usd": { "type": ["number", "string"] },
                        "minutes": { "type": "number", "exclusiveMinimum": 0 }
                    }
                },
                "answer": { "type": ["object", "boolean"], "description": "The JSON Schema of the answer." },
                "contract": contract::schema()
            }
        }),
        json!(true),
    )
}
