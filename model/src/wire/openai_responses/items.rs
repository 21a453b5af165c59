//! The conversation as input items of OpenAI Responses.

use serde_json::{Value, json};

use super::{NAME, PHASE_TYPE};
use crate::loss::Loss;
use crate::request::Reasoning;
use crate::wire::turns::{self, Placed, lost_opaque, lost_part, lost_reasoning};
use crate::{Message, Part, Request, Role, ToolResult};

pub(super) fn all(request: &Request, losses: &mut Vec<Loss>) -> Value {
    let mut items = Vec::with_capacity(request.messages.len());
    for (number, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::User => user(number, message, &mut items, losses),
            Role::Assistant => assistant(number, message, &mut items, losses),
        }
    }
    Value::Array(items)
}

fn user(number: usize, message: &Message, items: &mut Vec<Value>, losses: &mut Vec<Loss>) {
    let mut content = Vec::new();
    for placed in turns::placed(number, message) {
        match placed.part {
            Part::ToolResult(result) => items.push(tool_result(result)),
            Part::Text { text } => content.push(json!({ "type": "input_text", "text": text })),
            Part::Image { media_type, data } => content.push(json!({
                "type": "input_image",
                "detail": "auto",
                "image_url": format!("data:{media_type};base64,{data}"),
            })),
            Part::File {
                name,
                media_type,
                data,
            } => content.push(file(name, media_type, data)),
            Part::Opaque { dialect, item } if dialect == NAME => items.push(item.clone()),
            Part::Opaque { dialect, .. } => losses.push(lost_opaque(placed, dialect)),
            Part::Reasoning(reasoning) => {
                losses.push(lost_reasoning(placed, NAME, &reasoning.dialect));
            }
            Part::ToolCall(_) => losses.push(lost_part(placed, "a tool call of the user")),
        }
    }
    if !content.is_empty() {
        items.push(json!({ "type": "message", "role": "user", "content": content }));
    }
}

fn file(name: &str, media_type: &str, data: &str) -> Value {
    match turns::file_text(media_type, data) {
        Some(text) => json!({ "type": "input_text", "text": format!("{name}:\n{text}") }),
        None => json!({
            "type": "input_file",
            "filename": name,
            "file_data": format!("data:{media_type};base64,{data}"),
        }),
    }
}

fn tool_result(result: &ToolResult) -> Value {
    // The dialect has no field for a failure, so the words must say it.
    let output = if result.is_error {
        format!("Error: {}", result.content)
    } else {
        result.content.clone()
    };
    json!({ "type": "function_call_output", "call_id": result.call_id, "output": output })
}

fn assistant(number: usize, message: &Message, items: &mut Vec<Value>, losses: &mut Vec<Loss>) {
    let mut phase = None;
    for placed in turns::placed(number, message) {
        match placed.part {
            Part::Text { text } if text.is_empty() => {}
            Part::Text { text } => {
                let content = json!([{ "type": "output_text", "text": text }]);
                let mut item =
                    json!({ "type": "message", "role": "assistant", "content": content });
                if let Some(phase) = &phase {
                    item[PHASE_TYPE] = Value::clone(phase);
                }
                items.push(item);
            }
            Part::ToolCall(call) => items.push(json!({
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": turns::arguments_object(&call.arguments).to_string(),
            })),
            Part::Reasoning(reasoning) => match native(reasoning) {
                Some(item) => items.push(item),
                None => losses.push(lost_reasoning(placed, NAME, &reasoning.dialect)),
            },
            Part::Opaque { dialect, item } if dialect == NAME => {
                if item.get("type").is_some_and(|kind| kind == PHASE_TYPE) {
                    phase = item.get(PHASE_TYPE).cloned();
                } else {
                    items.push(item.clone());
                }
            }
            Part::Opaque { dialect, .. } => losses.push(lost_opaque(placed, dialect)),
            Part::Image { .. } | Part::File { .. } | Part::ToolResult(_) => {
                losses.push(lost_misplaced(placed));
            }
        }
    }
}

fn lost_misplaced(placed: Placed<'_>) -> Loss {
    lost_part(placed, "a part that the model cannot have said")
}

/// The signature of reasoning of this dialect is the item itself.
fn native(reasoning: &Reasoning) -> Option<Value> {
    let item = reasoning
        .signature
        .as_ref()
        .filter(|_| reasoning.dialect == NAME)?;
    serde_json::from_str(item).ok()
}
