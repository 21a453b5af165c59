//! Failures as providers send them, and what each must mean.

use std::time::Duration;

use crate::ModelErrorKind::{self, *};
use crate::wire::ReplyHead;

fn head(status: u16, headers: &[(&str, &str)]) -> ReplyHead {
    let headers = headers.iter();
    ReplyHead {
        status,
        headers: headers
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
    }
}

#[track_caller]
fn check(status: u16, body: &str, kind: ModelErrorKind) {
    let error = head(status, &[]).error(body.as_bytes());
    assert_eq!(error.kind, kind, "{error:?}");
    assert_eq!(error.status, Some(status));
}

#[test]
fn anthropic_errors() {
    let body = |kind: &str, message: &str| {
        format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#)
    };
    check(429, &body("rate_limit_error", "slow"), RateLimited);
    check(529, &body("overloaded_error", "Overloaded"), Overloaded);
    check(
        401,
        &body("authentication_error", "invalid x-api-key"),
        Authentication,
    );
    check(403, &body("permission_error", "no"), Permission);
    check(
        404,
        &body("not_found_error", "model: claude-nope"),
        UnknownModel,
    );
    check(413, &body("request_too_large", "big"), ContextOverflow);
    check(
        400,
        &body(
            "invalid_request_error",
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        ContextOverflow,
    );
    check(
        400,
        &body(
            "invalid_request_error",
            "Your credit balance is too low to access the API",
        ),
        Quota,
    );
    check(
        400,
        &body(
            "invalid_request_error",
            "messages: at least one message is required",
        ),
        InvalidRequest,
    );
    check(500, &body("api_error", "Internal server error"), Server);
    check(504, &body("timeout_error", "x"), Timeout);
}

fn openai_body(kind: &str, code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":{code}}}}}"#)
}

#[test]
fn openai_limits_and_keys() {
    let body = openai_body;
    check(
        429,
        &body(
            "insufficient_quota",
            "\"insufficient_quota\"",
            "You exceeded your current quota",
        ),
        Quota,
    );
    check(
        429,
        &body("tokens", "\"rate_limit_exceeded\"", "Rate limit reached"),
        RateLimited,
    );
    check(
        400,
        &body("invalid_request_error", "\"context_length_exceeded\"", "x"),
        ContextOverflow,
    );
    check(
        401,
        &body(
            "invalid_request_error",
            "\"invalid_api_key\"",
            "Incorrect API key provided",
        ),
        Authentication,
    );
}

#[test]
fn openai_refusals_and_failures() {
    let body = openai_body;
    check(
        404,
        &body(
            "invalid_request_error",
            "\"model_not_found\"",
            "The model `x` does not exist",
        ),
        UnknownModel,
    );
    check(
        400,
        &body("invalid_request_error", "null", "Unknown parameter: 'foo'"),
        InvalidRequest,
    );
    check(
        400,
        &body(
            "invalid_request_error",
            "\"content_filter\"",
            "content management policy",
        ),
        Refused,
    );
    check(
        500,
        &body("server_error", "null", "The server had an error"),
        Server,
    );
    check(
        503,
        &body(
            "service_unavailable_error",
            "null",
            "The engine is currently overloaded",
        ),
        Overloaded,
    );
}

#[test]
fn google_and_other_errors() {
    check(
        400,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
        Authentication,
    );
    check(
        404,
        r#"{"error":{"code":404,"message":"models/x is not found for API version v1beta","status":"NOT_FOUND"}}"#,
        UnknownModel,
    );
    check(
        503,
        r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#,
        Overloaded,
    );
    check(
        400,
        r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
        ContextOverflow,
    );
    check(404, r#"{"error":"model 'llama9' not found"}"#, UnknownModel);
    check(
        500,
        r#"{"error":{"code":500,"message":"context size exceeded","type":"exceed_context_size_error"}}"#,
        ContextOverflow,
    );
    check(
        503,
        r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        Overloaded,
    );
    check(
        400,
        r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#,
        ContextOverflow,
    );
    check(
        422,
        r#"{"detail":[{"loc":["body","messages"],"msg":"field required"}]}"#,
        InvalidRequest,
    );
    check(
        402,
        r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#,
        Quota,
    );
}

#[test]
fn gateways_answer_with_pages() {
    check(502, "<html><title>502 Bad Gateway</title></html>", Server);
    check(522, "", Server);
    check(404, "404 page not found", Configuration);
    check(308, "", Configuration);
    check(409, "", Server);
    check(418, "", InvalidRequest);
}

#[track_caller]
fn check_wait(headers: &[(&str, &str)], body: &str, expected: Option<Duration>) {
    assert_eq!(
        head(429, headers).error(body.as_bytes()).retry_after,
        expected
    );
}

#[test]
fn the_wait_is_read_in_every_form() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    check_wait(&[("retry-after", "12")], "", seconds(12));
    check_wait(
        &[("retry-after-ms", "1500"), ("retry-after", "2")],
        "",
        Some(Duration::from_millis(1500)),
    );
    check_wait(
        &[
            ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"),
        ],
        "",
        seconds(30),
    );
    check_wait(
        &[("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")],
        "",
        None,
    );
    check_wait(
        &[
            ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-10-21T07:28:07Z"),
        ],
        "",
        seconds(7),
    );
    check_wait(
        &[],
        r#"{"error":{"message":"Rate limit. Please try again in 1m2.5s. Visit"}}"#,
        Some(Duration::from_millis(62_500)),
    );
    check_wait(
        &[],
        r#"{"error":{"message":"Please retry in 20ms."}}"#,
        Some(Duration::from_millis(20)),
    );
    check_wait(
        &[],
        r#"{"error":{"message":"Please try again in 6 seconds"}}"#,
        seconds(6),
    );
    check_wait(
        &[],
        r#"{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"17s"}]}}"#,
        seconds(17),
    );
    check_wait(&[("retry-after", "-5")], "", None);
    check_wait(&[("retry-after", "1e300")], "", seconds(24 * 60 * 60));
}

#[test]
fn a_quota_with_a_wait_is_a_rate_limit() {
    let body = r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Please retry in 17.4s.","status":"RESOURCE_EXHAUSTED"}}"#;
    check(429, body, RateLimited);
}

#[test]
fn the_request_id_and_a_short_message_are_kept() {
    let long = "x".repeat(5000);
    let error = head(500, &[("x-request-id", "req_1")]).error(long.as_bytes());
    assert_eq!(error.request_id.as_deref(), Some("req_1"));
    assert!(error.message.chars().count() < 700);
}
