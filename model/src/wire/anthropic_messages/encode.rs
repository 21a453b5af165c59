//! A request in the words of Anthropic Messages.

use serde_json::{Value, json};

use super::NAME;
use super::content;
use crate::descriptor::AnswerMeans;
use crate::loss::LossKind;
use crate::request::Effort;
use crate::wire::draft::{Draft, Encoded};
use crate::wire::turns;
use crate::wire::{Delivery, Target, schema};
use crate::{ModelError, Request, Role, ToolChoice};

const API_VERSION: &str = "2023-06-01";
/// The dialect demands a limit. Every model of the family can write this much.
const OUTPUT_TOKENS_DEFAULT: u64 = 8_192;
/// The dialect takes four cache marks; one is kept for the system text.
const MESSAGE_CACHE_MARKS_MAX: usize = 3;
/// The least thinking budget that the dialect takes.
const THINKING_TOKENS_MIN: u64 = 1_024;

pub(in crate::wire) fn build(request: &Request, target: &Target) -> Result<Encoded, ModelError> {
    let mut draft = Draft::new(request, target);
    draft.put("model", target.model.as_str());
    if target.delivery == Delivery::Stream {
        draft.put("stream", true);
    }
    put_system(&mut draft);
    put_messages(&mut draft);
    put_tools(&mut draft);
    let thinks = put_effort(&mut draft);
    put_answer(&mut draft);
    put_sampling(&mut draft, thinks);
    put_tool_choice(&mut draft, thinks);
    put_metadata(&mut draft);
    let (wire, losses) = draft.finish("/v1/messages", NAME)?;
    Ok((wire.with_header("anthropic-version", API_VERSION), losses))
}

fn put_system(draft: &mut Draft<'_>) {
    let system = draft.request.system.as_deref();
    let Some(system) = system.filter(|text| !text.trim().is_empty()) else {
        return;
    };
    // Whoever wants a message cached wants what stands before it cached as well.
    let wants_cache = draft
        .request
        .messages
        .iter()
        .any(|message| message.cache_mark);
    let system = if wants_cache {
        json!([{ "type": "text", "text": system, "cache_control": { "type": "ephemeral" } }])
    } else {
        json!(system)
    };
    draft.put("system", system);
}

fn put_messages(draft: &mut Draft<'_>) {
    let turns = turns::turns(draft.request);
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    let marks = parts.filter(|placed| placed.cache_mark).count();
    // The newest marks reach furthest, so the oldest are given up.
    let mut surplus = marks.saturating_sub(MESSAGE_CACHE_MARKS_MAX);
    if surplus > 0 {
        let message = "the dialect takes four cache marks; the oldest are left out";
        draft.lose("messages", LossKind::CacheMark, message);
    }
    let mut messages = Vec::with_capacity(turns.len());
    for (number, turn) in turns.iter().enumerate() {
        let is_last = number + 1 == turns.len();
        let content = content::of_turn(turn, is_last, &mut surplus, &mut draft.losses);
        if content.is_empty() {
            continue;
        }
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        messages.push(json!({ "role": role, "content": content }));
    }
    draft.put("messages", messages);
}

fn put_tools(draft: &mut Draft<'_>) {
    if draft.request.tools.is_empty() {
        return;
    }
    let tools = draft.request.tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "input_schema": schema::of_arguments(&tool.input_schema),
        })
    });
    let tools: Value = tools.collect();
    draft.put("tools", tools);
}

