//! A request in the words of Anthropic Messages.

use serde_json::{Map, Value, json};

use super::NAME;
use crate::wire::turns::{self, Placed, Turn, lose_opaque, lose_reasoning};
use crate::wire::{Delivery, Target, WireRequest, schema};
use crate::{
    AnswerMeans, Effort, Loss, LossKind, ModelError, Part, Reasoning, Request, Role, ToolChoice,
};

const API_VERSION: &str = "2023-06-01";
/// The dialect demands a limit. Every model of the family can write this much.
const OUTPUT_TOKENS_DEFAULT: u64 = 8_192;
/// The dialect takes four cache marks; one is kept for the system text.
const MESSAGE_CACHE_MARKS_MAX: usize = 3;
/// The least thinking budget that the dialect takes.
const THINKING_TOKENS_MIN: u64 = 1_024;

pub(in crate::wire) fn encode(
    request: &Request,
    target: &Target,
) -> Result<WireRequest, ModelError> {
    build(request, target, &mut Vec::new())
}

pub(in crate::wire) fn check(request: &Request, target: &Target) -> Vec<Loss> {
    let mut losses = Vec::new();
    if let Err(error) = build(request, target, &mut losses) {
        losses.push(Loss::new("", LossKind::Content, error.message));
    }
    losses
}

fn build(
    request: &Request,
    target: &Target,
    losses: &mut Vec<Loss>,
) -> Result<WireRequest, ModelError> {
    let mut body = Map::new();
    body.insert("model".into(), json!(target.model));
    if target.delivery == Delivery::Stream {
        body.insert("stream".into(), json!(true));
    }
    put_system(request, &mut body);
    body.insert("messages".into(), messages(request, losses));
    put_tools(request, &mut body);
    let thinks = put_effort(request, target, &mut body);
    put_answer(request, target, &mut body, losses);
    put_sampling(request, thinks, &mut body, losses);
    put_tool_choice(request, thinks, &mut body, losses);
    put_metadata(request, &mut body, losses);
    WireRequest::of_body("/v1/messages", body, NAME, request, target)
        .map(|wire| wire.with_header("anthropic-version", API_VERSION))
}

/// Whether the caller wants anything cached; then the system text is marked as well.
fn wants_cache(request: &Request) -> bool {
    request.messages.iter().any(|message| message.cache_mark)
}

fn put_system(request: &Request, body: &mut Map<String, Value>) {
    let Some(system) = request
        .system
        .as_deref()
        .filter(|text| !text.trim().is_empty())
    else {
        return;
    };
    let system = if wants_cache(request) {
        json!([{ "type": "text", "text": system, "cache_control": { "type": "ephemeral" } }])
    } else {
        json!(system)
    };
    body.insert("system".into(), system);
}

fn messages(request: &Request, losses: &mut Vec<Loss>) -> Value {
    let turns = turns::turns(request);
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    let marks = parts.filter(|placed| placed.cache_mark).count();
    // The newest marks reach furthest, so the oldest are given up.
    let mut surplus = marks.saturating_sub(MESSAGE_CACHE_MARKS_MAX);
    if surplus > 0 {
        let message = "the dialect takes four cache marks; the oldest are left out";
        losses.push(Loss::new("messages", LossKind::CacheMark, message));
    }
    let mut messages = Vec::with_capacity(turns.len());
    for (number, turn) in turns.iter().enumerate() {
        let is_prefill = number + 1 == turns.len() && turn.role == Role::Assistant;
        let content = content(turn, is_prefill, &mut surplus, losses);
        if content.is_empty() {
            continue;
        }
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        messages.push(json!({ "role": role, "content": content }));
    }
    Value::Array(messages)
}

