//! `recall`: looks up facts in the context.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "recall",
        EffectClass::Read,
        "Looks up facts in the shared context, as of one snapshot.",
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "query": { "type": "string" },
                "subject": { "type": "string" },
                "predicate": { "type": "string" },
                "limit": { "type": "integer", "minimum": 1 }
            }
        }),
        json!({
            "type": "object",
            "required": ["facts", "seq"],
            "properties": { "facts": { "type": "array" }, "seq": { "type": "integer" } }
        }),
    )
}
