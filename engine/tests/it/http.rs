//! `call: http` against a server in this process.

mod authentication;
mod remote;
pub(crate) mod server;

use layercake_engine::runtime::Clock;
use layercake_engine::{
    Call, Effect, EffectClass, EffectId, EffectRequest, Executor, Http, IdempotencyKey, Outcome,
    Problem, RunId, TaskKey, Timestamp,
};
use serde_json::{Value, json};
use server::Server;

/// The time, for deadlines.
const NOW: u64 = 1_000_000;

fn effect(arguments: Value, deadline: Option<u64>) -> Effect {
    effect_of("http", arguments, deadline)
}

fn effect_of(function: &str, arguments: Value, deadline: Option<u64>) -> Effect {
    let run = RunId::from_parts(Timestamp::from_millis(1), 1);
    let task = TaskKey::root().child("post", None, 1);
    Effect {
        id: EffectId::derive(run, &task, 1),
        run,
        attempt: 1,
        idempotency_key: IdempotencyKey::derive(run, &task),
        asked_at: Timestamp::from_millis(NOW),
        deadline: deadline.map(Timestamp::from_millis),
        request: EffectRequest::Call(Call {
            function: function.to_owned(),
            version: String::new(),
            arguments,
            class: EffectClass::Unsafe,
            secrets: Vec::new(),
        }),
        task,
    }
}

