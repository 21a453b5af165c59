//! Authentication against servers in this process, with secrets that must never be seen.

use std::collections::BTreeMap;

use layercake_engine::runtime::Clock;
use layercake_engine::{Executor, Http, NamedSecrets, Outcome, ProblemKind, Secret, Timestamp};
use serde_json::{Value, json};

use super::server::{Answer, Request, Server};
use super::{NOW, effect};

/// What no record, error or log may hold.
const PASSWORD: &str = "pl4nted-p4ssword";
const CLIENT_SECRET: &str = "pl4nted-cl1ent";
const TOKEN: &str = "pl4nted-t0ken";

fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(NOW))
}

fn http(clock: &Clock, authority: &str) -> Http {
    let login = json!({ "username": "Mufasa", "password": PASSWORD });
    let client = json!({ "id": "engine", "secret": CLIENT_SECRET });
    let grant = json!({ "authority": authority, "client": client, "scopes": ["a", "b"] });
    let secrets = NamedSecrets::new()
        .with("login", Secret::new(login))
        .with("token", Secret::from_text(TOKEN))
        .with("grant", Secret::new(grant));
    Http::new(clock.clone()).with_secrets(secrets)
}

async fn perform(http: &Http, uri: &str, policy: &Value) -> Outcome {
    let endpoint = json!({ "uri": uri, "authentication": policy });
    let with = json!({ "method": "get", "endpoint": endpoint, "output": "response" });
    let outcome = http
        .perform(&effect(with, None))
        .await
        .expect("the machinery works");
    let recorded = format!(
        "{outcome:?}{}",
        serde_json::to_string(&outcome).expect("data")
    );
    for planted in [PASSWORD, CLIENT_SECRET, TOKEN, "TXVmYXNhOnBsNG50ZWQ"] {
        assert!(!recorded.contains(planted), "{planted} is in {recorded}");
    }
    outcome
}

/// Answers like a server that repeats whatever it is told, which is how secrets leak.
fn echo(request: &Request) -> Answer {
    let told = request
        .header("authorization")
        .unwrap_or("nobody")
        .to_owned();
    let body = json!({ "told": told, "words": ["x", told] }).to_string();
    Answer::json("200 OK", &body).with_header("x-told", &told)
}

#[tokio::test]
async fn a_server_that_repeats_a_secret_does_not_bring_it_into_the_record() {
    let server = Server::with(echo).await;
    for (policy, sent) in [
        (
            json!({ "basic": { "use": "login" } }),
            "Basic TXVmYXNhOnBsNG50ZWQtcDRzc3dvcmQ=",
        ),
        (
            json!({ "bearer": { "use": "token" } }),
            "Bearer pl4nted-t0ken",
        ),
        (
            json!({ "bearer": { "token": TOKEN } }),
            "Bearer pl4nted-t0ken",
        ),
    ] {
        let outcome = perform(&http(&clock(), ""), &server.address("/"), &policy).await;
        let output = outcome.result.expect("it is let in");
        let scheme = sent.split(' ').next().unwrap_or_default();
        assert_eq!(
            output["content"]["told"],
            json!(format!("{scheme} [secret]"))
        );
        let seen = server.take_requests().remove(0);
        assert_eq!(seen.header("authorization"), Some(sent));
    }
}

#[tokio::test]
async fn a_refusal_that_repeats_a_secret_does_not_bring_it_into_the_problem() {
    let server = Server::with(|request| echo(request).with_status("403 Forbidden")).await;
    let policy = json!({ "bearer": { "use": "token" } });
    let outcome = perform(&http(&clock(), ""), &server.address("/"), &policy).await;
    let problem = outcome.result.expect_err("it is refused");
    assert!(problem.detail.expect("what was said").contains("[secret]"));
}

#[tokio::test]
async fn a_digest_answers_the_challenge_and_sends_no_password() {
    const CHALLENGE: &str =
        r#"Digest realm="pride", qop="auth", algorithm=SHA-256, nonce="n0nce", opaque="o""#;
    let server = Server::with(|request| match request.header("authorization") {
        None => Answer::text("401 Unauthorized", "who?").with_header("www-authenticate", CHALLENGE),
        Some(_) => Answer::text("200 OK", "welcome"),
    })
    .await;
    let policy = json!({ "digest": { "use": "login" } });
    let outcome = perform(&http(&clock(), ""), &server.address("/lair?x=1"), &policy).await;
    assert_eq!(outcome.result.expect("let in")["content"], json!("welcome"));
    let requests = server.take_requests();
    assert_eq!(requests.len(), 2);
    let answer = requests[1].header("authorization").expect("an answer");
    for part in [
        r#"username="Mufasa""#,
        r#"uri="/lair?x=1""#,
        r#"nonce="n0nce""#,
        "qop=auth",
        r#"opaque="o""#,
    ] {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
    assert!(!answer.contains(PASSWORD));
}

/// A server that gives tokens, counts them, and lets those in who have the newest.
async fn authority(expires_in: u64) -> Server {
    let mut given = 0;
    Server::with(move |request| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        match path {
            "/.well-known/openid-configuration" => {
                let host = request.header("host").unwrap_or_default();
                let document = json!({
                    "issuer": format!("http://{host}"),
                    "token_endpoint": format!("http://{host}/oauth2/token"),
                });
                Answer::json("200 OK", &document.to_string())
            }
            "/oauth2/token" => {
                given += 1;
                let token = format!("{TOKEN}-{given}");
                let answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in });
                Answer::json("200 OK", &answer.to_string())
            }
            _ => match request.header("authorization") {
                Some(told) if told == format!("Bearer {TOKEN}-{given}") => echo(request),
                _ => Answer::text("401 Unauthorized", "no"),
            },
        }
    })
    .await
}

