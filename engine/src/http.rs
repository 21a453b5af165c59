//! The executor of `call: http`, and of the calls that are HTTP below: `openapi`, `a2a` and,
//! where the server speaks HTTP, `mcp`.
//!
//! It adds nothing that changes from one time to the next. Requests that change something
//! (`POST`, `PATCH`, `PUT`, `DELETE`) carry the effect's idempotency key in an
//! `Idempotency-Key` header, unless the definition sets that header itself.

mod a2a;
mod authentication;
mod exchange;
mod mcp;
mod openapi;
mod request;
mod response;
mod rpc;
mod sink;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::runtime::Clock;
use crate::{
    Effect, EffectRequest, Executor, ExecutorError, NamedSecrets, Outcome, Problem, ProblemKind,
    Secrets, canonical_json,
};
use authentication::{Scrub, Tokens};
use openapi::Documents;
use request::Wanted;

pub use sink::HttpSink;

/// How long a connection may take, in seconds.
const CONNECT_SECONDS: u64 = 30;

/// How long the other side may be silent, in seconds; tasks set shorter limits by `timeout`.
const SILENCE_SECONDS: u64 = 300;

/// How many redirects are followed where they are allowed.
const REDIRECTS_MAX: usize = 10;

/// Performs `call: http`.
#[derive(Clone)]
pub struct Http {
    clock: Clock,
    secrets: Arc<dyn Secrets>,
    tokens: Arc<Tokens>,
    documents: Arc<Documents>,
    /// What the beginnings of addresses are replaced by.
    detours: Vec<(String, String)>,
    clients: Arc<OnceLock<Result<Clients, String>>>,
}

/// Connections are kept and shared; one client follows redirects, the other does not.
#[derive(Debug)]
struct Clients {
    plain: Client,
    following: Client,
}

impl Http {
    /// Makes an executor that knows no secrets. The clock turns deadlines into time limits.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            secrets: Arc::new(NamedSecrets::new()),
            tokens: Arc::new(Tokens::default()),
            documents: Arc::new(Documents::default()),
            detours: Vec::new(),
            clients: Arc::new(OnceLock::new()),
        }
    }

    /// Finds the secrets that `authentication` names there: in a [`crate::NamedSecrets`], or by
    /// a closure from a name to text.
    #[must_use]
    pub fn with_secrets(mut self, secrets: impl Secrets + 'static) -> Self {
        self.secrets = Arc::new(secrets);
        self
    }

    /// Knows the description of a service without asking for it: `document` is what would be
    /// found at `address`.
    #[must_use]
    pub fn with_document(mut self, address: impl Into<String>, document: Value) -> Self {
        self.documents = Arc::new(self.documents.with(address.into(), document));
        self
    }

    /// Sends what is for one place to another: what begins with `from` begins with `to` then,
    /// for instance with the address of a local double of a service.
    #[must_use]
    pub fn with_detour(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.detours.push((from.into(), to.into()));
        self
    }

    fn client(&self, follows_redirects: bool) -> Result<&Client, ExecutorError> {
        let clients = self
            .clients
            .get_or_init(|| build_clients().map_err(|e| chain(&e)));
        match clients {
            Ok(clients) if follows_redirects => Ok(&clients.following),
            Ok(clients) => Ok(&clients.plain),
            Err(message) => Err(ExecutorError {
                message: message.clone(),
            }),
        }
    }
}

impl Http {
    /// Performs `call: http`.
    async fn http(&self, effect: &Effect, with: &Value) -> Result<Outcome, ExecutorError> {
        let key = effect.idempotency_key.as_str();
        match Wanted::read(with, key, &*self.secrets) {
            Ok(wanted) => self.exchange(effect.deadline, wanted).await,
            Err(problem) => Ok(Outcome::failed(problem)),
        }
    }

    /// Puts the values of secrets where the arguments mean them, and remembers which.
    fn revealed(&self, effect: &Effect) -> Result<(Value, Scrub), Problem> {
        let used = std::cell::RefCell::new(Scrub::default());
        let find = |name: &str| {
            let text = self.secrets.secret(name)?.text();
            used.borrow_mut().value(&text);
            Some(text)
        };
        let revealed = effect.revealed(&find);
        let with = revealed.map_err(|missing| {
            Problem::standard(ProblemKind::Authentication, missing.to_string())
        })?;
        Ok((with, used.into_inner()))
    }

    /// Asks for a text that stands elsewhere.
    pub(crate) async fn text(
        &self,
        effect: &Effect,
        endpoint: &Value,
    ) -> Result<Result<String, Problem>, ExecutorError> {
        let request = json!({ "method": "get", "endpoint": endpoint, "redirect": true });
        let outcome = self.http(effect, &request).await?;
        Ok(outcome.result.map(|content| text_of(&content)))
    }
}

#[async_trait]
impl Executor for Http {
    async fn perform(&self, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let EffectRequest::Call(call) = &effect.request else {
            let message = "only calls are performed over HTTP".to_owned();
            return Err(ExecutorError { message });
        };
        let (with, used) = match self.revealed(effect) {
            Ok(revealed) => revealed,
            Err(problem) => return Ok(Outcome::failed(problem)),
        };
        let outcome = match call.function.as_str() {
            "openapi" => self.openapi(effect, &with).await,
            "a2a" => self.a2a(effect, &with).await,
            "mcp" => self.mcp(effect, &with).await,
            _ => self.http(effect, &with).await,
        };
        outcome.map(|outcome| used.outcome(outcome))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

fn build_clients() -> Result<Clients, reqwest::Error> {
    // Another part of the program may have chosen a provider already; then that one stays.
    drop(rustls::crypto::ring::default_provider().install_default());
    let build = |policy: Policy| {
        Client::builder()
            .redirect(policy)
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
            .read_timeout(Duration::from_secs(SILENCE_SECONDS))
            .build()
    };
    Ok(Clients {
        plain: build(Policy::none())?,
        following: build(Policy::limited(REDIRECTS_MAX))?,
    })
}

/// Writes an address without what may be secret in it.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Writes an error with all that it comes from.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// A value as the text of a header, a query or a message.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => canonical_json(other),
    }
}
