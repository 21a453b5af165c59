//! A request as rules and placeholders see it.

use serde_json::Value;

use crate::{Message, Part, Request, Role, ToolResult};

/// How many characters of a text a message shows.
const SUMMARY_CHARS_MAX: usize = 80;
/// How many places of a text are tried as the start of its first JSON block.
const JSON_STARTS_MAX: usize = 200;

/// Looks at a request; copies only what is asked for.
pub(super) struct RequestView<'a> {
    request: &'a Request,
    model: &'a str,
}

impl<'a> RequestView<'a> {
    pub(super) fn of(request: &'a Request, model: &'a str) -> Self {
        Self { request, model }
    }

    pub(super) fn request(&self) -> &'a Request {
        self.request
    }

    pub(super) fn model(&self) -> &'a str {
        self.model
    }

    pub(super) fn system_text(&self) -> &'a str {
        self.request.system.as_deref().unwrap_or_default()
    }

    /// The number of assistant messages.
    pub(super) fn turn(&self) -> u64 {
        let messages = self.request.messages.iter();
        messages
            .filter(|message| message.role == Role::Assistant)
            .count() as u64
    }

    /// The text of the last user message that has any.
    pub(super) fn user_text(&self) -> String {
        let mut newest_first = self.users().rev();
        newest_first.find_map(text_of).unwrap_or_default()
    }

    pub(super) fn first_text(&self) -> String {
        self.users().find_map(text_of).unwrap_or_default()
    }

    pub(super) fn user_json(&self) -> Option<Value> {
        first_json(&self.user_text())
    }

    /// The results in the last message, with the names of their tools.
    pub(super) fn tool_results(&self) -> Vec<(&'a str, &'a str)> {
        let last = self.request.messages.last();
        let parts = last
            .map(|message| message.parts.as_slice())
            .unwrap_or_default();
        let results = parts.iter().filter_map(|part| match part {
            Part::ToolResult(result) => Some(result),
            _ => None,
        });
        results
            .map(|result| (self.tool_of(result), result.content.as_str()))
            .collect()
    }

    pub(super) fn is_after_tool(&self) -> bool {
        !self.tool_results().is_empty()
    }

    pub(super) fn tool_json(&self) -> Option<Value> {
        self.tool_results()
            .first()
            .and_then(|(_, text)| first_json(text))
    }

    /// The newest value at a path, in any JSON that the user or a tool gave.
    pub(super) fn any_json(&self, found: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
        let newest_first = self
            .users()
            .rev()
            .flat_map(|message| message.parts.iter().rev());
        let mut texts = newest_first.filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            Part::ToolResult(result) => Some(result.content.as_str()),
            _ => None,
        });
        texts.find_map(|text| found(&first_json(text)?))
    }

    /// The names of the tools that were called so far.
    pub(super) fn calls_before(&self) -> Vec<&'a str> {
        let parts = self
            .request
            .messages
            .iter()
            .flat_map(|message| &message.parts);
        let calls = parts.filter_map(|part| match part {
            Part::ToolCall(call) => Some(call.name.as_str()),
            _ => None,
        });
        calls.collect()
    }

    pub(super) fn offered(&self) -> Vec<&'a str> {
        self.request
            .tools
            .iter()
            .map(|tool| tool.name.as_str())
            .collect()
    }

    pub(super) fn answer_name(&self) -> Option<&'a str> {
        self.request
            .answer
            .as_ref()
            .map(|answer| answer.name.as_str())
    }

    /// Says in a few words what was asked.
    pub(super) fn summary(&self) -> String {
        let mut words = format!("turn {}", self.turn());
        if let Some(name) = self.answer_name() {
            words.push_str(&format!(", a structured answer `{name}` wanted"));
        }
        match self.tool_results().first() {
            Some((tool, text)) => {
                words.push_str(&format!(
                    ", after the tool `{tool}` returned {}",
                    quoted(text)
                ));
            }
            None => words.push_str(&format!(
                ", the last user text is {}",
                quoted(&self.user_text())
            )),
        }
        words
    }

    fn users(&self) -> impl DoubleEndedIterator<Item = &'a Message> {
        let messages = self.request.messages.iter();
        messages.filter(|message| message.role == Role::User)
    }

    fn tool_of(&self, result: &ToolResult) -> &'a str {
        let parts = self
            .request
            .messages
            .iter()
            .flat_map(|message| &message.parts);
        let mut calls = parts.filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        });
        let found = calls.find(|call| call.id == result.call_id);
        found.map(|call| call.name.as_str()).unwrap_or_default()
    }
}

fn text_of(message: &Message) -> Option<String> {
    let texts = message.parts.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Finds the first object or list in a text that may hold words around it.
pub(super) fn first_json(text: &str) -> Option<Value> {
    let starts = text.match_indices(['{', '[']).take(JSON_STARTS_MAX);
    let mut values = starts.filter_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        values.next()?.ok()
    });
    values.next()
}

fn quoted(text: &str) -> String {
    let head: String = text.chars().take(SUMMARY_CHARS_MAX).collect();
    let dots = if head.len() < text.len() { "…" } else { "" };
    format!("{head:?}{dots}")
}
