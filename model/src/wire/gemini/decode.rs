//! The frames of a Gemini stream, and its whole reply, as events. Each frame is a whole
//! response with the next parts in it; there is no sign of the end but the reason.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::NAME;
use super::hot::HotFrame;
use super::usage::Counts;
use crate::event::PartKind;
use crate::wire::classify;
use crate::wire::decoder::{ReadFrames, malformed, parse_json};
use crate::wire::emitter::Emitter;
use crate::wire::speech::{Speech, Voice};
use crate::{Event, ModelError, ModelErrorKind, StopReason};

/// Fields of a candidate that say something and have no place in a reply.
const NOTES: [&str; 4] = [
    "citationMetadata",
    "groundingMetadata",
    "urlContextMetadata",
    "logprobsResult",
];

/// Reads the frames of one reply.
#[derive(Debug, Default)]
pub(in crate::wire) struct GeminiFrames {
    emitter: Emitter,
    speech: Speech,
    has_calls: bool,
    stop: Option<String>,
}

impl ReadFrames for GeminiFrames {
    fn frame(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), ModelError> {
        if let Some(frame) = HotFrame::read(data) {
            self.hot(&frame, out);
            return Ok(());
        }
        let frame = parse_json(data)?;
        if frame.get("error").is_some_and(|error| !error.is_null()) {
            return Err(classify::error_of_frame(&frame));
        }
        self.response(&frame, out)
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

impl GeminiFrames {
    pub(in crate::wire) fn new(turn: usize) -> Self {
        Self {
            emitter: Emitter::new(turn),
            ..Self::default()
        }
    }

    /// Takes a frame of the usual form.
    fn hot(&mut self, frame: &HotFrame<'_>, out: &mut Vec<Event>) {
        self.emitter
            .start(&frame.model_version, &frame.response_id, out);
        if let Some(counts) = frame.usage_metadata {
            self.emitter.usage(counts.usage(), out);
        }
        match frame.text() {
            (text, false) => self.say(Voice::Text, text.to_owned(), out),
            (text, true) => self.say(Voice::Reasoning, text.to_owned(), out),
        }
    }

    /// Reads a reply that came at once.
    pub(in crate::wire) fn whole(mut self, body: &[u8]) -> Result<Vec<Event>, ModelError> {
        let mut out = Vec::new();
        let reply = parse_json(&String::from_utf8_lossy(body))?;
        if reply.get("error").is_some_and(|error| !error.is_null()) {
            return Err(classify::error_of_frame(&reply));
        }
        self.response(&reply, &mut out)?;
        if self.stop.is_none() {
            return Err(malformed("the reply has no candidate that ended"));
        }
        self.finish(&mut out);
        Ok(out)
    }

    fn response(&mut self, response: &Value, out: &mut Vec<Event>) -> Result<(), ModelError> {
        let text = |name: &str| {
            response
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        self.emitter
            .start(text("modelVersion"), text("responseId"), out);
        let counts = response.get("usageMetadata").map(Counts::deserialize);
        if let Some(Ok(counts)) = counts {
            self.emitter.usage(counts.usage(), out);
        }
        let feedback = response.get("promptFeedback");
        let blocked = feedback.and_then(|feedback| feedback.get("blockReason"));
        if let Some(reason) = blocked.and_then(Value::as_str) {
            let message = format!("the provider blocked the request: {reason}");
            return Err(ModelError::new(ModelErrorKind::Refused, message));
        }
        let candidates = response.get("candidates").and_then(Value::as_array);
        match candidates.and_then(|all| all.first()) {
            Some(candidate) => self.candidate(candidate, out),
            None => Ok(()),
        }
    }

    fn candidate(&mut self, candidate: &Value, out: &mut Vec<Event>) -> Result<(), ModelError> {
        let parts = candidate
            .get("content")
            .and_then(|content| content.get("parts"));
        for part in parts.and_then(Value::as_array).into_iter().flatten() {
            self.part(part, out);
        }
        for name in NOTES {
            let note = candidate.get(name).and_then(Value::as_object);
            if let Some(note) = note.filter(|note| !note.is_empty()) {
                out.push(Event::Unknown {
                    dialect: NAME.to_owned(),
                    frame: json!({ name: note }),
                });
            }
        }
        let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) else {
            return Ok(());
        };
        self.stop = Some(reason.to_owned());
        if reason == "MALFORMED_FUNCTION_CALL" {
            let said = candidate.get("finishMessage").and_then(Value::as_str);
            let said = said.unwrap_or("no further message");
            return Err(malformed(&format!(
                "the model wrote a broken tool call ({said})"
            )));
        }
        Ok(())
    }

    fn part(&mut self, part: &Value, out: &mut Vec<Event>) {
        let signature = part.get("thoughtSignature").and_then(Value::as_str);
        let is_thought = part
            .get("thought")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        if let Some(text) = part.get("text").and_then(Value::as_str) {
            return match (is_thought, signature) {
                (true, _) => self.thought(text, signature, out),
                (false, None) => self.say(Voice::Text, text.to_owned(), out),
                (false, Some(signature)) => self.signed_text(text, signature, out),
            };
        }
        self.speech.fall_silent(&mut self.emitter, out);
        if let Some(call) = part.get("functionCall") {
            self.sign_next(signature, out);
            self.has_calls = true;
            let text = |name: &str| call.get(name).and_then(Value::as_str).unwrap_or_default();
            let index = self.emitter.open_call(text("id"), text("name"), out);
            let args = call.get("args").filter(|args| !args.is_null());
            let args = args.map(Value::to_string).unwrap_or_default();
            self.emitter.delta(index, args, out);
            self.emitter.close(index, out);
        } else if let Some((media_type, data)) = picture(part) {
            self.sign_next(signature, out);
            self.emitter
                .whole(PartKind::Image { media_type, data }, out);
        } else {
            let dialect = NAME.to_owned();
            let item = part.clone();
            self.emitter.whole(PartKind::Opaque { dialect, item }, out);
        }
    }

    fn say(&mut self, voice: Voice, text: String, out: &mut Vec<Event>) {
        self.speech.say(voice, text, NAME, &mut self.emitter, out);
    }

    fn thought(&mut self, text: &str, signature: Option<&str>, out: &mut Vec<Event>) {
        self.say(Voice::Reasoning, text.to_owned(), out);
        let open = self.speech.open_part(Voice::Reasoning);
        if let (Some(signature), Some(index)) = (signature, open) {
            self.emitter.sign(index, signature.to_owned(), out);
            self.speech.fall_silent(&mut self.emitter, out);
        }
    }

    /// Keeps a signature beside its own text: without text as an item of its own, with text as
    /// reasoning that signs the part behind it.
    fn signed_text(&mut self, text: &str, signature: &str, out: &mut Vec<Event>) {
        self.speech.fall_silent(&mut self.emitter, out);
        if text.is_empty() {
            let part = PartKind::Opaque {
                dialect: NAME.to_owned(),
                item: json!({ "text": "", "thoughtSignature": signature }),
            };
            return self.emitter.whole(part, out);
        }
        self.sign_next(Some(signature), out);
        self.say(Voice::Text, text.to_owned(), out);
        self.speech.fall_silent(&mut self.emitter, out);
    }

    fn sign_next(&mut self, signature: Option<&str>, out: &mut Vec<Event>) {
        let Some(signature) = signature else { return };
        let dialect = NAME.to_owned();
        let index = self.emitter.open(PartKind::Reasoning { dialect }, out);
        self.emitter.sign(index, signature.to_owned(), out);
        self.emitter.close(index, out);
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let raw = self.stop.clone().unwrap_or_default();
        let reason = match raw.as_str() {
            // The provider says STOP after calls as well.
            "STOP" | "FUNCTION_CALL" if self.has_calls => StopReason::ToolCalls,
            "STOP" => StopReason::End,
            "MAX_TOKENS" => StopReason::OutputLimit,
            "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => StopReason::Refusal,
            "CONTINUATION" => StopReason::Paused,
            _ => StopReason::Other,
        };
        self.emitter.finish(reason, &raw, out);
    }
}

/// Reads a picture; other media stay as they are.
fn picture(part: &Value) -> Option<(String, String)> {
    let blob: &Map<String, Value> = part.get("inlineData")?.as_object()?;
    let media_type = blob.get("mimeType")?.as_str()?;
    let data = blob.get("data")?.as_str()?;
    media_type
        .starts_with("image/")
        .then(|| (media_type.to_owned(), data.to_owned()))
}
