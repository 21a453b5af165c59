//! From the arguments of `run: script` and `run: shell` to programs.
//!
//! Source: the Open Workflow Specification, DSL reference, "Script Process" and "Shell Process".

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Program, configuration};
use crate::{EffectId, Problem, canonical_json};

/// The longest code, in bytes: it is an argument, and Linux takes 128 KiB for one.
const CODE_BYTES_MAX: usize = 100 * 1024;

/// Makes the program of a script; `source` is its text when it stands elsewhere.
pub(super) fn script(
    with: &Value,
    source: Option<&str>,
    effect: EffectId,
) -> Result<Program, Problem> {
    let code = source.or(with["code"].as_str());
    let code = code.ok_or_else(|| configuration("the script has no code"))?;
    if code.len() > CODE_BYTES_MAX {
        let title = format!("the script is longer than {CODE_BYTES_MAX} bytes");
        return Err(configuration(&title));
    }
    let (name, mut arguments) = match with["language"].as_str().unwrap_or_default() {
        // The script's own name is what it finds before its arguments.
        "js" | "javascript" => (
            "node",
            vec!["--input-type=module", "--eval", code, "--", "script"],
        ),
        "python" => ("python3", vec!["-c", code]),
        other => return Err(configuration(&format!("nobody here speaks `{other}`"))),
    };
    let given = texts(with.get("arguments"));
    arguments.extend(given.iter().map(String::as_str));
    Ok(Program {
        name: name.to_owned(),
        arguments: arguments.into_iter().map(str::to_owned).collect(),
        environment: environment(with),
        stdin: stdin(with),
        effect,
    })
}

/// Makes the program of a command.
pub(super) fn shell(with: &Value, effect: EffectId) -> Result<Program, Problem> {
    let command = with["command"].as_str();
    let command = command.ok_or_else(|| configuration("there is no command"))?;
    let mut arguments = vec!["-c".to_owned(), command.to_owned(), "sh".to_owned()];
    arguments.extend(texts(with.get("arguments")));
    Ok(Program {
        name: "sh".to_owned(),
        arguments,
        environment: environment(with),
        stdin: stdin(with),
        effect,
    })
}

pub(super) fn environment(with: &Value) -> BTreeMap<String, String> {
    let fields = with["environment"].as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

pub(super) fn stdin(with: &Value) -> Option<String> {
    with.get("stdin").filter(|value| !value.is_null()).map(text)
}

/// A list of texts; of a map its names and values, one after the other.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(Value::Object(fields)) => fields
            .iter()
            .flat_map(|(name, value)| [name.clone(), text(value)])
            .collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(single) => vec![text(single)],
    }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => canonical_json(other),
    }
}
