//! `result`: reads again what a call returned and what the window no longer shows whole.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::EffectClass;

/// The name by which the window tells the agent of the tool.
pub(crate) const RESULT: &str = "result";

/// The most bytes of one piece.
const PIECE_BYTES_MAX: usize = 12 * 1024;

/// The most lines that a search shows.
const LINES_FOUND_MAX: usize = 100;

/// Reads results again, by their handles.
#[derive(Debug, Clone)]
pub struct ReadResult {
    spec: ToolSpec,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    handle: String,
    #[serde(default)]
    from_byte: usize,
    containing: Option<String>,
}

impl ReadResult {
    /// Makes the tool.
    pub fn new() -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "handle": {"type": "string", "description": "The handle, for instance 3.0"},
                "from_byte": {"type": "integer", "minimum": 0, "description": "Where to begin; 0 if absent"},
                "containing": {"type": "string", "minLength": 1, "description": "Show only lines with this text"}
            },
            "required": ["handle"],
            "additionalProperties": false
        });
        let about =
            "Reads the whole of an earlier result that was cut, piece by piece or by searching it.";
        let mut spec = ToolSpec::new(RESULT, about, schema).class(EffectClass::Pure);
        spec.needs_past = true;
        Self { spec }
    }
}

impl Default for ReadResult {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Tool for ReadResult {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, context: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let Some(text) = context.past.get(asked.handle.trim()) else {
            let message = format!("there is no result `{}`", asked.handle);
            return Err(ToolError::Failed(message));
        };
        Ok(ToolOutput::text(match &asked.containing {
            Some(wanted) => found(text, wanted),
            None => piece(text, asked.from_byte),
        }))
    }
}

fn piece(text: &str, from: usize) -> String {
    let mut start = from.min(text.len());
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let mut end = (start + PIECE_BYTES_MAX).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut shown = text[start..end].to_owned();
    if end < text.len() {
        shown.push_str(&format!(
            "\n[{} of {} bytes follow; go on with from_byte {end}]",
            text.len() - end,
            text.len()
        ));
    }
    shown
}

fn found(text: &str, wanted: &str) -> String {
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| line.contains(wanted));
    let mut lines = lines.map(|(line, number): (&str, usize)| format!("{number}: {line}"));
    let shown: Vec<String> = lines.by_ref().take(LINES_FOUND_MAX).collect();
    let more = lines.count();
    let mut out = match shown.is_empty() {
        true => "[no line contains it]".to_owned(),
        false => shown.join("\n"),
    };
    if more > 0 {
        out.push_str(&format!("\n[{more} more lines contain it]"));
    }
    crate::output::cut_to(out, PIECE_BYTES_MAX)
}
