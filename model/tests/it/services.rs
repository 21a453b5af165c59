//! The calls beside answers against loopback servers: what is sent, and what is read.

use layercake_model::services::{Embeddings, ListedModel};
use layercake_model::{CallContext, Message, ModelErrorKind, Providers, Request, Secret, ToolSpec};
use serde_json::{Value, json};

use crate::server::{Server, answer};

fn key(_: &str) -> Option<Secret> {
    Some(Secret::new("sk-test-0123456789"))
}

async fn served(provider: &str, bodies: &[&str]) -> (Server, Providers) {
    let scripts = bodies
        .iter()
        .map(|body| answer("200 OK", "content-type: application/json\r\n", body));
    let server = Server::start(scripts.collect()).await;
    let providers = Providers::builtin().with_address(provider, &server.address);
    (server, providers)
}

fn request() -> Request {
    Request {
        system: Some("Be brief.".into()),
        messages: vec![Message::user("hi")],
        tools: vec![ToolSpec {
            name: "look".into(),
            description: "Looks.".into(),
            input_schema: json!({"type": "object"}),
        }],
        ..Request::default()
    }
}

/// Counts against a server that gives one answer; returns the count, the head and the body sent.
async fn count(provider: &str, body: &str) -> (u64, String, Value) {
    let (server, providers) = served(provider, &[body]).await;
    let spec = format!("{provider}/m-1").parse().unwrap();
    let counter = providers.open_counter(&spec, &key).unwrap();
    let counted = counter
        .count_tokens(&request(), &CallContext::default())
        .await;
    let heard = server.heard().remove(0);
    (
        counted.unwrap(),
        heard.head,
        serde_json::from_str(&heard.body).unwrap(),
    )
}

