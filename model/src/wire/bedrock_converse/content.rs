//! The conversation as messages of Converse.

use serde_json::{Value, json};

use super::NAME;
use crate::loss::{Loss, LossKind};
use crate::wire::turns::{self, Placed, lost_opaque, lost_part, lost_reasoning};
use crate::{Part, Request, Role, ToolResult};

/// The forms of documents that the dialect names, by media type.
const DOCUMENTS: [(&str, &str); 9] = [
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
    ("application/msword", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
];

pub(super) fn cache_point() -> Value {
    json!({ "cachePoint": { "type": "default" } })
}

pub(super) fn messages(request: &Request, losses: &mut Vec<Loss>) -> Value {
    let mut messages = Vec::new();
    for turn in turns::turns(request) {
        let mut blocks = Vec::with_capacity(turn.parts.len());
        for placed in &turn.parts {
            blocks.extend(block(*placed, turn.role, losses));
            if placed.cache_mark && !blocks.is_empty() {
                blocks.push(cache_point());
            }
        }
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        if !blocks.is_empty() {
            messages.push(json!({ "role": role, "content": blocks }));
        }
    }
    Value::Array(messages)
}

fn block(placed: Placed<'_>, role: Role, losses: &mut Vec<Loss>) -> Option<Value> {
    let block = match placed.part {
        // Blank text is rejected.
        Part::Text { text } if text.trim().is_empty() => return None,
        Part::Text { text } => json!({ "text": text }),
        Part::Image { media_type, data } => {
            let format = media_type.strip_prefix("image/").unwrap_or(media_type);
            json!({ "image": { "format": format, "source": { "bytes": data } } })
        }
        Part::File {
            name,
            media_type,
            data,
        } => return file(placed, name, media_type, data, losses),
        Part::ToolCall(call) if role == Role::Assistant => json!({ "toolUse": {
            "toolUseId": call.id,
            "name": call.name,
            "input": turns::arguments_object(&call.arguments),
        } }),
        Part::ToolResult(result) if role == Role::User => tool_result(result),
        Part::Reasoning(reasoning) if role == Role::Assistant && reasoning.dialect == NAME => {
            let mut text = json!({ "text": reasoning.text });
            if let Some(signature) = &reasoning.signature {
                text["signature"] = json!(signature);
            }
            json!({ "reasoningContent": { "reasoningText": text } })
        }
        Part::Reasoning(reasoning) => {
            losses.push(lost_reasoning(placed, NAME, &reasoning.dialect));
            return None;
        }
        Part::Opaque { dialect, item } if dialect == NAME => item.clone(),
        Part::Opaque { dialect, .. } => {
            losses.push(lost_opaque(placed, dialect));
            return None;
        }
        Part::ToolCall(_) | Part::ToolResult(_) => {
            losses.push(lost_part(placed, "what the other side says"));
            return None;
        }
    };
    Some(block)
}

fn file(
    placed: Placed<'_>,
    name: &str,
    media_type: &str,
    data: &str,
    losses: &mut Vec<Loss>,
) -> Option<Value> {
    let mut known = DOCUMENTS.iter();
    if let Some((_, format)) = known.find(|(known, _)| *known == media_type) {
        let document = json!({
            "format": format,
            "name": document_name(name),
            "source": { "bytes": data },
        });
        return Some(json!({ "document": document }));
    }
    if let Some(text) = turns::file_text(media_type, data) {
        return Some(json!({ "text": format!("{name}:\n{text}") }));
    }
    let message = format!("a file of type {media_type} is left out: the dialect has no form of it");
    losses.push(Loss::new(placed.at(), LossKind::File, message));
    None
}

/// Names of documents take letters, digits, single blanks, hyphens and brackets only.
fn document_name(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-()[]".contains(c);
    let words = name.split(|c: char| !allowed(c));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return "document".to_owned();
    }
    words.join(" ")
}

fn tool_result(result: &ToolResult) -> Value {
    let status = if result.is_error { "error" } else { "success" };
    // Blank text is rejected here, too.
    let text = match result.content.trim() {
        "" => "(empty)",
        _ => result.content.as_str(),
    };
    json!({ "toolResult": {
        "toolUseId": result.call_id,
        "content": [{ "text": text }],
        "status": status,
    } })
}
