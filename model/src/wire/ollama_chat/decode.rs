//! The lines of an Ollama stream, and its whole reply, as events. Each line is a whole reply
//! with the next piece in it.

use serde_json::{Value, json};

use super::NAME;
use crate::wire::classify;
use crate::wire::decoder::{ReadFrames, malformed, parse_json};
use crate::wire::emitter::Emitter;
use crate::wire::speech::{Speech, Voice};
use crate::{Event, ModelError, StopReason, Usage};

/// Reads the lines of one reply.
#[derive(Debug, Default)]
pub(in crate::wire) struct OllamaFrames {
    emitter: Emitter,
    speech: Speech,
    has_calls: bool,
}

impl ReadFrames for OllamaFrames {
    fn frame(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), ModelError> {
        let line = parse_json(data)?;
        self.line(&line, out)
    }

    fn end(&mut self, _: &mut Vec<Event>) {
        // The last line says that it is the last; without it the reply was cut.
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }
}

impl OllamaFrames {
    pub(in crate::wire) fn new(turn: usize) -> Self {
        Self {
            emitter: Emitter::new(turn),
            ..Self::default()
        }
    }

    /// Reads a reply that came at once.
    pub(in crate::wire) fn whole(mut self, body: &[u8]) -> Result<Vec<Event>, ModelError> {
        let reply = parse_json(&String::from_utf8_lossy(body))?;
        let mut out = Vec::new();
        self.line(&reply, &mut out)?;
        if !self.emitter.is_finished() {
            return Err(malformed("the reply is not done"));
        }
        Ok(out)
    }

    fn line(&mut self, line: &Value, out: &mut Vec<Event>) -> Result<(), ModelError> {
        // A failure in the middle of a stream is a line of its own, under the status 200.
        if let Some(error) = line.get("error").filter(|error| !error.is_null()) {
            let error = match error {
                Value::String(message) => json!({ "error": { "message": message } }),
                _ => line.clone(),
            };
            return Err(classify::error_of_frame(&error));
        }
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = line.get("message").unwrap_or(&Value::Null);
        if !message.is_object() && line.get("done").is_none() {
            let dialect = NAME.to_owned();
            let frame = line.clone();
            out.push(Event::Unknown { dialect, frame });
            return Ok(());
        }
        self.emitter.start(text("model"), "", out);
        self.message(message, out);
        if line.get("done").and_then(Value::as_bool) == Some(true) {
            self.emitter.usage(usage_of(line), out);
            self.finish(text("done_reason"), out);
        }
        Ok(())
    }

    fn message(&mut self, message: &Value, out: &mut Vec<Event>) {
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        let thinking = text("thinking").or(text("reasoning_content"));
        for (voice, piece) in [(Voice::Reasoning, thinking), (Voice::Text, text("content"))] {
            let piece = piece.unwrap_or_default().to_owned();
            self.speech.say(voice, piece, NAME, &mut self.emitter, out);
        }
        let calls = message.get("tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            self.call(call, out);
        }
    }

    /// Reads a call, which always comes whole.
    fn call(&mut self, call: &Value, out: &mut Vec<Event>) {
        self.speech.fall_silent(&mut self.emitter, out);
        self.has_calls = true;
        let function = call.get("function").unwrap_or(&Value::Null);
        let text = |holder: &Value, name: &str| {
            let found = holder.get(name).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let (id, name) = (text(call, "id"), text(function, "name"));
        let index = self.emitter.open_call(&id, &name, out);
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(arguments) => arguments.to_string(),
        };
        self.emitter.delta(index, arguments, out);
        self.emitter.close(index, out);
    }

    fn finish(&mut self, raw: &str, out: &mut Vec<Event>) {
        self.speech.fall_silent(&mut self.emitter, out);
        let reason = match raw {
            "length" => StopReason::OutputLimit,
            // The server says `stop` after calls as well.
            _ if self.has_calls => StopReason::ToolCalls,
            "stop" | "" => StopReason::End,
            _ => StopReason::Other,
        };
        self.emitter.finish(reason, raw, out);
    }
}

/// What the server's own prompt cache served is not counted by it at all.
fn usage_of(line: &Value) -> Usage {
    let count = |name: &str| line.get(name).and_then(Value::as_u64).unwrap_or_default();
    Usage {
        input_tokens: count("prompt_eval_count"),
        output_tokens: count("eval_count"),
        ..Usage::default()
    }
}
