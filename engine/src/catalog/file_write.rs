//! `file-write`: writes one file.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "file-write",
        // The same content at the same path, written twice, is written once.
        EffectClass::Idempotent,
        "Writes one file: text as it is, anything else as JSON.",
        json!({
            "type": "object",
            "required": ["path", "content"],
            "additionalProperties": false,
            "properties": {
                "path": { "type": "string", "minLength": 1 },
                "content": {},
                "folder": { "type": "string", "minLength": 1 }
            }
        }),
        json!({
            "type": "object",
            "required": ["path", "sha256", "bytes"],
            "properties": {
                "path": { "type": "string" },
                "sha256": { "type": "string" },
                "bytes": { "type": "integer" }
            }
        }),
    )
}
