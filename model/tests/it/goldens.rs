//! Golden requests: what goes over the wire for one request that uses everything.
//!
//! The files are compared as JSON. `UPDATE_GOLDENS=1` writes them anew; read the difference.

use layercake_model::request::{Effort, Reasoning};
use layercake_model::wire::{CallIdForm, Dialect, Quirks, ReasoningBack, Target};
use layercake_model::{
    AnswerSchema, Message, Part, Request, Role, Sampling, ToolCall, ToolChoice, ToolResult,
    ToolSpec,
};
use serde_json::{Value, json};

use crate::ask::{data, native, read, target};

/// A request that uses every part of the vocabulary.
pub(crate) fn everything() -> Request {
    Request {
        system: Some("You are exact.".into()),
        messages: vec![asked(), acted(), answered()],
        tools: vec![ToolSpec {
            name: "look".into(),
            description: "Looks at something.".into(),
            input_schema: json!({
                "type": "object",
                "properties": {"at": {"type": "string"}},
                "required": ["at"],
            }),
        }],
        tool_choice: ToolChoice::Tool("look".into()),
        answer: Some(AnswerSchema {
            name: "finding".into(),
            schema: json!({
                "type": "object",
                "properties": {"what": {"type": "string", "minLength": 1}},
                "required": ["what"],
            }),
        }),
        sampling: Sampling {
            temperature: Some(0.2),
            top_p: Some(0.9),
            output_tokens_max: Some(1000),
            stop: vec!["END".into()],
            seed: Some(7),
            effort: None,
        },
        metadata: [("user_id".to_owned(), "u1".to_owned())].into(),
        provider_options: [(
            "openai".to_owned(),
            json!({"verbosity": "low", "headers": {"X-Beta": "1"}}),
        )]
        .into(),
    }
}

fn asked() -> Message {
    let file = |name: &str, media_type: &str, data: &str| Part::File {
        name: name.into(),
        media_type: media_type.into(),
        data: data.into(),
    };
    let parts = vec![
        Part::text("What is on this picture?"),
        Part::Image {
            media_type: "image/png".into(),
            data: "iVBORw0KGgo=".into(),
        },
        file("notes.txt", "text/plain", "aGVsbG8="),
        file("bill.pdf", "application/pdf", "JVBERi0="),
    ];
    Message {
        cache_mark: true,
        ..Message::of(Role::User, parts)
    }
}

fn acted() -> Message {
    let call = |id: &str, name: &str, arguments: Value| {
        Part::ToolCall(ToolCall {
            id: id.into(),
            name: name.into(),
            arguments,
        })
    };
    let reasoning = |dialect: &str| {
        Part::Reasoning(Reasoning {
            text: format!("thought in {dialect}"),
            signature: Some("c2ln".into()),
            dialect: dialect.into(),
        })
    };
    let opaque = |dialect: &str, item: Value| Part::Opaque {
        dialect: dialect.into(),
        item,
    };
    let parts = vec![
        reasoning("anthropic-messages"),
        reasoning("openai-chat"),
        opaque(
            "anthropic-messages",
            json!({"type": "redacted_thinking", "data": "xyz"}),
        ),
        Part::text("I look."),
        call("call_one", "look", json!({"at": "picture"})),
        call("call_two", "now", json!("not json")),
    ];
    Message::of(Role::Assistant, parts)
}

fn answered() -> Message {
    let result = |call_id: &str, content: &str, is_error: bool| {
        Part::ToolResult(ToolResult {
            call_id: call_id.into(),
            content: content.into(),
            is_error,
        })
    };
    let parts = vec![
        Part::text("Both came back:"),
        result("call_one", "a cat", false),
        result("call_two", "no clock", true),
    ];
    Message::of(Role::User, parts)
}

#[track_caller]
fn check(name: &str, dialect: Dialect, request: &Request, target: &Target) {
    let wire = dialect.encode(request, target).unwrap();
    let again = dialect.encode(&request.clone(), target).unwrap();
    assert_eq!(wire, again, "encoding is byte-stable");
    let losses = dialect.check(request, target);
    let losses: Vec<String> = losses
        .iter()
        .map(|loss| format!("{} — {}", loss.at, loss.message))
        .collect();
    let body: Value = serde_json::from_str(&wire.body).unwrap();
    let shown = json!({"path": wire.path, "headers": wire.headers, "body": body, "losses": losses});
    let file = format!("requests/{name}.json");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(data(&file), format!("{shown:#}\n")).unwrap();
    }
    let golden: Value = serde_json::from_str(&read(&file)).unwrap();
    assert_eq!(shown, golden, "{name}");
}

#[test]
fn everything_in_anthropic_messages() {
    let target = target("anthropic", "claude-sonnet-4-5", native());
    check(
        "anthropic-everything",
        Dialect::AnthropicMessages,
        &everything(),
        &target,
    );
}

#[test]
fn effort_in_anthropic_messages() {
    let mut request = everything();
    request.sampling.effort = Some(Effort::High);
    request.sampling.output_tokens_max = None;
    let older = target("anthropic", "claude-sonnet-4-5", native());
    check(
        "anthropic-budget",
        Dialect::AnthropicMessages,
        &request,
        &older,
    );
    let newer = target("anthropic", "claude-opus-5", native());
    check(
        "anthropic-effort",
        Dialect::AnthropicMessages,
        &request,
        &newer,
    );
}

#[test]
fn everything_in_chat_completions() {
    let target = target("openai", "gpt-4.1", native());
    check(
        "chat-everything",
        Dialect::OpenaiChat,
        &everything(),
        &target,
    );
}

#[test]
fn quirks_in_chat_completions() {
    let quirks = Quirks {
        required_word: layercake_model::wire::RequiredWord::Any,
        call_id_form: CallIdForm::NineAlphanumeric,
        reasoning_back: ReasoningBack::ReasoningContent,
        rejected_fields: vec!["seed".into(), "metadata".into(), "stream_options".into()],
        ..Quirks::default()
    };
    let mut request = everything();
    request.tool_choice = ToolChoice::Required;
    check(
        "chat-quirks",
        Dialect::OpenaiChat,
        &request,
        &target("mistral", "m", quirks),
    );
}

#[test]
fn everything_in_responses() {
    let quirks = Quirks {
        effort: layercake_model::wire::EffortForm::Field,
        fixed_sampling: vec!["gpt-5".into()],
        ..native()
    };
    let mut request = everything();
    request.sampling.effort = Some(Effort::High);
    let target = target("openai", "gpt-5.1", quirks);
    check(
        "responses-everything",
        Dialect::OpenaiResponses,
        &request,
        &target,
    );
}

#[test]
fn everything_in_gemini() {
    let mut request = everything();
    let older = target("google", "gemini-2.5-pro", native());
    check("gemini-everything", Dialect::Gemini, &request, &older);
    request.sampling.effort = Some(Effort::Low);
    let newer = target("google", "gemini-3.8-flash", native());
    check("gemini-effort", Dialect::Gemini, &request, &newer);
}

#[test]
fn the_smallest_request() {
    let request = Request {
        messages: vec![Message::user("hi")],
        ..Request::default()
    };
    check(
        "anthropic-smallest",
        Dialect::AnthropicMessages,
        &request,
        &target("anthropic", "c", native()),
    );
    check(
        "chat-smallest",
        Dialect::OpenaiChat,
        &request,
        &target("openai", "g", native()),
    );
}
