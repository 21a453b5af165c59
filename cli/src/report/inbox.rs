//! Open questions to people: `layercake.inbox/1` and its words.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::paint::{Paint, one_line, safe_text};

/// The most characters of one shown value in the list.
const SHOWN_CHARS: usize = 400;
/// The most entries of a shown list.
const SHOWN_ITEMS: usize = 10;

/// `layercake.inbox/1`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct InboxView {
    /// `layercake.inbox/1`.
    pub(crate) schema: String,
    /// The open questions, the oldest first.
    pub(crate) items: Vec<QuestionView>,
}

/// One open question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QuestionView {
    /// Its id.
    pub(crate) id: String,
    /// The run that asks.
    pub(crate) run: String,
    /// The task that asks.
    pub(crate) task: String,
    /// `approval`.
    pub(crate) kind: String,
    /// The question.
    pub(crate) title: String,
    /// What the person decides on.
    pub(crate) shown: Value,
    /// The hash of what is shown; the decision names it.
    pub(crate) shown_hash: String,
    /// When it was asked, RFC 3339.
    pub(crate) asked_at: String,
    /// When it lapses, RFC 3339.
    pub(crate) expires_at: Option<String>,
}

impl InboxView {
    /// Makes the document.
    pub(crate) fn new(items: Vec<QuestionView>) -> Self {
        Self {
            schema: "layercake.inbox/1".to_owned(),
            items,
        }
    }
}

/// Paints the list.
pub(crate) fn paint(view: &InboxView, paint: Paint) -> String {
    if view.items.is_empty() {
        return "nothing waits for a person".to_owned();
    }
    let questions: Vec<String> = view
        .items
        .iter()
        .map(|item| question(item, paint))
        .collect();
    questions.join("\n\n")
}

/// Paints one question with what it shows.
pub(crate) fn question(item: &QuestionView, paint: Paint) -> String {
    let mut text = format!(
        "{}  {}\n  asked by {} {} at {}",
        paint.bold(short(&item.id)),
        one_line(&item.title, SHOWN_CHARS),
        item.run,
        paint.dim(&item.task),
        item.asked_at
    );
    if let Some(expires) = &item.expires_at {
        text.push_str(&format!(", lapses at {expires}"));
    }
    for line in shown(&item.shown) {
        text.push_str(&format!("\n    {line}"));
    }
    text
}

/// Returns the part of an id that is enough to type.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn shown(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => {
            let mut lines: Vec<String> = items.iter().take(SHOWN_ITEMS).flat_map(entry).collect();
            if items.len() > SHOWN_ITEMS {
                let more = items.len() - SHOWN_ITEMS;
                lines.push(format!("… and {more} more (all with --json)"));
            }
            lines
        }
        Value::Null => Vec::new(),
        other => entry(other),
    }
}

fn entry(value: &Value) -> Vec<String> {
    let Value::Object(fields) = value else {
        return vec![format!("- {}", brief(value))];
    };
    let mut lines = Vec::new();
    for (i, (name, field)) in fields.iter().enumerate() {
        let bullet = if i == 0 { "-" } else { " " };
        lines.push(format!(
            "{bullet} {}: {}",
            one_line(name, SHOWN_CHARS),
            brief(field)
        ));
    }
    lines
}

fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(&safe_text(text), SHOWN_CHARS),
        other => one_line(&other.to_string(), SHOWN_CHARS),
    }
}
