//! `approval`: a person decides.

use serde_json::json;

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
                "reviewers": { "type": "object" },
                "expires": { "type": ["object", "string"], "description": "A duration." }
            }
        }),
        json!({
            "type": "object",
            "required": ["decision", "by", "at"],
            "properties": {
                "decision": { "enum": ["approve", "reject"] },
                "by": { "type": "string" },
                "at": { "type": "string" },
                "comment": { "type": ["string", "null"] },
                "edited": {},
                "shown": {}
            }
        }),
    )
}
