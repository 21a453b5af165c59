//! `decide`: a bounded question to a model, with a typed answer.

use serde_json::json;

use super::{FunctionSpec, contract, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "decide",
        // Asking again changes nothing outside, but may give another answer.
        EffectClass::Read,
        "Asks a model one bounded question and returns an answer that satisfies a schema.",
        json!({
            "type": "object",
            "required": ["question", "answer"],
            "additionalProperties": false,
            "properties": {
                "question": { "type": "string", "minLength": 1 },
                "material": { "description": "What the question is about." },
                "answer": { "type": ["object", "boolean"], "description": "The JSON Schema of the answer." },
                "contract": contract::schema(),
                "model": { "type": "string", "description": "The alias of a model." },
                "instructions": { "type": "string" },
                "budget": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "tokens": { "type": "integer", "minimum": 1 },
                        "seconds": { "type": "number", "exclusiveMinimum": 0 },
                        "usd": { "type": ["number", "string"] }
                    }
                },
                "attempts": { "type": "integer", "minimum": 1, "maximum": 10 }
            }
        }),
        json!(true),
    )
}
