//! `call: openapi`, `call: a2a` and `call: mcp` against servers in this process.

use layercake_engine::runtime::Clock;
use layercake_engine::{Executor, Http, Problem, Timestamp};
use serde_json::{Value, json};

use super::server::{Answer, Request, Server};
use super::{NOW, effect_of};

async fn call(http: &Http, function: &str, with: Value) -> Result<Value, Problem> {
    let outcome = http.perform(&effect_of(function, with, None)).await;
    outcome.expect("the machinery works").result
}

fn http() -> Http {
    let clock = Clock::manual(Timestamp::from_millis(NOW));
    Http::new(clock).with_secrets(|name: &str| (name == "key").then(|| "s3cret".to_owned()))
}

fn path(request: &Request) -> &str {
    request.line.split(' ').nth(1).unwrap_or_default()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// In YAML, as such descriptions often are.
const SHOP: &str = "
openapi: 3.0.4
paths:
  /orders/{id}:
    get:
      operationId: getOrder
      parameters:
        - { name: id, in: path, required: true, schema: { type: integer } }
";

#[tokio::test]
async fn an_operation_is_found_in_a_description_that_is_asked_for_once() {
    let server = Server::with(|request| match path(request) {
        "/shop.yaml" => Answer::new("200 OK", "application/yaml", SHOP.as_bytes()),
        "/orders/7" => Answer::json("200 OK", r#"{"id":7}"#),
        _ => Answer::text("404 Not Found", ""),
    })
    .await;
    let with = json!({
        "document": { "endpoint": server.address("/shop.yaml") },
        "operationId": "getOrder",
        "parameters": { "id": 7 },
        "authentication": { "bearer": { "use": "key" } },
    });
    let http = http();
    for _ in 0..2 {
        assert_eq!(
            call(&http, "openapi", with.clone()).await,
            Ok(json!({ "id": 7 }))
        );
    }
    let requests = server.take_requests();
    let paths: Vec<&str> = requests.iter().map(path).collect();
    assert_eq!(paths, ["/shop.yaml", "/orders/7", "/orders/7"]);
    assert_eq!(
        requests[0].header("authorization"),
        None,
        "the key is for the shop"
    );
    assert_eq!(requests[1].header("authorization"), Some("Bearer s3cret"));
    let unknown =
        json!({ "document": { "endpoint": server.address("/shop.yaml") }, "operationId": "x" });
    let problem = call(&http, "openapi", unknown)
        .await
        .expect_err("no such operation");
    assert!(problem.kind.ends_with("/configuration"), "{problem:?}");
}

#[tokio::test]
async fn a_description_at_hand_is_not_asked_for() {
    let server = Server::answering("200 OK", "application/json", b"[1]").await;
    let document =
        json!({ "openapi": "3.1.0", "paths": { "/a": { "get": { "operationId": "a" } } } });
    let http = http()
        .with_document("https://shop.example/openapi.json", document)
        .with_detour("https://shop.example", server.address(""));
    let with = json!({
        "document": { "endpoint": "https://shop.example/openapi.json" }, "operationId": "a",
    });
    assert_eq!(call(&http, "openapi", with).await, Ok(json!([1])));
    assert_eq!(server.request().line, "GET /a HTTP/1.1");
}

#[tokio::test]
async fn an_agent_is_found_by_its_card_and_can_tell_repeated_messages() {
    let server = Server::with(|request| match path(request) {
        "/card" => {
            let host = request.header("host").unwrap_or_default();
            let card = json!({ "protocolVersion": "0.3.0", "url": format!("http://{host}/rpc") });
            Answer::json("200 OK", &card.to_string())
        }
        _ => {
            let asked = body(request);
            let id = &asked["id"];
            match asked["method"].as_str() {
                Some("message/send") => {
                    let result = json!({ "id": id, "result": { "kind": "task", "id": "t1" } });
                    Answer::json("200 OK", &result.to_string())
                }
                Some("message/stream") => {
                    let events = format!(
                        "data: {{\"id\":{id},\"result\":1}}\n\ndata: {{\"id\":{id},\"result\":2}}\n\n"
                    );
                    Answer::new("200 OK", "text/event-stream", events.as_bytes())
                }
                _ => {
                    let error = json!({ "id": id, "error": { "code": -32001, "message": "no such task" } });
                    Answer::json("200 OK", &error.to_string())
                }
            }
        }
    })
    .await;
    let parts = json!([{ "kind": "text", "text": "hi" }]);
    let message = json!({ "message": { "parts": parts } });
    let card = json!({ "endpoint": server.address("/card") });
    let http = http();
    let with = json!({ "agentCard": card, "method": "message/send", "parameters": message });
    assert_eq!(
        call(&http, "a2a", with.clone()).await,
        Ok(json!({ "kind": "task", "id": "t1" }))
    );
    let sent = body(&server.take_requests()[1]);
    let effect = effect_of("a2a", with, None);
    assert_eq!(
        sent["params"]["message"]["messageId"],
        json!(effect.idempotency_key.as_str())
    );
    assert_eq!(sent["params"]["message"]["role"], json!("user"));

    let agent = server.address("/rpc");
    let with = json!({ "server": agent, "method": "message/stream", "parameters": message });
    assert_eq!(call(&http, "a2a", with).await, Ok(json!([1, 2])));
    let with = json!({ "server": agent, "method": "tasks/get", "parameters": { "id": "t9" } });
    let problem = call(&http, "a2a", with).await.expect_err("no such task");
    assert_eq!(problem.title, "the method failed: no such task");
}

fn tools(request: &Request) -> Answer {
    let asked = body(request);
    let id = &asked["id"];
    let answer =
        |result: Value| Answer::json("200 OK", &json!({ "id": id, "result": result }).to_string());
    match asked["method"].as_str() {
        Some("initialize") => {
            answer(json!({ "protocolVersion": "2025-06-18", "capabilities": {} }))
                .with_header("mcp-session-id", "s-1")
        }
        Some("tools/call") if asked["params"]["name"] == json!("add") => {
            answer(json!({ "content": [{ "type": "text", "text": "3" }] }))
        }
        Some("tools/call") => {
            let content = json!([{ "type": "text", "text": "it is broken" }]);
            answer(json!({ "isError": true, "content": content }))
        }
        _ => Answer::new("202 Accepted", "text/plain", b""),
    }
}

#[tokio::test]
async fn a_tool_is_called_in_a_session_and_a_failed_one_is_a_problem() {
    let server = Server::with(tools).await;
    let with = |name: &str| {
        json!({
            "method": "tools/call",
            "parameters": { "name": name, "arguments": { "a": 1, "b": 2 } },
            "transport": { "http": { "endpoint": server.address("/mcp"), "headers": { "x-a": "1" } } },
        })
    };
    let output = call(&http(), "mcp", with("add")).await.expect("a result");
    assert_eq!(output["content"][0]["text"], json!("3"));
    let requests = server.take_requests();
    let asked: Vec<String> = requests
        .iter()
        .map(|request| {
            body(request)["method"]
                .as_str()
                .unwrap_or("leave")
                .to_owned()
        })
        .collect();
    assert_eq!(
        asked,
        [
            "initialize",
            "notifications/initialized",
            "tools/call",
            "leave"
        ]
    );
    for request in &requests[1..] {
        assert_eq!(request.header("mcp-session-id"), Some("s-1"));
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-06-18"));
        assert_eq!(request.header("x-a"), Some("1"));
    }
    let problem = call(&http(), "mcp", with("div"))
        .await
        .expect_err("it failed");
    assert_eq!(problem.detail.as_deref(), Some("it is broken"));
    let stdio = json!({ "method": "tools/list", "transport": { "stdio": { "command": "x" } } });
    let problem = call(&http(), "mcp", stdio)
        .await
        .expect_err("nobody starts it");
    assert!(problem.kind.ends_with("/configuration"), "{problem:?}");
}
