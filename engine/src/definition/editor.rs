//! The JSON Schema of definitions for editors: made from the same tables of keys as the reader,
//! so that an editor underlines what the reader would refuse.
//!
//! It is draft-07, because that is what the language servers of editors know best: no
//! `unevaluatedProperties`; what a task may have depends on its word by `if` and `then`.

use serde_json::{Map, Value, json};

use super::duration::UNITS;
use super::reader::authentication::SCHEMES;
use super::reader::document::{DOCUMENT_KEYS, DSL_VERSIONS, USE_KEYS};
use super::reader::extension::KINDS;
use super::reader::http::WITH_KEYS;
use super::reader::outcome::{CATCH_KEYS, ERROR_KEYS, FILTER_KEYS, RETRY_KEYS};
use super::reader::process;
use super::reader::remote;
use super::reader::task::{COMMON_KEYS, TASK_WORDS, keys_of};
use crate::{Catalog, StandardCall};

/// Returns the JSON Schema (draft-07) of definitions that may call these functions, for
/// completion and underlining in editors. The reader checks more than a schema can say.
pub fn editor_schema(catalog: &Catalog) -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A routine (Open Workflow Specification 1.0)",
        "type": "object",
        "required": ["document", "do"],
        "properties": closed(DOCUMENT_KEYS, document_key),
        "additionalProperties": false,
        "definitions": {
            "tasks": named_items(&json!({ "$ref": "#/definitions/task" })),
            "task": task(catalog),
            "then": { "type": "string", "description": "`continue`, `exit`, `end`, or a task of this list." },
            "expression": { "type": ["string", "boolean"], "description": "A jq expression, with or without `${ }`." },
            "duration": duration(),
            "timeout": either(&[&json!({ "type": "string" }), &object(&["after"], &["after"], |_| refer("duration"))]),
            "intake": object(&["schema", "from"], &[], intake_key),
            "outflow": object(&["schema", "as"], &[], intake_key),
            "endpoint": either(&[&json!({ "type": "string" }), &object(&["uri", "authentication"], &["uri"], |key| match key {
                "authentication" => refer("authentication"),
                _ => json!({ "type": "string" }),
            })]),
            "resource": object(&["name", "endpoint"], &["endpoint"], |key| match key {
                "endpoint" => refer("endpoint"),
                _ => json!({ "type": "string" }),
            }),
            "authentication": object(&[SCHEMES, &["use"]].concat(), &[], |key| match key {
                "use" => json!({ "type": "string" }),
                _ => json!({ "type": "object" }),
            }),
            "retry": either(&[&json!({ "type": "string" }), &object(RETRY_KEYS, &[], retry_key)]),
            "error": either(&[&json!({ "type": "string" }), &object(ERROR_KEYS, &["type", "status"], |key| match key {
                "status" => json!({ "type": ["integer", "string"] }),
                _ => json!({ "type": "string" }),
            })]),
            "events": events(),
        }
    })
}

fn refer(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn either(forms: &[&Value]) -> Value {
    json!({ "anyOf": forms })
}

fn closed(keys: &[&str], form: impl Fn(&str) -> Value) -> Value {
    let entries = keys.iter().map(|key| ((*key).to_owned(), form(key)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn object(keys: &[&str], required: &[&str], form: impl Fn(&str) -> Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "properties": closed(keys, form),
        "additionalProperties": false,
    })
}

/// A list whose items have one key each, their name.
fn named_items(item: &Value) -> Value {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": item,
        }
    })
}

fn map_of(item: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": item })
}

fn document_key(key: &str) -> Value {
    match key {
        "document" => object(
            &[
                "dsl",
                "namespace",
                "name",
                "version",
                "title",
                "summary",
                "tags",
                "metadata",
            ],
            &["dsl", "namespace", "name", "version"],
            |key| match key {
                "dsl" => json!({ "enum": DSL_VERSIONS }),
                "tags" | "metadata" => json!({ "type": "object" }),
                _ => json!({ "type": "string" }),
            },
        ),
        "input" => refer("intake"),
        "output" => refer("outflow"),
        "use" => json!({
            "type": "object",
            "properties": closed(USE_KEYS, use_key),
            "additionalProperties": false,
        }),
        "do" => refer("tasks"),
        "timeout" => refer("timeout"),
        "schedule" => object(&["every", "cron", "after", "on"], &[], |key| match key {
            "cron" => json!({ "type": "string" }),
            "on" => refer("events"),
            _ => refer("duration"),
        }),
        "evaluate" => object(&["language", "mode"], &[], |key| match key {
            "language" => json!({ "enum": ["jq"] }),
            _ => json!({ "enum": ["strict"] }),
        }),
        _ => json!({ "type": "object" }),
    }
}

