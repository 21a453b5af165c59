//! A request in the words of Chat Completions.

use serde_json::{Map, Value, json};

use super::{NAME, message};
use crate::wire::{
    Delivery, EffortForm, OutputLimitField, RequiredWord, Target, WireRequest, schema,
};
use crate::{AnswerMeans, Effort, Loss, LossKind, ModelError, Request, ToolChoice};

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
    body.insert("messages".into(), message::all(request, target, losses));
    if target.delivery == Delivery::Stream {
        body.insert("stream".into(), json!(true));
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    put_tools(request, target, &mut body);
    put_answer(request, target, &mut body, losses);
    put_sampling(request, target, &mut body);
    put_effort(request, target, &mut body, losses);
    if !request.metadata.is_empty() {
        body.insert("metadata".into(), json!(request.metadata));
    }
    drop_rejected(target, &mut body, losses);
    WireRequest::of_body("/chat/completions", body, NAME, request, target)
}

fn put_tools(request: &Request, target: &Target, body: &mut Map<String, Value>) {
    if request.tools.is_empty() {
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
    body.insert("tools".into(), tools.collect());
    let required = match target.quirks.required_word {
        RequiredWord::Required => "required",
        RequiredWord::Any => "any",
    };
    let choice = match &request.tool_choice {
        ToolChoice::Auto => return,
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!(required),
        ToolChoice::Tool(name) => json!({ "type": "function", "function": { "name": name } }),
    };
    body.insert("tool_choice".into(), choice);
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
    // Strict decoding demands closed objects whose properties are all required. A schema of
    // another form is sent as it is, as a hint, and the answer is checked afterwards.
    let is_strict = fitted.is_plain && fitted.all_required;
    let shape = if is_strict {
        &fitted.schema
    } else {
        &answer.schema
    };
    if !is_strict {
        let message = "the provider takes the schema as a hint: it has optional properties or \
                       a form that strict decoding does not know";
        losses.push(Loss::new("answer.schema", LossKind::AnswerSchema, message));
    } else if !fitted.dropped.is_empty() {
        let message = format!(
            "the provider does not enforce {}",
            fitted.dropped.join(", ")
        );
        losses.push(Loss::new("answer.schema", LossKind::AnswerSchema, message));
    }
    let format = json!({
        "type": "json_schema",
        "json_schema": { "name": answer.name, "schema": shape, "strict": is_strict },
    });
    body.insert("response_format".into(), format);
}

fn put_sampling(request: &Request, target: &Target, body: &mut Map<String, Value>) {
    let sampling = &request.sampling;
    if let Some(limit) = sampling.output_tokens_max {
        let field = match target.quirks.output_limit_field {
            OutputLimitField::MaxTokens => "max_tokens",
            OutputLimitField::MaxCompletionTokens => "max_completion_tokens",
        };
        body.insert(field.into(), json!(limit));
    }
    if let Some(temperature) = sampling.temperature {
        body.insert("temperature".into(), json!(temperature));
    }
    if let Some(top_p) = sampling.top_p {
        body.insert("top_p".into(), json!(top_p));
    }
    if !sampling.stop.is_empty() {
        body.insert("stop".into(), json!(sampling.stop));
    }
    if let Some(seed) = sampling.seed {
        body.insert("seed".into(), json!(seed));
    }
}

fn put_effort(
    request: &Request,
    target: &Target,
    body: &mut Map<String, Value>,
    losses: &mut Vec<Loss>,
) {
    let Some(effort) = request.sampling.effort else {
        return;
    };
    let word = match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        // The dialect has no word beyond.
        Effort::High | Effort::Max => "high",
    };
    match target.quirks.effort {
        EffortForm::Field => {
            body.insert("reasoning_effort".into(), json!(word));
        }
        EffortForm::Object => {
            body.insert("reasoning".into(), json!({ "effort": word }));
        }
        EffortForm::None => {
            let message = "the provider has no setting for it";
            losses.push(Loss::new("sampling.effort", LossKind::Effort, message));
            return;
        }
    }
    if effort == Effort::Max {
        let message = "the dialect's highest effort is `high`";
        losses.push(Loss::new("sampling.effort", LossKind::Effort, message));
    }
}

fn drop_rejected(target: &Target, body: &mut Map<String, Value>, losses: &mut Vec<Loss>) {
    for field in &target.quirks.rejected_fields {
        if body.remove(field).is_none() || field == "stream_options" {
            continue;
        }
        let kind = match field.as_str() {
            "metadata" => LossKind::Metadata,
            "tool_choice" => LossKind::ToolChoice,
            "response_format" => LossKind::AnswerSchema,
            _ => LossKind::Sampling,
        };
        let message = format!("the provider rejects the field {field}; it is left out");
        losses.push(Loss::new(field, kind, message));
    }
}
