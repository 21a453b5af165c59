//! `record`: appends a value to a named stream, for whoever looks later.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "record",
        // The entry carries the effect's key; the same one again changes nothing.
        EffectClass::Idempotent,
        "Appends a value to a named stream and returns the stream with the entry's name.",
        json!({
            "type": "object",
            "required": ["stream", "value"],
            "additionalProperties": false,
            "properties": {
                "stream": { "type": "string", "minLength": 1, "maxLength": 200 },
                "value": {}
            }
        }),
        json!({
            "type": "object",
            "required": ["stream", "id"],
            "properties": { "stream": { "type": "string" }, "id": { "type": "string" } }
        }),
    )
}
