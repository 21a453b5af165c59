//! Ollama's own dialect.

use layercake_model::wire::Dialect;
use layercake_model::{
    Message, ModelErrorKind, Part, Request, Role, StopReason, ToolCall, ToolResult,
};
use serde_json::json;

use super::{arguments, body};
use crate::ask::stream_reply;

const OLLAMA: Dialect = Dialect::OllamaChat;

/// Calls come in the last line (0xPlaygrounds/rig#1308), or in one before it, and the reason
/// is `stop` either way (BerriAI/litellm#35753).
#[test]
fn ollama_calls_count_wherever_they_come() {
    let call = r#""tool_calls":[{"function":{"name":"t","arguments":{"a":1}}}]"#;
    let last = format!(
        r#"{{"model":"m","message":{{"role":"assistant","content":"",{call}}},"done":true,"done_reason":"stop"}}"#
    );
    let before = format!(
        "{{\"model\":\"m\",\"message\":{{\"content\":\"\",{call}}},\"done\":false}}\n\
         {{\"model\":\"m\",\"message\":{{\"content\":\"\"}},\"done\":true,\"done_reason\":\"stop\"}}\n"
    );
    for stream in [last, before] {
        let reply = stream_reply(OLLAMA, stream.as_bytes()).unwrap();
        assert_eq!(arguments(&reply), [json!({"a": 1})], "{stream}");
        assert_eq!(reply.reason, StopReason::ToolCalls, "{stream}");
    }
}

/// A failure in the middle is a line of its own, although the status was 200.
#[test]
fn ollama_says_errors_in_the_stream() {
    let stream = "{\"model\":\"m\",\"message\":{\"content\":\"Hel\"},\"done\":false}\n\
                  {\"error\":\"model 'm' not found\"}\n";
    let error = stream_reply(OLLAMA, stream.as_bytes()).unwrap_err();
    assert!(error.message.contains("not found"), "{error:?}");
    assert!(error.partial, "something had come");
    let cut = "{\"model\":\"m\",\"message\":{\"content\":\"Hel\"},\"done\":false}\n";
    let error = stream_reply(OLLAMA, cut.as_bytes()).unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Interrupted);
}

/// Calls have no ids here, so a result names the tool that it is of.
#[test]
fn ollama_results_name_their_tool() {
    let call = ToolCall {
        id: "call_turn_0_0".into(),
        name: "look".into(),
        arguments: json!({}),
    };
    let result = ToolResult {
        call_id: "call_turn_0_0".into(),
        content: "a cat".into(),
        is_error: false,
    };
    let request = Request {
        messages: vec![
            Message::of(Role::Assistant, vec![Part::ToolCall(call)]),
            Message::of(Role::User, vec![Part::ToolResult(result)]),
        ],
        ..Request::default()
    };
    let sent = body(OLLAMA, &request, "m");
    let expected = json!({"role": "tool", "tool_name": "look", "content": "a cat"});
    assert_eq!(sent["messages"][1], expected, "{sent}");
    assert_eq!(
        sent["stream"], true,
        "silence would mean the same; it is said"
    );
}
