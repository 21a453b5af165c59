//! Gemini generateContent.

use layercake_model::wire::Dialect;
use layercake_model::{ModelErrorKind, StopReason};
use serde_json::json;

use super::{chat, handed_back};
use crate::ask::{sse, stream_reply, whole_reply};

const GEMINI: Dialect = Dialect::Gemini;

/// The same signature in Gemini's own dialect must stay beside its own part (genai changelog).
#[test]
fn gemini_signatures_stay_beside_their_part() {
    let parts = json!([
        {"text": "a", "thoughtSignature": "s1"},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "s2"},
        {"functionCall": {"name": "f", "args": {"x": 1}}},
        {"text": "", "thoughtSignature": "s3"},
    ]);
    let body = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]});
    let reply = whole_reply(GEMINI, &body.to_string()).unwrap();
    assert_eq!(reply.reason, StopReason::ToolCalls);
    let ids: Vec<&str> = reply.tool_calls().map(|call| call.id.as_str()).collect();
    assert!(
        ids[0] != ids[1] && !ids[0].is_empty(),
        "ids are made up and differ: {ids:?}"
    );
    let sent = handed_back(GEMINI, reply, "gemini-3-pro");
    assert_eq!(sent["contents"][0]["parts"], parts);
}

/// Gemini from 3 on rejects calls without a signature, which those of another model have not.
#[test]
fn foreign_calls_get_the_agreed_signature_in_gemini() {
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"b","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
    ]);
    let parts =
        handed_back(GEMINI, reply.clone(), "gemini-3.8-flash")["contents"][0]["parts"].clone();
    assert_eq!(
        parts[0]["thoughtSignature"],
        "skip_thought_signature_validator"
    );
    assert!(parts[1].get("thoughtSignature").is_none());
    let parts = handed_back(GEMINI, reply, "gemini-2.5-flash")["contents"][0]["parts"].clone();
    assert!(parts[0].get("thoughtSignature").is_none());
}

/// Gemini ends a stream by ending the body; one without a reason was cut.
#[test]
fn gemini_has_no_last_frame() {
    let begun = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
    let cut = stream_reply(GEMINI, sse(&[begun]).as_bytes()).unwrap_err();
    assert_eq!((cut.kind, cut.partial), (ModelErrorKind::Interrupted, true));
    let ended =
        r#"{"candidates":[{"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":4}}"#;
    let reply = stream_reply(GEMINI, sse(&[begun, ended]).as_bytes()).unwrap();
    assert_eq!(
        (reply.reason, reply.usage.input_tokens),
        (StopReason::OutputLimit, 4)
    );
}

/// A blocked prompt has no candidate; a broken tool call has no content.
#[test]
fn gemini_says_no_in_its_own_ways() {
    let blocked = r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#;
    assert_eq!(
        whole_reply(GEMINI, blocked).unwrap_err().kind,
        ModelErrorKind::Refused
    );
    let broken = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"call f(x"}],"usageMetadata":{"promptTokenCount":4}}"#;
    let error = stream_reply(GEMINI, sse(&[broken]).as_bytes()).unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Malformed);
    assert_eq!(error.usage.unwrap().input_tokens, 4);
    let refused = r#"{"candidates":[{"finishReason":"SAFETY"}]}"#;
    assert_eq!(
        whole_reply(GEMINI, refused).unwrap().reason,
        StopReason::Refusal
    );
}

/// The usage of Gemini is a total in every frame; the prompt includes what the cache served.
#[test]
fn gemini_counts_are_totals() {
    let reply = stream_reply(
        GEMINI,
        sse(&[
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":1}}"#,
            r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":3,"toolUsePromptTokenCount":2}}"#,
        ])
        .as_bytes(),
    );
    let usage = reply.unwrap().usage;
    assert_eq!((usage.input_tokens, usage.cache_read_tokens), (8, 4));
    assert_eq!((usage.output_tokens, usage.reasoning_tokens), (5, 3));
}
