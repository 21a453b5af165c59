//! The frames of an OpenAI Responses stream, and its whole reply, as events.

use serde_json::Value;

use super::hot::HotFrame;
use super::output::{Output, unknown};
use crate::wire::classify;
use crate::wire::decoder::{ReadFrames, malformed, parse_json};
use crate::wire::emitter::Emitter;
use crate::{Event, ModelError, StopReason, Usage};

/// Frames that tell of progress, or repeat what pieces have said.
const SILENT: [&str; 12] = [
    "response.queued",
    "response.in_progress",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.done",
    "response.output_text.annotation.added",
    "response.refusal.done",
    "response.function_call_arguments.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.done",
    "response.reasoning_text.done",
];

/// Reads the frames of one reply.
#[derive(Debug, Default)]
pub(in crate::wire) struct ResponseFrames {
    emitter: Emitter,
    output: Output,
}

impl ReadFrames for ResponseFrames {
    fn frame(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), ModelError> {
        if data.trim() == "[DONE]" {
            return Ok(());
        }
        if let Some(frame) = HotFrame::read(data)
            && self.piece(&frame, out)
        {
            return Ok(());
        }
        let frame = parse_json(data)?;
        let text = |name: &str| frame.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| frame.get(name).and_then(Value::as_u64).unwrap_or_default();
        let (emitter, output) = (&mut self.emitter, &mut self.output);
        let item = number("output_index");
        match text("type") {
            "response.output_item.added" => output.begin(item, &frame["item"], emitter, out)?,
            "response.output_item.done" => output.complete(item, &frame["item"], emitter, out)?,
            "response.created" => self.begin(&frame["response"], out),
            "response.completed" | "response.incomplete" => self.finish(&frame["response"], out)?,
            "response.failed" => return Err(failure(&frame["response"])),
            "error" => return Err(classify::error_of_frame(&frame)),
            _ if frame.get("error").is_some_and(|error| !error.is_null()) => {
                return Err(classify::error_of_frame(&frame));
            }
            kind if SILENT.contains(&kind) || is_progress(kind) => out.push(Event::Heartbeat),
            _ => out.push(unknown(frame)),
        }
        Ok(())
    }

    /// The last frame is the only sign of the end.
    fn end(&mut self, _: &mut Vec<Event>) {}

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }
}

impl ResponseFrames {
    pub(in crate::wire) fn new(turn: usize) -> Self {
        Self {
            emitter: Emitter::new(turn),
            ..Self::default()
        }
    }

    /// Takes a piece of something; says whether it was one.
    fn piece(&mut self, frame: &HotFrame<'_>, out: &mut Vec<Event>) -> bool {
        let (emitter, output) = (&mut self.emitter, &mut self.output);
        let (item, delta) = (frame.output_index, frame.delta.as_ref());
        match frame.kind {
            "response.output_text.delta" => {
                output.text(item, frame.content_index, delta, emitter, out);
            }
            "response.refusal.delta" => {
                output.is_refused = true;
                output.text(item, frame.content_index, delta, emitter, out);
            }
            "response.function_call_arguments.delta" => {
                output.arguments(item, delta, emitter, out);
            }
            "response.reasoning_summary_text.delta" => {
                let place = ("summary", frame.summary_index);
                output.thought(item, place, delta, emitter, out);
            }
            "response.reasoning_text.delta" => {
                let place = ("content", frame.content_index);
                output.thought(item, place, delta, emitter, out);
            }
            _ => return false,
        }
        true
    }

    /// Reads a reply that came at once.
    pub(in crate::wire) fn whole(mut self, body: &[u8]) -> Result<Vec<Event>, ModelError> {
        let reply = parse_json(&String::from_utf8_lossy(body))?;
        if reply.get("error").is_some_and(|error| !error.is_null()) {
            return Err(failure(&reply));
        }
        if reply.get("output").and_then(Value::as_array).is_none() {
            return Err(malformed("the reply has no output"));
        }
        let mut out = Vec::new();
        self.begin(&reply, &mut out);
        self.finish(&reply, &mut out)?;
        Ok(out)
    }

    fn begin(&mut self, response: &Value, out: &mut Vec<Event>) {
        let text = |name: &str| {
            response
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        self.emitter.start(text("model"), text("id"), out);
    }

    /// Ends the reply. The response repeats all items; those whose frames were left out are
    /// taken from it.
    fn finish(&mut self, response: &Value, out: &mut Vec<Event>) -> Result<(), ModelError> {
        self.begin(response, out);
        let items = response.get("output").and_then(Value::as_array);
        for (number, item) in items.into_iter().flatten().enumerate() {
            self.output
                .complete(number as u64, item, &mut self.emitter, out)?;
        }
        if let Some(usage) = response.get("usage").and_then(usage) {
            self.emitter.usage(usage, out);
        }
        let (reason, raw) = self.reason(response);
        self.emitter.finish(reason, &raw, out);
        Ok(())
    }

    fn reason(&self, response: &Value) -> (StopReason, String) {
        let details = response.get("incomplete_details");
        let why = details
            .and_then(|details| details.get("reason"))
            .and_then(Value::as_str);
        let status = response
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let raw = why.unwrap_or(status);
        let reason = match raw {
            "max_output_tokens" | "max_tokens" => StopReason::OutputLimit,
            "content_filter" => StopReason::Refusal,
            _ if self.output.is_refused => StopReason::Refusal,
            "completed" if self.output.has_calls => StopReason::ToolCalls,
            "completed" => StopReason::End,
            _ => StopReason::Other,
        };
        (reason, raw.to_owned())
    }
}

/// Whether a frame tells how a tool of the provider gets on; its item says the rest.
fn is_progress(kind: &str) -> bool {
    let Some(family) = kind.strip_prefix("response.") else {
        return kind == "keepalive";
    };
    family.contains("_call.")
        || family.contains("_call_")
        || family.starts_with("mcp_list_tools.")
        || family.starts_with("custom_tool_call_input.")
}

fn failure(response: &Value) -> ModelError {
    let mut error = classify::error_of_frame(response);
    error.usage = response.get("usage").and_then(usage);
    error
}

fn usage(usage: &Value) -> Option<Usage> {
    let count = |path: [&str; 2]| {
        let found = usage.get(path[0]).and_then(|inner| inner.get(path[1]));
        found.and_then(Value::as_u64).unwrap_or_default()
    };
    let input = usage.get("input_tokens")?.as_u64()?;
    let output = usage
        .get("output_tokens")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let read = count(["input_tokens_details", "cached_tokens"]).min(input);
    let write = count(["input_tokens_details", "cache_write_tokens"]).min(input - read);
    let reasoning = count(["output_tokens_details", "reasoning_tokens"]).min(output);
    Some(Usage {
        input_tokens: input - read - write,
        cache_read_tokens: read,
        cache_write_tokens: write,
        output_tokens: output - reasoning,
        reasoning_tokens: reasoning,
    })
}
