//! Rules of the scripted model: when they fit, what they say, and what is wrong with a script.

use serde_json::{Value, json};

use crate::{
    AnswerSchema, CallContext, Event, Message, Model, ModelError, ModelErrorKind, Part, Reply,
    Request, Role, ScriptedModel, StopReason, ToolCall, ToolResult, ToolSpec, Usage, collect,
};

async fn ask(script: &str, request: Request) -> Result<Reply, ModelError> {
    let model = ScriptedModel::from_yaml("test.yaml", script).unwrap();
    collect(model.respond(request, CallContext::default()).await?).await
}

fn user(text: &str) -> Request {
    Request {
        messages: vec![Message::user(text)],
        ..Request::default()
    }
}

fn after_tool(name: &str, content: &str) -> Request {
    let call = ToolCall {
        id: "c1".into(),
        name: name.into(),
        arguments: json!({}),
    };
    let result = ToolResult {
        call_id: "c1".into(),
        content: content.into(),
        is_error: false,
    };
    Request {
        messages: vec![
            Message::user("look at the folder"),
            Message::of(Role::Assistant, vec![Part::ToolCall(call)]),
            Message::of(Role::User, vec![Part::ToolResult(result)]),
        ],
        ..Request::default()
    }
}

/// Asks a script of one rule with the given match, followed by one that always fits.
async fn fits(matches: &str, request: Request) -> bool {
    let script = format!("rules:\n  - match: {matches}\n    text: yes\n  - text: no\n");
    ask(&script, request).await.unwrap().text() == "yes"
}

#[tokio::test]
async fn texts_are_matched_by_every_operation() {
    let mail = || Request {
        system: Some("You sort mail.".into()),
        ..user("Please pay the INVOICE 17 today")
    };
    let table = [
        ("{user_contains: [invoice, today]}", true),
        ("{user_contains: [invoice, tomorrow]}", false),
        ("{user_any: [receipt, invoice]}", true),
        ("{user_any: receipt}", false),
        ("{user_not: receipt}", true),
        ("{user_not: [pay]}", false),
        ("{user_glob: '*invoice ?? today'}", true),
        ("{user_glob: invoice}", false),
        ("{user_is: Please pay the INVOICE 17 today}", true),
        ("{user_is: please pay the invoice 17 today}", false),
        ("{system_contains: mail}", true),
        ("{system_contains: music}", false),
        ("{user_contains: invoice, system_contains: music}", false),
    ];
    for (matches, expected) in table {
        assert_eq!(fits(matches, mail()).await, expected, "{matches}");
    }
}

#[tokio::test]
async fn fields_of_the_first_json_block_are_matched() {
    let mail = || {
        user(
            "Sort this: {\"subject\": \"Invoice\", \"from\": [{\"name\": \"Ann\"}]} as spam or not",
        )
    };
    assert!(fits("{user_json: {subject: {contains: invoice}}}", mail()).await);
    assert!(fits("{user_json: {from.0.name: {is: Ann}}}", mail()).await);
    assert!(!fits("{user_json: {subject: {contains: spam}}}", mail()).await);
    assert!(!fits("{user_json: {missing: {not: x}}}", mail()).await);
}

#[tokio::test]
async fn the_state_of_the_conversation_is_matched() {
    let listed = || after_tool("list_files", "{\"files\": [\"a.eml\"]}");
    let table = [
        ("{tool: list_files}", true),
        ("{tool: 'list_*', tool_result_contains: a.eml}", true),
        ("{tool: write}", false),
        ("{tool_result_contains: b.eml}", false),
        ("{tool_json: {files.0: {glob: '*.eml'}}}", true),
        ("{after_tool: true}", true),
        ("{after_tool: false}", false),
        ("{called: list_files}", true),
        ("{called: [list_files, write]}", false),
        ("{not_called: write}", true),
        ("{not_called: list_files}", false),
        ("{turn: 1}", true),
        ("{turn: [0, 2]}", false),
        ("{model: scripted}", true),
        ("{model: other}", false),
        ("{structured: false}", true),
        ("{offers: list_files}", false),
    ];
    for (matches, expected) in table {
        assert_eq!(fits(matches, listed()).await, expected, "{matches}");
    }
}

