//! The input of a run: JSON, `@FILE`, or `-`; and what of it is a path.

use std::io::Read;
use std::path::Path;

use layercake_engine::Definition;
use serde_json::Value;

use crate::error::{CommandError, codes};

/// Reads the input. Without one it is an empty object.
///
/// # Errors
///
/// It cannot be read, or is no JSON.
pub(super) fn read(argument: Option<&str>, cwd: &Path) -> Result<Value, CommandError> {
    let (name, text) = match argument {
        None => return Ok(Value::Object(serde_json::Map::new())),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| unreadable("-", &error))?;
            ("standard input".to_owned(), text)
        }
        Some(text) => match text.strip_prefix('@') {
            Some(file) => {
                let text = std::fs::read_to_string(cwd.join(file));
                (
                    format!("`{file}`"),
                    text.map_err(|error| unreadable(file, &error))?,
                )
            }
            None => ("-i".to_owned(), text.to_owned()),
        },
    };
    serde_json::from_str(&text).map_err(|error| {
        CommandError::new(
            codes::INPUT_INVALID,
            format!("the input from {name} is not JSON"),
        )
        .because(error)
        .next(r#"-i '{"key": "value"}', -i @FILE, or -i - for standard input"#)
    })
}

fn unreadable(name: &str, error: &std::io::Error) -> CommandError {
    CommandError::new(
        codes::INPUT_INVALID,
        format!("the input `{name}` cannot be read"),
    )
    .because(error)
    .next("check the name of the file")
}

/// Makes relative paths absolute, where the routine's schema says that a text is a path: typed
/// on a command line, they are meant from the folder in which the command was typed.
pub(super) fn resolve_paths(definition: &Definition, input: &mut Value, cwd: &Path) {
    let properties = definition
        .input_schema()
        .and_then(|schema| schema.get("properties"));
    let (Some(Value::Object(properties)), Value::Object(members)) = (properties, input) else {
        return;
    };
    for (name, schema) in properties {
        if schema.get("format").and_then(Value::as_str) != Some("path") {
            continue;
        }
        if let Some(Value::String(path)) = members.get_mut(name) {
            *path = cwd.join(&*path).to_string_lossy().into_owned();
        }
    }
}
