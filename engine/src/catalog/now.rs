//! `now`: the time, recorded, so that a replay sees the same.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "now",
        EffectClass::Read,
        "Returns the time, as RFC 3339 text and in milliseconds since 1970.",
        json!({ "type": "object", "additionalProperties": false }),
        json!({
            "type": "object",
            "required": ["iso", "millis"],
            "properties": { "iso": { "type": "string" }, "millis": { "type": "integer" } }
        }),
    )
}
