//! Puts what a routine gives into the places that an operation names for it.
//!
//! Source: the `OpenAPI` Specification 3.1.1, "Style Values", and Swagger 2.0,
//! `collectionFormat`.

use reqwest::Url;
use serde_json::{Map, Value};

use super::operation::{Operation, resolve};
use super::wrong;
use crate::http::text_of;
use crate::{Problem, ProblemKind};

/// The parameter that is the whole body, in descriptions that give it no name.
const BODY: &str = "body";

/// An operation's request, with everything in its place.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Filled {
    pub(super) path: String,
    /// Encoded pairs.
    pub(super) query: Vec<String>,
    pub(super) headers: Map<String, Value>,
    pub(super) body: Value,
}

/// Fills an operation with what is given for its parameters.
pub(super) fn fill(
    operation: &Operation<'_>,
    given: &Map<String, Value>,
) -> Result<Filled, Problem> {
    let mut filled = Filled {
        path: operation.path.to_owned(),
        ..Filled::default()
    };
    let mut left = given.clone();
    let mut form = Vec::new();
    let mut cookies = Vec::new();
    for parameter in operation.parameters() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let Some(value) = left.remove(name).filter(|value| !value.is_null()) else {
            require(parameter, name)?;
            continue;
        };
        match parameter["in"].as_str().unwrap_or_default() {
            "path" => {
                let text = encoded_path(&joined(&value, ","));
                filled.path = filled.path.replace(&format!("{{{name}}}"), &text);
            }
            "query" => filled.query.extend(pairs(parameter, name, &value)),
            "header" => {
                let text = Value::String(joined(&value, ","));
                filled.headers.insert(name.to_owned(), text);
            }
            "cookie" => cookies.push(format!("{name}={}", encoded(&joined(&value, ",")))),
            "formData" => form.extend(pairs(parameter, name, &value)),
            "body" => filled.body = value,
            place => return Err(wrong(format!("the parameter `{name}` is in `{place}`"))),
        }
    }
    if !cookies.is_empty() {
        let text = Value::String(cookies.join("; "));
        filled.headers.insert("cookie".to_owned(), text);
    }
    if !form.is_empty() {
        set_form(&mut filled, form);
    }
    match operation.request_body() {
        Some(body) => fill_body(operation, body, left, &mut filled)?,
        None => refuse(&left)?,
    }
    Ok(filled)
}

/// Fills the body (3.x): with the parameter `body`, or with all that has no other place.
fn fill_body(
    operation: &Operation<'_>,
    said: &Value,
    mut left: Map<String, Value>,
    filled: &mut Filled,
) -> Result<(), Problem> {
    let content = said.get("content").and_then(Value::as_object);
    let kinds: Vec<&str> = content
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect();
    let is_json = |kind: &&&str| kind.starts_with("application/json") || kind.contains("+json");
    let kind = kinds.iter().find(is_json).or(kinds.first()).copied();
    let schema = content.and_then(|content| content.get(kind?)?.get("schema"));
    let schema = schema.map(|schema| resolve(operation.document, schema));
    let names_body = schema.is_some_and(|schema| schema["properties"].get(BODY).is_some());
    let body = match left.remove(BODY) {
        Some(body) if !names_body && left.is_empty() => body,
        body => {
            left.extend(body.map(|body| (BODY.to_owned(), body)));
            match left.is_empty() {
                true => Value::Null,
                false => Value::Object(left),
            }
        }
    };
    if body.is_null() {
        let title = "the operation requires a body: give its fields, or `body`, as parameters";
        return match said["required"].as_bool() {
            Some(true) => Err(Problem::standard(ProblemKind::Validation, title)),
            Some(false) | None => Ok(()),
        };
    }
    match kind {
        Some("application/x-www-form-urlencoded") => {
            let fields = body.as_object().into_iter().flatten();
            let form = fields.flat_map(|(name, value)| exploded(name, value));
            set_form(filled, form.collect());
        }
        kind => {
            filled.body = body;
            if let Some(kind) = kind.filter(|kind| !kind.contains('*')) {
                let kind = Value::String(kind.to_owned());
                filled.headers.insert("content-type".to_owned(), kind);
            }
        }
    }
    Ok(())
}

fn set_form(filled: &mut Filled, form: Vec<String>) {
    filled.body = Value::String(form.join("&"));
    let kind = Value::String("application/x-www-form-urlencoded".to_owned());
    filled.headers.insert("content-type".to_owned(), kind);
}

fn require(parameter: &Value, name: &str) -> Result<(), Problem> {
    if parameter["required"].as_bool() != Some(true) {
        return Ok(());
    }
    let title = format!("the operation requires the parameter `{name}`");
    Err(Problem::standard(ProblemKind::Validation, title))
}

fn refuse(left: &Map<String, Value>) -> Result<(), Problem> {
    match left.keys().next() {
        Some(name) => Err(wrong(format!("the operation has no parameter `{name}`"))),
        None => Ok(()),
    }
}

/// Writes a value as the pairs of a query or a form.
fn pairs(parameter: &Value, name: &str, value: &Value) -> Vec<String> {
    let format = parameter["collectionFormat"].as_str();
    let style = parameter["style"].as_str().unwrap_or("form");
    // Swagger 2.0 joins by commas unless it says otherwise; since 3.0 every item is a pair.
    let is_swagger = parameter.get("type").is_some();
    let explodes = match (is_swagger, format) {
        (true, format) => format == Some("multi"),
        (false, _) => parameter["explode"].as_bool().unwrap_or(style == "form"),
    };
    let separator = match (format, style) {
        (Some("ssv"), _) | (_, "spaceDelimited") => " ",
        (Some("tsv"), _) => "\t",
        (Some("pipes"), _) | (_, "pipeDelimited") => "|",
        _ => ",",
    };
    match value {
        Value::Object(fields) if style == "deepObject" => fields
            .iter()
            .map(|(key, value)| format!("{}={}", encoded(&format!("{name}[{key}]")), plain(value)))
            .collect(),
        Value::Object(fields) if explodes => fields
            .iter()
            .map(|(key, value)| format!("{}={}", encoded(key), plain(value)))
            .collect(),
        Value::Array(_) if explodes => exploded(name, value),
        value => vec![format!(
            "{}={}",
            encoded(name),
            encoded(&joined(value, separator))
        )],
    }
}

fn exploded(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| format!("{}={}", encoded(name), plain(item)))
            .collect(),
        value => vec![format!("{}={}", encoded(name), plain(value))],
    }
}

fn plain(value: &Value) -> String {
    encoded(&text_of(value))
}

fn joined(value: &Value, separator: &str) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text_of).collect();
            items.join(separator)
        }
        Value::Object(fields) => {
            let parts: Vec<String> = fields
                .iter()
                .flat_map(|(key, value)| [key.clone(), text_of(value)])
                .collect();
            parts.join(separator)
        }
        value => text_of(value),
    }
}

fn encoded(text: &str) -> String {
    let mut url: Url = "x:".parse().expect("a constant address is sound");
    url.query_pairs_mut().append_pair("", text);
    let query = url.query().unwrap_or_default();
    query.trim_start_matches('=').replace('+', "%20")
}

/// Encodes a part of a path, so that it stays one part: `/`, `?` and dots alone are data.
fn encoded_path(text: &str) -> String {
    match text {
        "." | ".." => text.replace('.', "%2E"),
        text => encoded(text),
    }
}
