//! The conversation in the words of Chat Completions.

use serde_json::{Map, Value, json};

use super::NAME;
use crate::loss::{Loss, LossKind};
use crate::request::Reasoning;
use crate::wire::turns::{self, Placed, lost_opaque, lost_part, lost_reasoning};
use crate::wire::{CallIdForm, ReasoningBack, Target};
use crate::{Message, Part, Request, Role, ToolCall, ToolResult};

/// Where the fields are kept that a provider put beside a tool call.
pub(super) const CALL_EXTRA_TYPE: &str = "tool_call_extra";
/// Where the items of `reasoning_details` are kept in an opaque part.
pub(super) const DETAILS_TYPE: &str = "reasoning_details";

pub(super) fn all(request: &Request, target: &Target, losses: &mut Vec<Loss>) -> Value {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if let Some(system) = &request.system {
        messages.push(json!({ "role": "system", "content": system }));
    }
    for (number, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::User => user(number, message, target, &mut messages, losses),
            Role::Assistant => messages.extend(assistant(number, message, target, losses)),
        }
    }
    Value::Array(messages)
}

/// A user message may hold tool results, which are messages of their own here, and come first.
fn user(
    number: usize,
    message: &Message,
    target: &Target,
    messages: &mut Vec<Value>,
    losses: &mut Vec<Loss>,
) {
    let mut content = Vec::new();
    for placed in turns::placed(number, message) {
        match placed.part {
            Part::ToolResult(result) => messages.push(tool_result(result, target)),
            Part::Text { text } => content.push(json!({ "type": "text", "text": text })),
            Part::Image { media_type, data } => content.push(json!({
                "type": "image_url",
                "image_url": { "url": format!("data:{media_type};base64,{data}") },
            })),
            Part::File {
                name,
                media_type,
                data,
            } => content.push(file(name, media_type, data)),
            Part::Reasoning(reasoning) => {
                losses.push(lost_reasoning(placed, NAME, &reasoning.dialect));
            }
            Part::Opaque { dialect, item } if dialect == NAME => content.push(item.clone()),
            Part::Opaque { dialect, .. } => losses.push(lost_opaque(placed, dialect)),
            Part::ToolCall(_) => losses.push(lost_part(placed, "a tool call of the user")),
        }
    }
    if content.is_empty() {
        return;
    }
    // Servers that know only text want a plain string.
    let content = match content.as_mut_slice() {
        [only] if only["type"] == "text" => only["text"].take(),
        _ => Value::Array(content),
    };
    messages.push(json!({ "role": "user", "content": content }));
}

fn file(name: &str, media_type: &str, data: &str) -> Value {
    match turns::file_text(media_type, data) {
        Some(text) => json!({ "type": "text", "text": format!("{name}:\n{text}") }),
        None => json!({
            "type": "file",
            "file": {
                "filename": name,
                "file_data": format!("data:{media_type};base64,{data}"),
            },
        }),
    }
}

fn tool_result(result: &ToolResult, target: &Target) -> Value {
    // The dialect has no field for a failure, so the words must say it.
    let content = if result.is_error {
        format!("Error: {}", result.content)
    } else {
        result.content.clone()
    };
    json!({
        "role": "tool",
        "tool_call_id": call_id(&result.call_id, target),
        "content": content,
    })
}

fn assistant(
    number: usize,
    message: &Message,
    target: &Target,
    losses: &mut Vec<Loss>,
) -> Option<Value> {
    let mut said = Assistant::default();
    for placed in turns::placed(number, message) {
        match placed.part {
            Part::Text { text } => said.text.push_str(text),
            Part::ToolCall(call) => said.calls.push(tool_call(call, target)),
            Part::Reasoning(reasoning) => said.think(placed, reasoning, target, losses),
            Part::Opaque { dialect, item } if dialect == NAME => said.hand_back(item, target),
            Part::Opaque { dialect, .. } => losses.push(lost_opaque(placed, dialect)),
            Part::Image { .. } => losses.push(lost_part(placed, "a picture of the model")),
            Part::File { .. } => losses.push(lost_part(placed, "a file of the model")),
            Part::ToolResult(_) => losses.push(lost_part(placed, "a tool result of the model")),
        }
    }
    said.into_message()
}