fn content(
    turn: &Turn<'_>,
    is_prefill: bool,
    surplus: &mut usize,
    losses: &mut Vec<Loss>,
) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::with_capacity(turn.parts.len());
    for (number, placed) in turn.parts.iter().enumerate() {
        let is_last = number + 1 == turn.parts.len();
        if let Some(block) = block(*placed, is_prefill && is_last, losses) {
            blocks.push(block);
        }
        let is_marked = placed.cache_mark && {
            let is_kept = *surplus == 0;
            *surplus = surplus.saturating_sub(1);
            is_kept
        };
        // A mark on reasoning is rejected; it moves to the block before.
        let takes_mark = |block: &&mut Value| block["type"] != "thinking";
        if is_marked && let Some(block) = blocks.iter_mut().rev().find(takes_mark) {
            block["cache_control"] = json!({ "type": "ephemeral" });
        }
    }
    blocks
}

fn block(placed: Placed<'_>, is_prefill: bool, losses: &mut Vec<Loss>) -> Option<Value> {
    match placed.part {
        // The provider rejects blank text, and a last assistant text that ends in a blank.
        Part::Text { text } if text.trim().is_empty() => None,
        Part::Text { text } if is_prefill => {
            Some(json!({ "type": "text", "text": text.trim_end() }))
        }
        Part::Text { text } => Some(json!({ "type": "text", "text": text })),
        Part::Image { media_type, data } => Some(json!({
            "type": "image",
            "source": { "type": "base64", "media_type": media_type, "data": data },
        })),
        Part::File {
            name,
            media_type,
            data,
        } => file(placed, name, media_type, data, losses),
        Part::ToolCall(call) => Some(json!({
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": turns::arguments_object(&call.arguments),
        })),
        Part::ToolResult(result) => {
            let mut block = json!({
                "type": "tool_result",
                "tool_use_id": result.call_id,
                "content": result.content,
            });
            if result.is_error {
                block["is_error"] = json!(true);
            }
            Some(block)
        }
        Part::Reasoning(reasoning) => thinking(placed, reasoning, losses),
        Part::Opaque { dialect, item } if dialect == NAME => Some(item.clone()),
        Part::Opaque { dialect, .. } => {
            lose_opaque(placed, dialect, losses);
            None
        }
    }
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
            lose_reasoning(placed, &reasoning.dialect, losses);
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
        turns::lose_part(placed, &format!("a file of type {media_type}"), losses);
        return None;
    };
    Some(json!({ "type": "document", "source": source, "title": name }))
}

fn put_tools(request: &Request, body: &mut Map<String, Value>) {
    if request.tools.is_empty() {
        return;
    }
    let tools = request.tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "input_schema": schema::of_arguments(&tool.input_schema),
        })
    });
    body.insert("tools".into(), tools.collect());
}

/// Writes limit and effort; says whether the model will think.
fn put_effort(request: &Request, target: &Target, body: &mut Map<String, Value>) -> bool {
    let ceiling = target.output_tokens_max.unwrap_or(u64::MAX);
    let asked = request.sampling.output_tokens_max.map(u64::from);
    let limit = asked.unwrap_or(OUTPUT_TOKENS_DEFAULT).min(ceiling);
    let Some(effort) = request.sampling.effort else {
        body.insert("max_tokens".into(), json!(limit));
        return false;
    };
    if ThinkingForm::of(&target.model) == ThinkingForm::Adaptive {
        body.insert("max_tokens".into(), json!(limit));
        body.insert("thinking".into(), json!({ "type": "adaptive" }));
        body.insert("output_config".into(), json!({ "effort": word(effort) }));
        return true;
    }
    let budget = match effort {
        Effort::Low => THINKING_TOKENS_MIN,
        Effort::Medium => 4_096,
        Effort::High => 12_288,
        Effort::Max => 24_576,
    };
    // The budget counts against the limit, so a limit that the caller left open grows with it.
    let limit = match asked {
        Some(_) => limit.max(THINKING_TOKENS_MIN + 1),
        None => (OUTPUT_TOKENS_DEFAULT + budget).min(ceiling),
    };
    let budget = budget.min(limit.saturating_sub(1)).max(THINKING_TOKENS_MIN);
    body.insert("max_tokens".into(), json!(limit));
    body.insert(
        "thinking".into(),
        json!({ "type": "enabled", "budget_tokens": budget }),
    );
    true
}

