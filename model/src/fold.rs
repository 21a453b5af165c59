//! The one checked fold from events to a reply, for streams and whole replies alike.

use std::pin::pin;

use futures_core::Stream;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use crate::event::PartKind;
use crate::request::Reasoning;
use crate::{Event, ModelError, ModelErrorKind, Part, Reply, StopReason, ToolCall, Usage};

/// The most parts of one reply; real replies have fewer than a hundred.
const PARTS_MAX: usize = 10_000;
/// The most bytes of text, arguments and items in one reply; a picture is a few of them.
const REPLY_BYTES_MAX: usize = 64 << 20;
/// How many unknown frames a reply keeps; a provider that sends more repeats itself.
const UNKNOWN_MAX: usize = 1_000;
/// How many failed attempts a reply keeps; layers stop far earlier.
const FAILED_ATTEMPTS_MAX: usize = 1_000;

/// Reads a whole stream into its reply.
///
/// # Errors
///
/// Returns the stream's own error; one of kind `Malformed` when the events break the order
/// that [`Event`] describes; one of kind `Interrupted` when the stream stops before `Finish`.
///
/// # Cancel safety
///
/// Dropping the future abandons the call; what had arrived is lost. Use [`Fold`] to keep it.
pub async fn collect(
    stream: impl Stream<Item = Result<Event, ModelError>>,
) -> Result<Reply, ModelError> {
    let mut stream = pin!(stream);
    let mut fold = Fold::new();
    while let Some(event) = stream.next().await {
        fold.push(event?)?;
    }
    fold.finish()
}

/// Builds a reply from its events, one at a time, and checks their order.
#[derive(Debug, Default)]
pub struct Fold {
    start: Option<(String, String)>,
    parts: Vec<Growing>,
    open_parts: usize,
    size_bytes: usize,
    usage: Usage,
    finish: Option<(StopReason, String)>,
    failed_attempts: Vec<crate::reply::FailedAttempt>,
    unknown: Vec<Value>,
}

/// A part that grows: what it began as, and what was appended.
#[derive(Debug)]
struct Growing {
    kind: PartKind,
    text: String,
    signature: Option<String>,
    open: bool,
}

impl Fold {
    /// Makes a fold that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Malformed` when the event may not come now, or when the reply
    /// grows past its limits (64 MiB, 10,000 parts).
    pub fn push(&mut self, event: Event) -> Result<(), ModelError> {
        if self.finish.is_some() {
            return Err(self.violation("an event came after the end of the reply"));
        }
        match event {
            Event::Heartbeat => Ok(()),
            Event::Restart(attempt) => self.restart(*attempt),
            Event::Start { model, response_id } => self.start(model, response_id),
            Event::PartStart { index, part } => self.open(index, part),
            Event::Delta { index, text } => self.append(index, &text),
            Event::Signature { index, signature } => self.sign(index, signature),
            Event::PartEnd { index } => self.close(index),
            Event::Usage(usage) => {
                self.usage = usage;
                Ok(())
            }
            Event::Unknown { frame, .. } => {
                if self.unknown.len() < UNKNOWN_MAX {
                    self.unknown.push(frame);
                }
                Ok(())
            }
            Event::Finish { reason, raw_reason } => self.end(reason, raw_reason),
        }
    }

    /// Returns the reply.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Interrupted` when no `Finish` had come.
    pub fn finish(self) -> Result<Reply, ModelError> {
        let Some((reason, raw_reason)) = self.finish else {
            let message = "the reply stopped before its end";
            return Err(ModelError {
                partial: !self.parts.is_empty(),
                usage: Some(self.usage).filter(|usage| usage.total_tokens() > 0),
                ..ModelError::new(ModelErrorKind::Interrupted, message)
            });
        };
        let (model, response_id) = self.start.unwrap_or_default();
        Ok(Reply {
            model,
            response_id,
            parts: self.parts.into_iter().map(Growing::into_part).collect(),
            reason,
            raw_reason,
            usage: self.usage,
            failed_attempts: self.failed_attempts,
            unknown: self.unknown,
        })
    }

    /// Returns what the call had used so far.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Returns the text of a part so far: text, reasoning text or argument JSON.
    pub fn text_so_far(&self, index: usize) -> Option<&str> {
        self.parts.get(index).map(|part| part.text.as_str())
    }

    /// Returns the parts so far, complete or not; what to keep of a reply that broke.
    pub fn into_parts(self) -> Vec<Part> {
        self.parts.into_iter().map(Growing::into_part).collect()
    }