fn use_key(key: &str) -> Value {
    match key {
        "authentications" => map_of(&refer("authentication")),
        "catalogs" => map_of(&object(&["endpoint"], &["endpoint"], |_| refer("endpoint"))),
        "errors" => map_of(&refer("error")),
        "extensions" => named_items(&object(
            &["extend", "when", "before", "after"],
            &["extend"],
            |key| match key {
                "extend" => json!({ "enum": KINDS }),
                "when" => refer("expression"),
                _ => refer("tasks"),
            },
        )),
        "functions" => map_of(&refer("task")),
        "retries" => map_of(&refer("retry")),
        "secrets" => json!({ "type": "array", "items": { "type": "string" } }),
        _ => map_of(&refer("timeout")),
    }
}

/// What a task may have depends on its word.
fn task(catalog: &Catalog) -> Value {
    let mut rules: Vec<Value> = TASK_WORDS
        .iter()
        .map(|word| {
            let keys = [keys_of(word), COMMON_KEYS].concat();
            let condition = match *word {
                // `for` has a `do` as well.
                "do" => json!({ "required": ["do"], "not": { "required": ["for"] } }),
                word => json!({ "required": [word] }),
            };
            let then = json!({
                "properties": closed(&keys, |key| task_key(word, key)),
                "additionalProperties": false,
            });
            json!({ "if": condition, "then": then })
        })
        .collect();
    rules.extend(standard_calls());
    rules.extend(catalog.functions().map(|spec| {
        let name = format!("{}:{}@default", spec.name, spec.version);
        let schema = with_holes(&spec.input);
        call_rule(&name, &json!({ "with": schema }))
    }));
    let words: Vec<Value> = TASK_WORDS
        .iter()
        .map(|word| json!({ "required": [word] }))
        .collect();
    json!({ "type": "object", "anyOf": words, "allOf": rules })
}

fn call_rule(name: &str, properties: &Value) -> Value {
    json!({
        "if": { "required": ["call"], "properties": { "call": { "const": name } } },
        "then": { "properties": properties }
    })
}

fn standard_calls() -> Vec<Value> {
    let argument = |key: &str| match key {
        "endpoint" | "server" => refer("endpoint"),
        "document" | "agentCard" => refer("resource"),
        "authentication" => refer("authentication"),
        "timeout" => refer("duration"),
        _ => json!(true),
    };
    let http = object(WITH_KEYS, &["method", "endpoint"], argument);
    let mut rules = vec![call_rule("http", &json!({ "with": http }))];
    for call in [StandardCall::OpenApi, StandardCall::Mcp, StandardCall::A2a] {
        let (keys, required) = remote::form_of(call);
        let with = object(keys, required, argument);
        rules.push(call_rule(call.name(), &json!({ "with": with })));
    }
    rules
}

/// Relaxes the schema of arguments: every value may be an expression, only keys stay closed.
fn with_holes(schema: &Value) -> Value {
    let keys = schema.get("properties").and_then(Value::as_object);
    let Some(keys) = keys else {
        return json!(true);
    };
    let relaxed = keys.iter().map(|(key, schema)| {
        let about = schema.get("description").cloned();
        let form = about.map_or_else(|| json!(true), |about| json!({ "description": about }));
        (key.clone(), form)
    });
    json!({
        "type": "object",
        "required": schema.get("required").cloned().unwrap_or_else(|| json!([])),
        "properties": relaxed.collect::<Map<_, _>>(),
        "additionalProperties": schema.get("additionalProperties").unwrap_or(&Value::Bool(true)),
    })
}

