//! From the arguments of `call: http` to a request.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;

use super::authentication::{Asked, Policy, Scrub};
use super::text_of;
use crate::{Problem, ProblemKind, Secrets};

/// The header that lets the other side apply a repeated request once.
///
/// Source: the IETF draft "The Idempotency-Key HTTP Header Field".
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What is wanted back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The body, in base 64.
    Raw,
    /// The body, read by its type.
    Content,
    /// Request, status, headers and content.
    Response,
}

/// A request that is wanted.
pub(super) struct Wanted {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    body: Option<String>,
    pub(super) policy: Policy,
    /// What must not come back.
    pub(super) scrub: Scrub,
    pub(super) mode: Mode,
    pub(super) redirect: bool,
}

impl Wanted {
    /// Reads the arguments; `key` is the effect's idempotency key.
    pub(super) fn read(with: &Value, key: &str, secrets: &dyn Secrets) -> Result<Self, Problem> {
        let mut scrub = Scrub::default();
        let policy = with.get("endpoint").and_then(|e| e.get("authentication"));
        let method = with.get("method").and_then(Value::as_str).unwrap_or("");
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| wrong(format!("`{method}` is not an HTTP method")))?;
        let mut wanted = Self {
            url: address(with)?,
            headers: headers(with)?,
            body: None,
            policy: Policy::read(policy, secrets, &mut scrub)?,
            scrub,
            mode: mode(with)?,
            redirect: with
                .get("redirect")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            method,
        };
        wanted.take_body(with.get("body").filter(|body| !body.is_null()));
        let changes = [Method::POST, Method::PATCH, Method::PUT, Method::DELETE];
        if changes.contains(&wanted.method) && !wanted.headers.contains_key(IDEMPOTENCY_KEY) {
            let value = HeaderValue::from_str(key).map_err(|error| wrong(error.to_string()))?;
            wanted.headers.insert(IDEMPOTENCY_KEY, value);
        }
        Ok(wanted)
    }

    /// Text is sent as it is, everything else as JSON; the definition may name another type.
    fn take_body(&mut self, body: Option<&Value>) {
        let Some(body) = body else { return };
        let (text, kind) = match body {
            Value::String(text) => (text.clone(), "text/plain; charset=utf-8"),
            other => (other.to_string(), "application/json"),
        };
        self.body = Some(text);
        let headers = self.headers.entry(CONTENT_TYPE);
        headers.or_insert(HeaderValue::from_static(kind));
    }

    /// Goes another way where one is known.
    pub(super) fn turn_off(&mut self, detours: &[(String, String)]) {
        let way = detours.iter().find_map(|(from, to)| {
            let rest = self.url.as_str().strip_prefix(from.as_str())?;
            format!("{to}{rest}").parse().ok()
        });
        self.url = way.unwrap_or_else(|| self.url.clone());
    }

    /// Returns what a digest is made over.
    pub(super) fn asked<'a>(&'a self, client_nonce: &'a str) -> Asked<'a> {
        let address = self.url.as_str();
        let path = address.find("://").map_or(0, |at| at + 3);
        let start = address[path..].find('/').map_or(path, |at| path + at);
        let end = address.find('#').unwrap_or(address.len());
        Asked {
            method: self.method.as_str(),
            uri: &address[start..end],
            client_nonce,
        }
    }

    /// Makes the request.
    pub(super) fn build(&self, client: &Client) -> RequestBuilder {
        let mut request = client
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        request
    }
}

fn address(with: &Value) -> Result<Url, Problem> {
    let endpoint = with.get("endpoint").unwrap_or(&Value::Null);
    let uri = endpoint.get("uri").unwrap_or(endpoint);
    let text = uri
        .as_str()
        .ok_or_else(|| wrong("the endpoint is not an address".to_owned()))?;
    let mut url: Url = text
        .parse()
        .map_err(|error| wrong(format!("`{text}` is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("`{text}` is neither http nor https")));
    }
    let query = with.get("query").and_then(Value::as_object);
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in query {
            match value {
                Value::Null => {}
                Value::Array(items) => {
                    for item in items {
                        pairs.append_pair(name, &text_of(item));
                    }
                }
                value => {
                    pairs.append_pair(name, &text_of(value));
                }
            }
        }
    }
    Ok(url)
}

fn headers(with: &Value) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in with
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if value.is_null() {
            continue;
        }
        let unusable = || wrong(format!("the header `{name}` cannot be sent"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
        let value = HeaderValue::from_str(&text_of(value)).map_err(|_| unusable())?;
        headers.insert(key, value);
    }
    Ok(headers)
}

fn mode(with: &Value) -> Result<Mode, Problem> {
    match with.get("output").and_then(Value::as_str) {
        None | Some("content") => Ok(Mode::Content),
        Some("raw") => Ok(Mode::Raw),
        Some("response") => Ok(Mode::Response),
        Some(other) => Err(wrong(format!(
            "`{other}` is none of raw, content, response"
        ))),
    }
}

fn wrong(title: String) -> Problem {
    Problem::standard(ProblemKind::Configuration, title)
}