/// How a model of the family is told to think.
#[derive(PartialEq, Eq)]
enum ThinkingForm {
    /// By effort; the model decides how much.
    Adaptive,
    /// By a budget of tokens.
    Budget,
}

impl ThinkingForm {
    /// The models up to 4.5 take a budget, all later ones decide by effort.
    fn of(model: &str) -> Self {
        let older = [
            "claude-3",
            "-4-0",
            "-4-1",
            "-4-5",
            "claude-opus-4-2025",
            "claude-sonnet-4-2025",
        ];
        if older.iter().any(|mark| model.contains(mark)) {
            Self::Budget
        } else {
            Self::Adaptive
        }
    }
}

fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => "max",
    }
}

fn put_answer(
    request: &Request,
    target: &Target,
    body: &mut Map<String, Value>,
    losses: &mut Vec<Loss>,
) {
    let Some(answer) = &request.answer else {
        return;
    };
    if target.quirks.answer_means != AnswerMeans::Native {
        let message = "the provider takes no schema; only a tool or a prompt can ask for it";
        losses.push(Loss::new("answer", LossKind::AnswerSchema, message));
        return;
    }
    let fitted = schema::fit(&answer.schema);
    if !fitted.dropped.is_empty() {
        let message = format!(
            "the provider does not enforce {}",
            fitted.dropped.join(", ")
        );
        losses.push(Loss::new("answer.schema", LossKind::AnswerSchema, message));
    }
    let config = body.entry("output_config").or_insert_with(|| json!({}));
    config["format"] = json!({ "type": "json_schema", "schema": fitted.schema });
}

fn put_sampling(
    request: &Request,
    thinks: bool,
    body: &mut Map<String, Value>,
    losses: &mut Vec<Loss>,
) {
    let sampling = &request.sampling;
    if !sampling.stop.is_empty() {
        body.insert("stop_sequences".into(), json!(sampling.stop));
    }
    let numbers = [
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
    ];
    for (name, value) in numbers {
        let Some(value) = value else { continue };
        if thinks {
            let message = format!("{name} is left out: a model that thinks does not take it");
            losses.push(Loss::new(
                format!("sampling.{name}"),
                LossKind::Sampling,
                message,
            ));
        } else {
            body.insert(name.into(), json!(value));
        }
    }
    if sampling.seed.is_some() {
        let message = "the dialect has no seed";
        losses.push(Loss::new("sampling.seed", LossKind::Sampling, message));
    }
}

fn put_tool_choice(
    request: &Request,
    thinks: bool,
    body: &mut Map<String, Value>,
    losses: &mut Vec<Loss>,
) {
    if request.tools.is_empty() {
        return;
    }
    let choice = match &request.tool_choice {
        ToolChoice::Auto => return,
        ToolChoice::None => json!({ "type": "none" }),
        ToolChoice::Required | ToolChoice::Tool(_) if thinks => {
            let message = "a model that thinks cannot be made to call a tool; it is only offered";
            losses.push(Loss::new("toolChoice", LossKind::ToolChoice, message));
            return;
        }
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Tool(name) => json!({ "type": "tool", "name": name }),
    };
    body.insert("tool_choice".into(), choice);
}

/// The dialect knows one label, the user's id.
fn put_metadata(request: &Request, body: &mut Map<String, Value>, losses: &mut Vec<Loss>) {
    for (name, value) in &request.metadata {
        if name == "user_id" {
            body.insert("metadata".into(), json!({ "user_id": value }));
        } else {
            let message = "the dialect takes no label but user_id";
            losses.push(Loss::new(
                format!("metadata.{name}"),
                LossKind::Metadata,
                message,
            ));
        }
    }
}