fn task_key(word: &str, key: &str) -> Value {
    match (word, key) {
        (_, "if" | "while") => refer("expression"),
        (_, "input") => refer("intake"),
        (_, "output" | "export") => refer("outflow"),
        (_, "timeout") => refer("timeout"),
        (_, "then") => refer("then"),
        (_, "metadata" | "with") => json!({ "type": "object" }),
        (_, "do" | "try") => refer("tasks"),
        ("call", _) => json!({ "type": "string" }),
        ("switch", _) => named_items(&object(&["when", "then"], &["then"], |key| match key {
            "when" => refer("expression"),
            _ => refer("then"),
        })),
        ("wait", _) => refer("duration"),
        ("raise", _) => object(&["error"], &["error"], |_| refer("error")),
        ("for", _) => object(&["each", "in", "at"], &["in"], |key| match key {
            "in" => json!({ "type": ["string", "array"] }),
            _ => json!({ "type": "string" }),
        }),
        ("fork", _) => object(&["branches", "compete"], &["branches"], |key| match key {
            "branches" => refer("tasks"),
            _ => json!({ "type": "boolean" }),
        }),
        ("try", _) => object(CATCH_KEYS, &[], catch_key),
        ("emit", _) => object(&["event"], &["event"], |_| {
            object(
                &["with"],
                &["with"],
                |_| json!({ "type": "object", "required": ["type"] }),
            )
        }),
        ("listen", "foreach") => {
            object(
                &["item", "at", "do", "output", "export"],
                &[],
                |key| match key {
                    "do" => refer("tasks"),
                    "output" | "export" => refer("outflow"),
                    _ => json!({ "type": "string" }),
                },
            )
        }
        ("listen", _) => object(&["to", "read"], &["to"], |key| match key {
            "to" => refer("events"),
            _ => json!({ "enum": ["data", "envelope", "raw"] }),
        }),
        ("run", _) => object(
            &[
                "workflow",
                "script",
                "shell",
                "container",
                "await",
                "return",
            ],
            &[],
            run_key,
        ),
        _ => json!(true),
    }
}

fn run_key(key: &str) -> Value {
    match key {
        "await" => json!({ "type": "boolean" }),
        "return" => json!({ "enum": ["stdout", "stderr", "code", "all", "none"] }),
        "workflow" => object(
            &["namespace", "name", "version", "input"],
            &["namespace", "name"],
            |_| json!(true),
        ),
        name => {
            let kind = StandardCall::named(name).unwrap_or(StandardCall::Container);
            let (keys, required) = process::form_of(kind);
            object(keys, &[required], |_| json!(true))
        }
    }
}

fn catch_key(key: &str) -> Value {
    match key {
        "errors" => object(&["with"], &[], |_| {
            object(FILTER_KEYS, &[], |key| match key {
                "status" => json!({ "type": "integer" }),
                _ => json!({ "type": "string" }),
            })
        }),
        "when" | "exceptWhen" => refer("expression"),
        "retry" => refer("retry"),
        "do" => refer("tasks"),
        "then" => refer("then"),
        _ => json!({ "type": "string" }),
    }
}

fn retry_key(key: &str) -> Value {
    match key {
        "when" | "exceptWhen" => refer("expression"),
        "delay" => refer("duration"),
        "backoff" => object(&["constant", "linear", "exponential"], &[], |_| json!(true)),
        "limit" => object(&["attempt", "duration"], &[], |key| match key {
            "attempt" => object(&["count", "duration"], &[], |key| match key {
                "count" => json!({ "type": "integer", "minimum": 0 }),
                _ => refer("duration"),
            }),
            _ => refer("duration"),
        }),
        _ => object(&["from", "to"], &["from", "to"], |_| refer("duration")),
    }
}

fn intake_key(key: &str) -> Value {
    match key {
        "schema" => object(&["format", "document", "resource"], &[], |key| match key {
            "format" => json!({ "type": "string" }),
            "resource" => refer("resource"),
            _ => json!(true),
        }),
        _ => json!(true),
    }
}

fn duration() -> Value {
    let units: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
    let parts = object(&units, &[], |_| json!({ "type": ["number", "string"] }));
    either(&[&json!({ "type": "string" }), &parts])
}

fn events() -> Value {
    let correlation = object(
        &["from", "expect"],
        &["from"],
        |_| json!({ "type": "string" }),
    );
    let filter = object(&["with", "correlate"], &["with"], |key| match key {
        "correlate" => map_of(&correlation),
        _ => json!({ "type": "object", "minProperties": 1 }),
    });
    object(&["one", "all", "any", "until"], &[], |key| match key {
        "one" => filter.clone(),
        "until" => json!({ "type": ["string", "boolean", "object"] }),
        _ => json!({ "type": "array", "items": filter.clone() }),
    })
}
