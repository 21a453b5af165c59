//! The conversation as dialects want it: turns that alternate, tool results before words.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::loss::{Loss, LossKind};
use crate::{Message, Part, Request, Role};

/// Everything that one speaker says before the other does.
pub(super) struct Turn<'a> {
    pub(super) role: Role,
    pub(super) parts: Vec<Placed<'a>>,
}

/// A part with its place in the request.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) message: usize,
    pub(super) index: usize,
    pub(super) part: &'a Part,
    /// Whether the prefix up to and with this part may be cached.
    pub(super) cache_mark: bool,
}

impl Placed<'_> {
    pub(super) fn at(&self) -> String {
        format!("messages[{}].parts[{}]", self.message, self.index)
    }
}

/// Joins neighbours of one role. Tool results come first in their turn: a provider that ties
/// results to the calls before them rejects any other order.
pub(super) fn turns(request: &Request) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (number, message) in request.messages.iter().enumerate() {
        let parts = placed(number, message);
        match turns.last_mut() {
            Some(turn) if turn.role == message.role => turn.parts.extend(parts),
            _ => turns.push(Turn {
                role: message.role,
                parts: parts.collect(),
            }),
        }
    }
    for turn in &mut turns {
        turn.parts
            .sort_by_key(|placed| !matches!(placed.part, Part::ToolResult(_)));
    }
    turns
}

/// Returns the parts of one message with their places; the mark is on the last part.
pub(super) fn placed(number: usize, message: &Message) -> impl Iterator<Item = Placed<'_>> {
    let last = message.parts.len().saturating_sub(1);
    let parts = message.parts.iter().enumerate();
    parts.map(move |(index, part)| Placed {
        message: number,
        index,
        part,
        cache_mark: message.cache_mark && index == last,
    })
}

/// Returns the tools' names by the ids of the calls, for dialects whose results name the tool.
pub(super) fn tool_names(request: &Request) -> BTreeMap<&str, &str> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let calls = parts.filter_map(|part| match part {
        Part::ToolCall(call) => Some((call.id.as_str(), call.name.as_str())),
        _ => None,
    });
    calls.collect()
}

/// Says why reasoning of one dialect is left out of another.
pub(super) fn lost_reasoning(placed: Placed<'_>, to: &str, from: &str) -> Loss {
    let message = if from == to {
        "the provider does not take this reasoning back; it is left out".to_owned()
    } else if from.is_empty() {
        "reasoning without provenance is left out".to_owned()
    } else {
        format!("reasoning of the dialect {from} is left out: only that one can take it back")
    };
    Loss::new(placed.at(), LossKind::Reasoning, message)
}

/// Says that an item of another dialect is left out.
pub(super) fn lost_opaque(placed: Placed<'_>, from: &str) -> Loss {
    let message = format!("an item that only the dialect {from} understands is left out");
    Loss::new(placed.at(), LossKind::Opaque, message)
}

/// Says that a part has no place in such a message.
pub(super) fn lost_part(placed: Placed<'_>, what: &str) -> Loss {
    let kind = match placed.part {
        Part::Image { .. } => LossKind::Image,
        Part::File { .. } => LossKind::File,
        _ => LossKind::Content,
    };
    Loss::new(placed.at(), kind, format!("{what} is left out"))
}

/// Returns the arguments of a tool call as the object that every provider demands.
pub(super) fn arguments_object(arguments: &serde_json::Value) -> serde_json::Value {
    match arguments {
        serde_json::Value::Object(_) => arguments.clone(),
        // What the model wrote was no object. It must see that, in a form that is accepted.
        other => serde_json::json!({ "invalid_arguments": other }),
    }
}

/// Returns the text of a file that is text.
pub(super) fn file_text(media_type: &str, data: &str) -> Option<String> {
    let is_text = media_type.starts_with("text/")
        || ["application/json", "application/xml", "application/yaml"].contains(&media_type);
    let bytes = STANDARD.decode(data).ok().filter(|_| is_text)?;
    String::from_utf8(bytes).ok()
}