#[tokio::test]
async fn what_the_request_offers_and_wants_is_matched() {
    let request = || Request {
        tools: vec![ToolSpec {
            name: "office_inbox".into(),
            description: String::new(),
            input_schema: json!({}),
        }],
        answer: Some(AnswerSchema {
            name: "classification".into(),
            schema: json!({"type": "object"}),
        }),
        ..user("x")
    };
    assert!(
        fits(
            "{offers: office_*, answer_name: class*, structured: true}",
            request()
        )
        .await
    );
    assert!(!fits("{answer_name: reply}", request()).await);
}

#[tokio::test]
async fn placeholders_are_filled_with_their_types() {
    let script = r#"
rules:
  - answer:
      subject: "{{user.json.subject}}"
      size: "{{user.json.size}}"
      line: "Re: {{user.json.subject}} ({{user.json.size}})"
      from: "{{user.json.from ?? [\"nobody\"]}}"
      turn: "{{turn}}"
"#;
    let reply = ask(script, user("{\"subject\": \"Hi\", \"size\": 7}"))
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&reply.text()).unwrap();
    let expected = json!({
        "subject": "Hi", "size": 7, "line": "Re: Hi (7)", "from": ["nobody"], "turn": 0,
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn tool_calls_reasoning_and_usage_are_said() {
    let script = r#"
model: demo
rules:
  - name: look
    reasoning: "First I look."
    text: "Looking."
    tool_calls:
      - {name: read, arguments: {path: "{{user.text}}"}}
      - {name: list}
    usage: {input_tokens: 10, output_tokens: 3, reasoning_tokens: 2}
"#;
    let reply = ask(script, user("a.txt")).await.unwrap();
    assert_eq!(
        (reply.model.as_str(), reply.raw_reason.as_str()),
        ("demo", "look")
    );
    assert_eq!(reply.reason, StopReason::ToolCalls);
    assert_eq!(reply.parts.len(), 4);
    let calls: Vec<&ToolCall> = reply.tool_calls().collect();
    assert_eq!(
        (calls[0].id.as_str(), calls[1].id.as_str()),
        ("call_0_0", "call_0_1")
    );
    assert_eq!(calls[0].arguments, json!({"path": "a.txt"}));
    assert_eq!(calls[1].arguments, json!({}));
    assert_eq!(reply.usage.total_tokens(), 15);
}

#[tokio::test]
async fn usage_is_estimated_from_bytes() {
    let reply = ask("rules:\n  - text: 12345678\n", user("abcde"))
        .await
        .unwrap();
    let expected = Usage {
        input_tokens: 2,
        output_tokens: 2,
        ..Usage::default()
    };
    assert_eq!(reply.usage, expected);
}

#[tokio::test]
async fn errors_come_at_once_or_in_the_middle() {
    let script = "rules:\n  - match: {turn: 0}\n    error: {kind: rate-limited, retry_after_ms: 50, status: 429}\n";
    let error = ask(script, user("x")).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::RateLimited);
    assert_eq!(error.retry_after.unwrap().as_millis(), 50);
    assert!(!error.partial);

    let script = "rules:\n  - text: abcdef\n    chunk_chars: 2\n    error: {kind: interrupted, after_chunks: 1}\n";
    let model = ScriptedModel::from_yaml("t", script).unwrap();
    let events = model
        .respond(user("x"), CallContext::default())
        .await
        .unwrap();
    let events: Vec<_> = futures_util::StreamExt::collect::<Vec<_>>(events).await;
    let said = events
        .iter()
        .filter(|event| matches!(event, Ok(Event::Delta { .. })))
        .count();
    assert_eq!(said, 1);
    assert!(events.last().unwrap().as_ref().unwrap_err().partial);
}

#[tokio::test]
async fn a_rule_can_be_used_up() {
    let script = "rules:\n  - text: first\n    times: 1\n  - text: then\n";
    let model = ScriptedModel::from_yaml("t", script).unwrap();
    let mut said = Vec::new();
    for _ in 0..3 {
        let events = model
            .respond(user("x"), CallContext::default())
            .await
            .unwrap();
        said.push(collect(events).await.unwrap().text());
    }
    assert_eq!(said, ["first", "then", "then"]);
}

#[tokio::test(start_paused = true)]
async fn delays_keep_to_the_limits_of_the_call() {
    let model =
        ScriptedModel::from_yaml("t", "rules:\n  - text: late\n    delay_ms: 5000\n").unwrap();
    let context = CallContext {
        first_byte_timeout: Some(std::time::Duration::from_secs(1)),
        ..CallContext::default()
    };
    let events = model.respond(user("x"), context).await.unwrap();
    assert_eq!(
        collect(events).await.unwrap_err().kind,
        ModelErrorKind::Timeout
    );

    let context = CallContext::default();
    context.cancellation.cancel();
    let events = model.respond(user("x"), context).await.unwrap();
    assert_eq!(
        collect(events).await.unwrap_err().kind,
        ModelErrorKind::Cancelled
    );
}

#[tokio::test]
async fn no_rule_names_the_file_and_the_question() {
    let script = "rules:\n  - match: {user_contains: nothing}\n    text: x\n";
    let error = ask(script, user("pay the bill")).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Configuration);
    for words in ["test.yaml", "pay the bill", "turn 0"] {
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[tokio::test]
async fn a_reference_to_nothing_names_the_rule() {
    let script = "rules:\n  - name: draft\n    text: 'Re: {{user.json.subject}}'\n";
    let error = ask(script, user("no json")).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Script);
    assert!(
        error.message.contains("draft") && error.message.contains("user.json.subject"),
        "{}",
        error.message
    );
}

#[track_caller]
fn check_broken(script: &str, words: &[&str]) {
    let error = ScriptedModel::from_yaml("s.yaml", script).expect_err("the script is wrong");
    assert_eq!(error.kind, ModelErrorKind::Script);
    for word in words {
        assert!(
            error.message.contains(word),
            "{word} is not in: {}",
            error.message
        );
    }
}

#[test]
fn broken_scripts_say_what_and_where() {
    check_broken("rules:\n  - txt: hello\n", &["s.yaml:2:", "txt"]);
    check_broken(
        "rules:\n  - match: {user_contain: x}\n    text: y\n",
        &["s.yaml:2:", "user_contain", "user_contains"],
    );
    check_broken("rules:\n  - match: {}\n", &["rule 1", "say something"]);
    check_broken(
        "rules:\n  - text: a\n    answer: {}\n    name: two\n",
        &["rule `two`", "one of"],
    );
    check_broken(
        "rules:\n  - text: '{{user.jso.x}}'\n",
        &["user.jso.x", "user.json"],
    );
    check_broken("rules:\n  - text: 'a {{ b'\n", &["no `}}`"]);
    check_broken("version: 9\nrules: []\n", &["version 9"]);
    check_broken(
        "rules:\n  - text: x\n    error: {kind: sleepy}\n",
        &["s.yaml:3:", "sleepy"],
    );
    check_broken("rules: [\n", &["s.yaml:"]);
    check_broken(
        "price: {input: cheap, output: '1'}\nrules: []\n",
        &["decimal"],
    );
}

#[tokio::test]
async fn the_builtin_script_answers_everything() {
    let model = ScriptedModel::builtin();
    let reply = |request| async {
        collect(
            model
                .respond(request, CallContext::default())
                .await
                .unwrap(),
        )
        .await
        .unwrap()
    };
    assert!(reply(user("hello")).await.text().contains("hello"));
    assert!(
        reply(Request::default())
            .await
            .text()
            .contains("no language model")
    );
    let text = reply(after_tool("read", "some text")).await.text();
    assert!(text.contains("read") && text.contains("some text"));
}

#[tokio::test]
async fn a_sample_fits_its_schema() {
    let schema = json!({
        "type": "object",
        "properties": {
            "label": {"enum": ["a", "b"]},
            "score": {"type": "number", "minimum": 0.5},
            "words": {"type": "array", "items": {"type": "string", "minLength": 12}, "minItems": 2},
            "who": {"$ref": "#/$defs/person"},
            "when": {"type": "string", "format": "date"},
            "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "unused": {"type": "string"},
        },
        "required": ["label", "score", "words", "who", "when", "maybe"],
        "additionalProperties": false,
        "$defs": {"person": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    });
    let request = Request {
        answer: Some(AnswerSchema {
            name: "x".into(),
            schema: schema.clone(),
        }),
        ..user("x")
    };
    let model = ScriptedModel::builtin();
    let events = model
        .respond(request, CallContext::default())
        .await
        .unwrap();
    let value: Value = serde_json::from_str(&collect(events).await.unwrap().text()).unwrap();
    assert!(jsonschema::is_valid(&schema, &value), "{value}");
}
