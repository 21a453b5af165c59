//! The frames of an Anthropic Messages stream, and its whole reply, as events.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::NAME;
use super::hot::{HotFrame, HotKind};
use super::usage::Counts;
use crate::event::PartKind;
use crate::wire::classify;
use crate::wire::decoder::{ReadFrames, malformed, parse_json};
use crate::wire::emitter::Emitter;
use crate::{Event, ModelError, StopReason};

/// The most blocks that may be open at once; the provider opens one.
const OPEN_BLOCKS_MAX: usize = 1_000;

/// Reads the frames of one reply.
#[derive(Debug, Default)]
pub(in crate::wire) struct AnthropicFrames {
    emitter: Emitter,
    counts: Counts,
    /// The open blocks by the provider's index.
    blocks: BTreeMap<u64, Block>,
    stop: Option<String>,
}

/// An open block.
#[derive(Debug)]
enum Block {
    Text {
        index: usize,
    },
    Thinking {
        index: usize,
        signature: String,
    },
    Tool {
        index: usize,
        /// The arguments that came with the block's start; used when no pieces follow.
        whole: Value,
        has_pieces: bool,
    },
    /// Any other block: gathered, and handed on when it is complete.
    Other {
        item: Map<String, Value>,
        input: String,
    },
}

impl ReadFrames for AnthropicFrames {
    fn frame(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), ModelError> {
        if self.hot(data, out) {
            return Ok(());
        }
        let frame = parse_json(data)?;
        let kind = frame
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match kind {
            "content_block_delta" => self.delta(&frame, out),
            "content_block_start" => self.open(&frame, out),
            "content_block_stop" => {
                if let Some(block) = self.blocks.remove(&index_of(&frame)) {
                    self.close(block, out);
                }
                Ok(())
            }
            "message_start" => {
                self.begin(&frame["message"], out);
                Ok(())
            }
            "message_delta" => {
                self.message_delta(&frame, out);
                Ok(())
            }
            "message_stop" => {
                self.finish(out);
                Ok(())
            }
            "ping" => {
                out.push(Event::Heartbeat);
                Ok(())
            }
            "error" => Err(classify::error_of_frame(&frame)),
            _ if frame.get("error").is_some() => Err(classify::error_of_frame(&frame)),
            _ => {
                unknown(frame, out);
                Ok(())
            }
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        // Some compatible servers leave the last frame out; the reason says that it was the end.
        if self.stop.is_some() {
            self.finish(out);
        }
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }
}

impl AnthropicFrames {
    pub(in crate::wire) fn new(turn: usize) -> Self {
        Self {
            emitter: Emitter::new(turn),
            ..Self::default()
        }
    }

    /// Takes a frame of the usual form; says whether it was one.
    fn hot(&mut self, data: &str, out: &mut Vec<Event>) -> bool {
        let Some(frame) = HotFrame::read(data) else {
            return false;
        };
        let block = self.blocks.get_mut(&frame.index);
        let (Some(block), Some((kind, piece))) = (block, frame.piece()) else {
            return false;
        };
        let index = match (block, kind) {
            (Block::Text { index }, HotKind::Text) => *index,
            (Block::Thinking { index, .. }, HotKind::Thinking) => *index,
            (
                Block::Tool {
                    index, has_pieces, ..
                },
                HotKind::Arguments,
            ) => {
                *has_pieces |= !piece.is_empty();
                *index
            }
            _ => return false,
        };
        self.emitter.delta(index, piece, out);
        true
    }

    /// Reads a reply that came at once.
    pub(in crate::wire) fn whole(mut self, body: &[u8]) -> Result<Vec<Event>, ModelError> {
        let reply = parse_json(&String::from_utf8_lossy(body))?;
        if reply.get("error").is_some_and(|error| !error.is_null()) {
            return Err(classify::error_of_frame(&reply));
        }
        let Some(content) = reply.get("content").and_then(Value::as_array) else {
            return Err(malformed("the reply has no content"));
        };
        let mut out = Vec::new();
        self.begin(&reply, &mut out);
        for block in content {
            let block = self.block(block, &mut out);
            self.close(block, &mut out);
        }
        self.stop = reply
            .get("stop_reason")
            .and_then(Value::as_str)
            .map(str::to_owned);
        self.finish(&mut out);
        Ok(out)
    }

    fn begin(&mut self, message: &Value, out: &mut Vec<Event>) {
        let text = |name: &str| {
            message
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        self.emitter.start(text("model"), text("id"), out);
        if let Some(usage) = message.get("usage") {
            self.emitter.usage(self.counts.read(usage), out);
        }
    }

    fn message_delta(&mut self, frame: &Value, out: &mut Vec<Event>) {
        let delta = frame.get("delta").unwrap_or(&Value::Null);
        if let Some(reason) = delta.get("stop_reason").and_then(Value::as_str) {
            self.stop = Some(reason.to_owned());
        }
        if let Some(usage) = frame.get("usage") {
            self.emitter.usage(self.counts.read(usage), out);
        }
        let known = ["stop_reason", "stop_sequence"];
        let rest = delta.as_object().into_iter().flatten();
        let rest = rest.filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null());
        let rest: Map<String, Value> = rest
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !rest.is_empty() {
            unknown(Value::Object(rest), out);
        }
    }

