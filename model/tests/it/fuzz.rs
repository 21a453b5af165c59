//! No bytes make a decoder panic or break the order of events.

use layercake_model::ModelErrorKind;
use layercake_model::fold::Fold;
use layercake_model::wire::{Dialect, ReplyHead};
use proptest::prelude::*;

use crate::ask::{aws_events, read, stream_bytes};
use crate::decoding::RECORDINGS;

const DIALECTS: &[Dialect] = &[
    Dialect::AnthropicMessages,
    Dialect::OpenaiResponses,
    Dialect::OpenaiChat,
    Dialect::Gemini,
    #[cfg(feature = "ollama")]
    Dialect::OllamaChat,
    #[cfg(feature = "bedrock")]
    Dialect::BedrockConverse,
];

/// Words of all dialects.
const WORDS: &[&str] = &[
    "type",
    "index",
    "delta",
    "message",
    "content_block",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_start",
    "message_delta",
    "message_stop",
    "text_delta",
    "text",
    "tool_use",
    "input_json_delta",
    "partial_json",
    "signature_delta",
    "thinking",
    "error",
    "choices",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "name",
    "id",
    "finish_reason",
    "stop",
    "usage",
    "prompt_tokens",
    "reasoning_content",
    "reasoning_details",
    "model",
    "input",
    "stop_reason",
    "candidates",
    "parts",
    "functionCall",
    "thoughtSignature",
    "finishReason",
    "response",
    "output",
    "item",
    "output_index",
    "response.output_item.added",
    "response.completed",
    "toolUse",
    "start",
    "contentBlockIndex",
    "reasoningContent",
    "signature",
    "done",
];

/// Events of Bedrock, which stand outside of the JSON.
const EVENTS: [&str; 6] = [
    "contentBlockDelta",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
];

/// Decodes and folds; the events that come must be in order even when the bytes are not.
fn check(dialect: Dialect, bytes: &[u8]) {
    let mut decoder = dialect.decoder(3);
    let mut events = Vec::new();
    let decoded = decoder
        .push(bytes, &mut events)
        .and_then(|()| decoder.end(&mut events));
    let mut fold = Fold::new();
    for event in events {
        fold.push(event)
            .expect("a decoder keeps the order of events");
    }
    if decoded.is_ok() {
        fold.finish()
            .expect("a decoder that succeeds has ended the reply");
    }
    if let Ok(events) = dialect.decode_reply(bytes, 3) {
        let mut fold = Fold::new();
        for event in events {
            fold.push(event)
                .expect("a decoder keeps the order of events");
        }
        fold.finish().expect("a whole reply is complete");
    }
}

/// JSON that looks like frames: the words of the dialects in wrong places.
fn json_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        word.clone().prop_map(|word| format!("\"{word}\"")),
        (0u64..4).prop_map(|number| number.to_string()),
        Just(u64::MAX.to_string()),
        Just("null".to_owned()),
        Just("\"\"".to_owned()),
        Just("-1.5e300".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let field =
            (word.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            prop::collection::vec(field, 0..6)
                .prop_map(|fields| format!("{{{}}}", fields.join(","))),
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes(dialect in prop::sample::select(DIALECTS), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(dialect, &bytes);
    }

    #[test]
    fn frames_of_any_shape(
        dialect in prop::sample::select(DIALECTS),
        frames in prop::collection::vec(json_like(), 0..8),
    ) {
        let stream: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
        check(dialect, stream.as_bytes());
        check(dialect, frames.join("\n").as_bytes());
        let lines = frames.iter().zip(EVENTS.iter().cycle());
        let lines: String = lines.map(|(frame, event)| format!("{event} {frame}\n")).collect();
        check(dialect, &aws_events(&lines));
        for frame in &frames {
            check(dialect, frame.as_bytes());
        }
    }

    #[test]
    fn recordings_with_a_changed_place(
        recording in 0..RECORDINGS.len(),
        at in 0usize..8_000,
        byte in any::<u8>(),
    ) {
        let (dialect, name) = RECORDINGS[recording];
        for mut bytes in [stream_bytes(name), read(&format!("{name}.json")).into_bytes()] {
            let at = at % bytes.len();
            bytes[at] = byte;
            check(dialect, &bytes);
        }
    }

    #[test]
    fn any_error_body_is_an_error(status in 300u16..600, body in json_like()) {
        let head = ReplyHead { status, headers: Vec::new() };
        let error = head.error(body.as_bytes());
        prop_assert!(error.kind != ModelErrorKind::Cancelled);
        prop_assert!(error.message.chars().count() < 1_000);
    }
}
