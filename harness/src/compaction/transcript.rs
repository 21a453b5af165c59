//! Old entries as text: for the model that summarises them, and as an excerpt without a model.

use std::collections::VecDeque;
use std::fmt::Write;

use layercake_model::{Part, ToolCall};

use crate::CallId;
use crate::state::Entry;

/// What a summariser is shown of one result: its purpose shows at the beginning.
const RESULT_BYTES: usize = 1_200;
/// What a summariser is shown of the arguments of one call.
const ARGUMENT_BYTES: usize = 600;
/// What an excerpt shows of one reply or result.
const EXCERPT_BYTES: usize = 200;
/// The most bytes of pinned notes; the newest stay.
const PINNED_BYTES_MAX: usize = 8_000;

/// Renders entries for the model that summarises them, the oldest first; what does not fit is
/// cut from the middle.
pub(super) fn whole(earlier: Option<&str>, entries: &[Entry], bytes_max: usize) -> String {
    let text = render(earlier, entries, RESULT_BYTES, ARGUMENT_BYTES, usize::MAX);
    crate::output::cut_to(text, bytes_max)
}

/// Renders entries as briefly as possible: what stands for them when no model can be asked.
pub(super) fn excerpt(earlier: Option<&str>, entries: &[Entry], bytes_max: usize) -> String {
    let text = render(
        earlier,
        entries,
        EXCERPT_BYTES,
        EXCERPT_BYTES,
        EXCERPT_BYTES,
    );
    crate::output::cut_to(text, bytes_max)
}

fn render(
    earlier: Option<&str>,
    entries: &[Entry],
    result_bytes: usize,
    argument_bytes: usize,
    text_bytes: usize,
) -> String {
    let mut out = String::new();
    if let Some(earlier) = earlier {
        add(&mut out, format_args!("Earlier still:\n{earlier}\n\n"));
    }
    for entry in entries {
        match entry {
            Entry::Reply(parts) => {
                for part in parts {
                    match part {
                        Part::Text { text } => {
                            let text = head(text, text_bytes);
                            add(&mut out, format_args!("Agent: {text}\n"));
                        }
                        Part::ToolCall(call) => {
                            let arguments = call.arguments.to_string();
                            let arguments = head(&arguments, argument_bytes);
                            add(&mut out, format_args!("Call {}: {arguments}\n", call.name));
                        }
                        _ => {}
                    }
                }
            }
            Entry::Results { turn, results } => {
                for (result, index) in results.iter().zip(0..) {
                    let id = CallId { turn: *turn, index };
                    let word = if result.is_error { "Failure" } else { "Result" };
                    let content = head(&result.content, result_bytes);
                    add(&mut out, format_args!("{word} {id}: {content}\n"));
                }
            }
            Entry::Told(text) => {
                let text = head(text, text_bytes);
                add(&mut out, format_args!("Told: {text}\n"));
            }
        }
    }
    out
}

/// Renders what must never be lost to a summary: the newest plan and the notes that the agent
/// took, word for word.
pub(super) fn pinned(entries: &[Entry]) -> String {
    let mut plan = None;
    let mut notes: VecDeque<&str> = VecDeque::new();
    for call in calls(entries) {
        match call.name.as_str() {
            crate::tool::PLAN => plan = call.arguments.get("plan").and_then(|plan| plan.as_str()),
            crate::tool::NOTE => {
                notes.extend(call.arguments.get("note").and_then(|note| note.as_str()));
            }
            _ => {}
        }
    }
    while notes.iter().map(|note| note.len() + 3).sum::<usize>() > PINNED_BYTES_MAX {
        notes.pop_front();
    }
    let mut text = String::new();
    if let Some(plan) = plan {
        add(
            &mut text,
            format_args!("\n\nThe plan, as it stood:\n{plan}"),
        );
    }
    if !notes.is_empty() {
        text.push_str("\n\nNotes, word for word:");
    }
    for note in notes {
        add(&mut text, format_args!("\n- {note}"));
    }
    text
}

fn calls(entries: &[Entry]) -> impl Iterator<Item = &ToolCall> {
    let parts = entries.iter().flat_map(|entry| match entry {
        Entry::Reply(parts) => parts.as_slice(),
        Entry::Results { .. } | Entry::Told(_) => &[],
    });
    parts.filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    })
}

/// Cuts a text to a number of bytes, and says so.
fn head(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{} [... {} bytes more]", &text[..end], text.len() - end)
}

fn add(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece)
        .expect("writing to a string cannot fail");
}
