//! The transport against loopback servers: limits, breaks, failures, secrets.

use std::time::Duration;

use futures_util::StreamExt;
use layercake_model::provider::ModelSpec;
use layercake_model::wire::Delivery;
use layercake_model::{
    CallContext, Event, EventStream, Message, Model, ModelError, ModelErrorKind, Providers, Reply,
    Request, Secret, collect,
};

use crate::ask::read;
use crate::server::{Act, Server, answer, chunk, last_chunk, stream_head};

const KEY: &str = "sk-test-0123456789abcdef";

fn request() -> Request {
    Request {
        messages: vec![Message::user("hi")],
        ..Request::default()
    }
}

fn model(server: &Server, spec: &str, delivery: Delivery) -> std::sync::Arc<dyn Model> {
    let spec: ModelSpec = spec.parse().unwrap();
    let key = |_: &str| Some(Secret::new(KEY));
    let providers = Providers::builtin()
        .with_address("anthropic", &server.address)
        .with_address("openai-chat", format!("{}/v1", server.address))
        .with_delivery(delivery);
    providers.open(&spec, &key).unwrap()
}

async fn respond(script: Vec<Act>, context: CallContext) -> Result<EventStream, ModelError> {
    let server = Server::start(vec![script]).await;
    let model = model(&server, "anthropic/claude-sonnet-4-5", Delivery::Stream);
    model.respond(request(), context).await
}

async fn ask(script: Vec<Act>, context: CallContext) -> Result<Reply, ModelError> {
    collect(respond(script, context).await?).await
}

fn in_chunks(stream: &str) -> Vec<Act> {
    let mut script = vec![stream_head()];
    // Characters of several bytes may be cut anywhere by a real network; here by lines.
    script.extend(stream.split_inclusive('\n').map(chunk));
    script.push(last_chunk());
    script
}

#[tokio::test]
async fn a_stream_is_read_and_the_key_is_in_one_header() {
    let server = Server::start(vec![in_chunks(&read("anthropic/tools.sse"))]).await;
    let model = model(&server, "anthropic/claude-sonnet-4-5", Delivery::Stream);
    let context = CallContext {
        idempotency_key: Some("run-1/task".into()),
        trace_parent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        ..CallContext::default()
    };
    let reply = collect(model.respond(request(), context).await.unwrap())
        .await
        .unwrap();
    assert_eq!(reply.tool_calls().count(), 2);
    let heard = server.heard().remove(0);
    assert!(
        heard.head.starts_with("post /v1/messages http/1.1"),
        "{}",
        heard.head
    );
    for line in [
        &format!("x-api-key: {KEY}"),
        "anthropic-version: 2023-06-01",
        "idempotency-key: run-1/task",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert!(heard.head.contains(line), "{line} in {}", heard.head);
    }
    assert_eq!(heard.body, model.encode(&request()).unwrap().body);
    assert!(!heard.body.contains(KEY));
}

