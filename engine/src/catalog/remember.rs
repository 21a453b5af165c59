//! `remember`: asserts a fact in the context.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "remember",
        // The assertion carries the effect's key; the same one again changes nothing.
        EffectClass::Idempotent,
        "Writes one fact into the shared context, with this run as its source.",
        json!({
            "type": "object",
            "required": ["subject", "predicate", "value"],
            "additionalProperties": false,
            "properties": {
                "subject": { "type": "string", "minLength": 1 },
                "predicate": { "type": "string", "minLength": 1 },
                "value": {},
                "confidence": { "type": "number", "minimum": 0, "maximum": 1 }
            }
        }),
        json!({
            "type": "object",
            "required": ["id", "seq"],
            "properties": { "id": {}, "seq": { "type": "integer" } }
        }),
    )
}
