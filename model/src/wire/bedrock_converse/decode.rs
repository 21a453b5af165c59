//! The events of a ConverseStream, and a whole Converse reply, as events.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::NAME;
use crate::event::PartKind;
use crate::wire::classify;
use crate::wire::decoder::{ReadFrames, malformed, parse_json};
use crate::wire::emitter::Emitter;
use crate::{Event, ModelError, StopReason, Usage};

/// The most blocks of one reply; the numbers that come are only looked up among them.
const BLOCKS_MAX: usize = 10_000;

/// Reads the events of one reply.
#[derive(Debug, Default)]
pub(in crate::wire) struct ConverseFrames {
    emitter: Emitter,
    /// The blocks that are open, by their number.
    blocks: BTreeMap<u64, Block>,
    has_calls: bool,
    stop: Option<String>,
}

/// A block that is open.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// The part that it became.
    index: usize,
    says: Says,
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Text,
    Reasoning,
    /// Reasoning whose signature came.
    Signed,
    Call,
}

impl ReadFrames for ConverseFrames {
    fn frame(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), ModelError> {
        let frame = parse_json(data)?;
        let named = frame.as_object().and_then(|fields| fields.iter().next());
        let Some((name, payload)) = named else {
            return Err(malformed("an event without a name"));
        };
        let number = payload.get("contentBlockIndex").and_then(Value::as_u64);
        let number = number.unwrap_or_default();
        match name.as_str() {
            "error" => return Err(classify::error_of_frame(&frame)),
            "messageStart" => self.emitter.start("", "", out),
            "contentBlockStart" => {
                if let Some(call) = payload.get("start").and_then(|start| start.get("toolUse")) {
                    self.open_call(number, call, out)?;
                }
            }
            "contentBlockDelta" => self.delta(number, payload.get("delta"), out)?,
            "contentBlockStop" => {
                self.close(number, out);
            }
            "messageStop" => self.stopped(payload),
            // It comes behind the stop, so the reply ends only here.
            "metadata" => {
                self.usage(payload, out);
                if self.stop.is_some() {
                    self.finish(out);
                }
            }
            _ => self.unknown(&frame, out),
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if self.stop.is_some() {
            self.finish(out);
        }
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }
}

impl ConverseFrames {
    pub(in crate::wire) fn new(turn: usize) -> Self {
        Self {
            emitter: Emitter::new(turn),
            ..Self::default()
        }
    }

    /// Reads a reply that came at once.
    pub(in crate::wire) fn whole(mut self, body: &[u8]) -> Result<Vec<Event>, ModelError> {
        let reply = parse_json(&String::from_utf8_lossy(body))?;
        let message = reply.get("output").and_then(|output| output.get("message"));
        let content = message.and_then(|message| message.get("content"));
        let Some(content) = content.and_then(Value::as_array) else {
            return Err(malformed("the reply has no message"));
        };
        let mut out = Vec::new();
        self.emitter.start("", "", &mut out);
        for (number, block) in (0..).zip(content) {
            self.block(number, block, &mut out)?;
            self.close(number, &mut out);
        }
        self.usage(&reply, &mut out);
        self.stopped(&reply);
        self.finish(&mut out);
        Ok(out)
    }

    /// Reads a whole block as the start and the deltas that a stream would have had.
    fn block(
        &mut self,
        number: u64,
        block: &Value,
        out: &mut Vec<Event>,
    ) -> Result<(), ModelError> {
        if let Some(call) = block.get("toolUse") {
            let index = self.open_call(number, call, out)?;
            let input = call.get("input").filter(|input| !input.is_null());
            let input = input.map(Value::to_string).unwrap_or_default();
            self.emitter.delta(index, input, out);
            return Ok(());
        }
        let reasoning = block.get("reasoningContent");
        if let Some(text) = reasoning.and_then(|reasoning| reasoning.get("reasoningText")) {
            return self.delta(number, Some(&json!({ "reasoningContent": text })), out);
        }
        self.delta(number, Some(block), out)
    }

    fn delta(
        &mut self,
        number: u64,
        delta: Option<&Value>,
        out: &mut Vec<Event>,
    ) -> Result<(), ModelError> {
        let Some(delta) = delta else { return Ok(()) };
        if let Some(text) = delta.get("text").and_then(Value::as_str) {
            let index = self.part(number, Says::Text, out)?;
            self.emitter.delta(index, text.to_owned(), out);
            return Ok(());
        }
        if let Some(call) = delta.get("toolUse") {
            let input = call.get("input").and_then(Value::as_str);
            // A piece without a beginning belongs to no call.
            match self.blocks.get(&number) {
                Some(block) if block.says == Says::Call => {
                    let input = input.unwrap_or_default().to_owned();
                    self.emitter.delta(block.index, input, out);
                }
                _ => self.unknown(delta, out),
            }
            return Ok(());
        }
        match delta.get("reasoningContent") {
            Some(reasoning) => self.reasoning(number, reasoning, out),
            None => {
                self.unknown(delta, out);
                Ok(())
            }
        }
    }

