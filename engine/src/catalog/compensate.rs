//! `compensate`: undoes what was done. The engine executes it itself.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "compensate",
        EffectClass::Pure,
        "Undoes finished work that has an `undo`, the last first; each step is retried.",
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "scope": { "type": "string", "description": "Undo only what was done inside the task of this name." }
            }
        }),
        json!({
            "type": "object",
            "required": ["undone"],
            "properties": { "undone": { "type": "array", "items": { "type": "string" } } }
        }),
    )
}