    fn start(&mut self, model: String, response_id: String) -> Result<(), ModelError> {
        if self.start.is_some() {
            return Err(self.violation("the reply began twice"));
        }
        self.start = Some((model, response_id));
        Ok(())
    }

    fn restart(&mut self, attempt: crate::reply::FailedAttempt) -> Result<(), ModelError> {
        if self.failed_attempts.len() == FAILED_ATTEMPTS_MAX {
            return Err(self.violation("the call was started again too often"));
        }
        let mut failed_attempts = std::mem::take(&mut self.failed_attempts);
        failed_attempts.push(attempt);
        *self = Self {
            failed_attempts,
            ..Self::default()
        };
        Ok(())
    }

    fn open(&mut self, index: usize, kind: PartKind) -> Result<(), ModelError> {
        if self.start.is_none() {
            return Err(self.violation("a part began before the reply did"));
        }
        if index != self.parts.len() {
            return Err(self.violation("a part began out of order"));
        }
        if index == PARTS_MAX {
            return Err(self.violation("the reply has too many parts"));
        }
        self.grow(kind_size_bytes(&kind))?;
        self.open_parts += 1;
        self.parts.push(Growing {
            kind,
            text: String::new(),
            signature: None,
            open: true,
        });
        Ok(())
    }

    fn append(&mut self, index: usize, text: &str) -> Result<(), ModelError> {
        self.grow(text.len())?;
        match self.parts.get_mut(index) {
            Some(part) if part.open && part.takes_text() => {
                part.text.push_str(text);
                Ok(())
            }
            _ => Err(self.violation("a piece came for a part that takes none")),
        }
    }

    fn sign(&mut self, index: usize, signature: String) -> Result<(), ModelError> {
        self.grow(signature.len())?;
        match self.parts.get_mut(index) {
            Some(part) if part.open && part.takes_signature() => {
                part.signature = Some(signature);
                Ok(())
            }
            _ => Err(self.violation("a signature came for a part that takes none")),
        }
    }

    fn close(&mut self, index: usize) -> Result<(), ModelError> {
        match self.parts.get_mut(index) {
            Some(part) if part.open => {
                part.open = false;
                self.open_parts -= 1;
                Ok(())
            }
            _ => Err(self.violation("a part ended that was not open")),
        }
    }

    fn end(&mut self, reason: StopReason, raw_reason: String) -> Result<(), ModelError> {
        if self.start.is_none() {
            return Err(self.violation("the reply ended before it began"));
        }
        if self.open_parts > 0 {
            return Err(self.violation("the reply ended inside a part"));
        }
        self.finish = Some((reason, raw_reason));
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<(), ModelError> {
        self.size_bytes = self.size_bytes.saturating_add(bytes);
        if self.size_bytes > REPLY_BYTES_MAX {
            return Err(self.violation("the reply is longer than 64 MiB"));
        }
        Ok(())
    }

    fn violation(&self, message: &str) -> ModelError {
        ModelError {
            partial: !self.parts.is_empty(),
            usage: Some(self.usage).filter(|usage| usage.total_tokens() > 0),
            ..ModelError::new(ModelErrorKind::Malformed, message)
        }
    }
}

impl Growing {
    fn takes_text(&self) -> bool {
        matches!(
            self.kind,
            PartKind::Text | PartKind::Reasoning { .. } | PartKind::ToolCall { .. }
        )
    }

    fn takes_signature(&self) -> bool {
        matches!(self.kind, PartKind::Reasoning { .. }) && self.signature.is_none()
    }

    fn into_part(self) -> Part {
        match self.kind {
            PartKind::Text => Part::Text { text: self.text },
            PartKind::Reasoning { dialect } => Part::Reasoning(Reasoning {
                text: self.text,
                signature: self.signature,
                dialect,
            }),
            PartKind::ToolCall { id, name } => Part::ToolCall(ToolCall {
                id,
                name,
                arguments: arguments(self.text),
            }),
            PartKind::Image { media_type, data } => Part::Image { media_type, data },
            PartKind::Opaque { dialect, item } => Part::Opaque { dialect, item },
        }
    }
}

/// Reads the arguments of a tool call. No text means no arguments; text that is not JSON is
/// kept, so that the model can be told what it wrote.
fn arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn kind_size_bytes(kind: &PartKind) -> usize {
    match kind {
        PartKind::Text => 0,
        PartKind::Reasoning { dialect } => dialect.len(),
        PartKind::ToolCall { id, name } => id.len() + name.len(),
        PartKind::Image { media_type, data } => media_type.len() + data.len(),
        // An item was a frame of the wire, which has its own limit.
        PartKind::Opaque { dialect, .. } => dialect.len(),
    }
}

#[cfg(test)]
mod tests;
