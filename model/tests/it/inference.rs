//! A real inference server: llama.cpp with a tiny model of random weights that is made here.
//! What it says is nonsense; protocol, counts, limits and grammar-bound JSON are real.
//!
//! Without Python the tests say so and pass; where `CI` is set they fail instead.

mod llama;

use futures_util::StreamExt;
use layercake_model::fold::Fold;
use layercake_model::partial_json::JsonParts;
use layercake_model::structured::ask_structured;
use layercake_model::{
    AnswerSchema, CallContext, Message, ModelError, ModelErrorKind, Providers, Reply, Request,
    Sampling, Secret, StopReason, collect,
};
use serde_json::json;

use self::llama::Llama;

/// The dialects that the server speaks, with the path of each.
const SPEAKERS: [(&str, &str); 3] = [
    ("llamacpp/tiny", "/v1"),
    ("openai/tiny", "/v1"),
    ("anthropic/tiny", ""),
];

fn key(_: &str) -> Option<Secret> {
    Some(Secret::new("sk-local-0123456789"))
}

fn providers(server: &Llama, spec: &str, path: &str) -> Providers {
    let provider = spec.split_once('/').unwrap().0;
    Providers::builtin().with_address(provider, format!("{}{path}", server.address))
}

fn question(text: &str) -> Request {
    Request {
        messages: vec![Message::user(text)],
        sampling: Sampling {
            output_tokens_max: Some(12),
            temperature: Some(0.0),
            ..Sampling::default()
        },
        ..Request::default()
    }
}

async fn ask(server: &Llama, spec: &str, path: &str, text: &str) -> Result<Reply, ModelError> {
    let model = providers(server, spec, path)
        .open(&spec.parse().unwrap(), &key)
        .unwrap();
    collect(
        model
            .respond(question(text), CallContext::default())
            .await?,
    )
    .await
}

#[tokio::test]
async fn text_is_streamed_and_counted_in_three_dialects() {
    let Some(server) = Llama::start().await else {
        return;
    };
    for (spec, path) in SPEAKERS {
        let reply = ask(&server, spec, path, "hi there").await.unwrap();
        assert!(!reply.text().is_empty(), "{spec}");
        assert_eq!(reply.usage.output_tokens, 12, "{spec}: {:?}", reply.usage);
        let read = reply.usage.input_tokens + reply.usage.cache_read_tokens;
        assert!(read > 8, "{spec}: {:?}", reply.usage);
        // One of the server's dialects does not say why it ended.
        if spec != "openai/tiny" {
            assert_eq!(reply.reason, StopReason::OutputLimit, "{spec}");
        }
    }
}

#[tokio::test]
async fn a_grammar_binds_the_answer_while_it_is_written() {
    let Some(server) = Llama::start().await else {
        return;
    };
    let (spec, path) = SPEAKERS[0];
    let model = providers(&server, spec, path)
        .open(&spec.parse().unwrap(), &key)
        .unwrap();
    let schema = AnswerSchema {
        name: "animal".into(),
        schema: json!({
            "type": "object",
            "properties": {"animal": {"enum": ["cat", "dog"]}, "sure": {"type": "boolean"}},
            "required": ["animal", "sure"],
            "additionalProperties": false,
        }),
    };
    let mut request = question("which animal");
    request.sampling.output_tokens_max = Some(400);
    let context = CallContext::default();
    let answer = ask_structured(&*model, request.clone(), &schema, &context)
        .await
        .unwrap();
    assert_eq!(answer.attempts.len(), 1, "the grammar left no other way");

    request.answer = Some(schema);
    let mut events = model.respond(request, context).await.unwrap();
    let (mut parts, mut fold, mut last) = (JsonParts::new(), Fold::new(), None);
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        if let Some((_, value)) = parts.note(&event) {
            last = Some(value.clone());
        }
        fold.push(event).unwrap();
    }
    let reply = fold.finish().unwrap();
    let whole: serde_json::Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!(last, Some(whole), "the last partial value is the whole");
}

#[tokio::test]
async fn what_does_not_fit_is_told_as_such_and_counts_agree() {
    let Some(server) = Llama::start().await else {
        return;
    };
    let long = "word ".repeat(1_000);
    for (spec, path) in SPEAKERS {
        let error = ask(&server, spec, path, &long).await.unwrap_err();
        assert_eq!(
            error.kind,
            ModelErrorKind::ContextOverflow,
            "{spec}: {error:?}"
        );
    }
    let (spec, path) = SPEAKERS[2];
    let providers = providers(&server, spec, path);
    let counter = providers
        .open_counter(&spec.parse().unwrap(), &key)
        .unwrap();
    let context = CallContext::default();
    let counted = counter
        .count_tokens(&question("hello"), &context)
        .await
        .unwrap();
    let used = ask(&server, spec, path, "hello").await.unwrap().usage;
    assert_eq!(counted, used.input_tokens + used.cache_read_tokens);
    let lister = providers.open_lister(&spec.parse().unwrap(), &key).unwrap();
    let listed = lister.list_models(&context).await.unwrap();
    assert!(listed[0].name.ends_with(".gguf"), "{listed:?}");
}
