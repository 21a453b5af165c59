//! A request in the words of Ollama.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::NAME;
use crate::descriptor::AnswerMeans;
use crate::loss::{Loss, LossKind};
use crate::request::Effort;
use crate::wire::draft::{Draft, Encoded};
use crate::wire::turns::{self, Placed, lost_opaque, lost_part};
use crate::wire::{Delivery, Target, schema};
use crate::{Message, ModelError, Part, Request, Role, ToolChoice};

pub(in crate::wire) fn build(request: &Request, target: &Target) -> Result<Encoded, ModelError> {
    let mut draft = Draft::new(request, target);
    draft.put("model", target.model.as_str());
    let messages = messages(request, &mut draft.losses);
    draft.put("messages", messages);
    // Streaming is what happens when nothing is said.
    draft.put("stream", target.delivery == Delivery::Stream);
    put_tools(&mut draft);
    put_answer(&mut draft);
    put_sampling(&mut draft);
    put_effort(&mut draft);
    if !request.metadata.is_empty() {
        let message = "the dialect takes no labels";
        draft.lose("metadata", LossKind::Metadata, message);
    }
    draft.drop_rejected();
    draft.finish("/api/chat", NAME)
}

fn messages(request: &Request, losses: &mut Vec<Loss>) -> Value {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if let Some(system) = &request.system {
        messages.push(json!({ "role": "system", "content": system }));
    }
    let names = turns::tool_names(request);
    for (number, message) in request.messages.iter().enumerate() {
        messages.extend(results(message, &names));
        messages.extend(said(number, message, losses));
    }
    Value::Array(messages)
}

/// Results are messages of their own. They name the tool, since calls have no ids.
fn results(message: &Message, names: &BTreeMap<&str, &str>) -> Vec<Value> {
    let results = message.parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) if message.role == Role::User => Some(result),
        _ => None,
    });
    let write = |result: &crate::ToolResult| {
        let content = if result.is_error {
            format!("Error: {}", result.content)
        } else {
            result.content.clone()
        };
        let name = names.get(result.call_id.as_str()).copied();
        json!({ "role": "tool", "tool_name": name.unwrap_or("unknown"), "content": content })
    };
    results.map(write).collect()
}

fn said(number: usize, message: &Message, losses: &mut Vec<Loss>) -> Option<Value> {
    let mut text = String::new();
    let mut fields = Map::new();
    let mut push = |name: &str, value: Value| {
        if let Some(all) = fields
            .entry(name)
            .or_insert_with(|| json!([]))
            .as_array_mut()
        {
            all.push(value);
        }
    };
    let mut thinking = String::new();
    for placed in turns::placed(number, message) {
        match placed.part {
            Part::Text { text: piece } => paragraph(&mut text, piece),
            Part::Image { data, .. } => push("images", json!(data)),
            Part::File {
                name,
                media_type,
                data,
            } => match turns::file_text(media_type, data) {
                Some(file) => paragraph(&mut text, &format!("{name}:\n{file}")),
                None => losses.push(lost_part(placed, "a file that is not text")),
            },
            Part::ToolCall(call) if message.role == Role::Assistant => push(
                "tool_calls",
                json!({ "function": {
                    "name": call.name,
                    "arguments": turns::arguments_object(&call.arguments),
                } }),
            ),
            Part::ToolResult(_) if message.role == Role::User => {}
            // Readable reasoning of any origin may stand here, since nothing is signed.
            Part::Reasoning(reasoning) if message.role == Role::Assistant => {
                paragraph(&mut thinking, &reasoning.text);
                losses.extend(lost_signature(placed));
            }
            Part::Opaque { dialect, .. } => losses.push(lost_opaque(placed, dialect)),
            Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_) => {
                losses.push(lost_part(placed, "what the other side says"));
            }
        }
    }
    if text.is_empty() && fields.is_empty() {
        return None;
    }
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    fields.insert("role".into(), json!(role));
    fields.insert("content".into(), json!(text));
    if !thinking.is_empty() {
        fields.insert("thinking".into(), json!(thinking));
    }
    Some(Value::Object(fields))
}

fn paragraph(text: &mut String, piece: &str) {
    if !text.is_empty() && !piece.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(piece);
}

fn lost_signature(placed: Placed<'_>) -> Option<Loss> {
    let Part::Reasoning(reasoning) = placed.part else {
        return None;
    };
    let message = "its signature is left out; the text stays";
    let loss = || Loss::new(placed.at(), LossKind::Reasoning, message);
    reasoning.signature.as_ref().map(|_| loss())
}

fn put_tools(draft: &mut Draft<'_>) {
    let request = draft.request;
    if request.tools.is_empty() || request.tool_choice == ToolChoice::None {
        return;
    }
    let tools = request.tools.iter().map(|tool| {
        json!({
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": schema::of_arguments(&tool.input_schema),
            },
        })
    });
    let tools: Value = tools.collect();
    draft.put("tools", tools);
    if request.tool_choice != ToolChoice::Auto {
        let message = "the dialect cannot make a model call a tool; it is only offered";
        draft.lose("toolChoice", LossKind::ToolChoice, message);
    }
}

fn put_answer(draft: &mut Draft<'_>) {
    let Some(answer) = &draft.request.answer else {
        return;
    };
    if draft.target.quirks.answer_means == AnswerMeans::Native {
        draft.put("format", answer.schema.clone());
    } else {
        draft.lose("answer", LossKind::AnswerSchema, schema::NO_SCHEMA);
    }
}

fn put_sampling(draft: &mut Draft<'_>) {
    let sampling = &draft.request.sampling;
    let fields = [
        ("temperature", sampling.temperature.map(Value::from)),
        ("top_p", sampling.top_p.map(Value::from)),
        ("num_predict", sampling.output_tokens_max.map(Value::from)),
        ("seed", sampling.seed.map(Value::from)),
        (
            "stop",
            Some(json!(sampling.stop)).filter(|_| !sampling.stop.is_empty()),
        ),
    ];
    let given = fields.into_iter();
    let options: Map<String, Value> = given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    if !options.is_empty() {
        draft.put("options", options);
    }
}

fn put_effort(draft: &mut Draft<'_>) {
    let Some(effort) = draft.request.sampling.effort else {
        return;
    };
    // One family takes a level, all others only whether to think.
    let takes_level = draft.target.model.contains("gpt-oss");
    let think = match effort {
        _ if !takes_level => json!(true),
        Effort::Low => json!("low"),
        Effort::Medium => json!("medium"),
        Effort::High | Effort::Max => json!("high"),
    };
    draft.put("think", think);
    if !takes_level || effort == Effort::Max {
        let message = "the model thinks, but how hard cannot be said as asked";
        draft.lose("sampling.effort", LossKind::Effort, message);
    }
}
