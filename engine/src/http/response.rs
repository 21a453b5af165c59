//! From a response to an outcome.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::authentication::Scrub;
use super::request::{Mode, Wanted};
use super::{chain, place};
use crate::{Outcome, Problem, ProblemKind};

/// The longest body that is read, in bytes; larger things belong in files.
const BODY_BYTES_MAX: usize = 16 << 20;

/// How much of the body of a failed request is shown, in bytes.
const DETAIL_BYTES_MAX: usize = 1024;

/// Reads a response; a status that is no success is a problem with that status.
pub(super) async fn read(mut response: Response, wanted: &Wanted) -> Outcome {
    let status = response.status();
    let headers = response.headers().clone();
    let url = response.url().clone();
    let body = match body(&mut response).await {
        Ok(body) => wanted.scrub.bytes(body),
        Err(problem) => return Outcome::failed(problem),
    };
    let accepted = status.is_success() || (wanted.redirect && status.is_redirection());
    let result = if accepted {
        output(wanted, status, &headers, &body)
    } else {
        Err(refusal(&place(&url), status, &body))
    };
    let mut outcome = match result {
        Ok(output) => Outcome::completed(output),
        Err(problem) => Outcome::failed(problem),
    };
    outcome.evidence = Some(json!({
        "request": { "method": wanted.method.as_str(), "uri": place(&url) },
        "response": { "statusCode": status.as_u16(), "headers": header_map(&headers, &wanted.scrub) },
    }));
    outcome
}

pub(super) async fn body(response: &mut Response) -> Result<Vec<u8>, Problem> {
    let broken = |title: &str| Problem::standard(ProblemKind::Communication, title);
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= BODY_BYTES_MAX => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                let detail = format!("it is longer than {BODY_BYTES_MAX} bytes");
                return Err(broken("the answer is too long").with_detail(detail));
            }
            Ok(None) => return Ok(body),
            Err(error) => {
                return Err(broken("the answer broke off").with_detail(chain(&error)));
            }
        }
    }
}

fn refusal(place: &str, status: StatusCode, body: &[u8]) -> Problem {
    let reason = status.canonical_reason().unwrap_or("no reason given");
    let title = format!("{place} answered {} {reason}", status.as_u16());
    let problem = Problem::standard(ProblemKind::Communication, title).with_status(status.as_u16());
    let start = &body[..body.len().min(DETAIL_BYTES_MAX)];
    match String::from_utf8_lossy(start).trim() {
        "" => problem,
        detail => problem.with_detail(detail),
    }
}

/// Makes the output that the definition wants.
///
/// Source: the Open Workflow Specification, DSL reference, "HTTP Call" and "HTTP Response".
fn output(
    wanted: &Wanted,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, Problem> {
    Ok(match wanted.mode {
        Mode::Raw => Value::String(STANDARD.encode(body)),
        Mode::Content => content(headers, body)?,
        Mode::Response => json!({
            "request": {
                "method": wanted.method.as_str(),
                "uri": wanted.scrub.text(wanted.url.as_str()),
                "headers": header_map(&wanted.headers, &wanted.scrub),
            },
            "statusCode": status.as_u16(),
            "headers": header_map(headers, &wanted.scrub),
            "content": content(headers, body)?,
        }),
    })
}

/// Reads a body by its type: JSON, text, or else base 64.
fn content(headers: &HeaderMap, body: &[u8]) -> Result<Value, Problem> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    if essence == "application/json" || essence.ends_with("+json") {
        return serde_json::from_slice(body).map_err(|error| {
            Problem::standard(ProblemKind::Communication, "the answer is not JSON")
                .with_detail(format!("its type says {essence}: {error}"))
        });
    }
    Ok(match std::str::from_utf8(body) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => Value::String(STANDARD.encode(body)),
    })
}

/// Headers that are for the other side alone.
const CONFIDENTIAL: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Headers by name, without what is for the other side alone; several values of one name are joined, as RFC 9110, 5.3 allows.
fn header_map(headers: &HeaderMap, scrub: &Scrub) -> Value {
    let mut map = Map::new();
    for name in headers.keys() {
        if CONFIDENTIAL.contains(&name.as_str()) {
            continue;
        }
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|v| String::from_utf8_lossy(v.as_bytes()))
            .collect();
        map.insert(
            name.as_str().to_owned(),
            Value::String(scrub.text(&values.join(", "))),
        );
    }
    Value::Object(map)
}