#[tokio::test]
async fn a_reply_at_once_folds_to_the_same() {
    let streamed = ask(
        in_chunks(&read("anthropic/tools.sse")),
        CallContext::default(),
    )
    .await
    .unwrap();
    let body = read("anthropic/tools.json");
    let script = answer("200 OK", "content-type: application/json\r\n", &body);
    let server = Server::start(vec![script]).await;
    let model = model(&server, "anthropic/claude-sonnet-4-5", Delivery::Whole);
    let whole = collect(
        model
            .respond(request(), CallContext::default())
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(whole, streamed);
    assert!(!server.heard()[0].body.contains("\"stream\""));
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let body = read("openai/text.json");
    let server = Server::start(vec![answer(
        "200 OK",
        "content-type: application/json\r\n",
        &body,
    )])
    .await;
    let model = model(&server, "openai-chat/gpt-5", Delivery::Stream);
    let reply = collect(
        model
            .respond(request(), CallContext::default())
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    assert!(!reply.text().is_empty());
    assert!(
        server.heard()[0]
            .head
            .contains(&format!("authorization: bearer {KEY}"))
    );
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait_and_shows_no_key() {
    let body = format!(
        "{{\"error\":{{\"type\":\"rate_limit_error\",\"message\":\"key {KEY} is slow\"}}}}"
    );
    let headers = "retry-after: 7\r\nrequest-id: req_1\r\n";
    let error = ask(
        answer("429 Too Many Requests", headers, &body),
        CallContext::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::RateLimited);
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(
        (error.status, error.request_id.as_deref()),
        (Some(429), Some("req_1"))
    );
    assert!(
        error.message.contains("key [secret] is slow"),
        "{}",
        error.message
    );
    assert!(!format!("{error:?}").contains(KEY));
}

#[tokio::test]
async fn a_stream_that_breaks_is_interrupted_and_keeps_what_came() {
    let stream = read("anthropic/tools.sse");
    let half = &stream[..stream.len() / 2];
    for script in [
        vec![stream_head(), chunk(half)],
        vec![stream_head(), chunk(half), last_chunk()],
    ] {
        let mut events = respond(script, CallContext::default()).await.unwrap();
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            seen.push(event);
        }
        let error = seen.pop().unwrap().unwrap_err();
        assert_eq!(
            (error.kind, error.partial),
            (ModelErrorKind::Interrupted, true)
        );
        assert!(error.usage.unwrap().input_tokens > 0);
        assert!(
            seen.iter()
                .any(|event| matches!(event, Ok(Event::Delta { .. })))
        );
    }
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_first_token_is_not_partial() {
    let error = ask(vec![stream_head()], CallContext::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.partial),
        (ModelErrorKind::Interrupted, false)
    );
}

#[tokio::test]
async fn an_error_inside_a_stream_is_classified() {
    let frame = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let error = ask(
        vec![stream_head(), chunk(frame), last_chunk()],
        CallContext::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Overloaded);
}

#[tokio::test]
async fn every_silence_has_its_limit() {
    let short = Some(Duration::from_millis(50));
    let beginning =
        "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\"}}\n\n";
    let table = [
        (
            vec![Act::Hang],
            CallContext {
                first_byte_timeout: short,
                ..CallContext::default()
            },
            "first byte",
        ),
        (
            vec![stream_head(), Act::Hang],
            CallContext {
                first_byte_timeout: short,
                ..CallContext::default()
            },
            "first byte",
        ),
        (
            vec![stream_head(), chunk(beginning), Act::Hang],
            CallContext {
                idle_timeout: short,
                ..CallContext::default()
            },
            "silent",
        ),
        (
            vec![stream_head(), chunk(beginning), Act::Hang],
            CallContext {
                timeout: short,
                ..CallContext::default()
            },
            "longer than",
        ),
    ];
    for (script, context, words) in table {
        let error = ask(script, context).await.unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::Timeout);
        assert!(error.message.contains(words), "{words}: {}", error.message);
    }
}

#[tokio::test]
async fn cancelling_ends_a_call_that_waits() {
    let context = CallContext::default();
    let cancellation = context.cancellation.clone();
    let beginning =
        "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\"}}\n\n";
    let mut events = respond(vec![stream_head(), chunk(beginning), Act::Hang], context)
        .await
        .unwrap();
    assert!(events.next().await.unwrap().is_ok());
    cancellation.cancel();
    let error = events.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Cancelled);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn what_is_no_reply_is_malformed() {
    for script in [
        vec![stream_head(), chunk("data: {nonsense\n\n"), last_chunk()],
        answer("200 OK", "content-type: application/json\r\n", "<html>"),
        answer("200 OK", "content-type: application/json\r\n", "{}"),
    ] {
        let error = ask(script, CallContext::default()).await.unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::Malformed, "{error:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let providers = Providers::builtin().with_address("ollama", &address);
    let model = providers
        .open(&"ollama/llama3".parse().unwrap(), &|_| None)
        .unwrap();
    let Err(error) = model.respond(request(), CallContext::default()).await else {
        panic!("nobody listens");
    };
    assert_eq!(error.kind, ModelErrorKind::Unreachable);
    assert!(error.message.contains(&address), "{}", error.message);
}

#[tokio::test]
async fn a_wrong_address_and_a_redirect_are_configuration() {
    let providers = Providers::builtin().with_address("ollama", "not a url");
    let model = providers
        .open(&"ollama/llama3".parse().unwrap(), &|_| None)
        .unwrap();
    let Err(error) = model.respond(request(), CallContext::default()).await else {
        panic!("this is no address");
    };
    assert_eq!(error.kind, ModelErrorKind::Configuration);

    let script = answer("302 Found", "location: http://127.0.0.1:1/\r\n", "");
    let error = ask(script, CallContext::default()).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Configuration);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let stream = read("openai/text.sse");
    let both = |stream: &str| {
        let mut script = vec![stream_head()];
        script.push(chunk(stream));
        script.push(last_chunk());
        script
    };
    // One connection is accepted; a second one would find nobody.
    let mut script = both(&stream);
    script.push(Act::Hang);
    let server = Server::start(vec![script]).await;
    let model = model(&server, "openai-chat/gpt-5", Delivery::Stream);
    let reply = collect(
        model
            .respond(request(), CallContext::default())
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    assert!(!reply.text().is_empty());
    let context = CallContext {
        first_byte_timeout: Some(Duration::from_millis(50)),
        ..CallContext::default()
    };
    // The second request travels on the same connection, where the script only hangs.
    let Err(error) = model.respond(request(), context).await else {
        panic!("the server hangs");
    };
    assert_eq!(error.kind, ModelErrorKind::Timeout);
}
