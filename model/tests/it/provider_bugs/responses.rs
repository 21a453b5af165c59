//! OpenAI Responses.

use layercake_model::wire::Dialect;
use layercake_model::{ModelErrorKind, StopReason};

use crate::ask::{sse, stream_reply, whole_reply};

const RESPONSES: Dialect = Dialect::OpenaiResponses;

/// A failed response is an error although the status of the answer was 200, and its usage is
/// billed.
#[test]
fn a_failed_response_is_an_error() {
    let failed = r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"},"usage":{"input_tokens":3,"output_tokens":0}}}"#;
    let error = stream_reply(RESPONSES, sse(&[failed]).as_bytes()).unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::RateLimited);
    let flat = r#"{"type":"error","code":"server_error","message":"oh"}"#;
    let error = stream_reply(RESPONSES, sse(&[flat]).as_bytes()).unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Server);
}

/// Compatible servers leave out the frames that begin items, or send none but the last.
#[test]
fn a_response_may_come_with_few_frames() {
    let last = r#"{"type":"response.completed","response":{"id":"r","model":"m","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"ab"}]}]}}"#;
    let reply = stream_reply(RESPONSES, sse(&[last]).as_bytes()).unwrap();
    assert_eq!((reply.text().as_str(), reply.model.as_str()), ("ab", "m"));
    let piece =
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"ab"}"#;
    let reply = stream_reply(RESPONSES, sse(&[piece, last]).as_bytes()).unwrap();
    assert_eq!((reply.text().as_str(), reply.parts.len()), ("ab", 1));
}

/// An incomplete response says why; a refusal is a kind of content.
#[test]
fn a_response_ends_for_its_reason() {
    let reply = |status: &str, details: &str, content: &str| {
        let body = format!(
            r#"{{"id":"r","model":"m","status":"{status}","incomplete_details":{details},"output":[{{"type":"message","content":[{content}]}}]}}"#
        );
        whole_reply(RESPONSES, &body).unwrap().reason
    };
    let text = r#"{"type":"output_text","text":"a"}"#;
    let table = [
        (reply("completed", "null", text), StopReason::End),
        (
            reply("incomplete", r#"{"reason":"max_output_tokens"}"#, text),
            StopReason::OutputLimit,
        ),
        (
            reply("incomplete", r#"{"reason":"content_filter"}"#, text),
            StopReason::Refusal,
        ),
        (
            reply("incomplete", r#"{"reason":"steered"}"#, text),
            StopReason::Other,
        ),
        (
            reply("completed", "null", r#"{"type":"refusal","refusal":"no"}"#),
            StopReason::Refusal,
        ),
    ];
    for (reason, expected) in table {
        assert_eq!(reason, expected);
    }
}
