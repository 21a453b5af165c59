//! What an agent works on, as the harness wants it: titled texts.

use layercake_harness::Material;
use serde_json::Value;

/// Makes one piece of material out of a value; a text as it is, anything else as JSON.
pub(super) fn of(value: &Value) -> Vec<Material> {
    let text = match value {
        Value::Null => return Vec::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    vec![Material {
        title: "material".to_owned(),
        text,
    }]
}
