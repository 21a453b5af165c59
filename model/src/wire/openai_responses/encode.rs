//! A request in the words of OpenAI Responses.

use serde_json::{Value, json};

use super::{NAME, items};
use crate::descriptor::AnswerMeans;
use crate::loss::LossKind;
use crate::request::Effort;
use crate::wire::draft::{Draft, Encoded};
use crate::wire::{Delivery, EffortForm, Target, schema};
use crate::{ModelError, Request, ToolChoice};

pub(in crate::wire) fn build(request: &Request, target: &Target) -> Result<Encoded, ModelError> {
    let mut draft = Draft::new(request, target);
    draft.put("model", target.model.as_str());
    // The conversation is ours; what must be handed back is asked for in encrypted form.
    draft.put("store", false);
    draft.put("include", json!(["reasoning.encrypted_content"]));
    if target.delivery == Delivery::Stream {
        draft.put("stream", true);
    }
    if let Some(system) = &request.system {
        draft.put("instructions", system.as_str());
    }
    let input = items::all(request, &mut draft.losses);
    draft.put("input", input);
    put_tools(&mut draft);
    put_answer(&mut draft);
    put_sampling(&mut draft);
    put_effort(&mut draft);
    if !request.metadata.is_empty() {
        draft.put("metadata", json!(request.metadata));
    }
    draft.drop_rejected();
    draft.finish("/responses", NAME)
}

fn put_tools(draft: &mut Draft<'_>) {
    if draft.request.tools.is_empty() {
        return;
    }
    let tools = draft.request.tools.iter().map(|tool| {
        json!({
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": schema::of_arguments(&tool.input_schema),
            // Strict tools demand that every property is required.
            "strict": false,
        })
    });
    let tools: Value = tools.collect();
    draft.put("tools", tools);
    let choice = match &draft.request.tool_choice {
        ToolChoice::Auto => return,
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => json!({ "type": "function", "name": name }),
    };
    draft.put("tool_choice", choice);
}

fn put_answer(draft: &mut Draft<'_>) {
    let Some(answer) = &draft.request.answer else {
        return;
    };
    if draft.target.quirks.answer_means != AnswerMeans::Native {
        draft.lose("answer", LossKind::AnswerSchema, schema::NO_SCHEMA);
        return;
    }
    let strict = schema::strict(answer);
    if let Some(message) = strict.loss {
        draft.lose("answer.schema", LossKind::AnswerSchema, message);
    }
    let format = json!({
        "type": "json_schema",
        "name": answer.name,
        "schema": strict.schema,
        "strict": strict.is_strict,
    });
    draft.put("text", json!({ "format": format }));
}

fn put_sampling(draft: &mut Draft<'_>) {
    let sampling = &draft.request.sampling;
    if let Some(limit) = sampling.output_tokens_max {
        draft.put("max_output_tokens", limit);
    }
    draft.put_temperature();
    if !sampling.stop.is_empty() {
        draft.lose(
            "sampling.stop",
            LossKind::Sampling,
            "the dialect has no stop texts",
        );
    }
    if sampling.seed.is_some() {
        draft.lose(
            "sampling.seed",
            LossKind::Sampling,
            "the dialect has no seed",
        );
    }
}

fn put_effort(draft: &mut Draft<'_>) {
    let Some(effort) = draft.request.sampling.effort else {
        return;
    };
    if draft.target.quirks.effort == EffortForm::None {
        let message = "the provider has no setting for it";
        draft.lose("sampling.effort", LossKind::Effort, message);
        return;
    }
    let word = match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => "xhigh",
    };
    draft.put("reasoning", json!({ "effort": word, "summary": "auto" }));
}
