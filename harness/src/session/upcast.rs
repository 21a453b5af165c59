//! Bodies of older formats in today's words. A record itself is never rewritten: its hash holds
//! for what was stored.
//!
//! One step for each format, each from its own to the next; a golden file for each format is in
//! `tests/data`.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::SESSION_FORMAT;

/// Returns a stored body as today's format would have it; `None` for a format of a later
/// version.
pub(super) fn body<'a>(format: u16, kind: &str, body: &'a Value) -> Option<Cow<'a, Value>> {
    if format == SESSION_FORMAT {
        return Some(Cow::Borrowed(body));
    }
    match (format, kind) {
        (1, "tool-intended") => Some(Cow::Owned(intended_from_1(body.clone()))),
        (1, _) => Some(Cow::Borrowed(body)),
        _ => None,
    }
}

/// Format 1 wrote down which approval a call used up, and nothing where no person was asked.
fn intended_from_1(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        let grant = match members.remove("approval") {
            Some(Value::String(id)) => json!({ "approval": id }),
            _ => json!("unrecorded"),
        };
        members.insert("grant".to_owned(), grant);
    }
    body
}