    fn open(&mut self, frame: &Value, out: &mut Vec<Event>) -> Result<(), ModelError> {
        if self.blocks.len() == OPEN_BLOCKS_MAX {
            return Err(malformed("too many blocks are open"));
        }
        let block = self.block(frame.get("content_block").unwrap_or(&Value::Null), out);
        if let Some(earlier) = self.blocks.insert(index_of(frame), block) {
            self.close(earlier, out);
        }
        Ok(())
    }

    /// Begins a block with what its start holds already.
    fn block(&mut self, block: &Value, out: &mut Vec<Event>) -> Block {
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "text" => {
                let index = self.emitter.open(PartKind::Text, out);
                self.emitter.delta(index, text("text").to_owned(), out);
                if let Some(citations) = block.get("citations").filter(|all| is_filled(all)) {
                    unknown(serde_json::json!({ "citations": citations }), out);
                }
                Block::Text { index }
            }
            "thinking" => {
                let dialect = NAME.to_owned();
                let index = self.emitter.open(PartKind::Reasoning { dialect }, out);
                self.emitter.delta(index, text("thinking").to_owned(), out);
                let signature = text("signature").to_owned();
                Block::Thinking { index, signature }
            }
            "tool_use" => {
                let index = self.emitter.open_call(text("id"), text("name"), out);
                Block::Tool {
                    index,
                    whole: block.get("input").cloned().unwrap_or_default(),
                    has_pieces: false,
                }
            }
            _ => Block::Other {
                item: block.as_object().cloned().unwrap_or_default(),
                input: String::new(),
            },
        }
    }

    fn delta(&mut self, frame: &Value, out: &mut Vec<Event>) -> Result<(), ModelError> {
        let Some(block) = self.blocks.get_mut(&index_of(frame)) else {
            return Err(malformed("a piece came for a block that is not open"));
        };
        let delta = frame.get("delta").unwrap_or(&Value::Null);
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        match (block, text("type")) {
            (Block::Text { index }, "text_delta") => {
                self.emitter.delta(*index, text("text").to_owned(), out);
            }
            (Block::Thinking { index, .. }, "thinking_delta") => {
                self.emitter.delta(*index, text("thinking").to_owned(), out);
            }
            (Block::Thinking { signature, .. }, "signature_delta") => {
                signature.push_str(text("signature"));
            }
            (
                Block::Tool {
                    index, has_pieces, ..
                },
                "input_json_delta",
            ) => {
                let piece = text("partial_json").to_owned();
                *has_pieces |= !piece.is_empty();
                self.emitter.delta(*index, piece, out);
            }
            (Block::Other { input, .. }, "input_json_delta") => {
                input.push_str(text("partial_json"));
            }
            (Block::Other { item, .. }, _) => merge(item, delta),
            _ => unknown(frame.clone(), out),
        }
        Ok(())
    }

    fn close(&mut self, block: Block, out: &mut Vec<Event>) {
        match block {
            Block::Text { index } => self.emitter.close(index, out),
            Block::Thinking { index, signature } => {
                self.emitter.sign(index, signature, out);
                self.emitter.close(index, out);
            }
            Block::Tool {
                index,
                whole,
                has_pieces,
            } => {
                if !has_pieces && is_filled(&whole) {
                    self.emitter.delta(index, whole.to_string(), out);
                }
                self.emitter.close(index, out);
            }
            Block::Other { mut item, input } => {
                if let Ok(input) = serde_json::from_str(&input) {
                    item.insert("input".to_owned(), input);
                }
                let part = PartKind::Opaque {
                    dialect: NAME.to_owned(),
                    item: Value::Object(item),
                };
                self.emitter.whole(part, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        // The limit can cut a block so that its end never comes.
        for block in std::mem::take(&mut self.blocks).into_values() {
            self.close(block, out);
        }
        let raw = self.stop.clone().unwrap_or_default();
        self.emitter.finish(reason_of(&raw), &raw, out);
    }
}

fn reason_of(raw: &str) -> StopReason {
    match raw {
        "end_turn" => StopReason::End,
        "tool_use" => StopReason::ToolCalls,
        "max_tokens" => StopReason::OutputLimit,
        "stop_sequence" => StopReason::StopText,
        "refusal" => StopReason::Refusal,
        "model_context_window_exceeded" => StopReason::ContextLimit,
        "pause_turn" | "compaction" => StopReason::Paused,
        _ => StopReason::Other,
    }
}

fn index_of(frame: &Value) -> u64 {
    frame
        .get("index")
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
        _ => true,
    }
}

/// Adds a piece to a block whose meaning is not known: texts grow, the rest is replaced.
fn merge(item: &mut Map<String, Value>, delta: &Value) {
    for (name, piece) in delta.as_object().into_iter().flatten() {
        match (item.get_mut(name), piece) {
            _ if name == "type" => {}
            (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
            _ => {
                item.insert(name.clone(), piece.clone());
            }
        }
    }
}

fn unknown(frame: Value, out: &mut Vec<Event>) {
    out.push(Event::Unknown {
        dialect: NAME.to_owned(),
        frame,
    });
}
