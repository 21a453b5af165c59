//! Placeholders in answers: `{{user.json.subject}}`, `{{tool.text ?? "nothing"}}`.

use serde_json::Value;

use super::request_view::{RequestView, first_json};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const FALLBACK: &str = "??";
/// What a placeholder may begin with.
const ROOTS: &str = "user.text, user.json, first.text, first.json, system.text, system.json, \
                     tool.text, tool.json, tool.name, any.json, model, turn";

/// A piece of a template.
enum Piece<'a> {
    Text(&'a str),
    Reference {
        path: &'a str,
        fallback: Option<Value>,
    },
}

/// Checks the form of a template, and that its references begin with something that exists.
pub(super) fn check(template: &str) -> Result<(), String> {
    for piece in pieces(template) {
        if let Piece::Reference { path, .. } = piece? {
            let known = ROOTS.split(", ").any(|root| {
                let rest = path.strip_prefix(root);
                rest.is_some_and(|rest| {
                    rest.is_empty() || root.ends_with("json") && rest.starts_with('.')
                })
            });
            if !known {
                return Err(format!(
                    "`{{{{{path}}}}}` refers to nothing; there are {ROOTS}"
                ));
            }
        }
    }
    Ok(())
}

/// Checks every text inside a value.
pub(super) fn check_value(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => check(text),
        Value::Array(all) => all.iter().try_for_each(check_value),
        Value::Object(all) => all.values().try_for_each(check_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Fills a text.
pub(super) fn fill(template: &str, view: &RequestView<'_>) -> Result<String, String> {
    let mut filled = String::new();
    for piece in pieces(template) {
        match piece? {
            Piece::Text(text) => filled.push_str(text),
            Piece::Reference { path, fallback } => {
                filled.push_str(&text_of(&resolve(path, fallback, view)?));
            }
        }
    }
    Ok(filled)
}

/// Fills every text inside a value. A text that is one placeholder becomes what it refers to,
/// whatever its type.
pub(super) fn fill_value(value: &Value, view: &RequestView<'_>) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            let mut all = pieces(text);
            match (all.next(), all.next()) {
                (Some(Ok(Piece::Reference { path, fallback })), None) => {
                    resolve(path, fallback, view)
                }
                _ => fill(text, view).map(Value::String),
            }
        }
        Value::Array(all) => all.iter().map(|one| fill_value(one, view)).collect(),
        Value::Object(all) => {
            let filled = all
                .iter()
                .map(|(name, one)| Ok((name.clone(), fill_value(one, view)?)));
            filled.collect::<Result<_, _>>().map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

/// Finds the value at a path such as `from.0.address`.
pub(super) fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let mut steps = path.split('.').filter(|step| !step.is_empty());
    steps.try_fold(value, |at, step| match at {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Writes a value as words: texts as they are, everything else as JSON.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn pieces(template: &str) -> impl Iterator<Item = Result<Piece<'_>, String>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(at) = rest.find(OPEN) else {
            return Some(Ok(Piece::Text(std::mem::take(&mut rest))));
        };
        if at > 0 {
            let (text, more) = rest.split_at(at);
            rest = more;
            return Some(Ok(Piece::Text(text)));
        }
        let inside = &rest[OPEN.len()..];
        let Some(end) = inside.find(CLOSE) else {
            rest = "";
            return Some(Err("`{{` has no `}}`".to_owned()));
        };
        rest = &inside[end + CLOSE.len()..];
        Some(reference(&inside[..end]))
    })
}

fn reference(inside: &str) -> Result<Piece<'_>, String> {
    let Some((path, fallback)) = inside.split_once(FALLBACK) else {
        let path = inside.trim();
        return Ok(Piece::Reference {
            path,
            fallback: None,
        });
    };
    let fallback = serde_json::from_str(fallback.trim())
        .map_err(|_| format!("what follows `??` in `{{{{{inside}}}}}` is no JSON value"))?;
    Ok(Piece::Reference {
        path: path.trim(),
        fallback: Some(fallback),
    })
}

fn resolve(path: &str, fallback: Option<Value>, view: &RequestView<'_>) -> Result<Value, String> {
    let found = look_up(path, view).filter(|value| !value.is_null());
    found.or(fallback).ok_or_else(|| {
        format!("the request has no `{path}`; add a fallback: `{{{{{path} ?? \"…\"}}}}`")
    })
}

fn look_up(path: &str, view: &RequestView<'_>) -> Option<Value> {
    let text = |text: &str| Some(Value::String(text.to_owned()));
    let results = view.tool_results();
    match path {
        "model" => return text(view.model()),
        "turn" => return Some(Value::from(view.turn())),
        "user.text" => return text(&view.user_text()),
        "first.text" => return text(&view.first_text()),
        "system.text" => return text(view.system_text()),
        "tool.text" => return results.first().and_then(|(_, content)| text(content)),
        "tool.name" => return results.first().and_then(|(name, _)| text(name)),
        _ => {}
    }
    let (source, rest) = path.split_once(".json")?;
    let json = match source {
        "user" => view.user_json(),
        "first" => first_json(&view.first_text()),
        "system" => first_json(view.system_text()),
        "tool" => view.tool_json(),
        "any" => return view.any_json(|json| at_path(json, rest).cloned()),
        _ => None,
    };
    at_path(&json?, rest).cloned()
}