/// Writes limit and effort; says whether the model will think.
fn put_effort(draft: &mut Draft<'_>) -> bool {
    let ceiling = draft.target.output_tokens_max.unwrap_or(u64::MAX);
    let asked = draft.request.sampling.output_tokens_max.map(u64::from);
    let limit = asked.unwrap_or(OUTPUT_TOKENS_DEFAULT).min(ceiling);
    draft.put("max_tokens", limit);
    let Some(effort) = draft.request.sampling.effort else {
        return false;
    };
    if decides_by_effort(&draft.target.model) {
        draft.put("thinking", json!({ "type": "adaptive" }));
        draft.put("output_config", json!({ "effort": word(effort) }));
        return true;
    }
    let budget = match effort {
        Effort::Low => THINKING_TOKENS_MIN,
        Effort::Medium => 4_096,
        Effort::High => 12_288,
        Effort::Max => 24_576,
    };
    // The budget counts against the limit: one that the caller left open grows with it, one
    // that the caller set is kept.
    let limit = match asked {
        Some(_) => limit,
        None => (OUTPUT_TOKENS_DEFAULT + budget).min(ceiling),
    };
    draft.put("max_tokens", limit);
    let budget = budget.min(limit.saturating_sub(1));
    if budget < THINKING_TOKENS_MIN {
        let message = "the output limit leaves no room to think";
        draft.lose("sampling.effort", LossKind::Effort, message);
        return false;
    }
    draft.put(
        "thinking",
        json!({ "type": "enabled", "budget_tokens": budget }),
    );
    true
}

/// Whether a model decides by effort how much it thinks. Those up to 4.5 take a budget of
/// tokens instead.
fn decides_by_effort(model: &str) -> bool {
    let older = [
        "claude-3",
        "-4-0",
        "-4-1",
        "-4-5",
        "claude-opus-4-2025",
        "claude-sonnet-4-2025",
    ];
    !older.iter().any(|mark| model.contains(mark))
}

fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => "max",
    }
}

fn put_answer(draft: &mut Draft<'_>) {
    let Some(answer) = &draft.request.answer else {
        return;
    };
    if draft.target.quirks.answer_means != AnswerMeans::Native {
        draft.lose("answer", LossKind::AnswerSchema, schema::NO_SCHEMA);
        return;
    }
    let fitted = schema::fit(&answer.schema);
    if let Some(message) = fitted.unenforced() {
        draft.lose("answer.schema", LossKind::AnswerSchema, message);
    }
    let config = draft
        .body
        .entry("output_config")
        .or_insert_with(|| json!({}));
    config["format"] = json!({ "type": "json_schema", "schema": fitted.schema });
}

fn put_sampling(draft: &mut Draft<'_>, thinks: bool) {
    let sampling = &draft.request.sampling;
    if !sampling.stop.is_empty() {
        draft.put("stop_sequences", json!(sampling.stop));
    }
    let numbers = [
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
    ];
    let given = numbers
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    for (number, (name, value)) in given.enumerate() {
        let why = match (thinks, number) {
            (true, _) => "a model that thinks does not take it",
            // Newer models reject both at once.
            (false, 1) => "the provider takes one of temperature and top_p",
            (false, _) => {
                draft.put(name, value);
                continue;
            }
        };
        let message = format!("{name} is left out: {why}");
        draft.lose(format!("sampling.{name}"), LossKind::Sampling, message);
    }
    if sampling.seed.is_some() {
        draft.lose(
            "sampling.seed",
            LossKind::Sampling,
            "the dialect has no seed",
        );
    }
}

fn put_tool_choice(draft: &mut Draft<'_>, thinks: bool) {
    if draft.request.tools.is_empty() {
        return;
    }
    let choice = match &draft.request.tool_choice {
        ToolChoice::Auto => return,
        ToolChoice::None => json!({ "type": "none" }),
        ToolChoice::Required | ToolChoice::Tool(_) if thinks => {
            let message = "a model that thinks cannot be made to call a tool; it is only offered";
            draft.lose("toolChoice", LossKind::ToolChoice, message);
            return;
        }
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Tool(name) => json!({ "type": "tool", "name": name }),
    };
    draft.put("tool_choice", choice);
}

/// The dialect knows one label, the user's id.
fn put_metadata(draft: &mut Draft<'_>) {
    for (name, value) in &draft.request.metadata {
        if name == "user_id" {
            draft.put("metadata", json!({ "user_id": value }));
        } else {
            let message = "the dialect takes no label but user_id";
            draft.lose(format!("metadata.{name}"), LossKind::Metadata, message);
        }
    }
}
