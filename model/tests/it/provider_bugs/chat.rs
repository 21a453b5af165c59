//! OpenAI Chat Completions, and the many servers that speak it.

use layercake_model::{ModelErrorKind, Part, StopReason};
use serde_json::json;

use super::{CHAT, arguments, chat, handed_back};
use crate::ask::{sse, stream_reply, whole_reply};

/// Servers give every parallel call the number 0 (the Gemini compatibility layer).
#[test]
fn parallel_calls_with_one_number_are_told_apart_by_id() {
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}}]}"#,
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{\"x\":2}"}}]}}]}"#,
        r#"{"model":"m","choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    assert_eq!(arguments(&reply), [json!({"x": 1}), json!({"x": 2})]);
    // The same servers say `stop` although they called tools.
    assert_eq!(reply.reason, StopReason::ToolCalls);
}

/// Servers leave the number out, or repeat id and name in every fragment.
#[test]
fn fragments_find_their_call_without_a_number_and_names_do_not_grow() {
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\""}}]}}]}"#,
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":":1}"}}]}}]}"#,
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"id":"","function":{"name":"g","arguments":"{"}}]}}]}"#,
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]}}]}"#,
        r#"{"model":"m","choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
    ]);
    assert_eq!(arguments(&reply), [json!({"x": 1}), json!({})]);
    let calls: Vec<(&str, &str)> = reply
        .tool_calls()
        .map(|call| (call.id.as_str(), call.name.as_str()))
        .collect();
    assert_eq!(calls, [("a", "f"), ("call_turn_0_1", "g")]);
}

/// Several fragments of several calls share one frame (genai changelog).
#[test]
fn one_frame_may_hold_many_fragments() {
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{"content":"t","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\":"}},{"index":0,"function":{"arguments":"}"}},{"index":1,"function":{"arguments":"2}"}}]},"finish_reason":"tool_calls"}]}"#,
        "[DONE]",
    ]);
    assert_eq!(arguments(&reply), [json!({}), json!({"y": 2})]);
    assert_eq!(reply.text(), "t");
}

/// Arguments come as an object instead of a text, or as null.
#[test]
fn arguments_may_be_an_object_or_null() {
    let reply = whole_reply(
        CHAT,
        r#"{"model":"m","choices":[{"message":{"content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":1}}},{"id":"b","function":{"name":"g","arguments":null}}]},"finish_reason":"tool_calls"}]}"#,
    );
    assert_eq!(arguments(&reply.unwrap()), [json!({"x": 1}), json!({})]);
}

/// Arguments that are not JSON are kept for the model to see, and sent back in a valid form.
#[test]
fn arguments_that_are_no_json_are_kept() {
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{x: 1}"}}]},"finish_reason":"tool_calls"}]}"#,
    ]);
    assert_eq!(arguments(&reply), [json!("{x: 1}")]);
    let request = layercake_model::Request {
        messages: vec![reply.into_message()],
        ..layercake_model::Request::default()
    };
    let target = crate::ask::target("openai", "m", crate::ask::native());
    let body: serde_json::Value =
        serde_json::from_str(&CHAT.encode(&request, &target).unwrap().body).unwrap();
    let sent = body["messages"][0]["tool_calls"][0]["function"]["arguments"]
        .as_str()
        .unwrap();
    let sent: serde_json::Value = serde_json::from_str(sent).unwrap();
    assert_eq!(sent, json!({"invalid_arguments": "{x: 1}"}));
}

