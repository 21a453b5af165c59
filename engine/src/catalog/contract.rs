//! The contract that `decide` and `agent` share: when an answer is right, and what if it is not.
//! The engine keeps it.

use serde_json::{Value, json};

use super::approval;

/// The schema of `contract`.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "done": { "type": "string", "minLength": 1, "description": "What has to hold of the answer." },
            "evaluator": {
                "type": "string", "minLength": 1,
                "description": "A function under `use.functions` that is given `{ answer, done, arguments, attempt }` and says `{ accepted, reasons }`."
            },
            "attempts": {
                "type": "integer", "minimum": 1, "maximum": 10,
                "description": "How often an answer is asked for, each time with the reasons; by default once."
            },
            "escalate": {
                "description": "Who gets the last answer to decide on when none was right: a name or a role, several, reviewers as of an approval, or `true` for anybody.",
                "anyOf": [
                    { "type": "boolean" },
                    { "type": "string", "minLength": 1 },
                    { "type": "array", "items": { "type": "string", "minLength": 1 } },
                    approval::reviewers()
                ]
            }
        }
    })
}
