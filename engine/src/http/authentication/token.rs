//! Tokens that were given, kept as long as they hold. Two requests that need the same one ask
//! for it once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Response, Url};
use serde_json::Value;

use super::grant::{Endpoint, Grant};
use super::{optional, refused};
use crate::http::{chain, place, response};
use crate::{Digest, Problem, ProblemKind, Timestamp};

/// How many tokens are kept: a program has tens of accounts.
const KEPT_MAX: usize = 256;

/// A token is given up so long before its end, in milliseconds: the request takes time.
const MARGIN_MS: u64 = 10_000;

/// How long a token is kept that does not say how long it holds, in seconds.
const LIFE_SECONDS: u64 = 60;

/// How long the giver of a token may take, in seconds; the task's own limit may be shorter.
const PATIENCE_SECONDS: u64 = 60;

/// The tokens by what was asked for.
#[derive(Default)]
pub(in crate::http) struct Tokens {
    slots: Mutex<BTreeMap<Digest, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// Who holds the lock asks for the token; the others wait for it.
#[derive(Default)]
struct Slot {
    endpoint: Option<Url>,
    token: Option<Token>,
}

struct Token {
    text: String,
    until: Timestamp,
}

impl Tokens {
    /// Returns a token that is not the refused one.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have got a token that nobody uses.
    pub(in crate::http) async fn token(
        &self,
        client: &Client,
        grant: &Grant,
        now: Timestamp,
        refused: Option<&str>,
    ) -> Result<String, Problem> {
        let slot = self.slot(grant.key);
        let mut slot = slot.lock().await;
        if let Some(token) = &slot.token
            && token.until > now
            && Some(token.text.as_str()) != refused
        {
            return Ok(token.text.clone());
        }
        slot.token = None;
        let endpoint = match (&grant.endpoint, slot.endpoint.take()) {
            (Endpoint::Known(url), _) => url.clone(),
            (Endpoint::Discovered(_), Some(url)) => url,
            (Endpoint::Discovered(document), None) => discover(client, grant, document).await?,
        };
        slot.endpoint = Some(endpoint.clone());
        let token = ask(client, grant, endpoint, now).await?;
        let text = token.text.clone();
        slot.token = Some(token);
        Ok(text)
    }

    fn slot(&self, key: Digest) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEPT_MAX && !slots.contains_key(&key) {
            slots.pop_first();
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

/// Finds out where a provider gives tokens.
async fn discover(client: &Client, grant: &Grant, document: &Url) -> Result<Url, Problem> {
    let request = client.get(document.clone());
    let answer = send(request, document).await?;
    let found = content(answer, document).await?;
    let issuer = optional(&found, "issuer").unwrap_or_default();
    if issuer.trim_end_matches('/') != grant.authority.trim_end_matches('/') {
        return Err(refused(format!(
            "{} tells about another issuer than it is asked for",
            place(document)
        )));
    }
    let endpoint = optional(&found, "token_endpoint").and_then(|text| text.parse().ok());
    endpoint.ok_or_else(|| refused(format!("{} names no place for tokens", place(document))))
}

/// Asks for a token.
///
/// Source: RFC 6749, 5.1 and 5.2.
async fn ask(client: &Client, grant: &Grant, url: Url, now: Timestamp) -> Result<Token, Problem> {
    let mut request = client.post(url.clone());
    request = match grant.is_json {
        true => request.json(&grant.json()),
        false => {
            let mut form: Url = "x:".parse().expect("a constant address is sound");
            form.query_pairs_mut().extend_pairs(grant.body());
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.query().unwrap_or_default().to_owned())
        }
    };
    if let Some((id, secret)) = grant.login() {
        request = request.basic_auth(id, Some(secret));
    }
    let answer = send(request, &url).await?;
    let given = content(answer, &url).await?;
    let Some(text) = optional(&given, "access_token") else {
        return Err(refused(format!("{} gave no token", place(&url))));
    };
    let kind = optional(&given, "token_type").unwrap_or_else(|| "Bearer".to_owned());
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(refused(format!(
            "{} gave a token of the type {kind}",
            place(&url)
        )));
    }
    require_issuer(grant, &text)?;
    let seconds = given["expires_in"].as_u64().unwrap_or(LIFE_SECONDS);
    let life = seconds.saturating_mul(1000).saturating_sub(MARGIN_MS);
    Ok(Token {
        text,
        until: now.plus_millis(life),
    })
}

async fn send(request: reqwest::RequestBuilder, url: &Url) -> Result<Response, Problem> {
    let request = request
        .header("accept", "application/json")
        .timeout(Duration::from_secs(PATIENCE_SECONDS));
    request.send().await.map_err(|error| {
        let title = format!("no answer from {}", place(url));
        Problem::standard(ProblemKind::Communication, title)
            .with_detail(chain(&error.without_url()))
    })
}

/// Reads the answer; of a refusal only what the specification lets it say, and never the rest.
async fn content(mut answer: Response, url: &Url) -> Result<Value, Problem> {
    let status = answer.status();
    let body = response::body(&mut answer).await?;
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let problem = refused(format!("{} answered {}", place(url), status.as_u16()));
    let known = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    Err(match value["error"].as_str() {
        Some(error) if known.contains(&error) => problem.with_detail(error),
        Some(_) | None => problem,
    })
}

/// Checks who issued a token, where the policy says who may. The signature is for the other
/// side to check.
///
/// Source: RFC 7519, 4.1.1.
fn require_issuer(grant: &Grant, token: &str) -> Result<(), Problem> {
    if grant.issuers.is_empty() {
        return Ok(());
    }
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    match claims["iss"].as_str() {
        Some(issuer) if grant.issuers.iter().any(|allowed| allowed == issuer) => Ok(()),
        Some(_) => Err(refused("the token is from an issuer that is not allowed")),
        None => Err(refused("the token does not say who issued it")),
    }
}
