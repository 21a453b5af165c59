//! The frames of a Chat Completions stream, and its whole reply, as events.

use serde_json::{Map, Value};

use super::hot::{HotFrame, HotPiece};
use super::message::{CALL_EXTRA_TYPE, DETAILS_TYPE};
use super::{NAME, usage};
use crate::event::PartKind;
use crate::wire::classify;
use crate::wire::decoder::{ReadFrames, malformed, parse_json};
use crate::wire::emitter::Emitter;
use crate::wire::speech::{Speech, Voice};
use crate::{Event, ModelError, StopReason};

/// The most calls in one reply; the numbers that providers give are only looked up among them.
const CALLS_MAX: usize = 1_000;
/// The most items of hidden reasoning in one reply.
const DETAILS_MAX: usize = 10_000;
/// Fields of a message that are read, or that say nothing.
const KNOWN_FIELDS: [&str; 10] = [
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "name",
    "padding",
];

/// Fields of a tool call that are read.
const CALL_FIELDS: [&str; 4] = ["index", "id", "type", "function"];

/// Reads the frames of one reply.
#[derive(Debug, Default)]
pub(in crate::wire) struct ChatFrames {
    emitter: Emitter,
    speech: Speech,
    calls: Vec<Call>,
    details: Vec<Value>,
    has_calls: bool,
    refused: bool,
    stop: Option<String>,
}

/// A tool call in the making.
#[derive(Debug)]
struct Call {
    /// The number and id that the provider gave.
    number: Option<u64>,
    id: String,
    index: usize,
    /// What the provider put beside the call, and wants back with it.
    extra: Map<String, Value>,
}

