//! Anthropic Messages, and servers that speak it.

use layercake_model::{ModelErrorKind, Part, StopReason};
use serde_json::json;

use super::{ANTHROPIC, anthropic, arguments};
use crate::ask::{sse, stream_reply};

const BEGIN: &str = r#"{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":5,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

/// The output limit cuts a tool call: no `content_block_stop` comes (genai changelog).
#[test]
fn a_tool_call_that_the_limit_cuts_is_closed() {
    let reply = anthropic(&[
        BEGIN,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"write","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"text\":\"ab"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":9}}"#,
        STOP,
    ]);
    assert_eq!(reply.reason, StopReason::OutputLimit);
    assert_eq!(arguments(&reply), [json!("{\"text\":\"ab")]);
}

/// The usage of `message_start` and `message_delta` are totals, not differences (genai
/// changelog), and newer frames repeat the input counts.
#[test]
fn usage_frames_are_totals() {
    let reply = anthropic(&[
        BEGIN,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":5,"cache_read_input_tokens":3,"output_tokens":7}}"#,
        STOP,
    ]);
    assert_eq!(reply.usage.total_tokens(), 15);
}

/// A thinking block with a signature and no text must be kept; dropping it breaks tool loops
/// (strands-agents/harness-sdk#2704).
#[test]
fn a_signature_without_text_is_kept_and_handed_back() {
    let reply = anthropic(&[
        BEGIN,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"abc"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
        STOP,
    ]);
    let request = layercake_model::Request {
        messages: vec![layercake_model::Message::user("x"), reply.into_message()],
        ..layercake_model::Request::default()
    };
    let target = crate::ask::target("anthropic", "c", crate::ask::native());
    assert!(ANTHROPIC.check(&request, &target).is_empty());
    let body = ANTHROPIC.encode(&request, &target).unwrap().body;
    assert!(
        body.contains(r#"{"signature":"abc","thinking":"","type":"thinking"}"#),
        "{body}"
    );
}

/// Some compatible servers end the body after `message_delta`, without `message_stop`.
#[test]
fn a_missing_last_frame_is_forgiven_when_the_reason_came() {
    let reply = anthropic(&[
        BEGIN,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
    ]);
    assert_eq!(reply.reason, StopReason::End);
    let cut = stream_reply(ANTHROPIC, sse(&[BEGIN]).as_bytes()).unwrap_err();
    assert_eq!(cut.kind, ModelErrorKind::Interrupted);
}

/// Blocks and deltas of server tools and of later versions are kept whole, in their place.
#[test]
fn unknown_blocks_and_deltas_are_kept() {
    let reply = anthropic(&[
        BEGIN,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"compaction","content":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"compaction_delta","content":"short"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"url":"u"}}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"brand_new_frame","x":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"brand_new_reason"}}"#,
        STOP,
    ]);
    assert!(
        matches!(&reply.parts[0], Part::Opaque { item, .. } if item["input"] == json!({"query": "x"}))
    );
    assert!(matches!(&reply.parts[1], Part::Opaque { item, .. } if item["content"] == "short"));
    assert_eq!(reply.unknown.len(), 2);
    assert_eq!(
        (reply.reason, reply.raw_reason.as_str()),
        (StopReason::Other, "brand_new_reason")
    );
}

/// Empty or blank texts are rejected by Anthropic ("text content blocks must be non-empty"),
/// tool results must stand first, and neighbours of one role are one turn.
#[test]
fn the_conversation_is_brought_into_the_form_that_is_accepted() {
    use layercake_model::{Message, Request, Role, ToolCall, ToolResult};
    let call = Part::ToolCall(ToolCall {
        id: "t".into(),
        name: "f".into(),
        arguments: json!({}),
    });
    let result = Part::ToolResult(ToolResult {
        call_id: "t".into(),
        content: "r".into(),
        is_error: false,
    });
    let request = Request {
        system: Some("  ".into()),
        messages: vec![
            Message::user("a"),
            Message::of(Role::Assistant, vec![Part::text(" \n"), call]),
            Message::user("b"),
            Message::of(Role::User, vec![Part::text(""), result]),
            Message::assistant("so "),
        ],
        ..Request::default()
    };
    let target = crate::ask::target("anthropic", "c", crate::ask::native());
    let body: serde_json::Value =
        serde_json::from_str(&ANTHROPIC.encode(&request, &target).unwrap().body).unwrap();
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": "r"},
            {"type": "text", "text": "b"},
        ]},
        {"role": "assistant", "content": [{"type": "text", "text": "so"}]},
    ]);
    assert_eq!(body["messages"], expected);
    assert!(body.get("system").is_none());
}
