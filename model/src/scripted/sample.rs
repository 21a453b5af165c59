//! The smallest value that a JSON Schema allows, as far as its keywords say so simply.

use serde_json::{Map, Value, json};

/// How deep a sample may be; a schema that refers to itself ends there.
const DEPTH_MAX: usize = 16;

/// Returns a sample of a schema.
pub(super) fn of(schema: &Value) -> Value {
    sample(schema, schema, 0)
}

fn sample(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == DEPTH_MAX {
        return Value::Null;
    }
    let own = |key: &str| schema.get(key);
    let first = |list: &Value| list.get(0).cloned();
    if let Some(value) = own("const").or_else(|| own("default")) {
        return value.clone();
    }
    if let Some(value) = own("enum")
        .and_then(first)
        .or_else(|| own("examples").and_then(first))
    {
        return value;
    }
    if let Some(target) = own("$ref").and_then(Value::as_str) {
        let pointer = target.trim_start_matches('#');
        let found = root.pointer(pointer).unwrap_or(&Value::Null);
        return sample(found, root, depth + 1);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(one) = own(key).and_then(first) {
            return sample(&one, root, depth + 1);
        }
    }
    if let Some(Value::Array(all)) = own("allOf") {
        return merged(all, root, depth);
    }
    let kind = match own("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        Some(kind) => kind.as_str(),
        None if own("properties").is_some() => Some("object"),
        None => None,
    };
    match kind {
        Some("object") => object(schema, root, depth),
        Some("array") => array(schema, root, depth),
        Some("string") => string(schema),
        Some("integer" | "number") => number(schema),
        Some("boolean") => json!(false),
        _ => Value::Null,
    }
}

fn merged(all: &[Value], root: &Value, depth: usize) -> Value {
    let mut whole = Map::new();
    for one in all {
        if let Value::Object(fields) = sample(one, root, depth + 1) {
            whole.extend(fields);
        }
    }
    Value::Object(whole)
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    let fields = names.map(|name| {
        let property = schema.get("properties").and_then(|all| all.get(name));
        let value = property.map_or(Value::Null, |one| sample(one, root, depth + 1));
        (name.to_owned(), value)
    });
    Value::Object(fields.collect())
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    /// A sample is small; a schema that demands more is not met.
    const ITEMS_MAX: u64 = 16;
    let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
    let item = schema.get("items").unwrap_or(&Value::Null);
    (0..count.min(ITEMS_MAX))
        .map(|_| sample(item, root, depth + 1))
        .collect()
}

fn string(schema: &Value) -> Value {
    const WORD: &str = "scripted";
    /// As with lists.
    const LENGTH_MAX: u64 = 1_000;
    let formatted = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => Some("2026-01-01T00:00:00Z"),
        Some("date") => Some("2026-01-01"),
        Some("email") => Some("someone@example.org"),
        Some("uri") => Some("https://example.org/"),
        _ => None,
    };
    let least = schema
        .get("minLength")
        .and_then(Value::as_u64)
        .unwrap_or(0)
        .min(LENGTH_MAX);
    let most = schema
        .get("maxLength")
        .and_then(Value::as_u64)
        .unwrap_or(LENGTH_MAX);
    let mut text = formatted.unwrap_or(WORD).to_owned();
    while (text.len() as u64) < least {
        text.push('x');
    }
    text.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    json!(text)
}

fn number(schema: &Value) -> Value {
    let least = schema.get("minimum").cloned();
    let above = schema.get("exclusiveMinimum").and_then(Value::as_i64);
    let below = schema
        .get("maximum")
        .filter(|most| most.as_f64().is_some_and(|most| most < 0.0));
    least
        .or_else(|| above.map(|above| json!(above.saturating_add(1))))
        .or_else(|| below.cloned())
        .unwrap_or_else(|| json!(0))
}