    fn reasoning(
        &mut self,
        number: u64,
        reasoning: &Value,
        out: &mut Vec<Event>,
    ) -> Result<(), ModelError> {
        if reasoning.get("redactedContent").is_some() {
            let part = PartKind::Opaque {
                dialect: NAME.to_owned(),
                item: json!({ "reasoningContent": reasoning }),
            };
            self.emitter.whole(part, out);
            return Ok(());
        }
        let text = |name: &str| {
            let text = reasoning.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        // A signature alone is legal: the text is hidden, and must be handed back all the same.
        let index = self.part(number, Says::Reasoning, out)?;
        self.emitter.delta(index, text("text"), out);
        let signature = text("signature");
        if let Some(block) = self
            .blocks
            .get_mut(&number)
            .filter(|_| !signature.is_empty())
        {
            block.says = Says::Signed;
            self.emitter.sign(index, signature, out);
        }
        Ok(())
    }

    fn open_call(
        &mut self,
        number: u64,
        call: &Value,
        out: &mut Vec<Event>,
    ) -> Result<usize, ModelError> {
        self.has_calls = true;
        let text = |name: &str| call.get(name).and_then(Value::as_str).unwrap_or_default();
        self.close(number, out);
        self.check_room()?;
        let index = self.emitter.open_call(text("toolUseId"), text("name"), out);
        let says = Says::Call;
        self.blocks.insert(number, Block { index, says });
        Ok(index)
    }

    /// Returns the part of a block. Only calls announce themselves; all else begins with its
    /// first piece.
    fn part(&mut self, number: u64, says: Says, out: &mut Vec<Event>) -> Result<usize, ModelError> {
        if let Some(block) = self.blocks.get(&number).filter(|block| block.says == says) {
            return Ok(block.index);
        }
        self.close(number, out);
        self.check_room()?;
        let kind = match says {
            Says::Reasoning => PartKind::Reasoning {
                dialect: NAME.to_owned(),
            },
            _ => PartKind::Text,
        };
        let index = self.emitter.open(kind, out);
        self.blocks.insert(number, Block { index, says });
        Ok(index)
    }

    fn close(&mut self, number: u64, out: &mut Vec<Event>) {
        if let Some(block) = self.blocks.remove(&number) {
            self.emitter.close(block.index, out);
        }
    }

    fn check_room(&self) -> Result<(), ModelError> {
        if self.blocks.len() < BLOCKS_MAX {
            return Ok(());
        }
        Err(malformed("too many open blocks"))
    }

    fn stopped(&mut self, holder: &Value) {
        let reason = holder.get("stopReason").and_then(Value::as_str);
        self.stop = Some(reason.unwrap_or_default().to_owned());
    }

    fn usage(&mut self, holder: &Value, out: &mut Vec<Event>) {
        let Some(usage) = holder.get("usage") else {
            return;
        };
        // The classes exclude each other already; thinking is counted with the output.
        let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or_default();
        let usage = Usage {
            input_tokens: count("inputTokens"),
            cache_read_tokens: count("cacheReadInputTokens"),
            cache_write_tokens: count("cacheWriteInputTokens"),
            output_tokens: count("outputTokens"),
            reasoning_tokens: 0,
        };
        self.emitter.usage(usage, out);
    }

    fn unknown(&mut self, frame: &Value, out: &mut Vec<Event>) {
        self.emitter.start("", "", out);
        out.push(Event::Unknown {
            dialect: NAME.to_owned(),
            frame: frame.clone(),
        });
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let raw = self.stop.clone().unwrap_or_default();
        let reason = match raw.as_str() {
            "tool_use" => StopReason::ToolCalls,
            "max_tokens" => StopReason::OutputLimit,
            "stop_sequence" => StopReason::StopText,
            "guardrail_intervened" | "content_filtered" => StopReason::Refusal,
            "model_context_window_exceeded" => StopReason::ContextLimit,
            // Some makers' models say that they are done after they called tools.
            "end_turn" if self.has_calls => StopReason::ToolCalls,
            "end_turn" => StopReason::End,
            _ => StopReason::Other,
        };
        self.emitter.finish(reason, &raw, out);
    }
}
