//! What the model sees: a projection of the session whose bytes only grow at the end.

use layercake_model::{
    AnswerSchema, Message, ModelDescriptor, Part, Request, Role, Sampling, ToolResult,
};
use serde_json::Value;

use crate::CallId;
use crate::output::cut_to;
use crate::state::{Entry, SessionState};

/// Bytes that are taken for one token when no model has counted: an estimate on the high side
/// for English, about right for source code.
pub(crate) const BYTES_PER_TOKEN: u64 = 3;

/// Results of one turn are shown whole up to this many bytes together, where the window is
/// large enough: 8,000 tokens.
pub(crate) const TURN_BYTES_SHOWN: u64 = 24 * 1024;

/// The share of the context window that the results of one turn may fill: one part of these.
const TURN_SHARE: u64 = 8;

/// What surrounds the content of one part in a request, in bytes, about.
const PART_BYTES: u64 = 40;

/// Of each result at least this much is shown, however many there are.
const RESULT_BYTES_SHOWN_MIN: usize = 1_024;

/// Returns how many bytes of results one turn may show to a model, for a whole session.
pub(crate) fn turn_bytes_shown(descriptor: &ModelDescriptor) -> u64 {
    let window = descriptor.context_tokens_max;
    window.map_or(TURN_BYTES_SHOWN, |tokens| {
        TURN_BYTES_SHOWN.min(tokens * BYTES_PER_TOKEN / TURN_SHARE)
    })
}

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
    // Caches may keep two prefixes: the opening, which a compaction leaves alone, and all.
    if let Some(first) = messages.first_mut() {
        first.cache_mark = true;
    }
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
    let mut shown_from = 0;
    if let Some(summary) = state.summary() {
        let text = Part::text(summary.text.clone());
        add(&mut messages, Role::User, vec![text]);
        shown_from = summary.entries_before;
    }
    for entry in state.entries.iter().skip(shown_from) {
        match entry {
            Entry::Reply(parts) => add(&mut messages, Role::Assistant, parts.clone()),
            Entry::Results { turn, results } => {
                let parts = inline_results(*turn, results, state).collect();
                add(&mut messages, Role::User, parts);
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

/// Returns results as the window shows them: large ones are cut, and a handle says where the
/// rest is. Depends on nothing but the results and what the session was started with, so that
/// the bytes never change.
pub(crate) fn inline_results(
    turn: u32,
    results: &[ToolResult],
    state: &SessionState,
) -> impl Iterator<Item = Part> {
    let has_handles = state.has_handles;
    let turn_bytes = usize::try_from(state.started.turn_bytes_shown).unwrap_or(usize::MAX);
    let room = (turn_bytes / results.len().max(1)).max(RESULT_BYTES_SHOWN_MIN);
    results.iter().zip(0..).map(move |(result, index)| {
        let mut result = result.clone();
        if result.content.len() > room {
            let size = result.content.len();
            result.content = cut_to(result.content, room);
            if has_handles {
                let handle = CallId { turn, index };
                result.content.push_str(&format!(
                    "\n[the whole result has {size} bytes; `result` reads it by the handle {handle}]"
                ));
            }
        }
        Part::ToolResult(result)
    })
}

/// Estimates the tokens of the next request's input.
pub(crate) fn estimated_tokens(state: &SessionState) -> u64 {
    state.window.known_tokens + state.window.new_bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Returns about how many bytes an entry takes in a request.
pub(crate) fn entry_bytes(entry: &Entry, state: &SessionState) -> u64 {
    match entry {
        Entry::Reply(parts) => parts.iter().map(part_bytes).sum(),
        Entry::Results { turn, results } => {
            let shown = inline_results(*turn, results, state);
            shown.map(|part| part_bytes(&part)).sum()
        }
        Entry::Told(text) => text.len() as u64 + PART_BYTES,
    }
}

fn part_bytes(part: &Part) -> u64 {
    let content = match part {
        Part::Text { text } => text.len() as u64,
        Part::ToolCall(call) => {
            let names = call.id.len() + call.name.len();
            names as u64 + value_bytes(&call.arguments)
        }
        Part::ToolResult(result) => (result.call_id.len() + result.content.len()) as u64,
        other => value_bytes(&crate::digest::plain(other)),
    };
    content + PART_BYTES
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
