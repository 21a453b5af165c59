//! A request in the words of Converse.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{NAME, content};
use crate::loss::LossKind;
use crate::request::Effort;
use crate::wire::draft::{Draft, Encoded};
use crate::wire::{Delivery, Target, schema};
use crate::{ModelError, Part, Request, ToolChoice};

/// Room for the answer behind the thinking, when the caller set no limit.
const ANSWER_TOKENS: u64 = 8_192;

pub(in crate::wire) fn build(request: &Request, target: &Target) -> Result<Encoded, ModelError> {
    let mut draft = Draft::new(request, target);
    let messages = content::messages(request, &mut draft.losses);
    draft.put("messages", messages);
    put_system(&mut draft);
    put_tools(&mut draft);
    put_sampling(&mut draft);
    if request.answer.is_some() {
        draft.lose("answer", LossKind::AnswerSchema, schema::NO_SCHEMA);
    }
    if !request.metadata.is_empty() {
        draft.put("requestMetadata", json!(request.metadata));
    }
    draft.drop_rejected();
    let call = match target.delivery {
        Delivery::Stream => "converse-stream",
        Delivery::Whole => "converse",
    };
    draft.finish(format!("/model/{}/{call}", segment(&target.model)), NAME)
}

/// Writes a model's name, which may hold colons and slashes, as one segment of a path.
fn segment(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            write!(written, "%{byte:02X}").expect("a string takes every write");
        }
    }
    written
}

fn put_system(draft: &mut Draft<'_>) {
    let system = draft.request.system.as_deref();
    let Some(system) = system.filter(|text| !text.trim().is_empty()) else {
        return;
    };
    let mut blocks = vec![json!({ "text": system })];
    // Whoever wants a message cached wants what stands before it cached as well.
    let messages = &draft.request.messages;
    if messages.iter().any(|message| message.cache_mark) {
        blocks.push(content::cache_point());
    }
    draft.put("system", blocks);
}

fn put_tools(draft: &mut Draft<'_>) {
    let request = draft.request;
    let spec = |name: &str, description: &str, schema: Value| {
        let mut spec = json!({ "name": name, "inputSchema": { "json": schema } });
        // A blank description is rejected.
        if !description.trim().is_empty() {
            spec["description"] = json!(description);
        }
        json!({ "toolSpec": spec })
    };
    let tools: Vec<Value> = if request.tools.is_empty() {
        // A conversation with calls is rejected unless tools are declared.
        let names = called(request).into_iter();
        names
            .map(|name| spec(name, "", json!({ "type": "object" })))
            .collect()
    } else {
        let tools = request.tools.iter();
        let of = |schema: &Value| schema::of_arguments(schema);
        tools
            .map(|tool| spec(&tool.name, &tool.description, of(&tool.input_schema)))
            .collect()
    };
    if tools.is_empty() {
        return;
    }
    let mut config = json!({ "tools": tools });
    match &request.tool_choice {
        ToolChoice::Auto => {}
        ToolChoice::None => {
            let message = "the dialect has no word for it; the tools stay on offer";
            draft.lose("toolChoice", LossKind::ToolChoice, message);
        }
        ToolChoice::Required => config["toolChoice"] = json!({ "any": {} }),
        ToolChoice::Tool(name) => config["toolChoice"] = json!({ "tool": { "name": name } }),
    }
    draft.put("toolConfig", config);
}

fn called(request: &Request) -> BTreeSet<&str> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let calls = parts.filter_map(|part| match part {
        Part::ToolCall(call) => Some(call.name.as_str()),
        _ => None,
    });
    calls.collect()
}

fn put_sampling(draft: &mut Draft<'_>) {
    let budget = put_effort(draft);
    let sampling = &draft.request.sampling;
    let limit = sampling.output_tokens_max.map(u64::from);
    // The budget counts against the limit: one that the caller left open grows with it.
    let limit = limit.or(budget.map(|budget| budget + ANSWER_TOKENS));
    let mut fields = vec![("maxTokens", limit.map(Value::from))];
    if budget.is_none() {
        fields.push(("temperature", sampling.temperature.map(Value::from)));
        fields.push(("topP", sampling.top_p.map(Value::from)));
    }
    let stop = Some(json!(sampling.stop)).filter(|_| !sampling.stop.is_empty());
    fields.push(("stopSequences", stop));
    let given = fields.into_iter();
    let config: Map<String, Value> = given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    if !config.is_empty() {
        draft.put("inferenceConfig", config);
    }
    if budget.is_some() && (sampling.temperature.is_some() || sampling.top_p.is_some()) {
        let message = "temperature and top_p are left out: a model that thinks takes neither";
        draft.lose("sampling", LossKind::Sampling, message);
    }
    if sampling.seed.is_some() {
        let message = "the dialect has no seed";
        draft.lose("sampling.seed", LossKind::Sampling, message);
    }
}

/// Writes the effort as the budget of thinking tokens that Anthropic's models take here.
fn put_effort(draft: &mut Draft<'_>) -> Option<u64> {
    let effort = draft.request.sampling.effort?;
    let asked = draft.request.sampling.output_tokens_max.map(u64::from);
    let budget: u64 = match effort {
        Effort::Low => 1_024,
        Effort::Medium => 8_192,
        Effort::High => 16_384,
        Effort::Max => 32_768,
    };
    let fits = asked.is_none_or(|limit| limit > budget);
    if !draft.target.model.contains("anthropic.") || !fits {
        let message = "the model takes no effort here, or the output limit leaves no room for it";
        draft.lose("sampling.effort", LossKind::Effort, message);
        return None;
    }
    let thinking = json!({ "thinking": { "type": "enabled", "budget_tokens": budget } });
    draft.put("additionalModelRequestFields", thinking);
    Some(budget)
}
