//! The incremental decoder of a streamed reply: bytes in, events out.

use serde_json::Value;

use super::SseDecoder;
use super::emitter::Emitter;
use super::sse::SseFrame;
use crate::{Event, ModelError, ModelErrorKind};

/// What a dialect does with the frames of its stream.
pub(super) trait ReadFrames: Send + std::fmt::Debug {
    /// Takes the data of one frame.
    fn frame(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), ModelError>;

    /// Takes the end of the bytes: ends the reply if it was complete.
    fn end(&mut self, out: &mut Vec<Event>);

    fn emitter(&self) -> &Emitter;
}

/// Turns the bytes of one streamed reply into events, whatever pieces they arrive in.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    frames: Box<dyn ReadFrames>,
}

/// How the bytes of a stream are cut into frames.
#[derive(Debug)]
enum Framing {
    Sse(SseDecoder),
    #[cfg(feature = "ollama")]
    Lines(super::lines::LineDecoder),
    #[cfg(feature = "bedrock")]
    AwsEvents(super::aws_events::AwsEventDecoder),
}

impl Decoder {
    pub(super) fn of_sse(frames: Box<dyn ReadFrames>) -> Self {
        Self {
            framing: Framing::Sse(SseDecoder::new()),
            frames,
        }
    }

    #[cfg(feature = "ollama")]
    pub(super) fn of_lines(frames: Box<dyn ReadFrames>) -> Self {
        Self {
            framing: Framing::Lines(super::lines::LineDecoder::default()),
            frames,
        }
    }

    #[cfg(feature = "bedrock")]
    pub(super) fn of_aws_events(frames: Box<dyn ReadFrames>) -> Self {
        Self {
            framing: Framing::AwsEvents(super::aws_events::AwsEventDecoder::default()),
            frames,
        }
    }

    /// Takes the next bytes and appends the events that they complete.
    ///
    /// # Errors
    ///
    /// Returns the provider's error when the stream holds one, and an error of kind
    /// `Malformed` for bytes that are not of the dialect. The events before it were appended;
    /// nothing may be pushed after it.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), ModelError> {
        let frames = &mut *self.frames;
        let taken = match &mut self.framing {
            Framing::Sse(sse) => sse.push(bytes, |frame| read(frames, &frame, out)),
            #[cfg(feature = "ollama")]
            Framing::Lines(lines) => lines.push(bytes, |line| read_data(frames, line, out)),
            #[cfg(feature = "bedrock")]
            Framing::AwsEvents(events) => events.push(bytes, |data| read_data(frames, data, out)),
        };
        taken.map_err(|error| self.with_facts(error))
    }

    /// Takes the end of the bytes.
    ///
    /// # Errors
    ///
    /// Returns an error of kind `Interrupted` when the reply was not complete, and what
    /// [`Decoder::push`] returns.
    pub fn end(&mut self, out: &mut Vec<Event>) -> Result<(), ModelError> {
        let frames = &mut *self.frames;
        let taken = match &mut self.framing {
            Framing::Sse(sse) => sse.end(|frame| read(frames, &frame, out)),
            #[cfg(feature = "ollama")]
            Framing::Lines(lines) => lines.end(|line| read_data(frames, line, out)),
            // A frame says how long it is; half of one is none.
            #[cfg(feature = "bedrock")]
            Framing::AwsEvents(_) => Ok(()),
        };
        match taken {
            // What is left without its end was cut, and cannot be blamed for its form.
            Err(error) if error.kind == ModelErrorKind::Malformed => {}
            Err(error) => return Err(self.with_facts(error)),
            Ok(()) => self.frames.end(out),
        }
        if self.frames.emitter().is_finished() {
            return Ok(());
        }
        let message = "the connection ended before the reply did";
        Err(self.with_facts(ModelError::new(ModelErrorKind::Interrupted, message)))
    }

    /// Says whether the reply is complete; what may follow on the wire adds nothing.
    pub fn is_finished(&self) -> bool {
        self.frames.emitter().is_finished()
    }

    /// Adds to an error what is known of the reply that it broke.
    pub fn with_facts(&self, mut error: ModelError) -> ModelError {
        let emitter = self.frames.emitter();
        error.partial = emitter.has_parts();
        let usage = emitter.usage_so_far();
        error.usage = Some(usage).filter(|usage| usage.total_tokens() > 0);
        error
    }
}

fn read(
    frames: &mut dyn ReadFrames,
    frame: &SseFrame<'_>,
    out: &mut Vec<Event>,
) -> Result<(), ModelError> {
    match frame {
        SseFrame::Comment if frames.emitter().is_finished() => Ok(()),
        SseFrame::Comment => {
            out.push(Event::Heartbeat);
            Ok(())
        }
        SseFrame::Message { data, .. } => read_data(frames, data, out),
    }
}

/// What follows the end of a reply adds nothing.
fn read_data(
    frames: &mut dyn ReadFrames,
    data: &str,
    out: &mut Vec<Event>,
) -> Result<(), ModelError> {
    if frames.emitter().is_finished() {
        return Ok(());
    }
    frames.frame(data, out)
}

/// Reads JSON that a provider sent.
pub(super) fn parse_json(text: &str) -> Result<Value, ModelError> {
    serde_json::from_str(text).map_err(|error| malformed(&format!("not JSON ({error})")))
}

pub(super) fn malformed(what: &str) -> ModelError {
    let message = format!("the provider's reply is not understood: {what}");
    ModelError::new(ModelErrorKind::Malformed, message)
}
