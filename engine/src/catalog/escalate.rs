//! `escalate`: a problem is put to a person, and waits for the answer.

use serde_json::json;

use super::{FunctionSpec, approval, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "escalate",
        // As an approval: the question is found again under its derived id.
        EffectClass::Idempotent,
        "Puts a problem into the inbox of a person or a role and waits for the answer.",
        json!({
            "type": "object",
            "required": ["problem"],
            "additionalProperties": false,
            "properties": {
                "to": {
                    "description": "A name or a role, several of them, or reviewers as of an approval.",
                    "anyOf": [
                        { "type": "string", "minLength": 1 },
                        { "type": "array", "items": { "type": "string", "minLength": 1 } },
                        approval::reviewers()
                    ]
                },
                "problem": { "description": "What went wrong, for instance `${ $error }`." },
                "title": { "type": "string", "minLength": 1 },
                "show": { "description": "What else the person should see." },
                "expires": { "type": ["object", "string"], "description": "A duration." },
                "default": { "enum": ["approve", "reject"] }
            },
            "dependentRequired": { "default": ["expires"] }
        }),
        approval::decision(),
    )
}
