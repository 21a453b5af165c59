//! JSON Schemas as providers take them: closed objects, and only the keywords that they know.
//!
//! What is taken away here is still checked: the answer is validated against the caller's
//! own schema, whatever the provider was told.

use serde_json::{Map, Value, json};

use crate::AnswerSchema;

/// How deep a schema may be; deeper ones are sent as they are.
const DEPTH_MAX: usize = 64;
/// Keywords that constrain a value and that grammar-bound decoders reject.
const CONSTRAINTS: [&str; 18] = [
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "default",
    "examples",
];
/// Keywords without which the schema would mean something else.
const STRUCTURE: [&str; 11] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "prefixItems",
];

/// A schema made fit for a provider.
pub(super) struct Fitted {
    pub(super) schema: Value,
    /// The keywords that were taken away, each once, in order of appearance.
    pub(super) dropped: Vec<String>,
    /// Whether every object lists all of its properties as required.
    pub(super) all_required: bool,
    /// Whether the structure is one that grammar-bound decoders know.
    pub(super) is_plain: bool,
}

/// Why a schema was not sent at all.
pub(super) const NO_SCHEMA: &str =
    "the provider takes no schema; only a tool or a prompt can ask for it";

impl Fitted {
    /// Says what the provider does not enforce.
    pub(super) fn unenforced(&self) -> Option<String> {
        let names = self.dropped.join(", ");
        (!names.is_empty()).then(|| format!("the provider does not enforce {names}"))
    }
}

/// A schema for a provider that decodes strictly or takes it as a hint.
pub(super) struct Strict {
    pub(super) schema: Value,
    pub(super) is_strict: bool,
    pub(super) loss: Option<String>,
}

/// Makes a schema fit for strict decoding, which demands closed objects whose properties are
/// all required. One of another form is sent as it is, as a hint.
pub(super) fn strict(answer: &AnswerSchema) -> Strict {
    let fitted = fit(&answer.schema);
    if fitted.is_plain && fitted.all_required {
        return Strict {
            loss: fitted.unenforced(),
            schema: fitted.schema,
            is_strict: true,
        };
    }
    let loss = "the provider takes the schema as a hint: it has optional properties or a form \
                that strict decoding does not know";
    Strict {
        schema: answer.schema.clone(),
        is_strict: false,
        loss: Some(loss.to_owned()),
    }
}

/// Closes every object and takes the constraints away.
pub(super) fn fit(schema: &Value) -> Fitted {
    let mut fitted = Fitted {
        schema: Value::Null,
        dropped: Vec::new(),
        all_required: true,
        is_plain: true,
    };
    let schema = walk(schema, &mut fitted, 0);
    fitted.schema = schema;
    fitted
}

/// Returns the schema as an object schema, since a tool's arguments are always an object.
pub(super) fn of_arguments(schema: &Value) -> Value {
    match schema {
        Value::Object(map) if map.contains_key("type") => schema.clone(),
        Value::Object(map) => {
            let mut map = map.clone();
            map.insert("type".to_owned(), json!("object"));
            Value::Object(map)
        }
        _ => json!({ "type": "object" }),
    }
}

fn walk(schema: &Value, fitted: &mut Fitted, depth: usize) -> Value {
    let Value::Object(map) = schema else {
        return schema.clone();
    };
    if depth == DEPTH_MAX {
        fitted.is_plain = false;
        return schema.clone();
    }
    let mut out = Map::new();
    for (key, value) in map {
        if CONSTRAINTS.contains(&key.as_str()) {
            if !fitted.dropped.contains(key) {
                fitted.dropped.push(key.clone());
            }
            continue;
        }
        fitted.is_plain &= !STRUCTURE.contains(&key.as_str());
        let value = match key.as_str() {
            "properties" | "$defs" | "definitions" => walk_each(value, fitted, depth),
            "items" => walk(value, fitted, depth + 1),
            "anyOf" | "allOf" | "oneOf" => match value {
                Value::Array(all) => all.iter().map(|one| walk(one, fitted, depth + 1)).collect(),
                other => other.clone(),
            },
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    close(&mut out, fitted);
    Value::Object(out)
}

fn walk_each(value: &Value, fitted: &mut Fitted, depth: usize) -> Value {
    let Value::Object(map) = value else {
        return value.clone();
    };
    let each = map.iter();
    let walked = each.map(|(name, one)| (name.clone(), walk(one, fitted, depth + 1)));
    Value::Object(walked.collect())
}

/// Closes an object schema; one that takes any property cannot be said to such a provider.
fn close(map: &mut Map<String, Value>, fitted: &mut Fitted) {
    let is_object = map.get("type").is_some_and(|kind| kind == "object");
    if !is_object && !map.contains_key("properties") {
        return;
    }
    match map.get("additionalProperties") {
        None | Some(Value::Bool(false)) => {
            map.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        Some(_) => fitted.is_plain = false,
    }
    let names = map.get("properties").and_then(Value::as_object);
    let required = map.get("required").and_then(Value::as_array);
    let is_required = |name: &String| {
        required.is_some_and(|required| required.iter().any(|other| other == name.as_str()))
    };
    fitted.all_required &= names.is_none_or(|names| names.keys().all(is_required));
}

#[cfg(test)]
mod tests {
    use super::fit;
    use serde_json::json;

    #[test]
    fn objects_are_closed_and_constraints_go() {
        let fitted = fit(&json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "minimum": {"type": "integer", "minimum": 3},
                "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "null"}}}},
            },
            "required": ["name", "minimum", "list"],
        }));
        let expected = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "minimum": {"type": "integer"},
                "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": false}},
            },
            "required": ["name", "minimum", "list"],
            "additionalProperties": false,
        });
        assert_eq!(fitted.schema, expected);
        assert_eq!(fitted.dropped.len(), 2);
        assert!(fitted.is_plain && !fitted.all_required);
    }

    #[test]
    fn open_objects_and_conditions_are_not_plain() {
        assert!(!fit(&json!({"type": "object", "additionalProperties": true})).is_plain);
        assert!(!fit(&json!({"if": {}, "then": {}})).is_plain);
        assert!(fit(&json!({"enum": ["a", "b"]})).is_plain);
    }
}
