//! A request in the words of Gemini.

use serde_json::{Map, Value, json};

use super::{NAME, contents};
use crate::descriptor::AnswerMeans;
use crate::loss::LossKind;
use crate::request::Effort;
use crate::wire::draft::{Draft, Encoded};
use crate::wire::{Delivery, Target, schema};
use crate::{ModelError, Request, ToolChoice};

pub(in crate::wire) fn build(request: &Request, target: &Target) -> Result<Encoded, ModelError> {
    let mut draft = Draft::new(request, target);
    if let Some(system) = &request.system {
        draft.put(
            "systemInstruction",
            json!({ "parts": [{ "text": system }] }),
        );
    }
    let contents = contents::all(request, &target.model, &mut draft.losses);
    draft.put("contents", contents);
    put_tools(&mut draft);
    let mut config = Map::new();
    put_sampling(&mut draft, &mut config);
    put_effort(&draft, &mut config);
    put_answer(&mut draft, &mut config);
    if !config.is_empty() {
        draft.put("generationConfig", config);
    }
    if !request.metadata.is_empty() {
        draft.lose(
            "metadata",
            LossKind::Metadata,
            "the dialect takes no labels",
        );
    }
    draft.drop_rejected();
    let call = match target.delivery {
        Delivery::Stream => "streamGenerateContent?alt=sse",
        Delivery::Whole => "generateContent",
    };
    draft.finish(format!("/models/{}:{call}", target.model), NAME)
}

fn put_tools(draft: &mut Draft<'_>) {
    if draft.request.tools.is_empty() {
        return;
    }
    let tools = draft.request.tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": schema::of_arguments(&tool.input_schema),
        })
    });
    let tools: Value = tools.collect();
    draft.put("tools", json!([{ "functionDeclarations": tools }]));
    let config = match &draft.request.tool_choice {
        ToolChoice::Auto => return,
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Required => json!({ "mode": "ANY" }),
        ToolChoice::Tool(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
    };
    draft.put("toolConfig", json!({ "functionCallingConfig": config }));
}

fn put_sampling(draft: &mut Draft<'_>, config: &mut Map<String, Value>) {
    let sampling = &draft.request.sampling;
    let fields = [
        ("temperature", sampling.temperature.map(Value::from)),
        ("topP", sampling.top_p.map(Value::from)),
        (
            "maxOutputTokens",
            sampling.output_tokens_max.map(Value::from),
        ),
    ];
    for (name, value) in fields {
        config.extend(value.map(|value| (name.to_owned(), value)));
    }
    if !sampling.stop.is_empty() {
        config.insert("stopSequences".into(), json!(sampling.stop));
    }
    match sampling.seed.map(i32::try_from) {
        None => {}
        Some(Ok(seed)) => {
            config.insert("seed".into(), json!(seed));
        }
        Some(Err(_)) => {
            let message = "the seed is left out: the dialect takes 31 bits";
            draft.lose("sampling.seed", LossKind::Sampling, message);
        }
    }
}

/// Writes the effort as a level, or as a budget of tokens for the models up to 2.5.
fn put_effort(draft: &Draft<'_>, config: &mut Map<String, Value>) {
    let Some(effort) = draft.request.sampling.effort else {
        return;
    };
    let takes_budget = ["gemini-2", "gemini-1"]
        .iter()
        .any(|old| draft.target.model.contains(old));
    let mut thinking = json!({ "includeThoughts": true });
    if takes_budget {
        let budget = match effort {
            Effort::Low => 1_024,
            Effort::Medium => 8_192,
            Effort::High | Effort::Max => 24_576,
        };
        thinking["thinkingBudget"] = json!(budget);
    } else {
        let level = match effort {
            Effort::Low => "LOW",
            Effort::Medium => "MEDIUM",
            Effort::High | Effort::Max => "HIGH",
        };
        thinking["thinkingLevel"] = json!(level);
    }
    config.insert("thinkingConfig".into(), thinking);
}

fn put_answer(draft: &mut Draft<'_>, config: &mut Map<String, Value>) {
    let Some(answer) = &draft.request.answer else {
        return;
    };
    if draft.target.quirks.answer_means != AnswerMeans::Native {
        draft.lose("answer", LossKind::AnswerSchema, schema::NO_SCHEMA);
        return;
    }
    config.insert("responseMimeType".into(), json!("application/json"));
    config.insert("responseJsonSchema".into(), answer.schema.clone());
}
