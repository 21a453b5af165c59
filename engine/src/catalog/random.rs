//! `random`: a random number, recorded, so that a replay sees the same.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "random",
        EffectClass::Read,
        "Returns a random integer from `min` to `max`, both included; by default from 0 to 2^32 - 1.",
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "min": { "type": "integer", "minimum": -9_007_199_254_740_991_i64 },
                "max": { "type": "integer", "maximum": 9_007_199_254_740_991_i64 }
            }
        }),
        json!({ "type": "integer" }),
    )
}