fn form(request: &Request) -> BTreeMap<String, String> {
    let text = String::from_utf8(request.body.clone()).expect("a form is text");
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_kept_until_it_ends() {
    let (server, clock) = (authority(3600).await, clock());
    let http = http(&clock, &server.address(""));
    let policy = json!({ "oauth2": { "use": "grant" } });
    for _ in 0..3 {
        let outcome = perform(&http, &server.address("/orders"), &policy).await;
        assert!(outcome.result.is_ok(), "{outcome:?}");
    }
    let asked: Vec<Request> = server.take_requests();
    let lines: Vec<&str> = asked.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(lines.len(), 4, "one token, three orders: {lines:?}");
    let form = form(&asked[0]);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "a+b");
    assert_eq!(form["client_secret"], CLIENT_SECRET);

    clock.advance(3_600_000);
    assert!(
        perform(&http, &server.address("/"), &policy)
            .await
            .result
            .is_ok()
    );
    assert_eq!(
        server.take_requests().len(),
        2,
        "the token has ended: another one"
    );
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_replaced_once() {
    let (server, clock) = (authority(3600).await, clock());
    let http = http(&clock, &server.address(""));
    let policy = json!({ "oidc": { "use": "grant" } });
    let address = server.address("/");
    assert!(perform(&http, &address, &policy).await.result.is_ok());
    // Somebody else asks for a token, which makes the first one worthless.
    let other =
        super::call(json!({ "method": "post", "endpoint": server.address("/oauth2/token") }));
    other.await.expect("a token for somebody else");
    server.take_requests();
    assert!(perform(&http, &address, &policy).await.result.is_ok());
    assert_eq!(server.take_requests().len(), 3, "refused, a token, let in");
}

#[tokio::test]
async fn a_password_grant_and_a_client_that_says_its_name_in_the_header() {
    let (server, clock) = (authority(60).await, clock());
    let policy = json!({ "oauth2": {
        "authority": server.address(""),
        "grant": "password",
        "username": "Mufasa",
        "password": PASSWORD,
        "client": { "id": "engine", "secret": CLIENT_SECRET, "authentication": "client_secret_basic" },
        "audiences": ["orders"],
    } });
    let outcome = perform(&http(&clock, ""), &server.address("/"), &policy).await;
    assert!(outcome.result.is_ok(), "{outcome:?}");
    let request = server.take_requests().remove(0);
    let form = form(&request);
    assert_eq!(form["grant_type"], "password");
    assert_eq!(form["audience"], "orders");
    assert!(!form.contains_key("client_secret"));
    let told = request
        .header("authorization")
        .expect("the client says who it is");
    assert!(told.starts_with("Basic "), "{told}");
}

#[tokio::test]
async fn who_gets_no_token_learns_why_and_nothing_else() {
    let refusing = Server::with(|_| {
        let body = json!({ "error": "invalid_client", "hint": CLIENT_SECRET });
        Answer::json("401 Unauthorized", &body.to_string())
    })
    .await;
    let strange = Server::with(|_| {
        let document =
            json!({ "issuer": "http://elsewhere", "token_endpoint": "http://elsewhere/t" });
        Answer::json("200 OK", &document.to_string())
    })
    .await;
    for (server, scheme, expected) in [
        (&refusing, "oauth2", Some("invalid_client")),
        (&strange, "oidc", None),
        (&strange, "oauth2", None),
    ] {
        let http = http(&clock(), &server.address(""));
        let policy = json!({ scheme: { "use": "grant" } });
        let problem = perform(&http, &server.address("/"), &policy).await.result;
        let problem = problem.expect_err("no token");
        assert!(
            problem.kind.ends_with(ProblemKind::Authentication.name()),
            "{problem:?}"
        );
        assert_eq!(problem.detail.as_deref(), expected, "{problem:?}");
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_carried_out_is_a_mistake_of_the_definition() {
    let client = json!({ "authentication": "private_key_jwt" });
    for policy in [
        json!({ "magic": {} }),
        json!({ "oauth2": { "authority": "ftp://x" } }),
        json!({ "oauth2": { "authority": "http://127.0.0.1:1", "grant": "authorization_code" } }),
        json!({ "oauth2": { "authority": "http://127.0.0.1:1", "client": client } }),
    ] {
        let problem = perform(&http(&clock(), ""), "http://127.0.0.1:1/", &policy)
            .await
            .result;
        let problem = problem.expect_err("it is wrong");
        assert!(
            problem.kind.ends_with("/configuration"),
            "{policy}: {problem:?}"
        );
    }
}