/// The first frame of Azure holds filter results and an empty model; some frames have no
/// choices; a reason may be an empty text.
#[test]
fn frames_without_content_say_nothing() {
    let reply = chat(&[
        r#"{"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"id":"r","model":"gpt","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":""}]}"#,
        r#"{"id":"r","model":"gpt","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":null}]}"#,
        r#"{"id":"r","model":"gpt","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    assert_eq!((reply.text().as_str(), reply.model.as_str()), ("ab", "gpt"));
}

/// Reasoning has many names: `reasoning_content` (DeepSeek, vLLM), `reasoning` (OpenRouter,
/// Groq), parts of type `thinking` (Mistral).
#[test]
fn reasoning_is_found_under_all_its_names() {
    for delta in [
        r#"{"reasoning_content":"hm"}"#,
        r#"{"reasoning":"hm"}"#,
        r#"{"reasoning":"hm","reasoning_content":"hm"}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#,
    ] {
        let frame = format!(r#"{{"model":"m","choices":[{{"delta":{delta}}}]}}"#);
        let reply = chat(&[
            &frame,
            r#"{"model":"m","choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]}"#,
        ]);
        assert!(
            matches!(&reply.parts[0], Part::Reasoning(reasoning) if reasoning.text == "hm"),
            "{delta}"
        );
        assert_eq!(reply.text(), "ok");
    }
}

/// OpenRouter sends signed reasoning items, which must go back as they came.
#[test]
fn reasoning_details_are_handed_back() {
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{"reasoning":"hm","reasoning_details":[{"type":"reasoning.encrypted","data":"zzz"}]}}]}"#,
        r#"{"model":"m","choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    let request = layercake_model::Request {
        messages: vec![reply.into_message()],
        ..layercake_model::Request::default()
    };
    let quirks = layercake_model::wire::Quirks {
        reasoning_back: layercake_model::wire::ReasoningBack::Reasoning,
        ..crate::ask::native()
    };
    let target = crate::ask::target("openrouter", "m", quirks);
    let body = CHAT.encode(&request, &target).unwrap().body;
    assert!(
        body.contains(r#""reasoning_details":[{"data":"zzz","type":"reasoning.encrypted"}]"#),
        "{body}"
    );
    assert!(!body.contains(r#""reasoning":"#), "{body}");
}

/// An error comes as a frame of a stream that began with status 200.
#[test]
fn errors_inside_streams_are_errors() {
    let table = [
        (
            r#"{"error":{"message":"Rate limit","type":"rate_limit_error","code":429}}"#,
            ModelErrorKind::RateLimited,
        ),
        (
            r#"{"id":"x","model":"m","choices":[{"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"upstream"}}]}"#,
            ModelErrorKind::Server,
        ),
        (
            r#"{"error":{"message":"The model is overloaded","code":503}}"#,
            ModelErrorKind::Overloaded,
        ),
        (
            r#"{"object":"error","message":"maximum context length is 10","error":{"message":"maximum context length is 10"}}"#,
            ModelErrorKind::ContextOverflow,
        ),
    ];
    for (frame, kind) in table {
        let error = stream_reply(CHAT, sse(&[frame]).as_bytes()).unwrap_err();
        assert_eq!(error.kind, kind, "{frame}");
    }
    let body = r#"{"error":{"message":"Rate limit","code":429}}"#;
    assert_eq!(
        whole_reply(CHAT, body).unwrap_err().kind,
        ModelErrorKind::RateLimited
    );
}

/// Keep-alive comments (`: OPENROUTER PROCESSING`) and frames without a space after the colon.
#[test]
fn comments_are_heartbeats() {
    let stream = ": OPENROUTER PROCESSING\n\ndata:{\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata:[DONE]\r\n\r\n";
    let reply = stream_reply(CHAT, stream.as_bytes()).unwrap();
    assert_eq!(reply.text(), "a");
}

/// A stream that ends without reason and without sentinel was cut, even if text came.
#[test]
fn a_cut_stream_is_no_reply() {
    let stream = sse(&[r#"{"model":"m","choices":[{"delta":{"content":"half"}}]}"#]);
    let error = stream_reply(CHAT, stream.as_bytes()).unwrap_err();
    assert_eq!(
        (error.kind, error.partial),
        (ModelErrorKind::Interrupted, true)
    );
}

/// xAI counts reasoning beside the completion, OpenAI inside of it.
#[test]
fn reasoning_is_counted_once() {
    let inside = r#"{"model":"m","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":30,"total_tokens":40,"completion_tokens_details":{"reasoning_tokens":20}}}"#;
    let beside = r#"{"model":"m","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":10,"total_tokens":40,"completion_tokens_details":{"reasoning_tokens":20}}}"#;
    for body in [inside, beside] {
        let usage = whole_reply(CHAT, body).unwrap().usage;
        assert_eq!(
            (
                usage.output_tokens,
                usage.reasoning_tokens,
                usage.total_tokens()
            ),
            (10, 20, 40)
        );
    }
}

/// Groq puts the usage of a stream into its own field, DeepSeek names the cache its own way.
#[test]
fn usage_is_found_in_its_odd_places() {
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":10,"completion_tokens":2}}}"#,
    ]);
    assert_eq!(reply.usage.total_tokens(), 12);
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2}}"#,
    ]);
    assert_eq!(
        (reply.usage.input_tokens, reply.usage.cache_read_tokens),
        (2, 8)
    );
}

