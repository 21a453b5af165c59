//! `files-list`: reads the files of a folder.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "files-list",
        EffectClass::Read,
        "Reads the files of a folder; what cannot be read is listed under `skipped`.",
        json!({
            "type": "object",
            "required": ["folder"],
            "additionalProperties": false,
            "properties": {
                "folder": { "type": "string", "minLength": 1 },
                "pattern": { "type": "string", "description": "For instance `*.eml`." },
                "parse": { "enum": ["text", "json", "message/rfc822", "none"] },
                "limit": { "type": "integer", "minimum": 1 }
            }
        }),
        json!({
            "type": "object",
            "required": ["files", "skipped"],
            "properties": {
                "files": { "type": "array" },
                "skipped": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "reason"],
                        "properties": {
                            "name": { "type": "string" },
                            "reason": { "type": "string" }
                        }
                    }
                }
            }
        }),
    )
}
