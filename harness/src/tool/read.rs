//! `read`: a text file of the workspace, whole or by lines.

use std::io::{BufRead, BufReader};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::workspace::{Missing, Workspace};
use crate::{EffectClass, Reach};

/// The most bytes of one piece; what the window shows whole.
const PIECE_BYTES_MAX: usize = crate::window::TURN_BYTES_SHOWN as usize - 200;

/// Lines longer than this are cut: minified files would fill a result with one line.
const LINE_BYTES_MAX: usize = 4_000;

/// Reads a text file of the workspace.
#[derive(Debug, Clone)]
pub struct Read {
    workspace: Workspace,
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    path: String,
    #[serde(default = "first_line")]
    from_line: u64,
    lines: Option<u64>,
}

fn first_line() -> u64 {
    1
}

impl Read {
    /// Makes the tool for a workspace.
    pub fn new(workspace: Workspace) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "Path in the workspace"},
                "from_line": {"type": "integer", "minimum": 1, "description": "First line, from 1"},
                "lines": {"type": "integer", "minimum": 1, "description": "How many lines"}
            },
            "required": ["path"],
            "additionalProperties": false
        });
        let about = "Reads a text file. Long files come in pieces: go on with `from_line`.";
        Self {
            workspace,
            spec: ToolSpec::new("read", about, schema)
                .class(EffectClass::Read)
                .reach(Reach::Workspace),
        }
    }
}

#[async_trait]
impl Tool for Read {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let workspace = self.workspace.clone();
        super::blocking(move || read(&workspace, &asked)).await
    }
}

fn read(workspace: &Workspace, asked: &Arguments) -> Result<ToolOutput, ToolError> {
    let place = workspace
        .place(&asked.path, Missing::Refused)
        .map_err(|error| ToolError::Failed(error.for_model()))?;
    let fail = |error: std::io::Error| {
        ToolError::Failed(format!("`{}` was not read: {error}", asked.path))
    };
    let mut lines = BufReader::new(place.open_file().map_err(fail)?);
    let mut text = String::new();
    let mut line = Vec::new();
    let mut number = 0;
    let mut shown = 0;
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(fail)? == 0 {
            break;
        }
        number += 1;
        if number < asked.from_line {
            continue;
        }
        if line.contains(&0) {
            let message = format!("`{}` is not a text file", asked.path);
            return Err(ToolError::Failed(message));
        }
        let line = shortened(&String::from_utf8_lossy(&line));
        let is_full = text.len() + line.len() > PIECE_BYTES_MAX;
        if is_full || asked.lines.is_some_and(|most| shown >= most) {
            text.push_str(&format!("[more follows; go on with from_line {number}]\n"));
            return Ok(ToolOutput::text(text));
        }
        text.push_str(&line);
        shown += 1;
    }
    if shown == 0 && number > 0 {
        text = format!("[the file has only {number} lines]");
    } else if number == 0 {
        text.push_str("[the file is empty]");
    }
    Ok(ToolOutput::text(text))
}

fn shortened(line: &str) -> String {
    if line.len() <= LINE_BYTES_MAX {
        return line.to_owned();
    }
    let mut end = LINE_BYTES_MAX;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!(
        "{}[... {} bytes of this line are left out]\n",
        &line[..end],
        line.len() - end
    )
}
