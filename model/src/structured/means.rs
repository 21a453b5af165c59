//! The three means: a native schema, a tool that must be called, words.

use serde_json::Value;

use super::says_something;
use crate::descriptor::AnswerMeans;
use crate::{AnswerSchema, Message, Part, Reply, Request, Role, ToolChoice, ToolResult, ToolSpec};

/// How many places of a text are tried as the start of the answer.
const JSON_STARTS_MAX: usize = 200;

/// What a reply holds.
pub(super) enum Found {
    Value(Value),
    /// No JSON, for this reason.
    Nothing(String),
}

/// Asks for the shape by the given means.
pub(super) fn shape(mut request: Request, schema: &AnswerSchema, means: AnswerMeans) -> Request {
    match means {
        AnswerMeans::Native => request.answer = Some(schema.clone()),
        AnswerMeans::Tool => {
            request.answer = None;
            request.tools.push(ToolSpec {
                name: schema.name.clone(),
                description: "Gives the final answer. Call it once.".to_owned(),
                input_schema: schema.schema.clone(),
            });
            request.tool_choice = ToolChoice::Tool(schema.name.clone());
        }
        AnswerMeans::Prompt => {
            request.answer = None;
            let words = format!(
                "Answer with one JSON value and nothing else: no explanation, no code fence. \
                 It must satisfy this JSON Schema:\n{}",
                schema.schema,
            );
            request.system = Some(match request.system {
                Some(system) => format!("{system}\n\n{words}"),
                None => words,
            });
        }
    }
    request
}

/// Finds the answer in a reply.
pub(super) fn find(reply: &Reply, schema: &AnswerSchema, means: AnswerMeans) -> Found {
    if means == AnswerMeans::Tool
        && let Some(call) = reply.tool_calls().find(|call| call.name == schema.name)
    {
        return match &call.arguments {
            Value::String(text) => Found::Nothing(format!("the arguments are no JSON: {text}")),
            arguments => Found::Value(arguments.clone()),
        };
    }
    // Models that shall call a tool sometimes write the answer instead.
    let text = reply.text();
    if let Ok(value) = serde_json::from_str(text.trim()) {
        return Found::Value(value);
    }
    match json_inside(&text) {
        Some(value) => Found::Value(value),
        None if text.trim().is_empty() => Found::Nothing("the answer is empty".to_owned()),
        None => Found::Nothing("the answer is not JSON".to_owned()),
    }
}

/// Finds the longest object or list in a text with words or a fence around it.
fn json_inside(text: &str) -> Option<Value> {
    let starts = text.match_indices(['{', '[']).take(JSON_STARTS_MAX);
    let values = starts.filter_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        let value = values.next()?.ok()?;
        Some((values.byte_offset(), value))
    });
    // The first of the longest: an inner object is shorter than the one around it.
    let longest = values.reduce(|best, next| if next.0 > best.0 { next } else { best });
    longest.map(|(_, value)| value)
}

/// Sends an answer back with the reasons why it does not fit.
pub(super) fn repair(
    mut request: Request,
    reply: Reply,
    schema: &AnswerSchema,
    means: AnswerMeans,
    reasons: &[String],
) -> Request {
    let reasons: String = reasons
        .iter()
        .map(|reason| format!("\n- {reason}"))
        .collect();
    let words = format!(
        "This answer does not fit the schema:{reasons}\nGive the whole answer again, corrected."
    );
    // An empty reply cannot stand in a conversation; the question is asked with the reasons.
    if !says_something(&reply) {
        request.messages.push(Message::user(words));
        return request;
    }
    let calls = reply.tool_calls().map(|call| {
        let is_answer = means == AnswerMeans::Tool && call.name == schema.name;
        let content = if is_answer {
            words.clone()
        } else {
            "not available now".to_owned()
        };
        Part::ToolResult(ToolResult {
            call_id: call.id.clone(),
            content,
            is_error: true,
        })
    });
    let mut parts: Vec<Part> = calls.collect();
    let is_told =
        means == AnswerMeans::Tool && reply.tool_calls().any(|call| call.name == schema.name);
    if !is_told {
        parts.push(Part::text(words));
    }
    request.messages.push(reply.into_message());
    request.messages.push(Message::of(Role::User, parts));
    request
}