async fn perform_until(arguments: Value, deadline: Option<u64>) -> Outcome {
    let secrets = |name: &str| match name {
        "pass" => Some(r#"{"username":"ada","password":"p:w"}"#.to_owned()),
        "token" => Some("t0ken".to_owned()),
        _ => None,
    };
    let http = Http::new(Clock::manual(Timestamp::from_millis(NOW))).with_secrets(secrets);
    let outcome = http.perform(&effect(arguments, deadline)).await;
    outcome.expect("the machinery works")
}

async fn call(arguments: Value) -> Result<Value, Problem> {
    perform_until(arguments, None).await.result
}

#[tokio::test]
async fn json_goes_out_and_comes_back() {
    let server = Server::answering("200 OK", "application/json", br#"{"ok":[1,2.5]}"#).await;
    let output = call(json!({
        "method": "post",
        "endpoint": server.address("/orders?a=1"),
        "headers": { "x-number": 7 },
        "query": { "tag": ["x y", "z"], "none": null },
        "body": { "n": 1 },
    }))
    .await;
    assert_eq!(output, Ok(json!({ "ok": [1, 2.5] })));
    let request = server.request();
    assert_eq!(request.line, "POST /orders?a=1&tag=x+y&tag=z HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-number"), Some("7"));
    assert_eq!(request.body, br#"{"n":1}"#);
    assert_eq!(request.header("user-agent"), None, "nothing is added");
}

#[tokio::test]
async fn requests_that_change_something_carry_the_key_of_the_effect() {
    let key = effect(json!({}), None).idempotency_key;
    for (method, expected) in [
        ("post", Some(key.as_str())),
        ("PATCH", Some(key.as_str())),
        ("put", Some(key.as_str())),
        ("delete", Some(key.as_str())),
        ("get", None),
        ("head", None),
    ] {
        let server = Server::answering("204 No Content", "text/plain", b"").await;
        let output = call(json!({ "method": method, "endpoint": server.address("/") })).await;
        assert_eq!(output, Ok(Value::Null));
        assert_eq!(
            server.request().header("idempotency-key"),
            expected,
            "{method}"
        );
    }
    let server = Server::answering("200 OK", "text/plain", b"").await;
    let own = json!({ "Idempotency-Key": "mine" });
    let endpoint = server.address("/");
    call(json!({ "method": "post", "endpoint": endpoint, "headers": own }))
        .await
        .expect("ok");
    assert_eq!(server.request().header("idempotency-key"), Some("mine"));
}

#[tokio::test]
async fn the_output_has_three_forms() {
    let answer = || {
        Server::answering(
            "201 Created",
            "text/plain; charset=utf-8",
            "grüß".as_bytes(),
        )
    };
    let request = |endpoint: String, output: &str| json!({ "method": "get", "endpoint": { "uri": endpoint }, "output": output });
    let server = answer().await;
    let content = call(request(server.address("/x"), "content")).await;
    assert_eq!(content, Ok(json!("grüß")));
    let server = answer().await;
    let raw = call(request(server.address("/x"), "raw")).await;
    assert_eq!(raw, Ok(json!("Z3LDvMOf")));
    let server = answer().await;
    let whole = call(request(server.address("/x"), "response"))
        .await
        .expect("a response");
    assert_eq!(whole["statusCode"], json!(201));
    assert_eq!(whole["content"], json!("grüß"));
    assert_eq!(
        whole["headers"]["content-type"],
        json!("text/plain; charset=utf-8")
    );
    assert_eq!(whole["request"]["uri"], json!(server.address("/x")));
}

#[tokio::test]
async fn a_status_that_is_no_success_is_a_problem_with_that_status() {
    for (status, number) in [
        ("404 Not Found", 404),
        ("503 Service Unavailable", 503),
        ("302 Found", 302),
    ] {
        let server = Server::answering(status, "text/plain", b"go away").await;
        let problem = call(json!({ "method": "get", "endpoint": server.address("/secret?k=1") }))
            .await
            .expect_err("no success");
        assert_eq!(problem.status, number);
        assert!(problem.kind.ends_with("/communication"), "{}", problem.kind);
        assert_eq!(problem.detail.as_deref(), Some("go away"));
        assert!(
            !problem.title.contains("k=1"),
            "queries may hold secrets: {}",
            problem.title
        );
    }
}

#[tokio::test]
async fn redirects_are_followed_only_where_that_is_wanted() {
    let target = Server::answering("200 OK", "text/plain", b"arrived").await;
    let location = target.address("/new");
    let server = Server::redirecting(&location).await;
    let arguments = json!({ "method": "get", "endpoint": server.address("/"), "redirect": true });
    assert_eq!(call(arguments).await, Ok(json!("arrived")));
    let server = Server::redirecting(&location).await;
    let arguments = json!({ "method": "get", "endpoint": server.address("/") });
    assert_eq!(call(arguments).await.expect_err("it stays").status, 302);
}

#[tokio::test]
async fn nobody_at_home_is_a_problem_of_communication() {
    let server = Server::answering("200 OK", "text/plain", b"").await;
    let address = server.address("/");
    drop(server);
    let problem = call(json!({ "method": "get", "endpoint": address })).await;
    let problem = problem.expect_err("nobody answers");
    assert!(problem.kind.ends_with("/communication"), "{}", problem.kind);
    assert!(problem.detail.is_some());
}

#[tokio::test]
async fn the_deadline_of_the_effect_ends_the_request() {
    let server = Server::silent().await;
    let arguments = json!({ "method": "get", "endpoint": server.address("/") });
    let outcome = perform_until(arguments, Some(NOW + 50)).await;
    let problem = outcome.result.expect_err("it is silent");
    assert!(problem.kind.ends_with("/communication"), "{}", problem.kind);
}

#[tokio::test]
async fn secrets_are_looked_up_by_name_and_never_recorded() {
    for (policy, expected) in [
        (json!({ "basic": { "use": "pass" } }), "Basic YWRhOnA6dw=="),
        (
            json!({ "basic": { "username": "a", "password": "b" } }),
            "Basic YTpi",
        ),
        (json!({ "bearer": { "use": "token" } }), "Bearer t0ken"),
        (json!({ "bearer": { "token": "x" } }), "Bearer x"),
    ] {
        let server = Server::answering("200 OK", "text/plain", b"").await;
        let endpoint = json!({ "uri": server.address("/"), "authentication": policy });
        let arguments = json!({ "method": "get", "endpoint": endpoint, "output": "response" });
        let outcome = perform_until(arguments, None).await;
        assert_eq!(server.request().header("authorization"), Some(expected));
        let recorded = format!("{outcome:?}");
        assert!(!recorded.contains(expected), "{recorded}");
    }
    let endpoint =
        json!({ "uri": "http://127.0.0.1:1/", "authentication": { "bearer": { "use": "no" } } });
    let problem = call(json!({ "method": "get", "endpoint": endpoint })).await;
    assert!(
        problem
            .expect_err("no such secret")
            .kind
            .ends_with("/authentication")
    );
}

#[tokio::test]
async fn an_answer_that_is_not_what_it_says_is_a_problem() {
    let server = Server::answering("200 OK", "application/json", b"<html>").await;
    let problem = call(json!({ "method": "get", "endpoint": server.address("/") })).await;
    assert_eq!(
        problem.expect_err("not JSON").title,
        "the answer is not JSON"
    );
    let server = Server::answering("200 OK", "text/plain", &vec![b'x'; (16 << 20) + 1]).await;
    let problem = call(json!({ "method": "get", "endpoint": server.address("/") })).await;
    assert_eq!(
        problem.expect_err("too long").title,
        "the answer is too long"
    );
}

#[tokio::test]
async fn arguments_that_make_no_request_are_mistakes_of_the_definition() {
    for arguments in [
        json!({ "method": "get" }),
        json!({ "method": "get", "endpoint": "nowhere" }),
        json!({ "method": "get", "endpoint": "ftp://host/" }),
        json!({ "method": "ge t", "endpoint": "http://127.0.0.1:1/" }),
        json!({ "method": "get", "endpoint": "http://127.0.0.1:1/", "headers": { "a b": 1 } }),
        json!({ "method": "get", "endpoint": "http://127.0.0.1:1/", "output": "pdf" }),
    ] {
        let problem = call(arguments.clone()).await.expect_err("it is wrong");
        assert!(
            problem.kind.ends_with("/configuration"),
            "{arguments}: {problem:?}"
        );
    }
}
