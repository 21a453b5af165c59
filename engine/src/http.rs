//! The executor of `call: http`.
//!
//! It adds nothing that changes from one time to the next. Requests that change something
//! (`POST`, `PATCH`, `PUT`, `DELETE`) carry the effect's idempotency key in an
//! `Idempotency-Key` header, unless the definition sets that header itself.

mod request;
mod response;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::runtime::Clock;
use crate::{
    Effect, EffectRequest, Executor, ExecutorError, Outcome, Problem, ProblemKind, canonical_json,
};
use request::Wanted;

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
    secrets: Arc<Secrets>,
    clients: Arc<OnceLock<Result<Clients, String>>>,
}

/// Finds a secret by its name.
type Secrets = dyn Fn(&str) -> Option<String> + Send + Sync;

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
            secrets: Arc::new(|_| None),
            clients: Arc::new(OnceLock::new()),
        }
    }

    /// Looks secrets that `authentication` names up in this way.
    #[must_use]
    pub fn with_secrets(
        mut self,
        secrets: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.secrets = Arc::new(secrets);
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

    async fn send(&self, effect: &Effect, wanted: Wanted) -> Result<Outcome, ExecutorError> {
        let client = self.client(wanted.redirect)?;
        let mut request = wanted.build(client);
        if let Some(deadline) = effect.deadline {
            let left = deadline
                .as_millis()
                .saturating_sub(self.clock.now().as_millis());
            request = request.timeout(Duration::from_millis(left));
        }
        Ok(match request.send().await {
            Ok(response) => response::read(response, &wanted).await,
            Err(error) => Outcome::failed(unreachable(&wanted.url, &error)),
        })
    }
}

#[async_trait]
impl Executor for Http {
    async fn perform(&self, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let EffectRequest::Call(call) = &effect.request else {
            let message = "only calls are performed over HTTP".to_owned();
            return Err(ExecutorError { message });
        };
        let key = effect.idempotency_key.as_str();
        match Wanted::read(&call.arguments, key, &*self.secrets) {
            Ok(wanted) => self.send(effect, wanted).await,
            Err(problem) => Ok(Outcome::failed(problem)),
        }
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

/// The problem of a request that got no answer.
fn unreachable(url: &Url, error: &reqwest::Error) -> Problem {
    let title = format!("no answer from {}", place(url));
    Problem::standard(ProblemKind::Communication, title).with_detail(chain(error))
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
fn text_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => canonical_json(other),
    }
}
