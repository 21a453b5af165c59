//! All dialects against a server that nobody here wrote: aimock, from a pinned lock file.
//!
//! Without Node the tests say so and pass; where `CI` is set they fail instead.

mod aimock;
mod services;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use layercake_model::layer::{RetryPolicy, Retrying};
use layercake_model::structured::ask_structured;
use layercake_model::wire::Delivery;
use layercake_model::{
    AnswerSchema, CallContext, Message, Model, ModelError, ModelErrorKind, Part, Providers, Reply,
    Request, Role, Secret, StopReason, ToolResult, ToolSpec, collect,
};
use serde_json::json;

pub(crate) use self::aimock::{Aimock, free_port, must_run};

/// One provider of each dialect, with the path of its interface on the server.
const SPEAKERS: &[(&str, &str)] = &[
    ("anthropic/claude-sonnet-4-5", ""),
    ("openai/gpt-5", "/v1"),
    ("openai-chat/gpt-5", "/v1"),
    ("google/gemini-2.5-flash", "/v1beta"),
    #[cfg(feature = "ollama")]
    ("ollama-native/llama3", ""),
    #[cfg(feature = "bedrock")]
    ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", ""),
];

/// The keys of every provider; Bedrock's are for a signature.
fn key(name: &str) -> Option<Secret> {
    match name {
        "AWS_BEARER_TOKEN_BEDROCK" | "AWS_SESSION_TOKEN" => None,
        _ => Some(Secret::new("sk-mock-0123456789")),
    }
}

fn speakers(server: &Aimock, delivery: Delivery) -> Vec<Arc<dyn Model>> {
    let open = |(spec, path): &(&str, &str)| {
        let provider = spec.split_once('/').unwrap().0;
        let providers = Providers::builtin()
            .with_address(provider, format!("{}{path}", server.address))
            .with_delivery(delivery);
        providers.open(&spec.parse().unwrap(), &key).unwrap()
    };
    SPEAKERS.iter().map(open).collect()
}

fn question(text: &str) -> Request {
    let tool = |name: &str| ToolSpec {
        name: name.into(),
        description: "A tool.".into(),
        input_schema: json!({"type": "object", "properties": {}}),
    };
    Request {
        messages: vec![Message::user(text)],
        tools: vec![tool("weather"), tool("now")],
        ..Request::default()
    }
}

async fn ask(model: &dyn Model, request: Request) -> Result<Reply, ModelError> {
    collect(model.respond(request, CallContext::default()).await?).await
}

/// Asks every dialect, streaming and not, and hands each reply to the check.
async fn each(text: &str, check: impl Fn(&str, Result<Reply, ModelError>)) {
    let Some(server) = Aimock::start(&[]).await else {
        return;
    };
    for delivery in [Delivery::Stream, Delivery::Whole] {
        for model in speakers(&server, delivery) {
            let outcome = ask(&*model, question(text)).await;
            check(
                &format!("{} {delivery:?}", model.descriptor().dialect),
                outcome,
            );
        }
    }
}

#[tokio::test]
async fn text_is_read_in_every_dialect() {
    each("greet me", |name, outcome| {
        let reply = outcome.unwrap();
        assert_eq!(
            reply.text(),
            "Grüezi, 東京 👍 and \"quotes\"\nand lines.",
            "{name}"
        );
        assert_eq!(reply.reason, StopReason::End, "{name}");
        let usage = (reply.usage.input_tokens, reply.usage.output_tokens);
        // The mock counts nothing in this dialect.
        if !name.starts_with("ollama-chat") {
            assert_eq!(usage, (11, 7), "{name}");
        }
        assert_eq!(reply.unknown, Vec::<serde_json::Value>::new(), "{name}");
    })
    .await;
}

#[tokio::test]
async fn reasoning_is_read_in_every_dialect() {
    each("think first", |name, outcome| {
        let reply = outcome.unwrap();
        assert_eq!(reply.text(), "Forty-two.", "{name}");
        let Some(Part::Reasoning(reasoning)) = reply.parts.first() else {
            panic!("{name}: the first part is reasoning: {:?}", reply.parts);
        };
        assert_eq!(
            reasoning.text, "Six times seven is what is asked.",
            "{name}"
        );
    })
    .await;
}

