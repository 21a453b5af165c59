//! What the model sees: a projection of the session whose bytes only grow at the end.

use layercake_model::{AnswerSchema, Message, Part, Request, Role, Sampling};
use serde_json::Value;

use crate::state::{Entry, SessionState};

/// Bytes that are taken for one token when no model has counted: an estimate on the high side
/// for English, about right for source code.
const BYTES_PER_TOKEN: u64 = 3;

/// Builds the next request.
pub(crate) fn request(
    state: &SessionState,
    sampling: &Sampling,
    answer: Option<&AnswerSchema>,
    output_tokens_max: Option<u32>,
) -> Request {
    let mut sampling = sampling.clone();
    sampling.output_tokens_max = output_tokens_max;
    let mut messages = messages(state);
    // The cache may keep everything up to the newest message: all of it comes again.
    if let Some(last) = messages.last_mut() {
        last.cache_mark = true;
    }
    Request {
        system: Some(state.started.system.clone()),
        messages,
        tools: state.tools().to_vec(),
        answer: answer.cloned(),
        sampling,
        ..Request::default()
    }
}

/// Returns the conversation as messages: the opening, the summary of what was compacted away,
/// then every entry that is still shown. Neighbouring user entries share one message, because
/// several dialects want the roles to alternate.
pub(crate) fn messages(state: &SessionState) -> Vec<Message> {
    let mut messages = vec![Message::user(state.started.opening.clone())];
    let shown_from = match &state.summary {
        Some(summary) => {
            add(
                &mut messages,
                Role::User,
                vec![Part::text(summary.text.clone())],
            );
            summary.entries_before
        }
        None => 0,
    };
    for entry in state.entries.iter().skip(shown_from) {
        match entry {
            Entry::Reply(parts) => add(&mut messages, Role::Assistant, parts.clone()),
            Entry::Results(results) => {
                let parts = results.iter().cloned().map(Part::ToolResult);
                add(&mut messages, Role::User, parts.collect());
            }
            Entry::Told(text) => add(&mut messages, Role::User, vec![Part::text(text.clone())]),
        }
    }
    messages
}

fn add(messages: &mut Vec<Message>, role: Role, parts: Vec<Part>) {
    match messages.last_mut() {
        Some(last) if last.role == role => last.parts.extend(parts),
        _ => messages.push(Message::of(role, parts)),
    }
}

/// Estimates the tokens of the next request's input.
pub(crate) fn estimated_tokens(state: &SessionState) -> u64 {
    state.window.known_tokens + state.window.new_bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Returns about how many bytes a value takes in a request.
pub(crate) fn value_bytes(value: &Value) -> u64 {
    match value {
        Value::Null => 4,
        Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() as u64 + 2,
        Value::Array(items) => 2 + items.iter().map(|item| value_bytes(item) + 1).sum::<u64>(),
        Value::Object(members) => {
            let sizes = members.iter();
            2 + sizes
                .map(|(name, item)| name.len() as u64 + 4 + value_bytes(item))
                .sum::<u64>()
        }
    }
}
