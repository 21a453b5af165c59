//! A request in the words of Chat Completions.

use serde_json::{Value, json};

use super::{NAME, message};
use crate::descriptor::AnswerMeans;
use crate::loss::LossKind;
use crate::request::Effort;
use crate::wire::draft::{Draft, Encoded};
use crate::wire::{Delivery, EffortForm, OutputLimitField, RequiredWord, Target, schema};
use crate::{ModelError, Request, ToolChoice};

pub(in crate::wire) fn build(request: &Request, target: &Target) -> Result<Encoded, ModelError> {
    let mut draft = Draft::new(request, target);
    draft.put("model", target.model.as_str());
    let messages = message::all(request, target, &mut draft.losses);
    draft.put("messages", messages);
    if target.delivery == Delivery::Stream {
        draft.put("stream", true);
        draft.put("stream_options", json!({ "include_usage": true }));
    }
    put_tools(&mut draft);
    put_answer(&mut draft);
    put_sampling(&mut draft);
    put_effort(&mut draft);
    if !request.metadata.is_empty() {
        draft.put("metadata", json!(request.metadata));
    }
    draft.drop_rejected();
    draft.finish("/chat/completions", NAME)
}

fn put_tools(draft: &mut Draft<'_>) {
    if draft.request.tools.is_empty() {
        return;
    }
    let tools = draft.request.tools.iter().map(|tool| {
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
    let required = match draft.target.quirks.required_word {
        RequiredWord::Required => "required",
        RequiredWord::Any => "any",
    };
    let choice = match &draft.request.tool_choice {
        ToolChoice::Auto => return,
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!(required),
        ToolChoice::Tool(name) => json!({ "type": "function", "function": { "name": name } }),
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
        "json_schema": {
            "name": answer.name,
            "schema": strict.schema,
            "strict": strict.is_strict,
        },
    });
    draft.put("response_format", format);
}

fn put_sampling(draft: &mut Draft<'_>) {
    let sampling = &draft.request.sampling;
    if let Some(limit) = sampling.output_tokens_max {
        let field = match draft.target.quirks.output_limit_field {
            OutputLimitField::MaxTokens => "max_tokens",
            OutputLimitField::MaxCompletionTokens => "max_completion_tokens",
        };
        draft.put(field, limit);
    }
    draft.put_temperature();
    if !sampling.stop.is_empty() {
        draft.put("stop", json!(sampling.stop));
    }
    if let Some(seed) = sampling.seed {
        draft.put("seed", seed);
    }
}

fn put_effort(draft: &mut Draft<'_>) {
    let Some(effort) = draft.request.sampling.effort else {
        return;
    };
    let word = match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        // The dialect has no word beyond.
        Effort::High | Effort::Max => "high",
    };
    match draft.target.quirks.effort {
        EffortForm::Field => draft.put("reasoning_effort", word),
        EffortForm::Object => draft.put("reasoning", json!({ "effort": word })),
        EffortForm::None => {
            let message = "the provider has no setting for it";
            draft.lose("sampling.effort", LossKind::Effort, message);
            return;
        }
    }
    if effort == Effort::Max {
        let message = "the dialect's highest effort is `high`";
        draft.lose("sampling.effort", LossKind::Effort, message);
    }
}