/// An assistant message in the making.
#[derive(Default)]
struct Assistant {
    text: String,
    reasoning: Map<String, Value>,
    calls: Vec<Value>,
    extra: Map<String, Value>,
}

impl Assistant {
    fn think(
        &mut self,
        placed: Placed<'_>,
        reasoning: &Reasoning,
        target: &Target,
        losses: &mut Vec<Loss>,
    ) {
        let field = match target.quirks.reasoning_back {
            ReasoningBack::Never => {
                losses.push(lost_reasoning(placed, NAME, &reasoning.dialect));
                return;
            }
            ReasoningBack::ReasoningContent => "reasoning_content",
            ReasoningBack::Reasoning => "reasoning",
        };
        // Readable reasoning of any origin may stand here, since nothing is signed.
        if reasoning.signature.is_some() {
            let message = "its signature is left out; the text stays";
            losses.push(Loss::new(placed.at(), LossKind::Reasoning, message));
        }
        match self.reasoning.get_mut(field) {
            Some(Value::String(text)) => {
                text.push_str("\n\n");
                text.push_str(&reasoning.text);
            }
            _ if reasoning.text.is_empty() => {}
            _ => {
                self.reasoning
                    .insert(field.to_owned(), json!(reasoning.text));
            }
        }
    }

    /// Takes back an item that an earlier reply of this dialect held.
    fn hand_back(&mut self, item: &Value, target: &Target) {
        let Some(item) = item.as_object() else { return };
        let is_of = |name: &str| item.get("type").is_some_and(|kind| kind == name);
        if is_of(CALL_EXTRA_TYPE) {
            return self.add_to_call(item, target);
        }
        let is_details = is_of(DETAILS_TYPE);
        if !is_details {
            self.extra.extend(item.clone());
        } else if target.quirks.reasoning_back == ReasoningBack::Reasoning {
            // The items say it all; the readable text beside them would say it twice.
            let items = item.get("items").cloned().unwrap_or_default();
            self.reasoning.insert(DETAILS_TYPE.to_owned(), items);
        }
    }

    fn add_to_call(&mut self, item: &Map<String, Value>, target: &Target) {
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
        let id = call_id(id, target);
        let fields = item.get("fields").and_then(Value::as_object);
        let mut calls = self.calls.iter_mut().filter_map(Value::as_object_mut);
        let found = calls.find(|call| call.get("id").is_some_and(|other| *other == id));
        if let (Some(call), Some(fields)) = (found, fields) {
            call.extend(fields.clone());
        }
    }

    fn into_message(mut self) -> Option<Value> {
        if self.reasoning.contains_key(DETAILS_TYPE) {
            self.reasoning.remove("reasoning");
        }
        let is_empty = self.text.is_empty() && self.calls.is_empty() && self.extra.is_empty();
        if is_empty {
            return None;
        }
        let mut message = self.extra;
        message.insert("role".into(), json!("assistant"));
        let content = Some(self.text).filter(|text| !text.is_empty());
        message.insert("content".into(), json!(content));
        if !self.calls.is_empty() {
            message.insert("tool_calls".into(), Value::Array(self.calls));
        }
        message.extend(self.reasoning);
        Some(Value::Object(message))
    }
}

fn tool_call(call: &ToolCall, target: &Target) -> Value {
    json!({
        "id": call_id(&call.id, target),
        "type": "function",
        "function": {
            "name": call.name,
            "arguments": turns::arguments_object(&call.arguments).to_string(),
        },
    })
}

/// Brings an id into the form that the provider demands; the same id gives the same form.
fn call_id(id: &str, target: &Target) -> String {
    const LENGTH: usize = 9;
    let fits = id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if target.quirks.call_id_form == CallIdForm::Free || fits {
        return id.to_owned();
    }
    // FNV-1a: the id only has to be the same for call and result, and to differ from others.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let digits = b"0123456789abcdefghijklmnopqrstuv";
    let pick = |place: usize| char::from(digits[(hash >> (place * 5)) as usize % digits.len()]);
    (0..LENGTH).map(pick).collect()
}