#[tokio::test]
async fn failures_are_told_apart_in_every_dialect() {
    let table = [
        ("fail slowly", ModelErrorKind::RateLimited),
        ("fail overloaded", ModelErrorKind::Overloaded),
        ("fail key", ModelErrorKind::Authentication),
        ("fail length", ModelErrorKind::ContextOverflow),
    ];
    for (text, kind) in table {
        each(text, |name, outcome| {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind, kind, "{name}: {error:?}");
            if kind == ModelErrorKind::RateLimited {
                assert_eq!(error.retry_after, Some(Duration::from_secs(3)), "{name}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn parallel_tools_go_round_in_every_dialect() {
    let Some(server) = Aimock::start(&[]).await else {
        return;
    };
    for delivery in [Delivery::Stream, Delivery::Whole] {
        for model in speakers(&server, delivery) {
            let name = format!("{} {delivery:?}", model.descriptor().dialect);
            let mut request = question("both tools");
            let reply = ask(&*model, request.clone()).await.unwrap();
            let calls: Vec<_> = reply.tool_calls().cloned().collect();
            assert_eq!(reply.reason, StopReason::ToolCalls, "{name}");
            assert_eq!(reply.text(), "I look at both.", "{name}");
            let said: Vec<_> = calls
                .iter()
                .map(|call| (call.name.as_str(), &call.arguments))
                .collect();
            let expected = [
                ("weather", &json!({"city": "Zürich", "days": [1, 2]})),
                ("now", &json!({})),
            ];
            assert_eq!(said, expected, "{name}");
            assert_ne!(calls[0].id, calls[1].id, "{name}");

            let results = calls.into_iter().map(|call| {
                Part::ToolResult(ToolResult {
                    call_id: call.id,
                    content: "22 degrees".into(),
                    is_error: false,
                })
            });
            request.messages.push(reply.into_message());
            request
                .messages
                .push(Message::of(Role::User, results.collect()));
            let reply = ask(&*model, request).await.unwrap();
            assert_eq!(reply.text(), "It is warm in Zürich.", "{name}");
        }
    }
}

#[tokio::test]
async fn answers_have_their_shape_in_every_dialect() {
    let Some(server) = Aimock::start(&[]).await else {
        return;
    };
    let schema = AnswerSchema {
        name: "animal".into(),
        schema: json!({
            "type": "object",
            "properties": {"animal": {"type": "string"}, "sure": {"type": "boolean"}},
            "required": ["animal", "sure"],
        }),
    };
    for model in speakers(&server, Delivery::Stream) {
        let request = Request {
            messages: vec![Message::user("which animal")],
            ..Request::default()
        };
        let context = CallContext::default();
        let answer = ask_structured(&*model, request, &schema, &context)
            .await
            .unwrap();
        assert_eq!(answer.value, json!({"animal": "cat", "sure": true}));
        assert_eq!(answer.attempts.len(), 1);
    }
}

/// With a tenth of the calls each dropped, garbled, cut and refused, every call succeeds in the
/// end, and each failure is counted.
#[tokio::test]
async fn chaos_is_survived_in_every_dialect() {
    const CALLS: usize = 15;
    let chaos = [
        "--chaos-drop",
        "0.1",
        "--chaos-malformed",
        "0.1",
        "--chaos-disconnect",
        "0.1",
        "--chaos-ratelimit",
        "0.05",
        "--chunk-size",
        "4",
    ];
    let Some(server) = Aimock::start(&chaos).await else {
        return;
    };
    let policy = RetryPolicy {
        attempts_max: 12,
        first_wait: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    let mut calls = Vec::new();
    for delivery in [Delivery::Stream, Delivery::Whole] {
        for (number, model) in speakers(&server, delivery).into_iter().enumerate() {
            let model = Retrying::new(model, policy.clone(), number as u64);
            calls.push(async move {
                let mut failures = 0;
                for _ in 0..CALLS {
                    let reply = ask(&model, question("tell a long story")).await.unwrap();
                    assert!(reply.text().ends_with("between them."), "{}", reply.text());
                    failures += reply.failed_attempts.len();
                }
                failures
            });
        }
    }
    let failures: usize = join_all(calls).await.into_iter().sum();
    assert!(failures > 0, "the chaos was felt");
}