#[tokio::test]
async fn tokens_are_counted_where_a_provider_counts() {
    let (count_a, head, body) = count("anthropic", r#"{"input_tokens": 21}"#).await;
    assert_eq!(count_a, 21);
    assert!(
        head.starts_with("post /v1/messages/count_tokens "),
        "{head}"
    );
    assert!(head.contains("anthropic-version: 2023-06-01"), "{head}");
    assert_eq!(body["messages"][0]["role"], "user");
    assert_eq!(
        body.get("max_tokens"),
        None,
        "it is no field of a count: {body}"
    );
    assert_eq!(body.get("stream"), None, "{body}");

    let reply = r#"{"object": "response.input_tokens", "input_tokens": 22}"#;
    let (count_b, head, body) = count("openai", reply).await;
    assert_eq!(count_b, 22);
    assert!(head.starts_with("post /responses/input_tokens "), "{head}");
    assert_eq!(body["instructions"], "Be brief.");
    assert_eq!(body.get("store"), None, "{body}");

    let (count_c, head, body) = count("google", r#"{"totalTokens": 23}"#).await;
    assert_eq!(count_c, 23);
    assert!(head.starts_with("post /models/m-1:counttokens "), "{head}");
    assert_eq!(body["generateContentRequest"]["model"], "models/m-1");
}

#[tokio::test]
async fn who_cannot_count_says_so_before_anything_is_sent() {
    let counter = Providers::builtin().open_counter(&"groq/x".parse().unwrap(), &key);
    let counted = counter
        .unwrap()
        .count_tokens(&request(), &CallContext::default())
        .await;
    let error = counted.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Configuration);
    assert!(
        error.message.contains("no call that counts"),
        "{}",
        error.message
    );
}

async fn embed(provider: &str, texts: &[&str], body: &str) -> Result<Embeddings, ModelErrorKind> {
    let (_server, providers) = served(provider, &[body]).await;
    let spec = format!("{provider}/m-1").parse().unwrap();
    let embedder = providers.open_embedder(&spec, &key).unwrap();
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let embedded = embedder.embed(&texts, &CallContext::default()).await;
    embedded.map_err(|error| error.kind)
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts() {
    let out_of_order = r#"{"model": "e-1", "usage": {"prompt_tokens": 4}, "data": [
        {"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}]}"#;
    let read = embed("openai", &["a", "b"], out_of_order).await.unwrap();
    assert_eq!(read.vectors, [[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!((read.model.as_str(), read.usage.input_tokens), ("e-1", 4));
    let batch = r#"{"embeddings": [{"values": [1]}, {"values": [2]}]}"#;
    let read = embed("google", &["a", "b"], batch).await.unwrap();
    assert_eq!(read.vectors, [[1.0], [2.0]]);
    let too_few = r#"{"data": [{"index": 0, "embedding": [1]}]}"#;
    let failed = embed("openai", &["a", "b"], too_few).await;
    assert_eq!(failed, Err(ModelErrorKind::Malformed));
    let no_texts = embed("openai", &[], "{}").await.unwrap();
    assert_eq!(
        no_texts,
        Embeddings::default(),
        "nothing is asked for nothing"
    );
}

async fn list(provider: &str, bodies: &[&str]) -> (Vec<ListedModel>, Vec<String>) {
    let (server, providers) = served(provider, bodies).await;
    let spec = format!("{provider}/any").parse().unwrap();
    let lister = providers.open_lister(&spec, &key).unwrap();
    let listed = lister.list_models(&CallContext::default()).await.unwrap();
    let heads = server.heard().into_iter().map(|heard| heard.head);
    (listed, heads.collect())
}

fn model(name: &str, context: Option<u64>, output: Option<u64>) -> ListedModel {
    ListedModel {
        name: name.into(),
        context_tokens_max: context,
        output_tokens_max: output,
    }
}

#[tokio::test]
async fn lists_are_read_page_by_page_with_their_limits() {
    let pages = [
        r#"{"data": [{"id": "claude-a", "max_input_tokens": 200000, "max_tokens": 64000}],
            "has_more": true, "last_id": "claude-a"}"#,
        r#"{"data": [{"id": "claude-b"}], "has_more": false, "last_id": "claude-b"}"#,
    ];
    let (models, heads) = list("anthropic", &pages).await;
    let expected = [
        model("claude-a", Some(200_000), Some(64_000)),
        model("claude-b", None, None),
    ];
    assert_eq!(models, expected);
    assert!(
        heads[0].starts_with("get /v1/models?limit=1000 "),
        "{heads:?}"
    );
    assert!(heads[1].contains("after_id=claude-a"), "{heads:?}");
    assert!(
        heads.iter().all(|head| head.contains("x-api-key")),
        "{heads:?}"
    );

    let google =
        r#"{"models": [{"name": "models/gemini-x", "inputTokenLimit": 9, "outputTokenLimit": 8}]}"#;
    let (models, _) = list("google", &[google]).await;
    assert_eq!(models, [model("gemini-x", Some(9), Some(8))]);
    let router = r#"{"data": [{"id": "a/b", "context_length": 7, "top_provider": {"max_completion_tokens": 6}}]}"#;
    let (models, _) = list("openrouter", &[router]).await;
    assert_eq!(models, [model("a/b", Some(7), Some(6))]);
}

/// The same three calls, offline.
#[tokio::test]
async fn the_scripted_model_has_them_too() {
    let (providers, spec) = (Providers::builtin(), "scripted".parse().unwrap());
    let context = CallContext::default();
    let counter = providers.open_counter(&spec, &key).unwrap();
    let small = counter
        .count_tokens(&Request::default(), &context)
        .await
        .unwrap();
    assert!(counter.count_tokens(&request(), &context).await.unwrap() > small);
    let embedder = providers.open_embedder(&spec, &key).unwrap();
    let texts = ["The cat sat.", "a cat SAT", "Invoices are due."].map(str::to_owned);
    let vectors = embedder.embed(&texts, &context).await.unwrap().vectors;
    let alike = |a: usize, b: usize| -> f32 {
        vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum()
    };
    assert!(
        alike(0, 1) > 0.5 && alike(0, 2) < 0.3,
        "shared words are near"
    );
    let listed = providers
        .open_lister(&spec, &key)
        .unwrap()
        .list_models(&context)
        .await;
    assert_eq!(listed.unwrap().len(), 1);
}
