//! `uuid`: a random identifier, recorded, so that a replay sees the same.

use serde_json::json;

use super::{FunctionSpec, function};
use crate::EffectClass;

pub(super) fn spec() -> FunctionSpec {
    function(
        "uuid",
        EffectClass::Read,
        "Returns a random UUID as text.",
        json!({ "type": "object", "additionalProperties": false }),
        json!({ "type": "string" }),
    )
}
