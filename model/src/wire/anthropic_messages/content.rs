//! The content of one turn as blocks of Anthropic Messages.

use serde_json::{Value, json};

use super::NAME;
use crate::loss::Loss;
use crate::request::Reasoning;
use crate::wire::turns::{self, Placed, Turn, lost_opaque, lost_part, lost_reasoning};
use crate::{Part, Role, ToolResult};

/// Writes a turn. `surplus` counts the cache marks that are still to be left out.
pub(super) fn of_turn(
    turn: &Turn<'_>,
    is_last_turn: bool,
    surplus: &mut usize,
    losses: &mut Vec<Loss>,
) -> Vec<Value> {
    let is_prefill = is_last_turn && turn.role == Role::Assistant;
    let mut blocks: Vec<Value> = Vec::with_capacity(turn.parts.len());
    for (number, placed) in turn.parts.iter().enumerate() {
        let is_last = number + 1 == turn.parts.len();
        blocks.extend(block(*placed, is_prefill && is_last, losses));
        if !placed.cache_mark {
            continue;
        }
        if *surplus > 0 {
            *surplus -= 1;
            continue;
        }
        // A mark on reasoning is rejected; it moves to the block before.
        let takes_mark = |block: &&mut Value| block["type"] != "thinking";
        if let Some(block) = blocks.iter_mut().rev().find(takes_mark) {
            block["cache_control"] = json!({ "type": "ephemeral" });
        }
    }
    blocks
}

fn block(placed: Placed<'_>, is_prefill: bool, losses: &mut Vec<Loss>) -> Option<Value> {
    let block = match placed.part {
        // The provider rejects blank text, and a last assistant text that ends in a blank.
        Part::Text { text } if text.trim().is_empty() => return None,
        Part::Text { text } if is_prefill => json!({ "type": "text", "text": text.trim_end() }),
        Part::Text { text } => json!({ "type": "text", "text": text }),
        Part::Image { media_type, data } => json!({
            "type": "image",
            "source": { "type": "base64", "media_type": media_type, "data": data },
        }),
        Part::File {
            name,
            media_type,
            data,
        } => return file(placed, name, media_type, data, losses),
        Part::ToolCall(call) => json!({
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": turns::arguments_object(&call.arguments),
        }),
        Part::ToolResult(result) => tool_result(result),
        Part::Reasoning(reasoning) => return thinking(placed, reasoning, losses),
        Part::Opaque { dialect, item } if dialect == NAME => item.clone(),
        Part::Opaque { dialect, .. } => {
            losses.push(lost_opaque(placed, dialect));
            return None;
        }
    };
    Some(block)
}

fn tool_result(result: &ToolResult) -> Value {
    let mut block = json!({
        "type": "tool_result",
        "tool_use_id": result.call_id,
        "content": result.content,
    });
    if result.is_error {
        block["is_error"] = json!(true);
    }
    block
}

fn thinking(placed: Placed<'_>, reasoning: &Reasoning, losses: &mut Vec<Loss>) -> Option<Value> {
    match &reasoning.signature {
        // A block with a signature and no text is legal and must go back as well.
        Some(signature) if reasoning.dialect == NAME => Some(json!({
            "type": "thinking",
            "thinking": reasoning.text,
            "signature": signature,
        })),
        _ => {
            losses.push(lost_reasoning(placed, NAME, &reasoning.dialect));
            None
        }
    }
}

fn file(
    placed: Placed<'_>,
    name: &str,
    media_type: &str,
    data: &str,
    losses: &mut Vec<Loss>,
) -> Option<Value> {
    let source = if media_type == "application/pdf" {
        json!({ "type": "base64", "media_type": media_type, "data": data })
    } else if let Some(text) = turns::file_text(media_type, data) {
        json!({ "type": "text", "media_type": "text/plain", "data": text })
    } else {
        losses.push(lost_part(placed, &format!("a file of type {media_type}")));
        return None;
    };
    Some(json!({ "type": "document", "source": source, "title": name }))
}
