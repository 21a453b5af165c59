//! The conversation as contents of Gemini.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::NAME;
use crate::loss::{Loss, LossKind};
use crate::wire::emitter::is_made_up;
use crate::wire::turns::{self, Placed, Turn, lost_opaque, lost_reasoning};
use crate::{Part, Request, Role, ToolResult};

/// What stands in the place of a signature that the provider never gave: the calls of another
/// model, for instance. Models from 3 on reject a call without any.
///
/// Source: ai.google.dev, "Thought signatures"; also used by other clients.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

pub(super) fn all(request: &Request, model: &str, losses: &mut Vec<Loss>) -> Value {
    let names = turns::tool_names(request);
    let demands_signature = !["gemini-1", "gemini-2"]
        .iter()
        .any(|old| model.contains(old));
    let mut contents = Vec::new();
    for turn in turns::turns(request) {
        let mut parts = match turn.role {
            Role::User => user(&turn, &names, losses),
            Role::Assistant => assistant(&turn, losses),
        };
        if parts.is_empty() {
            continue;
        }
        if demands_signature {
            sign_first_call(&mut parts);
        }
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        contents.push(json!({ "role": role, "parts": parts }));
    }
    Value::Array(contents)
}

fn user(turn: &Turn<'_>, names: &BTreeMap<&str, &str>, losses: &mut Vec<Loss>) -> Vec<Value> {
    let mut parts = Vec::with_capacity(turn.parts.len());
    for placed in &turn.parts {
        match placed.part {
            Part::ToolResult(result) => parts.push(tool_result(*placed, result, names, losses)),
            Part::ToolCall(_) => losses.push(turns::lost_part(*placed, "a tool call of the user")),
            _ => parts.extend(plain(*placed, losses)),
        }
    }
    parts
}

/// Writes what both speakers may say.
fn plain(placed: Placed<'_>, losses: &mut Vec<Loss>) -> Option<Value> {
    match placed.part {
        Part::Text { text } if text.is_empty() => None,
        Part::Text { text } => Some(json!({ "text": text })),
        Part::Image { media_type, data }
        | Part::File {
            media_type, data, ..
        } => Some(json!({ "inlineData": { "mimeType": media_type, "data": data } })),
        Part::Opaque { dialect, item } if dialect == NAME => Some(item.clone()),
        Part::Opaque { dialect, .. } => {
            losses.push(lost_opaque(placed, dialect));
            None
        }
        Part::Reasoning(reasoning) => {
            losses.push(lost_reasoning(placed, NAME, &reasoning.dialect));
            None
        }
        Part::ToolCall(_) | Part::ToolResult(_) => None,
    }
}

fn tool_result(
    placed: Placed<'_>,
    result: &ToolResult,
    names: &BTreeMap<&str, &str>,
    losses: &mut Vec<Loss>,
) -> Value {
    let name = names.get(result.call_id.as_str()).copied();
    if name.is_none() {
        let message = "the call of this result is not in the conversation, so its tool is unnamed";
        losses.push(Loss::new(placed.at(), LossKind::Content, message));
    }
    let field = if result.is_error { "error" } else { "output" };
    let mut response = json!({
        "name": name.unwrap_or("unknown"),
        "response": { field: result.content },
    });
    if !is_made_up(&result.call_id) {
        response["id"] = json!(result.call_id);
    }
    json!({ "functionResponse": response })
}

fn assistant(turn: &Turn<'_>, losses: &mut Vec<Loss>) -> Vec<Value> {
    let mut parts: Vec<Value> = Vec::with_capacity(turn.parts.len());
    // A signature that belongs to the next part.
    let mut signature: Option<&str> = None;
    for placed in &turn.parts {
        let mut part = match placed.part {
            Part::Reasoning(reasoning) if reasoning.dialect == NAME => {
                if reasoning.text.is_empty() {
                    signature = reasoning.signature.as_deref();
                    continue;
                }
                let mut part = json!({ "text": reasoning.text, "thought": true });
                if let Some(signature) = &reasoning.signature {
                    part["thoughtSignature"] = json!(signature);
                }
                parts.push(part);
                continue;
            }
            Part::ToolCall(call) => {
                let mut function = json!({
                    "name": call.name,
                    "args": turns::arguments_object(&call.arguments),
                });
                if !is_made_up(&call.id) {
                    function["id"] = json!(call.id);
                }
                json!({ "functionCall": function })
            }
            _ => match plain(*placed, losses) {
                Some(part) => part,
                None => continue,
            },
        };
        if let Some(signature) = signature.take() {
            part["thoughtSignature"] = json!(signature);
        }
        parts.push(part);
    }
    if let Some(signature) = signature {
        parts.push(json!({ "text": "", "thoughtSignature": signature }));
    }
    parts
}

/// In a step with several calls only the first is signed.
fn sign_first_call(parts: &mut [Value]) {
    let first = parts
        .iter_mut()
        .find(|part| part.get("functionCall").is_some());
    if let Some(call) = first.filter(|call| call.get("thoughtSignature").is_none()) {
        call["thoughtSignature"] = json!(NO_SIGNATURE);
    }
}
