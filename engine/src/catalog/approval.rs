//! `approval`: a person decides.

use serde_json::{Value, json};

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "approval",
        // The question is in the inbox under its derived id; asking again finds it.
        EffectClass::Idempotent,
        "Puts a question to a person and waits for the decision.",
        json!({
            "type": "object",
            "required": ["title"],
            "additionalProperties": false,
            "properties": {
                "title": { "type": "string", "minLength": 1 },
                "show": { "description": "What the person decides on." },
                "reviewers": reviewers(),
                "expires": { "type": ["object", "string"], "description": "A duration." },
                "default": {
                    "enum": ["approve", "reject"],
                    "description": "What counts when nobody decides in time; without it the task fails."
                }
            },
            "dependentRequired": { "default": ["expires"] }
        }),
        decision(),
    )
}

/// The schema of who may decide.
pub(super) fn reviewers() -> Value {
    let names = json!({ "type": "array", "items": { "type": "string", "minLength": 1 } });
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "names": names,
            "role": { "type": "string", "minLength": 1 },
            "roles": names,
            "notSelf": { "type": "boolean", "description": "Whoever asked for the run may not decide." },
            "approvals": {
                "type": "integer", "minimum": 1, "maximum": 100,
                "description": "How many different people must approve."
            }
        }
    })
}

/// The schema of a decision.
pub(super) fn decision() -> Value {
    json!({
        "type": "object",
        "required": ["decision", "by", "at"],
        "properties": {
            "decision": { "enum": ["approve", "reject"] },
            "by": { "type": ["string", "null"] },
            "at": { "type": "string" },
            "comment": { "type": ["string", "null"] },
            "edited": {},
            "lapsed": { "type": "boolean" }
        }
    })
}