impl ReadFrames for ChatFrames {
    fn frame(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), ModelError> {
        if data.trim() == "[DONE]" {
            self.finish(out);
            return Ok(());
        }
        if self.hot(data, out) {
            return Ok(());
        }
        let frame = parse_json(data)?;
        if frame.get("error").is_some_and(|error| !error.is_null()) {
            return Err(classify::error_of_frame(&frame));
        }
        self.head(&frame, out);
        let choices = frame.get("choices").and_then(Value::as_array);
        for choice in choices.into_iter().flatten() {
            self.choice(choice, out)?;
        }
        self.usage(&frame, out);
        if choices.is_none() && frame.get("usage").is_none() {
            unknown(frame, out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        // Not every server writes the sentinel; the reason says that the reply was complete.
        if self.stop.is_some() {
            self.finish(out);
        }
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }
}

impl ChatFrames {
    pub(in crate::wire) fn new(turn: usize) -> Self {
        Self {
            emitter: Emitter::new(turn),
            ..Self::default()
        }
    }

    /// Takes a frame of the usual form; says whether it was one.
    fn hot(&mut self, data: &str, out: &mut Vec<Event>) -> bool {
        let Some(HotFrame { id, model, piece }) = HotFrame::read(data) else {
            return false;
        };
        let call = match &piece {
            HotPiece::Arguments(number, _) => self.call_of(Some(*number), "", ""),
            HotPiece::Text(_) | HotPiece::Reasoning(_) => None,
        };
        if !model.is_empty() {
            self.emitter.start(&model, &id, out);
        }
        match (piece, call) {
            (HotPiece::Text(text), _) => self.say(Voice::Text, text, out),
            (HotPiece::Reasoning(text), _) => self.say(Voice::Reasoning, text, out),
            (HotPiece::Arguments(_, piece), Some(index)) => {
                self.emitter.delta(index, piece, out);
            }
            (HotPiece::Arguments(..), None) => return false,
        }
        true
    }

    /// Reads a reply that came at once.
    pub(in crate::wire) fn whole(mut self, body: &[u8]) -> Result<Vec<Event>, ModelError> {
        let reply = parse_json(&String::from_utf8_lossy(body))?;
        if reply.get("error").is_some_and(|error| !error.is_null()) {
            return Err(classify::error_of_frame(&reply));
        }
        let choice = reply.get("choices").and_then(|choices| choices.get(0));
        let Some(choice) = choice else {
            return Err(malformed("the reply has no choice"));
        };
        let mut out = Vec::new();
        self.head(&reply, &mut out);
        self.choice(choice, &mut out)?;
        self.usage(&reply, &mut out);
        self.finish(&mut out);
        Ok(out)
    }

    fn head(&mut self, frame: &Value, out: &mut Vec<Event>) {
        let text = |name: &str| frame.get(name).and_then(Value::as_str).unwrap_or_default();
        // The first frame of Azure carries filter results and no model.
        if !text("model").is_empty() {
            self.emitter.start(text("model"), text("id"), out);
        }
    }

    fn usage(&mut self, frame: &Value, out: &mut Vec<Event>) {
        let places = [
            frame.get("usage"),
            frame.get("x_groq").and_then(|inner| inner.get("usage")),
        ];
        let usage = places.into_iter().flatten().find_map(usage::read);
        if let Some(usage) = usage {
            self.emitter.usage(usage, out);
        }
    }

    fn choice(&mut self, choice: &Value, out: &mut Vec<Event>) -> Result<(), ModelError> {
        // Only one answer was asked for; more would be other answers, not more of this one.
        if choice
            .get("index")
            .and_then(Value::as_u64)
            .unwrap_or_default()
            != 0
        {
            unknown(choice.clone(), out);
            return Ok(());
        }
        let error = choice.get("error").filter(|error| !error.is_null());
        if error.is_some() {
            return Err(classify::error_of_frame(choice));
        }
        let message = choice.get("delta").or_else(|| choice.get("message"));
        if let Some(message) = message.and_then(Value::as_object) {
            self.message(message, out)?;
        }
        let reason = choice.get("finish_reason").and_then(Value::as_str);
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.stop = Some(reason.to_owned());
        }
        Ok(())
    }

    fn message(
        &mut self,
        message: &Map<String, Value>,
        out: &mut Vec<Event>,
    ) -> Result<(), ModelError> {
        let text = |name: &str| {
            message
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let reasoning = match text("reasoning_content") {
            "" => text("reasoning"),
            content => content,
        };
        self.say(Voice::Reasoning, reasoning.to_owned(), out);
        if let Some(Value::Array(items)) = message.get(DETAILS_TYPE) {
            let room = DETAILS_MAX.saturating_sub(self.details.len());
            self.details.extend(items.iter().take(room).cloned());
        }
        match message.get("content") {
            Some(Value::String(text)) => self.say(Voice::Text, text.clone(), out),
            Some(Value::Array(parts)) => self.parts(parts, out),
            _ => {}
        }
        if !text("refusal").is_empty() {
            self.refused = true;
            self.say(Voice::Text, text("refusal").to_owned(), out);
        }
        let calls = message.get("tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            self.call(call, out)?;
        }
        if let Some(call) = message.get("function_call").filter(|call| call.is_object()) {
            self.call(&serde_json::json!({ "index": 0, "function": call }), out)?;
        }
        let rest = message.iter().filter(|(name, value)| {
            !KNOWN_FIELDS.contains(&name.as_str()) && says_something(value)
        });
        let rest: Map<String, Value> = rest
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !rest.is_empty() {
            unknown(Value::Object(rest), out);
        }
        Ok(())
    }

    /// Reads content that comes in parts: text, and reasoning as one speaker writes it.
    fn parts(&mut self, parts: &[Value], out: &mut Vec<Event>) {
        for part in parts {
            let text = |name: &str| part.get(name).and_then(Value::as_str);
            match text("type") {
                Some("text" | "output_text") => {
                    self.say(
                        Voice::Text,
                        text("text").unwrap_or_default().to_owned(),
                        out,
                    );
                }
                Some("thinking") => {
                    let pieces = part.get("thinking").and_then(Value::as_array);
                    let pieces = pieces.into_iter().flatten();
                    let thought: String = pieces
                        .filter_map(|piece| piece.get("text")?.as_str())
                        .collect();
                    let thought = text("thinking").map_or(thought, str::to_owned);
                    self.say(Voice::Reasoning, thought, out);
                }
                _ => unknown(part.clone(), out),
            }
        }
    }

    fn say(&mut self, voice: Voice, text: String, out: &mut Vec<Event>) {
        self.speech.say(voice, text, NAME, &mut self.emitter, out);
    }

    fn call(&mut self, fragment: &Value, out: &mut Vec<Event>) -> Result<(), ModelError> {
        let number = fragment.get("index").and_then(Value::as_u64);
        let id = fragment
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let function = fragment.get("function").unwrap_or(&Value::Null);
        let name = function
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let index = match self.call_of(number, id, name) {
            Some(index) => index,
            None => self.open_call(number, id, name, out)?,
        };
        let piece = match function.get("arguments") {
            Some(Value::String(piece)) => piece.clone(),
            // Some servers send the arguments as an object, whole.
            Some(arguments @ Value::Object(_)) => arguments.to_string(),
            _ => String::new(),
        };
        self.emitter.delta(index, piece, out);
        self.keep_extra(index, fragment);
        Ok(())
    }

    /// Keeps the fields of a call that are not read, such as a signature of its reasoning.
    fn keep_extra(&mut self, index: usize, fragment: &Value) {
        let fields = fragment.as_object().into_iter().flatten();
        let mut extra = fields
            .filter(|(name, value)| !CALL_FIELDS.contains(&name.as_str()) && says_something(value));
        let Some(first) = extra.next() else { return };
        if let Some(call) = self.calls.iter_mut().find(|call| call.index == index) {
            let all = std::iter::once(first).chain(extra);
            call.extra
                .extend(all.map(|(name, value)| (name.clone(), value.clone())));
        }
    }

    /// Finds the call that a fragment belongs to. Servers disagree on what names it: the
    /// number (some give every call the same), the id (some repeat it, some leave it out).
    fn call_of(&self, number: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let mut newest_first = self.calls.iter().rev();
        let has_number = |call: &&Call| number.is_none() || call.number == number;
        let found = match (id, name) {
            // A bare piece: the number names its call, or it belongs to the newest.
            ("", "") => newest_first.find(has_number),
            // A name without id or number begins a call; with a number it may be a repetition.
            ("", _) if number.is_none() => None,
            ("", _) => newest_first.find(has_number),
            (id, "") => {
                let by_id = newest_first.clone().find(|call| call.id == id);
                by_id.or_else(|| newest_first.find(has_number))
            }
            (id, _) => newest_first.find(|call| call.id == id),
        };
        found.map(|call| call.index)
    }

    fn open_call(
        &mut self,
        number: Option<u64>,
        id: &str,
        name: &str,
        out: &mut Vec<Event>,
    ) -> Result<usize, ModelError> {
        if self.calls.len() == CALLS_MAX {
            return Err(malformed("too many tool calls"));
        }
        self.speech.fall_silent(&mut self.emitter, out);
        let index = self.emitter.open_call(id, name, out);
        self.calls.push(Call {
            number,
            id: id.to_owned(),
            index,
            extra: Map::new(),
        });
        Ok(index)
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        self.speech.fall_silent(&mut self.emitter, out);
        if !self.details.is_empty() {
            let items = std::mem::take(&mut self.details);
            let part = PartKind::Opaque {
                dialect: NAME.to_owned(),
                item: serde_json::json!({ "type": DETAILS_TYPE, "items": items }),
            };
            self.emitter.whole(part, out);
        }
        for call in std::mem::take(&mut self.calls) {
            self.has_calls = true;
            self.emitter.close(call.index, out);
            if call.extra.is_empty() {
                continue;
            }
            let id = self.emitter.call_id(&call.id, call.index);
            let part = PartKind::Opaque {
                dialect: NAME.to_owned(),
                item: serde_json::json!({ "type": CALL_EXTRA_TYPE, "id": id, "fields": call.extra }),
            };
            self.emitter.whole(part, out);
        }
        let raw = self.stop.clone().unwrap_or_default();
        self.emitter.finish(self.reason_of(&raw), &raw, out);
    }

    fn reason_of(&self, raw: &str) -> StopReason {
        match raw {
            "content_filter" | "refusal" | "safety" => StopReason::Refusal,
            _ if self.refused => StopReason::Refusal,
            "length" | "max_tokens" | "model_length" => StopReason::OutputLimit,
            // Many servers say `stop` although they called tools.
            _ if self.has_calls => StopReason::ToolCalls,
            "stop" | "end_turn" | "eos" | "eos_token" => StopReason::End,
            "stop_sequence" => StopReason::StopText,
            _ => StopReason::Other,
        }
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn unknown(frame: Value, out: &mut Vec<Event>) {
    out.push(Event::Unknown {
        dialect: NAME.to_owned(),
        frame,
    });
}
