//! `for-each`: a custom function for each item. The engine executes it itself.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "for-each",
        EffectClass::Pure,
        "Runs a function of `use.functions` for each item, several at a time; the results keep the order of the items.",
        json!({
            "type": "object",
            "required": ["in", "do"],
            "additionalProperties": false,
            "properties": {
                "in": { "type": "array", "description": "The items; the function sees `$item` and `$index`." },
                "do": { "type": "string", "description": "The function that works on an item, which is its input." },
                "concurrency": { "type": "integer", "minimum": 1, "maximum": 10000, "description": "How many items at a time; 8 by default." },
                "key": { "description": "The name of an item, for its idempotency key; its position by default." },
                "undo": { "type": "string", "description": "The function that undoes the work on an item; its input is what `do` gave." }
            }
        }),
        json!({ "type": "array" }),
    )
}