/// A refusal comes in a field of its own.
#[test]
fn a_refusal_is_a_reason_and_a_text() {
    let reply = whole_reply(
        CHAT,
        r#"{"model":"m","choices":[{"message":{"content":null,"refusal":"I cannot."},"finish_reason":"stop"}]}"#,
    );
    let reply = reply.unwrap();
    assert_eq!(
        (reply.reason, reply.text().as_str()),
        (StopReason::Refusal, "I cannot.")
    );
}

/// Gemini's compatible interface puts the signature of a call beside it, and rejects the call
/// when it comes back without (xesws/socrates-pen 0.23.1).
#[test]
fn what_stands_beside_a_call_goes_back_beside_it() {
    let reply = chat(&[
        r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"sig"}}}]},"finish_reason":"tool_calls"}]}"#,
    ]);
    let body = handed_back(CHAT, reply, "m");
    let call = &body["messages"][0]["tool_calls"][0];
    assert_eq!(
        call["extra_content"]["google"]["thought_signature"], "sig",
        "{body}"
    );
}

/// DeepSeek rejects calls whose reasoning does not come back (earendil-works/pi#3636); others
/// reject or ignore it.
#[test]
fn reasoning_goes_back_where_it_must() {
    let reply = chat(&[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"reasoning_content":"Hm."}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"t","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
        "[DONE]",
    ]);
    let rows = layercake_model::provider::Provider::builtin();
    let sent_to = |name: &str| {
        let row = rows.iter().find(|row| row.name == name).unwrap();
        let target = crate::ask::target(name, "m", row.quirks.clone());
        let request = layercake_model::Request {
            messages: vec![reply.clone().into_message()],
            ..layercake_model::Request::default()
        };
        row.dialect.encode(&request, &target).unwrap().body
    };
    assert!(sent_to("deepseek").contains("\"reasoning_content\":\"Hm.\""));
    assert!(!sent_to("groq").contains("Hm."));
}

/// Mistral rejects ids that are not nine letters and digits (anomalyco/opencode#1680).
#[test]
fn ids_of_calls_get_the_form_that_is_demanded() {
    let reply = chat(&[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_PTLP8xhu3uwZk4l3nlnrrJha","function":{"name":"t","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
        "[DONE]",
    ]);
    let result = layercake_model::Part::ToolResult(layercake_model::ToolResult {
        call_id: "call_PTLP8xhu3uwZk4l3nlnrrJha".into(),
        content: "x".into(),
        is_error: false,
    });
    let request = layercake_model::Request {
        messages: vec![
            reply.into_message(),
            layercake_model::Message::of(layercake_model::Role::User, vec![result]),
        ],
        ..layercake_model::Request::default()
    };
    let rows = layercake_model::provider::Provider::builtin();
    let row = rows.iter().find(|row| row.name == "mistral").unwrap();
    let target = crate::ask::target("mistral", "m", row.quirks.clone());
    let sent: serde_json::Value =
        serde_json::from_str(&row.dialect.encode(&request, &target).unwrap().body).unwrap();
    let id = sent["messages"][0]["tool_calls"][0]["id"].as_str().unwrap();
    assert_eq!(id.len(), 9, "{id}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    assert_eq!(
        sent["messages"][1]["tool_call_id"], id,
        "the result names the same"
    );
}
